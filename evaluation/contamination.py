"""Training questions that are test questions in disguise: the paper's rule, and one that sees through new numbers.

    paper = paper_rule(test_vectors, train_vectors)      # cosine above 0.995
    clones = near_clones(test, train)                    # the same problem with other numbers, names, words or units

The paper drops a training question whose sentence embedding has a cosine above 0.995 with that of any test question
(appendix C). That lets the same problem with other numbers through, and drops all of "Find x." where the figure asks
the question. [`near_clones`] compares what the questions say under the best renaming of their points, their figures,
and facts about these where they are known, and says of every pair it lists what it saw.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .image_hash import distance
from .nearest import nearest
from .question_alignment import Alignment, align, same_numbers
from .question_text import Question, differences, read, read_facts
from .structure_index import StructureIndex

THRESHOLD = 0.995
LEVELS = (0.995, 0.990, 0.980, 0.970)
"""The paper's threshold, and those at which it reports the share of test questions below."""

SAME_STRUCTURE = 0.90
"""Share of common statements from which on two questions are the same problem, whatever its numbers."""

SAME_NUMBERS = 0.75
"""The same where all numbers are equal too, or the figures or their facts are: another wording."""

TELLING = 8
"""Statements that a question must make for its words to tell it: "Find x." and "∠ABC = 30°, find ∠AOC" do not."""

SAME_FIGURE = 40
"""Bits of 256 up to which two figures are one. Measured: `docs/contamination.md`."""

SIMILAR_FIGURE = 72
"""Bits up to which figures support the likeness of questions; alone they say nothing."""

SAME_FACTS = 0.95
"""Share of common facts, under the best renaming, from which on two figures show the same."""

_BLOCK = 1_024  # training questions at a time


@dataclass(frozen=True)
class Item:
    """A test or training question as it is compared.

    Attributes:
        id: Its name in messages and results.
        text: What is asked, without the answer. May be empty.
        image_hash: [`~evaluation.image_hash.image_hash`] of its figure, if there is one.
        facts: Facts about the figure, where they are known: logic forms, statements, lines of a diagram program.
    """

    id: str
    text: str
    image_hash: np.ndarray | None = None
    facts: tuple[str, ...] = ()


class PaperRule(NamedTuple):
    """What the paper's rule finds.

    Attributes:
        dropped (`np.ndarray`): places of the training questions with a cosine above the threshold, ascending.
        below (`dict`): of each level, the share of test questions whose best cosine does not pass it, 0 to 1.
        cosines, places (`np.ndarray`): `(M, k)`; the best matches of each test question, best first.
    """

    dropped: np.ndarray
    below: dict[float, float]
    cosines: np.ndarray
    places: np.ndarray


class Clone(NamedTuple):
    """A training question that is a test question in disguise, with what shows it.

    Attributes:
        test, train (`int`): places of both.
        signals (`tuple`): what fired: `structure` (the same problem), `numbers` (structure and numbers alike),
            `image` (the same figure), `facts` (the same figure by its facts).
        share (`float`): of what both questions say, the share that is common; 0 where it is less than
            [`SAME_NUMBERS`].
        names (`dict`): the test question's points with those of the training question.
        differences (`tuple`): of `numbers`, `names`, `order`, `wording`.
        image_bits (`int`, *optional*): bits in which the figures differ, of 256.
        facts_share (`float`, *optional*): of both lists of facts, the share that is common; 0 where it is less than
            [`SAME_FACTS`].
    """

    test: int
    train: int
    signals: tuple[str, ...]
    share: float
    names: dict[str, str]
    differences: tuple[str, ...]
    image_bits: int | None
    facts_share: float | None


def paper_rule(
    test: np.ndarray, train: np.ndarray, threshold: float = THRESHOLD, levels: Sequence[float] = LEVELS, top: int = 5
) -> PaperRule:
    """Drops training questions whose embedding has a cosine above the threshold with any test question's.

    Args:
        test (`np.ndarray`): embeddings of the test questions, shape `(M, d)`.
        train (`np.ndarray`): of the training questions, shape `(N, d)`, by the same model.
        threshold (`float`): the cosine that must be passed.
        levels (`Sequence[float]`): for the report.
        top (`int`): matches of each test question.

    Raises:
        ValueError: as [`~evaluation.nearest.nearest`], or for a threshold that is no cosine.
    """
    for level in (threshold, *levels):
        if not -1 <= level <= 1:
            raise ValueError(f"The threshold {level} is no cosine; it must be between -1 and 1.")
    cosines, places = nearest(test, train, top)
    of_train, _ = nearest(train, test)
    return PaperRule(
        np.flatnonzero(of_train[:, 0] > threshold),
        {level: float(np.mean(cosines[:, 0] <= level)) for level in levels},
        cosines,
        places,
    )


