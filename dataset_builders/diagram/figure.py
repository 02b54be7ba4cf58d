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


def solve(program: Program) -> Figure:
    """The figure of a program.

    Raises:
        FigureError: when points coincide or crowd, an angle is too small to see, a triangle's angles leave none for
            its third corner, a circle's point is asked of what is no circle, or something leaves the frame.
    """
    figure = Figure()
    for statement in program.statements:
        _draw(statement, figure)
        # At once, so that nothing is built on points that coincide.
        _check(statement, figure)
    return figure


def _draw(statement: Statement, figure: Figure) -> None:
    verb, names, points = statement.verb, statement.points, figure.points
    if verb in _ON_CIRCLE and names[0] not in figure.circles:
        raise FigureError(statement, f"{names[0]} is not the centre of a circle.")
    if verb == "circle":
        points[names[0]] = statement.option("at")
        figure.circles[names[0]] = statement.option("size") / 2
    elif verb in _SHAPES:
        corners = _placed(_SHAPES[verb](statement), statement)
        points.update(zip(names, corners, strict=True))
        figure.segments += zip(names, (*names[1:], names[0]), strict=True)
        figure.outline.append(names)
    elif verb in _ON_SEGMENT:
        points[statement.target] = _between(points[names[-2]], points[names[-1]], _ON_SEGMENT[verb](statement, points))
        if len(names) == 3:
            figure.segments.append((names[0], statement.target))
    elif verb == "on_circle":
        points[statement.target] = _around(points[names[0]], figure.circles[names[0]], statement.option("turn"))
        figure.segments.append((names[0], statement.target))
    elif verb in ("opposite", "chord"):
        centre, start = (points[name] for name in names)
        turn = 180 if verb == "opposite" else statement.option("turn")
        direction = math.degrees(math.atan2(start[1] - centre[1], start[0] - centre[0]))
        points[statement.target] = _around(centre, math.dist(centre, start), direction + turn)
        figure.segments.append((names[1], statement.target))
    elif verb == "segment":
        figure.segments.append(names)
    else:
        figure.marks.append((verb.removeprefix("mark_"), names, statement.value))


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
    ratio, shift = statement.option("ratio"), statement.option("shift")
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


_ON_CIRCLE = ("on_circle", "opposite", "chord")
_ON_SEGMENT = {
    "midpoint": lambda s, p: 0.5,
    "median": lambda s, p: 0.5,
    "point_on": lambda s, p: s.option("ratio"),
    "cevian": lambda s, p: s.option("ratio"),
    "foot": _foot,
    "bisector": _bisector,
}


def _placed(corners: list[Point], statement: Statement) -> list[Point]:
    """The shape turned, scaled so that its farthest corner is `size` / 2 from its centre, and moved to `at`."""
    centre = (sum(x for x, _ in corners) / len(corners), sum(y for _, y in corners) / len(corners))
    corners = [_minus(corner, centre) for corner in corners]
    scale = statement.option("size") / 2 / max(math.hypot(*corner) for corner in corners)
    turn = math.radians(statement.option("turn"))
    cos, sin, (left, up) = math.cos(turn) * scale, math.sin(turn) * scale, statement.option("at")
    return [(left + cos * x - sin * y, up + sin * x + cos * y) for x, y in corners]


def _check(statement: Statement, figure: Figure) -> None:
    """Raise [`FigureError`] when what a statement made is crowded or leaves the frame."""
    for name in statement.makes:
        here = figure.points[name]
        if not all(MARGIN <= value <= 100 - MARGIN for value in here):
            raise FigureError(statement, f"point {name} is less than {MARGIN:g} hundredths from the frame's edge.")
        for other, there in figure.points.items():
            if other != name and math.dist(here, there) < LEAST_DISTANCE:
                raise FigureError(
                    statement, f"points {name} and {other} are closer than {LEAST_DISTANCE:g} hundredths."
                )
    if statement.verb == "circle":
        (x, y), radius = figure.points[statement.points[0]], figure.circles[statement.points[0]]
        if min(x, y, 100 - x, 100 - y) < radius + 2:
            raise FigureError(statement, "the circle leaves the frame.")
    if statement.verb in _SHAPES:
        names = statement.points
        for before, at, after in zip((names[-1], *names), names, (*names[1:], names[0]), strict=False):
            if angle_at(figure, before, at, after) < LEAST_ANGLE:
                raise FigureError(statement, f"the angle at {at} is below {LEAST_ANGLE:g} degrees.")
    if statement.verb == "foot":
        if not 0.1 < _foot(statement, figure.points) < 0.9:
            raise FigureError(statement, "the foot is not between the ends of the side.")


def angle_at(figure: Figure, before: str, at: str, after: str) -> float:
    """The angle before–at–after in degrees, 0..180."""
    a, b = (_minus(figure.points[name], figure.points[at]) for name in (before, after))
    return math.degrees(math.acos(max(-1.0, min(1.0, _dot(a, b) / (math.hypot(*a) * math.hypot(*b) or 1.0)))))


def distance(figure: Figure, first: str, second: str) -> float:
    """Distance of two points in hundredths of the frame's side."""
    return math.dist(figure.points[first], figure.points[second])


def _minus(a: Point, b: Point) -> Point:
    return (a[0] - b[0], a[1] - b[1])


def _dot(a: Point, b: Point) -> float:
    return a[0] * b[0] + a[1] * b[1]


def _between(start: Point, end: Point, ratio: float) -> Point:
    return (start[0] + ratio * (end[0] - start[0]), start[1] + ratio * (end[1] - start[1]))


def _around(centre: Point, radius: float, degrees: float) -> Point:
    turn = math.radians(degrees)
    return (centre[0] + radius * math.cos(turn), centre[1] + radius * math.sin(turn))
