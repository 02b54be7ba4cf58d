"""The look of a figure: what may vary from drawing to drawing (`Style`), and the strokes that a figure is made of.

All lengths are in hundredths of the frame's side, y upwards, as in [`~dataset_builders.diagram.figure.Figure`].
"""

import functools
import math
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from dataset_builders.diagram.figure import Figure, Graph, Point, Scale

FONTS = ("DejaVu Sans", "DejaVu Serif", "STIX", "Computer Modern")
LEAST_STROKE = 1.1
"""The thinnest stroke in pixels; thinner ones turn grey."""
FRAME = 4.0
"""Where rays and lines end, from the frame's edge."""
Line = tuple[float, float, float, float]

_REACH = 40.0  # a turned figure's points are at most so far from the middle on either axis, so that labels have room
_SAMPLES = np.linspace(0.0, 1.0, 49)


@dataclass(frozen=True)
class Style:
    """How a figure is drawn, never what: the same style suits a figure and its look-alikes.

    Parameters:
        stroke_width (`float`, *optional*, defaults to `0.75`): in hundredths of the side; never below 1.1 pixels.
        font (`str`, *optional*, defaults to `"DejaVu Sans"`): one of `FONTS`, which come with matplotlib.
        font_size (`float`, *optional*, defaults to `6.0`): in hundredths of the side; never below 11 pixels.
        label_offset (`float`, *optional*, defaults to `1.8`): least distance of a label from what it names.
        rotation (`float`, *optional*, defaults to `0.0`): degrees by which the drawing is turned anticlockwise about
            the frame's middle; letters stay upright, and the drawing shrinks where it would leave the frame.
        jitter (`float`, *optional*, defaults to `0.0`): how far strokes wobble, as if drawn by hand.
        noise (`float`, *optional*, defaults to `0.0`): 0 to 1, how bad a scan looks: blur, grey paper, specks.
        seed (`int`, *optional*, defaults to `0`): of jitter and noise.

    Raises:
        ValueError: when a field is outside its range.
    """

    stroke_width: float = 0.75
    font: str = "DejaVu Sans"
    font_size: float = 6.0
    label_offset: float = 1.8
    rotation: float = 0.0
    jitter: float = 0.0
    noise: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.font not in FONTS:
            raise ValueError(f"Style: `font` is {self.font!r}; it must be one of {', '.join(FONTS)}.")
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"Style: `{name}` is {value!r}; it must be between {low:g} and {high:g}.")


_RANGES = {
    "stroke_width": (0.1, 3.0),
    "font_size": (2.0, 20.0),
    "label_offset": (0.0, 10.0),
    "rotation": (-180.0, 180.0),
    "jitter": (0.0, 1.0),
    "noise": (0.0, 1.0),
    "seed": (0, 2**31 - 1),
}
PLAIN = Style()


def sample_style(rng: np.random.Generator) -> Style:
    """A random style: every second one turned a little, every fourth one drawn by hand, every fourth one scanned.

    Args:
        rng (`np.random.Generator`): the only source of randomness; as many numbers are drawn for any outcome.
    """
    width, size, offset, turn, wobble, scan = rng.random(6).tolist()
    font, seed = int(rng.integers(len(FONTS))), int(rng.integers(2**31))
    return Style(
        stroke_width=round(0.5 + 0.6 * width, 3),
        font=FONTS[font],
        font_size=round(5.2 + 1.4 * size, 3),
        label_offset=round(1.5 + 1.0 * offset, 3),
        rotation=round(20 * (turn - 0.5), 2) if turn < 0.25 or turn > 0.75 else 0.0,
        jitter=round(0.15 + 0.8 * wobble, 3) if wobble < 0.25 else 0.0,
        noise=round(0.2 + 3.2 * scan, 3) if scan < 0.25 else 0.0,
        seed=seed,
    )


