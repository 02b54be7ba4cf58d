"""Geometry3K as a metric of 🤗 Evaluate, over `evaluation.benchmarks.geometry3k`.

import evaluate, evaluation.metrics
metric = evaluate.load(evaluation.metrics.path("geometry3k"))
metric.compute(predictions=["…Answer: A", …], references=records)
"""

from typing import Any

import evaluate

from evaluation.benchmarks import geometry3k
from evaluation.metrics.benchmark_metric import benchmark_info, benchmark_metric


class Geometry3K(evaluate.Metric):
    """Accuracy by the official and by the fair rule, for each category."""

    def _info(self) -> evaluate.MetricInfo:
        return benchmark_info(geometry3k)

    def _compute(self, predictions: list, references: list, **options: Any) -> dict:
        return benchmark_metric(geometry3k, predictions, references, **options)
