"""Rendering: what is drawn where, read off the pixels."""

import dataclasses
import math
import multiprocessing
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from dataset_builders.diagram.figure import Figure, Graph, Scale, solve
from dataset_builders.diagram.labels import place_labels
from dataset_builders.diagram.program import parse
from dataset_builders.diagram.render import render
from dataset_builders.diagram.sample import sample_program as sample_exam_program
from dataset_builders.diagram.simple import sample_simple_program as sample_program
from dataset_builders.diagram.style import FONTS, Style, _mark_classes, placed, sample_style

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


# What exams draw beyond shapes: lines, arcs, ellipses, axes


TWO = {"A": (30.0, 50.0), "B": (60.0, 60.0)}
MIDDLE = (50.0, 50.0)


def along(start: tuple[float, float], end: tuple[float, float], share: float) -> tuple[float, float]:
    return (start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1]))


def test_a_dashed_line_has_gaps():
    solid = Figure(points=TWO, segments=[("A", "B")])
    dashed = Figure(points=TWO, segments=[("A", "B")], dashed={("A", "B")})
    for size in (96, 336):
        counts = []
        for figure in (solid, dashed):
            image = render(figure, size)
            counts.append(sum(ink_near(image, along(*TWO.values(), share), 1) > 0 for share in np.linspace(0, 1, 200)))
        assert counts[0] == 200 and 80 < counts[1] < 180
        assert (render(dashed, size) < INK).sum() < (render(solid, size) < INK).sum()


def test_a_ray_goes_on_beyond_its_second_point_and_not_behind_its_first():
    for kind, behind in (("segments", False), ("rays", False), ("lines", True)):
        image = render(Figure(points=TWO, **{kind: [("A", "B")]}), 336)
        assert ink_near(image, along(*TWO.values(), 0.5), 1)
        assert bool(ink_near(image, along(*TWO.values(), 2.0), 1)) == (kind != "segments")
        assert bool(ink_near(image, along(*TWO.values(), -0.5), 1)) == behind
        rim = np.concatenate([image[:12].ravel(), image[-12:].ravel(), image[:, :12].ravel(), image[:, -12:].ravel()])
        assert rim.min() > INK  # it ends 4 hundredths before the edge
        assert bool((image[:, -16:] < INK).any()) == (kind != "segments")


def test_an_arc_goes_counter_clockwise_from_its_start_to_its_end():
    points = {"O": MIDDLE, "A": (80.0, 50.0), "B": (50.0, 80.0)}
    for arc, turns in ((("O", "A", "B"), range(5, 90, 5)), (("O", "B", "A"), range(95, 360, 5))):
        image = render(Figure(points=points, arcs=[arc]), 336)
        for turn in range(5, 360, 5):
            place = (50 + 30 * math.cos(math.radians(turn)), 50 + 30 * math.sin(math.radians(turn)))
            if turn != 90:
                assert bool(ink_near(image, place, 2)) == (turn in turns), turn


def test_an_ellipse_is_turned_as_it_says():
    image = render(Figure(points={"O": MIDDLE}, ellipses={"O": (35.0, 15.0, 30.0)}), 336)
    cos, sin = math.cos(math.radians(30)), math.sin(math.radians(30))
    for turn in np.radians(range(0, 360, 10)):
        x, y = 35 * math.cos(turn), 15 * math.sin(turn)
        assert ink_near(image, (50 + x * cos - y * sin, 50 + x * sin + y * cos), 1)
    assert not ink_near(image, (50 + 35 * cos, 50 - 35 * sin), 6)


def test_axes_have_arrows_ticks_and_numbers():
    figure = Figure(points={"O": MIDDLE}, scale=Scale("O", 8.0, (-5, 5), (-5, 5)))
    image, bare = render(figure, 336), render(figure, 336, with_markings=False)
    for value in (-4, -1, 1, 3):
        for place in ((50 + 8 * value, 50.9), (50.9, 50 + 8 * value)):
            assert ink_near(image, place, 1) and ink_near(image, place, 1) > ink_near(bare, place, 1)
    for tip in ((92, 51), (92, 49), (51, 92), (49, 92)):
        assert ink_near(image, tip, 1) > ink_near(bare, tip, 1)
    assert ink_near(bare, (90, 50), 1) and ink_near(bare, (10, 50), 1) and ink_near(bare, (50, 90), 1)


