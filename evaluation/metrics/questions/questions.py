"""A Questions data set as a metric of 🤗 Evaluate, over `evaluation.benchmarks.questions`.

import evaluate, evaluation.metrics
metric = evaluate.load(evaluation.metrics.path("questions"))
metric.compute(predictions=["AB", …], references=records)
"""

from typing import Any

import evaluate

from evaluation.benchmarks import questions
from evaluation.metrics.benchmark_metric import benchmark_info, benchmark_metric


class Questions(evaluate.Metric):
    """Accuracy by the official and by the fair rule, for each category."""

    def _info(self) -> evaluate.MetricInfo:
        return benchmark_info(questions)

    def _compute(self, predictions: list, references: list, **options: Any) -> dict:
        return benchmark_metric(questions, predictions, references, **options)
