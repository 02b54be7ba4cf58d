"""Facts: statements that hold on a figure or not, decided by its coordinates and marks.

Between what holds and what is refuted lies what the eye cannot tell: an angle of 86° is neither right nor clearly not.
A fact holds within the tolerance of [`SEEN`], by the narrowest name of a shape; it is refuted only where the widest
reading fails too: beyond the tolerance of [`LOOSE`], and with a square counted among the rectangles.
"""

import itertools
import math
from typing import NamedTuple

import numpy as np

from dataset_builders.diagram.figure import Figure, Graph, Point, Scale, angle_at, distance
from dataset_builders.diagram.program import Program, Statement

# What counts as equal, and as right, to the eye at the size of training.
EQUAL_LENGTHS = 0.04
EQUAL_DEGREES = 3.0


class Eye(NamedTuple):
    """What passes for equal: lengths by their relative difference, angles in degrees, places in hundredths, the middle
    of a side by the share of it.

    `apart` scales how different things must be that a fact says are not equal; `inclusive` counts a square among the
    rectangles, and an equilateral triangle among the isosceles ones; it also asks what is drawn, not by which word.
    """

    lengths: float
    degrees: float
    place: float
    middle: float
    apart: float
    inclusive: bool


SEEN = Eye(EQUAL_LENGTHS, EQUAL_DEGREES, 1.0, EQUAL_LENGTHS, 1.0, False)
LOOSE = Eye(0.1, 6.0, 2.5, 0.06, 1e-5, True)
# A figure's marks tell of what is not marked as far as it is drawn to scale: sizes that differ by more than this, in
# share of the larger and in degrees, are not marked with the same value.
UNLIKE = Eye(0.2, 15.0, 2.5, 0.06, 1e-5, True)


class Fact(NamedTuple):
    """`kind` said of `points`: `Fact("midpoint", ("D", "B", "C"))`; `value` for marks, coordinates and equations, the
    word for triangles and trapezoids."""

    kind: str
    points: tuple[str, ...]
    value: float | str | tuple | None = None


def facts_of(program: Program) -> list[Fact]:
    """What a program states, one fact for each statement that states something, in its order."""
    return [fact for statement in program.statements if (fact := _fact(statement)) is not None]


def _fact(statement: Statement) -> Fact | None:
    verb, option = statement.verb, statement.option
    if verb == "point":
        return None
    points = (statement.target, *statement.points) if statement.target else statement.points
    if verb in ("point_on", "cevian") and option("ratio") > 0.5:
        points = (*points[:-2], points[-1], points[-2])  # the end that it is nearer to comes first
    if verb == "triangle":
        return Fact("triangle", points, option("kind"))
    if verb == "trapezoid":
        return Fact("trapezoid", points, None if option("kind") == "plain" else option("kind"))
    if verb == "tangent_from":
        return Fact("tangent", (points[1], points[2], points[0]))
    if verb == "rotation":
        return Fact("rotation", points, option("angle"))
    if verb == "plot":
        return Fact("plot", points, (option("x"), option("y")))
    if verb == "graph":
        kind = option("kind")
        names = {"linear": "ab", "quadratic": "abc", "inverse": "a"}[kind]
        return Fact("graph", (), (kind, *(option(name) for name in names)))
    return Fact(verb, points, statement.value)


def holds(figure: Figure, fact: Fact) -> bool:
    """Whether a fact is true of a figure; false as well when a point that it names is not there."""
    return all(point in figure.points for point in fact.points) and _CHECKS[fact.kind](figure, fact, SEEN)


def refuted(figure: Figure, fact: Fact) -> bool:
    """Whether a fact is certainly and visibly false of a figure, by any reading of its words.

    Certain is also what names a point that the figure lacks. Not refuted is a length or an angle that is nowhere
    marked and that no mark contradicts: the figure does not say.
    """
    # "AB is a diameter" does not name the circle.
    named = (fact.points[0], fact.points[2]) if fact.kind in ("diameter", "chord") else fact.points
    if not all(point in figure.points for point in named):
        return True
    if fact.kind in ("mark_length", "mark_angle", "mark_arc"):
        return _refuted_mark(figure, fact)
    return not _CHECKS[fact.kind](figure, fact, LOOSE)


