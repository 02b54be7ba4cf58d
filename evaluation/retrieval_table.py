"""Encoders side by side on retrieval sets: figures for programs, and tables of them for people.

    scores = {"AltCLIP": score_sets(...), "MMCLIP": score_sets(...)}
    found = retrieval_figures(scores, blind)
    retrieval_table(found)
    turned = {"rotate30": {"AltCLIP": score_sets(..., distortion="rotate30"), "MMCLIP": ...}}
    distortion_table(distortion_figures(scores, turned))

Scores of an encoder on a set are an array of shape `(A, 1 + K)`, or a list of them, one for each training seed.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from modeling_mmclip import positive_ranks

from .retrieval import paired_difference, resampled_means

Scores = np.ndarray | Sequence[np.ndarray]
EncoderScores = Mapping[str, Mapping[str, Scores]]
"""Of each encoder, of each set."""

MEASURES = {"hit1": "Hit@1", "hit5": "Hit@5", "mrr": "MRR"}


def runs_of(scores: Scores) -> list[np.ndarray]:
    """The scores of each training seed; an array alone is that of one."""
    return [scores] if isinstance(scores, np.ndarray) else list(scores)


def figures(scores: Scores, samples: int = 2000, seed: int = 0) -> dict[str, list[float]]:
    """Hit@1, Hit@5 and MRR in percent, each as mean, low and high: the 95% bootstrap interval over anchors and seeds.

    Args:
        scores (`np.ndarray` of shape `(A, 1 + K)`, or one for each training seed): the positive's in column 0; ties
            are shared; −inf where there is no candidate.
        samples (`int`, *optional*, defaults to `2000`), seed (`int`, *optional*, defaults to `0`): of the bootstrap.
    """
    ranks = [positive_ranks(run) for run in runs_of(scores)]
    values = np.array(
        [
            [rank.hit_at(1) for rank in ranks],
            [rank.hit_at(5) for rank in ranks],
            [rank.reciprocal() for rank in ranks],
        ]
    )  # (3, seeds, A)
    low, high = np.percentile(resampled_means(values, samples, seed), [2.5, 97.5], axis=0)
    rows = 100 * np.stack([values.mean(axis=(1, 2)), low, high], axis=1)  # (3, 3)
    return dict(zip(MEASURES, rows.tolist(), strict=True))


def chance(scores: Scores) -> dict[str, float]:
    """What a scorer finds that gives all candidates the same score, in percent."""
    run = runs_of(scores)[0]
    ranks = positive_ranks(np.where(np.isneginf(run), -np.inf, 0.0))
    values = {"hit1": ranks.hit_at(1), "hit5": ranks.hit_at(5), "mrr": ranks.reciprocal()}
    return {name: 100 * float(each.mean()) for name, each in values.items()}


def retrieval_figures(scores: EncoderScores, blind: Mapping[str, Scores] | None = None) -> dict[str, Any]:
    """All figures of encoders on sets, JSON-able.

    Args:
        scores: for each encoder those of each set; the same sets for each.
        blind (*optional*): for each set the scores of a classifier that sees the candidates, and not their anchor.

    Returns:
        `{"sets": {set: {"anchors": A, "chance": {"hit1": …}, "blind": {…}}}, "encoders": {encoder: {set: {…}}}}`;
        what [`figures`] gives stands for `{…}`.
    """
    one = next(iter(scores.values()))
    sets: dict[str, dict] = {}
    for name, each in one.items():
        sets[name] = {"anchors": len(runs_of(each)[0]), "chance": chance(each)}
        if blind is not None:
            sets[name]["blind"] = figures(blind[name])
    encoders = {name: {key: figures(own[key]) for key in sets} for name, own in scores.items()}
    return {"sets": sets, "encoders": encoders}


def retrieval_table(found: Mapping[str, Any]) -> str:
    """Markdown: a table for each of Hit@1, Hit@5 and MRR, a row for each encoder, a column for each set.

    Args:
        found: what [`retrieval_figures`] gives.
    """
    sets, parts = found["sets"], []
    for measure, title in MEASURES.items():
        rows = [["chance", *(f"{each['chance'][measure]:.1f}" for each in sets.values())]]
        if all("blind" in each for each in sets.values()):
            rows.append(["blind", *(_cell(each["blind"][measure]) for each in sets.values())])
        rows += [[name, *(_cell(own[key][measure]) for key in sets)] for name, own in found["encoders"].items()]
        parts.append(markdown([f"{title} (%)", *sets], rows))
    counts = sorted({each["anchors"] for each in sets.values()})
    count = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    parts.append(
        f"{count} anchors per set; in brackets 95% bootstrap intervals over anchors, which are a point where all or "
        "none are found. Ties are shared: a positive level with n negatives counts as 1 / (n + 1) of a hit. `blind` "
        "is a classifier that sees the candidates and not their anchor; what it finds above chance, an encoder may "
        "find without looking."
    )
    return "\n\n".join(parts)


def distortion_figures(scores: EncoderScores, distorted: Mapping[str, EncoderScores]) -> dict[str, Any]:
    """Figures with distorted images, JSON-able.

    Args:
        scores: with plain images.
        distorted: with those of each distortion, the same encoders and sets.

    Returns:
        `{distortion: {encoder: {set: {"hit1": [mean, low, high], …, "change": [mean, low, high]}}}}`, where `change`
        is that of Hit@1 in points, paired by anchors.
    """
    return {
        name: {
            encoder: {
                key: {**figures(each), "change": list(paired_difference(runs_of(each), runs_of(scores[encoder][key])))}
                for key, each in own.items()
            }
            for encoder, own in others.items()
        }
        for name, others in distorted.items()
    }


def distortion_table(found: Mapping[str, Any]) -> str:
    """Markdown: Hit@1 with distorted images, and by how much it differs from that with plain ones.

    Args:
        found: what [`distortion_figures`] gives.
    """
    one = next(iter(found.values()))
    sets = list(next(iter(one.values())))
    rows = [
        [encoder, name, *(_change(others[encoder][key]) for key in sets)]
        for encoder in one
        for name, others in found.items()
    ]
    note = "Hit@1 in percent, then its difference from that with plain images, paired by anchors, with 95% intervals."
    return f"{markdown(['encoder', 'images', *sets], rows)}\n\n{note}"


def _change(found: Mapping[str, Sequence[float]]) -> str:
    mean, low, high = found["change"]
    return f"{found['hit1'][0]:.1f}, {mean:+.1f} ({low:+.1f} to {high:+.1f})"


def _cell(found: Sequence[float]) -> str:
    mean, low, high = found
    return f"{mean:.1f} ({low:.1f}–{high:.1f})"


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    cells = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)