@functools.cache
def load_skia() -> ModuleType:
    """The drawing library, imported at first use.

    Raises:
        ImportError: when it or a system library that it needs is missing.
    """
    try:
        import skia
    except ImportError as error:
        raise ImportError(
            f"skia cannot be imported ({error}), and drawing needs it: `pip install skia-python`, and for the "
            "libraries libGL and libEGL of the system `apt install libgl1 libegl1`."
        ) from error
    return skia


class Placed(NamedTuple):
    """Where a figure stands after the style's turn: points by name, the turn in degrees, what lengths shrank by."""

    points: dict[str, Point]
    turn: float
    shrink: float


class Strokes(NamedTuple):
    """What the pen draws of a figure, labels left out.

    Attributes:
        lines (`list[Line]`), dashed (`list[Line]`): x, y, x, y.
        circles: x, y, radius.
        arcs: x, y, radius, start and sweep in degrees, counter-clockwise.
        ellipses: x, y, half axes, turn of the first in degrees.
        curves: lists of points.
        dots: x, y.
        marks (`list[Line]`): ticks, squares of right angles, arrow heads between lines.
        mark_arcs: as `arcs`, those of marked angles.
        heads: triangles of filled arrow heads.
        angle_radii (`dict[int, float]`): by position in `figure.marks`, how far a marked angle's arc is from it.
    """

    lines: list[Line]
    dashed: list[Line]
    circles: list[tuple[float, float, float]]
    arcs: list[tuple[float, float, float, float, float]]
    ellipses: list[tuple[float, float, float, float, float]]
    curves: list[list[Point]]
    dots: list[Point]
    marks: list[Line]
    mark_arcs: list[tuple[float, float, float, float, float]]
    heads: list[tuple[Point, Point, Point]]
    angle_radii: dict[int, float]


def stroke_width(style: Style, size: int) -> float:
    """The stroke's width in hundredths of the side, at an image size in pixels."""
    return max(style.stroke_width, 100 * LEAST_STROKE / size)


def placed(figure: Figure, degrees: float) -> Placed:
    """The figure's points turned about the frame's middle, and drawn in where they would come too near to its edge."""
    if not degrees:
        return Placed(figure.points, 0.0, 1.0)
    turn = math.radians(degrees)
    cos, sin = math.cos(turn), math.sin(turn)
    shrink = 1.0
    points = {}
    for name, (x, y) in figure.points.items():
        x, y = x - 50, y - 50
        points[name] = turned = (cos * x - sin * y, sin * x + cos * y)
        shrink = min(shrink, _room(turned, max(abs(x), abs(y), _REACH)))
    for name, radius in _radii(figure):
        (x, y), before = points[name], figure.points[name]
        far = max(abs(before[0] - 50), abs(before[1] - 50)) + radius
        shrink = min(shrink, max(far, 50 - FRAME) / (max(abs(x), abs(y)) + radius))
    if figure.scale is not None:
        x, y = points[figure.scale.origin]
        for value in figure.scale.x:
            reach = figure.scale.unit * value + math.copysign(4, value)
            shrink = min(shrink, _room((x + reach * cos, y + reach * sin), 50 - FRAME))
        for value in figure.scale.y or ():
            reach = figure.scale.unit * value + math.copysign(4, value)
            shrink = min(shrink, _room((x - reach * sin, y + reach * cos), 50 - FRAME))
    return Placed({name: (50 + shrink * x, 50 + shrink * y) for name, (x, y) in points.items()}, degrees, shrink)


def _room(point: Point, reach: float) -> float:
    return reach / max(abs(point[0]), abs(point[1]), reach)


def _radii(figure: Figure) -> list[tuple[str, float]]:
    arcs = [(arc[0], math.dist(figure.points[arc[0]], figure.points[arc[1]])) for arc in figure.arcs]
    return [*figure.circles.items(), *((name, max(axes[:2])) for name, axes in figure.ellipses.items()), *arcs]


