"""Whether the picture that a drawing script left can be used: all there, all legible, and unlike the positive's.

    with Sandbox() as box:
        positive, negative = box.run(script), box.run(edited_script)
    positive_problem(positive, "In △ABC, AB = 5.")     # "", or "letter C of the caption is not in the figure"
    negative_problem(positive, negative, "In △ABC, AB = 6.")   # "", or "looks the same as the positive"

A problem is a few words, the same for the same fault, so that they can be counted.
"""

import math
from functools import reduce
from itertools import combinations

import numpy as np
from PIL import Image, ImageChops

from dataset_builders.negatives.figure_letters import is_point_name, is_title, letters_of_caption, letters_of_figure
from dataset_builders.negatives.picture_distance import alike, looks_the_same, opened
from dataset_builders.sandbox import Result, Text

__all__ = ["looks_the_same", "negative_problem", "positive_problem", "the_image"]

NAME = "question.png"
"""The file name that scripts are asked to save under."""

MIN_SIDE = 224  # pixels of the longer side: two thirds of what the vision tower sees
MIN_INK = 5e-4  # share of the pixels; a single line of half the side and one letter have more than 1e-3
DARK = 64  # of 255: what an anti-aliased stroke has at its rim
WHITE = 220
COLOURED = 48  # of 255, between the channels; greys have none, and pale tints are seen as greys
MIN_COLOUR = 2e-4  # share of the pixels
MAX_TEXTS = 200  # axes with all their ticks have about 30
TILT = 10  # degrees within which a text is upright
OUTSIDE = 1.5  # pixels; a text's box is a little larger than its ink
OVERLAP = 0.3  # share of the smaller box; boxes have room for letters that reach above and below the line
_ASIDE = (15, 75)  # degrees of tilt between which a text's box is much larger than the text


def the_image(result: Result) -> tuple[str, bytes]:
    """The picture that a script is taken to have drawn, its name and its bytes.

    It is `question.png`, as asked for; else the only one; else the last one saved, for scripts that save the steps of
    a drawing end with the whole of it.

    Raises:
        ValueError: if there is none.
    """
    if not result.images:
        raise ValueError("The script left no image; see the result's `reason`.")
    name = NAME if NAME in result.images else list(result.images)[-1]
    return name, result.images[name]


def positive_problem(result: Result, caption: str | None = None) -> str:
    """What is wrong with a picture, the first thing found; empty if nothing is.

    In this order: the script failed (its own reason); no image, too small, not on white, blank, a colour other than
    black and greys; a text or ink at the edge or beyond; too many texts; a title; a character without a glyph; point
    letters that are not upright, other texts upside down; texts over one another; letters of the caption that no
    visible text of the figure names. Numbers and names of sides may stand along their lines, at any angle at which
    they can be read.

    What is not seen: strokes cut off by the limits of the axes rather than by the canvas, and labels on lines.

    Args:
        result: Of the sandbox.
        caption: What the picture is to show; without it letters are not looked for.
    """
    return _looked_at(result, caption)[0]


def negative_problem(positive: Result, negative: Result, caption: str | None = None) -> str:
    """What is wrong with a negative's picture: as [`positive_problem`], or of another size, or not told apart.

    Args:
        positive: A result without a problem.
        negative: The result of the edited script.
        caption: Of the negative.

    Raises:
        ValueError: if the positive has no image.
    """
    problem, image = _looked_at(negative, caption)
    if problem or image is None:
        return problem
    other = opened(the_image(positive)[1])
    if image.size != other.size:
        return "another size than the positive"
    return "looks the same as the positive" if alike(image, other) else ""


def _looked_at(result: Result, caption: str | None) -> tuple[str, Image.Image | None]:
    """The problem, and the image where it can be opened."""
    if not result.ok:
        return result.reason or "the script failed", None
    if not result.images:
        return "no image", None
    name, file = the_image(result)
    try:
        image = opened(file)
    except ValueError:
        return "not an image", None
    lowest, spread = _channels(image)
    dark = 255 - lowest  # 0 for white
    texts = [text for text in result.texts.get(name, ()) if text.string.strip()]
    problem = (
        _picture_problem(dark, spread)
        or _edge_problem(texts, dark)
        or _text_problem(texts, dark, caption, result.stderr)
    )
    return problem, image


