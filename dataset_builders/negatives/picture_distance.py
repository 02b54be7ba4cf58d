"""How far two drawings are apart to an eye that sees them at the training size: whether a negative can be told at all.

    picture_distance(png, png)                    # 0.0
    picture_distance(png, the_same_at_150_dpi)    # about 0.1: lines and letters lie a fraction of a pixel off
    picture_distance(png, png_with_B_for_D)       # about 0.8
    picture_distance(png, another_drawing)        # 3 and more

Both pictures are brought to [`SIGHT`] pixels, blurred a little and compared window by window. From the difference in a
window is taken what a small shift or a somewhat bolder pen explains (least squares, as in Lucas and Kanade's method of
registration, 1981), so that another anti-aliasing, rounding of places or resolution counts for little, while a stroke
that is in one picture only stays. The distance is that of the worst window, for one digit is enough, less a part of
the usual one, for what another renderer does it does everywhere.
"""

import io

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

SIGHT = 336
"""Pixels of the longer side at which pictures are compared: the training size of the vision tower."""

VISIBLE = 0.28
"""From this distance on two pictures look different. `bench/picture_threshold.py` has set it on known pairs."""

VISIBLE_RESIZED = 0.36
"""The same where the files differ in size: letters of another size are hinted in another way."""

_CELL = 4  # pixels; a window is 2 x 2 cells, about a letter, and one begins at every cell
_BLUR = 0.9  # pixels; less, and half a pixel of shift is not linear in the slope of the ink any more
_MAX_SHIFT = 1.5  # pixels
_MAX_BOLDER = 0.3  # share of the ink
_EQUAL = 1e-4  # of windows that differ by less, nothing needs explaining
_INK = 0.5  # pixels of ink in a window that is drawn on
_USUAL = 90  # percentile of the differences of the windows drawn on
_RENDERING, _MAX_RENDERING = 3.0, 0.2  # as a multiple of the usual: what is put down to the renderer, and at most
_RIDGE = 1e-3  # a window without slopes in one direction has no shift in it


def looks_the_same(png_a: bytes, png_b: bytes) -> bool:
    """Whether two pictures cannot be told apart at the training size. Those of other proportions always can.

    Raises:
        ValueError: if either is no image file.
    """
    if png_a == png_b:
        return True
    return alike(opened(png_a), opened(png_b))


def alike(one: Image.Image, two: Image.Image) -> bool:
    """[`looks_the_same`] of images that [`opened`] has read."""
    threshold = VISIBLE if one.size == two.size else VISIBLE_RESIZED
    return ink_distance(ink_at_sight(one), ink_at_sight(two)) < threshold


def picture_distance(png_a: bytes, png_b: bytes) -> float:
    """The distance of two image files; infinite where their proportions differ. See [`ink_distance`].

    Raises:
        ValueError: if either is no image file.
    """
    if png_a == png_b:
        return 0.0
    return ink_distance(ink_at_sight(opened(png_a)), ink_at_sight(opened(png_b)))


def opened(file: bytes) -> Image.Image:
    """An image file as an image of mode `L` (greys only) or `RGB`, on white where it is transparent.

    Raises:
        ValueError: if it is no image file, is cut off, or has so many pixels that Pillow takes it for an attack.
    """
    try:
        image = Image.open(io.BytesIO(file))
        image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"the image cannot be opened ({error}); save it as PNG again.") from error
    if image.mode in ("L", "1", "I;16"):
        return image.convert("L")
    if image.mode not in ("RGBA", "LA", "PA") and "transparency" not in image.info:
        return image.convert("RGB")
    image = image.convert("RGBA")
    if image.getextrema()[3][0] == 255:
        return image.convert("RGB")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def ink_at_sight(image: Image.Image) -> np.ndarray:
    """The picture's darkness at the training size: `(height, width)`, the longer of them `SIGHT`; 0 white, 1 black."""
    scale = SIGHT / max(image.size)
    size = [max(1, round(side * scale)) for side in image.size]
    grey = image.convert("L")
    if grey.size != tuple(size):
        grey = grey.resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)
    return 1 - np.asarray(grey, dtype=np.float32) / 255


def ink_distance(ink_a: np.ndarray, ink_b: np.ndarray) -> float:
    """By how much the worst window of two pictures differs more than the usual one, small shifts left out.

    Args:
        ink_a, ink_b: Of [`ink_at_sight`].

    Returns:
        A window's difference is the root of the summed squares of the differences in darkness (0 to 1) over its 8 x 8
        pixels: 0 to 8, and seldom over 4. Infinite for pictures whose sides differ by more than a pixel (rounding).
    """
    if max(abs(a - b) for a, b in zip(ink_a.shape, ink_b.shape, strict=True)) > 1:
        return float("inf")
    # White all round, so that no stroke lies in the windows of the edge only.
    shape = [-(-max(a, b) // _CELL) * _CELL + 2 * _CELL for a, b in zip(ink_a.shape, ink_b.shape, strict=True)]
    one, two = (_blurred(ink, shape) for ink in (ink_a, ink_b))
    difference, mean = one - two, (one + two) / 2
    squares = _window_sums(difference * difference)
    unlike = squares > _EQUAL
    if not unlike.any():
        return 0.0
    causes = (*np.gradient(mean), mean)  # what moving it down, moving it right and a bolder pen would change
    shared = np.stack([_window_sums(cause * difference)[unlike] for cause in causes], axis=-1)  # (windows, 3)
    among = np.empty((*shared.shape, 3), dtype=np.float32)  # (windows, 3, 3)
    for i, first in enumerate(causes):
        for j, second in enumerate(causes[: i + 1]):
            among[:, i, j] = among[:, j, i] = _window_sums(first * second)[unlike]
    among += _RIDGE * np.eye(3, dtype=np.float32)
    amounts = np.linalg.solve(among, shared[..., None])[..., 0]
    shifts = np.hypot(amounts[:, 0], amounts[:, 1])
    amounts[:, :2] *= np.minimum(1, _MAX_SHIFT / np.maximum(shifts, 1e-9))[:, None]
    amounts[:, 2] = np.clip(amounts[:, 2], -_MAX_BOLDER, _MAX_BOLDER)
    explained = 2 * (amounts * shared).sum(axis=1) - np.einsum("wi,wij,wj->w", amounts, among, amounts)
    squares[unlike] -= explained
    differences = np.sqrt(np.maximum(squares, 0))
    drawn_on = _window_sums(mean) > _INK
    usual = np.percentile(differences[drawn_on], _USUAL) if drawn_on.any() else 0.0
    return max(0.0, float(differences.max() - min(_RENDERING * usual, _MAX_RENDERING)))


def _blurred(ink: np.ndarray, shape: list[int]) -> np.ndarray:
    framed = np.zeros(shape, dtype=np.float32)
    framed[_CELL : _CELL + ink.shape[0], _CELL : _CELL + ink.shape[1]] = ink
    return gaussian_filter(framed, _BLUR, truncate=3.0)


def _window_sums(values: np.ndarray) -> np.ndarray:
    # Adding strided slices is ten times as fast as a sum over the axes of the cells.
    rows = sum(values[start::_CELL] for start in range(_CELL))
    cells = sum(rows[:, start::_CELL] for start in range(_CELL))
    pairs = cells[1:] + cells[:-1]
    return pairs[:, 1:] + pairs[:, :-1]
