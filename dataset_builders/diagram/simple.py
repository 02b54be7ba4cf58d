"""Simple diagrams for small images: one shape or circle, a line or a point on it, a mark or two.

What an encoder of a few million weights can learn in minutes; `sample.py` draws what exams draw.
"""

import numpy as np

from dataset_builders.diagram.facts import agree, facts_of, holds
from dataset_builders.diagram.figure import Figure, FigureError, solve
from dataset_builders.diagram.program import Option, Program, Statement

LETTERS = "ABCDEFGHKLMNPRST"
SHAPES = ("triangle", "square", "rectangle", "rhombus", "parallelogram", "trapezoid", "kite", "polygon", "circle")
SHAPE_WEIGHTS = np.array([4, 1, 1, 1, 1, 1, 1, 1, 3]) / 14
TRIANGLES = ("equilateral", "isosceles", "right", "scalene")
FROM_VERTEX = ("foot", "median", "bisector", "cevian")


def sample_simple_program(rng: np.random.Generator, difficulty: int = 3) -> tuple[Program, Figure]:
    """A random program whose figure can be drawn, all of its facts true and visible, with that figure.

    Args:
        rng (`np.random.Generator`): the only source of randomness.
        difficulty (`int`, *optional*, defaults to `3`): facts in the caption, 1 to about 6.
    """
    while True:
        program = Program(tuple(_statements(rng, difficulty)))
        try:
            figure = solve(program)
        except FigureError:
            continue
        facts = facts_of(program)
        if all(holds(figure, fact) for fact in facts) and agree(figure, facts):
            return program, figure


def _statements(rng: np.random.Generator, difficulty: int) -> list[Statement]:
    letters = [LETTERS[i] for i in rng.permutation(len(LETTERS))]
    shape = SHAPES[rng.choice(len(SHAPES), p=SHAPE_WEIGHTS)]
    count = {"triangle": 3, "polygon": 5 + int(rng.integers(2)), "circle": 1}.get(shape, 4)
    names, letters = tuple(letters[:count]), letters[count:]
    options = _place_options(shape, rng)
    statements = [Statement(shape, names, options=(*simple_shape_options(shape, rng).items(), *options.items()))]
    if shape == "circle":
        statements += _on_circle(rng, names[0], letters, difficulty)
    else:
        statements += _on_outline(rng, shape, names, letters, difficulty)
    return statements[: max(1, difficulty)]


def simple_shape_options(shape: str, rng: np.random.Generator, kind: str | None = None) -> dict[str, Option]:
    """Random proportions for a shape, away from those of a more special one; `kind` of triangle, random without."""
    if shape == "triangle":
        return _triangle_options(kind or TRIANGLES[rng.integers(4)], rng)
    own = {
        "rectangle": {"ratio": float(rng.choice((0.45, 0.55, 0.65)))},
        "rhombus": {"angle": int(rng.integers(55, 71))},
        "parallelogram": {"ratio": float(rng.choice((0.5, 0.6, 0.7))), "angle": int(rng.integers(52, 69))},
        "trapezoid": {"ratio": float(rng.choice((0.45, 0.55))), "shift": float(rng.choice((0.2, 0.5, 0.9)))},
        "kite": {"ratio": float(rng.choice((0.4, 0.5))), "angle": int(rng.integers(85, 106))},
    }
    return own.get(shape, {})


def _place_options(shape: str, rng: np.random.Generator) -> dict[str, Option]:
    place: dict[str, Option] = {
        "at": (int(rng.integers(46, 55)), int(rng.integers(46, 55))),
        "size": int(rng.integers(52, 66) if shape == "circle" else rng.integers(62, 74)),
    }
    return place if shape == "circle" else {**place, "turn": int(rng.integers(-9, 10)) * 5}


def _triangle_options(kind: str, rng: np.random.Generator) -> dict[str, Option]:
    """A kind of triangle with random angles, away from those of another kind."""
    if kind == "isosceles":
        return {"kind": kind, "angle": int(rng.choice((36, 42, 74, 80)))}
    if kind == "right":
        return {"kind": kind, "angle": int(rng.choice((30, 35, 55, 60)))}
    if kind == "scalene":
        angle, other = ((48, 72), (72, 48), (40, 62), (62, 40))[rng.integers(4)]
        return {"kind": kind, "angle": angle, "other": other}
    return {"kind": kind}


def _on_outline(
    rng: np.random.Generator, shape: str, names: tuple[str, ...], letters: list[str], difficulty: int
) -> list[Statement]:
    """Points on sides, lines from a vertex, marks."""
    added: list[Statement] = []
    if shape == "triangle" and rng.random() < 0.6:
        turn = int(rng.integers(3))
        top, start, end = names[turn:] + names[:turn]
        if rng.random() < 0.5:
            start, end = end, start
        added.append(Statement(FROM_VERTEX[rng.integers(4)], (top, start, end), letters.pop(0), options=()))
        if added[-1].verb == "cevian":
            added[-1] = Statement("cevian", added[-1].points, added[-1].target, options=(("ratio", 0.3),))
    elif rng.random() < 0.6:
        start, end = _side(rng, names)
        if rng.random() < 0.5:
            added.append(Statement("midpoint", (start, end), letters.pop(0)))
        else:
            added.append(Statement("point_on", (start, end), letters.pop(0), options=(("ratio", 0.3),)))
    taken = {frozenset(added[0].points[-2:])} if added else set()
    # An angle of a square needs no mark, and its sides are all as long as the one that has.
    angles = 0.0 if shape in ("square", "rectangle", "polygon") else 0.45
    lengths = 1 if shape in ("square", "rhombus", "polygon") else len(names)
    for _ in range(4 * difficulty):
        mark = _angle(rng, names) if rng.random() < angles else _length(rng, names)
        spent = mark.verb == "mark_length" and lengths == 0
        if len(added) < difficulty - 1 and not spent and frozenset(mark.points) not in taken:
            taken.add(frozenset(mark.points))
            added.append(mark)
            lengths -= mark.verb == "mark_length"
    return added


def _on_circle(rng: np.random.Generator, centre: str, letters: list[str], difficulty: int) -> list[Statement]:
    """A radius, a diameter or a chord from its end, a length on either."""
    first, second = letters[0], letters[1]
    turn = int(rng.integers(0, 24)) * 15
    added = [Statement("radius", (centre,), first, options=(("turn", turn),))]
    if rng.random() < 0.5:
        added.append(Statement("diameter", (centre, first), second))
    else:
        spread = int(rng.choice((75, 90, 105, -75, -90, -105)))
        added.append(Statement("chord", (centre, first), second, options=(("turn", spread),)))
    if difficulty > 3:
        added.append(Statement("mark_length", (first, second), value=int(rng.integers(2, 21))))
    return added


def _side(rng: np.random.Generator, names: tuple[str, ...]) -> tuple[str, str]:
    place = int(rng.integers(len(names)))
    side = (names[place], names[(place + 1) % len(names)])
    return side if rng.random() < 0.5 else side[::-1]


def _length(rng: np.random.Generator, names: tuple[str, ...]) -> Statement:
    return Statement("mark_length", _side(rng, names), value=int(rng.integers(2, 21)))


def _angle(rng: np.random.Generator, names: tuple[str, ...]) -> Statement:
    place = int(rng.integers(len(names)))
    corner = (names[place - 1], names[place], names[(place + 1) % len(names)])
    return Statement("mark_angle", corner, value=int(rng.integers(4, 20)) * 5)
