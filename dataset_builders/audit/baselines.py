"""Baselines that do not see the anchor: can the positive be told from its candidates alone?

A set of hard negatives can be gamed (SugarCrepe, arXiv 2306.14610): a positive that reads more naturally, is longer,
or lies in the middle of its negatives is found without the image. Each baseline here learns such clues on one half of
a set and is tested on the other, both ways round. What it finds above chance, an encoder may find, too.

Candidates are flat here: all of the first row, then all of the second; `lengths` says how many each row has, and the
positive is the first of its row. So rows may differ in their number of negatives.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from .pictures import LIKENESS, Picture, picture_clue_names, picture_clues

TRAINED_ON = 20_000  # candidates of one half that are learnt from: enough for 200 clues, and bounds the time
COMMON = 64  # n-grams and words that are clues of their own
_BLOCK = 20_000  # texts or candidates at once: bounds the memory
_FITTED = 20_000  # texts that the vocabulary is taken from


class Clues(NamedTuple):
    """What is seen of N candidates.

    Attributes:
        values (`np.ndarray` of shape `(N, F)`): float32, one column for each clue.
        names (`list[str]`): the F clues in words.
        scalars (`int`): of the first so many columns it counts, too, how far a candidate is from its rivals.
    """

    values: np.ndarray
    names: list[str]
    scalars: int


@dataclass(frozen=True)
class Baseline:
    """Hit@1 without the anchor, in percent.

    Attributes:
        rows (`int`): rows with at least one negative.
        hit1 (`float`), chance (`float`): what was found, and the mean of 1 / (1 + K), what guessing finds.
        difference (`float`), low (`float`), high (`float`): `hit1 - chance` in points with its 95% interval.
        clue (`str`): the one clue that finds most by itself, in words.
        clue_hit1 (`float`): what it finds, in percent.
    """

    rows: int
    hit1: float
    chance: float
    difference: float
    low: float
    high: float
    clue: str = ""
    clue_hit1: float = math.nan


def without_anchor(
    images: np.ndarray | Sequence[Sequence[np.ndarray]] | None, captions: Sequence[Sequence[str]], seed: int = 0
) -> np.ndarray | list[np.ndarray]:
    """Scores of candidates without their anchor: text-only, or image-only where each row has one caption.

    Args:
        images (`np.ndarray` of shape `(R, 1 + K, H, W)` or rows of arrays of shape `(H, W)` or `(H, W, 3)`): uint8,
            the candidates of caption anchors, of any number and size. Not looked at where captions are the candidates.
        captions (`list[list[str]]`): the candidates of each image anchor, positive first, or the one caption that is
            the anchor.
        seed (`int`, *optional*, defaults to `0`): of the halves.

    Returns:
        `np.ndarray` of shape `(R, 1 + K)`, the positive's in column 0, or a list of R arrays where K differs.

    Raises:
        ValueError: if fewer than two rows have a negative.
    """
    by_text = max(map(len, captions), default=0) > 1
    rows = captions if by_text else images
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    clues = text_clues(captions) if by_text else image_clues(images)
    scores = candidate_scores(clues, lengths, seed)
    if (lengths == lengths[0]).all():
        return scores.reshape(len(lengths), -1)
    return np.split(scores, np.cumsum(lengths)[:-1])


def candidate_scores(clues: Clues, lengths: np.ndarray, seed: int = 0) -> np.ndarray:
    """Scores of N candidates, shape `(N,)`: each half of the rows is scored by what the other half taught.

    Only differences within a row count: whether a candidate is longer than its rivals, not whether it is long.

    Raises:
        ValueError: if fewer than two rows have a negative.
    """
    rng = np.random.default_rng(seed)
    ranked = np.flatnonzero(lengths > 1)
    if len(ranked) < 2:
        raise ValueError(f"{len(ranked)} rows have a negative; a baseline needs two or more, one half to learn from.")
    features = _against_their_row(clues, lengths)  # (N, F + 3 scalars)
    row_of = np.repeat(np.arange(len(lengths)), lengths)
    positive = np.zeros(len(row_of), dtype=bool)
    positive[np.cumsum(lengths) - lengths] = True
    first = np.zeros(len(lengths), dtype=bool)
    first[rng.permutation(ranked)[: len(ranked) // 2]] = True
    scores = np.zeros(len(row_of))
    for half in (first, ~first):
        taught = [row for row in rng.permutation(ranked) if half[row]]
        taught = taught[: np.searchsorted(np.cumsum(lengths[taught]), TRAINED_ON) + 1]
        # Whoever sees a set cannot see which place the positive has, nor must the order of ties.
        train = rng.permutation(np.flatnonzero(np.isin(row_of, taught)))
        scaler = StandardScaler().fit(features[train])
        taught_features = scaler.transform(features[train]).astype(np.float64)
        if not taught_features.any():
            continue  # candidates that are all alike teach nothing
        learner = LogisticRegression(class_weight="balanced", max_iter=100, C=0.1, solver="newton-cholesky")
        learner.fit(taught_features, positive[train])
        test = np.flatnonzero(~half[row_of])
        for start in range(0, len(test), _BLOCK):
            block = test[start : start + _BLOCK]
            scores[block] = learner.decision_function(scaler.transform(features[block]))
    return scores.round(6)  # what differs by rounding only is a tie


def _against_their_row(clues: Clues, lengths: np.ndarray) -> np.ndarray:
    """Differences from the row's mean; of scalars also their size and who is first and last: `(N, F + 3 scalars)`."""
    values = clues.values.astype(np.float64)
    centred = values - _row_means(values, lengths)
    centred[np.abs(centred) < 1e-6 * np.abs(values).max(axis=0, initial=0)] = 0  # rounding is no clue
    scalars = centred[:, : clues.scalars]
    extremes = [_first(scalars, lengths), _first(-scalars, lengths)]
    return np.concatenate([centred, np.abs(scalars), *extremes], axis=1).astype(np.float32)


