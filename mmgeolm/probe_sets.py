"""Generated figures that ask one thing of a vision tower: are two lines parallel, is an angle right, which letter
stands at which corner.

    part = probe_set("parallel", 400, seed=0)
    part.images, part.answers                   # 800 drawings, 400 of each answer

Each scene is drawn once for each answer, and the drawings of a scene differ only as the answer has it: a segment is
turned, ticks change places. So answers are balanced exactly, and no answer goes with a scene.
"""

import math
from collections.abc import Callable

import numpy as np

from dataset_builders.diagram.facts import Fact, holds, refuted
from dataset_builders.diagram.figure import Figure, Point
from dataset_builders.diagram.render import render
from evaluation.probes import ProbeSet
from mmgeolm.retrieval_sets import SCENES

LETTERS = "ABCDEFGH"
"""Of corners; the ones whose place is asked."""
_STREAM = 21  # keeps these figures from being others of the same seed
_LEAST = 13.0  # between points and from the frame's edge, in hundredths of its side
_TRIES = 10_000

Drawings = dict[str, Figure]
"""A figure for each answer."""


def probe_set(task: str, num_scenes: int, seed: int = 0, scenes: str = "exam") -> ProbeSet:
    """Drawings of a task, `num_scenes` for each answer.

    Args:
        task: One of [`TASKS`].
        num_scenes: Scenes; each is drawn once for each answer.
        seed: Of everything; a scene depends on it and on the scene's number alone.
        scenes: `exam` or `simple`, how it is drawn: see [`~mmgeolm.retrieval_sets.SCENES`].

    Raises:
        ValueError: if there is no such task, or no such way to draw.
    """
    if task not in TASKS:
        raise ValueError(f"There is no probe {task!r}; there are {', '.join(TASKS)}.")
    if scenes not in SCENES:
        raise ValueError(f"`scenes` is {scenes!r}; it must be one of {', '.join(SCENES)}.")
    question, make = TASKS[task]
    world = SCENES[scenes]
    images, answers, numbers, names = [], [], [], []
    for number in range(num_scenes):
        drawings = make(np.random.default_rng([seed, _STREAM, list(TASKS).index(task), number]))
        names = list(drawings)
        for answer, figure in enumerate(drawings.values()):
            images.append(render(figure, world.size, world.label_grid))
            answers.append(answer)
            numbers.append(number)
    informed = 100 / 3 if task == "corner" else None  # one of the three letters that are there
    return ProbeSet(question, np.stack(images), np.array(answers), np.array(numbers), names, informed)


def _parallel(rng: np.random.Generator) -> Drawings:
    """Two segments; in the other drawing one of them is turned about its middle."""

    def draw() -> Drawings:
        heading, length = rng.uniform(0, 180), rng.uniform(28, 50, size=2)
        first, second = rng.uniform(22, 78, size=(2, 2))
        turn = rng.choice((-1, 1)) * rng.uniform(15, 60)
        names = _letters(rng, 4)

        def figure(by: float) -> Figure:
            points = [*_segment(first, heading, length[0]), *_segment(second, heading + by, length[1])]
            made = Figure(dict(zip(names, points, strict=True)), [tuple(names[:2]), tuple(names[2:])])
            return made if not _cross(*points) else Figure()

        return {"parallel": figure(0.0), "not parallel": figure(turn)}

    return _drawn(draw, lambda names: Fact("parallel", names))


def _right_angle(rng: np.random.Generator) -> Drawings:
    """Two segments from a point; in the other drawing their angle is another."""

    def draw() -> Drawings:
        at, heading = rng.uniform(30, 70, size=2), rng.uniform(0, 360)
        lengths, off = rng.uniform(22, 45, size=2), rng.choice((-1, 1)) * rng.uniform(15, 50)
        before, vertex, after = _letters(rng, 3)

        def figure(degrees: float) -> Figure:
            ends = [_beyond(at, heading, lengths[0]), _beyond(at, heading + degrees, lengths[1])]
            points = {before: ends[0], vertex: tuple(at), after: ends[1]}
            return Figure(points, [(before, vertex), (vertex, after)])

        return {"right angle": figure(90.0), "no right angle": figure(90.0 + off)}

    return _drawn(draw, lambda names: Fact("perpendicular", (names[0], names[1], names[1], names[2])))


def _ticks(rng: np.random.Generator) -> Drawings:
    """A rhombus, whose sides are all equal; those opposite one another have as many ticks, or those side by side."""

    def draw() -> Drawings:
        at, heading = rng.uniform(42, 58, size=2), rng.uniform(0, 360)
        angle, side = math.radians(rng.uniform(60, 120)), rng.uniform(34, 46)
        across, along = side * math.cos(angle / 2), side * math.sin(angle / 2)
        names = _letters(rng, 4)
        points = [_beyond(at, heading + 90 * i, (across, along)[i % 2]) for i in range(4)]
        a, b, c, d = names
        sides = [(a, b), (b, c), (c, d), (d, a)]
        if rng.random() < 0.5:
            sides = [*sides[1:], sides[0]]  # which sides have one tick, and which two
        first, second, third, fourth = sides

        def figure(*pairs: tuple[tuple[str, str], tuple[str, str]]) -> Figure:
            marks = [("equal", (*one, *other), None) for one, other in pairs]
            return Figure(dict(zip(names, points, strict=True)), sides, marks=marks, outline=[tuple(names)])

        return {
            "opposite sides": figure((first, third), (second, fourth)),
            "sides side by side": figure((first, second), (third, fourth)),
        }

    return _drawn(draw)


