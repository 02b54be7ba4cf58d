"""Which kinds of edit an encoder overlooks: how often a negative of each kind is scored above its positive.

    found = edit_kind_figures(scores, data.edits, blind)       # scores of each encoder on each set
    edit_kind_table(found)
    plot_edit_kinds(found, "edit_kinds.png")

Each negative is compared with its positive alone, whatever the other candidates are: 50% is chance for any number of
negatives, and 0% an encoder that sees every edit of the kind. Level scores count half.
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .retrieval import candidates_in
from .retrieval_table import EncoderScores, Scores, markdown, runs_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CHANCE = 50.0
_MARKS = "osD^vPX"
_COLUMNS = 2


def shares_above(
    scores: Scores, edits: Sequence[Sequence[str]], samples: int = 2000, seed: int = 0
) -> dict[str, list[float]]:
    """For each kind of edit the percentage of its negatives that are scored above their positive.

    Args:
        scores (`np.ndarray` of shape `(A, 1 + K)`, or one for each training seed): the positive's in column 0; −inf
            where there is no candidate. A score that is no number loses to every other.
        edits (`list[list[str]]`): for each anchor the kinds of its negatives, empty where one is not known.
        samples (`int`, *optional*, defaults to `2000`), seed (`int`, *optional*, defaults to `0`): of the bootstrap.

    Returns:
        `{kind: [mean, low, high]}` in percent, over pairs; the 95% bootstrap interval is over anchors and seeds.
        Samples in which a kind does not occur say nothing of it and are left out.

    Raises:
        ValueError: if the edits are not as many as the negatives.
    """
    runs = np.stack(runs_of(scores))  # (seeds, A, 1 + K)
    kinds, belongs = _by_kind(runs[0], edits)
    positive, negatives = runs[..., :1], runs[..., 1:]
    above = 1.0 - (positive > negatives) - 0.5 * (positive == negatives)  # (seeds, A, K)
    above = np.einsum("sak,akm->sam", above, belongs)  # (seeds, A, M)
    pairs = belongs.sum(axis=1)  # (A, M)
    rng = np.random.default_rng(seed)
    seeds, anchors = above.shape[:2]
    # How often each anchor and each seed is drawn in a sample.
    drawn = rng.multinomial(anchors, np.full(anchors, 1 / anchors), size=samples).astype(float)  # (samples, A)
    weights = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=samples) / seeds  # (samples, seeds)
    sums = np.einsum("bs,bsm->bm", weights, np.einsum("ba,sam->bsm", drawn, above, optimize=True))
    counts = drawn @ pairs  # (samples, M)
    resampled = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
    low, high = np.nanpercentile(resampled, [2.5, 97.5], axis=0)
    mean = above.mean(axis=0).sum(axis=0) / pairs.sum(axis=0)
    return dict(zip(kinds, (100 * np.stack([mean, low, high], axis=1)).tolist(), strict=True))


def pairs_of(edits: Sequence[Sequence[str]]) -> dict[str, int]:
    """How many negatives there are of each kind that is known, by name."""
    kinds, counts = np.unique(list(chain.from_iterable(edits)) or [""], return_counts=True)
    return {str(kind): int(count) for kind, count in zip(kinds, counts, strict=True) if kind}


def _by_kind(run: np.ndarray, edits: Sequence[Sequence[str]]) -> tuple[list[str], np.ndarray]:
    """The M kinds by name, and which negative is of which, shape `(A, K, M)`."""
    lengths = np.array([len(row) for row in edits])
    if not np.array_equal(lengths, candidates_in(run) - 1):
        raise ValueError(
            f"`edits` has {lengths.sum()} kinds for {len(edits)} anchors, and the scores "
            f"{(candidates_in(run) - 1).sum()} negatives for {len(run)}; give one kind to each negative."
        )
    kinds = list(pairs_of(edits))
    there = np.arange(run.shape[1] - 1) < lengths[:, None]  # (A, K)
    names = np.full(there.shape, "", dtype=object)
    names[there] = list(chain.from_iterable(edits))
    return kinds, names[..., None] == np.array(kinds, dtype=object)


def edit_kind_figures(
    scores: EncoderScores, edits: Mapping[str, Sequence[Sequence[str]]], blind: Mapping[str, Scores] | None = None
) -> dict[str, Any]:
    """How often encoders put negatives of each kind above the positive, JSON-able.

    Args:
        scores: for each encoder those of each set; the same sets for each.
        edits: for each set, as far as its negatives are edits, their kinds as [`shares_above`] takes them.
        blind (*optional*): for each set the scores of a classifier that sees the candidates, and not their anchor.

    Returns:
        `{"sets": {set: {"pairs": {kind: count}, "blind": {…}}}, "left_out": [set], "encoders": {encoder: {set: {…}}}}`
        with `{kind: [mean, low, high]}` for `{…}`. Left out are the sets of which no kind of edit is known.
    """
    pairs = {name: pairs_of(edits.get(name, [])) for name in next(iter(scores.values()))}
    sets: dict[str, dict[str, Any]] = {name: {"pairs": each} for name, each in pairs.items() if each}
    for name, each in sets.items():
        if blind is not None:
            each["blind"] = shares_above(blind[name], edits[name])
    return {
        "sets": sets,
        "left_out": [name for name, each in pairs.items() if not each],
        "encoders": {
            encoder: {name: shares_above(own[name], edits[name]) for name in sets} for encoder, own in scores.items()
        },
    }


def edit_kind_table(found: Mapping[str, Any]) -> str:
    """Markdown: a row for each set and kind of edit, a column for each encoder.

    Args:
        found: what [`edit_kind_figures`] gives.
    """
    columns = _columns(found)
    rows = [
        [name, kind, f"{each['pairs'][kind]:,}", *(_cell(own[name][kind]) for own in columns.values())]
        for name, each in found["sets"].items()
        for kind in _hardest_first(found)
        if kind in each["pairs"]
    ]
    note = (
        "How many negatives are scored above their positive, in percent, by what was edited, the kinds most "
        "overlooked first; chance is 50. In brackets 95% bootstrap intervals over anchors. `several`: positive and "
        "negative differ by edits of more than one kind."
    )
    if found["left_out"]:
        note += f" Left out, as no kind of edit is known: {', '.join(found['left_out'])}."
    return f"{markdown(['Negatives above (%)', 'edit', 'pairs', *columns], rows)}\n\n{note}"


def plot_edit_kinds(found: Mapping[str, Any], path: str | Path) -> None:
    """Write [`edit_kinds_figure`] as an image; the path's ending names the format."""
    edit_kinds_figure(found).savefig(path, dpi=150)


