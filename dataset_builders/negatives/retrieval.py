"""Retrieval negatives: the captions of a corpus that are most similar to each caption, by TF-IDF over words and
letters."""

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
from sklearn.feature_extraction.text import TfidfVectorizer

BLOCK = 1024


def nearest_captions(captions: Sequence[str], count: int) -> list[list[int]]:
    """For each caption the positions of the `count` most similar others, most similar first; equal captions are left
    out.

    Works block by block, so memory grows with the corpus, not with its square.
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
            nearest.append([int(i) for i in order[: count + 64] if texts[i] != own][:count])
    return nearest
