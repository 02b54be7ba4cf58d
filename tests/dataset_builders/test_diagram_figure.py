"""Solved figures against plain geometry: each construction is measured, none is trusted. And what captions state."""

import ast
import doctest
import itertools
import math
import re
from pathlib import Path

import exact_geometry
import numpy as np
import pytest
from plain_geometry import BY_EYE, EXACT, Drawing, certainly_false, claims_of, holds_true, read

from dataset_builders.diagram import figure as figure_module
from dataset_builders.diagram.caption import caption, describe
from dataset_builders.diagram.facts import Fact, facts_of, holds, refuted
from dataset_builders.diagram.figure import (
    DRAWN,
    EXAM,
    LEAST_ANGLE,
    LEAST_DISTANCE,
    MARGIN,
    ROOMY,
    Figure,
    FigureError,
    Limits,
    solve,
)
from dataset_builders.diagram.program import VOCABULARY, ProgramError, parse
from dataset_builders.diagram.sample import sample_program as sample_exam_program
from dataset_builders.diagram.simple import sample_simple_program as sample_program

PLACES = ["at=(50, 50), size=70, turn=0", "at=(47, 53), size=66, turn=35", "at=(51, 49), size=70, turn=-130"]


def drawn(text: str) -> Drawing:
    return Drawing(solve(parse(text)), EXACT)


def angles(d: Drawing, names: str) -> list[float]:
    ring = (names[-1], *names, names[0])
    return [d.angle(*ring[i : i + 3]) for i in range(len(names))]


def sides(d: Drawing, names: str) -> list[float]:
    return [d.length(*pair) for pair in zip(names, names[1:] + names[0], strict=True)]


@pytest.mark.parametrize("place", PLACES)
def test_triangles_are_of_their_kind(place):
    equilateral = drawn(f'triangle(A, B, C, kind="equilateral", {place})')
    assert angles(equilateral, "ABC") == pytest.approx([60] * 3)
    assert np.ptp(sides(equilateral, "ABC")) < 1e-9
    isosceles = drawn(f'triangle(A, B, C, kind="isosceles", angle=42, {place})')
    assert angles(isosceles, "ABC") == pytest.approx([42, 69, 69])
    assert isosceles.length("A", "B") == pytest.approx(isosceles.length("A", "C"))
    right = drawn(f'triangle(A, B, C, kind="right", angle=35, {place})')
    assert angles(right, "ABC") == pytest.approx([90, 35, 55])
    a, b, c = (right.length(*side) for side in ("BC", "CA", "AB"))
    assert a**2 == pytest.approx(b**2 + c**2)
    scalene = drawn(f'triangle(A, B, C, kind="scalene", angle=48, other=72, {place})')
    assert angles(scalene, "ABC") == pytest.approx([60, 48, 72])


@pytest.mark.parametrize("place", PLACES)
def test_quadrilaterals_are_of_their_kind(place):
    square = drawn(f"square(A, B, C, D, {place})")
    assert angles(square, "ABCD") == pytest.approx([90] * 4)
    assert sides(square, "ABCD") == pytest.approx([square.length("A", "B")] * 4)
    rectangle = drawn(f"rectangle(A, B, C, D, ratio=0.55, {place})")
    assert angles(rectangle, "ABCD") == pytest.approx([90] * 4)
    assert rectangle.length("A", "B") == pytest.approx(0.55 * rectangle.length("B", "C"))
    rhombus = drawn(f"rhombus(A, B, C, D, angle=60, {place})")
    assert sides(rhombus, "ABCD") == pytest.approx([rhombus.length("A", "B")] * 4)
    assert angles(rhombus, "ABCD") == pytest.approx([120, 60, 120, 60])
    parallelogram = drawn(f"parallelogram(A, B, C, D, ratio=0.6, angle=55, {place})")
    assert parallelogram.at["A"] - parallelogram.at["B"] == pytest.approx(
        parallelogram.at["D"] - parallelogram.at["C"]
    )
    assert angles(parallelogram, "ABCD") == pytest.approx([125, 55, 125, 55])
    assert parallelogram.length("A", "B") == pytest.approx(0.6 * parallelogram.length("B", "C"))
    trapezoid = drawn(f"trapezoid(A, B, C, D, ratio=0.45, shift=0.2, {place})")
    assert trapezoid.parallel("A", "D", "B", "C") and not trapezoid.parallel("A", "B", "C", "D")
    assert trapezoid.length("A", "D") == pytest.approx(0.45 * trapezoid.length("B", "C"))
    kite = drawn(f"kite(A, B, C, D, ratio=0.4, angle=100, {place})")
    assert kite.length("A", "B") == pytest.approx(kite.length("A", "D"))
    assert kite.length("C", "B") == pytest.approx(kite.length("C", "D"))
    assert kite.length("A", "B") < 0.9 * kite.length("C", "B")
    assert kite.angle("D", "A", "B") == pytest.approx(100)


