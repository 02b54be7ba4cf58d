"""Where each letter and number of a figure goes: beside what it names, clear of every line and of every other label.

Each label has candidate places. Those that touch a stroke are found for all labels at once, in a coarse picture of the
strokes alone, summed up so that four look-ups tell whether a box is empty. The rest is greedy: labels with the fewest
places left choose first, each the cheapest that is free. All lengths are in hundredths of the side, y upwards.
"""

import functools
import math
import re
import threading
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dataset_builders.diagram.figure import Figure, Graph, Point
from dataset_builders.diagram.style import (
    PLAIN,
    Placed,
    Strokes,
    Style,
    axis_directions,
    draw_strokes,
    graph_curves,
    load_skia,
    mask_pens,
    opening,
    placed,
    steps,
    stroke_width,
    strokes_of,
)

LEAST_PIXELS = 11
"""The smallest font size in pixels."""
EDGE = 1.25
"""Least distance of a label from the frame's edge."""
APART = (2.0, 1.0)
"""Least distance of two labels, sideways and up: side by side they would be read as one."""

_CELLS = 160  # of the coarse picture, on a side
_EDGE_CELLS = math.ceil(EDGE * _CELLS / 100)
_CLEAR = 0.8  # least distance of a label from a stroke
_TRIES = 4
_TURNS = np.radians(np.arange(16) * 22.5)
_GAPS = np.array([0.0, 1.2, 3.2])
# A radian away from the preferred direction costs as much as two hundredths farther out.
_RING_COSTS = (2.0 * np.abs((_TURNS + np.pi) % (2 * np.pi) - np.pi)[:, None] + _GAPS[None, :]).ravel()
_FILES = {
    "DejaVu Sans": "DejaVuSans.ttf",
    "DejaVu Serif": "DejaVuSerif.ttf",
    "STIX": "STIXGeneral.ttf",
    "Computer Modern": "cmr10.ttf",
}
_BLOCKED = 10_000
Candidates = list[tuple[float, float, float]]  # x, y, cost
Box = tuple[float, float, float, float]


class Label(NamedTuple):
    """A text, the centre of its ink, and its ink's box: left, bottom, right, top; in hundredths of the side."""

    text: str
    centre: Point
    box: Box


class Labels(NamedTuple):
    """All labels of a figure; `crowded` holds those among them that touch a line or another label."""

    labels: list[Label]
    crowded: list[Label]


class Wanted(NamedTuple):
    """A label with half its width and height, its candidates, the place it is about, from which no line may part it,
    and the axis that it numbers: those that do not fit are left out, as long as one of an axis's is drawn."""

    text: str
    half: tuple[float, float]
    candidates: Candidates
    about: Point | None = None
    axis: str = ""


def place_labels(figure: Figure, size: int, style: Style = PLAIN, with_markings: bool = True) -> Labels:
    """Finds each label's place.

    The layout depends on `size` only where a small image has larger letters and thicker strokes than the style asks.

    Args:
        figure ([`Figure`]): what is labelled.
        size (`int`): side of the image in pixels.
        style ([`Style`], *optional*): font, offset, rotation and strokes.
        with_markings (`bool`, *optional*, defaults to `True`): `False` leaves out all but the letters.
    """
    place, width = placed(figure, style.rotation), stroke_width(style, size)
    return labels_beside(figure, place, strokes_of(figure, place, width, with_markings), size, style, with_markings)


