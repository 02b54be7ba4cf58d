"""An audit as tables in Markdown, as the paper's appendix A has them, and as JSON."""

import dataclasses
import json

from .audit import Audit, KindAudit, Lengths, Spread
from .baselines import Baseline
from .findings import findings


def as_json(audit: Audit, threshold: float = 3.0) -> str:
    """All figures of an audit and its [`findings`], as one JSON object."""
    found = [dataclasses.asdict(finding) for finding in findings(audit, threshold)]
    return json.dumps(dataclasses.asdict(audit) | {"threshold": threshold, "findings": found}, indent=1)


def as_markdown(audit: Audit, threshold: float = 3.0) -> str:
    """An audit as Markdown: counts and lengths, checks, edits by kind; what could not be read; findings."""
    parts = [
        f"{audit.records:,} of {audit.of:,} records audited (seed {audit.seed}); {audit.without_negatives:.1f}% have "
        f"no negative, {audit.repeated_positives:,} repeat the caption of an earlier one.",
        _statistics(audit),
        _checks(audit),
        _edits(audit),
        "Lengths and edits: mean (5th–95th percentile). Blind: captions told without the image; artefact: images told "
        "without the caption; a classifier's Hit@1 in percent, cross-validated, with the difference from chance in "
        "points and its 95% interval. Fifths: where in the caption the edits are.",
    ]
    if audit.unreadable:
        parts.append("Could not be read:\n\n" + "\n".join(f"- {n:,} × {why}" for why, n in audit.unreadable.items()))
    found = findings(audit, threshold)
    lines = [f"- {'**fails**' if finding.fails else 'note'}: {finding}." for finding in found]
    parts.append("\n".join(lines) or f"Nothing found: baselines within {threshold:g} points of chance, no duplicates.")
    return "\n\n".join(parts)


def _statistics(audit: Audit) -> str:
    head = [
        "kind", "records", "without", "negatives", "per record (least–most)", "positive, characters", "words",
        "negative, characters", "words", "distinct captions",
    ]  # fmt: skip
    rows = [
        [
            kind,
            f"{part.records:,}",
            f"{part.without:.1f}%",
            f"{part.negatives:,}",
            f"{part.per_record.mean:.1f} ({part.per_record.least:.0f}–{part.per_record.most:.0f})",
            *_length_cells(part.positive_lengths),
            *_length_cells(part.negative_lengths),
            "–" if part.negative_lengths is None else f"{part.duplicates.distinct:.1f}%",
        ]
        for kind, part in audit.kinds.items()
    ]
    if audit.caption_lengths is not None:
        lengths = _length_cells(audit.caption_lengths)
        rows.append(["all", f"{audit.records:,}", f"{audit.without_negatives:.1f}%", "", "", *lengths, "", "", ""])
    return _table(head, rows)


def _checks(audit: Audit) -> str:
    head = [
        "kind", "chance", "blind", "− chance", "chance", "artefact", "− chance", "equal to the positive",
        "repeated in a record", "identical images", "repeated images", "verified",
    ]  # fmt: skip
    rows = []
    for kind, part in audit.kinds.items():
        same = part.duplicates
        numbers = [same.equal, same.repeated, same.identical_images, same.repeated_images]
        cells = [*_baseline_cells(part.blind), *_baseline_cells(part.artefact), *(f"{n:,}" for n in numbers)]
        rows.append([kind, *cells, _verified_cell(part)])
    return _table(head, rows)


def _edits(audit: Audit) -> str:
    head = ["kind", "edits per negative", "words changed", "fifths (%)", "what they change (%)"]
    rows = []
    for kind, part in audit.kinds.items():
        if part.edits is not None:
            fifths = " / ".join(f"{share:.0f}" for share in part.edits.places)
            kinds = ", ".join(f"{name} {share:.0f}" for name, share in part.edits.kinds.items() if share)
            rows.append([kind, _cell(part.edits.per_negative), f"{part.edits.words_changed:.1f}%", fifths, kinds])
    return _table(head, rows)


def _verified_cell(part: KindAudit) -> str:
    if part.verified is None:
        return "–"
    return f"{part.verified.share:.2f}% of {part.verified.checked:,}"


def _length_cells(lengths: Lengths | None) -> tuple[str, str]:
    return ("–", "–") if lengths is None else (_cell(lengths.characters), _cell(lengths.words))


def _baseline_cells(baseline: Baseline | None) -> tuple[str, str, str]:
    if baseline is None:
        return "–", "–", "–"
    difference = f"{baseline.difference:+.1f} ({baseline.low:+.1f} to {baseline.high:+.1f})"
    return f"{baseline.chance:.1f}", f"{baseline.hit1:.1f}", difference


def _cell(spread: Spread) -> str:
    return f"{spread.mean:.1f} ({spread.low:.0f}–{spread.high:.0f})"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
