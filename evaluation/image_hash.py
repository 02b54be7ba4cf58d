"""A picture in 256 bits that survive another size, margin, file format, brightness or pen.

one, other = image_hash(Image.open("a.png")), image_hash(Image.open("a_at_half_size.jpg"))
distance(one, other)  # bits that differ: a few; about 128 between unrelated pictures, 60 to 128 between drawings

A perceptual hash (Zauner 2010, "pHash") of the drawing within its frame: line drawings differ less from one another
than photographs do, hence 256 bits in place of the usual 64.
"""

import numpy as np
from PIL import Image
from scipy.fft import dctn
from scipy.ndimage import gaussian_filter

BITS = 256
_SIDE = 64  # pixels of the longer side of the drawing
_BLUR = 1.0  # pixels; a line is thinner than a pixel, and should not matter by half of one
_INK = 0.15  # share of the strongest ink in a picture from which on a pixel belongs to the drawing


def image_hash(image: Image.Image) -> np.ndarray:
    """The hash of a picture, shape `(4,)`, uint64. That of a blank picture is all zeros, as of no other."""
    ink = _ink(image)
    if ink.max() == 0:
        return np.zeros(BITS // 64, np.uint64)
    inked = ink > _INK * ink.max()
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    drawing = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = _SIDE / max(drawing.shape)
    size = tuple(max(1, round(side * scale)) for side in drawing.shape[::-1])
    small = np.asarray(Image.fromarray(drawing).resize(size, Image.Resampling.BOX), np.float32)
    square = np.zeros((_SIDE, _SIDE), np.float32)
    top, left = (_SIDE - size[1]) // 2, (_SIDE - size[0]) // 2
    square[top : top + size[1], left : left + size[0]] = small
    waves = dctn(gaussian_filter(square, _BLUR), norm="ortho")[:17, :17].ravel()[1 : BITS + 1]
    return np.packbits(waves > np.median(waves)).view(np.uint64)


def distance(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Bits in which hashes differ: shapes `(…, 4)`, which broadcast, to `(…)`."""
    return np.bitwise_count(one ^ other).sum(axis=-1, dtype=np.int64)


def _ink(image: Image.Image) -> np.ndarray:
    """How much each pixel differs from the ground, be it darker or lighter: shape `(H, W)`, float32, 0 to 255."""
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    grey = np.asarray(image.convert("L"), np.float32)
    ink = np.abs(grey - np.median(grey))
    return np.where(ink < 16, 0, ink)  # the grain of JPEG is no drawing
