"""Whether an edited caption is a hard negative by its words: the constraints of the paper (section 2), as far as words
tell, with the reading of captions that rule-based negatives use."""

import math
from difflib import SequenceMatcher

from dataset_builders.negatives.grammar import Reading, read, tokenise
from dataset_builders.negatives.implied import contradictions, entailed, fact_key, implied
from dataset_builders.negatives.symmetries import canonical_reading

_WORDS_PER_EDIT = 4  # changed in a row; more count as several edits
_DRASTIC = frozenset(("parallel", "perpendicular"))


def caption_problem(positive: str, negative: str, num_edits: tuple[int, int] = (1, 4), drastic: bool = True) -> str:
    """What keeps an edited caption from being a hard negative, in a few words fit for counting; "" if nothing does.

    It names a letter that the positive does not; it says the same in other words (△ABC = △BCA, AB = BA, 80.0 = 80);
    all that it says anew follows from the positive; it contradicts itself; letters changed, but fewer than two of
    them; it has fewer or more edits than `num_edits`; or, unless `drastic` ones are allowed, a relation changed from
    parallel to perpendicular or back.
    """
    first, second = read(tokenise(positive)), read(tokenise(negative))
    if not negative.strip():
        return "empty caption"
    if canonical_reading(first) == canonical_reading(second):
        return "says the same as the positive"
    if _letters(second) - _letters(first):
        return "a letter that the figure lacks"
    edits, letters = _edits(first, second)
    low, high = num_edits
    if edits > high:
        return f"more than {high} edits"
    if edits < low:
        return f"fewer than {low} edits"
    if letters == 1:
        return "only one letter changed"
    known = {fact_key(fact, first) for fact in first.facts}
    new = [fact for fact in second.facts if fact_key(fact, second) not in known]
    if new and all(entailed(fact, second, implied(first, True)) for fact in new):
        return "follows from the positive"
    if not contradictions(second) <= contradictions(first):
        return "contradicts itself"
    if not drastic and _relations(first) & {(_other(relation), lines) for relation, lines in _relations(second)}:
        return "parallel for perpendicular, or the reverse"
    return ""


def _letters(reading: Reading) -> set[str]:
    return {label for thing in reading.things for label in thing.labels}


def _edits(first: Reading, second: Reading) -> tuple[int, int]:
    """How many edits there are, and how many letters of names differ.

    A stretch of words that differs is an edit; letters that changed places are one, however often they are named.
    """
    old, new = ([token.text for token in reading.tokens] for reading in (first, second))
    edits = letters = 0
    exchanged: list[set[str]] = []
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        gone, come = _names(first, a, b), _names(second, c, d)
        pairs = [{x, y} for x, y in zip(gone, come, strict=False) if x != y] if len(gone) == len(come) else []
        letters += len(pairs)
        if pairs and all(token.kind == "name" for token in (*first.tokens[a:b], *second.tokens[c:d])):
            exchanged += pairs
        else:
            edits += math.ceil(max(b - a, d - c) / _WORDS_PER_EDIT)
    return edits + _groups(exchanged), letters


def _names(reading: Reading, start: int, end: int) -> list[str]:
    """The letters of the things named among some tokens."""
    return [label for thing in reading.things if start <= thing.token < end for label in thing.labels]


def _groups(pairs: list[set[str]]) -> int:
    """Into how many groups, none of which shares a letter with another, exchanged letters fall."""
    groups: list[set[str]] = []
    for pair in pairs:
        touched = [group for group in groups if group & pair]
        groups = [group for group in groups if not group & pair] + [pair.union(*touched)]
    return len(groups)


def _relations(reading: Reading) -> set[tuple[str, frozenset]]:
    return {
        (fact.relation, frozenset(frozenset(thing.labels) for thing in (fact.first, fact.second)))
        for fact in reading.facts
        if fact.relation in _DRASTIC and fact.second is not None
    }


def _other(relation: str) -> str:
    return next(iter(_DRASTIC - {relation}))
