"""Pictures of the page: uploads, opened with care, and what is painted over a picture to show something on it."""

import base64
import io
import os
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from dataset_builders.gallery import Strokes
from mmgeolm.demo.attribution import Attribution
from modeling_mmclip.processing_mmclip import as_rgb

MOST_BYTES = 10 * 2**20
LONGEST_SIDE = 4_000
"""In pixels. A picture is padded to a square before a tower sees it, so its longer side decides how much it takes."""
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")

RAISES, LOWERS = (15, 60, 200), (200, 80, 0)
"""Blue for what is added or raises a score, orange for what is removed or lowers it, as in the gallery."""
SHOWN = 432  # pixels, about, of a picture in the page


def open_picture(path: str | os.PathLike) -> Image.Image:
    """An uploaded picture, upright, in RGB, transparent parts white.

    Raises:
        ValueError: in a sentence, when the file is no picture of the formats above, broken, or too large; what is too
            large is not decoded.
    """
    name, size = Path(path).name, os.path.getsize(path)
    if size > MOST_BYTES:
        raise ValueError(f"{name} has {size / 2**20:.1f} MB; a picture may have {MOST_BYTES // 2**20} MB.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # judged below, before decoding
            opened = Image.open(path, formats=FORMATS)
        with opened as image:
            if max(image.size) > LONGEST_SIDE:
                width, height = image.size
                raise ValueError(
                    f"{name} has {width:,} × {height:,} pixels; a picture may have {LONGEST_SIDE:,} on a side. Make "
                    "it smaller first."
                )
            return as_rgb(ImageOps.exif_transpose(image))
    except UnidentifiedImageError as problem:
        raise ValueError(f"{name} is no picture; take one of {', '.join(FORMATS[:-1])} or {FORMATS[-1]}.") from problem
    except Image.DecompressionBombError as problem:
        raise ValueError(
            f"{name} has far too many pixels; a picture may have {LONGEST_SIDE:,} on a side. Make it smaller first."
        ) from problem
    except ValueError:
        raise
    except Exception as problem:  # PIL's readers raise many types on a broken file
        raise ValueError(f"{name} cannot be read as a picture: {problem}.") from problem


def painted(attribution: Attribution) -> Image.Image:
    """The picture as the tower sees it, its patches tinted: blue where they raise the score, orange where they lower
    it, the stronger the more they do."""
    height, width = attribution.seen.shape[:2]
    factor = max(1, round(SHOWN / max(height, width)))
    seen = Image.fromarray(attribution.seen).resize((width * factor, height * factor), Image.Resampling.NEAREST)
    rows, columns = attribution.patches.shape
    strength = attribution.patches / max(1e-12, float(np.abs(attribution.patches).max()))
    tint = np.where(strength[..., None] > 0, RAISES, LOWERS).astype(np.uint8)
    alpha = (170 * np.abs(strength)).astype(np.uint8)
    layer = Image.fromarray(np.dstack([tint, alpha]), "RGBA")
    side = (width * factor // columns, height * factor // rows)
    layer = layer.resize((side[0] * columns, side[1] * rows), Image.Resampling.NEAREST)
    picture = seen.convert("RGBA")
    picture.alpha_composite(layer)
    return picture.convert("RGB")


def marked(negative: np.ndarray, strokes: Strokes) -> Image.Image:
    """A grey negative `(H, W)`, faded, with the strokes painted that it has more, blue, and less, orange."""
    faded = (255 - 0.35 * (255.0 - negative)).astype(np.uint8)
    colours = np.repeat(faded[..., None], 3, axis=2)
    colours[strokes.removed] = LOWERS
    colours[strokes.added] = RAISES
    return Image.fromarray(colours)


def data_uri(picture: Image.Image) -> str:
    """The picture as the address of an `<img>`."""
    file = io.BytesIO()
    picture.save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")
