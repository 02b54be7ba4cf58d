"""Geometry3K: textbook diagrams with annotated facts, as captions and certainly false edits of them."""

from dataset_builders.sources.geometry3k.loader import (
    CAPTIONS,
    Captioned,
    Geometry3KReport,
    caption_problem,
    geometry3k_logic_forms_with_report,
    geometry3k_with_report,
    load_geometry3k,
    load_geometry3k_logic_forms,
    read_logic_forms,
)
from dataset_builders.sources.geometry3k.questions import geometry3k_questions

__all__ = [
    "CAPTIONS",
    "Captioned",
    "Geometry3KReport",
    "caption_problem",
    "geometry3k_logic_forms_with_report",
    "geometry3k_questions",
    "geometry3k_with_report",
    "load_geometry3k",
    "load_geometry3k_logic_forms",
    "read_logic_forms",
]
