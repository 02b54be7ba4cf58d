"""Rendering: what is drawn where, read off the pixels."""

import math

import numpy as np
import pytest

from dataset_builders.diagram.figure import Figure, solve
from dataset_builders.diagram.program import parse
from dataset_builders.diagram.render import render
from dataset_builders.diagram.simple import sample_simple_program as sample_program

INK = 128
SQUARE = "square(A, B, C, D, size=60)"


def figure_of(text: str) -> Figure:
    return solve(parse(text))


def pixel(place: tuple[float, float], size: int) -> tuple[int, int]:
    """Row and column of a place in hundredths of the side."""
    return round((100 - place[1]) * size / 100), round(place[0] * size / 100)


def ink_near(image: np.ndarray, place: tuple[float, float], reach: int) -> int:
    """Dark pixels in a square around a place."""
    row, column = pixel(place, image.shape[0])
    return int((image[max(row - reach, 0) : row + reach + 1, max(column - reach, 0) : column + reach + 1] < INK).sum())


@pytest.mark.parametrize("size", [64, 96, 224])
@pytest.mark.parametrize("label_grid", [None, 16])
def test_an_image_is_square_bytes_black_on_white(size, label_grid):
    image = render(figure_of(SQUARE), size, label_grid)
    assert image.shape == (size, size) and image.dtype == np.uint8
    assert image.min() == 0 and image.max() == 255
    assert np.median(image) == 255


def test_lines_and_circles_are_where_the_figure_has_them():
    square = figure_of(SQUARE)
    image = render(square, 192)
    for start, end in square.segments:
        (x, y), (u, v) = square.points[start], square.points[end]
        for share in np.linspace(0.3, 0.7, 9):
            assert ink_near(image, (x + share * (u - x), y + share * (v - y)), 1)
    assert not ink_near(image, (50, 50), 20)  # the middle is empty
    circle = figure_of("circle(O, at=(48, 52), size=60)")
    image = render(circle, 192)
    for turn in range(0, 360, 5):
        place = (48 + 30 * math.cos(math.radians(turn)), 52 + 30 * math.sin(math.radians(turn)))
        assert ink_near(image, place, 1), turn
    assert ink_near(image, (48, 52), 1)  # its centre is a dot


def test_upwards_is_up():
    high, low = (render(figure_of(f"square(A, B, C, D, at=(50, {y}), size=40)")) for y in (60, 40))
    assert np.nonzero(high < INK)[0].mean() < np.nonzero(low < INK)[0].mean()


def test_a_point_on_a_side_is_seen_by_its_dot():
    """Two programs that differ in where on a side a point lies differ where the point is, not only in its letter."""
    middle, near = (
        figure_of(f"square(A, B, C, D, size=70)\nE = {text}")
        for text in ("midpoint(B, C)", "point_on(B, C, ratio=0.3)")
    )
    images = [render(figure, 192) for figure in (middle, near)]
    for figure, own, other in ((middle, images[0], images[1]), (near, images[1], images[0])):
        assert ink_near(own, figure.points["E"], 2) > ink_near(other, figure.points["E"], 2)


@pytest.mark.parametrize("label_grid", [None, 16])
def test_each_letter_and_number_is_drawn(label_grid):
    """Another letter changes pixels near its own point and nowhere else; so does a number near its side."""
    text = "square(A, B, C, D, size=60)\nmark_length(A, B, 6)\nmark_angle(B, C, D, 40)"
    figure = figure_of(text)
    image = render(figure, 96, label_grid)
    for letter in "ABCD":
        other = render(figure_of(text.replace(letter, "K")), 96, label_grid)
        rows, columns = np.nonzero(image != other)
        row, column = pixel(figure.points[letter], 96)
        assert len(rows) >= 8
        assert np.hypot(rows - row, columns - column).max() < 30
    for before, after, corner in (("B, 6)", "B, 17)", None), ("D, 40)", "D, 75)", "C")):
        other = render(figure_of(text.replace(before, after)), 96, label_grid)
        rows, columns = np.nonzero(image != other)
        assert len(rows) >= 8
        a, b = (figure.points[name] for name in "AB")
        row, column = pixel(figure.points[corner] if corner else ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2), 96)
        assert np.hypot(rows - row, columns - column).max() < 36


