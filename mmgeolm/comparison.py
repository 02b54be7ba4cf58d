"""One table and one plot that set regimes side by side, with chance, baselines and intervals."""

from pathlib import Path

import matplotlib
import numpy as np

from evaluation import Hits, hits_of, paired_difference

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

Scores = dict[str, list[dict[str, np.ndarray]]]


def pooled(runs: list[dict[str, np.ndarray]], name: str) -> Hits:
    """The figures of one set over all seeds; intervals over anchors, which are the same for each seed."""
    return hits_of([run[name] for run in runs])


def comparison_table(
    scores: Scores, seconds: dict[str, list[float]], baselines: dict[str, Hits], baseline: str
) -> str:
    """Markdown: Hit@1 in percent with 95% intervals, a row for each set, a column for each regime.

    Args:
        scores: for each regime and seed the `(R, 1 + K)` scores of each set.
        seconds: processor time of each training.
        baselines: for each set, what a model finds that does not see the anchor.
        baseline (`str`): the regime that the last column compares the last regime with.
    """
    names, sets = list(scores), list(next(iter(scores.values()))[0])
    best = best_regime(scores, baseline)
    head = ["Hit@1 (%)", "chance", "blind", *names, f"{best} − {baseline}"]
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    for name in sets:
        low_to_high = [f"{h.hit1:.1f} ({h.low:.1f}–{h.high:.1f})" for h in (pooled(scores[n], name) for n in names)]
        difference = paired_difference([run[name] for run in scores[best]], [run[name] for run in scores[baseline]])
        lines.append(
            f"| {name} | {baselines[name].chance:.1f} | {baselines[name].hit1:.1f} {blind(name)} "
            f"| {' | '.join(low_to_high)} | "
            f"{difference[0]:+.1f} ({difference[1]:+.1f} to {difference[2]:+.1f}) |"
        )
    times = " | ".join(f"{np.mean(seconds[name]):.0f} s" for name in names)
    lines.append(f"| training, processor time | | | {times} | |")
    seeds = len(next(iter(scores.values())))
    lines.append(
        f"\n{len(next(iter(scores.values()))[0][sets[0]])} anchors per set, {seeds} seed(s), 95% bootstrap intervals "
        "(of the difference: paired, over anchors and seeds). `blind`: what a classifier finds that sees the "
        "candidates only, captions (text-only) or images (image-only)."
    )
    return "\n".join(lines)


def blind(name: str) -> str:
    """What the baseline of a set sees: the candidates, which are images in the sets of kind `image` alone."""
    return "image-only" if name.startswith("image") else "text-only"


def best_regime(scores: Scores, baseline: str) -> str:
    """The regime, other than the baseline, with the highest Hit@1 on the exchangeable sets (on all, without those)."""
    sets = list(next(iter(scores.values()))[0])
    hard = [name for name in sets if name.endswith("exchangeable")] or sets
    return max(
        (name for name in scores if name != baseline),
        key=lambda name: sum(pooled(scores[name], part).hit1 for part in hard),
    )


def plot_comparison(scores: Scores, baselines: dict[str, Hits], path: Path) -> None:
    """Bars of Hit@1 for each set and regime, readable in grey, chance as a line."""
    names, sets = list(scores), list(next(iter(scores.values()))[0])
    figure, axes = plt.subplots(figsize=(9, 4), layout="constrained")
    width = 0.8 / (len(names) + 1)
    greys = [str(shade) for shade in np.linspace(0.75, 0.15, len(names))]
    places = np.arange(len(sets))
    axes.bar(places, [baselines[s].hit1 for s in sets], width, label="blind", color="white", edgecolor="0.4")
    for number, (name, grey) in enumerate(zip(names, greys, strict=True), start=1):
        hits = [pooled(scores[name], s) for s in sets]
        error = [[h.hit1 - h.low for h in hits], [h.high - h.hit1 for h in hits]]
        axes.bar(places + number * width, [h.hit1 for h in hits], width, yerr=error, label=name, color=grey)
    axes.axhline(baselines[sets[0]].chance, color="black", linestyle=":", linewidth=1, label="chance")
    axes.set_xticks(places + width * len(names) / 2, [s.replace("_", "\n") for s in sets])
    axes.set_ylabel("Hit@1 (%)")
    axes.legend(ncols=2, fontsize="small")
    figure.savefig(path, dpi=120)
    plt.close(figure)
