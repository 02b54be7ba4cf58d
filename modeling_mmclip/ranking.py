"""Where the positive stands among its candidates: Hit@k and mean reciprocal rank."""

from typing import NamedTuple

import numpy as np


class Ranks(NamedTuple):
    """Where each anchor's positive stands: `above` negatives score higher, `level` the same. Shapes `(A,)`.

    Ties are shared: the figures below are what breaking ties at random gives on average, so a scorer that gives
    everything the same score is exactly at chance.
    """

    above: np.ndarray
    level: np.ndarray

    def hit_at(self, k: int) -> np.ndarray:
        """Probability, in 0..1, that the positive is among the k best: shape `(A,)`."""
        return np.clip((k - self.above) / (self.level + 1), 0.0, 1.0)

    def reciprocal(self) -> np.ndarray:
        """Mean of 1 / rank over the ranks that the positive shares: shape `(A,)`."""
        harmonic = np.concatenate([[0.0], np.cumsum(1.0 / np.arange(1, (self.above + self.level).max(initial=0) + 2))])
        return (harmonic[self.above + self.level + 1] - harmonic[self.above]) / (self.level + 1)


def positive_ranks(scores: np.ndarray, mask: np.ndarray | None = None) -> Ranks:
    """Rank the positive, in column 0, among its candidates. A score that is not a number ranks last.

    Args:
        scores (`np.ndarray` of shape `(A, 1 + K)`): scores of the candidates.
        mask (`np.ndarray` of shape `(A, 1 + K)`, *optional*): true where there is a candidate.
    """
    scores = np.where(np.isnan(scores), -np.inf, scores.astype(np.float64))
    negatives_in = np.ones(scores.shape, dtype=bool)[:, 1:] if mask is None else mask[:, 1:].astype(bool)
    positive, negatives = scores[:, :1], scores[:, 1:]
    above = ((negatives > positive) & negatives_in).sum(axis=1)
    level = ((negatives == positive) & negatives_in).sum(axis=1)
    return Ranks(above, level)
