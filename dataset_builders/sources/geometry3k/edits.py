"""Edits of a caption's facts that are certainly false of the diagram, and the negative captions made of them.

The paper's four kinds of rule-based error (section 2.2), found here by rules instead of a language model: letters in
another order or in another place, another shape, another relation, another number; and two markings exchanged.
"""

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations

from dataset_builders.sources.geometry3k import values
from dataset_builders.sources.geometry3k.captions import caption
from dataset_builders.sources.geometry3k.facts import Fact, Points, Problem
from dataset_builders.sources.geometry3k.shapes import refuted_names, refutes_polygon, wrong_orders
from dataset_builders.sources.geometry3k.truth import Knowledge

_PER_FACT = 6  # edits kept of one type for one fact: enough to choose from
_TRIED = 40  # letters tried for them, chosen at random
_ATTEMPTS = 30  # drawings of edits per negative wanted


@dataclass(frozen=True)
class Edit:
    """One error: facts of a caption, by their places in it, and the false facts to put there.

    `type` is `number`, `letters`, `relation`, `shape` or `exchange` (of the markings of two things).
    """

    changes: tuple[tuple[int, Fact], ...]
    type: str


@dataclass(frozen=True)
class Negative:
    """A caption with errors: its facts, and the edits that made it; every changed fact is false of the diagram."""

    facts: tuple[Fact, ...]
    edits: tuple[Edit, ...]

    @property
    def caption(self) -> str:
        """The negative caption."""
        return caption(self.facts)


def find_edits(facts: list[Fact], problem: Problem, knowledge: Knowledge, rng: random.Random) -> list[Edit]:
    """Edits of one or two facts, each proved false of the diagram and not at odds with the rest of the caption.

    The second condition keeps negatives from giving themselves away: AB = 6 moved to CD says "CD = 6", which no
    caption should that says "CD = 8" as well.
    """
    edits = []
    for index, fact in enumerate(facts):
        found: Counter[str] = Counter()
        rest = _Rest(tuple(facts[:index] + facts[index + 1 :]), problem)
        for type_, new in _rewritten(fact, facts, problem, knowledge, rng):
            if found[type_] < _PER_FACT and _is_false(new, knowledge) and rest.agrees_with(new):
                edits.append(Edit(((index, new),), type_))
                found[type_] += 1
    return edits + list(_exchanges(facts, problem, knowledge, rng))


def compose_negatives(
    facts: list[Fact],
    edits: list[Edit],
    problem: Problem,
    num_negatives: int,
    num_edits: tuple[int, int],
    rng: random.Random,
) -> tuple[list[Negative], str]:
    """Distinct negatives of the least to the most edits, spread over the caption's facts and the types of edit.

    Returns:
        The negatives, at most `num_negatives`, and, if there are fewer, the reason; otherwise an empty text.
    """
    if not facts:
        return [], "no fact was understood"
    if not edits:
        return [], "no edit is certainly false"
    negatives: dict[str, Negative] = {}
    uses: Counter[int] = Counter()
    for _ in range(_ATTEMPTS * num_negatives):
        if len(negatives) == num_negatives:
            break
        chosen = _draw(edits, rng.randint(*num_edits), uses, rng)
        negative = Negative(_applied(facts, chosen), tuple(chosen))
        if len(chosen) < num_edits[0] or negative.caption in negatives:
            continue
        if len(chosen) == 1 or is_consistent(facts, chosen, problem):
            negatives[negative.caption] = negative
            uses.update(index for edit in chosen for index, _ in edit.changes)
    reason = "" if len(negatives) == num_negatives else "too few distinct edits are certainly false"
    return list(negatives.values()), reason


def is_consistent(facts: list[Fact], edits: Iterable[Edit], problem: Problem) -> bool:
    """Whether no fact that the edits put in repeats, or is refuted by, the rest of the edited caption alone."""
    edits = list(edits)
    new = _applied(facts, edits)
    changed = sorted({index for edit in edits for index, _ in edit.changes})
    return all(_Rest(new[:index] + new[index + 1 :], problem).agrees_with(new[index]) for index in changed)