def agree(figure: Figure, facts: list[Fact]) -> bool:
    """Whether marks contradict neither one another, nor the drawing, nor the shape.

    Two lengths, or two angles, have equal values where they are drawn equal and nowhere else, and the larger one is
    drawn larger: no leg is longer than its hypotenuse, no rectangle's sides are all 9. The angles of a shape are what
    its name leaves open: no square has one of 80°, no parallelogram two neighbours that sum to 150°.
    """
    marks = [fact for fact in facts if fact.kind in ("mark_length", "mark_angle")]
    for place, first in enumerate(marks):
        for second in marks[:place]:
            if first.kind == second.kind and not _same_order(figure, first, second):
                return False
    shapes = [fact for fact in facts if fact.kind in _ANGLES]
    angles = {fact.points[1]: fact for fact in marks if fact.kind == "mark_angle" and not isinstance(fact.value, str)}
    if not all(_same_side(angle_at(figure, *mark.points), float(mark.value)) for mark in angles.values()):
        return False
    return all(
        _ANGLES[shape.kind](figure, shape, {at: float(mark.value) for at, mark in angles.items() if _of(mark, shape)})
        for shape in shapes
    )


def to_scale(figure: Figure, facts: list[Fact]) -> bool:
    """Whether marked numbers fit the drawing as far as [`refuted`] relies on it: lengths to each other within a fifth,
    angles within 12 degrees."""
    numbers = [fact for fact in facts if not isinstance(fact.value, str)]
    angles = [fact for fact in numbers if fact.kind == "mark_angle"]
    units = [fact.value / distance(figure, *fact.points) for fact in numbers if fact.kind == "mark_length"]
    if units and max(units) > 1.2 * min(units):
        return False
    return all(abs(angle_at(figure, *fact.points) - float(fact.value)) <= 12 for fact in angles)


def _of(mark: Fact, shape: Fact) -> bool:
    return set(mark.points) <= set(shape.points)


def _same_side(drawn: float, degrees: float) -> bool:
    """Whether an angle is marked acute, right or obtuse as it is drawn."""
    if degrees == 90:
        return abs(drawn - 90) < EQUAL_DEGREES
    return drawn < 90 + EQUAL_DEGREES if degrees < 90 else drawn > 90 - EQUAL_DEGREES


def _same_order(figure: Figure, first: Fact, second: Fact) -> bool:
    """Whether the values of two marks stand to one another as what they mark does in the drawing."""
    if _equal(figure, first.points, second.points, SEEN):
        return first.value == second.value
    if isinstance(first.value, str) or isinstance(second.value, str):
        return first.value != second.value  # a formula says nothing of how large it is
    measure = distance if len(first.points) == 2 else angle_at
    return first.value != second.value and (first.value > second.value) == (
        measure(figure, *first.points) > measure(figure, *second.points)
    )


def _forced_angles(figure: Figure, shape: Fact, marked: dict[str, float]) -> bool:
    """Squares, rectangles, regular polygons: the name says how large every angle is."""
    names = shape.points
    around = {at: (names[i - 1], at, names[(i + 1) % len(names)]) for i, at in enumerate(names)}
    return all(abs(angle_at(figure, *around[at]) - degrees) < EQUAL_DEGREES for at, degrees in marked.items())


def _triangle_angles(figure: Figure, shape: Fact, marked: dict[str, float]) -> bool:
    """The three sum to 180°, and are what right, isosceles and equilateral say of them."""
    if shape.value == "equilateral":
        return _forced_angles(figure, shape, marked)
    first, *base = shape.points
    degrees = dict(marked)
    if shape.value == "right":
        if degrees.setdefault(first, 90.0) != 90.0:
            return False
    elif shape.value == "isosceles":
        # The vertex that is named first is the apex; the other two angles are equal.
        for one, other in (base, base[::-1]):
            if one in degrees:
                degrees.setdefault(other, degrees[one])
    total = sum(degrees.values())
    return total == 180 if len(degrees) == 3 else total < 180


