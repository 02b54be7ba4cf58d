"""Audit of a HardNegatives data set: counts, lengths, baselines, edits, duplicates and what was verified, by kind."""

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from datasets import Dataset

from dataset_builders.records import HARD_NEGATIVES, KINDS, as_hard_negatives

from .baselines import Baseline, Clues, baseline_of, clues_of_pictures, text_clues
from .captions import KINDS_OF_CHANGE, canonical, edits_between
from .pictures import Picture, picture_clues, read_picture

logger = logging.getLogger(__name__)

FEWEST_ROWS = 20  # below, a baseline has too little to learn from
_DIFFED = 20_000  # negatives of a kind whose words are compared with the positive's
_BATCH = 16  # records whose encoded images are in memory at once; decoded are those of one

Verify = Callable[[Mapping[str, Any]], Sequence[bool | None]]


@dataclass(frozen=True)
class Spread:
    """Mean, smallest, largest, and the 5th and 95th percentile."""

    mean: float
    low: float
    high: float
    least: float
    most: float


@dataclass(frozen=True)
class Lengths:
    """Lengths of captions in characters and in words."""

    characters: Spread
    words: Spread


@dataclass(frozen=True)
class Edits:
    """How negatives differ from their positive, word by word.

    Attributes:
        negatives (`int`): negatives that were compared: all, or 20,000 of them.
        per_negative (`Spread`): stretches of changed words in each.
        words_changed (`float`): mean percentage of words changed.
        places (`list[float]`): percentage of the edits in each fifth of the positive, the first fifth first.
        kinds (`dict[str, float]`): percentage of the edits by what they change.
    """

    negatives: int
    per_negative: Spread
    words_changed: float
    places: list[float]
    kinds: dict[str, float]


@dataclass(frozen=True)
class Duplicates:
    """Negatives that are none, in numbers of negatives, and the first records that have them, by id.

    Attributes:
        equal (`int`): captions equal to the positive up to case, spaces, punctuation and equivalent names.
        repeated (`int`): captions equal to an earlier one of the same record and kind.
        identical_images (`int`): images with the very pixels of the positive's.
        repeated_images (`int`): images with the pixels of an earlier one of the same record.
        distinct (`float`): percentage of the kind's negative captions that are different texts.
        examples (`dict[str, list[str]]`): up to five record ids for each of the above that is not zero.
    """

    equal: int
    repeated: int
    identical_images: int
    repeated_images: int
    distinct: float
    examples: dict[str, list[str]]


@dataclass(frozen=True)
class Verified:
    """Negatives whose falsehood could be checked, and how many of them are false of the positive."""

    checked: int
    false: int
    examples: list[str]

    @property
    def share(self) -> float:
        """In percent."""
        return 100 * self.false / self.checked


@dataclass(frozen=True)
class KindAudit:
    """One kind of negative. What there is nothing to compute from is `None`.

    Attributes:
        records (`int`): records with at least one negative of the kind.
        without (`float`): percentage of all records audited that have none.
        negatives (`int`): negatives of the kind that could be read.
        per_record (`Spread`): negatives in each record that has one.
        blind (`Baseline`): captions told without the image.
        artefact (`Baseline`): images told without the caption.
        verified (`Verified`): where a checker was given and had a program to check against.
    """

    records: int
    without: float
    negatives: int
    per_record: Spread
    positive_lengths: Lengths
    negative_lengths: Lengths | None
    blind: Baseline | None
    artefact: Baseline | None
    edits: Edits | None
    duplicates: Duplicates
    verified: Verified | None


@dataclass(frozen=True)
class Audit:
    """The audit of a data set.

    Attributes:
        records (`int`): records audited, unreadable ones not counted.
        of (`int`): records that the data set has.
        seed (`int`): of the sample and the baselines.
        without_negatives (`float`): percentage of records without any negative.
        caption_lengths (`Lengths`): of the positives.
        repeated_positives (`int`): records whose caption an earlier record has.
        unreadable (`dict[str, int]`): what could not be read, by reason; `caption` and texts are counted by record,
            images one by one.
        kinds (`dict[str, KindAudit]`): by kind of negative, those that occur.
    """

    records: int
    of: int
    seed: int
    without_negatives: float
    caption_lengths: Lengths | None
    repeated_positives: int
    unreadable: dict[str, int]
    kinds: dict[str, KindAudit]


@dataclass
class _Collected:
    """What is gathered of one kind while records pass by."""

    ids: list[str] = field(default_factory=list)
    captions: list[list[str]] = field(default_factory=list)  # positive first; it alone where negatives have no caption
    counts: list[int] = field(default_factory=list)
    clues: list[np.ndarray] = field(default_factory=list)  # (1 + K, F) of each record whose images can be read
    verdicts: list[tuple[str, bool]] = field(default_factory=list)
    duplicates: Counter = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def count(self, what: str, record_id: str) -> None:
        self.duplicates[what] += 1
        if record_id not in self.examples[what] and len(self.examples[what]) < 5:
            self.examples[what].append(record_id)