# The picture


def _channels(image: Image.Image) -> tuple[np.ndarray, np.ndarray]:
    """The lowest of a pixel's channels, and how far the highest lies over it: two arrays `(height, width)`, uint8."""
    bands = image.split()
    lowest, highest = reduce(ImageChops.darker, bands), reduce(ImageChops.lighter, bands)
    return np.asarray(lowest), np.asarray(ImageChops.subtract(highest, lowest))


def _picture_problem(dark: np.ndarray, spread: np.ndarray) -> str:
    if max(dark.shape) < MIN_SIDE:
        return "image too small"
    if np.mean(dark <= 255 - WHITE) < 0.5:
        return "background not white"
    if np.mean(dark > DARK) < MIN_INK:
        return "blank"
    return "colour other than black" if np.mean(spread > COLOURED) > MIN_COLOUR else ""


def _edge_problem(texts: list[Text], dark: np.ndarray) -> str:
    height, width = dark.shape
    if any(min(text.left, text.top, width - text.right, height - text.bottom) < -OUTSIDE for text in texts):
        return "a label is cut off at the edge"
    edges = (dark[0], dark[-1], dark[:, 0], dark[:, -1])
    return "cut off at the edge" if any((edge > DARK).any() for edge in edges) else ""


# Its texts


def _text_problem(texts: list[Text], dark: np.ndarray, caption: str | None, stderr: str) -> str:
    height, width = dark.shape
    texts = [text for text in texts if _is_visible(text, dark)]
    if len(texts) > MAX_TEXTS:
        return "too many texts"
    if any(is_title(text.string) and _is_on_top(text, width, height) for text in texts):
        return "a title"
    if "missing from font" in stderr or "missing from current font" in stderr:
        return "a character without a glyph"
    for text in texts:
        if _tilt(text) > (TILT if is_point_name(text.string) else 90 + TILT):
            return "a label is not upright"
    if any(_overlap(one, two) for one, two in combinations(texts, 2)):
        return "labels overlap"
    if caption is not None:
        missing = letters_of_caption(caption) - letters_of_figure([text.string for text in texts])
        if missing:
            return f"letter {min(missing)} of the caption is not in the figure"
    return ""


def _is_visible(text: Text, dark: np.ndarray) -> bool:
    box = dark[
        max(0, math.floor(text.top)) : math.ceil(text.bottom), max(0, math.floor(text.left)) : math.ceil(text.right)
    ]
    return bool((box > DARK).any())


def _is_on_top(text: Text, width: int, height: int) -> bool:
    return text.bottom < height / 5 and text.left < width / 2 < text.right


def _tilt(text: Text) -> float:
    """Degrees between the text's line and the horizontal, 0 to 180; 180 is upside down."""
    return abs((text.rotation + 180) % 360 - 180)


def _overlap(one: Text, two: Text) -> bool:
    (left, top, right, bottom), (left_2, top_2, right_2, bottom_2) = _core(one), _core(two)
    across, down = min(right, right_2) - max(left, left_2), min(bottom, bottom_2) - max(top, top_2)
    if across <= 0 or down <= 0:
        return False
    smaller = min((right - left) * (bottom - top), (right_2 - left_2) * (bottom_2 - top_2))
    # The same text twice in one place, as loops over sides draw the letters of their ends, looks like one.
    twice = one.string == two.string and across * down > 0.9 * smaller
    return across * down > OVERLAP * smaller and not twice


def _core(text: Text) -> tuple[float, float, float, float]:
    """The box, or for a slanting text its middle: the corners of that box are empty."""
    tilt = _tilt(text) % 90
    inset = 0.25 if _ASIDE[0] < tilt < _ASIDE[1] else 0.0
    across, down = inset * (text.right - text.left), inset * (text.bottom - text.top)
    return text.left + across, text.top + down, text.right - across, text.bottom - down
