"""Distortions change what they say, cut nothing, and are the same for the same seed."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from evaluation.robustness import DISTORTIONS, distort

RANDOM = ("noise", "jitter")
ALL = tuple(DISTORTIONS)


def drawing(width: int = 160, height: int = 120) -> Image.Image:
    """A frame close to the edge, and a line from corner to corner in it."""
    image = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(image)
    pen.rectangle((3, 3, width - 4, height - 4), outline="black", width=2)
    pen.line((3, 3, width - 4, height - 4), fill="black", width=2)
    return image


def ink(image: Image.Image) -> float:
    """How much black there is, in pixels."""
    return float((255 - np.asarray(image.convert("L"), dtype=float)).sum() / 255)


@pytest.mark.parametrize("name", ALL)
def test_the_same_seed_gives_the_same_bytes_and_the_original_stays(name):
    image = drawing()
    before = image.tobytes()
    first, second, other = (distort(image, name, seed) for seed in (1, 1, 2))
    assert first.mode == "RGB" and first.tobytes() == second.tobytes() != before
    assert (first.tobytes() != other.tobytes()) == (name in RANDOM)
    assert image.tobytes() == before


@pytest.mark.parametrize("name", [name for name in ALL if name not in ("rotate30", "downscale0.5")])
@pytest.mark.parametrize("size", [(160, 120), (1, 1), (2, 90)])
def test_the_size_stays(name, size):
    assert distort(Image.new("L", size, 255), name, 0).size == size


@pytest.mark.parametrize("name", ALL)
def test_transparent_paper_is_white(name):
    clear = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    assert np.asarray(distort(clear, name, 0)).mean() > 235


def test_a_turn_is_clockwise_by_thirty_degrees():
    image = Image.new("RGB", (201, 201), "white")
    image.paste("black", (150, 90, 171, 111))  # to the right of the middle, 60 pixels from it
    turned = distort(image, "rotate30", 0)
    rows, columns = np.nonzero(np.asarray(turned.convert("L")) < 128)
    right, down = columns.mean() - (turned.width - 1) / 2, rows.mean() - (turned.height - 1) / 2
    assert (right, down) == pytest.approx((60 * np.cos(np.pi / 6), 60 * np.sin(np.pi / 6)), abs=1)


@pytest.mark.parametrize("name", ["rotate30", "jitter"])
def test_what_moves_the_ink_cuts_none_of_it(name):
    assert ink(distort(drawing(), name, 0)) == pytest.approx(ink(drawing()), rel=0.05)


def test_half_the_size_is_left_at_half_the_size():
    assert distort(drawing(160, 121), "downscale0.5", 0).size == (80, 60)
    assert distort(Image.new("RGB", (1, 1)), "downscale0.5", 0).size == (1, 1)


@pytest.mark.parametrize("side", [96, 336, 1000])
def test_strokes_grow_by_the_same_share_at_any_size(side):
    image = Image.new("RGB", (side, side), "white")
    image.paste("black", (side // 2, 0, side // 2 + 8, side))  # 8 pixels wide, all the way down
    gained = (ink(distort(image, "thick_strokes", 0)) - ink(image)) / side
    assert gained == pytest.approx(2 * 0.004 * side, abs=0.1)


def test_noise_is_as_wide_as_it_says():
    grey = np.asarray(distort(Image.new("RGB", (200, 200), (128, 128, 128)), "noise", 0), dtype=float)
    assert grey.std() == pytest.approx(32, rel=0.03) and grey.mean() == pytest.approx(128, abs=1)
    assert (grey[..., 0] == grey[..., 2]).all()


def test_a_bent_line_stays_connected_and_close_to_where_it_was():
    image = Image.new("RGB", (300, 300), "white")
    image.paste("black", (0, 149, 300, 152))
    bent = np.asarray(distort(image, "jitter", 3).convert("L")) < 128
    centres = np.array([np.nonzero(column)[0].mean() for column in bent.T])  # fails where a column has no ink
    assert np.abs(np.diff(centres)).max() < 2
    assert 0.3 < np.abs(centres - 150).max() < 8


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="no distortion 'rotate'; there are rotate30"):
        distort(drawing(), "rotate", 0)
