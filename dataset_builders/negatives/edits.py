"""Edits of a diagram program, by kind: the errors that models make, put into the drawing code.

`shape`: another shape on the same letters. `relation`: another construction in the same place. `swap`: two letters
change places. `letter`: one is replaced. `number`: another value. `place`: a mark or a construction moves elsewhere.
Whether an edit changes what is true is decided elsewhere (`negatives/image.py`), by figures, not by words.
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from dataset_builders.diagram.figure import Figure, undivided
from dataset_builders.diagram.program import Number, Option, Program, Statement, with_options
from dataset_builders.diagram.sample import QUADRILATERALS, TRIANGLES, shape_options
from dataset_builders.diagram.simple import LETTERS

FROM_VERTEX = ("foot", "altitude", "median", "bisector", "cevian")
_RELATIONS = (
    ("midpoint", "point_on"),
    ("foot", "median", "bisector", "cevian"),
    ("altitude", "median", "bisector", "cevian"),
    ("diameter", "chord"),
    ("tangent", "secant"),
    ("parallel", "perpendicular"),
    ("reflection", "translation"),
    ("incircle", "circumcircle"),
    ("similar", "congruent"),
    ("segment", "ray", "line"),
)
_PLACED = ("at", "size", "turn")

Edit = Callable[[Program, Figure, np.random.Generator], Program | None]
Proportions = Callable[[str, np.random.Generator, str | None], Mapping[str, Option]]


def edit(
    kind: str, program: Program, figure: Figure, rng: np.random.Generator, proportions: Proportions = shape_options
) -> Program | None:
    """The program after one random edit of one kind; `None` where it has nothing of the sort to edit.

    Args:
        kind (`str`): one of [`KINDS`].
        program ([`Program`]): what to edit.
        figure ([`Figure`]): the figure of the program, or of the one that it was edited from.
        rng (`np.random.Generator`): chooses the place and the change.
        proportions (*optional*): draws the proportions of a new shape.
    """
    if kind == "shape":
        return _shape(program, rng, proportions)
    return EDITS[kind](program, figure, rng)


def _any(program: Program, rng: np.random.Generator, fits: Callable[[Statement], bool]) -> int | None:
    """A random statement that fits, by its index."""
    places = [i for i, statement in enumerate(program.statements) if fits(statement)]
    return places[rng.integers(len(places))] if places else None


def _other(words: tuple, word: object, rng: np.random.Generator) -> object:
    rest = [other for other in words if other != word]
    return rest[rng.integers(len(rest))]


def _kept_place(statement: Statement) -> Iterator[tuple[str, Option]]:
    return ((name, value) for name, value in statement.options if name in _PLACED)


def _shape(program: Program, rng: np.random.Generator, proportions: Proportions) -> Program | None:
    place = _any(program, rng, lambda s: s.verb == "triangle" or s.verb in QUADRILATERALS)
    if place is None:
        return None
    old = program.statements[place]
    if old.verb == "triangle":
        verb, options = "triangle", proportions("triangle", rng, _other(TRIANGLES, old.option("kind"), rng))
    else:
        verb = _other(QUADRILATERALS, old.verb, rng)
        options = proportions(verb, rng, None)
    return program.replaced(place, Statement(verb, old.points, options=(*options.items(), *_kept_place(old))))


def _relation(program: Program, figure: Figure, rng: np.random.Generator) -> Program | None:
    place = _any(program, rng, lambda s: any(s.verb in group for group in _RELATIONS))
    if place is None:
        return None
    old = program.statements[place]
    verb = _other(next(group for group in _RELATIONS if old.verb in group), old.verb, rng)
    options = _options_of(verb, old, figure, rng)
    return program.replaced(place, Statement(verb, old.points, old.target, options=tuple(options.items())))


def _options_of(verb: str, old: Statement, figure: Figure, rng: np.random.Generator) -> dict[str, Option]:
    """Options under which the other construction of a group is drawn about where the old one was."""
    if verb in ("point_on", "cevian"):
        return {"ratio": 0.3}
    if verb == "chord":
        return {"turn": int(rng.choice((75, 90, 105, -75, -90, -105)))}
    if verb in ("parallel", "perpendicular"):
        return dict(old.options)
    if verb == "tangent":
        return {"length": int(rng.choice((-26, -22, 22, 26)))}
    if verb == "secant":
        radius = figure.circles.get(old.points[0], 25.0)
        return {"turn": int(rng.choice((-35, -30, 30, 35))), "length": min(100, round(1.75 * radius) + 14)}
    if verb in ("similar", "congruent"):
        kept = {name: value for name, value in old.options if name in ("at", "turn")}
        return {"ratio": 0.6, **kept} if verb == "similar" else kept
    return {}


def _swap(program: Program, figure: Figure, rng: np.random.Generator) -> Program | None:
    points = program.points
    if len(points) < 2:
        return None
    first, second = (points[i] for i in rng.choice(len(points), 2, replace=False))
    return program.renamed({first: second, second: first})


def _letter(program: Program, figure: Figure, rng: np.random.Generator) -> Program | None:
    unused = [letter for letter in LETTERS if letter not in program.points]
    return program.renamed({program.points[rng.integers(len(program.points))]: unused[rng.integers(len(unused))]})


# The options that a caption speaks of, by verb.
_NUMBERS = {"plot": ("x", "y"), "graph": ("a", "b", "c"), "rotation": ("angle",)}


def _number(program: Program, figure: Figure, rng: np.random.Generator) -> Program | None:
    place = _any(program, rng, lambda s: isinstance(s.value, int | float) or s.verb in _NUMBERS)
    if place is None:
        return None
    old = program.statements[place]
    if old.verb not in _NUMBERS:
        value = _other_length(old.value, rng) if old.verb == "mark_length" else _other_angle(old.value, rng)
        return program.replaced(place, Statement(old.verb, old.points, value=value))
    named = [(name, value) for name, value in old.options if name in _NUMBERS[old.verb]]
    if not named:
        return None
    name, value = named[rng.integers(len(named))]
    if old.verb == "rotation":
        # The other way round, or by next to nothing, would be another drawing altogether.
        turns = [t for t in range(30, 331, 15) if abs(t - abs(value)) >= 15]
        changed = int(turns[rng.integers(len(turns))]) * (1 if value > 0 else -1)
    else:
        changed = value + int(rng.choice((-3, -2, -1, 1, 2, 3)))
    return program.replaced(place, with_options(old, [(name, changed)]))


def _other_length(value: Number, rng: np.random.Generator) -> Number:
    """Of the same make: a whole number stays whole, one with a decimal keeps it."""
    if isinstance(value, int):
        return int(_other(tuple(range(2, max(21, int(1.5 * value)))), value, rng))
    tenths = int(_other(tuple(range(11, max(200, int(15 * value)))), round(10 * value), rng))
    return (tenths + (tenths % 10 == 0)) / 10


def _other_angle(value: Number, rng: np.random.Generator) -> Number:
    """Round stays round; at least 5 degrees away."""
    step = 5 if value % 5 == 0 else 1
    near = [a for a in range(20, 150, step) if abs(a - value) >= 5 and (a % 5 == 0) == (value % 5 == 0)]
    return int(near[rng.integers(len(near))])


def _place(program: Program, figure: Figure, rng: np.random.Generator) -> Program | None:
    """A mark or a construction on another side or corner."""
    place = _any(program, rng, lambda s: s.verb in _MOVED)
    if place is None:
        return None
    old = program.statements[place]
    made = {point for statement in program.statements[:place] for point in statement.makes}
    elsewhere = [points for points in _places(old.verb, figure) if made.issuperset(points)]
    if not elsewhere:
        return None
    points = elsewhere[rng.integers(len(elsewhere))]
    if rng.random() < 0.5:
        points = (points[0], points[2], points[1]) if old.verb in FROM_VERTEX else points[::-1]
    others = {frozenset(s.points) for i, s in enumerate(program.statements) if i != place and s.verb == old.verb}
    if frozenset(points) in others:
        return None
    return program.replaced(place, Statement(old.verb, points, old.target, old.value, old.options))


_MOVED = ("mark_length", "mark_angle", "midpoint", "point_on", *FROM_VERTEX)


def _places(verb: str, figure: Figure) -> list[tuple[str, ...]]:
    """Where a mark or a construction can stand: undivided segments, corners of shapes, sides, corners of triangles."""
    if verb == "mark_length":
        return undivided(figure)
    corners = [
        corner
        for shape in figure.outline
        for corner in zip((shape[-1], *shape), shape, (*shape[1:], shape[0]), strict=False)
        if verb not in FROM_VERTEX or len(shape) == 3
    ]
    if verb == "mark_angle":
        return corners
    if verb in FROM_VERTEX:
        return [(at, before, after) for before, at, after in corners]
    return [(before, at) for before, at, _ in corners]


EDITS: dict[str, Edit] = {
    "relation": _relation,
    "swap": _swap,
    "letter": _letter,
    "number": _number,
    "place": _place,
}
KINDS = ("shape", *EDITS)
"""The kinds of edit."""
