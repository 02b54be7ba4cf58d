"""Where labels go: clear of lines and of one another, beside what they name, saying what is meant."""

import itertools
import math

import numpy as np
import pytest

from dataset_builders.diagram.figure import Figure, Graph, Scale, solve
from dataset_builders.diagram.labels import Label, equation, place_labels, text_blob, value_text
from dataset_builders.diagram.program import parse
from dataset_builders.diagram.render import render
from dataset_builders.diagram.sample import sample_program
from dataset_builders.diagram.style import (
    FONTS,
    Style,
    draw_strokes,
    load_skia,
    pens,
    placed,
    sample_style,
    stroke_width,
    strokes_of,
)

SIZE = 336
SAMPLED = [sample_program(np.random.default_rng([5, seed]), 1 + seed % 8)[1] for seed in range(200)]
CORNER = Figure(
    points={"A": (20.0, 20.0), "B": (80.0, 20.0), "C": (20.0, 75.0)},
    segments=[("A", "B"), ("B", "C"), ("C", "A")],
    marks=[("length", ("A", "B"), 8), ("angle", ("A", "B", "C"), 42), ("length", ("C", "A"), "x + 3")],
)
AXES = Figure(points={"O": (50.0, 50.0)}, scale=Scale("O", 8.0, (-5, 5), (-5, 5)))


def strokes_alone(figure: Figure, style: Style) -> np.ndarray:
    """(SIZE, SIZE) bools, where there is any ink but that of labels; on a surface of another kind than `render`'s."""
    skia = load_skia()
    width = stroke_width(style, SIZE)
    pixels = np.zeros((SIZE, SIZE, 4), np.uint8)
    surface = skia.Surface(pixels)
    canvas = surface.getCanvas()
    canvas.clear(skia.ColorWHITE)
    canvas.translate(0, SIZE)
    canvas.scale(SIZE / 100, -SIZE / 100)
    strokes = strokes_of(figure, placed(figure, style.rotation), width)
    draw_strokes(canvas, strokes, pens(width, style.jitter, style.seed))
    return pixels[..., 0] < 250


def rectangle(box: tuple[float, float, float, float], around: float = 0.0) -> tuple[slice, slice]:
    """Rows and columns of a box in hundredths, and of so many pixels around it."""
    left, bottom, right, top = (value * SIZE / 100 for value in box)
    rows = slice(max(math.floor(SIZE - top - around), 0), math.ceil(SIZE - bottom + around))
    return rows, slice(max(math.floor(left - around), 0), math.ceil(right + around))


def assert_clear(figure: Figure, style: Style, labels: list[Label]) -> None:
    strokes = strokes_alone(figure, style)
    for label in labels:
        assert not strokes[rectangle(label.box)].any(), label
        assert min(label.box) > 0.5 and max(label.box) < 99.5
    for one, other in itertools.combinations([label.box for label in labels], 2):
        across = max(one[0], other[0]) - min(one[2], other[2])
        up = max(one[1], other[1]) - min(one[3], other[3])
        assert max(across, up) > 0.5, (one, other)


def named(figure: Figure, text: str, **options) -> Label:
    (label,) = (label for label in place_labels(figure, SIZE, **options).labels if label.text == text)
    return label


def to_segment(place: tuple[float, float], start: tuple[float, float], end: tuple[float, float]) -> float:
    step = np.subtract(end, start)
    share = np.clip(np.dot(np.subtract(place, start), step) / (step @ step), 0, 1)
    return float(np.linalg.norm(np.subtract(place, start) - share * step))


def test_no_label_of_a_sampled_figure_touches_a_line_or_another_label():
    for figure in SAMPLED:
        found = place_labels(figure, SIZE)
        assert not found.crowded
        assert_clear(figure, Style(), found.labels)


def test_nor_in_any_style():
    crowded = total = 0
    for seed, figure in enumerate(SAMPLED[:120]):
        style = sample_style(np.random.default_rng(seed))
        found = place_labels(figure, SIZE, style)
        assert_clear(figure, style, [label for label in found.labels if label not in found.crowded])
        crowded, total = crowded + len(found.crowded), total + len(found.labels)
    assert crowded < 0.02 * total


def test_what_is_drawn_beside_the_strokes_is_in_the_labels_boxes():
    for figure in SAMPLED[:60]:
        rest = (render(figure, SIZE) < 250) & ~strokes_alone(figure, Style())
        for label in place_labels(figure, SIZE).labels:
            box = rectangle(label.box, 1)
            assert rest[box].sum() > 10, label
            rest[box] = False
        # Two kinds of surface differ by a shade at the rim of strokes.
        assert rest.sum() < 5


def test_every_point_has_its_letter_and_every_value_its_number():
    for figure in SAMPLED:
        texts = [label.text for label in place_labels(figure, SIZE).labels]
        assert texts[: len(figure.points)] == list(figure.points)
        for kind, _, value in figure.marks:
            if value is not None:
                assert value_text(value, degrees=kind != "length") in texts
        assert all(equation(graph) in texts for graph in figure.graphs)
        assert [label.text for label in place_labels(figure, SIZE, with_markings=False).labels] == list(figure.points)


