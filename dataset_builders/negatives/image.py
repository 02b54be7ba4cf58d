"""Negatives by perturbing the program: an edited figure and its caption, each verified false of the other.

An edit counts only if some fact of either caption is refuted by the other's figure: false by every reading of its
words and by a margin that can be seen. So an equivalent name (△ABC for △BCA, AB for BA) is never a negative, nor is a
square where a rectangle is meant.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from dataset_builders.diagram.facts import Fact, agree, facts_of, holds, refuted, to_scale
from dataset_builders.diagram.figure import EXAM, ROOMY, Figure, FigureError, Limits, solve
from dataset_builders.diagram.program import Program
from dataset_builders.diagram.sample import clear, sample_program, shape_options
from dataset_builders.diagram.simple import sample_simple_program, simple_shape_options
from dataset_builders.negatives.edits import KINDS, Proportions, edit

MOST_BASES = 50  # one is nearly always enough for groups of 20, five for groups of 40


class Diagrams(NamedTuple):
    """A world of diagrams: how they are drawn at random, in which proportions, how crowded they may be, which edits
    they take.

    `exact` says whether marked numbers have to fit the drawing, and labels to be clear of lines (a grid of labels sees
    to that by itself); `turns`, whether kinds of edit take turns in a group, so that none crowds out the others.
    """

    sample: Callable[[np.random.Generator, int], tuple[Program, Figure]]
    proportions: Proportions
    limits: Limits
    edits: tuple[str, ...]
    exact: bool
    turns: bool


EXAM_DIAGRAMS = Diagrams(
    sample_program, shape_options, EXAM, ("shape", "relation", "swap", "number", "place"), True, True
)
"""What exams draw, for images of some three hundred pixels; no edit brings a letter that the figure lacks."""
SIMPLE_DIAGRAMS = Diagrams(sample_simple_program, simple_shape_options, ROOMY, KINDS, False, False)
"""One shape and two facts, for images of a hundred pixels."""


class Scene(NamedTuple):
    """A program with its figure, its facts, and the kinds of the edits that made it (empty for an original)."""

    program: Program
    figure: Figure
    facts: tuple[Fact, ...]
    edit: str = ""


def scene(program: Program, edit: str = "", diagrams: Diagrams = SIMPLE_DIAGRAMS) -> Scene | None:
    """The scene of a program; `None` where it cannot be drawn well or does not show what it states."""
    try:
        figure = solve(program, diagrams.limits)
    except FigureError:
        return None
    facts = tuple(facts_of(program))
    if not all(holds(figure, fact) for fact in facts) or not agree(figure, facts):
        return None
    if diagrams.exact and not (to_scale(figure, facts) and clear(figure)):
        return None
    return Scene(program, figure, facts, edit)


def tell_apart(first: Scene, second: Scene) -> bool:
    """Whether each scene's caption says something that the other's figure refutes."""
    return any(refuted(second.figure, fact) for fact in first.facts) and any(
        refuted(first.figure, fact) for fact in second.facts
    )


def look_alikes(
    base: Scene,
    count: int,
    rng: np.random.Generator,
    diagrams: Diagrams = SIMPLE_DIAGRAMS,
    num_edits: tuple[int, int] = (1, 1),
) -> list[Scene]:
    """Up to `count` distinct scenes a few edits away from the base, each told apart from it and from one another.

    Args:
        base ([`Scene`]): what to edit.
        count (`int`): how many; fewer come back when the base has not enough to edit.
        rng (`np.random.Generator`): chooses the edits.
        diagrams ([`Diagrams`], *optional*): which edits there are, and how crowded a figure may be.
        num_edits (`tuple[int, int]`, *optional*, defaults to `(1, 1)`): least and most edits in one.
    """
    found: list[Scene] = []
    used = dict.fromkeys(diagrams.edits, 0)
    for _ in range(12 * count):
        if len(found) == count:
            break
        edited = _edited(base, int(rng.integers(num_edits[0], num_edits[1] + 1)), rng, diagrams, used)
        if edited is not None and tell_apart(base, edited) and all(tell_apart(edited, other) for other in found):
            found.append(edited)
    return found


def _edited(
    base: Scene, count: int, rng: np.random.Generator, diagrams: Diagrams, used: dict[str, int]
) -> Scene | None:
    """The base after at most `count` edits, with their kinds in the order in which they were made; counts in `used`
    how often each kind was tried."""
    program, kinds = base.program, []
    for _ in range(count):
        choices = diagrams.edits
        if diagrams.turns:
            least = min(used.values())
            choices = [kind for kind in choices if used[kind] <= least + 1]
        kind = choices[rng.integers(len(choices))]
        changed = edit(kind, program, base.figure, rng, diagrams.proportions)
        if changed is not None:
            program = changed
            kinds.append(kind)
        used[kind] += 1
    return scene(program, "+".join(kinds), diagrams) if kinds else None


def exchangeable_group(
    size: int,
    rng: np.random.Generator,
    difficulty: int = 3,
    diagrams: Diagrams = SIMPLE_DIAGRAMS,
    num_edits: tuple[int, int] = (1, 1),
) -> list[Scene]:
    """`size` scenes, each a few edits away from a hidden base that is not among them, told apart from one another.

    No scene is the centre of the group, so nothing but its image says which caption is meant.
    """
    return _family(size, rng, difficulty, diagrams, num_edits)[1]


def centred_group(
    size: int,
    rng: np.random.Generator,
    difficulty: int = 3,
    diagrams: Diagrams = SIMPLE_DIAGRAMS,
    num_edits: tuple[int, int] = (1, 1),
) -> list[Scene]:
    """A base, first, and `size` − 1 scenes a few edits away from it."""
    base, group = _family(size - 1, rng, difficulty, diagrams, num_edits)
    return [base, *group]


def _family(
    count: int, rng: np.random.Generator, difficulty: int, diagrams: Diagrams, num_edits: tuple[int, int]
) -> tuple[Scene, list[Scene]]:
    """A base and `count` scenes near it; raises `ValueError` where no base has so many."""
    for _ in range(MOST_BASES):
        program, _ = diagrams.sample(rng, difficulty)
        base = scene(program, diagrams=diagrams._replace(exact=False))
        group = look_alikes(base, count, rng, diagrams, num_edits) if base is not None else []
        if base is not None and len(group) == count:
            return base, group
    raise ValueError(
        f"none of {MOST_BASES} diagrams of difficulty {difficulty} has {count} look-alikes; ask for fewer, or for a "
        "higher difficulty."
    )
