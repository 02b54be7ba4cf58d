"""Overlooked kinds of edit: shares against a plain loop over pairs, intervals against the spread of new samples."""

import json

import numpy as np
import pytest

from evaluation.edit_kinds import (
    edit_kind_figures,
    edit_kind_table,
    edit_kinds_figure,
    pairs_of,
    plot_edit_kinds,
    shares_above,
)


def ragged(seed: int, anchors: int = 40, most: int = 6) -> tuple[np.ndarray, list[list[str]]]:
    """Scores with ties and gaps, and kinds of which some are not known."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, most + 1, size=anchors)
    scores = rng.integers(0, 4, size=(anchors, 1 + most)).astype(float)
    scores[:, 1:][np.arange(most) >= lengths[:, None]] = -np.inf
    return scores, [rng.choice(["number", "shape", "swap", ""], length).tolist() for length in lengths]


def by_loop(runs: list[np.ndarray], edits: list[list[str]], kind: str) -> float:
    won = [
        1.0 if row[1 + place] > row[0] else 0.5 if row[1 + place] == row[0] else 0.0
        for run in runs
        for row, kinds in zip(run, edits, strict=True)
        for place, its_kind in enumerate(kinds)
        if its_kind == kind
    ]
    return 100 * sum(won) / len(won)


@pytest.mark.parametrize("seeds", [1, 3])
def test_shares_are_those_of_a_loop_over_pairs(seeds):
    first, edits = ragged(0)
    runs = [np.where(np.isneginf(first), first, ragged(number)[0].clip(0)) for number in range(seeds)]
    found = shares_above(runs if seeds > 1 else runs[0], edits)
    assert list(found) == ["number", "shape", "swap"]
    for kind, (mean, low, high) in found.items():
        assert mean == pytest.approx(by_loop(runs, edits, kind))
        assert low < mean < high
    assert pairs_of(edits) == {kind: sum(row.count(kind) for row in edits) for kind in found}


def test_level_scores_are_at_chance_and_certain_ones_at_the_ends():
    edits = [["swap", "shape"]] * 5
    assert shares_above(np.zeros((5, 3)), edits) == {"shape": [50, 50, 50], "swap": [50, 50, 50]}
    assert shares_above(np.tile([1.0, 2.0, 0.0], (5, 1)), edits) == {"shape": [0, 0, 0], "swap": [100, 100, 100]}
    assert shares_above(np.tile([np.nan, 2.0, 0.0], (5, 1)), edits)["shape"][0] == 100  # never taken for a success


def test_the_interval_is_as_wide_as_shares_of_new_anchors_spread():
    """Negatives of an anchor stand or fall together, so its pairs are no independent draws."""
    rng = np.random.default_rng(0)
    edits = [["swap"] * 10] * 60

    def drawn() -> np.ndarray:
        return np.hstack([np.zeros((60, 1)), np.repeat(rng.choice([-1.0, 1.0], (60, 1)), 10, axis=1)])

    spread = np.std([shares_above(drawn(), edits, samples=2)["swap"][0] for _ in range(300)])
    widths = [high - low for _, low, high in (shares_above(drawn(), edits)["swap"] for _ in range(10))]
    assert np.mean(widths) == pytest.approx(2 * 1.96 * spread, rel=0.15)


def test_a_kind_of_a_single_anchor_has_an_interval_all_the_same():
    scores, edits = np.array([[0.0, 1.0], [0.0, -1.0], [0.0, 1.0]]), [["swap"], ["rare"], ["swap"]]
    assert shares_above(scores, edits)["rare"] == [0, 0, 0]


def test_edits_that_do_not_fit_the_scores_are_refused():
    with pytest.raises(ValueError, match="`edits` has 1 kinds for 1 anchors, and the scores 2 negatives for 1"):
        shares_above(np.zeros((1, 3)), [["swap"]])
    with pytest.raises(ValueError, match="3 kinds for 2 anchors, and the scores 3 negatives for 2"):
        shares_above(np.array([[0, 1, 2], [0, 1, -np.inf]]), [["swap"], ["swap", "shape"]])


@pytest.fixture(scope="module")
def found() -> dict:
    scores, edits = ragged(1)
    other = np.where(np.isneginf(scores), scores, -scores)
    sets = {"rule": scores, "random": scores, "image": other, "unknown": scores}
    kinds = {
        "rule": edits,
        "image": [["number"] * len(row) for row in edits],
        "unknown": [[""] * len(r) for r in edits],
    }
    blind = {name: np.where(np.isneginf(scores), scores, 0.0) for name in sets}
    return edit_kind_figures({"first": sets, "second": {**sets, "rule": other}}, kinds, blind)


def test_sets_without_a_known_kind_are_left_out_and_named(found):
    assert list(found["sets"]) == ["rule", "image"] and found["left_out"] == ["random", "unknown"]
    assert list(found["encoders"]["second"]) == ["rule", "image"]
    assert found["sets"]["rule"]["blind"]["swap"] == [50, 50, 50]
    assert json.loads(json.dumps(found)) == found
    assert "Left out, as no kind of edit is known: random, unknown." in edit_kind_table(found)


def test_the_table_has_a_row_for_each_set_and_kind_with_the_pairs(found):
    lines = edit_kind_table(found).split("\n\n")[0].splitlines()
    assert lines[0] == "| Negatives above (%) | edit | pairs | first | second | blind |"
    rows = [line.strip("| ").split(" | ") for line in lines[2:]]
    assert sorted(row[:2] for row in rows) == [
        ["image", "number"], ["rule", "number"], ["rule", "shape"], ["rule", "swap"]
    ]  # fmt: skip
    for name, kind, pairs, first, second, _ in rows:
        assert int(pairs) == found["sets"][name]["pairs"][kind]
        for encoder, cell in (("first", first), ("second", second)):
            assert cell.startswith(f"{found['encoders'][encoder][name][kind][0]:.1f} (")


def test_the_plot_has_a_panel_for_each_set_and_a_dot_for_each_kind_and_encoder(found, tmp_path):
    figure = edit_kinds_figure(found)
    rule, image = figure.axes
    assert (rule.get_title(), image.get_title()) == ("rule", "image")
    assert [len(axes.containers) for axes in figure.axes] == [3, 3]
    assert len(rule.containers[0].lines[0].get_xdata()) == 3 and len(image.containers[0].lines[0].get_xdata()) == 1
    labels = [label.get_text() for label in rule.get_yticklabels()]
    assert sorted(labels) == [f"{kind} ({count})" for kind, count in found["sets"]["rule"]["pairs"].items()]
    assert rule.get_xlabel() and rule.get_ylabel()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["chance", "first", "second", "blind"]
    # The dots stand where the figures say, in the order of the labels.
    kinds = [label.split(" ")[0] for label in labels]
    drawn = rule.containers[1].lines[0].get_xdata()
    assert drawn == pytest.approx([found["encoders"]["second"]["rule"][kind][0] for kind in kinds])
    assert len({container.lines[0].get_marker() for container in rule.containers}) == 3
    plot_edit_kinds(found, tmp_path / "edit_kinds.png")
    assert (tmp_path / "edit_kinds.png").read_bytes().startswith(b"\x89PNG")


def test_nothing_to_draw_is_said():
    with pytest.raises(ValueError, match="nothing to draw"):
        edit_kinds_figure({"sets": {}, "left_out": ["random"], "encoders": {"one": {}}})