def test_a_letter_is_beside_its_own_point():
    for figure in SAMPLED:
        for label in place_labels(figure, SIZE).labels[: len(figure.points)]:
            far = {name: math.dist(label.centre, place) for name, place in figure.points.items()}
            assert far[label.text] == min(far.values()) and far[label.text] < 12


def test_a_letter_stands_opposite_the_lines_that_meet_at_its_point():
    for style in (Style(), Style(font="STIX", label_offset=2.5)):
        middle = np.mean(list(CORNER.points.values()), axis=0)
        for name, place in CORNER.points.items():
            centre = named(CORNER, name, style=style).centre
            outwards = np.subtract(place, middle) / np.linalg.norm(np.subtract(place, middle))
            assert np.subtract(centre, place) @ outwards > 2


def test_numbers_stand_beside_their_side_or_within_their_angle():
    assert to_segment(named(CORNER, "8").centre, (20, 20), (80, 20)) < 6
    assert named(CORNER, "8").centre[1] < 20  # outside the triangle
    assert named(CORNER, "x + 3").box[2] < 20
    x, y = named(CORNER, "42°").centre
    assert 180 - 42 < math.degrees(math.atan2(y - 20, x - 80)) < 180
    assert math.dist((x, y), (80, 20)) < 24


def test_no_line_stands_between_an_angle_and_its_number():
    figure = solve(parse('triangle(A, B, C, kind="scalene", angle=50, other=65, size=74)\nD = bisector(A, B, C)'))
    for names in (("B", "A", "D"), ("D", "A", "C"), ("A", "D", "B"), ("A", "B", "C")):
        figure.marks = [("angle", names, 31)]
        x, y = named(figure, "31°").centre
        before, vertex, after = (figure.points[name] for name in names)
        headings = [math.atan2(b - vertex[1], a - vertex[0]) for a, b in (before, (x, y), after)]
        first, second = ((b - a + math.pi) % (2 * math.pi) - math.pi for a, b in itertools.pairwise(headings))
        assert first * second > 0 and abs(first + second) < math.pi  # between the arms
        # Within the triangle that the angle's arms span, as far as its third side.
        side = np.cross([*np.subtract(after, before), 0], [x - before[0], y - before[1], 0])[2]
        assert side * np.cross([*np.subtract(after, before), 0], [*np.subtract(vertex, before), 0])[2] > 0


def test_an_arcs_number_is_beside_the_arc_that_it_measures():
    ends = {"A": (80.0, 50.0), "B": (50.0, 80.0)}
    figure = Figure(points={"O": (50.0, 50.0), **ends}, circles={"O": 30.0})
    for names, quarter in ((("O", "A", "B"), (1, 1)), (("O", "B", "A"), (-1, -1))):
        figure.marks = [("arc", names, 90)]
        x, y = named(figure, "90°").centre
        assert 30 < math.dist((x, y), (50, 50)) < 40
        assert quarter == (1, 1) if min(x, y) > 50 else quarter == (-1, -1)