@pytest.mark.parametrize(
    "graph",
    [
        Graph("linear", (2, -1)),
        Graph("linear", (0, 3)),
        Graph("linear", (-0.25, 1)),
        Graph("quadratic", (0.5, 0, -4)),
        Graph("quadratic", (-1, 2, 1)),
        Graph("quadratic", (1, 0, 6)),
        Graph("inverse", (6,)),
        Graph("inverse", (-2,)),
    ],
)
def test_a_graph_goes_through_its_points_and_stays_in_the_axes_ranges(graph):
    axes = Figure(points={"O": MIDDLE}, scale=Scale("O", 8.0, (-5, 5), (-4, 5)))
    figure = dataclasses.replace(axes, graphs=[graph])
    with_graph, without = (render(each, 336, with_markings=False) for each in (figure, axes))
    shown = 0
    for x in np.linspace(-5, 5, 101):
        y = graph.at(x)
        if y is not None and -4 <= y <= 5:
            assert ink_near(with_graph, (50 + 8 * x, 50 + 8 * y), 1), x
            shown += 1
    changed = with_graph.astype(int) < without.astype(int) - 50
    assert bool(changed.any()) == bool(shown)
    changed[128:208, 128:208] = False  # the letter of the origin may have moved
    rows, columns = np.nonzero(changed)
    for row, column in zip(rows, columns, strict=True):
        x, y = ((column + 0.5) / 3.36 - 50) / 8, ((336 - row - 0.5) / 3.36 - 50) / 8
        assert -5.1 < x < 5.1 and -4.1 < y < 5.1
        values = [graph.at(x + step) for step in np.linspace(-0.1, 0.1, 9)]
        near = [value for value in values if value is not None]
        assert min(near) - 0.15 < y < max(near) + 0.15


# Marks


QUAD = Figure(
    points={"A": (15.0, 20.0), "B": (85.0, 20.0), "C": (85.0, 75.0), "D": (15.0, 75.0)},
    segments=[("A", "B"), ("B", "C"), ("C", "D"), ("D", "A")],
)


def marked(*marks: tuple) -> Figure:
    return dataclasses.replace(QUAD, marks=list(marks))


@pytest.mark.parametrize(
    ("mark", "places"),
    [
        (("length", ("A", "B"), 9), [(50, 16)]),
        (("length", ("A", "B"), "2x-7"), [(50, 16)]),
        (("angle", ("A", "B", "C"), 90), [(79, 26)]),
        (("angle", ("A", "B", "C"), "x"), [(79, 26)]),
        (("angle", ("A", "B", "C"), None), [(81, 24)]),
        (("right_angle", ("A", "B", "C"), None), [(81, 24)]),
        (("equal", ("A", "B", "C", "D"), None), [(50, 20), (50, 75)]),
        (("equal_angles", ("A", "B", "C", "C", "D", "A"), None), [(81, 24), (19, 71)]),
        (("parallel", ("A", "B", "C", "D"), None), [(50, 20), (50, 75)]),
    ],
)
@pytest.mark.parametrize("size", [96, 336])
def test_each_mark_is_drawn_where_it_stands(mark, places, size):
    """It changes pixels there, and none that are far from all of its places; letters keep theirs."""
    image, plain = render(marked(mark), size), render(QUAD, size)
    rows, columns = np.nonzero(image.astype(int) < plain.astype(int) - 100)
    assert len(rows)
    found = np.stack([columns, size - rows], axis=1) * 100 / size
    far = np.stack([np.hypot(*(found - place).T) for place in places])
    assert far.min(axis=1).max() < 4  # something at each place
    assert far.min(axis=0).max() < (16 if size > 100 else 23)  # nothing elsewhere; small images have large letters
    assert np.array_equal(render(marked(mark), size, with_markings=False), render(QUAD, size, with_markings=False))