class _Rest:
    """A caption but for one fact, and what it says without the diagram."""

    def __init__(self, facts: tuple[Fact, ...], problem: Problem):
        self.facts = facts
        self.knowledge = Knowledge(replace(problem, facts=facts, positions={}))

    def agrees_with(self, fact: Fact) -> bool:
        if fact in self.facts or _is_false(fact, self.knowledge) or self.knowledge.entails(fact):
            return False
        # A number marks one angle of a figure.
        return fact.relation != "angle_label" or all(
            other.relation != "angle_label" or other.value != fact.value for other in self.facts
        )


def _is_false(fact: Fact, knowledge: Knowledge) -> bool:
    return refutes_polygon(fact, knowledge) if fact.relation == "polygon" else knowledge.refutes(fact)


def _applied(facts: Iterable[Fact], edits: Iterable[Edit]) -> tuple[Fact, ...]:
    new = list(facts)
    for edit in edits:
        for index, fact in edit.changes:
            new[index] = fact
    return tuple(new)


def _draw(edits: list[Edit], size: int, uses: Counter[int], rng: random.Random) -> list[Edit]:
    """Up to `size` edits of different facts; facts edited least go first, then each type has the same chance."""
    chosen: list[Edit] = []
    taken: set[int] = set()
    while len(chosen) < size:
        free = [edit for edit in edits if not any(index in taken for index, _ in edit.changes)]
        if not free:
            break
        places = sorted(
            {index for edit in free for index, _ in edit.changes}, key=lambda i: (uses[i] + rng.random(), i)
        )
        here = [edit for edit in free if any(index == places[0] for index, _ in edit.changes)]
        type_ = rng.choice(sorted({edit.type for edit in here}))
        chosen.append(rng.choice([edit for edit in here if edit.type == type_]))
        taken.update(index for index, _ in chosen[-1].changes)
    return chosen


def _rewritten(
    fact: Fact, facts: list[Fact], problem: Problem, knowledge: Knowledge, rng: random.Random
) -> Iterator[tuple[str, Fact]]:
    """Candidates (type, fact) that have the letters of the figure only; whether they are false is still to be seen."""
    match fact.relation:
        case "polygon":
            for name in refuted_names(fact, knowledge):
                yield "shape", replace(fact, value=name)
            for order in wrong_orders(fact.objects[0], knowledge.layout):
                yield "letters", replace(fact, objects=(order,))
        case "angle_label":
            labels = {f.value for f in facts if f.relation == "angle_label"}
            if fact.value.isdigit():
                for number in _some(range(1, len(labels) + 4), rng):
                    yield "number", replace(fact, value=str(number))
            for angle in _some(drawn_angles(problem, knowledge), rng):
                yield "letters", replace(fact, objects=(angle,))
        case "length" | "angle" | "arc" | "arc_length" | "area":
            for value in values.with_number_changed(fact.value, rng):
                if fact.relation not in ("angle", "arc") or _is_measure(value, fact):
                    yield "number", replace(fact, value=value)
            for points in _some(_alike(fact, problem, knowledge), rng):
                yield "letters", replace(fact, objects=(*fact.objects[:-1], points))
        case "on_segment":
            yield from _moved_on_segment(fact, problem, rng)
        case "on_circle":
            yield from _moved_on_circle(fact, knowledge, problem, rng)
        case "perpendicular" | "parallel" | "equal_lengths":
            for relation in _some({"perpendicular", "parallel", "equal_lengths"} - {fact.relation}, rng):
                yield "relation", replace(fact, relation=relation)
            for segment in _some(problem.segments, rng):
                for objects in ((fact.objects[0], segment), (segment, fact.objects[1])):
                    if len(set(map(frozenset, objects))) == 2:
                        yield "letters", replace(fact, objects=objects)
        case "equal_angles":
            for angle in _some(drawn_angles(problem, knowledge), rng):
                for objects in ((fact.objects[0], angle), (angle, fact.objects[1])):
                    if knowledge.angle_key(objects[0]) != knowledge.angle_key(objects[1]):
                        yield "letters", replace(fact, objects=objects)


