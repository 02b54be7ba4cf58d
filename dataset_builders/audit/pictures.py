"""What an image tells without its caption: canvas, file, shades, ink and where it is, likeness to its rivals."""

import io
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageChops, ImageOps

THUMB = 32  # cells a side in which images are compared with one another, whatever their sizes
GRID = 8  # cells a side whose ink is a clue

LIKENESS = "likeness to the others"
# What is nearer to a cause comes first: it is named before what follows from it (a wider canvas has less ink).
_SCALARS = (
    "width", "height", "aspect", "colour", "shade of the paper", "darkest shade", "lightest shade", "number of shades",
    "left margin", "top margin", "right margin", "bottom margin", "spread of shades", "ink", "file size",
    "share of rivals of its size", "share of rivals of its mode", "share of rivals of its format",
    f"{LIKENESS}, by their mean", f"{LIKENESS}, by their median",
)  # fmt: skip
_MODES = ("1", "L", "LA", "P", "RGB", "RGBA")
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")


class Picture(NamedTuple):
    """A decoded image: on white, `L` or `RGB`; the `mode` and `format` it was stored with, its file size in bytes."""

    image: Image.Image
    mode: str
    format: str
    bytes: int

    @classmethod
    def of_array(cls, pixels: np.ndarray) -> "Picture":
        """Pixels in memory, uint8 of shape `(H, W)` or `(H, W, 3)`, that were never in a file."""
        image = Image.fromarray(pixels)
        return cls(image, image.mode, "", 0)

    def key(self) -> tuple[tuple[int, int], str, bytes]:
        """Equal for images whose pixels are all the same."""
        return self.image.size, self.image.mode, self.image.tobytes()


def read_picture(stored: Mapping[str, Any] | None) -> Picture:
    """Decodes an image as `datasets` stores it, `{"bytes", "path"}`.

    Raises:
        OSError, ValueError: if it is not there or cannot be decoded; other exceptions of PIL's readers as well.
    """
    if stored is None or not (stored.get("bytes") or stored.get("path")):
        raise FileNotFoundError("no image is stored")
    content, path = stored.get("bytes"), stored.get("path")
    with Image.open(io.BytesIO(content) if content else path) as image:
        mode, form = image.mode, image.format or ""
        size = len(content) if content else os.path.getsize(path)
        image = ImageOps.exif_transpose(image)
        return Picture(_on_white(image), mode, form, size)


def _on_white(image: Image.Image) -> Image.Image:
    """As `L` where all channels agree, else `RGB`; what is transparent shows white paper."""
    if image.mode in ("1", "L") and "transparency" not in image.info:
        return image.convert("L")
    if image.mode.startswith(("I", "F")):
        values = np.asarray(image, dtype=np.float64)
        return Image.fromarray((values / (257 if values.max() > 255 else 1)).clip(0, 255).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = image.convert("RGB")
    red, green, blue = image.split()
    coloured = any(ImageChops.difference(red, other).getbbox() for other in (green, blue))
    return image if coloured else red


def picture_clue_names() -> tuple[list[str], int]:
    """The columns of [`picture_clues`] in words, and how many of them are scalars."""
    grid = [f"ink in cell ({row}, {column}) of {GRID} × {GRID}" for row in range(GRID) for column in range(GRID)]
    kinds = [f"mode {mode}" for mode in _MODES] + [f"format {form}" for form in _FORMATS]
    return [*_SCALARS, *kinds, *grid], len(_SCALARS)


def picture_clues(row: Sequence[Picture]) -> np.ndarray:
    """The clues of one row of candidates: shape `(1 + K, F)`, float32. Columns as [`picture_clue_names`] says."""
    own, thumbs = zip(*(_look(picture.image) for picture in row), strict=True)
    thumbs = np.stack(thumbs)  # (1 + K, THUMB, THUMB)
    # In a row whose negatives are all edits of the positive, it is the positive that most pixels agree with.
    mean = -((thumbs - thumbs.mean(axis=0)) ** 2).mean(axis=(1, 2))
    median = -np.abs(thumbs - np.median(thumbs, axis=0)).mean(axis=(1, 2))
    grid = thumbs.reshape(len(row), GRID, THUMB // GRID, GRID, THUMB // GRID).mean(axis=(2, 4)).reshape(len(row), -1)
    files = np.array([np.log1p(picture.bytes) for picture in row])
    shares = [
        _shares([picture.image.size for picture in row]),
        _shares([picture.mode for picture in row]),
        _shares([picture.format for picture in row]),
    ]
    kinds = [[p.mode == mode for mode in _MODES] + [p.format == form for form in _FORMATS] for p in row]
    scalars = [*np.array(own).T, files, *shares, mean, median]
    return np.concatenate([np.stack(scalars, axis=1), np.array(kinds), grid], axis=1).astype(np.float32)


def _shares(values: Sequence[Any]) -> list[float]:
    """For each value how many of the others equal it, in 0..1."""
    counts = Counter(values)
    return [(counts[value] - 1) / max(1, len(values) - 1) for value in values]


def _look(image: Image.Image) -> tuple[list[float], np.ndarray]:
    """The first 14 clues of one image, and its ink in 0..1 on `THUMB` × `THUMB` cells."""
    grey = image.convert("L")
    width, height = grey.size
    counts = np.array(grey.histogram())
    there = np.flatnonzero(counts)
    shades = np.arange(256)
    mean = counts @ shades / counts.sum()
    spread = np.sqrt(counts @ (shades - mean) ** 2 / counts.sum())
    paper = int(counts.argmax())
    # Whatever stands out from the paper at least half as much as the strongest stroke does.
    stands_out = np.abs(shades - paper) >= max(1, np.abs(there - paper).max() / 2)
    left, top, right, bottom = grey.point((255 * stands_out).tolist()).getbbox() or (0, 0, width, height)
    colour = 0.0
    if image.mode == "RGB":
        red, green, blue = image.split()
        both = np.array(ImageChops.difference(red, green).histogram()) + ImageChops.difference(green, blue).histogram()
        colour = both @ shades / both.sum()
    thumb = 1 - np.asarray(grey.convert("F").resize((THUMB, THUMB), Image.Resampling.BOX)) / 255
    return [
        width, height, np.log(width / height), colour, paper, there[0], there[-1], len(there),
        left, top, width - right, height - bottom, spread, 1 - mean / 255,
    ], thumb  # fmt: skip