def strokes_of(
    figure: Figure, place: Placed, width: float, with_markings: bool = True, arcs_at_values: bool = True
) -> Strokes:
    """The strokes of a figure.

    Args:
        figure ([`Figure`]), place ([`Placed`]): what to draw, and where its points are.
        width (`float`): of a stroke; marks grow with it, so that they can be told apart in small images.
        with_markings (`bool`, *optional*, defaults to `True`): `False` leaves out all ticks, squares, angle arcs and
            arrow heads.
        arcs_at_values (`bool`, *optional*, defaults to `True`): `False` leaves out the arc of an angle that has its
            value beside it.
    """
    at, shrink = place.points, place.shrink
    made = Strokes([], [], [], [], [], [], [], [], [], [], {})
    for pair in figure.segments:
        (made.dashed if pair in figure.dashed else made.lines).append((*at[pair[0]], *at[pair[1]]))
    for start, through in figure.rays:
        made.lines.append((*at[start], *_to_edge(at[start], at[through])))
    for first, second in figure.lines:
        made.lines.append((*_to_edge(at[second], at[first]), *_to_edge(at[first], at[second])))
    for centre, radius in figure.circles.items():
        made.circles.append((*at[centre], radius * shrink))
    for centre, start, end in figure.arcs:
        made.arcs.append((*at[centre], math.dist(at[centre], at[start]), *_span(at[centre], at[start], at[end])))
    for centre, (first, second, turn) in figure.ellipses.items():
        made.ellipses.append((*at[centre], first * shrink, second * shrink, turn + place.turn))
    if figure.scale is not None:
        _add_axes(made, figure, place, width, with_markings)
    # A centre, and a point on a line that goes on, show where they are by a dot alone.
    ends = {name for pair in figure.segments for name in pair} | {start for start, _ in figure.rays}
    ends |= {name for arc in figure.arcs for name in arc[1:]}
    ends -= {*figure.circles, *figure.ellipses}
    if figure.scale is not None and (figure.scale.y or with_markings):
        ends.add(figure.scale.origin)  # where the axes cross, or at a tick
    made.dots.extend(point for name, point in at.items() if name not in ends)
    if with_markings:
        _add_marks(made, figure, at, width, arcs_at_values)
    return made


def _to_edge(start: Point, through: Point) -> Point:
    """Where the ray from a point through another ends, before the frame's edge."""
    dx, dy = through[0] - start[0], through[1] - start[1]
    shares = [
        ((100 - FRAME if step > 0 else FRAME) - from_) / step
        for from_, step in zip(start, (dx, dy), strict=True)
        if abs(step) > 1e-9
    ]
    share = max(1.0, min(shares, default=1.0))
    return (start[0] + share * dx, start[1] + share * dy)


def _span(centre: Point, start: Point, end: Point) -> tuple[float, float]:
    """Start and sweep in degrees of the way round a centre, counter-clockwise."""
    first, last = _heading(centre, start), _heading(centre, end)
    return first, (last - first) % 360 or 360.0


def _heading(start: Point, end: Point) -> float:
    return math.degrees(math.atan2(end[1] - start[1], end[0] - start[0]))


def opening(before: Point, at: Point, after: Point) -> tuple[float, float]:
    """Start and sweep in degrees of an angle, the way that is below 180 degrees."""
    start, sweep = _span(at, before, after)
    return (start, sweep) if sweep <= 180 else (start + sweep, 360 - sweep)


# Axes and graphs


def axis_directions(turn: float) -> tuple[Point, Point]:
    """Unit vectors along the x and the y axis of a turned figure."""
    cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    return (cos, sin), (-sin, cos)


