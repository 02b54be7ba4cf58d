"""What an audit found that should not be, in sentences that name the check, the figure and what was allowed."""

from dataclasses import dataclass

import numpy as np

from .audit import Audit, KindAudit
from .baselines import Baseline

PILED_UP = 60.0  # percent of all edits in one fifth of the caption
_FEWEST_EDITS = 100  # below, where edits stand is chance


@dataclass(frozen=True)
class Finding:
    """Something to know about one kind of negative; `fails` if a set that has it should not be used as it is."""

    kind: str
    check: str
    message: str
    fails: bool

    def __str__(self) -> str:
        return f"{self.kind}, {self.check}: {self.message}"


def findings(audit: Audit, threshold: float = 3.0) -> list[Finding]:
    """What an audit found that should not be, those that fail first.

    A baseline fails if it is more than `threshold` points above chance and its 95% interval is above chance; negatives
    fail that equal their positive, in words or pixels, and those that were checked and are not false.
    """
    found = []
    for kind, part in audit.kinds.items():
        for check, baseline in (("blind", part.blind), ("artefact", part.artefact)):
            if baseline is not None and baseline.difference > threshold:
                found.append(_baseline_finding(kind, check, baseline, threshold))
        found += _duplicate_findings(kind, part)
        if part.verified is not None and part.verified.false < part.verified.checked:
            wrong = part.verified.checked - part.verified.false
            message = (
                f"{wrong} of {part.verified.checked} negatives that were checked are not false of their positive "
                f"(records {', '.join(part.verified.examples)})"
            )
            found.append(Finding(kind, "verified", message, True))
        if part.edits is not None and part.edits.per_negative.mean * part.edits.negatives >= _FEWEST_EDITS:
            fifth = int(np.argmax(part.edits.places))
            if part.edits.places[fifth] > PILED_UP:
                where = ("first", "second", "third", "fourth", "last")[fifth]
                message = f"{part.edits.places[fifth]:.0f}% of the edits are in the {where} fifth of the caption"
                found.append(Finding(kind, "place of edits", message, False))
    return sorted(found, key=lambda finding: not finding.fails)


def _baseline_finding(kind: str, check: str, baseline: Baseline, threshold: float) -> Finding:
    sees = "captions without the image" if check == "blind" else "images without the caption"
    message = (
        f"{baseline.hit1:.1f}% of the positives are told from the {sees}, where guessing finds {baseline.chance:.1f}% "
        f"({baseline.difference:+.1f} points, 95% interval {baseline.low:+.1f} to {baseline.high:+.1f}, "
        f"{baseline.rows} records; at most {threshold:+g} is allowed)"
    )
    if baseline.low <= 0:
        return Finding(kind, check, f"{message}; so few records cannot tell it from chance", False)
    return Finding(kind, check, f"{message}; by one clue alone, {baseline.clue}: {baseline.clue_hit1:.1f}%", True)


def _duplicate_findings(kind: str, part: KindAudit) -> list[Finding]:
    messages = {
        "equal": ("negative captions say the same as their positive", True),
        "identical_images": ("negative images are the positive's, pixel for pixel", True),
        "repeated": ("negative captions say the same as another of their record", False),
        "repeated_images": ("negative images are another of their record, pixel for pixel", False),
    }
    found = []
    for what, (text, fails) in messages.items():
        if count := getattr(part.duplicates, what):
            records = ", ".join(part.duplicates.examples[what])
            message = f"{count} of {part.negatives} {text} (records {records})"
            found.append(Finding(kind, "duplicates", message, fails))
    return found
