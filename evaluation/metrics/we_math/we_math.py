"""We-Math as a metric of 🤗 Evaluate, over `evaluation.benchmarks.we_math`.

import evaluate, evaluation.metrics
metric = evaluate.load(evaluation.metrics.path("we_math"))
metric.compute(predictions=["…Answer: A", …], references=records)
"""

from typing import Any

import evaluate

from evaluation.benchmarks import we_math
from evaluation.metrics.benchmark_metric import benchmark_info, benchmark_metric


class WeMath(evaluate.Metric):
    """Accuracy by the official and by the fair rule, for each category."""

    def _info(self) -> evaluate.MetricInfo:
        return benchmark_info(we_math)

    def _compute(self, predictions: list, references: list, **options: Any) -> dict:
        return benchmark_metric(we_math, predictions, references, **options)
