"""Hit@k and MRR as a metric of 🤗 Evaluate, over `modeling_mmclip.positive_ranks`.

import evaluate, evaluation.metrics
metric = evaluate.load(evaluation.metrics.path("hit_at_k"))
metric.compute(predictions=[[0.9, 0.2, 0.4], [0.1, 0.3]], references=[0, 0])
"""

from collections.abc import Sequence

import evaluate
import numpy as np
from datasets import Features, List, Value

from modeling_mmclip import positive_ranks

INPUTS = """
Args:
    predictions (`list[list[float]]`): the scores of each anchor's candidates, as many as it has.
    references (`list[int]`): which of them is the positive.
    k (`list[int]`, *optional*, defaults to `[1, 5]`): the ranks to count hits up to.

Returns:
    `hit@1`, `hit@5` … and `mrr` in 0..1, and `chance`, the Hit@1 of guessing. Ties are shared: they count as what
    breaking them at random gives on average. A score that is not a number ranks last.
"""


class HitAtK(evaluate.Metric):
    """How often the positive is among the k best of its candidates."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=INPUTS,
            features=Features({"predictions": List(Value("float64")), "references": Value("int64")}),
        )

    def _compute(
        self, predictions: list[list[float]], references: list[int], k: Sequence[int] = (1, 5)
    ) -> dict[str, float]:
        for row, (scores, positive) in enumerate(zip(predictions, references, strict=True)):
            if not 0 <= positive < len(scores):
                raise ValueError(
                    f"Anchor {row} has {len(scores)} candidates, of which its positive {positive} is none."
                )
        width = max(map(len, predictions), default=0)
        scores = np.full((len(predictions), width), -np.inf)
        mask = np.zeros(scores.shape, dtype=bool)
        for row, (own, positive) in enumerate(zip(predictions, references, strict=True)):
            others = [score for place, score in enumerate(own) if place != positive]
            scores[row, : len(own)] = [own[positive], *others]
            mask[row, : len(own)] = True
        ranks = positive_ranks(scores, mask)
        hits = {f"hit@{limit}": float(ranks.hit_at(limit).mean()) for limit in k}
        return hits | {"mrr": float(ranks.reciprocal().mean()), "chance": float((1 / mask.sum(axis=1)).mean())}