@pytest.mark.parametrize("count", [5, 6, 7, 8])
def test_polygons_are_regular(count):
    names = "ABCDEFGH"[:count]
    d = drawn(f"polygon({', '.join(names)}, size=70, turn=20)")
    assert angles(d, names) == pytest.approx([180 - 360 / count] * count)
    assert np.ptp(sides(d, names)) < 1e-9
    assert d.lines == {frozenset(pair) for pair in zip(names, names[1:] + names[0], strict=True)}


@pytest.mark.parametrize(
    "shape", ["triangle", "square", "rectangle", "rhombus", "parallelogram", "trapezoid", "kite", "polygon"]
)
def test_a_shape_has_the_size_and_place_it_was_given(shape):
    names = {"triangle": "ABC", "polygon": "ABCDE"}.get(shape, "ABCD")
    d = drawn(f"{shape}({', '.join(names)}, at=(49, 52), size=68, turn=10)")
    corners = np.stack([d.at[name] for name in names])
    assert corners.mean(axis=0) == pytest.approx([49, 52])
    assert np.linalg.norm(corners - [49, 52], axis=1).max() == pytest.approx(34)


def test_turn_is_anticlockwise_in_degrees():
    straight, turned = (drawn(f"trapezoid(A, B, C, D, size=70, turn={turn})") for turn in (0, 90))
    for name in "ABCD":
        x, y = straight.at[name] - 50
        assert turned.at[name] - 50 == pytest.approx([-y, x])


def test_points_on_a_triangle_are_where_they_are_said_to_be():
    d = drawn(
        'triangle(A, B, C, kind="scalene", angle=50, other=75, size=74, turn=15)\n'
        "D = point_on(A, B, ratio=0.7)\nE = midpoint(C, A)\nF = point_on(C, B, ratio=0.3)"
    )
    a, b, c = (d.at[name] for name in "ABC")
    assert d.at["D"] == pytest.approx(0.3 * a + 0.7 * b)
    assert d.at["E"] == pytest.approx((a + c) / 2)
    assert d.at["F"] == pytest.approx(0.7 * c + 0.3 * b)
    assert d.lines == {frozenset("AB"), frozenset("BC"), frozenset("CA")}


@pytest.mark.parametrize("verb", ["foot", "median", "bisector", "cevian"])
@pytest.mark.parametrize("place", PLACES)
def test_lines_from_a_vertex_end_where_they_are_said_to(verb, place):
    option = ", ratio=0.3" if verb == "cevian" else ""
    d = drawn(f'triangle(A, B, C, kind="scalene", angle=50, other=65, {place})\nD = {verb}(A, B, C{option})')
    share = d.along("D", "B", "C")
    assert share is not None and frozenset("AD") in d.lines
    if verb == "foot":
        assert float((d.at["D"] - d.at["A"]) @ (d.at["C"] - d.at["B"])) == pytest.approx(0, abs=1e-9)
    elif verb == "median":
        assert share == pytest.approx(0.5)
    elif verb == "bisector":
        assert d.angle("B", "A", "D") == pytest.approx(d.angle("D", "A", "C"))
    else:
        assert share == pytest.approx(0.3)


