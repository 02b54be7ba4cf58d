"""The scorers as metrics of 🤗 Evaluate: `evaluate.load(evaluation.metrics.path("mathvista"))`."""

from .benchmark_metric import path

__all__ = ["path"]