def test_markings_can_be_left_out():
    marks = "\nmark_length(A, B, 6)\nmark_angle(B, C, D, 40)\nmark_right_angle(C, D, A)"
    plain, marked = figure_of(SQUARE), figure_of(SQUARE + marks)
    assert np.array_equal(render(marked, with_markings=False), render(plain))
    assert not np.array_equal(render(marked), render(plain))
    right = figure_of(SQUARE + "\nmark_right_angle(C, D, A)")
    changed = render(right, 192) != render(plain, 192)
    row, column = pixel(plain.points["D"], 192)
    rows, columns = np.nonzero(changed)
    assert len(rows) > 10 and np.hypot(rows - row, columns - column).max() < 25


def with_letter(figure: Figure, old: str, new: str) -> Figure:
    """The same figure, one point renamed in its place, so that no label moves."""

    def name(point: str) -> str:
        return new if point == old else point

    return Figure(
        points={name(point): place for point, place in figure.points.items()},
        segments=[(name(a), name(b)) for a, b in figure.segments],
        circles={name(centre): radius for centre, radius in figure.circles.items()},
        marks=[(kind, tuple(map(name, points)), value) for kind, points, value in figure.marks],
    )


@pytest.mark.parametrize("grid", [16, 24])
def test_labels_keep_to_their_own_cells(grid):
    """What another letter changes lies within one cell of the grid, and no two letters share a cell."""
    crowd = Figure(points={name: (15.0 + 14 * (i % 6), 20.0 + 30 * (i // 6)) for i, name in enumerate("ABCDEFGHKLMN")})
    sampled = [sample_program(np.random.default_rng(seed), 4)[1] for seed in range(40)]
    for figure in (crowd, *sampled):
        image = render(figure, 96, grid)
        taken = set()
        for letter in figure.points:
            new = next(other for other in "WXYZ" if other not in figure.points)
            rows, columns = np.nonzero(image != render(with_letter(figure, letter, new), 96, grid))
            cells = set(zip((rows // grid).tolist(), (columns // grid).tolist(), strict=True))
            assert len(cells) == 1, letter
            taken |= cells
        assert len(taken) == len(figure.points)


def test_numbers_fit_their_cells_too():
    """The widest marks that are ever drawn stay within one cell each."""
    text = "square(A, B, C, D, size=60)\nmark_length(A, B, 20)\nmark_angle(B, C, D, 95)"
    image = render(figure_of(text), 96, 16)
    for before, after in (("20)", "11)"), ("95)", "80)")):
        rows, columns = np.nonzero(image != render(figure_of(text.replace(before, after)), 96, 16))
        assert len(set(zip((rows // 16).tolist(), (columns // 16).tolist(), strict=True))) == 1


def test_crowded_labels_do_not_cover_one_another():
    """With two points almost at one place both letters are still whole."""
    figure = Figure(points={"A": (50.0, 50.0), "B": (52.0, 50.0), "C": (51.0, 52.0)})
    image = render(figure, 96, label_grid=16)
    for letter in "ABC":
        assert (image != render(with_letter(figure, letter, "K"), 96, label_grid=16)).sum() >= 8


@pytest.mark.parametrize("label_grid", [None, 16])
def test_no_ink_touches_the_border(label_grid):
    for seed in range(300):
        _, figure = sample_program(np.random.default_rng(seed), 4)
        image = render(figure, 96, label_grid)
        rim = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
        assert rim.min() == 255, seed


def test_the_same_figure_gives_the_same_pixels():
    for seed in range(20):
        program, figure = sample_program(np.random.default_rng(seed), 4)
        assert np.array_equal(render(figure, 96, 16), render(solve(parse(str(program))), 96, 16))


def test_a_larger_image_shows_the_same_figure():
    """Halved, the large picture's lines lie where the small picture's do."""
    figure = figure_of('triangle(A, B, C, kind="right", angle=35, size=70)')
    small, large = render(figure, 96), render(figure, 192)
    for start, end in figure.segments:
        (x, y), (u, v) = figure.points[start], figure.points[end]
        for share in np.linspace(0.35, 0.65, 5):
            place = (x + share * (u - x), y + share * (v - y))
            assert ink_near(small, place, 1) and ink_near(large, place, 1)