def steps(low: float, high: float, unit: float, least: float) -> list[float]:
    """Multiples of 1, 2, 5, 10… within a range, at least so many hundredths apart where 1 is `unit` long."""
    step = next(s * 10**e for e in range(-2, 9) for s in (1, 2, 5) if s * 10**e >= 1 and s * 10**e * unit >= least)
    return [step * i for i in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def _add_axes(made: Strokes, figure: Figure, place: Placed, width: float, with_markings: bool) -> None:
    scale, unit = figure.scale, figure.scale.unit * place.shrink
    x, y = place.points[scale.origin]
    half = max(1.1, 1.2 * width)
    for (dx, dy), shown in zip(axis_directions(place.turn), (scale.x, scale.y), strict=True):
        if shown is None:
            continue
        low, high = unit * shown[0] - 2.5, unit * shown[1] + 4
        tip = (x + high * dx, y + high * dy)
        made.lines.append((x + low * dx, y + low * dy, *tip))
        if not with_markings:
            continue
        back, side = max(2.6, 3 * width), max(1.0, 1.2 * width)
        foot = (tip[0] - back * dx, tip[1] - back * dy)
        made.heads.append(
            (tip, (foot[0] - side * dy, foot[1] + side * dx), (foot[0] + side * dy, foot[1] - side * dx))
        )
        for value in steps(*shown, unit, 3.5):
            if value or scale.y is None:
                left, up = x + value * unit * dx, y + value * unit * dy
                made.marks.append((left - half * dy, up + half * dx, left + half * dy, up - half * dx))
    for graph in figure.graphs:
        made.curves.extend(graph_curves(graph, scale, place))


def graph_curves(graph: Graph, scale: Scale, place: Placed) -> list[list[Point]]:
    """A graph within the axes' ranges, one list of points for each of its unbroken parts."""
    (ux, uy), (vx, vy) = axis_directions(place.turn)
    unit, (x0, y0) = scale.unit * place.shrink, place.points[scale.origin]
    curves = []
    for low, high in _shown(graph, scale):
        if graph.kind == "inverse":  # steep near the pole: closer there
            x = low * (high / low) ** _SAMPLES
        else:
            x = low + (high - low) * (_SAMPLES if graph.kind == "quadratic" else _SAMPLES[::12])
        y = graph.coefficients[0] / x if graph.kind == "inverse" else np.polyval(graph.coefficients, x)
        across, up = x0 + unit * (x * ux + y * vx), y0 + unit * (x * uy + y * vy)
        curves.append(list(zip(across.tolist(), up.tolist(), strict=True)))
    return curves


def _shown(graph: Graph, scale: Scale) -> list[tuple[float, float]]:
    """The parts of the x range on which a graph is within the y range."""
    if graph.kind == "inverse":
        crossings = [graph.coefficients[0] / value for value in scale.y if value]
    else:
        crossings = []
        for value in scale.y:
            roots = np.roots([*graph.coefficients[:-1], graph.coefficients[-1] - value])
            crossings += roots[np.abs(roots.imag) < 1e-12].real.tolist()
    low, high = scale.x
    cuts = sorted({low, high, 0.0, *(x for x in crossings if low < x < high)})
    parts: list[tuple[float, float]] = []
    for start, end in zip(cuts, cuts[1:], strict=False):
        value = graph.at((start + end) / 2)
        if end - start < 1e-9 or not scale.y[0] <= value <= scale.y[1]:
            continue
        if parts and parts[-1][1] == start and graph.kind != "inverse":
            parts[-1] = (parts[-1][0], end)
        else:
            parts.append((start, end))
    return parts


# Marks


def _add_marks(made: Strokes, figure: Figure, at: dict[str, Point], width: float, arcs_at_values: bool) -> None:
    gap = max(1.4, 2.4 * width)
    classes = _mark_classes(figure)
    ticked = {frozenset(pair) for kind, p, _ in figure.marks if kind == "equal" for pair in (p[:2], p[2:])}
    arcs_at: dict[str, float] = {}  # how far from a vertex the next arc of an angle is drawn
    for index, (kind, names, value) in enumerate(figure.marks):
        points = [at[name] for name in names]
        if kind == "angle":
            drawn = arcs_at_values or value is None
            made.angle_radii[index] = _add_angle(made, names, at, arcs_at, gap, 1, drawn)
        elif kind == "equal_angles":
            for three in (names[:3], names[3:]):
                _add_angle(made, three, at, arcs_at, gap, classes[index])
        elif kind == "right_angle":
            made.marks.extend(_square(*points, max(4.5, 5 * width)))
        elif kind == "equal":
            for pair in (points[:2], points[2:]):
                made.marks.extend(_ticks(*pair, classes[index], gap, max(1.6, 1.6 * width)))
        elif kind == "parallel":
            heading = (points[1][0] - points[0][0], points[1][1] - points[0][1])
            # Arrows point to the right, or up: the same way on both lines, whichever end is named first.
            sense = 1 if (round(heading[0], 6), heading[1]) > (0, 0) else -1
            for start, end, pair in ((*points[:2], names[:2]), (*points[2:], names[2:])):
                if sense * ((end[0] - start[0]) * heading[0] + (end[1] - start[1]) * heading[1]) < 0:
                    start, end = end, start
                share = 0.66 if frozenset(pair) in ticked else 0.5
                made.marks.extend(_chevrons(start, end, share, classes[index], gap, max(1.7, 1.8 * width)))


def _mark_classes(figure: Figure) -> dict[int, int]:
    """For each mark of two equal or parallel things how many strokes each gets: as many for all things that are equal
    to one another, one more for the next ones; by the mark's index."""
    numbers: dict[int, int] = {}
    for kind in ("equal", "equal_angles", "parallel"):
        groups: list[tuple[set[object], list[int]]] = []
        for index, (there, names, _) in enumerate(figure.marks):
            if there != kind:
                continue
            half = len(names) // 2
            # A side is the same from either end, and an angle from either side.
            things: set[object] = {(half == 3 and part[1], frozenset(part)) for part in (names[:half], names[half:])}
            touching = [group for group in groups if group[0] & things]
            marks = [index, *(mark for group in touching for mark in group[1])]
            groups = [group for group in groups if group not in touching]
            groups.append((things.union(*(group[0] for group in touching)), marks))
        groups.sort(key=lambda group: min(group[1]))
        for number, (_, marks) in enumerate(groups, 1):
            numbers.update(dict.fromkeys(marks, number))
    return numbers


def _add_angle(
    made: Strokes,
    names: tuple[str, ...],
    at: dict[str, Point],
    arcs_at: dict[str, float],
    gap: float,
    count: int,
    drawn: bool = True,
) -> float:
    """Draw the arcs of a marked angle; returns the outermost one's radius."""
    before, vertex, after = (at[name] for name in names)
    start, sweep = opening(before, vertex, after)
    short = min(math.dist(vertex, before), math.dist(vertex, after))
    # A narrow angle's arc is short: farther out it can be seen.
    radius = min(max(8.0 if sweep < 35 else 5.5, 4 * gap / 1.4), 0.45 * short)
    radius = max(radius, arcs_at.get(names[1], 0.0))
    for number in range(count if drawn else 0):
        made.mark_arcs.append((*vertex, radius + number * gap, start, sweep))
    arcs_at[names[1]] = radius + count * gap
    return radius + (count - 1) * gap


def _towards(start: Point, end: Point) -> Point:
    length = math.dist(start, end) or 1.0
    return ((end[0] - start[0]) / length, (end[1] - start[1]) / length)


def _square(before: Point, at: Point, after: Point, side: float) -> list[Line]:
    side = min(side, 0.4 * math.dist(at, before), 0.4 * math.dist(at, after))
    (ax, ay), (bx, by) = _towards(at, before), _towards(at, after)
    corner = (at[0] + side * (ax + bx), at[1] + side * (ay + by))
    return [(at[0] + side * x, at[1] + side * y, *corner) for x, y in ((ax, ay), (bx, by))]


def _ticks(start: Point, end: Point, count: int, gap: float, half: float) -> list[Line]:
    (dx, dy), length = _towards(start, end), math.dist(start, end)
    gap = min(gap, 0.6 * length / count)
    made = []
    for number in range(count):
        along = length / 2 + (number - (count - 1) / 2) * gap
        x, y = start[0] + along * dx, start[1] + along * dy
        made.append((x - half * dy, y + half * dx, x + half * dy, y - half * dx))
    return made


def _chevrons(start: Point, end: Point, share: float, count: int, gap: float, arm: float) -> list[Line]:
    (dx, dy), length = _towards(start, end), math.dist(start, end)
    made = []
    for number in range(count):
        along = share * length + (number - (count - 1) / 2) * gap + arm / 2
        x, y = start[0] + along * dx, start[1] + along * dy
        for side in (0.75 * arm, -0.75 * arm):
            made.append((x, y, x - arm * dx - side * dy, y - arm * dy + side * dx))
    return made


# Drawing


@dataclass(frozen=True)
class Pens:
    """Skia's paints for the kinds of strokes; shared between images, never changed."""

    solid: Any
    dashed: Any
    mark: Any
    fill: Any
    dot: float = field(compare=False)


@functools.lru_cache(maxsize=256)
def pens(width: float, jitter: float = 0.0, seed: int = 0) -> Pens:
    """The pens of an image, for strokes of a width."""
    skia = load_skia()
    base = {
        "AntiAlias": True,
        "Style": skia.Paint.kStroke_Style,
        "StrokeWidth": width,
        "StrokeCap": skia.Paint.kRound_Cap,
        "StrokeJoin": skia.Paint.kRound_Join,
    }
    solid, dashed, mark = skia.Paint(**base), skia.Paint(**base), skia.Paint(**base)
    dashed.setStrokeCap(skia.Paint.kButt_Cap)
    dash = skia.DashPathEffect.Make([max(2.4, 3 * width), max(1.8, 2.2 * width)], 0.0)
    if jitter:
        wobble = skia.PathEffect.MakeCompose(
            skia.CornerPathEffect.Make(6.0), skia.DiscretePathEffect.Make(4.0, jitter, seed)
        )
        solid.setPathEffect(wobble)
        dash = skia.PathEffect.MakeCompose(dash, wobble)
    dashed.setPathEffect(dash)
    return Pens(solid, dashed, mark, skia.Paint(AntiAlias=True), max(0.85, 1.15 * width))


@functools.lru_cache(maxsize=256)
def mask_pens(width: float, around: float) -> Pens:
    """Pens that draw all strokes solid and wider by `around` on either side: where no label may be."""
    skia = load_skia()
    stroke = skia.Paint(AntiAlias=False, Style=skia.Paint.kStroke_Style, StrokeWidth=width + 2 * around)
    stroke.setStrokeCap(skia.Paint.kSquare_Cap)
    fill = skia.Paint(AntiAlias=False, Style=skia.Paint.kStrokeAndFill_Style, StrokeWidth=2 * around)
    return Pens(stroke, stroke, stroke, fill, max(0.85, 1.15 * width))


def draw_strokes(canvas: Any, strokes: Strokes, with_pens: Pens) -> None:
    """Draw on a canvas whose unit is a hundredth of the side, y upwards or downwards alike."""
    skia = load_skia()
    solid, mark = with_pens.solid, with_pens.mark
    for line in strokes.lines:
        canvas.drawLine(*line, solid)
    for line in strokes.dashed:
        canvas.drawLine(*line, with_pens.dashed)
    for line in strokes.marks:
        canvas.drawLine(*line, mark)
    for circle in strokes.circles:
        canvas.drawCircle(*circle, solid)
    for arcs, pen in ((strokes.arcs, solid), (strokes.mark_arcs, mark)):
        for x, y, radius, start, sweep in arcs:
            canvas.drawArc(skia.Rect(x - radius, y - radius, x + radius, y + radius), start, sweep, False, pen)
    for x, y, first, second, turn in strokes.ellipses:
        canvas.save()
        canvas.translate(x, y)
        canvas.rotate(turn)
        canvas.drawOval(skia.Rect(-first, -second, first, second), solid)
        canvas.restore()
    for curve in strokes.curves:
        canvas.drawPath(skia.Path.Polygon([skia.Point(*point) for point in curve], False), solid)
    for dot in strokes.dots:
        canvas.drawCircle(*dot, with_pens.dot, with_pens.fill)
    for head in strokes.heads:
        canvas.drawPath(skia.Path.Polygon([skia.Point(*point) for point in head], True), with_pens.fill)
