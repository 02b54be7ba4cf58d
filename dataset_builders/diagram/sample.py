"""Random diagram programs by seed, of what exams draw: polygons, circles, parallel lines, copies, number lines, axes.

A program is built theme by theme, solved, and then marked with what is true of its figure: lengths in one scale,
angles to the degree. What is crowded, or says something that cannot be seen, is drawn again.
"""

from collections.abc import Callable, Iterator

import numpy as np

from dataset_builders.diagram.facts import agree, facts_of, holds
from dataset_builders.diagram.figure import EXAM, Figure, FigureError, angle_at, distance, solve, undivided
from dataset_builders.diagram.labels import place_labels
from dataset_builders.diagram.program import Option, Program, Statement

ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ"
LABEL_SIZE = 336
"""The image size in pixels at which labels have to be clear of one another and of lines."""

QUADRILATERALS = ("square", "rectangle", "rhombus", "parallelogram", "trapezoid", "kite")
TRIANGLES = ("equilateral", "isosceles", "right", "scalene")
FROM_VERTEX = ("altitude", "median", "bisector", "cevian")

Places = list[Statement]


def sample_program(rng: np.random.Generator, difficulty: int = 4) -> tuple[Program, Figure]:
    """A random program whose figure can be drawn, with that figure: all of its facts are true and can be seen.

    Args:
        rng (`np.random.Generator`): the only source of randomness.
        difficulty (`int`, *optional*, defaults to `4`): about how many facts its caption has, 1 to 8.
    """
    fitting = [(theme, weight) for theme, weight, least in _THEMES if least <= max(difficulty, 1)]
    weights = np.array([weight for _, weight in fitting])
    theme = fitting[rng.choice(len(fitting), p=weights / weights.sum())][0]
    while True:
        draft = _Draft(rng, difficulty)
        theme(draft)
        program = Program(tuple(draft.statements))
        try:
            figure = solve(program, EXAM)
            program = Program((*program.statements, *_marks(rng, figure, program, difficulty)))
            figure = solve(program, EXAM)
        except FigureError:
            continue
        facts = facts_of(program)
        if all(holds(figure, fact) for fact in facts) and agree(figure, facts) and clear(figure):
            return program, figure


def clear(figure: Figure) -> bool:
    """Whether every letter and number finds a place that touches no line and no other label."""
    return not place_labels(figure, LABEL_SIZE).crowded


class _Draft:
    """A program being written: its statements, and letters not used yet."""

    def __init__(self, rng: np.random.Generator, difficulty: int):
        self.rng, self.difficulty, self.statements = rng, difficulty, []
        if rng.random() < 0.5:
            # As in most exams: ABC, PQR, one after another.
            start = int(rng.choice([0, 0, 0, 14, 20]))
            self.letters = list(ALPHABET[start:] + ALPHABET[:start])
        else:
            self.letters = [ALPHABET[i] for i in rng.permutation(len(ALPHABET))]

    def new(self, count: int) -> tuple[str, ...]:
        """Letters for points that are still to be made."""
        taken, self.letters = self.letters[:count], self.letters[count:]
        return tuple(taken)

    def add(self, verb: str, *points: str, value: float | None = None, **options: Option) -> None:
        self.statements.append(Statement(verb, points, None, value, tuple(options.items())))

    def make(self, verb: str, *points: str, **options: Option) -> str:
        """Adds a construction; the letter of the point that it makes."""
        (target,) = self.new(1)
        self.statements.append(Statement(verb, points, target, None, tuple(options.items())))
        return target

    def room(self) -> bool:
        """Whether the caption can take another fact."""
        return len(self.statements) < self.difficulty

    def pick(self, choices: list | tuple) -> object:
        return choices[self.rng.integers(len(choices))]


