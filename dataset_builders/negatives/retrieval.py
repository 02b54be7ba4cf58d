"""Retrieval negatives: captions that are similar to a caption and say something else (arXiv 2505.20152, section 2).

negatives = retrieval_negatives(captions, num_negatives=30, seed=0)
[captions[i] for i in negatives.rows[7]]  # the hard negatives of captions[7]
"""

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import faiss
import numpy as np
import scipy.sparse as sp

from .embedding import Encoder, check_texts, embed, vectorizers
from .exchangeable import exchangeable_groups

logger = logging.getLogger(__name__)

BLOCK = 1024
CHOICES = ("top", "random", "simans")
EXACT_UP_TO = 200_000  # vectors that are all compared with one another; minutes on two cores
CEILING = 0.98  # similarity of captions above which nothing but the wording is taken to differ
TOO_FEW = "the corpus has too few different captions"
POOL_SPENT = "too many captions of the pool are equivalent"
_QUERIES = 16_384  # searched at once: bounds the memory of the lists
# Vectors are compared as whole numbers: of this length, every partial sum of products stays below 2**24, where float32
# is exact. So scores do not depend on the order of summing, that is on threads and blocks, and ties are ties.
_SCALE = 4000


class RetrievalNegatives(NamedTuple):
    """Hard negatives of N captions (or images).

    Attributes:
        rows (`list[list[int]]`): for each the positions of its negatives in the corpus, `num_negatives` or fewer.
        scores (`list[list[float]]`): their cosines with the positive, in the same order.
        shortfalls (`Counter[str]`): how many rows are shorter than wanted, by reason.
        left_out (`dict[int, str]`): positions that have no row and are in none, with the reason (images only).
    """

    rows: list[list[int]]
    scores: list[list[float]]
    shortfalls: Counter[str]
    left_out: dict[int, str]


def retrieval_negatives(
    captions: Sequence[str],
    num_negatives: int,
    seed: int,
    pool: int = 100,
    choice: str = "top",
    model: str | Path | Encoder | None = None,
    same: Callable[[int, int], bool] | None = None,
    similarity_ceiling: float | None = None,
    exchangeable: bool = True,
    a: float = 100.0,
    b: float = 0.0,
) -> RetrievalNegatives:
    """Negatives for every caption of a corpus, out of its similar others.

    With `exchangeable=False`, the paper's way, they come from the `pool` captions that are nearest to the positive.
    The positive is then the centre of its candidates, and is found without a look at the image as the one that is most
    like the others. By default the corpus is instead cut into groups of captions that are near to one another and
    mutually different, out of neighbourhoods of about `pool` ([`exchangeable_groups`]), and the negatives of each
    caption are others of its group. Each caption is the positive once and a negative as often as its rivals, so none
    is told. The price: negatives are less close than the nearest ones. The corpus is cut anew for another seed.

    `choice` says which of the pool (or neighbourhood) are taken:

    - `top`: the nearest (or groups of captions that are near to one another).
    - `random`: any.
    - `simans`: with probability proportional to exp(-a·(s(q, d) - s(q, d⁺) - b)²) (SimANS, arXiv 2210.11773), without
      replacement. Here captions are retrieved with captions. With `exchangeable=False` the query q *is* the positive
      d⁺, so that s(q, d⁺) = 1: `b=0` prefers the nearest, and `b=-0.3` those of cosine 0.7. If exchangeable, q is a
      caption drawn for the neighbourhood, and groups are of captions about as close to q as one another, up to a
      Gaussian of variance 1 / 2a; `b` must be 0.

    Never negatives: the positive's equivalents, and of several equivalent negatives all but one. Equivalent are
    captions of equal [`normal_form`], those that `same` calls so, and those above the similarity ceiling.

    Args:
        captions (`Sequence[str]`): N captions. Copies are one caption; rows name the first.
        num_negatives (`int`): per caption.
        seed (`int`): of every choice. The result depends on it and on the captions (and the model's vectors), not on
            the number of threads.
        pool (`int`, *optional*, defaults to `100`): captions to choose from, for each.
        model: See [`embed`].
        same (`Callable[[int, int], bool]`, *optional*): whether the captions at two positions state the same, where
            facts are known. Called about `num_negatives**2 / 2` times per caption.
        similarity_ceiling (`float`, *optional*): cosine above which captions count as equivalent. Defaults to 0.98,
            and to none where `same` is given. TF-IDF does not see the order of words: AB ∥ CD and CD ∥ AB have
            cosine 1, and so have AB = 6, CD = 7 and AB = 7, CD = 6, which the ceiling costs.
        a (`float`), b (`float`): of `simans`.

    Raises:
        ValueError: if the corpus is empty, a caption is empty (named by index), all captions are equivalent as texts,
            or an argument is out of range. Where there are some negatives, but not enough, the row is shorter, counted
            in `shortfalls` and logged.
    """
    captions = list(captions)
    check_choice(num_negatives, pool, choice, exchangeable, a, b)
    if not captions:
        raise ValueError("The corpus is empty: there are no captions to retrieve from.")
    check_texts(captions)
    items, positions = distinct([normal_form(caption) for caption in captions])
    if len(positions) == 1:
        raise ValueError(f"All {len(captions)} captions are the same text ({captions[0]!r}); none can be a negative.")
    vectors = embed([captions[position] for position in positions], model)
    if similarity_ceiling is None and same is None:
        similarity_ceiling = CEILING
    return choose_negatives(
        vectors, items, positions, num_negatives, seed, pool, choice, same, similarity_ceiling, exchangeable, a, b
    )