def test_crowded_labels_are_reported_and_still_drawn_in_the_frame():
    heap = Figure(points={name: (50.0 + i % 3, 50.0 + i // 3) for i, name in enumerate("ABCDEFGHK")})
    found = place_labels(heap, SIZE)
    assert found.crowded
    assert [label.text for label in found.labels] == list("ABCDEFGHK")
    narrow = Figure(
        points={"A": (10.0, 50.0), "B": (90.0, 52.0), "C": (90.0, 48.0)},
        segments=[("A", "B"), ("A", "C"), ("B", "C")],
        marks=[("angle", ("B", "A", "C"), 3)],
    )
    assert [label.text for label in place_labels(narrow, SIZE).crowded] == ["3°"]
    for label in (*found.labels, *place_labels(narrow, SIZE).labels):
        assert 0 < min(label.box) and max(label.box) < 100


def test_two_unmarked_graphs_without_room_for_their_equations_are_both_reported():
    graphs = [Graph("linear", (1.234, 3.333)), Graph("linear", (1.234, -3.333)), Graph("linear", (1.234, 0.111))]
    figure = Figure(points={"O": (50.0, 50.0)}, scale=Scale("O", 4.0, (-10, 10), (-10, 10)), graphs=graphs)
    big = Style(font_size=14)
    found = place_labels(figure, SIZE, big)
    assert {equation(graph) for graph in graphs} <= {label.text for label in found.labels}
    assert len([label for label in found.crowded if label.text.startswith("y = ")]) >= 2


@pytest.mark.parametrize("larger", [224, 448, 1000])
def test_the_layout_does_not_depend_on_the_size(larger):
    for figure in SAMPLED[:60]:
        for one, other in zip(place_labels(figure, SIZE).labels, place_labels(figure, larger).labels, strict=True):
            assert one.text == other.text and one.box == pytest.approx(other.box)


def test_a_figure_without_points_has_no_labels():
    assert place_labels(Figure(), SIZE) == ([], [])
    assert render(Figure(), 64).min() == render(Figure(), 64, 16).min() == 255


def test_tick_numbers_stand_at_their_ticks():
    labels = place_labels(AXES, SIZE).labels
    numbers = [label for label in labels if label.text.lstrip("−").isdigit()]
    assert len(numbers) >= 6 and {"x", "y"} <= {label.text for label in labels}
    for label in numbers:
        value = int(label.text.replace("−", "-"))
        x, y = (part - 50 for part in label.centre)
        along, across = (x, y) if abs(x - 8 * value) < 0.01 else (y, x)
        assert along == pytest.approx(8 * value) and 0 < abs(across) < 8


def test_a_number_line_is_numbered_from_end_to_end():
    line = Figure(points={"O": (30.0, 50.0)}, scale=Scale("O", 12.0, (-2, 5)))
    numbers = [label for label in place_labels(line, SIZE).labels if label.text != "O"]
    assert [label.text for label in numbers] == ["−2", "−1", "0", "1", "2", "3", "4", "5"]
    assert all(label.centre[0] == pytest.approx(30 + 12 * value) for value, label in enumerate(numbers, -2))


def test_an_equation_is_nearer_to_its_own_graph_than_to_another():
    graphs = [Graph("quadratic", (0.5, 0, 0)), Graph("inverse", (6,))]
    figure = Figure(points=AXES.points, scale=AXES.scale, graphs=graphs)
    assert not place_labels(figure, SIZE).crowded

    def gap(label: Label, graph: Graph) -> float:
        far = []
        for x in np.linspace(-5, 5, 400):
            if abs(graph.at(x)) <= 5:
                left, up = 50 + 8 * x, 50 + 8 * graph.at(x)
                across = max(label.box[0] - left, left - label.box[2], 0)
                far.append(math.hypot(across, max(label.box[1] - up, up - label.box[3], 0)))
        return min(far)

    for graph in graphs:
        label = named(figure, equation(graph))
        gaps = {other: gap(label, other) for other in graphs}
        assert gaps[graph] == min(gaps.values()) and gaps[graph] < 8


@pytest.mark.parametrize(
    ("graph", "text"),
    [
        (Graph("linear", (2, -1)), "y = 2x − 1"),
        (Graph("linear", (-1, 0)), "y = −x"),
        (Graph("linear", (0.5, 3)), "y = x/2 + 3"),
        (Graph("linear", (0, -4)), "y = −4"),
        (Graph("linear", (0, 0)), "y = 0"),
        (Graph("linear", (-1.5, 1 / 3)), "y = −3x/2 + 1/3"),
        (Graph("linear", (0.37, 0)), "y = 0.37x"),
        (Graph("quadratic", (1, 0, 0)), "y = x²"),
        (Graph("quadratic", (-0.5, 2, -3)), "y = −x²/2 + 2x − 3"),
        (Graph("inverse", (6,)), "y = 6/x"),
        (Graph("inverse", (-0.5,)), "y = −1/(2x)"),
    ],
)
def test_equations_are_written_as_in_a_book(graph, text):
    assert equation(graph) == text


@pytest.mark.parametrize(
    ("value", "length", "angle"),
    [
        (50, "50", "50°"),
        (2.5, "2.5", "2.5°"),
        (12345.0, "12345", "12345°"),
        ("x", "x", "x°"),
        ("2x-7", "2x − 7", "(2x − 7)°"),
        ("2x - 7", "2x − 7", "(2x − 7)°"),
        ("-x+3y", "−x + 3y", "(−x + 3y)°"),
    ],
)
def test_values_are_written_as_in_a_book(value, length, angle):
    assert value_text(value) == length
    assert value_text(value, degrees=True) == angle


@pytest.mark.parametrize("font", FONTS)
def test_every_font_has_every_sign(font):
    """None is drawn as the box or the nothing that stands for a missing one: each looks unlike a sign not in it."""

    def picture(text: str) -> bytes:
        skia = load_skia()
        pixels = np.zeros((60, 60), np.uint8)
        surface = skia.Surface.MakeRasterDirect(skia.ImageInfo.MakeA8(60, 60), pixels, 60)
        surface.getCanvas().drawTextBlob(text_blob(text, font, 40.0)[0], 8, 45, skia.Paint(AntiAlias=True))
        return pixels.tobytes()

    missing, blank = picture("\U0001f512"), picture(" ")
    for sign in "ABCXYZ0123456789xy+=−/()°²":
        assert picture(sign) not in (missing, blank), sign
    assert text_blob("AB", font, 40.0)[1][2] > 1.5 * text_blob("A", font, 40.0)[1][2]