def _first(values: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """1 for the largest of each row, shared among those that are level, and 0 for others: shape `(N, F)`."""
    starts = np.cumsum(lengths) - lengths
    largest = values == np.repeat(np.maximum.reduceat(values, starts, axis=0), lengths, axis=0)
    return largest / np.repeat(np.add.reduceat(largest, starts, axis=0, dtype=np.int64), lengths, axis=0)


def _row_means(values: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """For each candidate the mean over its row: shape `(N, F)`."""
    sums = np.add.reduceat(values, np.cumsum(lengths) - lengths, axis=0)
    return np.repeat(sums / lengths[:, None], lengths, axis=0)


def hits_at_1(scores: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Whether the positive, the first of its row, scores highest: 0..1, ties shared.

    Args:
        scores (`np.ndarray` of shape `(N, F)`): scores of N candidates by F scorers.
        lengths (`np.ndarray` of shape `(R,)`): how many candidates each row has, at least one.

    Returns:
        `np.ndarray` of shape `(R, F)`.
    """
    return _first(scores, lengths)[np.cumsum(lengths) - lengths]


def baseline_of(clues: Clues, lengths: np.ndarray, seed: int = 0) -> Baseline:
    """What a classifier of the clues finds, beside chance, and the single clue that finds most.

    The two halves judge one another: when both lean the same way by chance, both are right more often. So the
    interval takes them for one half measured twice, √2 wider than independent rows would have it. Its deviation is
    never taken to be less than that of guessing.

    Raises:
        ValueError: as [`candidate_scores`].
    """
    scores = candidate_scores(clues, lengths, seed)
    ranked = lengths > 1
    chance = 1 / lengths[ranked]
    gains = hits_at_1(scores[:, None], lengths)[ranked, 0] - chance
    variance = max(gains.var(ddof=1), float(np.mean(chance * (1 - chance))))
    margin = 1.96 * math.sqrt(2 * variance / len(gains))
    clue, clue_hit1 = leading_clue(clues, lengths)
    mean = float(gains.mean())
    points = (mean + chance.mean(), chance.mean(), mean, mean - margin, mean + margin)
    return Baseline(len(gains), *(100 * float(x) for x in points), clue=clue, clue_hit1=100 * clue_hit1)


def leading_clue(clues: Clues, lengths: np.ndarray) -> tuple[str, float]:
    """The clue, in words, that by itself ranks most positives first, and their share in 0..1.

    The best of many on the very rows it was chosen on: it names what a baseline found and is no measurement.
    """
    ranked = lengths > 1
    best, best_share = "", -1.0
    # Likeness sums up all others: it is named where none of them says nearly as much.
    for column, name in sorted(enumerate(clues.names), key=lambda clue: clue[1].startswith(LIKENESS)):
        values = clues.values[:, column : column + 1].astype(np.float64)
        ways = {f"largest {name}": values, f"smallest {name}": -values}
        if column < clues.scalars:
            # As sixth decimals: candidates equally far from the mean on either side are level.
            far = np.abs(values - _row_means(values, lengths)).round(6)
            ways |= {f"{name} furthest from the mean": far, f"{name} nearest to the mean": -far}
        shares = hits_at_1(np.concatenate(list(ways.values()), axis=1), lengths)[ranked].mean(axis=0)
        top = int(shares.argmax())
        if shares[top] > best_share + (0.02 if name.startswith(LIKENESS) else 0):
            best, best_share = list(ways)[top], float(shares[top])
    return best, best_share


def text_clues(captions: Sequence[Sequence[str]]) -> Clues:
    """Closeness to the other candidates, length, digits, capitals, and the commonest letters and words, by TF-IDF.

    Args:
        captions (`list[list[str]]`): the candidates of each row.
    """
    lengths = np.array([len(row) for row in captions], dtype=np.int64)
    distinct: dict[str, int] = {}
    place = np.array([distinct.setdefault(text, len(distinct)) for row in captions for text in row])
    texts = list(distinct)
    counts = np.array([_counts(text) for text in texts], dtype=np.float32)
    columns, names = [counts[place]], ["length in characters", "length in words", "number of digits", "capitals"]
    commons, common_names = [], []
    for analyzer, ngrams, pattern, unit in (("char_wb", (1, 3), None, "letters"), ("word", (1, 2), r"\S+", "words")):
        vectorizer = TfidfVectorizer(
            analyzer=analyzer, ngram_range=ngrams, token_pattern=pattern, lowercase=False, max_features=2000
        )
        vectorizer.fit(texts[:: max(1, len(texts) // _FITTED)])
        vectors = _in_blocks(vectorizer, texts)  # (distinct, 2000), rows of length 1
        columns.append(_closeness(vectors, place, lengths)[:, None])
        names.append(f"{LIKENESS}, by {unit}")
        # The commonest are enough to see a habit of wording, and do not let thousands of rows be learnt by heart.
        common = np.asarray(vectors.sum(axis=0)).ravel().argsort()[-COMMON:]
        commons.append(vectors[:, common].toarray().astype(np.float32)[place])
        common_names += [f"share of {text!r}" for text in vectorizer.get_feature_names_out()[common]]
    names_of_scalars = len(names)
    return Clues(np.concatenate([*columns, *commons], axis=1), names + common_names, names_of_scalars)


def _counts(text: str) -> tuple[int, int, int, int]:
    return len(text), len(text.split()), sum(map(str.isdigit, text)), sum(map(str.isupper, text))


def _in_blocks(vectorizer: TfidfVectorizer, texts: list[str]) -> sp.csr_matrix:
    return sp.vstack([vectorizer.transform(texts[i : i + _BLOCK]) for i in range(0, len(texts), _BLOCK)], format="csr")


def _closeness(vectors: sp.csr_matrix, place: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Mean cosine of each candidate with the others of its row, shape `(N,)`; 0 for one that has no others."""
    closeness = np.zeros(len(place), dtype=np.float32)
    ends = np.cumsum(lengths)
    for start, end in zip(ends - lengths, ends, strict=True):
        if end - start > 1:
            own = vectors[place[start:end]]
            cosines = (own @ own.T).toarray()
            closeness[start:end] = (cosines.sum(axis=1) - cosines.diagonal()) / (end - start - 1)
    return closeness


def image_clues(images: np.ndarray | Sequence[Sequence[np.ndarray]]) -> Clues:
    """The clues of [`picture_clues`] for rows of arrays, uint8, of shape `(H, W)` or `(H, W, 3)`."""
    values = [picture_clues([Picture.of_array(image) for image in row]) for row in images]
    return clues_of_pictures(values)


def clues_of_pictures(values: Sequence[np.ndarray]) -> Clues:
    """The rows' [`picture_clues`] as one."""
    names, scalars = picture_clue_names()
    return Clues(np.concatenate(values), names, scalars)
