"""Accuracies counted by hand, and intervals that hold what they promise."""

import json

import numpy as np
import pytest
import yaml
from huggingface_hub import parse_eval_result_entries

from evaluation.score_table import accuracy, eval_results, markdown, score_table
from evaluation.verdict import Verdict

CATEGORIES = [["all", "S1"], ["S1", "all"], ["all", "S2"], ["all", "S2", "S2"]]
RIGHT = {"official": [True, False, False, False], "fair": [True, True, True, False]}


def table(**options) -> dict:
    verdicts = {rule: [Verdict("A", right) for right in said] for rule, said in RIGHT.items()}
    return score_table(CATEGORIES, verdicts, **options)


def test_each_category_counts_its_own_questions_once():
    rows = table()
    assert list(rows) == ["all", "S1", "S2"]
    assert [row["n"] for row in rows.values()] == [4, 2, 2]
    assert [row["official"]["accuracy"] for row in rows.values()] == [25, 50, 0]
    assert [row["fair"]["correct"] for row in rows.values()] == [3, 2, 1]


def test_all_comes_first_then_what_the_benchmark_puts_first_then_the_rest_by_name():
    assert list(table()) == ["all", "S1", "S2"]
    assert list(table(order=["S3", "S2"])) == ["all", "S2", "S1"]


def test_the_table_survives_json():
    assert json.loads(json.dumps(table())) == table()


def test_the_same_seed_gives_the_same_interval_and_another_seed_does_not():
    first, again, other = (accuracy(37, 100, seed=seed, samples=200) for seed in (0, 0, 1))
    assert first == again != other


def test_the_interval_is_that_of_drawing_questions_anew():
    right = np.arange(120) < 42
    draws = np.random.default_rng(5).integers(120, size=(20_000, 120))
    low, high = 100 * np.percentile(right[draws].mean(axis=1), [2.5, 97.5])
    score = accuracy(42, 120)
    assert (score["low"], score["high"]) == pytest.approx((low, high), abs=1.0)


@pytest.mark.parametrize(("truth", "n"), [(0.25, 200), (0.5, 200), (0.7, 754), (0.1, 1000)])
def test_intervals_cover_the_truth_in_95_of_100_runs(truth, n):
    runs = np.random.default_rng(1).binomial(n, truth, size=600)
    intervals = [accuracy(int(right), n, samples=1000, seed=seed) for seed, right in enumerate(runs)]
    covered = np.mean([score["low"] <= 100 * truth <= score["high"] for score in intervals])
    assert 0.92 < covered < 0.98


def test_none_right_of_ten_does_not_mean_certainty():
    none, every = accuracy(0, 10), accuracy(10, 10)
    # 0.692 ** 10 = 0.025: a system that is right on 30.8% of questions gets none of ten in one try of forty.
    assert none == {"n": 10, "correct": 0, "accuracy": 0, "low": 0, "high": pytest.approx(30.85, abs=0.01)}
    assert every == {"n": 10, "correct": 10, "accuracy": 100, "low": pytest.approx(69.15, abs=0.01), "high": 100}


@pytest.mark.parametrize(("right", "n"), [(0, 0), (3, 2), (-1, 2)])
def test_impossible_counts_are_refused(right, n):
    with pytest.raises(ValueError, match=f"{right} right answers of {n}"):
        accuracy(right, n)


def test_a_missing_verdict_is_noticed():
    with pytest.raises(ValueError, match="'fair' has 1 verdicts for 4 questions"):
        score_table(CATEGORIES, {"fair": [Verdict("A", True)]})
    with pytest.raises(ValueError, match="no questions"):
        score_table([], {"fair": []})


def test_what_a_rule_could_not_judge_is_not_counted_as_wrong():
    verdicts = {"official": [Verdict("A", True)] * 4, "fair": [Verdict("A", True), Verdict("B", False), None, None]}
    rows = score_table(CATEGORIES, verdicts)
    assert (rows["all"]["n"], rows["all"]["fair"]["n"], rows["all"]["fair"]["accuracy"]) == (4, 2, 50)
    assert rows["S2"]["fair"] is None and rows["S2"]["official"]["n"] == 2
    lines = markdown(rows).splitlines()
    assert lines[2].endswith(" of 2 |") and lines[4].endswith("| – |")
    assert len(yaml.safe_load(eval_results(rows, "x/y", rule="fair"))) == 2


def test_markdown_has_a_line_for_each_category():
    lines = markdown(table(seed=3)).splitlines()
    assert lines[0] == "| category | questions | official % [95%] | fair % [95%] |"
    assert [line.count("|") for line in lines] == [5] * 5
    assert lines[2].startswith("| all | 4 | 25.0 [") and lines[4].startswith("| S2 | 2 | 0.0 [0.0, ")


def test_eval_results_are_what_the_hub_reads():
    text = eval_results(table(), "We-Math/We-Math", notes="mmgeolm 0.1.0", date="2026-01-31")
    entries = parse_eval_result_entries(yaml.safe_load(text))
    assert [(entry.dataset_id, entry.task_id, entry.value) for entry in entries] == [
        ("We-Math/We-Math", "all", 25.0),
        ("We-Math/We-Math", "S1", 50.0),
        ("We-Math/We-Math", "S2", 0.0),
    ]
    assert "official rule, 4 questions" in entries[0].notes and entries[0].notes.endswith("mmgeolm 0.1.0")
    assert entries[0].date == "2026-01-31"
    assert yaml.safe_load(eval_results(table(), "x/y", rule="fair"))[0]["value"] == 75.0
