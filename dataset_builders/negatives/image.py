"""Negatives by perturbing the program: an edited figure and its caption, each verified false of the other.

Every edit carries its kind: `shape`, `relation`, `swap` (two letters), `letter` (one replaced), `number`, `place` (a
mark or construction moved elsewhere). An edit counts only if some fact of either caption is false on the other's
figure, so an equivalent name (△ABC for △BCA, AB for BA) is never a negative.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from dataset_builders.diagram.facts import Fact, agree, facts_of, holds
from dataset_builders.diagram.figure import Figure, FigureError, solve
from dataset_builders.diagram.program import Program, Statement
from dataset_builders.diagram.sample import (
    FROM_VERTEX,
    LETTERS,
    TRIANGLES,
    sample_program,
    shape_options,
    triangle_options,
)

QUADRILATERALS = ("square", "rectangle", "rhombus", "parallelogram", "trapezoid", "kite")
CIRCLE_LINES = ("diameter", "chord")
MOST_BASES = 50  # one is nearly always enough for groups of 20, five for groups of 40


class Scene(NamedTuple):
    """A program with its figure, its facts, and the kind of edit that made it (empty for an original)."""

    program: Program
    figure: Figure
    facts: tuple[Fact, ...]
    edit: str = ""


def scene(program: Program, edit: str = "") -> Scene | None:
    """The scene of a program; `None` where it cannot be drawn well or does not show what it states."""
    try:
        figure = solve(program)
    except FigureError:
        return None
    facts = tuple(facts_of(program))
    if not all(holds(figure, fact) for fact in facts) or not agree(figure, facts):
        return None
    return Scene(program, figure, facts, edit)


def tell_apart(first: Scene, second: Scene) -> bool:
    """Whether each scene's caption says something false of the other's figure."""
    return not all(holds(second.figure, fact) for fact in first.facts) and not all(
        holds(first.figure, fact) for fact in second.facts
    )


def look_alikes(base: Scene, count: int, rng: np.random.Generator) -> list[Scene]:
    """Up to `count` distinct scenes one edit away from the base, each told apart from it and from one another.

    Args:
        base ([`Scene`]): what to edit.
        count (`int`): how many; fewer come back when the base has not enough to edit.
        rng (`np.random.Generator`): chooses the edits; kinds take turns, so that none crowds out the others.
    """
    found: list[Scene] = []
    kinds = list(EDITS)
    for _ in range(12 * count):
        if len(found) == count:
            break
        kind = kinds[rng.integers(len(kinds))]
        program = EDITS[kind](base.program, rng)
        edited = None if program is None else scene(program, kind)
        if edited is not None and tell_apart(base, edited) and all(tell_apart(edited, other) for other in found):
            found.append(edited)
    return found


def exchangeable_group(size: int, rng: np.random.Generator, difficulty: int = 3) -> list[Scene]:
    """`size` scenes, each one edit away from a hidden base that is not among them, told apart from one another.

    No scene is the centre of the group, so nothing but its image says which caption is meant.
    """
    return _family(size, rng, difficulty)[1]


def centred_group(size: int, rng: np.random.Generator, difficulty: int = 3) -> list[Scene]:
    """A base, first, and `size` − 1 scenes one edit away from it."""
    base, group = _family(size - 1, rng, difficulty)
    return [base, *group]


def _family(count: int, rng: np.random.Generator, difficulty: int) -> tuple[Scene, list[Scene]]:
    """A base and `count` scenes one edit away from it; raises `ValueError` where no base has so many."""
    for _ in range(MOST_BASES):
        program, _ = sample_program(rng, difficulty)
        base = scene(program)
        group = look_alikes(base, count, rng) if base is not None else []
        if base is not None and len(group) == count:
            return base, group
    raise ValueError(
        f"none of {MOST_BASES} diagrams of difficulty {difficulty} has {count} look-alikes; ask for fewer, or for a "
        "higher difficulty."
    )


def _any(program: Program, rng: np.random.Generator, fits: Callable[[Statement], bool]) -> int | None:
    """A random statement that fits, by its index."""
    places = [i for i, statement in enumerate(program.statements) if fits(statement)]
    return places[rng.integers(len(places))] if places else None


def _other(words: tuple[str, ...], word: str, rng: np.random.Generator) -> str:
    rest = [other for other in words if other != word]
    return rest[rng.integers(len(rest))]


def _kept_place(statement: Statement) -> Iterator[tuple[str, object]]:
    return ((name, value) for name, value in statement.options if name in ("at", "size", "turn"))


def _shape(program: Program, rng: np.random.Generator) -> Program | None:
    place = _any(program, rng, lambda s: s.verb == "triangle" or s.verb in QUADRILATERALS)
    if place is None:
        return None
    old = program.statements[place]
    if old.verb == "triangle":
        verb, options = "triangle", triangle_options(_other(TRIANGLES, old.option("kind"), rng), rng)
    else:
        verb = _other(QUADRILATERALS, old.verb, rng)
        options = [option for option in shape_options(verb, rng) if option[0] not in ("at", "size", "turn")]
    return program.replaced(place, Statement(verb, old.points, options=(*options, *_kept_place(old))))


def _relation(program: Program, rng: np.random.Generator) -> Program | None:
    groups = (("midpoint", "point_on"), FROM_VERTEX, CIRCLE_LINES)
    place = _any(program, rng, lambda s: any(s.verb in group for group in groups))
    if place is None:
        return None
    old = program.statements[place]
    verb = _other(next(group for group in groups if old.verb in group), old.verb, rng)
    options = {
        "point_on": (("ratio", 0.3),),
        "cevian": (("ratio", 0.3),),
        "chord": (("turn", int(rng.choice((75, 90, 105, -75, -90, -105)))),),
    }
    return program.replaced(place, Statement(verb, old.points, old.target, options=options.get(verb, ())))


def _swap(program: Program, rng: np.random.Generator) -> Program | None:
    points = program.points
    if len(points) < 2:
        return None
    first, second = (points[i] for i in rng.choice(len(points), 2, replace=False))
    return program.renamed({first: second, second: first})


def _letter(program: Program, rng: np.random.Generator) -> Program | None:
    unused = [letter for letter in LETTERS if letter not in program.points]
    return program.renamed({program.points[rng.integers(len(program.points))]: unused[rng.integers(len(unused))]})


def _number(program: Program, rng: np.random.Generator) -> Program | None:
    place = _any(program, rng, lambda s: s.value is not None)
    if place is None:
        return None
    old = program.statements[place]
    values = range(2, 21) if old.verb == "mark_length" else range(20, 100, 5)
    value = _other(tuple(values), old.value, rng)
    return program.replaced(place, Statement(old.verb, old.points, value=value))


def _place(program: Program, rng: np.random.Generator) -> Program | None:
    """A mark or a construction on another side or corner of the outline."""
    place = _any(program, rng, lambda s: s.verb in ("mark_length", "mark_angle", "midpoint", "point_on", *FROM_VERTEX))
    if place is None or program.statements[0].verb == "circle":
        return None
    old, outline = program.statements[place], program.statements[0].points
    at = int(rng.integers(len(outline)))
    around = outline[at:] + outline[:at]
    points = (around[-1], around[0], around[1]) if old.verb == "mark_angle" else around[:2]
    if old.verb in FROM_VERTEX:
        points = around[:3]
    if rng.random() < 0.5:
        points = (points[0], points[2], points[1]) if old.verb in FROM_VERTEX else points[::-1]
    others = {frozenset(s.points) for i, s in enumerate(program.statements) if i != place and s.verb == old.verb}
    if frozenset(points) in others:
        return None
    return program.replaced(place, Statement(old.verb, points, old.target, old.value, old.options))


EDITS: dict[str, Callable[[Program, np.random.Generator], Program | None]] = {
    "shape": _shape,
    "relation": _relation,
    "swap": _swap,
    "letter": _letter,
    "number": _number,
    "place": _place,
}