def labels_beside(
    figure: Figure, place: Placed, strokes: Strokes, size: int, style: Style, with_markings: bool
) -> Labels:
    """[`place_labels`] for strokes that are there already."""
    names = list(place.points)
    em = font_pixels(style, size) * 100 / size
    wanted = wanted_labels(figure, place, strokes, style.font, em, style.label_offset) if with_markings else []
    halves = [_half(name, style.font, em) for name in names] + [each.half for each in wanted]
    if not halves:
        return Labels([], [])
    letters = _around_points(place, strokes, halves[: len(names)], style)
    x, y, cost = np.concatenate([letters, _numbers(wanted, place, strokes)], axis=1) if wanted else letters
    counts = [len(_RING_COSTS)] * len(names) + [len(each.candidates) for each in wanted]
    owner = np.repeat(np.arange(len(counts)), counts)
    width, height = np.array(halves).T[:, owner]
    boxes = np.empty((4, len(x)))
    boxes[0], boxes[1], boxes[2], boxes[3] = x - width, y - height, x + width, y + height
    ink = _ink(boxes, _mask_sums(strokes, stroke_width(style, size), _CLEAR + style.jitter))
    free = np.flatnonzero((ink == 0) & (cost < _BLOCKED))
    # By owner, then by cost, which is below _BLOCKED here.
    free = free[np.argsort(owner[free] * float(_BLOCKED) + cost[free])]
    bounds = np.searchsorted(owner[free], np.arange(len(counts) + 1)).tolist()
    listed = boxes[:, free].T.tolist()
    choices = [listed[start:end] for start, end in zip(bounds, bounds[1:], strict=False)]
    axes = [""] * len(names) + [each.axis for each in wanted]
    texts = names + [each.text for each in wanted]
    chosen = _choose(choices, axes)
    shown = {axis for axis, box in zip(axes, chosen, strict=True) if axis and box}
    made, crowded = [], []
    for index, box in enumerate(chosen):
        if box is None:
            if axes[index] and axes[index] in shown:
                continue  # a number on an axis that has others
            shown.add(axes[index])
            mine = np.flatnonzero(owner == index)
            at = mine[np.argmin(100.0 * ink[mine] + cost[mine] + _overlap(boxes[:, mine].T, chosen))]
            box = chosen[index] = _inside(boxes[:, at].tolist())
            if box not in choices[index]:
                crowded.append(len(made))
        left, bottom, right, top = box
        made.append(Label(texts[index], ((left + right) / 2, (bottom + top) / 2), (left, bottom, right, top)))
    return Labels(made, [made[index] for index in crowded])


def _choose(choices: list[list[Box]], axes: list[str]) -> list[Box | None]:
    """A box for each label that touches no other's; `None` where there is none."""
    order = sorted(range(len(choices)), key=lambda index: (axes[index] != "", len(choices[index])))
    for _ in range(_TRIES):
        chosen: list[Box | None] = [None] * len(choices)
        taken: list[Box] = []
        failed = []
        for index in order:
            for box in choices[index]:
                left, bottom, right, top = box
                for other in taken:
                    if left < other[2] and right > other[0] and bottom < other[3] and top > other[1]:
                        break
                else:
                    chosen[index] = box
                    taken.append((left - APART[0], bottom - APART[1], right + APART[0], top + APART[1]))
                    break
            else:
                if choices[index] and not axes[index]:
                    failed.append(index)
        if not failed:
            break
        order = failed + [index for index in order if index not in failed]
    return chosen


def _overlap(boxes: np.ndarray, chosen: list[Box | None]) -> np.ndarray:
    """What it costs each box that it covers labels that are placed."""
    taken = np.array([box for box in chosen if box is not None]).reshape(-1, 4)
    width = np.minimum(boxes[:, None, 2], taken[:, 2]) - np.maximum(boxes[:, None, 0], taken[:, 0])
    height = np.minimum(boxes[:, None, 3], taken[:, 3]) - np.maximum(boxes[:, None, 1], taken[:, 1])
    return 1000.0 * (np.maximum(width, 0) * np.maximum(height, 0)).sum(axis=1)


def _inside(box: list[float]) -> list[float]:
    """The box moved into the frame."""
    dx = max(EDGE - box[0], 0.0) or min(100 - EDGE - box[2], 0.0)
    dy = max(EDGE - box[1], 0.0) or min(100 - EDGE - box[3], 0.0)
    return [box[0] + dx, box[1] + dy, box[2] + dx, box[3] + dy]


# Ink


class _Scratch(threading.local):
    """A thread's coarse picture and its sums; skia writes into the array, which has to live as long as the surface."""

    def __init__(self) -> None:
        skia = load_skia()
        self.pixels = np.zeros((_CELLS, _CELLS), np.uint8)
        info = skia.ImageInfo.MakeA8(_CELLS, _CELLS)
        self.surface = skia.Surface.MakeRasterDirect(info, self.pixels, _CELLS)
        self.canvas = self.surface.getCanvas()
        self.canvas.scale(_CELLS / 100, _CELLS / 100)
        self.sums = np.zeros((_CELLS + 1, _CELLS + 1), np.int32)


