"""A diagram program's figure: coordinates, segments, circles, marks, all read off the program and checked for
crowding."""

import math
from dataclasses import dataclass, field
from typing import NamedTuple

from dataset_builders.diagram.program import Program, Statement

Point = tuple[float, float]

# In hundredths of the frame's side.
MARGIN = 13.0
LEAST_DISTANCE = 13.0
LEAST_ANGLE = 18.0


class FigureError(ValueError):
    """A program whose figure cannot be drawn well: `line` of the statement, and the reason."""

    def __init__(self, statement: Statement, reason: str):
        super().__init__(
            f"line {statement.line}, {statement}: {reason}" if statement.line else f"{statement}: {reason}"
        )


class Scale(NamedTuple):
    """What the numbers of a figure are measured on: coordinate axes, or a number line (then `y` is `None`).

    `origin` is the point at 0; `unit` is the length of 1 in hundredths of the frame's side; `x` and `y` are the least
    and the greatest number drawn.
    """

    origin: str
    unit: float
    x: tuple[float, float]
    y: tuple[float, float] | None = None


class Graph(NamedTuple):
    """The graph of a function on the axes: `kind` is `linear` (a·x + b), `quadratic` (a·x² + b·x + c) or `inverse`
    (a / x), `coefficients` are (a, b), (a, b, c) or (a,)."""

    kind: str
    coefficients: tuple[float, ...]

    def at(self, x: float) -> float | None:
        """The function's value; `None` at the pole of a / x."""
        if self.kind == "inverse":
            return self.coefficients[0] / x if x else None
        value = 0.0
        for coefficient in self.coefficients:
            value = value * x + coefficient
        return value


@dataclass
class Figure:
    """What a program draws.

    Attributes:
        points (`dict[str, Point]`): coordinates in hundredths of the frame's side, y upwards.
        segments (`list[tuple[str, str]]`): drawn between points.
        dashed (`set[tuple[str, str]]`): those of the segments that are dashed, as they stand in `segments`.
        rays (`list[tuple[str, str]]`): drawn from the first point through the second, on towards the frame's edge.
        lines (`list[tuple[str, str]]`): drawn through both points, on towards the frame's edge on either side.
        circles (`dict[str, float]`): radius by centre.
        arcs (`list[tuple[str, str, str]]`): centre, start, end; drawn counter-clockwise from start to end.
        ellipses (`dict[str, tuple[float, float, float]]`): half axes and turn of the first in degrees, by centre.
        marks (`list[tuple[str, tuple[str, ...], float | str | None]]`): what, where, how much: `length` (two points),
            `angle` (three, vertex in the middle), `right_angle` (three), `arc` (centre, start, end), `equal` (two
            segments, four points), `equal_angles` (two angles, six points), `parallel` (two segments, four points).
        outline (`list[tuple[str, ...]]`): vertices of the shapes, in order.
        scale ([`Scale`], *optional*): coordinate axes or a number line.
        graphs (`list[Graph]`): drawn on the axes.
    """

    points: dict[str, Point] = field(default_factory=dict)
    segments: list[tuple[str, str]] = field(default_factory=list)
    dashed: set[tuple[str, str]] = field(default_factory=set)
    rays: list[tuple[str, str]] = field(default_factory=list)
    lines: list[tuple[str, str]] = field(default_factory=list)
    circles: dict[str, float] = field(default_factory=dict)
    arcs: list[tuple[str, str, str]] = field(default_factory=list)
    ellipses: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    marks: list[tuple[str, tuple[str, ...], float | str | None]] = field(default_factory=list)
    outline: list[tuple[str, ...]] = field(default_factory=list)
    scale: Scale | None = None
    graphs: list[Graph] = field(default_factory=list)


class Limits(NamedTuple):
    """How crowded a figure may be: hundredths from the frame's edge and between points, degrees of a shape's angles,
    and hundredths between a point and a line that it does not lie on."""

    margin: float
    distance: float
    angle: float
    clearance: float = 0.0


