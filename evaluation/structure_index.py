"""Which test questions may be the same problem as a training question: features in common, weighted by rarity.

A sieve before [`~evaluation.question_alignment.align`], which is exact and takes a millisecond for each pair.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.feature_extraction import FeatureHasher

from .question_text import Question, features

LIKELY = 10
"""Test questions that pass the sieve for each training question."""

LEAST = 0.25
"""The cosine of features that they need."""

_BLOCK = 4_096
_WIDTH = 2**20  # of the hashed features; a question has a few dozen


class StructureIndex:
    """Features of the test questions, weighted by how few of all questions have them (TF-IDF), to be asked in blocks.

    Args:
        test: The texts (or facts) of M test questions.
        reader: What makes a [`Question`] of one.
        train: Gives the texts of the training questions, once for their weights; none of them is kept.
    """

    def __init__(self, test: Sequence[Any], reader: Callable[[Any], Question], train: Callable[[], Iterable[Any]]):
        self._reader = reader
        self.questions = [reader(text) for text in test]
        mine = _hashed(self.questions)
        count, having = len(self.questions), _having(mine)
        for block in _blocks(train()):
            found = _hashed([reader(text) for text in block])
            count, having = count + found.shape[0], having + _having(found)
        self._weights = (np.log((1 + count) / (1 + having)) + 1).astype(np.float32)
        self._test = self._weighted(mine).T.tocsr()  # (F, M)

    def likely(self, texts: Sequence[Any]) -> list[list[int]]:
        """Of each text, the places of the test questions most like it, [`LIKELY`] at most."""
        if not self._test.nnz:
            return [[] for _ in texts]
        cosines = (self._weighted(_hashed([self._reader(text) for text in texts])) @ self._test).tocsr()
        found = []
        for start, end in zip(cosines.indptr, cosines.indptr[1:], strict=False):
            values, places = cosines.data[start:end], cosines.indices[start:end]
            best = np.lexsort((places, -values))[:LIKELY]
            found.append([int(places[place]) for place in best if values[place] >= LEAST])
        return found

    def _weighted(self, counted: sp.csr_matrix) -> sp.csr_matrix:
        weighted = counted.copy()
        weighted.data = (1 + np.log(weighted.data)) * self._weights[weighted.indices]
        lengths = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
        weighted.data /= np.repeat(np.where(lengths == 0, 1, lengths), np.diff(weighted.indptr))
        return weighted


def _hashed(questions: Sequence[Question]) -> sp.csr_matrix:
    hasher = FeatureHasher(_WIDTH, input_type="dict", dtype=np.float32, alternate_sign=False)
    return hasher.transform(features(question) for question in questions).tocsr()


def _having(counted: sp.csr_matrix) -> np.ndarray:
    return np.bincount(counted.indices, minlength=_WIDTH)


def _blocks(texts: Iterable[Any]) -> Iterator[list[Any]]:
    texts = iter(texts)
    while block := list(islice(texts, _BLOCK)):
        yield block