def audit(dataset: Dataset, seed: int = 0, max_records: int = 5_000, verify: Verify | None = None) -> Audit:
    """Audits a HardNegatives data set.

    Args:
        dataset (`Dataset`): with the columns of [`~dataset_builders.records.HARD_NEGATIVES`], or those of them it has.
        seed (`int`, *optional*, defaults to `0`): of the sample and the baselines.
        max_records (`int`, *optional*, defaults to `5000`): a random sample of so many is audited.
        verify (`Callable`, *optional*): given a record with a `program` (images undecoded), says for each of its
            `negative_captions`, then each of its `negative_images`, whether it is false of the positive; `None` for
            one that cannot be checked.

    Returns:
        The [`Audit`]. Records and images that cannot be read are left out and counted by reason.

    Raises:
        ValueError: if `max_records` is not positive, if a column is missing or misspelt, if there is no usable record,
            or if `verify` does not answer for each negative.
    """
    if max_records < 1:
        raise ValueError(f"You set `max_records={max_records}`; it must be at least 1.")
    unreadable: Counter[str] = Counter()
    of = len(dataset)
    if of > max_records:
        dataset = dataset.select(np.sort(np.random.default_rng(seed).choice(of, max_records, replace=False)))
    if dataset.features != HARD_NEGATIVES:
        dataset, bad = as_hard_negatives(dataset, "the data set")
        unreadable.update(f"record, field `{record.field}`" for record in bad)
    collected = {kind: _Collected() for kind in KINDS}
    positives: list[str] = []
    without = 0
    for row in _readable_rows(dataset, unreadable):
        positives.append(row["caption"])
        without += not row["negative_captions"] and not row["negative_images"]
        own = canonical(row["caption"])
        _collect_captions(row, own, collected)
        _collect_images(row, own, collected["image"], unreadable)
        if verify is not None and row["program"]:
            _collect_verdicts(row, verify(row), collected)
    if not positives:
        raise ValueError(f"Not one of {of} records can be audited: {dict(unreadable) or 'the data set is empty'}.")
    for reason, count in unreadable.items():
        logger.warning("Could not read %d times: %s.", count, reason)
    repeats = Counter(map(canonical, positives))
    return Audit(
        records=len(positives),
        of=of,
        seed=seed,
        without_negatives=100 * without / len(positives),
        caption_lengths=_lengths(positives),
        repeated_positives=len(positives) - len(repeats),
        unreadable=dict(unreadable),
        kinds={kind: _kind_audit(part, len(positives), seed) for kind, part in collected.items() if part.ids},
    )


def _readable_rows(dataset: Dataset, unreadable: Counter[str]) -> Iterator[dict[str, Any]]:
    """Rows whose texts can be used, images as they are stored."""
    for batch in dataset.with_format("arrow").iter(_BATCH):
        for row in batch.to_pylist():
            for name in ("negative_captions", "negative_caption_kinds", "negative_images", "negative_image_captions"):
                row[name] = row[name] or []
            problem = _text_problem(row)
            if problem:
                unreadable[problem] += 1
            else:
                yield row


def _text_problem(row: Mapping[str, Any]) -> str | None:
    if not (row["caption"] or "").strip():
        return "record, field `caption`: empty"
    if len(row["negative_captions"]) != len(row["negative_caption_kinds"]):
        return "record, field `negative_caption_kinds`: not one for each negative caption"
    if not set(row["negative_caption_kinds"]) <= set(KINDS):
        return f"record, field `negative_caption_kinds`: not one of {', '.join(KINDS)}"
    if len(row["negative_image_captions"]) not in (0, len(row["negative_images"])):
        return "record, field `negative_image_captions`: not one for each negative image"
    if not all((text or "").strip() for name in _NEGATIVE_TEXTS for text in row[name]):
        return "record, a negative caption: empty"
    return None


_NEGATIVE_TEXTS = ("negative_captions", "negative_image_captions")


def _collect_captions(row: Mapping[str, Any], own: str, collected: Mapping[str, _Collected]) -> None:
    by_kind: dict[str, list[str]] = defaultdict(list)
    for text, kind in zip(row["negative_captions"], row["negative_caption_kinds"], strict=True):
        by_kind[kind].append(text)
    # A redrawn diagram's caption is of kind `image` wherever it stands; the same one may stand in both places.
    captions = set(by_kind["image"])
    by_kind["image"] += [text for text in row["negative_image_captions"] if text not in captions]
    for kind, texts in by_kind.items():
        if not texts:
            continue
        part = collected[kind]
        part.ids.append(row["id"])
        part.captions.append([row["caption"], *texts])
        part.counts.append(max(len(texts), len(row["negative_images"])) if kind == "image" else len(texts))
        seen: set[str] = set()
        for text in map(canonical, texts):
            if text == own:
                part.count("equal", row["id"])
            elif text in seen:
                part.count("repeated", row["id"])
            seen.add(text)


