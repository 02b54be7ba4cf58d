"""Distortions of test images: does what an encoder or an LMM sees survive a turn, a smaller scan, a hand-drawn line?

    turned = distort(image, "rotate30", seed=0)
    for name in DISTORTIONS: ...

The paper's two are `rotate30` and `downscale0.5` (its robustness study, section 5); the others are what diagrams meet
on their way through scanners, messengers and pencils. Each works on pixels, so on any benchmark's images as well.
"""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageFilter
from scipy.ndimage import map_coordinates

from modeling_mmclip.processing_mmclip import as_rgb

Distortion = Callable[[Image.Image, np.random.Generator], Image.Image]

DEGREES = 30
NOISE = 32.0
"""Standard deviation of the noise in grey levels of 255."""
JPEG_QUALITY = 12
THICKER = 0.004
"""What strokes gain on either side, in shares of the longer side: a stroke of 0.75% becomes twice as thick."""
WOBBLE, WAVES = 0.004, 16
"""Standard deviation of a line's wobble in shares of the longer side, and how many bends that side has."""


def distort(image: Image.Image, name: str, seed: int) -> Image.Image:
    """A distorted copy of an image.

    Args:
        image (`PIL.Image.Image`): any mode; transparent parts are white. It is left as it is.
        name (`str`): one of `DISTORTIONS`.
        seed (`int`): of what is random in it, 0 or more; the same image, name and seed give the same bytes.

    Returns:
        `PIL.Image.Image`, RGB, of the same size but for `rotate30` and `downscale0.5`.

    Raises:
        ValueError: when there is no distortion of that name.
    """
    if name not in DISTORTIONS:
        raise ValueError(f"There is no distortion {name!r}; there are {', '.join(DISTORTIONS)}.")
    return DISTORTIONS[name](as_rgb(image), np.random.default_rng(seed))


def rotate30(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Turned by 30° clockwise on white. The canvas grows (a square to 1.37 times its side) so that nothing is cut: an
    encoder that resizes it sees the drawing that much smaller, too."""
    return image.rotate(-DEGREES, Image.Resampling.BICUBIC, expand=True, fillcolor="white")


def downscale(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Half as wide and half as high, and left so: what an encoder's processor makes of it is part of the test. An
    image of more than twice the encoder's size therefore loses nothing."""
    size = tuple(max(1, round(side / 2)) for side in image.size)
    return image.resize(size, Image.Resampling.LANCZOS)


def noise(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Grey Gaussian noise on ink and paper, cut at black and white."""
    grain = rng.normal(0.0, NOISE, (*image.size[::-1], 1))
    return Image.fromarray(np.clip(np.asarray(image) + grain, 0, 255).round().astype(np.uint8))


def jpeg(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Stored as a JPEG of low quality and read again: ripples beside lines."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return Image.open(buffer).convert("RGB")


def thick_strokes(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Dark strokes, letters too, thicker by a share of the side on either side."""
    wide = THICKER * max(image.size)
    whole = int(wide)
    # Pillow 12.3 ends the process at a filter of one pixel, which would leave the image as it is.
    thinner = image.filter(ImageFilter.MinFilter(2 * whole + 1)) if whole else image
    thicker = image.filter(ImageFilter.MinFilter(2 * whole + 3))
    return Image.blend(thinner, thicker, wide - whole)


def jitter(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Bent smoothly at random, as if drawn by hand: lines wobble and stay connected, the edge stays in place."""
    width, height = image.size
    side = max(width, height)
    bends = [max(3, round(WAVES * length / side)) for length in (height, width)]
    rows, columns = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    # Where each pixel lies in the coarse field of random shifts, whose outermost ones are 0.
    places = [rows * ((bends[0] + 1) / max(1, height - 1)), columns * ((bends[1] + 1) / max(1, width - 1))]
    shifts = [
        map_coordinates(np.pad(rng.normal(0.0, WOBBLE * side, bends), 1), places, order=3, mode="nearest")
        for _ in range(2)
    ]
    at = [rows + shifts[0], columns + shifts[1]]
    pixels = np.asarray(image, dtype=np.float32)
    bent = [map_coordinates(pixels[..., channel], at, order=1, mode="nearest") for channel in range(3)]
    return Image.fromarray(np.stack(bent, axis=-1).round().astype(np.uint8))


DISTORTIONS: dict[str, Distortion] = {
    "rotate30": rotate30,
    "downscale0.5": downscale,
    "noise": noise,
    "jpeg": jpeg,
    "thick_strokes": thick_strokes,
    "jitter": jitter,
}
"""By name: RGB image and generator to RGB image."""