_SIGN = {"triangle": "△", "triangles": "△", "angle": "∠", "angles": "∠"}
_NAME = re.compile(r"(?:(\btriangles?\b|\bangles?\b|[△∠])\s*)?((?:[A-Z][0-9₀-₉'′]*){2,})(?![a-z])", re.IGNORECASE)
_POINT = re.compile(r"[A-Z][0-9₀-₉'′]*")
_SPACE = re.compile(r"(?<!\d)\s+|\s+(?!\d)")
_PUNCTUATION = re.compile(r"(?<!\d)[.,]|[.,](?!\d)|[;:!?\"()\[\]{}$\\]")


def normal_form(caption: str) -> str:
    """A caption's text without what does not change its sense: equal forms are equivalent captions.

    Left out are case, spaces, punctuation and the order of sentences; names are written one way: AB = BA, ∠ABC = ∠CBA
    = angle ABC, △ABC in any order, ABCD = BCDA = DCBA. Numbers keep their points: 8.0 is not 80.
    """
    sentences = re.split(r"\.(?:\s+|$)", re.sub(r"\s+", " ", caption.strip()))
    return ".".join(sorted(form for form in map(_normal_sentence, sentences) if form))


def _normal_sentence(sentence: str) -> str:
    sentence = _NAME.sub(_canonical_name, sentence).casefold()
    return _SPACE.sub("", _PUNCTUATION.sub("", sentence))


def _canonical_name(match: re.Match) -> str:
    word, name = match.groups()
    if not name.isupper():  # a word, not the name of points
        return match[0]
    sign = _SIGN.get((word or "").lower(), word or "")
    points = _POINT.findall(name)
    if sign == "△" and len(points) == 3:
        ways = [sorted(points)]
    elif len(points) <= 3:
        ways = [points, points[::-1]]
    else:
        turns = [points[i:] + points[:i] for i in range(len(points))]
        ways = turns + [turn[::-1] for turn in turns]
    return sign + "".join(min(ways))


def distinct(keys: Sequence) -> tuple[np.ndarray, np.ndarray]:
    """The number of each key among the M distinct ones, shape `(N,)`, and where each first stands, shape `(M,)`."""
    numbers: dict = {}
    items = np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)
    return items, np.unique(items, return_index=True)[1]


