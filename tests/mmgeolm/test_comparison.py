"""The table and the best regime, from scores made by hand."""

import numpy as np

from evaluation import hits_of
from mmgeolm.comparison import best_regime, comparison_table, plot_comparison


def scores(hits: int, rows: int = 20) -> np.ndarray:
    """Eleven candidates per row; the positive is first in `hits` rows and last in the others."""
    matrix = np.tile(np.linspace(0.5, 0.1, 11), (rows, 1))
    matrix[:, 0] = np.where(np.arange(rows) < hits, 1.0, 0.0)
    return matrix


RUNS = {
    "in-batch": [{"random": scores(20), "rule_exchangeable": scores(10)}],
    "hard": [{"random": scores(2), "rule_exchangeable": scores(12)}],
    "grouped": [{"random": scores(19), "rule_exchangeable": scores(16)}],
}
BASELINES = {name: hits_of(scores(2)) for name in ("random", "rule_exchangeable")}


def test_the_best_regime_is_best_where_the_positive_cannot_be_guessed():
    assert best_regime(RUNS, "in-batch") == "grouped"
    without_exchangeable = {
        name: [{"random": run["random"]} for run in runs] for name, runs in RUNS.items() if name != "grouped"
    }
    assert best_regime(without_exchangeable, "in-batch") == "hard"


def test_the_table_has_hit_rates_chance_and_the_difference():
    table = comparison_table(RUNS, {name: [12.0] for name in RUNS}, BASELINES, "in-batch")
    row = next(line for line in table.splitlines() if line.startswith("| rule_exchangeable"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1:3] == ["9.1", "10.0 text-only"]
    assert cells[3].startswith("50.0 (") and cells[4].startswith("60.0 (") and cells[5].startswith("80.0 (")
    assert cells[6].startswith("+30.0 (")
    assert "20 anchors per set, 1 seed(s)" in table


def test_the_plot_is_written(tmp_path):
    plot_comparison(RUNS, BASELINES, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