ROOMY = Limits(MARGIN, LEAST_DISTANCE, LEAST_ANGLE)
"""For images of a hundred pixels."""
EXAM = Limits(8.0, 8.0, 14.0, 2.5)
"""For images of three hundred pixels and more."""
DRAWN = Limits(0.0, 0.5, 0.0)
"""For figures that somebody else has drawn: nothing coincides, nothing leaves the frame."""


def solve(program: Program, limits: Limits = ROOMY) -> Figure:
    """The figure of a program.

    Raises:
        FigureError: when points coincide or crowd, an angle is too small to see, a triangle's angles leave none for
            its third corner, lines do not meet, a circle's point is asked of what is no circle, or something leaves
            the frame.
    """
    figure = Figure()
    for statement in program.statements:
        try:
            _draw(statement, figure)
        except (ZeroDivisionError, OverflowError):
            raise FigureError(statement, "what it is built on is too small or too far away.") from None
        # At once, so that nothing is built on points that coincide.
        _check(statement, figure, limits)
    if limits.clearance:
        _check_clearance(program.statements[-1], figure, limits.clearance)
    return figure


def _draw(statement: Statement, figure: Figure) -> None:
    verb, names, points = statement.verb, statement.points, figure.points
    for centre, named in _NEEDS_CIRCLE.items():
        if verb in named and names[centre] not in figure.circles:
            raise FigureError(statement, f"{names[centre]} is not the centre of a circle.")
    if verb in ("circle", "ellipse", "point"):
        _draw_round(statement, figure)
    elif verb in ("similar", "congruent"):
        _draw_copy(statement, figure)
    elif verb in _SHAPES:
        corners = _placed(_SHAPES[verb](statement), statement)
        points.update(zip(names, corners, strict=True))
        _outline(figure, names)
    elif verb in _ON_SEGMENT:
        points[statement.target] = _between(points[names[-2]], points[names[-1]], _ON_SEGMENT[verb](statement, points))
        if len(names) == 3:
            figure.segments.append((names[0], statement.target))
    elif verb in _CONSTRUCTIONS:
        points[statement.target] = _CONSTRUCTIONS[verb](statement, figure)
        if verb in _JOINED:
            figure.segments.append((names[_JOINED[verb]], statement.target))
    elif verb in ("axes", "number_line"):
        _draw_scale(statement, figure)
    elif verb == "segment":
        figure.segments.append(names)
        if statement.option("stroke") == "dashed":
            figure.dashed.add(names)
    elif verb in ("ray", "line"):
        (figure.rays if verb == "ray" else figure.lines).append(names)
    elif verb in ("arc", "sector"):
        _draw_arc(statement, figure)
    elif verb == "graph":
        _draw_graph(statement, figure)
    else:
        figure.marks.append((verb.removeprefix("mark_"), names, statement.value))


def _outline(figure: Figure, names: tuple[str, ...]) -> None:
    figure.segments += zip(names, (*names[1:], names[0]), strict=True)
    figure.outline.append(names)


def _draw_round(statement: Statement, figure: Figure) -> None:
    name = statement.points[0]
    figure.points[name] = statement.option("at")
    if statement.verb == "circle":
        figure.circles[name] = statement.option("size") / 2
    elif statement.verb == "ellipse":
        half = statement.option("size") / 2
        figure.ellipses[name] = (half, half * statement.option("ratio"), statement.option("turn"))


def _draw_copy(statement: Statement, figure: Figure) -> None:
    """A triangle with the angles of another, turned, scaled and moved."""
    names, originals = statement.points[:3], [figure.points[name] for name in statement.points[3:]]
    centre = (sum(x for x, _ in originals) / 3, sum(y for _, y in originals) / 3)
    scale = statement.option("ratio") if statement.verb == "similar" else 1.0
    turn, (left, up) = math.radians(statement.option("turn")), statement.option("at")
    cos, sin = math.cos(turn) * scale, math.sin(turn) * scale
    for name, original in zip(names, originals, strict=True):
        x, y = _minus(original, centre)
        figure.points[name] = (left + cos * x - sin * y, up + sin * x + cos * y)
    _outline(figure, names)