@functools.cache
def _scratch() -> _Scratch:
    return _Scratch()


def _mask_sums(strokes: Strokes, width: float, around: float) -> np.ndarray:
    """How many cells with ink lie below and left of each corner of the grid, row by row upwards."""
    scratch = _scratch()
    scratch.canvas.clear(0)
    draw_strokes(scratch.canvas, strokes, mask_pens(width, around))
    np.cumsum(scratch.pixels != 0, axis=0, out=scratch.sums[1:, 1:])
    np.cumsum(scratch.sums, axis=1, out=scratch.sums)
    return scratch.sums


def _ink(boxes: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """Cells with ink under each box, (4, N): left, bottom, right, top; or very many if it leaves the frame."""
    cells = boxes * (_CELLS / 100)
    inside = ((cells[:2] >= _EDGE_CELLS) & (cells[2:] <= _CELLS - _EDGE_CELLS)).all(axis=0)
    np.ceil(cells[2:], out=cells[2:])
    low, high = cells.clip(0, _CELLS, out=cells).astype(np.intp).reshape(2, 2, -1)
    flat, row = sums.ravel(), _CELLS + 1
    left, right, bottom, top = low[0], high[0], low[1] * row, high[1] * row
    ink = flat[top + right] - flat[top + left] - flat[bottom + right] + flat[bottom + left]
    return np.where(inside, ink, _BLOCKED)


# Letters


def _around_points(place: Placed, strokes: Strokes, halves: list[tuple[float, float]], style: Style) -> np.ndarray:
    """Candidates around each point, best first opposite the lines that meet there: x, y and cost, (3, N)."""
    if not halves:
        return np.empty((3, 0))
    px, py = np.array(list(place.points.values())).T[:, :, None]
    half = np.array(halves)
    angle = np.array(open_directions(place, strokes))[:, None] + _TURNS  # (P, 16)
    cos, sin = np.cos(angle), np.sin(angle)
    # How far a box's centre is from its rim in a direction: the rim keeps its distance, whatever the box's shape. The
    # small number keeps zero from dividing.
    reach = np.minimum(half[:, :1] / (np.abs(cos) + 1e-9), half[:, 1:] / (np.abs(sin) + 1e-9)) + style.label_offset
    out = reach[:, :, None] + _GAPS  # (P, 16, G)
    table = np.empty((3, *out.shape))
    np.multiply(cos[:, :, None], out, out=table[0])
    np.multiply(sin[:, :, None], out, out=table[1])
    x, y, cost = table.reshape(3, len(half), -1)  # (P, 16 G)
    x += px
    y += py
    # Nearer to another point, a letter would be taken for that one's. (A point's own place is not nearer than itself.)
    far = (x - px[:, None]) ** 2 + (y - py[:, None]) ** 2  # (P, P, 16 G)
    out = out.reshape(len(half), -1)
    np.add(_RING_COSTS, _BLOCKED * (far.min(axis=0) < out * out - 1e-6), out=cost)
    return table.reshape(3, -1)


def open_directions(place: Placed, strokes: Strokes) -> list[float]:
    """For each point the middle of the widest angle between the lines that meet there, in radians."""
    points = list(place.points.values())
    headings: list[list[float]] = [[] for _ in points]
    meeting = list(zip(points, headings, strict=True))
    for x, y, u, v in strokes.lines + strokes.dashed:
        dx, dy = u - x, v - y
        length = math.hypot(dx, dy) or 1.0
        dx, dy = dx / length, dy / length
        heading = math.atan2(dy, dx)
        for (px, py), met in meeting:
            rx, ry = px - x, py - y
            if -0.4 < rx * dy - ry * dx < 0.4 and -0.4 < (along := rx * dx + ry * dy) < length + 0.4:
                if along < length - 1:
                    met.append(heading)
                if along > 1:
                    met.append(heading - math.pi)
    for x, y, radius in [*strokes.circles, *(arc[:3] for arc in strokes.arcs)]:
        for (px, py), met in meeting:
            if abs(math.hypot(px - x, py - y) - radius) < 0.5:
                inward = math.atan2(y - py, x - px)
                met += [inward - 1.4, inward + 1.4]
    if not points:
        return []
    across, up = (sum(axis) / len(points) for axis in zip(*points, strict=True))
    return [_widest(met, x - across, y - up) for met, (x, y) in zip(headings, points, strict=True)]


def _widest(headings: list[float], dx: float, dy: float) -> float:
    """Middle of the widest gap between headings; of equal ones, that which points away from the figure, or up."""
    if not headings:
        return math.radians(60)
    ring = sorted(heading % (2 * math.pi) for heading in headings)
    widest, chosen = -1.0, 0.0
    for start, end in zip(ring, [*ring[1:], ring[0] + 2 * math.pi], strict=True):
        gap, middle = end - start, (start + end) / 2
        if gap > widest + 0.05:
            widest, chosen = gap, middle
        # Up by a hair only, so that rounding does not decide.
        elif gap > widest - 0.05 and _outwards(middle, dx, dy) > _outwards(chosen, dx, dy) + 1e-6:
            widest, chosen = max(gap, widest), middle
    return chosen


def _outwards(heading: float, dx: float, dy: float) -> float:
    return math.cos(heading) * dx + math.sin(heading) * (dy + 0.1)


# Numbers, equations


def wanted_labels(figure: Figure, place: Placed, strokes: Strokes, font: str, em: float, gap: float) -> list[Wanted]:
    """The numbers and equations of a figure, each with its candidates, for a font, its size, and a least distance."""
    at = place.points
    middle = [sum(axis) / len(at) for axis in zip(*at.values(), strict=True)] if at else [50.0, 50.0]
    wanted = []
    for index, (kind, names, value) in enumerate(figure.marks):
        if value is None or kind not in ("length", "angle", "arc"):
            continue
        text = value_text(value, degrees=kind != "length")
        half, points = _half(text, font, em), [at[name] for name in names]
        about: Point | None = None
        if kind == "length":
            places = _beside_segment(*points, half, gap, middle)
            about = ((points[0][0] + points[1][0]) / 2, (points[0][1] + points[1][1]) / 2)
        elif kind == "angle":
            places = _in_angle(*points, half, gap, strokes.angle_radii[index])
            about = points[1]
        else:
            places = _beside_arc(*points, half, gap)
        wanted.append(Wanted(text, half, places, about))
    if figure.scale is not None:
        wanted += _on_axes(figure, place, font, em, gap)
        for graph in figure.graphs:
            text = equation(graph)
            half = _half(text, font, em)
            wanted.append(Wanted(text, half, _beside_graph(graph, figure, place, half, gap)))
    return wanted


def _beside_segment(
    start: Point, end: Point, half: tuple[float, float], gap: float, middle: list[float]
) -> Candidates:
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = math.hypot(dx, dy) or 1.0
    nx, ny = -dy / length, dx / length
    if nx * ((start[0] + end[0]) / 2 - middle[0]) + ny * ((start[1] + end[1]) / 2 - middle[1]) < -1e-6:
        nx, ny = -nx, -ny  # outwards
    out = abs(nx) * half[0] + abs(ny) * half[1] + gap
    asides = [
        (reach * nx, reach * ny, cost)
        for reach, cost in ((out, 0.0), (out + 1.2, 2.4), (-out, 1.5), (-out - 1.2, 3.9))
    ]
    shares = (0.0, 0.12, -0.12, 0.25, -0.25)
    spots = [(start[0] + (0.5 + s) * dx, start[1] + (0.5 + s) * dy, 0.12 * length * abs(s)) for s in shares]
    return [(x + ax, y + ay, far + cost) for x, y, far in spots for ax, ay, cost in asides]


def _in_angle(
    before: Point, at: Point, after: Point, half: tuple[float, float], gap: float, radius: float
) -> Candidates:
    start, sweep = opening(before, at, after)
    arms = [math.radians(start), math.radians(start + sweep)]
    # Between the arms there is room for the box where it is as far from either as this.
    needs = [abs(math.sin(arm)) * half[0] + abs(math.cos(arm)) * half[1] + 1.2 for arm in arms]
    places = []
    for tilt in (0.0, 0.28, -0.28, 0.55, -0.55):
        heading = math.radians(start + sweep * (0.5 + tilt / 2))
        cos, sin = math.cos(heading), math.sin(heading)
        least = radius + 0.8 * gap + _exit(half, cos, sin)
        for arm, need in zip(arms, needs, strict=True):
            least = max(least, need / max(math.sin(min(abs(heading - arm), math.pi / 2)), 0.05))
        for more in (0.0, 1.0, 2.5, 5.0):
            out = least + more
            places.append((at[0] + out * cos, at[1] + out * sin, 0.3 * (out - radius) + more + abs(tilt)))
    return places


def _beside_arc(centre: Point, start: Point, end: Point, half: tuple[float, float], gap: float) -> Candidates:
    radius = math.dist(centre, start)
    first = math.atan2(start[1] - centre[1], start[0] - centre[0])
    sweep = (math.atan2(end[1] - centre[1], end[0] - centre[0]) - first) % (2 * math.pi)
    places = []
    for share in (0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74):
        heading = first + share * sweep
        cos, sin = math.cos(heading), math.sin(heading)
        out = abs(cos) * half[0] + abs(sin) * half[1] + gap
        for more in (0.0, 0.8, 1.8):
            cost = 8 * abs(share - 0.5) + 2 * more
            places.append((centre[0] + (radius + out + more) * cos, centre[1] + (radius + out + more) * sin, cost))
            # A box inside a curve touches it with its corners first.
            inside = radius - out - more - 0.15 * half[0]
            places.append((centre[0] + inside * cos, centre[1] + inside * sin, cost + 2))
    return places


def _exit(half: tuple[float, float], cos: float, sin: float) -> float:
    """How far it is from a box's centre to its rim in a direction."""
    return min(half[0] / max(abs(cos), 1e-9), half[1] / max(abs(sin), 1e-9))


def _on_axes(figure: Figure, place: Placed, font: str, em: float, gap: float) -> list[Wanted]:
    scale, unit = figure.scale, figure.scale.unit * place.shrink
    x, y = place.points[scale.origin]
    along, across = axis_directions(place.turn)
    wanted = []
    for axis, (dx, dy), (nx, ny), shown in (
        ("x", along, (-across[0], -across[1]), scale.x),
        ("y", across, (-along[0], -along[1]), scale.y),
    ):
        if shown is None:
            continue
        ticks = steps(*shown, unit, 3.5)
        step = ticks[1] - ticks[0] if len(ticks) > 1 else 1
        widest = 2 * max(_half(value_text(value), font, em)[axis == "y"] for value in (ticks[0], ticks[-1]))
        # On coordinate axes a few numbers tell the unit; a number line is read off its numbers.
        room = widest + 2.5 if scale.y is None else max(1.6 * widest, 9.0)
        every = next(n for n in (1, 2, 5, 10, 20, 50, 100) if n * step * unit >= room)
        marks = [(value_text(v), v * unit) for v in ticks if round(v / step) % every == 0 and (v or scale.y is None)]
        for text, far in marks:
            half = _half(text, font, em)
            wanted.append(_tick_number(text, axis, (x + far * dx, y + far * dy), (nx, ny), half, gap))
        if scale.y is not None:
            far = unit * shown[1] + 2
            tip = (x + far * dx, y + far * dy)
            wanted.append(_tick_number(axis, f"name of {axis}", tip, (nx, ny), _half(axis, font, em), gap))
    return wanted


def _tick_number(text: str, axis: str, at: Point, normal: Point, half: tuple[float, float], gap: float) -> Wanted:
    out = abs(normal[0]) * half[0] + abs(normal[1]) * half[1] + 1.2 + gap
    reaches = [(out, 0.0), (out + 0.8, 1.0), (-out, 2.0), (-out - 0.8, 3.0)]
    return Wanted(text, half, [(at[0] + r * normal[0], at[1] + r * normal[1], cost) for r, cost in reaches], axis=axis)


def _beside_graph(graph: Graph, figure: Figure, place: Placed, half: tuple[float, float], gap: float) -> Candidates:
    curves = [_dense(curve) for curve in graph_curves(graph, figure.scale, place)]
    others = [other for other in figure.graphs if other != graph]
    foreign = [
        point for other in others for part in graph_curves(other, figure.scale, place) for point in _dense(part)
    ]
    places = []
    for curve in curves:
        last = len(curve) - 1
        for index in range(0, last + 1, last // 16):
            (x, y), (ax, ay), (bx, by) = curve[index], curve[max(index - 1, 0)], curve[min(index + 1, last)]
            length = math.hypot(bx - ax, by - ay) or 1.0
            nx, ny = (ay - by) / length, (bx - ax) / length
            out = abs(nx) * half[0] + abs(ny) * half[1] + gap
            end = 2 * min(index, last - index) / last
            for more in (0.0, 1.5, 3.0, 5.0):
                for reach in (out + more, -out - more):
                    places.append((x + reach * nx, y + reach * ny, 3 * end + more))
    if foreign:
        # Nearer to another graph, an equation would be taken for that one's.
        own, far = (_gap_to(places, half, points) for points in (sum(curves, []), foreign))
        near = (far < own + 2.0).tolist()
        places = [(x, y, cost + _BLOCKED * bad) for (x, y, cost), bad in zip(places, near, strict=True)]
    return places


def _gap_to(places: Candidates, half: tuple[float, float], points: list[Point]) -> np.ndarray:
    """The distance of boxes at candidate places from the nearest of some points."""
    across, up = (
        np.maximum(np.abs(np.array(places)[:, axis, None] - np.array(points)[:, axis]) - half[axis], 0)
        for axis in (0, 1)
    )
    return np.hypot(across, up).min(axis=1)


def _dense(curve: list[Point]) -> list[Point]:
    """A curve's points, many of them also where it is straight."""
    return curve if len(curve) > 9 else _between(curve[0], curve[-1], 33)


def _between(start: Point, end: Point, count: int) -> list[Point]:
    shares = [i / (count - 1) for i in range(count)]
    return [(start[0] + s * (end[0] - start[0]), start[1] + s * (end[1] - start[1])) for s in shares]


def _numbers(wanted: list[Wanted], place: Placed, strokes: Strokes) -> np.ndarray:
    """The candidates of numbers and equations, (3, N); those blocked that a line parts from what they are about."""
    if not wanted:
        return np.empty((3, 0))
    table = np.array([candidate for each in wanted for candidate in each.candidates]).T
    lines = strokes.lines + strokes.dashed
    if not lines or all(each.about is None for each in wanted):
        return table
    counts = [len(each.candidates) for each in wanted]
    about = np.array([each.about or (math.nan, math.nan) for each in wanted]).repeat(counts, axis=0).T  # (2, M)
    owned = slice(None) if all(each.about is not None for each in wanted) else np.flatnonzero(about[0] == about[0])
    about, lines = about[:, owned], np.array(lines).T[:, :, None]  # lines: (4, S, 1)
    wx, wy = table[:2, owned] - about
    sx, sy = lines[2:] - lines[:2]  # (S, 1)
    dx, dy = lines[0] - about[0], lines[1] - about[1]  # (S, M)
    cross = wx * sy - wy * sx
    cross[cross == 0] = 1e-12
    along, share = (dx * sy - dy * sx) / cross, (dx * wy - dy * wx) / cross
    # Lines that pass through the place itself part nothing from it.
    parted = ((along > 0.05) & (along < 1) & (share > 0) & (share < 1)).any(axis=0)
    # Far from its own place and beside another point, a number would be taken for that one's.
    px, py = np.array(list(place.points.values())).T[:, :, None]
    nearest = ((table[0, owned] - px) ** 2 + (table[1, owned] - py) ** 2).min(axis=0)
    strayed = nearest < 0.5 * (wx * wx + wy * wy)
    table[2, owned] += _BLOCKED * (parted | strayed)
    return table


# Texts


@functools.lru_cache(maxsize=8192)
def value_text(value: float | str, degrees: bool = False) -> str:
    """A mark's value as it is written: `6`, `2.5`, `x + 3`; with its sign of degrees `50°`, `x°`, `(2x − 7)°`."""
    text = value if isinstance(value, str) else f"{value:.10g}"
    text = re.sub(r"(?<=[^\s+\-*/(=])\s*([+\-=])\s*", r" \1 ", text.strip()).replace("-", "−").replace("*", "·")
    if not degrees:
        return text
    return f"({text})°" if " " in text else f"{text}°"


def equation(graph: Graph) -> str:
    """A graph's equation: `y = 2x − 1`, `y = x²/2 + 3`, `y = −6/x`."""
    if graph.kind == "inverse":
        fraction = Fraction(graph.coefficients[0]).limit_denominator(12)
        bottom = "x" if fraction.denominator == 1 else f"({fraction.denominator}x)"
        exact = math.isclose(fraction, graph.coefficients[0], rel_tol=1e-6)
        top, bottom = (str(fraction.numerator), bottom) if exact else (f"{graph.coefficients[0]:.3g}", "x")
        return f"y = {top}/{bottom}".replace("-", "−")
    powers = ("x²", "x", "") if graph.kind == "quadratic" else ("x", "")
    terms = [_term(value, power) for value, power in zip(graph.coefficients, powers, strict=True) if value]
    text = "".join(f" {'−' if negative else '+'} {term}" for negative, term in terms) or " + 0"
    return "y = " + (text[3:] if text[1] == "+" else "−" + text[3:])


def _term(value: float, power: str) -> tuple[bool, str]:
    """Whether a term is negative, and the rest of it."""
    fraction = Fraction(abs(value)).limit_denominator(12)
    if not math.isclose(fraction, abs(value), rel_tol=1e-6):
        return value < 0, f"{abs(value):.3g}{power}"
    top = "" if power and fraction.numerator == 1 else str(fraction.numerator)
    return value < 0, top + power + (f"/{fraction.denominator}" if fraction.denominator > 1 else "")


# Fonts


def font_pixels(style: Style, size: int) -> float:
    """The font size in pixels at an image size in pixels."""
    return max(float(LEAST_PIXELS), style.font_size * size / 100)


@functools.cache
def typeface(name: str) -> Any:
    """A typeface that matplotlib ships, by its file: the same letters on every machine.

    Raises:
        ImportError: when matplotlib is not there.
    """
    from importlib.util import find_spec  # matplotlib itself takes a second to import, and only its folder is needed

    spec = find_spec("matplotlib")
    if spec is None:
        raise ImportError("matplotlib is not installed, and its fonts are the ones used: `pip install matplotlib`.")
    path = Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf" / _FILES[name]
    # Not skia's default manager, which reads the system's fonts first and complains of their configuration.
    made = load_skia().FontMgr.New_Custom_Empty().makeFromFile(str(path))
    if made is None:
        raise ImportError(f"{path} is missing or no font; install matplotlib anew.")
    return made


@functools.lru_cache(maxsize=64)
def _font(name: str, pixels: float, stretch: float) -> Any:
    skia = load_skia()
    font = skia.Font(typeface(name), pixels)
    font.setSubpixel(True)
    font.setScaleX(stretch)
    font.setHinting(skia.FontHinting.kNone if pixels > 20 else skia.FontHinting.kSlight)
    return font


@functools.lru_cache(maxsize=8192)
def text_blob(text: str, font: str, pixels: float, stretch: float = 1.0) -> tuple[Any, Box]:
    """A text ready to be drawn, and its ink's box in pixels about the start of its baseline: left, top, right, bottom.

    Computer Modern's file has ASCII at its place only; all other signs are taken from STIX, which goes well with it.
    """
    skia = load_skia()
    builder, x, bounds = skia.TextBlobBuilder(), 0.0, None
    for part in re.findall(r"[ -~]+|[^ -~]+", text):
        face = "STIX" if font == "Computer Modern" and part[0] > "~" else font
        each, rect = _font(face, pixels, stretch), skia.Rect()
        builder.allocRun(part, each, x, 0)
        advance = each.measureText(part, skia.TextEncoding.kUTF8, rect)
        rect.offset(x, 0)
        if bounds is None:
            bounds = rect
        else:
            bounds.join(rect)
        x += advance
    return builder.make(), (bounds.left(), bounds.top(), bounds.right(), bounds.bottom())


@functools.lru_cache(maxsize=8192)
def _half(text: str, font: str, em: float) -> tuple[float, float]:
    """Half the width and height of a text's ink, `em` being the font size, in the same unit."""
    left, top, right, bottom = text_blob(text, font, 100.0)[1]
    return (right - left) * em / 200, (bottom - top) * em / 200
