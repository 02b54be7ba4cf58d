"""What can be asked of a figure and read off it: each question with its answer and the fact that decides it.

A yes is a fact that holds exactly; a no is one that is false by a margin that nobody overlooks. What lies between is
not asked, nor what the drawing leaves open: a number that is nowhere marked, a point that two may be meant by.
"""

import itertools
import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

from dataset_builders.diagram.caption import written
from dataset_builders.diagram.facts import LOOSE, Fact, holds, refuted
from dataset_builders.diagram.figure import Figure, angle_at, distance, undivided

YES, NO = "yes", "no"
TRIANGLES = ("equilateral", "isosceles", "right", "scalene")
QUADRILATERALS = ("square", "rectangle", "rhombus", "parallelogram", "trapezoid", "kite")

# A yes is exact, as constructions are: degrees, and shares of a length. A no is off by so much at least.
_EXACT_DEGREES, _EXACT_SHARE = 0.05, 0.002
_OFF_DEGREES, _OFF_SHARE, _OFF_MIDDLE, _OFF_CENTRE = 15.0, 0.25, 0.12, 6.0
# Sides of a scalene triangle differ by so much: 5 pixels of 60.
_UNEQUAL_SIDES = 0.08

Pair = tuple[str, str]


class Asked(NamedTuple):
    """A question on a figure.

    Attributes:
        form: Which question, one of [`FORMS`].
        target: What the answer is drawn by: for yes and no the answer, with `shared` for segments that share an end;
            for shapes the name; empty for all else.
        names: What fills the wording: letters, or a number.
        answer: Short and exact: `6`, `AB` (in alphabetical order), `yes`, `D`, `isosceles`.
        fact: What holds if the answer is right; for a no, what is refuted.
    """

    form: str
    target: str
    names: tuple[str, ...]
    answer: str
    fact: Fact


def ask(figure: Figure, form: str, target: str | None = None) -> list[Asked]:
    """All questions of a form that the figure answers, each true by `holds` or, for a no, by `refuted`.

    Args:
        figure: What is looked at.
        form: One of [`FORMS`].
        target: Only those whose answer is drawn by this one of [`TARGETS`].
    """
    found = (asked for asked in _QUESTIONS[form](figure) if target is None or asked.target == target)
    return [asked for asked in found if verified(figure, asked)]


def verified(figure: Figure, asked: Asked) -> bool:
    """Whether the fact that decides a question is true of the figure, or certainly false where the answer is no."""
    return refuted(figure, asked.fact) if asked.answer == NO else holds(figure, asked.fact)


def _lengths(figure: Figure) -> Iterator[Asked]:
    """How long is AB?"""
    for ends, value in _marked(figure, "length"):
        yield Asked("length", "", ends, written(value), Fact("mark_length", ends, value))


def _segments(figure: Figure) -> Iterator[Asked]:
    """Which segment is 6 long? Where no other one can be."""
    marks = _marked(figure, "length")
    drawn = _segments_drawn(figure)
    for ends, value in marks:
        others = [pair for pair in drawn if set(pair) != set(ends)]
        # Sides of equal length are 6 long as well, marked or not.
        alike = any(_share(figure, ends, pair) < LOOSE.lengths for pair in others)
        if not alike and sum(other == value for _, other in marks) == 1:
            yield Asked("segment", "", (written(value),), "".join(sorted(ends)), Fact("mark_length", ends, value))


def _angles(figure: Figure) -> Iterator[Asked]:
    """What is angle ABC?"""
    for corner, value in _marked(figure, "angle"):
        yield Asked("angle", "", corner, written(value), Fact("mark_angle", corner, value))


def _parallels(figure: Figure) -> Iterator[Asked]:
    """Is AB parallel to CD?"""
    for first, second in _apart(figure):
        turn = _between(figure, first, second)
        answer = YES if turn < _EXACT_DEGREES else NO if turn > _OFF_DEGREES else None
        if answer and (answer == NO or _off_line(figure, first, second) > 8):
            yield Asked("parallel", answer, (*first, *second), answer, Fact("parallel", (*first, *second)))


def _perpendiculars(figure: Figure) -> Iterator[Asked]:
    """Is AB perpendicular to CD?"""
    for first, second in _apart(figure):
        off = 90 - _between(figure, first, second)
        answer = YES if off < _EXACT_DEGREES else NO if off > _OFF_DEGREES else None
        if answer:
            yield Asked("perpendicular", answer, (*first, *second), answer, Fact("perpendicular", (*first, *second)))