def _draw_scale(statement: Statement, figure: Figure) -> None:
    """Coordinate axes or a number line, as large as the frame lets them be, around the middle of their ranges."""
    if figure.scale is not None:
        raise FigureError(statement, "there are axes, or a number line, already; a figure has one of them.")
    x = statement.option("x")
    y = statement.option("y") if statement.verb == "axes" else None
    for low, high in (x, y) if y else (x,):
        if not low <= 0 <= high or not 2 <= high - low <= 40:
            raise FigureError(statement, "a range holds 0 and is 2 to 40 long, as in (-4, 5).")
    unit = 80 / max(high - low for low, high in ((x, y) if y else (x,)))
    up = 50.0 if y is None else 50 - unit * (y[0] + y[1]) / 2
    figure.points[statement.target] = (50 - unit * (x[0] + x[1]) / 2, up)
    figure.scale = Scale(statement.target, unit, x, y)


def _draw_arc(statement: Statement, figure: Figure) -> None:
    centre, start, end = statement.points
    first, second = distance(figure, centre, start), distance(figure, centre, end)
    if abs(first - second) > 0.02 * max(first, second):
        raise FigureError(statement, f"{start} and {end} are not equally far from {centre}.")
    figure.arcs.append(statement.points)
    if statement.verb == "sector":
        figure.segments += [(centre, start), (centre, end)]


def _draw_graph(statement: Statement, figure: Figure) -> None:
    if figure.scale is None or figure.scale.y is None:
        raise FigureError(statement, "a graph needs axes before it: O = axes(x=(-5, 5), y=(-5, 5)).")
    kind, a, b, c = (statement.option(name) for name in ("kind", "a", "b", "c"))
    if a == 0 and kind != "linear":
        raise FigureError(statement, f"`a` is 0, which makes no {kind} function.")
    graph = Graph(kind, {"linear": (a, b), "quadratic": (a, b, c), "inverse": (a,)}[kind])
    if graph in figure.graphs:
        raise FigureError(statement, "the same graph is drawn twice.")
    figure.graphs.append(graph)
    (low, high), shown = figure.scale.x, figure.scale.y
    xs = [low + (high - low) * i / 200 for i in range(201)]
    if sum(shown[0] <= value <= shown[1] for x in xs if (value := graph.at(x)) is not None) < 20:
        raise FigureError(statement, "hardly any of the graph is within the axes' ranges.")


def _triangle(statement: Statement) -> list[Point]:
    """Corners with the first vertex at the top; `angle` is at the apex (right triangles: at the second vertex)."""
    kind, angle = statement.option("kind"), statement.option("angle")
    if kind == "equilateral":
        base = (60.0, 60.0)
    elif kind == "isosceles":
        base = ((180 - (angle or 40)) / 2,) * 2
    elif kind == "right":
        base = (angle or 35.0, 90 - (angle or 35.0))
    else:
        base = (angle or 50.0, statement.option("other") or 75.0)
    if min(*base, 180 - sum(base)) < 1:
        raise FigureError(statement, "these angles leave no triangle: all three are above 0 and sum to 180 degrees.")
    at_b, at_c = (math.radians(value) for value in base)
    height = 1 / (1 / math.tan(at_b) + 1 / math.tan(at_c))
    return [(height / math.tan(at_b), height), (0.0, 0.0), (1.0, 0.0)]


def _parallelogram(ratio: float, angle: float) -> list[Point]:
    slope = math.radians(angle)
    dx, dy = ratio * math.cos(slope), ratio * math.sin(slope)
    return [(dx, dy), (0.0, 0.0), (1.0, 0.0), (1 + dx, dy)]