def _moved_on_segment(fact: Fact, problem: Problem, rng: random.Random) -> Iterator[tuple[str, Fact]]:
    (point,), (first, last) = fact.objects
    # Letters in another order: A lies on segment PB, for P on AB.
    yield "letters", replace(fact, objects=((first,), (point, last)))
    yield "letters", replace(fact, objects=((last,), (first, point)))
    for segment in _some(problem.segments, rng):
        if point not in segment:
            yield "letters", replace(fact, objects=((point,), segment))
    for other in _some(problem.points, rng):
        if other not in (first, last):
            yield "letters", replace(fact, objects=((other,), (first, last)))


def _moved_on_circle(
    fact: Fact, knowledge: Knowledge, problem: Problem, rng: random.Random
) -> Iterator[tuple[str, Fact]]:
    (centre,), on = fact.objects
    for other in _some(problem.points, rng):
        if other not in on and other != centre:
            place = rng.randrange(len(on))
            yield "letters", replace(fact, objects=((centre,), (*on[:place], other, *on[place + 1 :])))
    for other_centre in _some(problem.centres - {centre, *on}, rng):
        yield "letters", replace(fact, objects=((other_centre,), on))


def _exchanges(facts: list[Fact], problem: Problem, knowledge: Knowledge, rng: random.Random) -> Iterator[Edit]:
    """AB = 6 and CD = 8 become AB = 8 and CD = 6: both false, and nothing in the caption says so."""
    marked = ("length", "angle", "arc", "angle_label")
    for (i, first), (j, second) in _some(combinations(enumerate(facts), 2), rng):
        if first.relation == second.relation and first.relation in marked and first.value != second.value:
            new = (replace(first, value=second.value), replace(second, value=first.value))
            edit = Edit(((i, new[0]), (j, new[1])), "exchange")
            if all(_is_false(fact, knowledge) for fact in new) and is_consistent(facts, [edit], problem):
                yield edit


def _alike(fact: Fact, problem: Problem, knowledge: Knowledge) -> list[Points]:
    """Other things of the same sort that the figure has: drawn segments, drawn angles, arcs between named points."""
    if fact.relation == "length":
        return list(problem.segments)
    if fact.relation == "angle":
        return drawn_angles(problem, knowledge)
    if fact.relation == "arc" and len(fact.objects[0]) == 2:
        circles = [f.objects[1] for f in problem.facts if f.relation == "on_circle"]
        return [arc for on in circles if set(fact.objects[0]) <= set(on) for arc in combinations(on, 2)]
    return []


def drawn_angles(problem: Problem, knowledge: Knowledge) -> list[Points]:
    """Angles (A, V, B) between two drawn segments that meet in V, each once, straight ones left out."""
    rays: dict[str, list[str]] = {}
    for first, last in problem.segments:
        inside = sorted(knowledge.inside((first, last)))
        for vertex in (first, last, *inside):
            rays.setdefault(vertex, []).extend(end for end in (first, last) if end != vertex)
    angles: dict[object, Points] = {}
    for vertex, ends in rays.items():
        for a, b in combinations(dict.fromkeys(ends), 2):
            if not knowledge.is_straight_or_flat((a, vertex, b)):
                angles.setdefault(knowledge.angle_key((a, vertex, b)), (a, vertex, b))
    return list(angles.values())


def _is_measure(value: str, fact: Fact) -> bool:
    """Whether a changed number can still be an angle: 179° at most where it was less than 180°, 359° at most."""
    new, old = values.constant(value), values.constant(fact.value)
    return new is None or new < (180 if old is not None and old < 180 else 360)


def _some(candidates: Iterable, rng: random.Random) -> list:
    pool = list(candidates) if not isinstance(candidates, set) else sorted(candidates)
    return rng.sample(pool, min(_TRIED, len(pool)))