@pytest.mark.parametrize("turn", [0, 75, -200])
def test_lines_in_a_circle_end_on_it(turn):
    d = drawn(
        f"circle(O, at=(48, 52), size=60)\nA = radius(O, turn={turn})\nB = diameter(O, A)\n"
        "C = chord(O, A, turn=100)\nD = chord(O, A, turn=-75)"
    )
    assert d.circles == {"O": 30}
    assert d.at["O"] == pytest.approx([48, 52])
    assert d.at["A"] - d.at["O"] == pytest.approx(
        [30 * math.cos(math.radians(turn)), 30 * math.sin(math.radians(turn))]
    )
    assert (d.at["A"] + d.at["B"]) / 2 == pytest.approx(d.at["O"])
    for name, between in (("C", 100), ("D", 75)):
        assert d.length("O", name) == pytest.approx(30)
        assert d.angle("A", "O", name) == pytest.approx(between)
    a, c, e = (d.at[name] - d.at["O"] for name in "ACD")
    assert a[0] * c[1] - a[1] * c[0] > 0 > a[0] * e[1] - a[1] * e[0]  # one anticlockwise, one clockwise
    assert d.lines == {frozenset("OA"), frozenset("AB"), frozenset("AC"), frozenset("AD")}


def test_segments_and_marks_are_kept_as_written():
    figure = solve(
        parse(
            "square(A, B, C, D, size=70)\nsegment(A, C)\nmark_length(A, B, 6)\nmark_angle(A, B, C, 40)\n"
            "mark_right_angle(B, C, D)"
        )
    )
    assert figure.segments[-1] == ("A", "C")
    assert figure.marks == [
        ("length", ("A", "B"), 6),
        ("angle", ("A", "B", "C"), 40),
        ("right_angle", ("B", "C", "D"), None),
    ]