def test_an_arcs_number_is_drawn_beside_it():
    circle = Figure(points={"O": MIDDLE, "A": (80.0, 50.0), "B": (50.0, 80.0)}, circles={"O": 30.0})
    figure = dataclasses.replace(circle, marks=[("arc", ("O", "A", "B"), 90)])
    rows, columns = np.nonzero(render(figure, 336) != render(circle, 336))
    assert len(rows) > 20
    far = np.hypot(columns / 3.36 - 74, (336 - rows) / 3.36 - 74)
    assert far.max() < 9


def strokes_across(image: np.ndarray, start: tuple[float, float], end: tuple[float, float]) -> int:
    """How many strokes a path through an image of 336 pixels meets."""
    dark = [bool(ink_near(image, along(start, end, share), 0)) for share in np.linspace(0, 1, 400)]
    return sum(here and not before for before, here in zip([False, *dark], dark, strict=False))


@pytest.mark.parametrize("number", [1, 2])
def test_the_nth_mark_of_a_kind_has_n_strokes(number):
    sides = [("A", "B", "C", "D"), ("B", "C", "D", "A")]
    equal = render(marked(*(("equal", sides[-i], None) for i in range(1, number + 1))), 336)
    last = {1: "B", 2: "A"}[number]
    start, end = ((46, 21.1), (54, 21.1)) if last == "A" else ((83.9, 43), (83.9, 52))
    assert strokes_across(equal, start, end) == number
    both = [
        ("equal_angles", ("A", "B", "C", "C", "D", "A"), None),
        ("equal_angles", ("B", "C", "D", "D", "A", "B"), None),
    ]
    arcs = render(marked(*both), 336)
    corners = {1: [((85, 20), (70, 35)), ((15, 75), (30, 60))], 2: [((85, 75), (70, 60)), ((15, 20), (30, 35))]}
    for corner, inner in corners[number]:
        assert strokes_across(arcs, along(corner, inner, 0.1), inner) == number
    parallel = render(marked(*(("parallel", sides[-i], None) for i in range(1, number + 1))), 336)
    start, end = ((44, 21.0), (56, 21.0)) if last == "A" else ((84.0, 42), (84.0, 54))
    assert strokes_across(parallel, start, end) == number


def test_arrows_of_parallel_lines_point_the_same_way():
    for names in (("A", "B", "C", "D"), ("B", "A", "C", "D"), ("A", "B", "D", "C")):
        assert np.array_equal(
            render(marked(("parallel", names, None))), render(marked(("parallel", sides(names), None)))
        )
    image = render(marked(("parallel", ("A", "B", "D", "C"), None)), 336).astype(int)
    plain = render(QUAD, 336)
    for y in (20, 75):
        rows = slice(round((97 - y) * 3.36), round((103 - y) * 3.36))
        columns = np.nonzero((image[rows] < plain[rows].astype(int) - 100).any(axis=0))[0]
        heights = [(image[rows, column] < INK).sum() for column in (columns[0], columns[-1])]
        assert heights[0] > 0 and columns[-1] > columns[0]
        widths = (image[rows][:, columns] < plain[rows][:, columns].astype(int) - 100).sum(axis=0)
        spread = [np.ptp(np.nonzero(image[rows, column] < INK)[0]) for column in (columns[1], columns[-2])]
        assert widths.sum() > 0 and spread[0] > spread[1]  # open to the left, its tip to the right


def sides(names: tuple[str, ...]) -> tuple[str, ...]:
    """The same two sides, each from left to right."""
    return tuple(name for pair in (names[:2], names[2:]) for name in sorted(pair, key=lambda n: QUAD.points[n][0]))


def test_without_markings_nothing_but_strokes_and_letters_is_left():
    for seed in range(60):
        _, figure = sample_exam_program(np.random.default_rng(seed), 6)
        bare = dataclasses.replace(figure, marks=[])
        image = render(figure, 336, with_markings=False)
        assert np.array_equal(image, render(bare, 336, with_markings=False))
        if figure.scale is None:
            assert np.array_equal(image, render(bare, 336))


# Style