def _right_angles(figure: Figure) -> Iterator[Asked]:
    """Is angle ABC a right angle?"""
    marked = dict(_marked(figure, "angle"))
    for before, at, after in _corners(figure):
        degrees = angle_at(figure, before, at, after)
        off = abs(degrees - 90)
        answer = YES if off < _EXACT_DEGREES else NO if off > _OFF_DEGREES and 15 < degrees < 165 else None
        value = marked.get((before, at, after), marked.get((after, at, before)))
        # Figures are not to scale: what is marked counts for more than what is drawn.
        if answer and (value is None or (value == 90) == (answer == YES)):
            fact = Fact("perpendicular", (before, at, at, after))
            yield Asked("right_angle", answer, (before, at, after), answer, fact)


def _equals(figure: Figure) -> Iterator[Asked]:
    """Is AB as long as CD? No where neither the drawing nor the numbers leave a doubt."""
    value_of = {frozenset(ends): value for ends, value in _marked(figure, "length")}
    for first, second in itertools.combinations(_segments_drawn(figure), 2):
        share = _share(figure, first, second)
        answer = YES if share < _EXACT_SHARE else NO if share > _OFF_SHARE else None
        values = [value_of.get(frozenset(pair)) for pair in (first, second)]
        contradicted = None not in values and (values[0] == values[1]) != (answer == YES)
        within = len({*first, *second}) == 3 and _between(figure, first, second) < 1  # AB against AD on it
        if answer and not contradicted and not within:
            # Two sides with a common corner are equal more often than others, which a text tells.
            shared = " shared" if set(first) & set(second) else ""
            yield Asked("equal", answer + shared, (*first, *second), answer, Fact("mark_equal", (*first, *second)))


def _midpoints(figure: Figure) -> Iterator[Asked]:
    """Which point is the midpoint of AB?"""
    for point, ends, along in _inside(figure):
        if abs(along - 0.5) < _EXACT_SHARE:
            yield Asked("midpoint", "", ends, point, Fact("midpoint", (point, *ends)))


def _is_midpoint(figure: Figure) -> Iterator[Asked]:
    """Is D the midpoint of AB? Of points that lie on AB."""
    for point, ends, along in _inside(figure):
        off = abs(along - 0.5)
        answer = YES if off < _EXACT_SHARE else NO if off > _OFF_MIDDLE else None
        if answer:
            yield Asked("is_midpoint", answer, (point, *ends), answer, Fact("midpoint", (point, *ends)))


def _triangles(figure: Figure) -> Iterator[Asked]:
    """What kind of triangle is ABC? A right one with two equal sides is not asked about."""
    for shape in figure.outline:
        if len(shape) != 3:
            continue
        sides = [distance(figure, *pair) for pair in itertools.combinations(shape, 2)]
        shares = [abs(a - b) / max(a, b) for a, b in itertools.combinations(sides, 2)]
        equal = sum(share < _EXACT_SHARE for share in shares)
        turns = _turns(shape)
        right = [turn for turn in turns if abs(angle_at(figure, turn[-1], *turn[:2]) - 90) < _EXACT_DEGREES]
        unlike = [share for share in shares if share >= _EXACT_SHARE]
        doubtful = any(share < _UNEQUAL_SIDES for share in unlike)
        if right and not equal:
            yield Asked("triangle", "right", shape, "right", Fact("triangle", right[0], "right"))
        elif not right and not doubtful and equal in (0, 1, 3):
            kind = {0: "scalene", 1: "isosceles", 3: "equilateral"}[equal]
            yield Asked("triangle", kind, shape, kind, Fact("triangle", shape, kind))


def _quadrilaterals(figure: Figure) -> Iterator[Asked]:
    """What kind of quadrilateral is ABCD? By the strictest of its names, where no stricter one is near."""
    for shape in figure.outline:
        if len(shape) == 4:
            names = [name for name in QUADRILATERALS if holds(figure, Fact(name, shape))]
            if len(names) == 1 and all(refuted(figure, Fact(name, shape)) for name in _STRICTER[names[0]]):
                yield Asked("quadrilateral", names[0], shape, names[0], Fact(names[0], shape))


def _centres(figure: Figure) -> Iterator[Asked]:
    """Which point is the centre of the circle? Of the only one."""
    if len(figure.circles) == 1 and not figure.ellipses and len(figure.points) > 1:
        (centre,) = figure.circles
        yield Asked("centre", "", (), centre, Fact("circle", (centre,)))


