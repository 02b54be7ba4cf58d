"""What a study found, as a table for people, figures for programs, and a plot."""

import math
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

from evaluation.heat_map import heat_map
from evaluation.retrieval import resampled_means
from evaluation.retrieval_table import retrieval_figures
from mmgeolm.studies.definitions import RANKED, Study, Tower
from mmgeolm.studies.generated import Found
from modeling_mmclip import positive_ranks

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

SAMPLES = 2000
CHANCE = 100 / 11
_PANELS = 4  # beside each other in a plot


def figures_of(study: Study, found: Found) -> dict[str, dict[str, dict[str, Any]]]:
    """By row and column the mean in percent, its 95% bootstrap interval over items and seeds, and each seed's mean.

    Columns are `closed` and `open` (answers right), these with the name of a distortion behind, and the ranked sets
    (Hit@1). Rows but the first have `over` as well: the paired difference to the first, with its interval.
    """
    values: dict[str, dict[str, np.ndarray]] = {}
    for tower in study.towers:
        row = {}
        for distortion, right in found.right.get(tower.name, {}).items():
            for column, chosen in (("closed", found.closed), ("open", ~found.closed)):
                row[f"{column} {distortion}".strip()] = right[:, chosen].astype(float)
        for name, scores in found.hits[tower.name].items():
            row[name] = np.stack([positive_ranks(seed).hit_at(1) for seed in scores])
        values[tower.name] = row
    first = study.towers[0].name
    return {
        name: {
            column: {
                **_mean(items),
                "seeds": [round(float(100 * seed.mean()), 2) for seed in items],
                **({} if name == first else {"over": _mean(items - values[first][column])}),
            }
            for column, items in row.items()
        }
        for name, row in values.items()
    }


def study_table(study: Study, found: Found, figures: dict[str, Any], scale: str) -> str:
    """Markdown: a row for each encoder, the paper's figures behind ours."""
    columns = list(next(iter(figures.values())))
    head = ["encoder", *(_title(column) for column in columns)]
    head += [f"paper: {column}" for column in study.paper_columns if study.paper] + ["CPU s"]
    lines = [f"### {study.title}", "", f"| {' | '.join(head)} |", f"| --- |{' ---: |' * (len(head) - 1)}"]
    for tower in study.towers:
        cells = [tower.name, *(_cell(figures[tower.name][column]) for column in columns)]
        cells += [f"{value:.1f}" for value in study.paper.get(tower.name, ())]
        cells.append(f"{found.seconds[tower.name]:.0f}")
        lines.append(f"| {' | '.join(cells)} |")
    blind = [_blind(column, found.blind) for column in columns]
    lines.append(f"| *blind, or chance* | {' | '.join(blind)} |{' |' * (len(head) - 1 - len(columns))}")
    seeds, ranked = next(iter(found.hits.values()))["random"].shape[:2]
    lines.append(
        f"\nScale `{scale}`, {seeds} seed(s), {ranked} anchors in each set, {len(found.closed)} questions. Percent, "
        "with 95% bootstrap intervals over seeds and items; processor time for all seeds."
    )
    if study.lmm:
        lines.append(
            "*closed*, *open*: a small language model on the encoder answers generated questions that have few or "
            "many possible answers; they stand where the paper has GeoQA and MM-Math, and are no such benchmarks. "
            "Blind: the better of the form's most frequent answer and a classifier of the question's words."
        )
    lines.append(
        "Hit@1 among 1 + 10 candidates. On `rule` and `image` the positive is the centre of its candidates, which an "
        "encoder with a weak signal ranks below chance, and a blind one first; the `exchangeable` sets have none."
    )
    return "\n".join(lines) + "\n"


def plot_study(study: Study, found: Found, figures: dict[str, Any], path: Path) -> None:
    """Dots with intervals, a panel for each column that matters most; a curve where rows differ in a number.

    Where encoders are only ranked, a heat map.
    """
    if not study.lmm:
        runs = {name: {part: list(scores) for part, scores in own.items()} for name, own in found.hits.items()}
        heat_map(retrieval_figures(runs), path)
        return
    there = list(next(iter(figures.values())))
    columns = [name for name in ("closed", "open", "rule_exchangeable", "image_exchangeable") if name in there]
    columns += [name for name in there if name.startswith(("closed ", "open "))]
    names = [tower.name for tower in study.towers]
    rows = math.ceil(len(columns) / _PANELS)
    height = 3.2 if study.numbers else 1.2 + 0.32 * len(names)
    figure, panels = plt.subplots(
        rows, _PANELS, figsize=(3 * _PANELS + 1, rows * height), layout="constrained", squeeze=False
    )
    for place, (axes, column) in enumerate(zip(panels.flat, columns, strict=False)):
        cells = [figures[name][column] for name in names]
        means = np.array([cell["mean"] for cell in cells])
        error = [means - [cell["low"] for cell in cells], [cell["high"] for cell in cells] - means]
        axes.set_title(_title(column), fontsize="medium")
        if study.numbers:
            numbers = [_number(tower) for tower in study.towers]
            axes.errorbar(numbers, means, error, color="black", marker="o", capsize=3, linewidth=1)
            axes.set(xlabel="negatives per anchor", ylabel="%", xticks=numbers)
        else:
            heights = np.arange(len(cells))[::-1]
            axes.errorbar(means, heights, xerr=error, color="black", marker="o", capsize=3, linestyle="none")
            axes.set_yticks(heights, names if place % _PANELS == 0 else [""] * len(names))
            axes.set_ylim(-0.5, len(cells) - 0.5)
            axes.set_xlabel("%")
            axes.grid(axis="x", color="0.85")
    for axes in panels.flat[len(columns) :]:
        axes.set_axis_off()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _blind(column: str, blind: dict[str, float]) -> str:
    if column in RANKED:
        return f"{CHANCE:.1f}"
    return f"{100 * blind[column]:.1f}" if column in blind else ""


def _number(tower: Tower) -> int:
    return tower.negatives[0].number


def _mean(items: np.ndarray) -> dict[str, float]:
    low, high = np.percentile(resampled_means(items, SAMPLES, 0), [2.5, 97.5])
    return {"mean": float(100 * items.mean()), "low": float(100 * low), "high": float(100 * high)}


def _cell(figure: dict[str, Any]) -> str:
    return f"{figure['mean']:.1f} ({figure['low']:.1f}–{figure['high']:.1f})"


def _title(column: str) -> str:
    return column if column.startswith(("closed", "open")) else f"Hit@1 {column}".replace("_", " ")