AXES = "O = axes(x=(-5, 5), y=(-5, 5))\n"
CIRCLE = "circle(O, at=(50, 50), size=50)\nA = on_circle(O, turn=0)\n"
FAR = "point(A, at=(20, 20))\npoint(B, at=(80, 20))\npoint(C, at=(50, 80))\n"
# What cannot be drawn, in its last line; words of the reason; and how crowded it may be.
NOT_DRAWN = [
    ("square(A, B, C, D, at=(80, 50))", "from the frame's edge", ROOMY),
    ("square(A, B, C, D, size=10)", "closer than 13 hundredths", ROOMY),
    ("circle(O, at=(50, 50), size=98)", "the circle leaves the frame", ROOMY),
    ("circle(O, at=(50, 50), size=20)", "the circle leaves the frame, or is too small", ROOMY),
    ("ellipse(O, at=(30, 50), size=80)", "the ellipse leaves the frame", ROOMY),
    ('triangle(A, B, C, kind="isosceles", angle=16, size=74)', "the angle at A is below 18 degrees", ROOMY),
    ('triangle(A, B, C, kind="right", angle=90)', "these angles leave no triangle", ROOMY),
    ('triangle(A, B, C, kind="right", angle=120)', "these angles leave no triangle", ROOMY),
    ("triangle(A, B, C, angle=100, other=80)", "these angles leave no triangle", ROOMY),
    ("triangle(A, B, C, angle=110, other=100)", "these angles leave no triangle", ROOMY),
    ("parallelogram(A, B, C, D, ratio=0.3, angle=30, size=74)\nE = foot(A, C, D)", "the foot is not between", ROOMY),
    ("triangle(A, B, C, angle=130, other=25, size=70)\nD = altitude(A, B, C)", "the foot is not between", ROOMY),
    ("square(A, B, C, D, size=70)\nE = midpoint(A, B)\nF = midpoint(B, A)", "points F and E are closer", ROOMY),
    *(
        (f"square(A, B, C, D, size=70)\nE = {verb}({points})", "A is not the centre of a circle", ROOMY)
        for verb, points in [
            *(("on_circle", "A"), ("radius", "A"), ("diameter", "A, B"), ("chord", "A, B"), ("tangent", "A, B")),
            *(("secant", "A, B"), ("tangent_from", "B, A")),
        ]
    ),
    ("O = axes()\nP = number_line()", "there are axes, or a number line, already", ROOMY),
    ("O = axes(x=(1, 5))", "a range holds 0 and is 2 to 40 long", ROOMY),
    ("O = number_line(x=(-30, 30))", "a range holds 0 and is 2 to 40 long", ROOMY),
    (FAR + "arc(A, B, C)", "B and C are not equally far from A", ROOMY),
    ("graph(a=1)", "a graph needs axes before it", ROOMY),
    ("O = number_line()\ngraph(a=1)", "a graph needs axes before it", ROOMY),
    (AXES + 'graph(kind="quadratic", a=0)', "`a` is 0, which makes no quadratic function", ROOMY),
    (AXES + "graph(a=1)\ngraph(a=1.0)", "the same graph is drawn twice", ROOMY),
    (AXES + "graph(a=1, b=50)", "hardly any of the graph is within", ROOMY),
    ("square(A, B, C, D, size=70)\nE = intersection(A, B, C, D)", "the two lines do not meet, or hardly", ROOMY),
    (FAR + "point(D, at=(50, 40))\nE = intersection(A, B, C, D)", "the lines meet outside CD", ROOMY),
    (FAR + "D = perpendicular_bisector(C, A, B)", "C is not the midpoint of the segment after it", ROOMY),
    (FAR + "M = midpoint(A, B)\nD = parallel(M, A, B)", "M lies on the line that the new one is to be", ROOMY),
    (CIRCLE + "B = secant(O, A, length=40)", "its `length` ends inside the circle, or hardly outside", ROOMY),
    (CIRCLE + "point(P, at=(50, 80))\nB = diameter(O, P)", "P is not on the circle", ROOMY),
    (CIRCLE + "point(P, at=(50, 60))\nB = tangent_from(P, O)", "P is not far enough outside the circle", EXAM),
    (FAR + "M = midpoint(A, B)\nD = circumcircle(A, M, B)", "the three points lie on a line", ROOMY),
    ("P = plot(x=1)", "it needs axes or a number line before it", ROOMY),
    ("O = number_line()\nP = plot(x=1, y=2)", "a number line has no `y`", ROOMY),
    (AXES + "P = plot(x=6)", "it lies outside the range that is drawn", ROOMY),
    (AXES + "P = plot(y=-6)", "it lies outside the range that is drawn", ROOMY),
    (FAR + "segment(A, B)\npoint(P, at=(50, 22))", "point P is too near to AB", EXAM),
    (CIRCLE + "point(P, at=(50, 77))", "point P is too near to the circle with centre O", EXAM),
    (
        "point(A)\npoint(B)\npoint(C, at=(60, 60))\nD = reflection(C, A, B)",
        "too small or too far away",
        Limits(0, 0, 0),
    ),
]


@pytest.mark.parametrize(("text", "words", "limits"), NOT_DRAWN)
def test_what_cannot_be_drawn_well_is_refused_by_line(text, words, limits):
    with pytest.raises(FigureError, match=words) as caught:
        solve(parse(text), limits)
    lines = text.splitlines()
    assert str(caught.value).startswith(f"line {len(lines)}, {lines[-1].split('(')[0]}")


def test_every_reason_of_the_solver_is_among_them():
    source = Path(figure_module.__file__)
    raises = [node for node in ast.walk(ast.parse(source.read_text())) if isinstance(node, ast.Raise)]
    reached = set()
    for text, _, limits in NOT_DRAWN:
        with pytest.raises(FigureError) as caught:
            solve(parse(text), limits)
        line = [entry.lineno + 1 for entry in caught.traceback if Path(entry.path) == source][-1]
        reached |= {ast.unparse(node) for node in raises if node.lineno <= line <= node.end_lineno}
    assert len(reached) > 25 and reached == {ast.unparse(node) for node in raises}


