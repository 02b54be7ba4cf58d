"""Facts: statements that hold on a figure or not, decided by its coordinates and marks with margins that can be
seen."""

from typing import NamedTuple

from dataset_builders.diagram.figure import Figure, angle_at, distance
from dataset_builders.diagram.program import Program, Statement

# What counts as equal, and as right, to the eye at the size of training.
EQUAL_LENGTHS = 0.04
EQUAL_DEGREES = 3.0


class Fact(NamedTuple):
    """`kind` said of `points`: `Fact("midpoint", ("D", "B", "C"))`; `value` for marks, the word for triangles."""

    kind: str
    points: tuple[str, ...]
    value: float | str | None = None


def facts_of(program: Program) -> list[Fact]:
    """What a program states, one fact for each statement that states something, in its order."""
    return [fact for statement in program.statements if (fact := _fact(statement)) is not None]


def _fact(statement: Statement) -> Fact | None:
    if statement.verb == "segment":
        return None
    points = (statement.target, *statement.points) if statement.target else statement.points
    if statement.verb in ("point_on", "cevian") and statement.option("ratio") > 0.5:
        points = (*points[:-2], points[-1], points[-2])  # the end that it is nearer to comes first
    if statement.verb == "triangle":
        return Fact("triangle", points, statement.option("kind"))
    return Fact(statement.verb, points, statement.value)


def holds(figure: Figure, fact: Fact) -> bool:
    """Whether a fact is true of a figure; false as well when a point that it names is not there."""
    return all(point in figure.points for point in fact.points) and _CHECKS[fact.kind](figure, fact)


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
    angles = {fact.points[1]: fact for fact in marks if fact.kind == "mark_angle"}
    if not all(_same_side(angle_at(figure, *mark.points), float(mark.value)) for mark in angles.values()):
        return False
    return all(
        _ANGLES[shape.kind](figure, shape, {at: float(mark.value) for at, mark in angles.items() if _of(mark, shape)})
        for shape in shapes
    )


def _of(mark: Fact, shape: Fact) -> bool:
    return set(mark.points) <= set(shape.points)


def _same_side(drawn: float, degrees: float) -> bool:
    """Whether an angle is marked acute, right or obtuse as it is drawn."""
    if degrees == 90:
        return abs(drawn - 90) < EQUAL_DEGREES
    return drawn < 90 + EQUAL_DEGREES if degrees < 90 else drawn > 90 - EQUAL_DEGREES


def _same_order(figure: Figure, first: Fact, second: Fact) -> bool:
    """Whether the values of two marks stand to one another as what they mark does in the drawing."""
    if _equal(figure, first.points, second.points):
        return first.value == second.value
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


def _outlined(figure: Figure, names: tuple[str, ...]) -> bool:
    """Whether these points are a drawn shape in this order, starting anywhere, going either way."""
    return any(
        len(shape) == len(names) and any(names in _turns(order) for order in (shape, shape[::-1]))
        for shape in figure.outline
    )