def check_choice(num_negatives: int, pool: int, choice: str, exchangeable: bool, a: float, b: float) -> None:
    """Raises `ValueError` for arguments that [`choose_negatives`] cannot serve."""
    if num_negatives < 1:
        raise ValueError(f"num_negatives={num_negatives}; at least one negative is needed.")
    if pool < num_negatives:
        raise ValueError(f"pool={pool} is smaller than num_negatives={num_negatives}; raise `pool`.")
    if choice not in CHOICES:
        raise ValueError(f"choice={choice!r} is unknown; it is one of {', '.join(CHOICES)}.")
    if not a > 0:
        raise ValueError(f"a={a}; SimANS needs a positive one.")
    if exchangeable and b != 0:
        raise ValueError(
            f"b={b} shifts the negatives away from the positive, which tells it; pass `exchangeable=False`, or b=0."
        )


def choose_negatives(
    vectors: np.ndarray,
    items: np.ndarray,
    positions: np.ndarray,
    num_negatives: int,
    seed: int,
    pool: int,
    choice: str,
    same: Callable[[int, int], bool] | None,
    similarity_ceiling: float | None,
    exchangeable: bool,
    a: float = 100.0,
    b: float = 0.0,
    classes: np.ndarray | None = None,
) -> RetrievalNegatives:
    """The choice of [`retrieval_negatives`] among M items of any sort, by their vectors.

    Args:
        vectors (`np.ndarray` of shape `(M, d)`): of length 1.
        items (`np.ndarray` of shape `(N,)`): the item of each anchor, -1 for one that is left out.
        positions (`np.ndarray` of shape `(M,)`): what each item is called in rows, and for `same`.
        classes (`np.ndarray` of shape `(M, R)`, *optional*): items equal in one of the R columns are equivalent.
    """
    scaled = _whole_numbers(vectors)
    columns = np.arange(len(scaled))[:, None] if classes is None else classes
    others = min(len(np.unique(column)) for column in columns.T) - 1
    reason = TOO_FEW if others < num_negatives else POOL_SPENT
    limit = np.inf if similarity_ceiling is None else similarity_ceiling * _SCALE**2
    if exchangeable:
        chosen = _of_groups(scaled, items, columns, num_negatives, seed, pool, choice, a, limit, same)
    else:
        chosen = _of_the_nearest(
            scaled, items, columns, positions, num_negatives, seed, pool, choice, a, b, limit, same
        )
    rows: list[list[int]] = [[] for _ in items]
    scores: list[list[float]] = [[] for _ in items]
    shortfalls: Counter[str] = Counter()
    for anchor, negatives in chosen:
        rows[anchor] = positions[negatives].tolist()
        scores[anchor] = (scaled[negatives] @ scaled[items[anchor]] / _SCALE**2).tolist()
        shortfalls[reason] += len(negatives) < num_negatives
    shortfalls = +shortfalls
    for reason, count in shortfalls.items():
        logger.warning("%d of %d have fewer than %d negatives: %s.", count, len(items), num_negatives, reason)
    return RetrievalNegatives(rows, scores, shortfalls, {})


def _of_groups(
    scaled: np.ndarray,
    items: np.ndarray,
    columns: np.ndarray,
    num_negatives: int,
    seed: int,
    pool: int,
    choice: str,
    a: float,
    limit: float,
    same: Callable[[int, int], bool] | None,
) -> Iterator[tuple[int, list[int]]]:
    """Each anchor with items of its group, any of them in any order."""
    anchors = np.flatnonzero(items >= 0)
    item_of = items[anchors]

    def equivalent(one: int, others: list[int]) -> bool:
        item, rivals = item_of[one], item_of[others]
        if (columns[rivals] == columns[item]).any() or (scaled[rivals] @ scaled[item] > limit).any():
            return True
        return same is not None and any(same(int(anchors[one]), int(anchors[other])) for other in others)

    for group in exchangeable_groups(scaled, item_of, num_negatives + 1, pool, choice, a, equivalent, seed):
        for member in group:
            rng = np.random.default_rng([seed, 1, int(anchors[member])])
            others = rng.permutation([other for other in group if other != member])
            yield int(anchors[member]), item_of[others[:num_negatives].astype(np.int64)].tolist()