def _slanted_angles(figure: Figure, shape: Fact, marked: dict[str, float]) -> bool:
    """Shapes with parallel sides: neighbours between them sum to 180°."""
    a, b, c, d = shape.points
    corners = {a: (d, a, b), b: (a, b, c), c: (b, c, d), d: (c, d, a)}
    drawn = {at: angle_at(figure, *corners[at]) for at in marked}
    return all(
        marked[one] + marked[other] == 180
        for one in marked
        for other in marked
        if one < other and abs(drawn[one] + drawn[other] - 180) < EQUAL_DEGREES
    )


def _kite_angles(figure: Figure, shape: Fact, marked: dict[str, float]) -> bool:
    """The four sum to 360°."""
    total = sum(marked.values())
    return total == 360 if len(marked) == 4 else total < 360


_ANGLES = {
    "triangle": _triangle_angles,
    **dict.fromkeys(("square", "rectangle", "polygon"), _forced_angles),
    **dict.fromkeys(("parallelogram", "rhombus", "trapezoid"), _slanted_angles),
    "kite": _kite_angles,
}


def _outlined(figure: Figure, names: tuple[str, ...], eye: Eye) -> bool:
    """Whether these points are a drawn shape in this order, starting anywhere, going either way."""
    if eye.inclusive:
        return all(_chained(figure, *side) for side in zip(names, (*names[1:], names[0]), strict=True))
    return any(
        len(shape) == len(names) and any(names in _turns(order) for order in (shape, shape[::-1]))
        for shape in figure.outline
    )


