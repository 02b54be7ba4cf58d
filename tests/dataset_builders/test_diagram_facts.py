"""Facts hold, are refuted, or neither; what is refuted is false for two judges that share no code with the library.

`plain_geometry` reads the English of a fact, in all its wordings, and measures the figure; `exact_geometry` draws the
program again without rounding.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache

import exact_geometry
import numpy as np
import pytest
from plain_geometry import certainly_false, read, verdict

from dataset_builders.diagram.caption import describe
from dataset_builders.diagram.facts import Fact, agree, facts_of, holds, refuted
from dataset_builders.diagram.figure import DRAWN, EXAM, ROOMY, Figure, FigureError, Limits, solve
from dataset_builders.diagram.program import VOCABULARY, Program, parse
from dataset_builders.diagram.sample import sample_program
from dataset_builders.diagram.simple import sample_simple_program
from dataset_builders.negatives.edits import KINDS, edit

Sampler = Callable[[np.random.Generator, int], tuple[Program, Figure]]


def drawn(text: str) -> Figure:
    return solve(parse(text), DRAWN)


def figure_of(points: str, *lines: str) -> str:
    """A program with points at "A 20 30, B 70 30" and the lines "AB"."""
    places = [word.split() for word in points.split(", ")]
    return "\n".join(
        [f"point({name}, at=({x}, {y}))" for name, x, y in places] + [f"segment({a}, {b})" for a, b in lines]
    )


def ring(points: str) -> str:
    """The closed line through points, with its sides drawn."""
    names = [word.split()[0] for word in points.split(", ")]
    return figure_of(points, *("".join(side) for side in zip(names, names[1:] + names[:1], strict=True)))


def sentences(text: str, fact: Fact) -> list[str]:
    """How the fact that a program states last is said, in each wording."""
    program = parse(text)
    return sorted({dict(describe(program, wording))[fact] for wording in range(40)})


TOP = "triangle(A, B, C, angle=55, other=65, size=74)\n"
CIRCLE = "circle(O, size=50)\nA = on_circle(O, turn=10)\n"
AXES = "O = axes(x=(-5, 5), y=(-5, 5))\n"
LINE = "O = number_line(x=(-5, 5))\n"
TWO = "triangle(A, B, C, angle=55, other=65, at=(28, 28), size=40)\n"

# For each word: a program whose last statement states the fact; a figure that refutes it; one of which it neither
# holds nor is refuted: too close to tell, or not said. Some words leave nothing between.
CASES: dict[str, tuple[str, str, str | None]] = {
    "triangle": (
        'triangle(A, B, C, kind="isosceles", angle=40)',
        ring("A 30 80, B 20 20, C 90 20"),
        ring("A 50 80, B 20 20, C 75 20"),
    ),
    "square": (
        "square(A, B, C, D)",
        ring("A 20 80, B 20 20, C 60 20, D 60 80"),
        ring("A 20 76, B 20 20, C 80 20, D 80 76"),
    ),
    "rectangle": (
        "rectangle(A, B, C, D)",
        ring("A 35 60, B 20 20, C 80 20, D 95 60"),
        ring("A 22 60, B 20 20, C 80 20, D 82 60"),
    ),
    "rhombus": (
        "rhombus(A, B, C, D)",
        ring("A 35 50, B 20 20, C 80 20, D 95 50"),
        ring("A 32 70, B 20 20, C 75 20, D 87 70"),
    ),
    "parallelogram": (
        "parallelogram(A, B, C, D)",
        ring("A 35 60, B 20 20, C 80 20, D 75 60"),
        ring("A 35 60, B 20 20, C 80 20, D 92 60"),
    ),
    "trapezoid": (
        'trapezoid(A, B, C, D, kind="isosceles")',
        ring("A 25 60, B 20 20, C 80 20, D 50 60"),
        ring("A 30 60, B 20 20, C 80 20, D 74 60"),
    ),
    "kite": (
        "kite(A, B, C, D)",
        ring("A 50 90, B 20 60, C 50 10, D 60 60"),
        ring("A 50 90, B 30 65, C 50 10, D 72 65"),
    ),
    "polygon": (
        "polygon(A, B, C, D, E)",
        figure_of("A 20 20, B 80 20, C 90 60, D 50 90, E 10 60", "AB", "BC"),
        ring("A 50 85, B 16.7 60.8, C 29.4 21.7, D 70.6 21.7, E 83.3 60.8"),
    ),
    "circle": ("circle(O)", "point(O)", None),
    "ellipse": ("ellipse(O)", "point(O)", "circle(O)"),
    "similar": (
        TWO + "similar(D, E, F, A, B, C, ratio=0.6, at=(70, 70))",
        TWO + 'triangle(D, E, F, kind="right", angle=30, at=(70, 70), size=40)',
        TWO + "congruent(D, E, F, A, B, C, at=(70, 70))",
    ),
    "congruent": (
        TWO + "congruent(D, E, F, A, B, C, at=(70, 70))",
        TWO + "similar(D, E, F, A, B, C, ratio=0.6, at=(70, 70))",
        TWO + "similar(D, E, F, A, B, C, ratio=0.95, at=(70, 70))",
    ),
    "midpoint": (
        TOP + "D = midpoint(B, C)",
        TOP + "D = point_on(B, C, ratio=0.3)",
        TOP + "D = point_on(B, C, ratio=0.455)",
    ),
    "point_on": (
        TOP + "D = point_on(B, C, ratio=0.3)",
        TOP + "D = midpoint(B, C)",
        TOP + "D = point_on(B, C, ratio=0.475)",
    ),
    "foot": (
        TOP + "D = foot(A, B, C)",
        TOP + "D = cevian(A, B, C, ratio=0.2)",
        TOP + "D = cevian(A, B, C, ratio=0.53)",
    ),
    "altitude": (
        TOP + "D = altitude(A, B, C)",
        TOP + "D = cevian(A, B, C, ratio=0.2)",
        TOP + "D = cevian(A, B, C, ratio=0.53)",
    ),
    "median": (
        TOP + "D = median(A, B, C)",
        TOP + "D = cevian(A, B, C, ratio=0.2)",
        TOP + "D = cevian(A, B, C, ratio=0.455)",
    ),
    "bisector": (
        TOP + "D = bisector(A, B, C)",
        TOP + "D = cevian(A, B, C, ratio=0.2)",
        TOP + "D = cevian(A, B, C, ratio=0.45)",
    ),
    "cevian": (
        TOP + "D = cevian(A, B, C, ratio=0.3)",
        TOP + "D = median(A, B, C)",
        TOP + "D = cevian(A, B, C, ratio=0.475)",
    ),
    "intersection": (
        "square(A, C, B, D)\nsegment(A, B)\nsegment(C, D)\nE = intersection(A, B, C, D)",
        "square(A, B, C, D)\nE = midpoint(A, B)",
        figure_of("A 20 20, B 80 20, C 50 60, D 50 15, E 50 25.5", "AB", "CD"),
    ),
    "parallel": (
        TOP + "D = parallel(A, B, C)",
        TOP + "D = median(A, B, C)",
        figure_of("A 20 20, D 70 24, B 20 60, C 70 60"),
    ),
    "perpendicular": (
        TOP + "D = perpendicular(A, B, C, length=-20)",
        TOP + "D = parallel(A, B, C)",
        figure_of("A 50 20, D 54 70, B 20 80, C 70 80"),
    ),
    "perpendicular_bisector": (
        TOP + "M = midpoint(B, C)\nD = perpendicular_bisector(M, B, C)",
        TOP + "M = midpoint(B, C)\nD = parallel(M, A, C)",
        figure_of("B 20 20, C 80 20, M 52.8 20, D 50 60", "BC", "DM"),
    ),
    "on_circle": (
        CIRCLE + "B = on_circle(O, turn=90)",
        CIRCLE + "point(B, at=(50, 85))",
        CIRCLE + "point(B, at=(50, 76.7))",
    ),
    "radius": (
        CIRCLE + "B = radius(O, turn=90)",
        CIRCLE + "point(B, at=(50, 85))\nsegment(O, B)",
        CIRCLE + "point(B, at=(50, 76.7))\nsegment(O, B)",
    ),
    "diameter": (
        CIRCLE + "B = diameter(O, A)",
        CIRCLE + "B = chord(O, A, turn=90)",
        CIRCLE + "B = chord(O, A, turn=171)",
    ),
    "chord": (
        CIRCLE + "B = chord(O, A, turn=90)",
        CIRCLE + "B = diameter(O, A)",
        CIRCLE + "B = chord(O, A, turn=176)",
    ),
    "tangent": (
        CIRCLE + "B = tangent(O, A)",
        CIRCLE + "B = secant(O, A, turn=40, length=60)",
        "circle(O, size=50)\nA = on_circle(O, turn=0)\npoint(B, at=(72, 90))\nsegment(A, B)",
    ),
    "secant": (
        CIRCLE + "B = secant(O, A, turn=40, length=60)",
        CIRCLE + "B = tangent(O, A)",
        "circle(O, size=50)\nA = on_circle(O, turn=0)\npoint(B, at=(70, 90))\nsegment(A, B)",
    ),
    "tangent_from": (
        "circle(O, at=(30, 50), size=40)\npoint(P, at=(90, 50))\nT = tangent_from(P, O)",
        "circle(O, at=(30, 50), size=40)\npoint(P, at=(90, 50))\nT = radius(O, turn=15)\nsegment(P, T)",
        "circle(O, at=(30, 50), size=40)\npoint(P, at=(90, 50))\nT = radius(O, turn=75)\nsegment(P, T)",
    ),
    "incircle": (
        TOP + "D = incircle(A, B, C)",
        TOP + "D = circumcircle(A, B, C)",
        'triangle(A, B, C, kind="equilateral", size=70)\ncircle(D, at=(50, 50), size=38)',
    ),
    "circumcircle": (
        TOP + "D = circumcircle(A, B, C)",
        TOP + "D = incircle(A, B, C)",
        'triangle(A, B, C, kind="equilateral", size=70)\ncircle(D, at=(50, 50), size=73)',
    ),
    "reflection": (
        figure_of("A 20 80, B 10 50, C 90 50") + "\nD = reflection(A, B, C)",
        figure_of("A 20 80, B 10 50, C 90 50, D 60 20"),
        figure_of("A 20 80, B 10 50, C 90 50, D 21.5 21"),
    ),
    "rotation": (
        figure_of("A 80 50, C 50 50") + "\nD = rotation(A, C, angle=90)",
        figure_of("A 80 50, C 50 50, D 20 50"),
        figure_of("A 80 50, C 50 50, D 51.5 81"),
    ),
    "translation": (
        figure_of("A 20 20, B 20 60, C 60 60") + "\nD = translation(A, B, C)",
        figure_of("A 20 20, B 20 60, C 60 60, D 80 20"),
        figure_of("A 20 20, B 20 60, C 60 60, D 61.5 21"),
    ),
    "axes": ("O = axes()", "point(O)", None),
    "number_line": ("O = number_line()", "point(O)", None),
    "plot": (AXES + "P = plot(x=2, y=3)", AXES + "P = plot(x=3, y=2)", AXES + "P = plot(x=2.2, y=3)"),
    "segment": (figure_of("A 20 20, B 80 20", "AB"), figure_of("A 20 20, B 80 20"), None),
    "ray": (
        "point(A)\npoint(B, at=(80, 50))\nray(A, B)",
        figure_of("A 50 50, B 80 50", "AB"),
        "point(A)\npoint(B, at=(80, 50))\nline(A, B)",
    ),
    "line": ("point(A)\npoint(B, at=(80, 50))\nline(A, B)", figure_of("A 50 50, B 80 50", "AB"), None),
    "arc": (
        figure_of("O 50 50, A 80 50, B 50 80") + "\narc(O, A, B)",
        figure_of("O 50 50, A 80 50, B 50 80"),
        CIRCLE + "B = on_circle(O, turn=100)",
    ),
    "sector": (
        figure_of("O 50 50, A 80 50, B 50 80") + "\nsector(O, A, B)",
        figure_of("O 50 50, A 80 50, B 50 80"),
        None,
    ),
    "graph": (AXES + "graph(a=2, b=1)", AXES + "graph(a=-2, b=1)", None),
    "mark_length": (TOP + "mark_length(A, B, 6)", TOP + "mark_length(A, B, 7)", TOP),
    "mark_angle": (TOP + "mark_angle(A, B, C, 55)", TOP + "mark_angle(A, B, C, 65)", TOP),
    "mark_arc": (
        CIRCLE + "B = on_circle(O, turn=100)\nmark_arc(O, A, B, 90)",
        CIRCLE + "B = on_circle(O, turn=100)\nmark_arc(O, A, B, 80)",
        CIRCLE + "B = on_circle(O, turn=100)",
    ),
    "mark_right_angle": ("square(A, B, C, D)\nmark_right_angle(A, B, C)", "rhombus(A, B, C, D)", "square(A, B, C, D)"),
    "mark_equal": (
        "square(A, B, C, D)\nmark_equal(A, B, B, C)",
        "rectangle(A, B, C, D, ratio=0.6)",
        "rectangle(A, B, C, D, ratio=0.94)",
    ),
    "mark_equal_angles": (
        'triangle(A, B, C, kind="isosceles", angle=40)\nmark_equal_angles(A, B, C, B, C, A)',
        "triangle(A, B, C, angle=60, other=75)",
        "triangle(A, B, C, angle=60, other=64.5)",
    ),
    "mark_parallel": (
        "square(A, B, C, D)\nmark_parallel(A, B, D, C)",
        ring("A 35 60, B 20 20, C 80 20, D 75 60"),
        ring("A 35 60, B 20 20, C 80 20, D 92 60"),
    ),
}


def test_every_word_that_states_something_has_its_cases():
    assert set(CASES) == set(VOCABULARY) - {"point"}
    assert {word for word, case in CASES.items() if case[2] is None} == {
        *("circle", "axes", "number_line", "segment", "line", "sector", "graph")
    }


@pytest.mark.parametrize("word", CASES)
def test_a_fact_holds_or_is_refuted_or_neither(word):
    true, false, between = CASES[word]
    fact = facts_of(parse(true))[-1]
    assert holds(drawn(true), fact) and not refuted(drawn(true), fact)
    assert refuted(drawn(false), fact) and not holds(drawn(false), fact)
    if between is not None:
        assert not holds(drawn(between), fact) and not refuted(drawn(between), fact)


@pytest.mark.parametrize("word", CASES)
def test_plain_and_exact_geometry_judge_the_cases_alike(word):
    """In every wording of the fact."""
    true, false, _ = CASES[word]
    fact = facts_of(parse(true))[-1]
    for sentence in sentences(true, fact):
        claim = read(sentence)
        assert verdict(claim, drawn(true)) == "true", sentence
        assert verdict(claim, drawn(false)) == "false", sentence
        assert exact_geometry.truth(claim, exact_geometry.draw(parse(true))) is True, sentence
        assert exact_geometry.truth(claim, exact_geometry.draw(parse(false))) is False, sentence


# Deep square roots, and sines of which sympy knows no closed form, take minutes to prove.
PROVED = {
    "triangle": 'triangle(A, B, C, kind="right", angle=35)',
    "square": "square(A, B, C, D, turn=20)",
    "rectangle": "rectangle(A, B, C, D, ratio=0.3, turn=10)",
    "rhombus": "rhombus(A, B, C, D, angle=70)",
    "parallelogram": "parallelogram(A, B, C, D, ratio=0.4, angle=50)",
    "trapezoid": 'trapezoid(A, B, C, D, kind="isosceles", ratio=0.3)',
    "kite": "kite(A, B, C, D, angle=100)",
    "midpoint": "triangle(A, B, C, angle=50, other=75)\nD = midpoint(B, C)",
    "median": "square(A, B, C, D)\nE = median(A, B, C)",
    "foot": 'triangle(A, B, C, kind="equilateral")\nD = foot(A, B, C)',
    "intersection": "rectangle(A, B, C, D)\nE = intersection(A, C, B, D)",
    "parallel": "rectangle(A, B, C, D)\nE = parallel(A, B, D)",
    "perpendicular": "rectangle(A, B, C, D)\nE = perpendicular(A, B, D)",
    "diameter": "circle(O)\nA = radius(O, turn=37)\nB = diameter(O, A)",
    "tangent": "circle(O)\nA = radius(O, turn=37)\nB = tangent(O, A)",
    "on_circle": "circle(O)\nA = on_circle(O, turn=37)",
    "circumcircle": 'triangle(A, B, C, kind="equilateral")\nO = circumcircle(A, B, C)',
    "reflection": figure_of("A 20 80, B 10 50, C 90 70") + "\nD = reflection(A, B, C)",
    "rotation": figure_of("A 80 50, C 50 50") + "\nD = rotation(A, C, angle=73)",
    "translation": figure_of("A 20 20, B 20 60, C 60 60") + "\nD = translation(A, B, C)",
}


@pytest.mark.parametrize("word", PROVED)
def test_what_a_construction_says_is_proven_by_algebra(word):
    program = parse(PROVED[word])
    sentence = describe(program, 0)[-1][1]
    assert exact_geometry.proven(read(sentence), exact_geometry.draw(program, exact_geometry.SYMBOLS)), sentence


def test_a_proof_is_not_had_of_what_is_false():
    program = parse("rectangle(A, B, C, D, ratio=0.9)\nE = midpoint(B, C)")
    figure = exact_geometry.draw(program, exact_geometry.SYMBOLS)
    assert exact_geometry.proven(read("E is the midpoint of BC"), figure)
    for sentence in ("ABCD is a square", "E is the midpoint of BD", "AE ⟂ BC", "AB = BC"):
        assert not exact_geometry.proven(read(sentence), figure), sentence


@pytest.mark.parametrize(
    ("figure", "fact", "is_refuted"),
    [
        ("square(A, B, C, D)", Fact("rectangle", tuple("ABCD")), False),
        ("square(A, B, C, D)", Fact("rhombus", tuple("ABCD")), False),
        ("square(A, B, C, D)", Fact("parallelogram", tuple("ABCD")), False),
        ("square(A, B, C, D)", Fact("kite", tuple("ABCD")), False),
        ("square(A, B, C, D)", Fact("trapezoid", tuple("ABCD")), False),
        ("square(A, B, C, D)", Fact("trapezoid", tuple("ABCD"), "isosceles"), False),
        ("square(A, B, C, D)", Fact("trapezoid", tuple("ABCD"), "right"), False),
        ("rectangle(A, B, C, D)", Fact("square", tuple("ABCD")), True),
        ("rectangle(A, B, C, D)", Fact("kite", tuple("ABCD")), True),
        ("rhombus(A, B, C, D)", Fact("square", tuple("ABCD")), True),
        ("rhombus(A, B, C, D)", Fact("kite", tuple("ABCD")), False),
        ("parallelogram(A, B, C, D)", Fact("trapezoid", tuple("ABCD")), False),
        ("parallelogram(A, B, C, D)", Fact("trapezoid", tuple("ABCD"), "right"), True),
        ("square(A, B, C, D)", Fact("square", tuple("ABDC")), True),
        ("square(A, B, C, D)\nsegment(A, C)\nsegment(B, D)", Fact("trapezoid", tuple("ABDC")), True),
        ('triangle(A, B, C, kind="equilateral")', Fact("triangle", tuple("ABC"), "isosceles"), False),
        ('triangle(A, B, C, kind="isosceles", angle=40)', Fact("triangle", tuple("ABC"), "equilateral"), True),
        ('triangle(A, B, C, kind="isosceles", angle=40)', Fact("triangle", tuple("ABC"), "scalene"), True),
        ('triangle(A, B, C, kind="right", angle=35)', Fact("triangle", tuple("ABC"), "scalene"), False),
        ("circle(O)", Fact("ellipse", ("O",)), False),
        ("ellipse(O)", Fact("circle", ("O",)), True),
        (TWO + "congruent(D, E, F, A, B, C, at=(70, 70))", Fact("similar", tuple("DEFABC")), False),
        ("square(A, B, C, D)", Fact("square", tuple("ABCZ")), True),
    ],
)
def test_names_are_read_widely_before_anything_is_refuted(figure, fact, is_refuted):
    assert refuted(drawn(figure), fact) == is_refuted
    assert not (is_refuted and holds(drawn(figure), fact))


@cache
def sampled(sampler: Sampler) -> list[tuple[Program, Figure, list[tuple[Program, tuple[Fact, ...]]]]]:
    """Programs with edits of each kind; of what an edit states all holds, on its own figure."""
    limits: Limits = EXAM if sampler is sample_program else ROOMY
    found = []
    for seed in range(250):
        rng = np.random.default_rng([7, seed])
        program, figure = sampler(rng, 1 + seed % 8)
        edits = []
        for kind in KINDS * 2:
            edited = edit(kind, program, figure, rng)
            if edited is None:
                continue
            try:
                its_figure = solve(edited, limits)
            except FigureError:
                continue
            facts = tuple(facts_of(edited))
            if all(holds(its_figure, fact) for fact in facts) and agree(its_figure, list(facts)):
                edits.append((edited, facts))
        found.append((program, figure, edits))
    return found


def pairs(sampler: Sampler) -> Iterator[tuple[Program, Figure, Fact, str]]:
    """A figure, and a fact of an edit of it with one of its sentences."""
    for place, (program, figure, edits) in enumerate(sampled(sampler)):
        for edited, facts in edits:
            for wording in range(3):
                for fact, sentence in zip(facts, (s for _, s in describe(edited, 3 * place + wording)), strict=True):
                    yield program, figure, fact, sentence


# Kinds of fact that are refuted although some reading of some wording makes them true: each has a case below.
OPEN: set[str] = set()


@pytest.mark.parametrize("sampler", [sample_program, sample_simple_program])
def test_what_is_refuted_does_not_hold(sampler):
    counts = Counter()
    for _, figure, fact, _ in pairs(sampler):
        both = holds(figure, fact), refuted(figure, fact)
        if fact.kind in ("mark_length", "mark_angle") and fact.kind in OPEN:
            continue  # see test_what_one_mark_gives_no_other_takes_away
        assert both != (True, True), fact
        counts[both] += 1
    assert sum(counts.values()) > 4000 and min(counts[True, False], counts[False, True]) > 500
    assert counts[False, False] > 20


@pytest.mark.parametrize("sampler", [sample_program, sample_simple_program])
def test_what_a_program_states_is_exactly_true(sampler):
    kinds = Counter()
    for place, (program, figure, _) in enumerate(sampled(sampler)):
        exact = exact_geometry.draw(program)
        for name, (x, y) in figure.points.items():
            assert exact.near(name) == pytest.approx((x, y), abs=1e-9), (name, str(program))
        for fact, sentence in describe(program, place):
            assert exact_geometry.truth(read(sentence), exact) is True, (sentence, str(program))
            kinds[fact.kind] += 1
    assert len(kinds) > (30 if sampler is sample_program else 12)


@pytest.mark.parametrize("sampler", [sample_program, sample_simple_program])
def test_what_is_refuted_is_false_by_every_reading(sampler):
    """By plain geometry visibly so, by exact geometry exactly."""
    counts = Counter()
    for program, figure, fact, sentence in pairs(sampler):
        if refuted(figure, fact) and fact.kind not in OPEN:
            claim = read(sentence)
            assert certainly_false(claim, figure), (sentence, str(program))
            exact = exact_geometry.truth(claim, exact_geometry.draw(program))
            assert exact is not True, (sentence, str(program))
            counts[fact.kind] += 1
    assert sum(counts.values()) > 300 and len(counts) > 3, counts


def test_what_one_mark_gives_no_other_takes_away():
    marks = "mark_length(A, B, 24.5)\nmark_length(A, C, 23)"
    figure = drawn(figure_of("A 20 50, B 60 50, C 20 87.6, D 46.3 78.5", "AB", "AC") + "\n" + marks)
    fact = Fact("mark_length", tuple("AD"), 24.5)
    assert not (holds(figure, fact) and refuted(figure, fact))


RADIUS = "circle(O, size=60)\nA = radius(O, turn=0)\n"
COPIES = "triangle(A, B, C, at=(28, 28), size=44)\nsimilar(D, E, F, A, B, C, at=(70, 70))"
# Figure, fact, and the sentence for it that is true, or that nothing in the figure decides.
TRUE_AND_REFUTED = {
    "two radii make a diameter": (
        RADIUS + "B = radius(O, turn=180)",
        Fact("diameter", tuple("BOA")),
        "AB is a diameter",
    ),
    "two segments make a longer one": (
        figure_of("A 20 50, B 80 50, D 50 50", "AD", "DB"),
        Fact("segment", tuple("AB")),
        "A and B are joined",
    ),
    "a circle with two radii has a sector": (
        RADIUS + "B = radius(O, turn=100)",
        Fact("sector", tuple("OAB")),
        "OAB is a sector with centre O",
    ),
    "a diagonal of a rhombus bisects its angle": (
        "rhombus(A, B, C, D, angle=60, size=74)\nsegment(A, C)",
        Fact("bisector", tuple("CABD")),
        "AC bisects ∠BAD",
    ),
    "a perpendicular bisector read backwards": (
        "square(A, B, C, D, size=70)\nM = midpoint(B, C)\nE = perpendicular_bisector(M, B, C, length=30)",
        Fact("perpendicular_bisector", tuple("MEBC")),
        "ME is the perpendicular bisector of BC",
    ),
    "a perpendicular bisector through apex and circumcentre": (
        'triangle(A, B, C, kind="isosceles", angle=50, size=74)\nO = circumcircle(A, B, C)\nsegment(A, O)',
        Fact("perpendicular_bisector", tuple("AOBC")),
        "AO is the perpendicular bisector of BC",
    ),
    "a median read backwards": (TOP + "D = median(A, B, C)", Fact("median", tuple("ADBC")), "DA is the median to BC"),
    "an altitude read backwards": (TOP + "D = foot(A, B, C)", Fact("foot", tuple("ADBC")), "DA is the altitude to BC"),
    "a line from a vertex read backwards": (
        TOP + "D = cevian(A, B, C, ratio=0.3)",
        Fact("cevian", tuple("ADBC")),
        "DA ends on BC nearer to B",
    ),
    "a radius read backwards": (RADIUS, Fact("radius", tuple("OA")), "Radius AO is drawn"),
    "a rotation either way": (
        figure_of("C 50 50, A 80 50") + "\nB = rotation(A, C, angle=90)",
        Fact("rotation", tuple("ABC"), 90),
        "A is B rotated by 90° about C",
    ),
    "similar, corners in another order": (
        COPIES,
        Fact("similar", tuple("DFEABC")),
        "Triangles DFE and ABC are similar",
    ),
    "congruent, corners in another order": (
        COPIES.replace("similar", "congruent"),
        Fact("congruent", tuple("DFEABC")),
        "Triangles DFE and ABC are congruent",
    ),
    "an incentre without its circle": (
        'triangle(A, B, C, kind="isosceles", angle=50, size=74)\nD = bisector(A, B, C)\nE = bisector(B, A, C)\n'
        "I = intersection(A, D, B, E)",
        Fact("incircle", tuple("IABC")),
        "I is the incentre of △ABC",
    ),
    "an incentre whose circle is another": (
        'triangle(A, B, C, kind="equilateral", size=74)\nO = circumcircle(A, B, C)',
        Fact("incircle", tuple("OABC")),
        "O is the incentre of △ABC",
    ),
    "a diameter, of no circle by name": (
        RADIUS + "B = diameter(O, A)\nC = radius(O, turn=80)",
        Fact("diameter", tuple("BCA")),
        "AB is a diameter",
    ),
    "a chord, of no circle by name": (
        RADIUS + "B = chord(O, A, turn=90)\nC = radius(O, turn=200)",
        Fact("chord", tuple("BCA")),
        "AB is a chord, not a diameter",
    ),
    "hardly scalene": (
        "triangle(A, B, C, angle=60, other=59.7, size=74)",
        Fact("triangle", tuple("ABC"), "scalene"),
        "Triangle ABC is scalene",
    ),
    "hardly nearer": (
        "square(A, B, C, D)\nE = point_on(A, B, ratio=0.495)",
        Fact("point_on", tuple("EAB")),
        "E lies on AB nearer to A",
    ),
    "hardly off the centre": (
        RADIUS + "B = chord(O, A, turn=178.8)",
        Fact("chord", tuple("BOA")),
        "AB is a chord off the centre O",
    ),
    "a secant that ends at the circle": (
        "circle(O, size=50)\nA = on_circle(O, turn=0)\npoint(E, at=(90, 50))\nsegment(A, E)",
        Fact("secant", tuple("EOA")),
        "EA cuts circle O at A",
    ),
    "a length a little longer than the one marked": (
        "triangle(A, B, C, angle=60, other=58, size=74)\nmark_length(A, C, 100)",
        Fact("mark_length", tuple("AB"), 97.9),
        "AB = 97.9",
    ),
    "half of a length, where marks are not to scale": (
        "rectangle(A, B, C, D, ratio=0.4, size=74)\nE = midpoint(B, C)\nmark_length(A, B, 9)\nmark_length(B, C, 12)",
        Fact("mark_length", tuple("BE"), 6),
        "BE = 6",
    ),
    "a third angle, where marks are not to scale": (
        'triangle(A, B, C, kind="right", angle=50, size=74)\nmark_angle(A, B, C, 35)',
        Fact("mark_angle", tuple("BCA"), 55),
        "∠BCA = 55°",
    ),
    "the arc the other way": (
        RADIUS + "B = radius(O, turn=100)\nmark_arc(O, A, B, 100)",
        Fact("mark_arc", tuple("OBA"), 260),
        "Arc BA = 260°",
    ),
    "marked equal, drawn otherwise": (
        figure_of("A 10 10, B 60 10, C 10 40, D 40 40", "AB", "CD") + "\nmark_equal(A, B, C, D)",
        Fact("mark_equal", tuple("ABCD")),
        "AB = CD",
    ),
    "marked parallel, drawn otherwise": (
        figure_of("A 10 10, B 60 10, C 10 40, D 60 50", "AB", "CD") + "\nmark_parallel(A, B, C, D)",
        Fact("mark_parallel", tuple("ABCD")),
        "AB ∥ CD",
    ),
    "one line is parallel to itself": (
        figure_of("A 10 50, B 30 50, C 60 50, D 80 50", "AB", "CD"),
        Fact("mark_parallel", tuple("ABCD")),
        "AB ∥ CD",
    ),
    "lines that meet beyond their ends": (
        figure_of("A 20 50, B 50 50, C 80 20, D 80 80", "AB", "CD") + "\nE = midpoint(C, D)",
        Fact("intersection", tuple("EABCD")),
        "AB and CD intersect at E",
    ),
    "a graph drawn as a line": (
        AXES + "A = plot(x=1, y=1)\nB = plot(x=3, y=3)\nline(A, B)",
        Fact("graph", (), ("linear", 1, 0)),
        "The graph of y = x",
    ),
    "each axis is a number line": (AXES, Fact("number_line", ("O",)), "A number line with origin O"),
    "an ellipse that looks like a circle": (
        "ellipse(O, ratio=0.95)",
        Fact("circle", ("O",)),
        "A circle with centre O",
    ),
    "the foot of an altitude that is not drawn": (
        'triangle(A, B, C, kind="isosceles", angle=50, size=74)\nD = midpoint(B, C)',
        Fact("altitude", tuple("DABC")),
        "D is the foot of the altitude from A to BC",
    ),
}


@pytest.mark.parametrize("name", TRUE_AND_REFUTED)
def test_what_some_reading_makes_true_is_not_refuted(name):
    text, fact, sentence = TRUE_AND_REFUTED[name]
    figure, claim = drawn(text), read(sentence)
    assert not certainly_false(claim, figure)  # the case is one
    assert not refuted(figure, fact)