def shape_options(shape: str, rng: np.random.Generator, kind: str | None = None) -> dict[str, Option]:
    """Random proportions for a shape, away from those of a more special one; `kind` of triangle, random without."""
    if shape == "triangle":
        return _triangle_options(kind or TRIANGLES[rng.integers(4)], rng)
    if shape == "trapezoid":
        kind = str(rng.choice(["plain", "isosceles", "right"]))
        own = {"shift": float(rng.choice((0.15, 0.2, 0.8, 0.85)))} if kind == "plain" else {}
        return {"kind": kind, "ratio": int(rng.integers(40, 61)) / 100, **own}
    return {
        "rectangle": lambda: {"ratio": int(rng.integers(40, 71)) / 100},
        "rhombus": lambda: {"angle": int(rng.integers(50, 73))},
        "parallelogram": lambda: {"ratio": int(rng.integers(45, 76)) / 100, "angle": int(rng.integers(50, 73))},
        "kite": lambda: {"ratio": int(rng.integers(38, 56)) / 100, "angle": int(rng.integers(80, 111))},
    }.get(shape, dict)()


def _triangle_options(kind: str, rng: np.random.Generator) -> dict[str, Option]:
    """A kind of triangle with random angles, away from those of another kind."""
    if kind == "isosceles":
        return {"kind": kind, "angle": int(rng.choice([*range(32, 50), *range(72, 101)]))}
    if kind == "right":
        return {"kind": kind, "angle": int(rng.choice([*range(26, 38), *range(53, 65)]))}
    if kind == "scalene":
        first, second = rng.permutation(_SCALENE[rng.integers(len(_SCALENE))])[:2]
        return {"kind": kind, "angle": int(first), "other": int(second)}
    return {"kind": kind}


# Three angles of which none is right and no two are alike.
_SCALENE = [
    (a, b, 180 - a - b)
    for a in range(34, 60, 2)
    for b in range(a + 10, 82, 3)
    if 180 - a - b >= b + 10 and abs(180 - a - b - 90) > 9
]


def _place(rng: np.random.Generator, least: int = 56, most: int = 80, turn: bool = True) -> dict[str, Option]:
    place = {
        "at": (int(rng.integers(44, 57)), int(rng.integers(44, 57))),
        "size": int(rng.integers(least, most)),
    }
    return {**place, "turn": int(rng.integers(-24, 25)) * 3} if turn else place


def _polygon(draft: _Draft) -> None:
    """One shape, with points on its sides, lines in it, circles in and about it."""
    rng = draft.rng
    shape = draft.pick(("triangle", "triangle", "triangle", "triangle", *QUADRILATERALS, "trapezoid", "polygon"))
    count = {"triangle": 3, "polygon": int(rng.integers(5, 9))}.get(shape, 4)
    names = draft.new(count)
    draft.add(shape, *names, **shape_options(shape, rng), **_place(rng))
    adders = _IN_TRIANGLE if count == 3 else _IN_QUADRILATERAL if count == 4 else _IN_POLYGON
    # About half of the facts are left for marks.
    wanted = int(rng.integers(1, draft.difficulty + 1))
    used: set[tuple[str, ...]] = set()
    for _ in range(3 * draft.difficulty):
        if len(draft.statements) >= wanted:
            break
        draft.pick(adders)(draft, names, used)


def _turned(draft: _Draft, names: tuple[str, ...]) -> tuple[str, ...]:
    """The corners from a random one on, in a random direction."""
    start = int(draft.rng.integers(len(names)))
    around = names[start:] + names[:start]
    return around if draft.rng.random() < 0.5 else (around[0], *around[:0:-1])


def _free(used: set[tuple[str, ...]], *things: str) -> bool:
    key = tuple(sorted(things))
    fresh = key not in used
    used.add(key)
    return fresh


def _line_from_vertex(draft: _Draft, names: tuple[str, ...], used: set[tuple[str, ...]]) -> None:
    top, start, end = _turned(draft, names)
    verb = draft.pick(FROM_VERTEX)
    if _free(used, start, end):
        draft.make(verb, top, start, end, **({"ratio": 0.3} if verb == "cevian" else {}))