def _of_the_nearest(
    scaled: np.ndarray,
    items: np.ndarray,
    columns: np.ndarray,
    positions: np.ndarray,
    num_negatives: int,
    seed: int,
    pool: int,
    choice: str,
    a: float,
    b: float,
    limit: float,
    same: Callable[[int, int], bool] | None,
) -> Iterator[tuple[int, list[int]]]:
    """Each anchor with items of the `pool` nearest to it."""
    copies = np.bincount(items[items >= 0], minlength=len(scaled))
    by_item = np.argsort(items, kind="stable")[np.sum(items < 0) :]
    anchors_of = np.split(by_item, np.cumsum(copies)[:-1])
    for item, near in _nearest(scaled, pool):
        for anchor in anchors_of[item].tolist():
            rng = np.random.default_rng([seed, 1, anchor])
            if choice == "simans":
                cosines = scaled[near] @ scaled[item] / _SCALE**2
                order = _drawn(near, -a * (cosines - 1 - b) ** 2, rng)
            else:
                order = near if choice == "top" else rng.permutation(near)
            yield anchor, _first_allowed(scaled, columns, positions, item, anchor, order, num_negatives, limit, same)


def _drawn(candidates: np.ndarray, log_weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """All candidates in the order in which they are drawn without replacement (Gumbel-top-k, arXiv 1903.06059)."""
    return candidates[np.argsort(-log_weights - rng.gumbel(size=len(candidates)), kind="stable")]


def _first_allowed(
    scaled: np.ndarray,
    columns: np.ndarray,
    positions: np.ndarray,
    item: int,
    anchor: int,
    order: np.ndarray,
    count: int,
    limit: float,
    same: Callable[[int, int], bool] | None,
) -> list[int]:
    """The first `count` items of an order that are equivalent neither to the own one nor to one another."""
    names = [anchor]
    kept: list[int] = []
    for size in (count + 8, len(order)):  # nearly always the first few will do
        part = np.append(item, order[:size])
        products = scaled[part] @ scaled[part].T
        equivalent = products > limit
        for column in columns.T:
            equivalent |= column[part, None] == column[part]
        names, kept = [anchor, *positions[part[1:]].tolist()], [0]
        for place in range(1, len(part)):
            if len(kept) > count:
                break
            if equivalent[place, kept].any():
                continue
            if same is None or not any(same(names[other], names[place]) for other in kept):
                kept.append(place)
        if len(kept) > count or size >= len(order):
            break
    return part[kept[1:]].tolist()


def _nearest(scaled: np.ndarray, pool: int) -> Iterator[tuple[int, np.ndarray]]:
    """Each item with the `pool` others nearest to it, nearest first."""
    search = _searcher(scaled, None)
    for start in range(0, len(scaled), _QUERIES):
        _, found = search(scaled[start : start + _QUERIES], min(pool + 1, len(scaled)))
        for item, row in enumerate(found, start):
            yield item, row[(row != item) & (row >= 0)][:pool]


def top_k(queries: np.ndarray, corpus: np.ndarray, k: int, exact: bool | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The k vectors of a corpus with the largest inner product with each query, largest first, by FAISS.

    Args:
        queries (`np.ndarray` of shape `(Q, d)`), corpus (`np.ndarray` of shape `(M, d)`): of length 1. They are
            rounded to a grid of 1/4000, which moves cosines by about 0.0001; on it sums are exact, so that neither
            threads nor blocks change a result. Equal scores come in the order of positions.
        k (`int`): M where it is larger than the corpus.
        exact (`bool`, *optional*): compare with all, or only with the nearest cells of an inverted file (IVF, with
            corpus vectors for centres). By default exact up to 200,000 vectors.

    Returns:
        Scores, float32, and positions, int64, of shape `(Q, k)`. Where IVF finds fewer, -inf and -1 fill the row.

    Raises:
        ValueError: if the corpus is empty, or a vector is not finite or longer than 1.
    """
    if k < 1:
        raise ValueError(f"k={k}; at least one neighbour must be asked for.")
    search = _searcher(_whole_numbers(corpus), exact)
    k = min(k, len(corpus))
    scores, positions = np.empty((len(queries), k), np.float32), np.empty((len(queries), k), np.int64)
    for start in range(0, len(queries), _QUERIES):
        block = slice(start, start + _QUERIES)
        scores[block], positions[block] = search(_whole_numbers(queries[block]), k)
    return scores / np.float32(_SCALE**2), positions


def _whole_numbers(vectors: np.ndarray) -> np.ndarray:
    if vectors.ndim != 2 or len(vectors) == 0:
        raise ValueError(f"Vectors of shape {vectors.shape} cannot be searched; (N, d) with N > 0 is needed.")
    longest = np.sqrt(np.einsum("nd,nd->n", vectors, vectors).max())
    if not longest < 1.01:
        raise ValueError(
            f"Vectors must be finite and of length 1; the longest is {longest:g}. Divide by their lengths."
        )
    return np.rint(vectors * np.float32(_SCALE)).astype(np.float32, copy=False)


def _searcher(scaled: np.ndarray, exact: bool | None) -> Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray]]:
    """Search in M vectors of whole numbers: queries and k to scores and positions."""
    if exact is None:
        exact = len(scaled) <= EXACT_UP_TO
    if not exact:
        index = _inverted_file(scaled)

    def search(queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        if exact:
            scores, positions = faiss.knn(queries, scaled, k, metric=faiss.METRIC_INNER_PRODUCT)
        else:
            scores, positions = index.search(queries, k)
            scores[positions < 0] = -np.inf
        order = np.lexsort((positions, -scores), axis=-1)
        return np.take_along_axis(scores, order, 1), np.take_along_axis(positions, order, 1)

    return search


def _inverted_file(scaled: np.ndarray) -> faiss.Index:
    cells = min(len(scaled), int(4 * np.sqrt(len(scaled))))
    quantizer = faiss.IndexFlatIP(scaled.shape[1])
    # Centres are corpus vectors and not means (k-means), whose rounding depends on the number of threads.
    quantizer.add(scaled[np.random.default_rng(0).choice(len(scaled), cells, replace=False)])
    index = faiss.IndexIVFFlat(quantizer, scaled.shape[1], cells, faiss.METRIC_INNER_PRODUCT)
    index.train(scaled[:cells])  # finds the centres there and only marks itself ready
    index.add(scaled)
    index.nprobe = max(1, cells // 16)
    return index


def nearest_captions(captions: Sequence[str], count: int) -> list[list[int]]:
    """For each caption the positions of the `count` most similar others, most similar first, all different texts.

    Where the corpus has fewer different texts, all of them come back. Exact TF-IDF, block by block, so memory grows
    with the corpus, not with its square; for some 10,000 captions, see [`retrieval_negatives`] for more.
    """
    features = sp.hstack([vectorizer.fit_transform(captions) for vectorizer in vectorizers()], format="csr")
    texts = np.asarray(captions, dtype=object)
    nearest = []
    for start in range(0, len(texts), BLOCK):
        similarity = (features[start : start + BLOCK] @ features.T).toarray()  # (block, corpus)
        for row, own in zip(similarity, texts[start : start + BLOCK], strict=True):
            order = np.argsort(-row, kind="stable")
            nearest.append(_distinct(order, texts, own, count))
    return nearest


def _distinct(order: np.ndarray, texts: np.ndarray, own: str, count: int) -> list[int]:
    """The first `count` positions of an order whose texts differ from the own one and from one another."""
    chosen: list[int] = []
    seen = {own}
    for position in order:
        if len(chosen) == count:
            break
        if texts[position] not in seen:
            seen.add(texts[position])
            chosen.append(int(position))
    return chosen