def _trapezoid(statement: Statement) -> list[Point]:
    ratio = statement.option("ratio")
    shift = {"isosceles": 0.5, "right": 0.0}.get(statement.option("kind"), statement.option("shift"))
    left = shift * (1 - ratio)
    return [(left, 0.55), (0.0, 0.0), (1.0, 0.0), (left + ratio, 0.55)]


def _kite(statement: Statement) -> list[Point]:
    half = math.tan(math.radians(statement.option("angle") / 2)) * 0.35
    return [(0.0, 0.35), (-half, 0.0), (0.0, -0.35 / statement.option("ratio")), (half, 0.0)]


def _regular(statement: Statement) -> list[Point]:
    count = len(statement.points)
    return [_around((0.0, 0.0), 1.0, 90 + 360 * i / count) for i in range(count)]


_SHAPES = {
    "triangle": _triangle,
    "square": lambda s: _parallelogram(1.0, 90),
    "rectangle": lambda s: _parallelogram(s.option("ratio"), 90),
    "rhombus": lambda s: _parallelogram(1.0, s.option("angle")),
    "parallelogram": lambda s: _parallelogram(s.option("ratio"), s.option("angle")),
    "trapezoid": _trapezoid,
    "kite": _kite,
    "polygon": _regular,
}


def _foot(statement: Statement, points: dict[str, Point]) -> float:
    top, start, end = (points[name] for name in statement.points)
    return _dot(_minus(top, start), _minus(end, start)) / math.dist(start, end) ** 2


def _bisector(statement: Statement, points: dict[str, Point]) -> float:
    top, start, end = (points[name] for name in statement.points)
    return math.dist(top, start) / (math.dist(top, start) + math.dist(top, end))


_ON_SEGMENT = {
    "midpoint": lambda s, p: 0.5,
    "median": lambda s, p: 0.5,
    "point_on": lambda s, p: s.option("ratio"),
    "cevian": lambda s, p: s.option("ratio"),
    "foot": _foot,
    "altitude": _foot,
    "bisector": _bisector,
}


def _intersection(statement: Statement, figure: Figure) -> Point:
    a, b, c, d = (figure.points[name] for name in statement.points)
    first, second = _minus(b, a), _minus(d, c)
    cross = first[0] * second[1] - first[1] * second[0]
    if abs(cross) < 0.05 * math.hypot(*first) * math.hypot(*second):
        raise FigureError(statement, "the two lines do not meet, or hardly.")
    gap = _minus(c, a)
    return _between(a, b, (gap[0] * second[1] - gap[1] * second[0]) / cross)


def _towards(start: Point, direction: Point, length: float) -> Point:
    size = math.hypot(*direction)
    return (start[0] + direction[0] / size * length, start[1] + direction[1] / size * length)


def _across(vector: Point) -> Point:
    """The vector turned by 90° counter-clockwise."""
    return (-vector[1], vector[0])


def _along(statement: Statement, figure: Figure) -> Point:
    """From a point parallel to a line, or perpendicular to it."""
    start, a, b = (figure.points[name] for name in statement.points)
    direction = _minus(b, a)
    if statement.verb == "perpendicular_bisector":
        if math.dist(start, _between(a, b, 0.5)) > 0.5:
            raise FigureError(statement, f"{statement.points[0]} is not the midpoint of the segment after it.")
    if statement.verb != "parallel":
        direction = _across(direction)
    elif abs(_cross(_minus(start, a), direction)) < math.hypot(*direction):
        raise FigureError(statement, f"{statement.points[0]} lies on the line that the new one is to be parallel to.")
    return _towards(start, direction, statement.option("length"))


def _circle_point(statement: Statement, figure: Figure) -> Point:
    centre = statement.points[0]
    return _around(figure.points[centre], figure.circles[centre], statement.option("turn"))