def _point_on_side(draft: _Draft, names: tuple[str, ...], used: set[tuple[str, ...]]) -> None:
    start, end, *rest = _turned(draft, names)
    if not _free(used, start, end):
        return
    if draft.rng.random() < 0.5:
        point = draft.make("midpoint", start, end)
    else:
        point = draft.make("point_on", start, end, ratio=draft.pick((0.28, 0.3, 0.33)))
    if draft.room() and len(rest) > 1 and draft.rng.random() < 0.4:
        draft.add("segment", point, str(draft.pick(rest)))


def _middle_line(draft: _Draft, names: tuple[str, ...], used: set[tuple[str, ...]]) -> None:
    top, start, end = _turned(draft, names)
    if draft.difficulty >= 4 and _free(used, top, start) and _free(used, top, end):
        first, second = draft.make("midpoint", top, start), draft.make("midpoint", top, end)
        draft.add("segment", first, second)


def _circle_in_or_about(draft: _Draft, names: tuple[str, ...], used: set[tuple[str, ...]]) -> None:
    if _free(used, "circle"):
        draft.make(draft.pick(("incircle", "circumcircle")), *_turned(draft, names)[:3])


def _bisector_of_side(draft: _Draft, names: tuple[str, ...], used: set[tuple[str, ...]]) -> None:
    start, end = _turned(draft, names)[:2]
    if draft.difficulty >= 3 and _free(used, start, end):
        middle = draft.make("midpoint", start, end)
        draft.make("perpendicular_bisector", middle, start, end, length=int(draft.pick((-24, -20, 20, 24))))


def _image_of_corner(draft: _Draft, names: tuple[str, ...], used: set[tuple[str, ...]]) -> None:
    top, start, end = _turned(draft, names)[:3]
    if not _free(used, "image"):
        return
    if draft.rng.random() < 0.5:
        draft.make(draft.pick(("reflection", "translation")), top, start, end)
    else:
        draft.make("rotation", top, start, angle=int(draft.pick((-90, -60, -45, 60, 120, 90, 180))))


def _parallel_through(draft: _Draft, names: tuple[str, ...], used: set[tuple[str, ...]]) -> None:
    top, start, end = _turned(draft, names)[:3]
    if _free(used, "through", top):
        verb = draft.pick(("parallel", "perpendicular"))
        draft.make(verb, top, start, end, length=int(draft.pick((-30, -26, 26, 30))))


def _diagonals(draft: _Draft, names: tuple[str, ...], used: set[tuple[str, ...]]) -> None:
    a, b, c, d = _turned(draft, names)
    if not _free(used, "diagonal", a, c):
        return
    draft.add("segment", a, c)
    if draft.difficulty >= 4 and draft.rng.random() < 0.7 and _free(used, "diagonal", b, d):
        draft.add("segment", b, d)
        draft.make("intersection", a, c, b, d)


def _diagonal(draft: _Draft, names: tuple[str, ...], used: set[tuple[str, ...]]) -> None:
    around = _turned(draft, names)
    other = around[int(draft.rng.integers(2, len(around) - 1))]
    if _free(used, "diagonal", around[0], other):
        draft.add("segment", around[0], other)


_IN_TRIANGLE = (
    *[_line_from_vertex] * 8,
    _point_on_side,
    _middle_line,
    *[_circle_in_or_about] * 4,
    _bisector_of_side,
    *[_image_of_corner] * 2,
    _parallel_through,
)
_IN_QUADRILATERAL = (*[_diagonals] * 2, *[_point_on_side] * 2, _bisector_of_side, _parallel_through)
_IN_POLYGON = (*[_diagonal] * 2, _point_on_side)


