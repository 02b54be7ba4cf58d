"""GeoQA as a metric of 🤗 Evaluate, over `evaluation.benchmarks.geoqa`.

import evaluate, evaluation.metrics
metric = evaluate.load(evaluation.metrics.path("geoqa"))
metric.compute(predictions=["…Answer: A", …], references=records)
"""

from typing import Any

import evaluate

from evaluation.benchmarks import geoqa
from evaluation.metrics.benchmark_metric import benchmark_info, benchmark_metric


class GeoQA(evaluate.Metric):
    """Accuracy by the official and by the fair rule, for each category."""

    def _info(self) -> evaluate.MetricInfo:
        return benchmark_info(geoqa)

    def _compute(self, predictions: list, references: list, **options: Any) -> dict:
        return benchmark_metric(geoqa, predictions, references, **options)