def test_a_style_and_its_seed_fix_every_byte():
    _, figure = sample_exam_program(np.random.default_rng(3), 6)
    styles = [sample_style(np.random.default_rng(seed)) for seed in range(40)]
    assert any(style.jitter for style in styles) and any(style.noise for style in styles)
    for style in styles:
        assert np.array_equal(render(figure, 160, style=style), render(figure, 160, style=style))
    for field in ("jitter", "noise"):
        one, other = (render(figure, 160, style=Style(seed=seed, **{field: 0.3})) for seed in (1, 2))
        assert not np.array_equal(one, other)
    assert np.array_equal(render(figure, 160), render(figure, 160, style=Style(seed=9)))


def test_styles_vary_and_come_from_the_generator_alone():
    styles = [sample_style(np.random.default_rng(seed)) for seed in range(200)]
    assert styles == [sample_style(np.random.default_rng(seed)) for seed in range(200)]
    assert {style.font for style in styles} == set(FONTS)
    for field in dataclasses.fields(Style):
        assert len({getattr(style, field.name) for style in styles}) > 3
    after = [np.random.default_rng(seed) for seed in (1, 2)]
    states = []
    for rng in after:
        fresh = np.random.default_rng(0)
        rng.bit_generator.state = fresh.bit_generator.state
        sample_style(rng)
        states.append(rng.integers(2**31))
    assert states[0] == states[1]


def test_a_style_changes_the_look_and_not_the_figure():
    figure = figure_of(SQUARE)
    thick, thin = (render(figure, 336, style=Style(stroke_width=width)) for width in (1.6, 0.5))
    assert (thick < INK).sum() > 1.8 * (thin < INK).sum()
    for style in (Style(jitter=0.4), Style(noise=1.0), Style(font="STIX", font_size=8), Style(stroke_width=1.5)):
        image = render(figure, 336, style=style)
        assert image.shape == (336, 336)
        for start, end in figure.segments:
            for share in np.linspace(0.1, 0.9, 9):
                assert ink_near(image, along(figure.points[start], figure.points[end], share), 3)
    pictures = {render(figure, 336, style=Style(font=font)).tobytes() for font in FONTS}
    assert len(pictures) == len(FONTS)


@pytest.mark.parametrize("degrees", [17, -40, 90, 180])
def test_a_turned_figure_stays_in_the_frame_with_its_letters_upright(degrees):
    style = Style(rotation=degrees)
    place = placed(QUAD, degrees)
    image = render(QUAD, 336, style=style)
    for start, end in QUAD.segments:
        for share in np.linspace(0, 1, 9):
            assert ink_near(image, along(place.points[start], place.points[end], share), 1)
    assert all(8 < value < 92 for point in place.points.values() for value in point)
    x, y = np.subtract(place.points["B"], place.points["A"])
    assert (math.degrees(math.atan2(y, x)) - degrees) % 360 == pytest.approx(0, abs=1e-6)
    boxes = {label.text: label.box for label in place_labels(QUAD, 336, style).labels}
    for label in place_labels(QUAD, 336).labels:
        left, bottom, right, top = boxes[label.text]
        assert right - left == pytest.approx(label.box[2] - label.box[0])
        assert top - bottom == pytest.approx(label.box[3] - label.box[1])


def test_turned_circles_ellipses_arcs_and_axes_stay_in_the_frame():
    figures = [
        Figure(points={"O": (60.0, 60.0)}, circles={"O": 36.0}),
        Figure(points={"O": (62.0, 50.0)}, ellipses={"O": (34.0, 20.0, 10.0)}),
        Figure(points={"O": (20.0, 50.0), "A": (92.0, 55.0), "B": (85.0, 80.0)}, arcs=[("O", "A", "B")]),
        Figure(points={"O": (42.0, 58.0)}, scale=Scale("O", 8.0, (-4, 6), (-6, 4))),
        figure_of('triangle(A, B, C, kind="scalene", angle=50, other=65, size=74)'),
    ]
    for figure in figures:
        for degrees in range(-180, 180, 15):
            image = render(figure, 200, style=Style(rotation=degrees))
            rim = np.concatenate([image[:2].ravel(), image[-2:].ravel(), image[:, :2].ravel(), image[:, -2:].ravel()])
            assert rim.min() == 255, degrees
            assert (image < INK).sum() > 50


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ({"font": "Comic Sans"}, "`font` is 'Comic Sans'; it must be one of DejaVu Sans"),
        ({"stroke_width": 0}, "`stroke_width` is 0; it must be between"),
        ({"noise": 2}, "`noise` is 2"),
        ({"rotation": float("nan")}, "`rotation` is nan"),
        ({"seed": -1}, "`seed` is -1"),
    ],
)
def test_a_style_out_of_range_is_refused(field, words):
    with pytest.raises(ValueError, match=words):
        Style(**field)