def _circle(draft: _Draft) -> None:
    """A circle with radii, chords, tangents, secants, a sector, or a triangle in it."""
    rng = draft.rng
    (centre,) = draft.new(1)
    draft.add("circle", centre, **_place(rng, 42, 60, turn=False))
    turn = int(rng.integers(0, 72)) * 5
    if rng.random() < 0.25:
        side = int(draft.pick((50, 52, 54)))
        at = (int(rng.integers(12, 20)), int(rng.integers(30, 71)))
        draft.statements[0] = Statement("circle", (centre,), options=(("at", (64, side)), ("size", 44)))
        (outside,) = draft.new(1)
        draft.add("point", outside, at=at)
        touching = draft.make("tangent_from", outside, centre, side=draft.pick(("left", "right")))
        if rng.random() < 0.6:
            draft.make("tangent_from", outside, centre, side="right" if _last(draft, "side") == "left" else "left")
        if rng.random() < 0.6:
            draft.add("segment", centre, draft.pick((touching, outside)))
        return
    if rng.random() < 0.2 and draft.difficulty >= 4:
        corners = [draft.make("on_circle", centre, turn=turn)]
        for step in draft.pick(((100, 220), (130, 250), (110, 240), (120, 240))):
            corners.append(draft.make("on_circle", centre, turn=(turn + step) % 360))
        for first, second in zip(corners, corners[1:] + corners[:1], strict=True):
            draft.add("segment", first, second)
        return
    first = draft.make(draft.pick(("radius", "on_circle")), centre, turn=turn)
    for verb in rng.permutation(["end", "touch", "touch", "second", "sector"])[: draft.difficulty - 1]:
        if not draft.room():
            return
        if verb == "end":
            chord = rng.random() < 0.5
            options = {"turn": int(draft.pick((75, 90, 105, 120, -75, -90, -105)))} if chord else {}
            draft.make("chord" if chord else "diameter", centre, first, **options)
        elif verb == "touch" and draft.statements[-1].target == first:
            if rng.random() < 0.5:
                draft.make("tangent", centre, first, length=int(draft.pick((-26, -22, 22, 26))))
            else:
                draft.make("secant", centre, first, turn=int(draft.pick((-35, -30, 30, 35))), length=66)
        elif verb == "second":
            draft.make("radius", centre, turn=(turn + int(draft.pick((50, 140, 160, 200, 310)))) % 360)
        elif verb == "sector" and draft.difficulty >= 4 and rng.random() < 0.4:
            second = draft.make("rotation", first, centre, angle=int(draft.pick((60, 75, 90, 120))))
            draft.add("sector", centre, first, second)


def _last(draft: _Draft, option: str) -> Option | None:
    return draft.statements[-1].option(option)


def _sector(draft: _Draft) -> None:
    """A sector or an arc on its own."""
    rng = draft.rng
    centre, first = draft.new(2)
    draft.add("point", centre, at=(int(rng.integers(30, 45)), int(rng.integers(28, 42))))
    draft.add("point", first, at=(int(rng.integers(72, 86)), int(rng.integers(26, 40))))
    second = draft.make("rotation", first, centre, angle=int(draft.pick((45, 60, 75, 90))))
    draft.add(draft.pick(("sector", "sector", "arc")), centre, first, second)
    if draft.room() and rng.random() < 0.5:
        draft.add("segment", first, second)
    if draft.statements[3].verb == "arc":
        draft.add("segment", centre, first)


def _lines(draft: _Draft) -> None:
    """Two lines, parallel or not, and one across them."""
    rng = draft.rng
    a, b, c = draft.new(3)
    tilt = int(rng.integers(-8, 9))
    draft.add("point", a, at=(15, 28 - tilt))
    draft.add("point", b, at=(82, 28 + tilt))
    draft.add("point", c, at=(int(rng.integers(14, 24)), int(rng.integers(60, 74))))
    # Without ends of their own the lines would be nothing but points.
    d = draft.make("parallel", c, a, b, length=int(rng.integers(56, 64)))
    kinds = ("segment", "line") if rng.random() < 0.5 else ("line", "segment")
    draft.add(kinds[0], a, b)
    if kinds[1] == "line":
        draft.add("line", c, d)
    e = draft.make("point_on", a, b, ratio=int(rng.integers(34, 43)) / 100)
    f = draft.make("point_on", c, d, ratio=int(rng.integers(60, 71)) / 100)
    draft.add(draft.pick(("line", "segment", "ray")), e, f)