def _turns(names: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [names[i:] + names[:i] for i in range(len(names))]


def _joined(figure: Figure, first: str, second: str, eye: Eye) -> bool:
    if (first, second) in figure.segments or (second, first) in figure.segments:
        return True
    return eye.inclusive and _chained(figure, first, second)


def _covered(figure: Figure, first: str, second: str) -> bool:
    """Whether the two points are joined by a drawn segment, ray or line, or by a part of one."""
    if (first, second) in figure.segments or (second, first) in figure.segments:
        return True
    whole = distance(figure, first, second)
    if whole == 0:
        return False
    for start, end in figure.segments:
        length = distance(figure, start, end)
        if length + 1 > whole and all(_within(figure, point, start, end, length) for point in (first, second)):
            return True
    for start, end in figure.lines:
        if all(_off_line(figure, point, start, end) < 1 for point in (first, second)):
            return True
    return any(
        all(
            _off_line(figure, point, start, end) < 1 and (point == start or angle_at(figure, point, start, end) < 90)
            for point in (first, second)
        )
        for start, end in figure.rays
    )


def _chained(figure: Figure, first: str, second: str) -> bool:
    """Whether the two points are joined by drawn lines one after another, all in one direction."""
    length = distance(figure, first, second)
    between = [point for point in figure.points if _within(figure, point, first, second, length)]
    between.sort(key=lambda point: distance(figure, first, point))
    return all(_covered(figure, *pair) for pair in zip(between, between[1:], strict=False))


def _within(figure: Figure, point: str, start: str, end: str, length: float) -> bool:
    before, after = distance(figure, start, point), distance(figure, point, end)
    return min(before, after) < 0.5 or before + after - length < 0.002 * length


def _off_line(figure: Figure, point: str, start: str, end: str) -> float:
    (x, y), (ax, ay), (bx, by) = (figure.points[name] for name in (point, start, end))
    return abs((bx - ax) * (y - ay) - (by - ay) * (x - ax)) / (math.hypot(bx - ax, by - ay) or 1.0)


def _triangle(figure: Figure, fact: Fact, eye: Eye) -> bool:
    a, b, c = fact.points
    if not _outlined(figure, fact.points, eye):
        return False
    if fact.value == "right":
        # The caption names the corner: the first.
        return abs(angle_at(figure, b, a, c) - 90) < eye.degrees
    sides = sorted((distance(figure, a, b), distance(figure, b, c), distance(figure, c, a)))
    short_pair, long_pair = _same(sides[0], sides[1], eye), _same(sides[1], sides[2], eye)
    if fact.value == "equilateral":
        return short_pair and long_pair
    if fact.value == "isosceles":
        return (short_pair or long_pair) and (eye.inclusive or not (short_pair and long_pair))
    if eye.inclusive:
        # Scalene is refuted by two equal sides alone, however a right triangle is called.
        return sides[1] - sides[0] > eye.apart * sides[1] and sides[2] - sides[1] > eye.apart * sides[2]
    right = any(abs(angle_at(figure, *turn) - 90) < eye.degrees for turn in ((a, b, c), (b, c, a), (c, a, b)))
    return not (short_pair or long_pair or right)


def _quadrilateral(figure: Figure, fact: Fact, eye: Eye) -> bool:
    """By its strictest name, as in the captions: a square is no rectangle, a rhombus no kite; inclusively it is."""
    if not _outlined(figure, fact.points, eye):
        return False
    a, b, c, d = fact.points
    ab, bc, cd, da = (distance(figure, *side) for side in ((a, b), (b, c), (c, d), (d, a)))
    angles = [angle_at(figure, *corner) for corner in ((d, a, b), (a, b, c), (b, c, d), (c, d, a))]
    parallel = (abs(angles[0] + angles[1] - 180) < eye.degrees, abs(angles[1] + angles[2] - 180) < eye.degrees)
    right = [abs(angle - 90) < eye.degrees for angle in angles]
    kite = (_same(ab, bc, eye) and _same(cd, da, eye)) or (_same(bc, cd, eye) and _same(da, ab, eye))
    legs = _same(da, bc, eye) if parallel[1] else _same(ab, cd, eye)
    fits = {
        "square": all(right) and _same(ab, bc, eye),
        "rectangle": all(right),
        "rhombus": all(_same(ab, side, eye) for side in (bc, cd, da)),
        "parallelogram": all(parallel),
        "trapezoid": any(parallel)
        and (fact.value != "isosceles" or legs or all(right))
        and (fact.value != "right" or sum(right) >= 2),
        "kite": kite,
    }
    if eye.inclusive:
        return fits[fact.kind]
    return fits[fact.kind] and next(name for name in fits if fits[name] or name == fact.kind) == fact.kind


def _on_side(figure: Figure, point: str, start: str, end: str, eye: Eye = SEEN) -> float | None:
    """How far along start–end a point lies, 0..1; `None` when it lies elsewhere."""
    whole = distance(figure, start, end)
    before, after = distance(figure, start, point), distance(figure, point, end)
    slack = 0.03 if eye.inclusive else 0.002
    inside = abs(before + after - whole) < slack * whole and min(before, after) > 0.02 * whole
    return before / whole if inside else None


def _at_middle(figure: Figure, point: str, start: str, end: str, eye: Eye) -> bool:
    along = _on_side(figure, point, start, end, eye)
    return along is not None and abs(along - 0.5) < eye.middle


def _midpoint(figure: Figure, fact: Fact, eye: Eye) -> bool:
    return _at_middle(figure, *fact.points, eye)


def _point_on(figure: Figure, fact: Fact, eye: Eye) -> bool:
    """On the side, visibly not its middle: what `point_on` says is "nearer to" one end."""
    along = _on_side(figure, *fact.points, eye)
    return along is not None and along < 0.5 - EQUAL_LENGTHS * eye.apart


def _from_vertex(figure: Figure, fact: Fact, eye: Eye) -> bool:
    """Altitude, median, bisector, or none of them; inclusively drawn or not, and read from either end."""
    if eye.inclusive and fact.kind == "bisector":
        return _halves(figure, *fact.points, eye) or _halves(
            figure, fact.points[1], fact.points[0], *fact.points[2:], eye
        )
    if _falls(figure, fact.kind, fact.points, eye):
        return eye.inclusive or _joined(figure, *fact.points[:2], eye)
    return eye.inclusive and _falls(figure, fact.kind, (fact.points[1], fact.points[0], *fact.points[2:]), eye)


def _falls(figure: Figure, kind: str, points: tuple[str, ...], eye: Eye) -> bool:
    point, top, start, end = points
    if kind in ("foot", "altitude") and eye.inclusive:
        # An altitude may meet its side outside.
        on_line = _off_line(figure, point, start, end) < eye.place
        return on_line and _directions(figure, top, point, start, end) > 90 - eye.degrees
    if _on_side(figure, point, start, end, eye) is None:
        return False
    if kind in ("foot", "altitude"):
        return abs(angle_at(figure, top, point, start) - 90) < eye.degrees
    if kind == "median":
        return _at_middle(figure, point, start, end, eye)
    if kind == "bisector":
        return _halves(figure, *points, eye)
    return _point_on(figure, Fact("point_on", (point, start, end)), eye)


def _halves(figure: Figure, point: str, top: str, start: str, end: str, eye: Eye) -> bool:
    difference = angle_at(figure, start, top, point) - angle_at(figure, point, top, end)
    return abs(difference) < 2 * eye.degrees


def _intersection(figure: Figure, fact: Fact, eye: Eye) -> bool:
    point, *ends = fact.points
    if eye.inclusive:
        return all(_off_line(figure, point, *pair) < 2.5 * eye.place for pair in (ends[:2], ends[2:]))
    return all(_on_side(figure, point, *pair, eye) is not None for pair in (ends[:2], ends[2:]))


def _directions(figure: Figure, a: str, b: str, c: str, d: str) -> float:
    """The angle between the lines ab and cd in degrees, 0..90."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = (figure.points[name] for name in (a, b, c, d))
    turn = math.degrees(math.atan2(by - ay, bx - ax) - math.atan2(dy - cy, dx - cx)) % 180
    return min(turn, 180 - turn)


def _parallel(figure: Figure, fact: Fact, eye: Eye) -> bool:
    """Of one direction, and not the same line."""
    a, b, c, d = fact.points
    if eye.inclusive and fact in _marked(figure, fact.kind):
        return True  # whoever drew it says so
    return _directions(figure, a, b, c, d) < eye.degrees and (eye.inclusive or _off_line(figure, a, c, d) > 0.5)


def _perpendicular(figure: Figure, fact: Fact, eye: Eye) -> bool:
    return _directions(figure, *fact.points) > 90 - eye.degrees


def _perpendicular_bisector(figure: Figure, fact: Fact, eye: Eye) -> bool:
    if not _perpendicular(figure, fact, eye):
        return False
    first, second, start, end = fact.points
    if eye.inclusive:
        # Of any two points on it: both are as far from either end of the segment.
        gaps = (distance(figure, point, start) - distance(figure, point, end) for point in (first, second))
        return all(abs(gap) < 3 * eye.place for gap in gaps)
    return _at_middle(figure, second, start, end, eye) and _joined(figure, first, second, eye)


def _on_circle(figure: Figure, fact: Fact, eye: Eye) -> bool:
    point, centre = fact.points[:2]
    radius = figure.circles.get(centre)
    return radius is not None and abs(distance(figure, point, centre) - radius) < eye.place


def _radius(figure: Figure, fact: Fact, eye: Eye) -> bool:
    if eye.inclusive:
        return any(_on_circle(figure, Fact("on_circle", points), eye) for points in (fact.points, fact.points[::-1]))
    return _on_circle(figure, fact, eye) and _joined(figure, *fact.points[:2], eye)


def _chord(figure: Figure, fact: Fact, eye: Eye) -> bool:
    """A diameter passes through the centre, a chord does not; inclusively of any circle: some wordings name none."""
    end, centre, start = fact.points
    centres = figure.circles if eye.inclusive else (centre,)
    return any(_is_chord(figure, fact.kind, (end, centre, start), eye) for centre in centres)


def _is_chord(figure: Figure, kind: str, points: tuple[str, str, str], eye: Eye) -> bool:
    end, centre, start = points
    if centre in (end, start):
        return False
    both = all(_on_circle(figure, Fact("on_circle", (point, centre)), eye) for point in (start, end))
    if not both or not (eye.inclusive or _joined(figure, start, end, eye)):
        return False
    off = 180 - angle_at(figure, start, centre, end)
    return off < 2 * eye.degrees if kind == "diameter" else off > 2 * EQUAL_DEGREES * eye.apart


def _touching(figure: Figure, fact: Fact, eye: Eye) -> bool:
    """A tangent is at right angles to the radius; a secant enters the circle."""
    end, centre, point = fact.points
    if not _on_circle(figure, Fact("on_circle", (point, centre)), eye):
        return False
    turn = angle_at(figure, end, point, centre)
    if eye.inclusive:
        return abs(turn - 90) < eye.degrees if fact.kind == "tangent" else abs(turn - 90) > 12 * eye.apart
    if not _joined(figure, end, point, eye):
        return False
    return abs(turn - 90) < eye.degrees if fact.kind == "tangent" else turn < 90 - 4 * EQUAL_DEGREES


def _inscribed(figure: Figure, fact: Fact, eye: Eye) -> bool:
    """The circle touches all three sides, or passes through all three corners."""
    centre, *corners = fact.points
    if fact.kind == "circumcircle":
        reaches = [distance(figure, centre, corner) for corner in corners]
    else:
        sides = list(zip(corners, (*corners[1:], corners[0]), strict=True))
        reaches = [_off_line(figure, centre, *side) for side in sides]
    if eye.inclusive:
        # "O is the incentre" speaks of no circle that would have to be drawn.
        return max(reaches) - min(reaches) < 2 * eye.place
    radius = figure.circles.get(centre)
    if radius is None:
        return False
    return all(abs(reach - radius) < eye.place for reach in reaches)


def _arc(figure: Figure, fact: Fact, eye: Eye) -> bool:
    centre, first, second = fact.points
    if eye.inclusive:
        # A whole circle has every arc, and with two radii a sector.
        return abs(distance(figure, centre, first) - distance(figure, centre, second)) < eye.place and (
            centre in figure.circles or any(arc[0] == centre for arc in figure.arcs)
        )
    drawn = any(arc[0] == centre and {*arc[1:]} == {first, second} for arc in figure.arcs)
    if fact.kind == "sector":
        return drawn and all(_joined(figure, centre, point, eye) for point in (first, second))
    return drawn


def _image_of(figure: Figure, fact: Fact, eye: Eye) -> bool:
    """Reflection in a line, rotation counter-clockwise (inclusively, either way) about a point, translation."""
    image, origin, *rest = (figure.points[name] for name in fact.points)
    if fact.kind != "rotation":
        return math.dist(image, _moved(fact.kind, origin, *rest)) < eye.place
    turns = (fact.value, -fact.value) if eye.inclusive else (fact.value,)
    return any(math.dist(image, _turned(origin, rest[0], float(turn))) < eye.place for turn in turns)


def _turned(point: Point, centre: Point, degrees: float) -> Point:
    turn, (x, y) = math.radians(degrees), (point[0] - centre[0], point[1] - centre[1])
    cos, sin = math.cos(turn), math.sin(turn)
    return (centre[0] + cos * x - sin * y, centre[1] + sin * x + cos * y)


def _moved(kind: str, point: Point, a: Point, b: Point) -> Point:
    (x, y), (ax, ay), (dx, dy) = point, a, (b[0] - a[0], b[1] - a[1])
    if kind == "translation":
        return (x + dx, y + dy)
    along = ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy)
    return (2 * (ax + along * dx) - x, 2 * (ay + along * dy) - y)


def _copy(figure: Figure, fact: Fact, eye: Eye) -> bool:
    """Corresponding sides of the two triangles in one ratio; in the ratio 1 if they are congruent."""
    names, others = fact.points[:3], fact.points[3:]
    if not eye.inclusive:
        outlined = _outlined(figure, names, eye) and _outlined(figure, others, eye)
        return outlined and _alike(figure, fact.kind, names, others, eye)
    # "Triangles ABC and DEF are similar" says nothing of which corner is whose.
    return any(_alike(figure, fact.kind, names, order, eye) for order in itertools.permutations(others))


def _alike(figure: Figure, kind: str, names: tuple[str, ...], others: tuple[str, ...], eye: Eye) -> bool:
    pairs = ((0, 1), (1, 2), (2, 0))
    lengths = [(distance(figure, names[i], names[j]), distance(figure, others[i], others[j])) for i, j in pairs]
    ratios = [first / second for first, second in lengths if second]
    if len(ratios) < 3 or max(ratios) - min(ratios) >= eye.lengths * max(ratios):
        return False
    same_size = abs(sum(ratios) / 3 - 1) < eye.lengths
    # Two congruent triangles are similar as well, which a caption that says "similar" does not tell.
    return same_size if kind == "congruent" else eye.inclusive or not same_size


def _line(figure: Figure, fact: Fact, eye: Eye) -> bool:
    first, second = fact.points
    if fact.kind == "line":
        return any(all(_off_line(figure, point, *ends) < 1 for point in fact.points) for ends in figure.lines)
    through = (ends for ends in figure.rays if ends[0] == first)
    if any(_off_line(figure, second, *ends) < 1 and angle_at(figure, second, *ends) < 90 for ends in through):
        return True
    return eye.inclusive and _line(figure, Fact("line", fact.points), eye)


def _scale(figure: Figure, fact: Fact, eye: Eye) -> bool:
    scale = figure.scale
    if scale is None or scale.origin != fact.points[0]:
        return False
    # Each axis is a number line, too.
    return (scale.y is None) == (fact.kind == "number_line") or (eye.inclusive and fact.kind == "number_line")


def _plot(figure: Figure, fact: Fact, eye: Eye) -> bool:
    if figure.scale is None:
        return False
    (x, y), origin, point = fact.value, figure.points[figure.scale.origin], figure.points[fact.points[0]]
    unit = figure.scale.unit
    gap = math.dist(point, (origin[0] + x * unit, origin[1] + y * unit))
    return gap < min(eye.place, 0.4 * unit)


def _graph(figure: Figure, fact: Fact, eye: Eye) -> bool:
    kind, *coefficients = fact.value
    if Graph(kind, tuple(coefficients)) in figure.graphs:
        return True
    if not eye.inclusive or figure.scale is None or figure.scale.y is None:
        return False
    # A line between plotted points may be a graph, too; and y = 4x looks like y = 5x.
    if kind == "linear" and (figure.segments or figure.rays or figure.lines):
        return True
    said = _curve(Graph(kind, tuple(coefficients)), figure.scale)
    return any(_looks_like(said, _curve(graph, figure.scale), eye.place) for graph in figure.graphs)


def _curve(graph: Graph, scale: Scale) -> np.ndarray:
    """Points of a graph within the ranges of the axes, (n, 2) in hundredths of the frame's side."""
    assert scale.y is not None
    xs = np.linspace(*scale.x, 401)
    places = [(x, y) for x in xs.tolist() if (y := graph.at(x)) is not None and scale.y[0] <= y <= scale.y[1]]
    return np.array(places).reshape(-1, 2) * scale.unit


def _looks_like(first: np.ndarray, second: np.ndarray, place: float) -> bool:
    if not len(first) or not len(second):
        return False
    apart = np.hypot(*(first[:, None] - second[None]).transpose(2, 0, 1))
    return max(apart.min(axis=0).max(), apart.min(axis=1).max()) < place


def _mark(figure: Figure, fact: Fact, eye: Eye) -> bool:
    """Marked here with this value; or on a side or angle that equals this one, unless this one has its own mark."""
    kind = fact.kind.removeprefix("mark_")
    marks = [(points, value) for there, points, value in figure.marks if there == kind]
    own = [value for points, value in marks if fact.points in _names_of(kind, points)]
    if kind == "right_angle":
        drawn = abs(angle_at(figure, *fact.points) - 90) < eye.degrees
        return (bool(own) or drawn) if eye.inclusive else (bool(own) and drawn)
    if own or kind == "arc":
        return fact.value in own
    # In a square with AB = 6, "BC = 6" is no falsehood.
    return any(value == fact.value and _equal(figure, points, fact.points, eye) for points, value in marks)


def _names_of(kind: str, points: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """The ways to name what a mark stands at: AB and BA, ABC and CBA; an arc keeps its centre first."""
    turned = (points[0], points[2], points[1]) if kind == "arc" else points[::-1]
    return (points, turned)


def _refuted_mark(figure: Figure, fact: Fact) -> bool:
    """Whether the figure's marks say otherwise: another number here, or this one where it is drawn far unlike.

    Figures are drawn about to scale at best, so that another number elsewhere proves nothing; where one is not, as its
    own marks tell, nothing is proved but by the mark that stands there.
    """
    kind = fact.kind.removeprefix("mark_")
    if isinstance(fact.value, str):
        return False  # two formulas may be equal for some x, and a formula may equal a number
    marks = [(points, value) for there, points, value in figure.marks if there == kind and not isinstance(value, str)]
    own = [value for points, value in marks if fact.points in _names_of(kind, points)]
    if kind == "arc":
        return bool(own) and not {fact.value, 360 - fact.value}.intersection(own)
    if own:
        return fact.value not in own
    if not to_scale(figure, _marked(figure, fact.kind)):
        return False
    if any(_equal(figure, points, fact.points, LOOSE) for points, value in marks if value == fact.value):
        return False
    return any(not _equal(figure, points, fact.points, UNLIKE) for points, value in marks if value == fact.value)


def _marked(figure: Figure, kind: str) -> list[Fact]:
    """The marks of a kind, as facts."""
    return [Fact(kind, points, value) for there, points, value in figure.marks if f"mark_{there}" == kind]


def _equal_marks(figure: Figure, fact: Fact, eye: Eye) -> bool:
    half = len(fact.points) // 2
    if eye.inclusive and fact in _marked(figure, fact.kind):
        return True  # whoever drew it says so
    return _equal(figure, fact.points[:half], fact.points[half:], eye)


def _equal(figure: Figure, first: tuple[str, ...], second: tuple[str, ...], eye: Eye = SEEN) -> bool:
    if len(first) == 2:
        return _same(distance(figure, *first), distance(figure, *second), eye)
    return abs(angle_at(figure, *first) - angle_at(figure, *second)) < eye.degrees


def _same(first: float, second: float, eye: Eye) -> bool:
    return abs(first - second) < eye.lengths * max(first, second)


def _nearly_round(figure: Figure, centre: str) -> bool:
    return centre in figure.ellipses and figure.ellipses[centre][1] > 0.9 * figure.ellipses[centre][0]


_CHECKS = {
    "triangle": _triangle,
    **dict.fromkeys(("square", "rectangle", "rhombus", "parallelogram", "trapezoid", "kite"), _quadrilateral),
    "polygon": lambda figure, fact, eye: _outlined(figure, fact.points, eye),
    "circle": lambda figure, fact, eye: (
        fact.points[0] in figure.circles or (eye.inclusive and _nearly_round(figure, fact.points[0]))
    ),
    "ellipse": lambda figure, fact, eye: (
        fact.points[0] in figure.ellipses or (eye.inclusive and fact.points[0] in figure.circles)
    ),
    **dict.fromkeys(("similar", "congruent"), _copy),
    "midpoint": _midpoint,
    "point_on": _point_on,
    **dict.fromkeys(("foot", "altitude", "median", "bisector", "cevian"), _from_vertex),
    "intersection": _intersection,
    **dict.fromkeys(("parallel", "mark_parallel"), _parallel),
    "perpendicular": _perpendicular,
    "perpendicular_bisector": _perpendicular_bisector,
    "on_circle": _on_circle,
    "radius": _radius,
    **dict.fromkeys(("diameter", "chord"), _chord),
    **dict.fromkeys(("tangent", "secant"), _touching),
    **dict.fromkeys(("incircle", "circumcircle"), _inscribed),
    **dict.fromkeys(("reflection", "rotation", "translation"), _image_of),
    **dict.fromkeys(("axes", "number_line"), _scale),
    "plot": _plot,
    "graph": _graph,
    "segment": lambda figure, fact, eye: _chained(figure, *fact.points),
    **dict.fromkeys(("ray", "line"), _line),
    **dict.fromkeys(("arc", "sector"), _arc),
    **dict.fromkeys(("mark_length", "mark_angle", "mark_arc", "mark_right_angle"), _mark),
    **dict.fromkeys(("mark_equal", "mark_equal_angles"), _equal_marks),
}
