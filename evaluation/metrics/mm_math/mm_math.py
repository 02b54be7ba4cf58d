"""MM-Math as a metric of 🤗 Evaluate, over `evaluation.benchmarks.mm_math`.

import evaluate, evaluation.metrics
metric = evaluate.load(evaluation.metrics.path("mm_math"))
metric.compute(predictions=["…Answer: A", …], references=records)
"""

from typing import Any

import evaluate

from evaluation.benchmarks import mm_math
from evaluation.metrics.benchmark_metric import benchmark_info, benchmark_metric


class MMMath(evaluate.Metric):
    """Accuracy by the official and by the fair rule, for each category."""

    def _info(self) -> evaluate.MetricInfo:
        return benchmark_info(mm_math)

    def _compute(self, predictions: list, references: list, **options: Any) -> dict:
        return benchmark_metric(mm_math, predictions, references, **options)