def _other_end(statement: Statement, figure: Figure) -> Point:
    """The other end of the diameter, or of a chord, from a point of the circle."""
    centre, start = _on_it(statement, figure)
    turn = 180 if statement.verb == "diameter" else statement.option("turn")
    direction = math.degrees(math.atan2(start[1] - centre[1], start[0] - centre[0]))
    return _around(centre, math.dist(centre, start), direction + turn)


def _tangent(statement: Statement, figure: Figure) -> Point:
    centre, start = _on_it(statement, figure)
    return _towards(start, _across(_minus(start, centre)), statement.option("length"))


def _secant(statement: Statement, figure: Figure) -> Point:
    """From a point of the circle through its inside and out: `turn` is the angle to the diameter."""
    centre, start = _on_it(statement, figure)
    inward, turn = _minus(centre, start), math.radians(statement.option("turn"))
    length = statement.option("length")
    if length < 2 * math.dist(centre, start) * math.cos(turn) + 4:
        raise FigureError(statement, "its `length` ends inside the circle, or hardly outside.")
    cos, sin = math.cos(turn), math.sin(turn)
    return _towards(start, (cos * inward[0] - sin * inward[1], sin * inward[0] + cos * inward[1]), length)


def _on_it(statement: Statement, figure: Figure) -> tuple[Point, Point]:
    """Centre and a point that has to be on its circle."""
    centre, start = (figure.points[name] for name in statement.points)
    if abs(math.dist(centre, start) - figure.circles[statement.points[0]]) > 0.5:
        raise FigureError(statement, f"{statement.points[1]} is not on the circle.")
    return centre, start


def _tangent_from(statement: Statement, figure: Figure) -> Point:
    outside, centre = (figure.points[name] for name in statement.points)
    radius, apart = figure.circles[statement.points[1]], math.dist(outside, centre)
    if apart < 1.2 * radius:
        raise FigureError(statement, f"{statement.points[0]} is not far enough outside the circle.")
    swing = math.degrees(math.acos(radius / apart)) * (1 if statement.option("side") == "left" else -1)
    direction = math.degrees(math.atan2(outside[1] - centre[1], outside[0] - centre[0]))
    return _around(centre, radius, direction + swing)


def _incircle(statement: Statement, figure: Figure) -> Point:
    a, b, c = (figure.points[name] for name in statement.points)
    sides = (math.dist(b, c), math.dist(c, a), math.dist(a, b))
    around = sum(sides)
    centre = tuple(sum(side * p[i] for side, p in zip(sides, (a, b, c), strict=True)) / around for i in (0, 1))
    figure.circles[statement.target] = abs(_cross(_minus(b, a), _minus(c, a))) / around
    return centre


def _circumcircle(statement: Statement, figure: Figure) -> Point:
    a, b, c = (figure.points[name] for name in statement.points)
    (bx, by), (cx, cy) = _minus(b, a), _minus(c, a)
    twice = 2 * (bx * cy - by * cx)
    if abs(twice) < 1:
        raise FigureError(statement, "the three points lie on a line.")
    x = (cy * (bx * bx + by * by) - by * (cx * cx + cy * cy)) / twice
    y = (bx * (cx * cx + cy * cy) - cx * (bx * bx + by * by)) / twice
    figure.circles[statement.target] = math.hypot(x, y)
    return (a[0] + x, a[1] + y)


def _reflection(statement: Statement, figure: Figure) -> Point:
    point, a, b = (figure.points[name] for name in statement.points)
    direction = _minus(b, a)
    foot = _between(a, b, _dot(_minus(point, a), direction) / _dot(direction, direction))
    return (2 * foot[0] - point[0], 2 * foot[1] - point[1])


def _rotation(statement: Statement, figure: Figure) -> Point:
    point, centre = (figure.points[name] for name in statement.points)
    x, y = _minus(point, centre)
    return _around(centre, math.hypot(x, y), math.degrees(math.atan2(y, x)) + statement.option("angle"))