def test_nothing_is_built_on_points_that_coincide():
    text = "square(A, B, C, D, size=70)\nE = midpoint(A, B)\nF = midpoint(B, A)\nG = foot(C, E, F)"
    with pytest.raises(FigureError, match="line 3, F = midpoint.*points F and E are closer"):
        solve(parse(text))


def test_sampled_figures_are_in_the_frame_and_not_crowded():
    rng = np.random.default_rng(7)
    for _ in range(200):
        _, figure = sample_program(rng, int(rng.integers(1, 6)))
        points = np.array(list(figure.points.values()))
        assert MARGIN <= points.min() and points.max() <= 100 - MARGIN
        for a, b in itertools.combinations(points, 2):
            assert np.linalg.norm(a - b) >= LEAST_DISTANCE
        for centre, radius in figure.circles.items():
            x, y = figure.points[centre]
            assert min(x, y, 100 - x, 100 - y) >= radius
        d = Drawing(figure, EXACT)
        for names in figure.outline:
            assert min(angles(d, "".join(names))) >= LEAST_ANGLE


def test_the_same_program_gives_the_same_figure():
    for seed in range(50):
        program, figure = sample_program(np.random.default_rng(seed), 5)
        again, same = sample_program(np.random.default_rng(seed), 5)
        assert (program, figure) == (again, same)
        assert solve(parse(str(program))) == figure
    assert len({str(sample_program(np.random.default_rng(seed), 5)[0]) for seed in range(50)}) == 50


def test_the_sampler_uses_the_language_but_what_is_drawn_by_hand():
    used = set()
    for seed in range(3000):
        program, _ = sample_exam_program(np.random.default_rng(seed), 1 + seed % 6)
        used |= {statement.verb for statement in program.statements}
    # `foot` is an altitude by another name; the rest is for figures that somebody annotated.
    assert set(VOCABULARY) - used == {"foot", "mark_arc", "mark_equal_angles"}


@pytest.mark.parametrize("difficulty", [1, 3, 5, 8])
def test_sampled_programs_say_what_holds_and_nothing_that_is_refuted(difficulty):
    for seed in range(200):
        program, figure = sample_exam_program(np.random.default_rng(seed), difficulty)
        assert parse(str(program)) == program and solve(program, EXAM) == figure
        for fact in facts_of(program):
            assert holds(figure, fact) and not refuted(figure, fact), (fact, str(program))


def test_sampled_programs_are_distinct():
    programs = [str(sample_exam_program(np.random.default_rng([1, seed]), 4)[0]) for seed in range(1500)]
    assert len(set(programs)) >= 0.99 * len(programs)


@pytest.mark.parametrize("difficulty", [1, 3, 5])
def test_captions_of_sampled_programs_are_true(difficulty):
    """In all wordings, exactly and by eye, as read from the English."""
    said = set()
    for seed in range(150):
        program, figure = sample_program(np.random.default_rng(seed), difficulty)
        for wording in range(3):
            claims = claims_of(caption(program, wording))
            assert len(claims) == len(facts_of(program)) <= difficulty
            for claim in claims:
                assert holds_true(claim, figure, EXACT), (claim, str(program))
                assert holds_true(claim, figure, BY_EYE), (claim, str(program))
                said.add(claim[0])
    every = {"triangle", "quadrilateral", "polygon", "circle"}
    if difficulty > 1:
        every |= {"midpoint", "nearer", "altitude", "median", "bisector", "cevian", "radius", "diameter", "chord"}
        every |= {"length", "angle"}
    assert said == every


