"""Retrieval negatives: the captions of a corpus that are most similar to each caption, by TF-IDF over words and
letters."""

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
from sklearn.feature_extraction.text import TfidfVectorizer

BLOCK = 1024


def nearest_captions(captions: Sequence[str], count: int) -> list[list[int]]:
    """For each caption the positions of the `count` most similar others, most similar first, all different texts.

    Where the corpus has fewer different texts, all of them come back. Works block by block, so memory grows with the
    corpus, not with its square.
    """
    words = TfidfVectorizer(token_pattern=r"[^\s.]+", sublinear_tf=True).fit_transform(captions)
    letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 3), sublinear_tf=True).fit_transform(captions)
    features = sp.hstack([words, letters], format="csr")
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