def _translation(statement: Statement, figure: Figure) -> Point:
    point, a, b = (figure.points[name] for name in statement.points)
    return (point[0] + b[0] - a[0], point[1] + b[1] - a[1])


def _plot(statement: Statement, figure: Figure) -> Point:
    """A point by its number on the number line, or its coordinates on the axes."""
    scale = figure.scale
    if scale is None:
        raise FigureError(statement, "it needs axes or a number line before it: O = axes(x=(-5, 5), y=(-5, 5)).")
    x, y = statement.option("x"), statement.option("y")
    if scale.y is None and y:
        raise FigureError(statement, "a number line has no `y`.")
    if not scale.x[0] <= x <= scale.x[1] or (scale.y is not None and not scale.y[0] <= y <= scale.y[1]):
        raise FigureError(statement, "it lies outside the range that is drawn.")
    origin = figure.points[scale.origin]
    return (origin[0] + x * scale.unit, origin[1] + y * scale.unit)


_CONSTRUCTIONS = {
    "intersection": _intersection,
    **dict.fromkeys(("parallel", "perpendicular", "perpendicular_bisector"), _along),
    **dict.fromkeys(("on_circle", "radius"), _circle_point),
    **dict.fromkeys(("diameter", "chord"), _other_end),
    "tangent": _tangent,
    "secant": _secant,
    "tangent_from": _tangent_from,
    "incircle": _incircle,
    "circumcircle": _circumcircle,
    "reflection": _reflection,
    "rotation": _rotation,
    "translation": _translation,
    "plot": _plot,
}
# Which of its points a construction's target is joined to.
_JOINED = {
    **dict.fromkeys(("parallel", "perpendicular", "perpendicular_bisector", "radius", "tangent_from"), 0),
    **dict.fromkeys(("diameter", "chord", "tangent", "secant"), 1),
}
# Which of its points has to be a circle's centre.
_NEEDS_CIRCLE = {0: ("on_circle", "radius", "diameter", "chord", "tangent", "secant"), 1: ("tangent_from",)}
_ROUND = ("circle", "incircle", "circumcircle")


def _placed(corners: list[Point], statement: Statement) -> list[Point]:
    """The shape turned, scaled so that its farthest corner is `size` / 2 from its centre, and moved to `at`."""
    centre = (sum(x for x, _ in corners) / len(corners), sum(y for _, y in corners) / len(corners))
    corners = [_minus(corner, centre) for corner in corners]
    scale = statement.option("size") / 2 / max(math.hypot(*corner) for corner in corners)
    turn = math.radians(statement.option("turn"))
    cos, sin, (left, up) = math.cos(turn) * scale, math.sin(turn) * scale, statement.option("at")
    return [(left + cos * x - sin * y, up + sin * x + cos * y) for x, y in corners]


def _check(statement: Statement, figure: Figure, limits: Limits) -> None:
    """Raise [`FigureError`] when what a statement made is crowded or leaves the frame."""
    margin, least = limits.margin, limits.distance
    for name in statement.makes:
        here = figure.points[name]
        if not all(margin <= value <= 100 - margin for value in here):
            raise FigureError(statement, f"point {name} is less than {margin:g} hundredths from the frame's edge.")
        for other, there in figure.points.items():
            if other != name and math.dist(here, there) < least:
                raise FigureError(statement, f"points {name} and {other} are closer than {least:g} hundredths.")
    if statement.verb in _ROUND:
        name = statement.target or statement.points[0]
        (x, y), radius = figure.points[name], figure.circles[name]
        if min(x, y, 100 - x, 100 - y) < radius + min(2, margin) or radius < least:
            raise FigureError(statement, "the circle leaves the frame, or is too small.")
    if statement.verb == "ellipse":
        wide, high, turn = figure.ellipses[statement.points[0]]
        cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
        (x, y), reach = (
            figure.points[statement.points[0]],
            (math.hypot(wide * cos, high * sin), math.hypot(wide * sin, high * cos)),
        )
        if min(x, 100 - x) < reach[0] + min(2, margin) or min(y, 100 - y) < reach[1] + min(2, margin):
            raise FigureError(statement, "the ellipse leaves the frame.")
    if statement.verb in _SHAPES or statement.verb in ("similar", "congruent"):
        names = statement.makes
        for before, at, after in zip((names[-1], *names), names, (*names[1:], names[0]), strict=False):
            if angle_at(figure, before, at, after) < limits.angle:
                raise FigureError(statement, f"the angle at {at} is below {limits.angle:g} degrees.")
    if statement.verb in ("foot", "altitude"):
        if not 0.1 < _foot(statement, figure.points) < 0.9:
            raise FigureError(statement, "the foot is not between the ends of the side.")
    if statement.verb == "intersection":
        for start, end in (statement.points[:2], statement.points[2:]):
            if distance(figure, start, statement.target) + distance(figure, statement.target, end) > 1.001 * distance(
                figure, start, end
            ):
                raise FigureError(statement, f"the lines meet outside {start}{end}.")