def _turns(names: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [names[i:] + names[:i] for i in range(len(names))]


def _triangle(figure: Figure, fact: Fact) -> bool:
    a, b, c = fact.points
    if not _outlined(figure, fact.points):
        return False
    if fact.value == "right":
        # The caption names the corner: the first.
        return abs(angle_at(figure, b, a, c) - 90) < EQUAL_DEGREES
    sides = sorted((distance(figure, a, b), distance(figure, b, c), distance(figure, c, a)))
    short_pair, long_pair = _same(sides[0], sides[1]), _same(sides[1], sides[2])
    right = any(abs(angle_at(figure, *turn) - 90) < EQUAL_DEGREES for turn in ((a, b, c), (b, c, a), (c, a, b)))
    if fact.value == "equilateral":
        return short_pair and long_pair
    if fact.value == "isosceles":
        return (short_pair or long_pair) and not (short_pair and long_pair)
    return not (short_pair or long_pair or right)


def _quadrilateral(figure: Figure, fact: Fact) -> bool:
    """By its strictest name: a square is no rectangle here, a rhombus no kite, as in the captions."""
    if not _outlined(figure, fact.points):
        return False
    a, b, c, d = fact.points
    ab, bc, cd, da = (distance(figure, *side) for side in ((a, b), (b, c), (c, d), (d, a)))
    angles = [angle_at(figure, *corner) for corner in ((d, a, b), (a, b, c), (b, c, d), (c, d, a))]
    parallel = (abs(angles[0] + angles[1] - 180) < EQUAL_DEGREES, abs(angles[1] + angles[2] - 180) < EQUAL_DEGREES)
    right = all(abs(angle - 90) < EQUAL_DEGREES for angle in angles)
    if all(parallel):
        name = {
            (True, True): "square",
            (True, False): "rectangle",
            (False, True): "rhombus",
            (False, False): "parallelogram",
        }[right, _same(ab, bc)]
    elif any(parallel):
        name = "trapezoid"
    else:
        kite = (_same(ab, bc) and _same(cd, da)) or (_same(bc, cd) and _same(da, ab))
        name = "kite" if kite else ""
    return name == fact.kind


def _on_side(figure: Figure, point: str, start: str, end: str) -> float | None:
    """How far along start–end a point lies, 0..1; `None` when it lies elsewhere."""
    whole = distance(figure, start, end)
    before, after = distance(figure, start, point), distance(figure, point, end)
    inside = abs(before + after - whole) < 0.01 * whole and min(before, after) > 0.02 * whole
    return before / whole if inside else None


def _at_ratio(figure: Figure, point: str, start: str, end: str, ratio: float) -> bool:
    along = _on_side(figure, point, start, end)
    return along is not None and abs(along - ratio) < EQUAL_LENGTHS


def _midpoint(figure: Figure, fact: Fact) -> bool:
    return _at_ratio(figure, *fact.points, ratio=0.5)


def _point_on(figure: Figure, fact: Fact) -> bool:
    """On the side, visibly not its middle: what `point_on` says is "nearer to" one end."""
    along = _on_side(figure, *fact.points)
    return along is not None and along < 0.5 - EQUAL_LENGTHS


def _joined(figure: Figure, first: str, second: str) -> bool:
    return (first, second) in figure.segments or (second, first) in figure.segments


def _from_vertex(figure: Figure, fact: Fact) -> bool:
    point, top, start, end = fact.points
    if _on_side(figure, point, start, end) is None or not _joined(figure, top, point):
        return False
    if fact.kind == "foot":
        return abs(angle_at(figure, top, point, start) - 90) < EQUAL_DEGREES
    if fact.kind == "median":
        return _at_ratio(figure, point, start, end, 0.5)
    if fact.kind == "bisector":
        difference = angle_at(figure, start, top, point) - angle_at(figure, point, top, end)
        return abs(difference) < 2 * EQUAL_DEGREES
    return _point_on(figure, Fact("point_on", (point, start, end)))


def _circle(figure: Figure, fact: Fact) -> bool:
    return fact.points[0] in figure.circles


def _on_circle(figure: Figure, fact: Fact) -> bool:
    point, centre = fact.points[:2]
    radius = figure.circles.get(centre)
    return radius is not None and abs(distance(figure, point, centre) - radius) < 1.0


def _chord(figure: Figure, fact: Fact) -> bool:
    end, centre, start = fact.points
    both = all(_on_circle(figure, Fact("on_circle", (point, centre))) for point in (start, end))
    if not both or not _joined(figure, start, end):
        return False
    through = abs(angle_at(figure, start, centre, end) - 180) < 2 * EQUAL_DEGREES
    return through == (fact.kind == "opposite")


def _mark(figure: Figure, fact: Fact) -> bool:
    """Marked here with this value; or on a side or angle that equals this one, unless this one has its own mark."""
    kind = fact.kind.removeprefix("mark_")
    marks = [(points, value) for there, points, value in figure.marks if there == kind]
    own = [value for points, value in marks if fact.points in (points, points[::-1])]
    if own or kind == "right_angle":
        return fact.value in own
    # In a square with AB = 6, "BC = 6" is no falsehood.
    return any(value == fact.value and _equal(figure, points, fact.points) for points, value in marks)


def _equal(figure: Figure, first: tuple[str, ...], second: tuple[str, ...]) -> bool:
    if len(first) == 2:
        return _same(distance(figure, *first), distance(figure, *second))
    return abs(angle_at(figure, *first) - angle_at(figure, *second)) < EQUAL_DEGREES


_CHECKS = {
    "triangle": _triangle,
    **dict.fromkeys(("square", "rectangle", "rhombus", "parallelogram", "trapezoid", "kite"), _quadrilateral),
    "polygon": lambda figure, fact: _outlined(figure, fact.points),
    "circle": _circle,
    "midpoint": _midpoint,
    "point_on": _point_on,
    **dict.fromkeys(("foot", "median", "bisector", "cevian"), _from_vertex),
    "on_circle": _on_circle,
    **dict.fromkeys(("opposite", "chord"), _chord),
    **dict.fromkeys(("mark_length", "mark_angle", "mark_right_angle"), _mark),
}


def _same(first: float, second: float) -> bool:
    return abs(first - second) < EQUAL_LENGTHS * max(first, second)