def _tangent(rng: np.random.Generator) -> Drawings:
    """A circle and a segment that touches it; in the other drawing the segment lies nearer to the centre."""

    def draw() -> Drawings:
        at, radius, heading = rng.uniform(40, 60, size=2), rng.uniform(17, 26), rng.uniform(0, 360)
        length, slide = radius * rng.uniform(2.3, 2.9), radius * rng.uniform(-0.3, 0.3)
        share = rng.uniform(0.3, 0.75)
        centre, *ends = _letters(rng, 3)

        def figure(off: float) -> Figure:
            foot = _beyond(_beyond(at, heading, off), heading + 90, slide)
            points = dict(zip([centre, *ends], [tuple(at), *_segment(foot, heading + 90, length)], strict=True))
            return Figure(points, [tuple(ends)], circles={centre: radius})

        return {"tangent": figure(radius), "secant": figure(share * radius)}

    return _drawn(draw)


def _corner(rng: np.random.Generator) -> Drawings:
    """A triangle, the same for all answers; each letter stands once at its topmost corner."""

    def draw() -> Drawings:
        points = sorted(map(tuple, rng.uniform(16, 84, size=(3, 2))), key=lambda point: -point[1])
        order = rng.permutation(len(LETTERS))
        flat = points[0][1] - points[1][1] < 8 or not _wide(points)
        if flat:
            return {letter: Figure() for letter in LETTERS}
        drawings = {}
        for place, top in enumerate(order):
            others = [order[(place + step) % len(order)] for step in (1, 3)]
            names = [LETTERS[i] for i in (top, *others)]
            sides = [(names[i], names[(i + 1) % 3]) for i in range(3)]
            figure = Figure(dict(zip(names, points, strict=True)), sides, outline=[tuple(names)])
            drawings[LETTERS[top]] = figure
        return {letter: drawings[letter] for letter in LETTERS}

    return _drawn(draw)


def _drawn(draw: Callable[[], Drawings], fact: Callable[[tuple[str, ...]], Fact] | None = None) -> Drawings:
    """The first drawings all of which have room; what they say is checked to hold of the first one alone."""
    for _ in range(_TRIES):
        drawings = draw()
        if all(_has_room(figure) for figure in drawings.values()):
            break
    else:
        raise ValueError(f"none of {_TRIES} figures of {draw.__qualname__} has room for its points.")
    if fact is not None:
        yes, no = drawings.values()
        stated = fact(tuple(yes.points))
        if not holds(yes, stated) or not refuted(no, stated):
            raise ValueError(f"{stated} is not told apart by the two figures.")
    return drawings


def _has_room(figure: Figure) -> bool:
    """Whether there are points, each away from the edge and from the others, and no circle leaves the frame."""
    points = list(figure.points.values())
    inside = all(_LEAST <= value <= 100 - _LEAST for point in points for value in point)
    circles = all(
        min(*figure.points[name], *(100 - x for x in figure.points[name])) > radius + 4
        for name, radius in figure.circles.items()
    )
    apart = all(math.dist(a, b) >= _LEAST for i, a in enumerate(points) for b in points[:i])
    return bool(points) and inside and circles and apart


def _letters(rng: np.random.Generator, count: int) -> list[str]:
    return [LETTERS[i] for i in rng.permutation(len(LETTERS))[:count]]


def _beyond(start: np.ndarray | Point, heading: float, length: float) -> Point:
    """The point at a distance from another, in a direction in degrees."""
    turn = math.radians(heading)
    return (float(start[0] + length * math.cos(turn)), float(start[1] + length * math.sin(turn)))


def _segment(middle: np.ndarray | Point, heading: float, length: float) -> tuple[Point, Point]:
    return _beyond(middle, heading, -length / 2), _beyond(middle, heading, length / 2)


def _cross(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Whether the segments AB and CD come closer than so far to one another; parallel ones then seem to be one."""
    steps = np.linspace(0, 1, 12)[:, None]
    first, second = (np.array(p) + steps * (np.array(q) - np.array(p)) for p, q in ((a, b), (c, d)))
    return bool(np.linalg.norm(first[:, None] - second[None], axis=-1).min() < 10)


def _wide(points: list[Point]) -> bool:
    """Whether a triangle has no angle below 25 degrees."""
    for i in range(3):
        at, one, other = (np.array(points[(i + step) % 3]) for step in range(3))
        u, v = one - at, other - at
        if math.degrees(math.acos(np.clip(u @ v / np.linalg.norm(u) / np.linalg.norm(v), -1, 1))) < 25:
            return False
    return True


TASKS: dict[str, tuple[str, Callable[[np.random.Generator], Drawings]]] = {
    "parallel": ("Are the two segments parallel?", _parallel),
    "right_angle": ("Is the angle a right one?", _right_angle),
    "ticks": ("Which sides have equal ticks: opposite ones, or ones side by side?", _ticks),
    "tangent": ("Does the line touch the circle, or cut it?", _tangent),
    "corner": ("Which letter stands at the topmost corner?", _corner),
}
"""What is asked, and how it is drawn."""
