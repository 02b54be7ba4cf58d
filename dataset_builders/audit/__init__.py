"""Audits of hard negatives: can they be gamed, are they distinct, where do they differ, are they false."""

from .audit import Audit, KindAudit, audit
from .baselines import Baseline, baseline_of, image_clues, text_clues, without_anchor
from .findings import Finding, findings
from .report import as_json, as_markdown

__all__ = [
    "Audit",
    "Baseline",
    "Finding",
    "KindAudit",
    "as_json",
    "as_markdown",
    "audit",
    "baseline_of",
    "findings",
    "image_clues",
    "text_clues",
    "without_anchor",
]
