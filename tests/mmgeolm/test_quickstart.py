"""The quickstart, with few steps: it ends, writes what it says, and gives the same numbers for the same seed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dataset_builders.diagram_sets import ranking_sets
from evaluation import hits_of, ranking_scores
from mmgeolm.geometry3k_sets import real_sets, real_split, square
from mmgeolm.regimes import GROUP, REGIMES
from mmgeolm.scripts.quickstart import TEST_SEED, main
from modeling_mmclip import MMCLIPModel, MMCLIPProcessor

SMALL = ["--steps", "3", "--scenes", "1600", "--anchors", "24", "--lmm", "false"]
SETS = {"random", "retrieval", "rule", "image", "rule_exchangeable", "image_exchangeable"}


def quickstart(folder: Path, *options: str) -> dict:
    """Run it and read its figures."""
    main([*SMALL, "--output_dir", str(folder), *options])
    return json.loads((folder / "results.json").read_text())


@pytest.fixture(scope="module")
def small_run(tmp_path_factory) -> tuple[Path, dict]:
    folder = tmp_path_factory.mktemp("quickstart")
    return folder, quickstart(folder)


def figures(results: dict) -> dict:
    """All but the times."""
    return {
        name: {key: value for key, value in row.items() if key != "training_cpu_seconds"}
        for name, row in results.items()
    }


def test_the_table_compares_in_batch_with_grouped_on_all_six_sets(small_run):
    folder, results = small_run
    assert set(results) == {"in-batch", "grouped", "blind"}
    assert SETS <= set(results["grouped"])
    table = (folder / "results.md").read_text()
    assert all(f"| {name} |" in table for name in SETS)
    assert "blind" in table and "chance" in table and "text-only" in table and "image-only" in table
    assert (folder / "results.png").stat().st_size > 10_000


def test_the_checkpoint_loads_and_ranks_as_it_did(small_run):
    folder, results = small_run
    model = MMCLIPModel.from_pretrained(folder / "grouped-0")
    processor = MMCLIPProcessor.from_pretrained(folder / "grouped-0")
    part = ranking_sets(24, 10, TEST_SEED)["rule_exchangeable"]
    hits = hits_of(ranking_scores(model, processor, part.images, part.captions))
    assert hits.hit1 == pytest.approx(results["grouped"]["rule_exchangeable"][0]["hit1"])
    card = (folder / "grouped-0" / "README.md").read_text()
    assert "2505.20152" in card and str(folder) not in card


def test_the_same_seed_gives_the_same_numbers(small_run, tmp_path):
    assert figures(quickstart(tmp_path)) == figures(small_run[1])


def test_what_was_trained_with_the_same_settings_is_not_trained_again(small_run, capsys):
    folder, results = small_run
    weights = (folder / "grouped-0" / "model.safetensors").stat().st_mtime_ns
    assert quickstart(folder) == results  # the times, too
    assert "grouped-0 was trained with these settings before" in capsys.readouterr().out
    assert (folder / "grouped-0" / "model.safetensors").stat().st_mtime_ns == weights
    (folder / "grouped-0" / "scores.npz").unlink()
    assert figures(quickstart(folder)) == figures(results)
    assert (folder / "grouped-0" / "model.safetensors").stat().st_mtime_ns != weights


@pytest.mark.parametrize("option", ["--seeds", "--steps", "--anchors", "--scenes"])
def test_a_number_that_cannot_be_is_refused_by_name(option, tmp_path):
    with pytest.raises(ValueError, match=f"`{option[2:]}=0`; it must be at least"):
        main(["--output_dir", str(tmp_path), option, "0"])


def test_another_seed_gives_other_numbers(small_run, tmp_path):
    assert figures(quickstart(tmp_path, "--seed", "1")) != figures(small_run[1])


def test_all_regimes_train_with_several_seeds(tmp_path):
    results = quickstart(tmp_path, "--all", "true", "--seeds", "2", "--anchors", "12")
    assert set(REGIMES) <= set(results)
    assert all(len(results[name]["random"]) == 2 for name in REGIMES)


def test_real_problems_are_trained_on_and_ranked(real_data, tmp_path):
    results = quickstart(tmp_path, "--real", str(real_data / "geometry3k" / "test"))
    assert set(results) == {"in-batch", "hybrid", "blind"}
    assert set(results["hybrid"]) >= {"random", "retrieval", "rule"}


def test_real_sets_hold_problems_that_are_not_trained_on(real_data):
    train, test = real_split(real_data / "geometry3k" / "test", 0)
    assert not set(train["id"]) & set(test["id"]) and len(train) + len(test) == 64
    sets = real_sets(test, 0)
    for part in sets.values():
        assert part.images.shape[1:] == (96, 96)
        assert all(len(set(row)) == GROUP + 7 and row[0] not in row[1:] for row in part.captions)
    assert (square(test[0]["image"])[0] == 255).all()  # padded with paper


def test_a_folder_without_problems_is_one_sentence(tmp_path):
    command = [
        sys.executable,
        "-m",
        "mmgeolm",
        "quickstart",
        "--real",
        str(tmp_path),
        "--output_dir",
        str(tmp_path),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode != 0 and "Traceback" not in done.stderr
    assert str(tmp_path) in done.stderr