def test_a_program_written_by_hand_is_described_truly():
    """Points nearer to the second end, heptagons: what the simple sampler never writes."""
    program = parse(
        'triangle(A, B, C, kind="right", angle=35, size=74)\nD = point_on(A, B, ratio=0.7)\n'
        "E = cevian(A, B, C, ratio=0.65)\nmark_length(B, C, 2.5)"
    )
    figure = solve(program)
    for wording in range(12):
        claims = claims_of(caption(program, wording))
        assert [claim[0] for claim in claims] == ["triangle", "nearer", "cevian", "length"]
        assert all(holds_true(claim, figure, EXACT) for claim in claims)
    heptagon = parse("polygon(A, B, C, D, E, F, G, size=74)")
    for wording in range(6):
        (claim,) = claims_of(caption(heptagon, wording))
        assert claim[2] == "heptagon" and holds_true(claim, solve(heptagon), EXACT)


def test_a_wording_changes_words_but_no_fact():
    program, _ = sample_program(np.random.default_rng(3), 5)
    texts = {caption(program, wording) for wording in range(30)}
    assert len(texts) > 5
    assert len({tuple(fact for fact, _ in describe(program, wording)) for wording in range(30)}) == 1
    assert caption(program, 4) == caption(program, 4)


def _candidates(figure: Figure) -> list[Fact]:
    """Every statement that can be made about a figure's points, most of them false."""
    names, facts = list(figure.points), []
    for pair in itertools.permutations(names, 2):
        facts += [Fact("radius", pair), Fact("mark_length", pair, 6)]
    for triple in itertools.permutations(names, 3):
        facts += [Fact("triangle", triple, kind) for kind in ("equilateral", "isosceles", "right", "scalene")]
        facts += [Fact(kind, triple) for kind in ("midpoint", "point_on", "diameter", "chord")]
        facts.append(Fact("mark_angle", triple, 40))
    for four in itertools.permutations(names, 4):
        facts += [Fact(kind, four) for kind in ("foot", "median", "bisector", "cevian")]
        facts += [
            Fact(kind, four) for kind in ("square", "rectangle", "rhombus", "parallelogram", "trapezoid", "kite")
        ]
    return facts


_CLAIM_OF = {
    "midpoint": lambda p: ("midpoint", p),
    "point_on": lambda p: ("nearer", (*p, p[1])),
    "foot": lambda p: ("altitude", (p[1], p[0], *p[2:])),
    "median": lambda p: ("median", (p[1], p[0], *p[2:])),
    "bisector": lambda p: ("bisector", (p[1], p[0], *p[2:])),
    "cevian": lambda p: ("cevian", (p[1], p[0], *p[2:], p[2])),
    "radius": lambda p: ("radius", (p[1], p[0])),
    "diameter": lambda p: ("diameter", (p[2], p[0], p[1])),
    "chord": lambda p: ("chord", (p[2], p[0], p[1])),
    "mark_length": lambda p: ("length", p),
    "mark_angle": lambda p: ("angle", p),
}