def _collect_images(row: Mapping[str, Any], own: str, part: _Collected, unreadable: Counter[str]) -> None:
    positive = _picture(row["image"], "image", unreadable)
    if not row["negative_images"]:
        return
    if not row["negative_image_captions"] and "image" not in row["negative_caption_kinds"]:
        part.ids.append(row["id"])
        part.captions.append([row["caption"]])
        part.counts.append(len(row["negative_images"]))
    pictures = [_picture(image, "negative_images", unreadable) for image in row["negative_images"]]
    pictures = [picture for picture in pictures if picture is not None]
    if positive is None or not pictures:
        return
    part.clues.append(picture_clues([positive, *pictures]))
    own_key, seen = positive.key(), set()
    for key in (picture.key() for picture in pictures):
        if key == own_key:
            part.count("identical_images", row["id"])
        elif key in seen:
            part.count("repeated_images", row["id"])
        seen.add(key)


def _picture(stored: Mapping[str, Any] | None, column: str, unreadable: Counter[str]) -> Picture | None:
    try:
        return read_picture(stored)
    except Exception as error:  # PIL's readers raise many types on a broken file, none of which may stop an audit
        unreadable[f"an image of `{column}`: {type(error).__name__}"] += 1
        return None


def _collect_verdicts(
    row: Mapping[str, Any], verdicts: Sequence[bool | None], collected: Mapping[str, _Collected]
) -> None:
    kinds = [*row["negative_caption_kinds"], *["image"] * len(row["negative_images"])]
    if len(verdicts) != len(kinds):
        raise ValueError(
            f"`verify` gave {len(verdicts)} answers for the {len(kinds)} negatives of record {row['id']!r}; it must "
            "give one for each of `negative_captions`, then one for each of `negative_images`."
        )
    for kind, verdict in zip(kinds, verdicts, strict=True):
        if verdict is not None:
            collected[kind].verdicts.append((row["id"], bool(verdict)))


def _kind_audit(part: _Collected, records: int, seed: int) -> KindAudit:
    negatives = [text for captions in part.captions for text in captions[1:]]
    wrong = dict.fromkeys(record_id for record_id, is_false in part.verdicts if not is_false)
    counts = np.array([len(clues) for clues in part.clues], dtype=np.int64)
    with_captions = [captions for captions in part.captions if len(captions) > 1]
    return KindAudit(
        records=len(part.ids),
        without=100 * (1 - len(part.ids) / records),
        negatives=sum(part.counts),
        per_record=_spread(part.counts),
        positive_lengths=_lengths([captions[0] for captions in part.captions]),
        negative_lengths=_lengths(negatives),
        blind=_baseline(text_clues, with_captions, np.array(list(map(len, with_captions))), seed),
        artefact=_baseline(clues_of_pictures, part.clues, counts, seed),
        edits=_edits(with_captions, seed),
        duplicates=Duplicates(
            *(part.duplicates[what] for what in ("equal", "repeated", "identical_images", "repeated_images")),
            distinct=100 * len(set(map(canonical, negatives))) / max(1, len(negatives)),
            examples=dict(part.examples),
        ),
        verified=Verified(len(part.verdicts), sum(is_false for _, is_false in part.verdicts), list(wrong)[:5])
        if part.verdicts
        else None,
    )


def _baseline(clues: Callable[[Sequence], Clues], rows: Sequence, lengths: np.ndarray, seed: int) -> Baseline | None:
    return baseline_of(clues(rows), lengths, seed) if len(rows) >= FEWEST_ROWS else None


def _edits(rows: Sequence[Sequence[str]], seed: int) -> Edits | None:
    pairs = [(captions[0], text) for captions in rows for text in captions[1:]]
    if not pairs:
        return None
    if len(pairs) > _DIFFED:
        pairs = [pairs[i] for i in np.random.default_rng(seed).choice(len(pairs), _DIFFED, replace=False)]
    numbers, shares, places, kinds = [], [], np.zeros(5), Counter()
    for positive, negative in pairs:
        edits, share = edits_between(positive, negative)
        numbers.append(len(edits))
        shares.append(share)
        for edit in edits:
            places[min(4, int(5 * edit.place))] += 1
            kinds[edit.kind] += 1
    total = max(1, sum(numbers))
    return Edits(
        negatives=len(pairs),
        per_negative=_spread(numbers),
        words_changed=100 * float(np.mean(shares)),
        places=[float(x) for x in 100 * places / total],
        kinds={kind: 100 * kinds[kind] / total for kind in KINDS_OF_CHANGE},
    )


def _lengths(texts: Sequence[str]) -> Lengths | None:
    if not texts:
        return None
    return Lengths(_spread([len(text) for text in texts]), _spread([len(text.split()) for text in texts]))


def _spread(values: Sequence[float]) -> Spread:
    low, high = np.percentile(values, [5, 95])
    return Spread(float(np.mean(values)), float(low), float(high), float(min(values)), float(max(values)))
