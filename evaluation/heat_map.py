"""Encoders by sets as a heat map (paper, appendix C): darker is better, and the number stands in each cell."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from .retrieval_table import MEASURES


def heat_map(found: Mapping[str, Any], path: str | Path, measure: str = "hit1") -> None:
    """Write a heat map as an image: a row for each encoder, a column for each set, below them what needs no encoder.

    Shades are greys, from white at 0 to black at 100, the same for every map; the best encoder of a set is in bold.

    Args:
        found: what [`~evaluation.retrieval_table.retrieval_figures`] gives.
        path (`str` or `Path`): of the image; its ending names the format.
        measure (`str`, *optional*, defaults to `"hit1"`): or `"hit5"`, `"mrr"`.
    """
    sets = found["sets"]
    values = np.array([[own[key][measure][0] for key in sets] for own in found["encoders"].values()])
    below = {"chance": [each["chance"][measure] for each in sets.values()]}
    if all("blind" in each for each in sets.values()):
        below = {"blind": [each["blind"][measure][0] for each in sets.values()], **below}
    figure = Figure(figsize=(2.6 + 1.15 * len(sets), 1.3 + 0.42 * (len(values) + len(below))), layout="constrained")
    FigureCanvasAgg(figure)  # whatever backend is set, and without changing it
    parts = figure.subplots(2, 1, height_ratios=[len(values), len(below)])
    _cells(parts[0], values, list(found["encoders"]), bold=values == values.max(axis=0))
    _cells(parts[1], np.array(list(below.values())), list(below), bold=np.zeros((len(below), len(sets)), dtype=bool))
    parts[0].xaxis.tick_top()
    parts[0].set_xticks(range(len(sets)), [_in_lines(name) for name in sets])
    parts[1].set_xticks([])
    figure.suptitle(f"{MEASURES[measure]} (%)", fontsize="medium")
    figure.savefig(path, dpi=150)


def _cells(axes: Axes, values: np.ndarray, names: list[str], bold: np.ndarray) -> None:
    axes.imshow(values, cmap="Greys", vmin=0, vmax=100, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        axes.text(
            column,
            row,
            f"{value:.1f}",
            ha="center",
            va="center",
            color="white" if value > 55 else "black",
            weight="bold" if bold[row, column] else "normal",
        )
    axes.set_yticks(range(len(names)), names)
    axes.set_xticks([])
    axes.tick_params(length=0)
    # White lines part cells of the same shade, and a frame parts white cells from the page.
    for edge in np.arange(0.5, values.shape[1] - 1):
        axes.axvline(edge, color="white", linewidth=2)
    for edge in np.arange(0.5, values.shape[0] - 1):
        axes.axhline(edge, color="white", linewidth=2)


def _in_lines(name: str) -> str:
    """A set's name in lines short enough for a column."""
    return name.replace("/", "/\n").replace("_", "\n")