def near_clones(
    test: Sequence[Item],
    train: Sequence[Item],
    keep: int = 5,
    progress: Callable[[int], object] | None = None,
) -> list[Clone]:
    """Pairs of a test and a training question that are one problem, by what they say, their figures or their facts.

    A pair is listed if
    - both questions are telling (see [`TELLING`]) and share [`SAME_STRUCTURE`] of what they say, or only
      [`SAME_NUMBERS`] where their numbers are equal, their figures similar or their facts the same;
    - their figures are the same ([`SAME_FIGURE`]); or
    - both have facts that are telling, and the same ones ([`SAME_FACTS`]) with the same numbers, or with other numbers
      and the same question: "Find x." of two right triangles with their altitude.

    Of each training question the ten test questions with the most features in common are compared in full (see
    [`~evaluation.structure_index.StructureIndex`]), so that time grows with N and memory with M; figures are compared
    with all.

    Args:
        test: M questions.
        train: N questions.
        keep (`int`): clones listed for one training question, those with the most signals and the greatest share.
        progress: is called with the number of training questions done since the last call.

    Returns:
        By training question, then best first.

    Raises:
        ValueError: if `keep` is less than 1.
    """
    if keep < 1:
        raise ValueError(f"`keep` is {keep}; at least one clone of a training question must be listed.")
    if not test or not train:
        return []
    texts = StructureIndex([item.text for item in test], read, lambda: (item.text for item in train))
    facts = StructureIndex([item.facts for item in test], read_facts, lambda: (item.facts for item in train))
    hashes, hashed = _hashes(test)
    found: list[Clone] = []
    for start in range(0, len(train), _BLOCK):
        block = train[start : start + _BLOCK]
        likely = [set(one) | set(other) for one, other in zip(
            texts.likely([item.text for item in block]), facts.likely([item.facts for item in block]), strict=True
        )]  # fmt: skip
        for place, other in _same_figures(block, hashes, hashed):
            likely[place].add(other)
        for place, (item, others) in enumerate(zip(block, likely, strict=True)):
            reading = _Reading.of(item)
            clones = [_compared(test[other], other, reading, start + place, texts, facts) for other in sorted(others)]
            ranked = sorted(filter(None, clones), key=lambda clone: (-len(clone.signals), -clone.share, clone.test))
            found += ranked[:keep]
        if progress is not None:
            progress(len(block))
    return found


class _Reading(NamedTuple):
    item: Item
    text: Question
    facts: Question

    @classmethod
    def of(cls, item: Item) -> "_Reading":
        return cls(item, read(item.text), read_facts(item.facts))


def _compared(
    item: Item, place: int, train: _Reading, train_place: int, texts: StructureIndex, facts: StructureIndex
) -> Clone | None:
    """The pair as a clone, or `None` if it is none."""
    text = texts.questions[place]
    alignment = align(text, train.text, SAME_NUMBERS)
    telling = min(text.size, train.text.size) >= TELLING
    bits = None
    if item.image_hash is not None and train.item.image_hash is not None:
        bits = int(distance(item.image_hash, train.item.image_hash))
        bits = None if _is_blank(item) or _is_blank(train.item) else bits
    facts_share, same_facts, equal_facts = None, False, False
    if item.facts and train.item.facts:
        ours = facts.questions[place]
        facts_share, names = align(ours, train.facts, SAME_FACTS)
        same_facts = facts_share >= SAME_FACTS and min(ours.size, train.facts.size) >= TELLING
        equal_facts = same_facts and same_numbers(ours, train.facts, names)
    supported = same_facts or (bits is not None and bits <= SIMILAR_FIGURE)
    signals = {
        "structure": telling and alignment.share >= (SAME_NUMBERS if supported else SAME_STRUCTURE),
        "numbers": telling and alignment.share >= SAME_NUMBERS and same_numbers(text, train.text, alignment.names),
        "image": bits is not None and bits <= SAME_FIGURE,
        "facts": equal_facts or (same_facts and alignment.share >= SAME_STRUCTURE),
    }
    fired = tuple(name for name, fires in signals.items() if fires)
    if not fired:
        return None
    return _clone(place, train_place, fired, alignment, (text, train.text), bits, facts_share)


def _clone(
    test: int,
    train: int,
    fired: tuple[str, ...],
    alignment: Alignment,
    pair: tuple[Question, Question],
    bits: int | None,
    facts_share: float | None,
) -> Clone:
    return Clone(test, train, fired, alignment.share, alignment.names, tuple(differences(*pair)), bits, facts_share)


def _hashes(items: Sequence[Item]) -> tuple[np.ndarray, np.ndarray]:
    """Hashes of the items that have a figure with something in it, `(F, 4)`, and their places, `(F,)`."""
    places = [place for place, item in enumerate(items) if item.image_hash is not None and not _is_blank(item)]
    found = [items[place].image_hash for place in places]
    return np.array(found, np.uint64).reshape(-1, 4), np.array(places, np.int64)


def _is_blank(item: Item) -> bool:
    return not item.image_hash.any()


def _same_figures(block: Sequence[Item], hashes: np.ndarray, places: np.ndarray) -> Iterator[tuple[int, int]]:
    """Place in the block and test place of each pair of figures within [`SAME_FIGURE`]."""
    ours, own_places = _hashes(block)
    for own, row in zip(own_places, ours, strict=True):
        for hit in np.flatnonzero(distance(row, hashes) <= SAME_FIGURE):
            yield int(own), int(places[hit])


def counts(clones: Sequence[Clone]) -> dict[str, int]:
    """How many training questions have each signal, each kind of difference, and how many have any clone at all."""
    seen: Counter[str] = Counter()
    by_train: dict[int, set[str]] = {}
    for clone in clones:
        by_train.setdefault(clone.train, set()).update(clone.signals)
    for signals in by_train.values():
        seen.update(signals)
    return {"any": len(by_train), **{name: seen[name] for name in ("structure", "numbers", "image", "facts")}}