def _check_clearance(last: Statement, figure: Figure, clearance: float) -> None:
    """Raise [`FigureError`] where a point, or the end of one line, almost touches another line."""
    for start, end in (*figure.segments, *figure.rays, *figure.lines):
        a, b = figure.points[start], figure.points[end]
        direction = _minus(b, a)
        length = math.hypot(*direction)
        for name, point in figure.points.items():
            if name in (start, end):
                continue
            gap = _minus(point, a)
            along, off = _dot(gap, direction) / length, abs(_cross(gap, direction)) / length
            if -clearance < along < length + clearance and 0.05 < off < clearance:
                raise FigureError(last, f"point {name} is too near to {start}{end}.")
    for centre, radius in figure.circles.items():
        for name, point in figure.points.items():
            off = abs(math.dist(point, figure.points[centre]) - radius)
            if name != centre and 0.05 < off < clearance:
                raise FigureError(last, f"point {name} is too near to the circle with centre {centre}.")


def angle_at(figure: Figure, before: str, at: str, after: str) -> float:
    """The angle before–at–after in degrees, 0..180."""
    a, b = (_minus(figure.points[name], figure.points[at]) for name in (before, after))
    return math.degrees(math.acos(max(-1.0, min(1.0, _dot(a, b) / (math.hypot(*a) * math.hypot(*b) or 1.0)))))


def distance(figure: Figure, first: str, second: str) -> float:
    """Distance of two points in hundredths of the frame's side."""
    return math.dist(figure.points[first], figure.points[second])


def undivided(figure: Figure) -> list[tuple[str, str]]:
    """Drawn segments, cut at the points that lie on them, each part once: what a length can be marked at."""
    parts: dict[frozenset[str], tuple[str, str]] = {}
    for start, end in figure.segments:
        length = distance(figure, start, end)
        along = {
            name: before
            for name in figure.points
            if (before := distance(figure, start, name)) + distance(figure, name, end) < length + 0.01
        }
        names = sorted(along, key=along.__getitem__)
        for pair in zip(names, names[1:], strict=False):
            parts.setdefault(frozenset(pair), pair)
    return list(parts.values())


def _minus(a: Point, b: Point) -> Point:
    return (a[0] - b[0], a[1] - b[1])


def _dot(a: Point, b: Point) -> float:
    return a[0] * b[0] + a[1] * b[1]


def _cross(a: Point, b: Point) -> float:
    return a[0] * b[1] - a[1] * b[0]


def _between(start: Point, end: Point, ratio: float) -> Point:
    return (start[0] + ratio * (end[0] - start[0]), start[1] + ratio * (end[1] - start[1]))


def _around(centre: Point, radius: float, degrees: float) -> Point:
    turn = math.radians(degrees)
    return (centre[0] + radius * math.cos(turn), centre[1] + radius * math.sin(turn))