def test_sizes_that_cannot_be_drawn_are_refused():
    with pytest.raises(ValueError, match="`size` is 3"):
        render(QUAD, 3)
    for grid in (2, 200):
        with pytest.raises(ValueError, match=f"`label_grid` is {grid}"):
            render(QUAD, 96, grid)


def test_sizes_show_the_same_layout():
    for seed in range(20):
        _, figure = sample_exam_program(np.random.default_rng(seed), 6)
        small, large = render(figure, 350), render(figure, 700)
        halved = large.reshape(350, 2, 350, 2).mean(axis=(1, 3))
        assert np.abs(halved - small).mean() < 1.5
        assert (halved < INK).sum() == pytest.approx((small < INK).sum(), rel=0.12)


def test_a_grid_holds_the_labels_of_axes_and_graphs():
    """More labels than a coarse grid has cells, long ones among them: drawn, and nothing is written past the edge."""
    graphs = [Graph("quadratic", (0.5, 1, -3)), Graph("linear", (2, 1))]
    points = {"O": MIDDLE, **{name: (12.0 + 7 * i, 30.0) for i, name in enumerate("ABCDEFGHKLM")}}
    figure = Figure(points=points, scale=Scale("O", 8.0, (-5, 5), (-5, 5)), graphs=graphs)
    for size, grid in ((96, 16), (96, 24), (96, 40), (224, 16)):
        image = render(figure, size, grid)
        assert np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]]).min() == 255


# Where it runs


def test_threads_do_not_draw_on_one_anothers_sheets():
    figures = [sample_exam_program(np.random.default_rng(seed), 5)[1] for seed in range(60)]
    alone = [render(figure, 128) for figure in figures]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda figure: render(figure, 128), figures * 3))
    assert all(np.array_equal(image, alone[i % 60]) for i, image in enumerate(together))
    again = render(figures[0], 128)
    render(figures[1], 128)
    assert np.array_equal(again, alone[0])  # what was returned is not drawn on


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_draws_the_same():
    figures = [sample_exam_program(np.random.default_rng(seed), 5)[1] for seed in range(8)]
    alone = [render(figure, 96) for figure in figures]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert all(np.array_equal(one, other) for one, other in zip(pool.map(render, figures), alone, strict=True))


def test_without_skia_the_error_names_the_remedy():
    """At first use, not at import: a project that draws nothing does not need it."""
    program = (
        "import sys; sys.modules['skia'] = None\n"
        "from dataset_builders.diagram.figure import Figure\n"
        "from dataset_builders.diagram.render import render\n"
        "from dataset_builders.diagram.style import Style\n"
        "Style()\n"
        "try:\n    render(Figure())\nexcept ImportError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "apt install libgl1 libegl1" in done.stdout and done.stdout.count("\n") == 1


def test_sides_that_are_equal_to_one_another_have_the_same_ticks():
    """However many marks say so; another pair has one tick more."""
    shape = "polygon(A, B, C, D, E, F, size=70)\n"
    figure = figure_of(shape + "mark_equal(A, B, C, D)\nmark_equal(D, C, E, F)\nmark_equal(B, C, D, E)")
    assert list(_mark_classes(figure).values()) == [1, 1, 2]
    angles = figure_of(shape + "mark_equal_angles(A, B, C, B, C, D)\nmark_equal_angles(D, C, B, E, F, A)")
    assert set(_mark_classes(angles).values()) == {1}