def _angle(draft: _Draft) -> None:
    """Two or three rays from one point, or two segments that cross."""
    rng = draft.rng
    if rng.random() < 0.5:
        a, b, c, d = draft.new(4)
        draft.add("point", a, at=(int(rng.integers(14, 24)), int(rng.integers(20, 34))))
        draft.add("point", b, at=(int(rng.integers(76, 86)), int(rng.integers(62, 80))))
        draft.add("point", c, at=(int(rng.integers(14, 28)), int(rng.integers(66, 84))))
        draft.add("point", d, at=(int(rng.integers(70, 86)), int(rng.integers(16, 32))))
        for pair in ((a, b), (c, d)):
            draft.add("segment", *pair)
        draft.make("intersection", a, b, c, d)
        return
    vertex, first = draft.new(2)
    draft.add("point", vertex, at=(int(rng.integers(22, 36)), int(rng.integers(20, 34))))
    draft.add("point", first, at=(int(rng.integers(74, 84)), int(rng.integers(18, 32))))
    draft.add("ray", vertex, first)
    second = draft.make("rotation", first, vertex, angle=int(rng.integers(34, 96)))
    draft.add("ray", vertex, second)
    if draft.room():
        draft.add("segment", first, second)


def _copies(draft: _Draft) -> None:
    """A triangle and a similar or congruent copy of it."""
    rng = draft.rng
    names = draft.new(3)
    draft.add("triangle", *names, **shape_options("triangle", rng), **{**_place(rng, 42, 52), "at": (29, 30)})
    copy = draft.new(3)
    if rng.random() < 0.6:
        options = {"ratio": draft.pick((0.55, 0.6, 0.65, 0.7)), "at": (71, 71), "turn": int(rng.integers(-6, 7)) * 10}
        draft.add("similar", *copy, *names, **options)
    else:
        draft.add("congruent", *copy, *names, at=(70, 70), turn=int(rng.integers(-6, 7)) * 10)


def _ellipse(draft: _Draft) -> None:
    """An ellipse, with a triangle's worth of lines about its centre."""
    rng = draft.rng
    centre, outside = draft.new(2)
    options = {"ratio": int(rng.integers(45, 66)) / 100, "at": (44, 54), "size": int(rng.integers(52, 64))}
    draft.add("ellipse", centre, **options, turn=int(rng.integers(-4, 5)) * 10)
    draft.add("point", outside, at=(int(rng.integers(78, 88)), int(rng.integers(14, 26))))
    draft.add(draft.pick(("segment", "ray")), outside, centre)
    if draft.room():
        point = draft.make("point_on", outside, centre, ratio=0.3)
        draft.make("perpendicular", point, outside, centre, length=int(draft.pick((-20, 20))))


def _number_line(draft: _Draft) -> None:
    """A number line with points on it."""
    rng = draft.rng
    low, high = int(rng.integers(-6, -1)), int(rng.integers(3, 8))
    draft.make("number_line", x=(low, high))
    numbers = [n for n in range(low, high + 1) if n]
    for i in rng.permutation(len(numbers))[: max(1, draft.difficulty - 1)]:
        draft.make("plot", x=numbers[i])


def _axes(draft: _Draft) -> None:
    """Coordinate axes with points, lines between them, and the graphs of functions."""
    rng = draft.rng
    draft.make("axes", x=(-5, 5), y=(-5, 5))
    if rng.random() < 0.6:
        kind = draft.pick(("linear", "quadratic", "inverse"))
        if kind == "linear":
            draft.add("graph", kind=kind, a=draft.pick((-2, -1, 0.5, 1, 2, 3, -3)), b=int(rng.integers(-3, 4)))
        elif kind == "quadratic":
            a, b, c = draft.pick((-1, 1, 0.5, -0.5)), int(rng.integers(-2, 3)), int(rng.integers(-3, 4))
            draft.add("graph", kind=kind, a=a, b=b, c=c)
        else:
            draft.add("graph", kind=kind, a=draft.pick((-6, -4, -2, 2, 3, 4, 6)))
    points = []
    for _ in range(draft.difficulty - len(draft.statements)):
        x, y = (int(rng.integers(-4, 5)) for _ in range(2))
        points.append(draft.make("plot", x=x, y=y))
        if len(points) > 1 and draft.room() and rng.random() < 0.5:
            draft.add("segment", *points[-2:])