def _diameters(figure: Figure) -> Iterator[Asked]:
    """Is AB a diameter of the circle? Of its chords."""
    if len(figure.circles) != 1:
        return
    ((centre, radius),) = figure.circles.items()
    for first, second in _segments_drawn(figure):
        gaps = [abs(distance(figure, centre, point) - radius) for point in (first, second)]
        if max(gaps) > 0.1:
            continue
        off = _off_line(figure, (first, second), (centre, centre))
        answer = YES if off < 0.05 else NO if off > _OFF_CENTRE else None
        if answer:
            yield Asked("diameter", answer, (first, second), answer, Fact("diameter", (first, centre, second)))


_QUESTIONS: dict[str, Callable[[Figure], Iterator[Asked]]] = {
    "length": _lengths,
    "segment": _segments,
    "angle": _angles,
    "parallel": _parallels,
    "perpendicular": _perpendiculars,
    "right_angle": _right_angles,
    "equal": _equals,
    "midpoint": _midpoints,
    "is_midpoint": _is_midpoint,
    "triangle": _triangles,
    "quadrilateral": _quadrilaterals,
    "centre": _centres,
    "diameter": _diameters,
}
TARGETS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(_QUESTIONS, ("",)),
    **dict.fromkeys(("parallel", "perpendicular", "right_angle", "is_midpoint", "diameter"), (YES, NO)),
    "equal": ("yes", "no", "yes shared", "no shared"),
    "triangle": TRIANGLES,
    "quadrilateral": QUADRILATERALS,
}
"""The forms, and what their answers are drawn by, each equally often."""
FORMS = tuple(TARGETS)

# Which names would be stricter, so that a drawing that is nearly one of these has no certain name.
_STRICTER = {
    "square": (),
    "rectangle": ("square",),
    "rhombus": ("square",),
    "parallelogram": ("rectangle", "rhombus"),
    "trapezoid": ("parallelogram",),
    "kite": ("rhombus",),
}


def _marked(figure: Figure, kind: str) -> list[tuple[tuple[str, ...], float]]:
    """Marks with a number, not with a formula, and with one number only."""
    found = [(at, value) for there, at, value in figure.marks if there == kind and isinstance(value, int | float)]
    return [(at, value) for at, value in found if sum({*at} == {*other} for other, _ in found) == 1]


def _segments_drawn(figure: Figure) -> list[Pair]:
    """Drawn segments and their undivided parts, each once."""
    pairs = {frozenset(pair): pair for pair in (*undivided(figure), *figure.segments)}
    return list(pairs.values())


def _apart(figure: Figure) -> Iterator[tuple[Pair, Pair]]:
    """Pairs of drawn lines without a common point: two that share one are never parallel, which a text tells."""
    lines = {frozenset(pair): pair for pair in (*_segments_drawn(figure), *figure.rays, *figure.lines)}
    for first, second in itertools.combinations(lines.values(), 2):
        if not set(first) & set(second):
            yield first, second


def _corners(figure: Figure) -> Iterator[tuple[str, str, str]]:
    """Angles between drawn lines at a point."""
    around: dict[str, set[str]] = {}
    for first, second in undivided(figure):
        around.setdefault(first, set()).add(second)
        around.setdefault(second, set()).add(first)
    for at, others in around.items():
        for before, after in itertools.combinations(sorted(others), 2):
            yield before, at, after


def _inside(figure: Figure) -> Iterator[tuple[str, Pair, float]]:
    """Points on drawn segments, apart from the ends, with the share of the segment before them."""
    for ends in figure.segments:
        whole = distance(figure, *ends)
        for point in figure.points:
            before, after = distance(figure, ends[0], point), distance(figure, point, ends[1])
            if point not in ends and before + after < whole + 0.01:
                yield point, ends, before / whole


def _share(figure: Figure, first: Pair, second: Pair) -> float:
    """By how much two lengths differ, in share of the larger."""
    lengths = distance(figure, *first), distance(figure, *second)
    return abs(lengths[0] - lengths[1]) / max(lengths)


def _between(figure: Figure, first: Pair, second: Pair) -> float:
    """The angle between two lines in degrees, 0 to 90."""
    headings = []
    for start, end in (first, second):
        (x, y), (u, v) = figure.points[start], figure.points[end]
        headings.append(math.degrees(math.atan2(v - y, u - x)))
    turn = (headings[0] - headings[1]) % 180
    return min(turn, 180 - turn)


def _off_line(figure: Figure, line: Pair, others: Pair) -> float:
    """The smaller distance of two points from a line, in hundredths of the frame's side."""
    (x, y), (u, v) = (figure.points[name] for name in line)
    length = math.hypot(u - x, v - y)
    offs = [abs((u - x) * (q - y) - (v - y) * (p - x)) / length for p, q in (figure.points[name] for name in others)]
    return min(offs)


def _turns(shape: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [shape[place:] + shape[:place] for place in range(len(shape))]
