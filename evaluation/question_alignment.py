"""How much of one question another one says, under the best renaming of its points.

one = read("In triangle ABC, AB = AC, ∠A = 40°. Find ∠B.")
other = read("If angle Q = 50 degrees and PQ = QR in △PQR, then angle R is ()")
align(one, other)    # Alignment(share=1.0, names={"A": "Q", "B": "R", "C": "P"})
"""

from collections import Counter
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from .question_text import Question, Statement, groups_of, kind_of, statements

_ROUNDS = 4  # of improving a renaming by exchanges; the assignment it begins with is nearly always right


class Alignment(NamedTuple):
    """The `share` of what two questions say that both say, 0 to 1, and points of the first with the second's."""

    share: float
    names: dict[str, str]


def align(one: Question, other: Question, least: float = 0.0) -> Alignment:
    """The renaming of points under which two questions have most statements in common, and how many.

    The share is Dice's coefficient of the two bags of [`statements`]: twice the common ones over all. Numbers count
    as equal, words and mentions once each, and a mention once more where it goes with the same word in both. The
    renaming begins with the assignment of points that occur in like statements and is improved by exchanges of two
    points, so that in rare cases there might be a better one.

    Args:
        one, other: As [`~evaluation.question_text.read`] gives them.
        least: A share; where no renaming can reach it, the best is not searched for, and the share is 0.
    """
    first, second = statements(one), statements(other)
    total = len(first) + len(second)
    # No renaming can make more statements common than are of like kinds.
    bound = (Counter(item[:2] for item in first) & Counter(item[:2] for item in second)).total()
    if not bound or 2 * bound < least * total:
        return Alignment(0.0, {})
    names = _likely(first, second)
    target = Counter(second)
    best = _common(first, target, names)
    for _ in range(_ROUNDS):
        before = best
        if best == bound:
            break
        for point in list(names):
            for rival in list(names):
                if point >= rival:
                    continue
                tried = {**names, point: names[rival], rival: names[point]}
                if (common := _common(first, target, tried)) > best:
                    names, best = tried, common
        if best == before:
            break
    used = {point: name for point, name in names.items() if not name.startswith(_NOBODY)}
    return Alignment(2 * best / total, used)


def same_numbers(one: Question, other: Question, names: dict[str, str]) -> bool:
    """Whether two questions give the same numbers, and at least half of them of the same things under a renaming.

    Half, because another wording may put a number behind another mention ("radius OB is 5", "OB = 5").
    """
    if not one.given or Counter(one.numbers) != Counter(other.numbers):
        return False
    ours, theirs = (Counter(_given(question, renamed)) for question, renamed in ((one, names), (other, None)))
    return 2 * (ours & theirs).total() >= len(one.given)


def _given(question: Question, names: dict[str, str] | None) -> list[tuple]:
    """Of each number its value, and the kind and points of what it is given of."""
    found = []
    for owner, value in question.given:
        groups = () if owner is None else groups_of(*owner)
        if names is not None:
            groups = tuple(tuple(sorted(names.get(point, point) for point in group)) for group in groups)
        found.append((value, "" if owner is None else kind_of(owner), groups))
    return found


_NOBODY = "-"


def _likely(first: list[Statement], second: list[Statement]) -> dict[str, str]:
    """A renaming that gives each point the one that occurs in the most like statements."""
    ours, theirs = _occurrences(first), _occurrences(second)
    points, others = list(ours), list(theirs)
    # Whose statements the other question lacks is nobody there.
    others += [f"{_NOBODY}{number}" for number in range(len(points) - len(others))]
    alike = np.array([[(ours[p] & theirs.get(o, Counter())).total() for o in others] for p in points])
    if not points:
        return {}
    rows, columns = linear_sum_assignment(-alike)
    return {points[row]: others[column] for row, column in zip(rows, columns, strict=True)}


def _occurrences(found: list[Statement]) -> dict[str, Counter]:
    """Of each point, the statements it is in and its place there."""
    of: dict[str, Counter] = {}
    for kind, companion, groups in found:
        for number, group in enumerate(groups):
            for point in group:
                of.setdefault(point, Counter())[kind, companion, number] += 1
    return of


def _common(first: list[Statement], target: Counter, names: dict[str, str]) -> int:
    renamed = Counter(
        (kind, companion, tuple(tuple(sorted(names[point] for point in group)) for group in groups))
        for kind, companion, groups in first
    )
    return (renamed & target).total()