# Theme, weight, and the least difficulty at which it says no more than it should.
_THEMES: tuple[tuple[Callable[[_Draft], None], float, int], ...] = (
    (_polygon, 0.42, 1),
    (_circle, 0.17, 2),
    (_sector, 0.04, 2),
    (_lines, 0.07, 4),
    (_angle, 0.06, 3),
    (_copies, 0.08, 2),
    (_ellipse, 0.04, 2),
    (_number_line, 0.05, 2),
    (_axes, 0.07, 2),
)


def _marks(rng: np.random.Generator, figure: Figure, program: Program, difficulty: int) -> list[Statement]:
    """Marks that are true of a figure, until the caption has its facts."""
    marks: list[Statement] = []
    room = difficulty - len(facts_of(program))
    if figure.scale is not None or room <= 0:
        return marks
    found = [list(kind) for kind in (_lengths(rng, figure), _angles(figure), _equals(figure), _parallels(figure))]
    for kind in found:
        rng.shuffle(kind)
    weights = np.array([0.45, 0.35, 0.1, 0.1])
    for _ in range(4 * room):
        kind = found[rng.choice(4, p=weights)]
        if len(marks) < room and kind:
            marks.append(kind.pop())
    return marks


def _lengths(rng: np.random.Generator, figure: Figure) -> Iterator[Statement]:
    sides = undivided(figure)
    if not sides:
        return
    # One side is a whole number long, and the scale of the figure follows from it.
    unit = int(rng.integers(3, 16)) / distance(figure, *sides[rng.integers(len(sides))])
    for start, end in sides:
        value = round(distance(figure, start, end) * unit, 1)
        names = (start, end) if rng.random() < 0.5 else (end, start)
        yield Statement("mark_length", names, value=int(value) if value == int(value) else value)


def _angles(figure: Figure) -> Iterator[Statement]:
    for shape in figure.outline:
        for before, at, after in zip((shape[-1], *shape), shape, (*shape[1:], shape[0]), strict=False):
            yield _angle_mark(figure, before, at, after)
    for start, end in figure.rays:
        for vertex, other in figure.rays:
            if vertex == start and other > end:
                yield _angle_mark(figure, end, start, other)


def _angle_mark(figure: Figure, before: str, at: str, after: str) -> Statement:
    degrees = angle_at(figure, before, at, after)
    if abs(degrees - 90) < 0.01:
        return Statement("mark_right_angle", (before, at, after))
    return Statement("mark_angle", (before, at, after), value=round(degrees))


def _pairs(figure: Figure) -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
    sides = undivided(figure)
    return ((first, second) for i, first in enumerate(sides) for second in sides[:i])


def _equals(figure: Figure) -> Iterator[Statement]:
    for first, second in _pairs(figure):
        if abs(distance(figure, *first) - distance(figure, *second)) < 1e-3:
            yield Statement("mark_equal", (*first, *second))


def _parallels(figure: Figure) -> Iterator[Statement]:
    for (a, b), (c, d) in _pairs(figure):
        if len({a, b, c, d}) == 4:
            (ax, ay), (bx, by), (cx, cy), (dx, dy) = (figure.points[name] for name in (a, b, c, d))
            area = abs((cx - ax) * (by - ay) - (cy - ay) * (bx - ax))
            if abs((bx - ax) * (dy - cy) - (by - ay) * (dx - cx)) < 1e-3 and area > 100:
                yield Statement("mark_parallel", (a, b, c, d))