def edit_kinds_figure(found: Mapping[str, Any]) -> "Figure":
    """Dots with intervals, readable in grey: a panel for each set, a line for each kind of edit, a mark and a shade
    for each encoder; chance is dotted.

    Args:
        found: what [`edit_kind_figures`] gives.

    Raises:
        ValueError: if there is no set with a kind of edit.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if not found["sets"]:
        raise ValueError("No set has negatives with a kind of edit, so there is nothing to draw.")
    across = min(_COLUMNS, len(found["sets"]))
    down = -(-len(found["sets"]) // across)
    columns = _columns(found)
    most = max(len(each["pairs"]) for each in found["sets"].values())
    height = 0.9 + most * (0.24 + 0.11 * len(columns))
    figure = Figure(figsize=(0.5 + 4.2 * across, 0.6 + height * down), layout="constrained")
    FigureCanvasAgg(figure)  # whatever backend is set, and without changing it
    panels = figure.subplots(down, across, squeeze=False).flat
    for axes, (name, each) in zip(panels, found["sets"].items(), strict=False):
        kinds = [kind for kind in _hardest_first(found) if kind in each["pairs"]]
        _dots(axes, {encoder: [own[name][kind] for kind in kinds] for encoder, own in columns.items()})
        axes.set_yticks(range(len(kinds)), [f"{kind} ({each['pairs'][kind]:,})" for kind in kinds])
        axes.set_title(name, fontsize="medium")
        axes.set_ylabel("kind of edit (pairs)")
    for axes in list(figure.axes)[len(found["sets"]) :]:
        axes.set_axis_off()
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(4, len(labels)), fontsize="small")
    return figure


def _dots(axes: "Axes", shares: Mapping[str, Sequence[Sequence[float]]]) -> None:
    greys = np.linspace(0.0, 0.6, len(shares))
    axes.axvline(CHANCE, color="black", linestyle=":", linewidth=1, label="chance")
    for number, (encoder, cells) in enumerate(shares.items()):
        mean, low, high = np.array(cells).T
        blind = encoder == "blind"
        axes.errorbar(
            mean,
            np.arange(len(cells)) + 0.7 * ((number + 0.5) / len(shares) - 0.5),
            # Rounding may put an end that is the mean on its other side.
            xerr=np.maximum(0, [mean - low, high - mean]),
            label=encoder,
            color="0.4" if blind else str(greys[number]),
            marker=_MARKS[number % len(_MARKS)],
            markerfacecolor="white" if blind else None,
            markersize=5,
            capsize=2,
            linewidth=1,
            linestyle="none",
        )
    axes.set_xlim(-3, 103)
    axes.set_ylim(len(next(iter(shares.values()))) - 0.5, -0.5)
    axes.set_xlabel("negatives scored above the positive (%)")
    axes.grid(axis="x", color="0.88")
    axes.set_axisbelow(True)


def _columns(found: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The encoders' shares, and what is found without the anchor."""
    sets = found["sets"]
    blind = {name: each["blind"] for name, each in sets.items() if "blind" in each}
    return {**found["encoders"], **({"blind": blind} if blind else {})}


def _hardest_first(found: Mapping[str, Any]) -> list[str]:
    """All kinds, in one order for all sets: by the mean over encoders and sets."""
    shares: dict[str, list[float]] = {}
    for own in found["encoders"].values():
        for each in own.values():
            for kind, (mean, _, _) in each.items():
                shares.setdefault(kind, []).append(mean)
    return sorted(shares, key=lambda kind: (-np.mean(shares[kind]), kind))


def _cell(share: Sequence[float]) -> str:
    mean, low, high = share
    return f"{mean:.1f} ({low:.1f}–{high:.1f})"
