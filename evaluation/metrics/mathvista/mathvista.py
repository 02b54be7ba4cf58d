"""MathVista as a metric of 🤗 Evaluate, over `evaluation.benchmarks.mathvista`.

import evaluate, evaluation.metrics
metric = evaluate.load(evaluation.metrics.path("mathvista"))
metric.compute(predictions=["…Answer: A", …], references=records)
"""

from typing import Any

import evaluate

from evaluation.benchmarks import mathvista
from evaluation.metrics.benchmark_metric import benchmark_info, benchmark_metric


class MathVista(evaluate.Metric):
    """Accuracy by the official and by the fair rule, for each category."""

    def _info(self) -> evaluate.MetricInfo:
        return benchmark_info(mathvista)

    def _compute(self, predictions: list, references: list, **options: Any) -> dict:
        return benchmark_metric(mathvista, predictions, references, **options)