@pytest.mark.parametrize(
    "text",
    [
        'triangle(A, B, C, kind="scalene", angle=48, other=72, size=74)\nD = midpoint(B, C)\nmark_length(A, B, 6)',
        'triangle(A, B, C, kind="right", angle=35, size=74)\nD = foot(A, B, C)\nmark_angle(A, B, C, 40)',
        'triangle(A, B, C, kind="isosceles", angle=74, size=74)\nD = median(A, B, C)\nmark_length(A, B, 6)',
        'triangle(A, B, C, kind="equilateral", size=74)\nD = cevian(A, B, C, ratio=0.3)\nmark_length(A, B, 6)',
        'triangle(A, B, C, kind="scalene", angle=40, other=62, size=74)\nD = bisector(A, B, C)\nE = point_on(A, B)',
        "square(A, B, C, D, size=70)\nE = point_on(A, B, ratio=0.3)\nmark_length(B, C, 6)\nmark_angle(A, B, C, 40)",
        "parallelogram(A, B, C, D, size=74)\nE = midpoint(A, B)\nmark_angle(B, C, D, 40)",
        "kite(A, B, C, D, size=74)\nmark_length(A, B, 6)",
        "trapezoid(A, B, C, D, size=74)",
        "rhombus(A, B, C, D, size=74)",
        "rectangle(A, B, C, D, size=74)",
        "circle(O, size=60)\nA = radius(O, turn=30)\nB = diameter(O, A)\nC = chord(O, A, turn=90)",
    ],
)
def test_every_statement_about_a_figure_is_judged_as_plain_geometry_judges_it(text):
    figure = solve(parse(text))
    verdicts = set()
    for fact in _candidates(figure):
        if fact.kind == "radius" and frozenset(fact.points) not in Drawing(figure, EXACT).lines:
            continue  # the caption's "radius" is drawn by its statement; the fact alone asks for the circle
        form = _CLAIM_OF.get(fact.kind)
        word = "" if fact.value is None else str(fact.value)
        if form:
            claim = (*form(fact.points), word)
        else:
            claim = ("triangle", fact.points, word) if fact.kind == "triangle" else ("quadrilateral", fact.points, "")
            claim = (*claim[:2], word or fact.kind)
        expected = holds_true(claim, figure, BY_EYE)
        assert holds(figure, fact) == expected, fact
        verdicts.add(expected)
    assert verdicts == {True, False}
    assert not holds(figure, Fact("midpoint", ("Z", "A", "B")))


DOCS = (Path(__file__).parents[2] / "docs" / "diagrams.md").read_text()


def rows(text: str) -> list[list[str]]:
    """The cells of a table's rows, without the code marks of the first ones."""
    cells = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]
    return [[cell.strip().replace("\\`", "~").strip("`").replace("~", "`") for cell in row] for row in cells]


def documented() -> dict[str, tuple[str, str]]:
    """By word: the example as a whole program, and the sentence that it is said to state."""
    found = {}
    for section in DOCS.split("## Vocabulary")[1].split("### ")[1:]:
        base = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
        for word, _, example, *sentence in rows(section):
            found[word] = ("".join(base) + example, sentence[0] if sentence else "")
    return found


def test_every_word_is_documented():
    assert list(documented()) and set(documented()) == set(VOCABULARY)


@pytest.mark.parametrize("word", VOCABULARY)
@pytest.mark.parametrize("limits", [EXAM, DRAWN])
def test_a_documented_example_is_drawn_and_described_truly(word, limits):
    text, sentence = documented()[word]
    program = parse(text)
    assert program.statements[-1].verb == word and parse(str(program)) == program
    figure = solve(program, limits)
    said = [describe(program, wording) for wording in range(40)]
    assert {len(facts) for facts in said} == {len(facts_of(program))}
    assert not sentence or sentence in {facts[-1][1] for facts in said}
    exact = exact_geometry.draw(program)
    for name, place in figure.points.items():
        assert exact.near(name) == pytest.approx(place, abs=1e-9)
    for stated in {text for facts in said for _, text in facts}:
        claim = read(stated)
        assert holds_true(claim, figure, EXACT) and holds_true(claim, figure, BY_EYE), stated
        assert not certainly_false(claim, figure)
        # A number at a mark is the author's word; the rest can be worked out.
        assert exact_geometry.truth(claim, exact) is True, stated


@pytest.mark.parametrize("row", rows(DOCS.split("## Errors")[1].split("## ")[0]), ids=lambda row: row[0])
def test_a_documented_error_is_what_is_said(row):
    with pytest.raises((ProgramError, FigureError)) as caught:
        solve(parse(row[0]))
    assert str(caught.value) == row[1]


def test_the_documented_session_is_what_python_says():
    blocks = re.findall(r"```python\n(.*?)```", DOCS.split("## Vocabulary")[0], re.DOTALL)
    solve(parse(blocks[0]), EXAM)
    session = doctest.DocTestParser().get_doctest(blocks[1], {}, "docs/diagrams.md", None, 0)
    assert doctest.DocTestRunner(verbose=False).run(session) == (0, len(session.examples))
