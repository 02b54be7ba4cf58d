"""Two processes train as one does with the double batch."""

import json

import pytest
from run_tiny import final_parameters, largest_difference
from tiny_models import tiny_mmclip


@pytest.mark.parametrize(
    "settings",
    [
        {"candidates": "hard"},
        {"candidates": "in_batch"},
        {"candidates": "hybrid"},
        {"candidates": "hybrid", "gradient_cache_chunk_size": 5},
        {"candidates": "hard", "anchors_per_micro_batch": 3},
        {"candidates": "hybrid", "negative_choice": "random", "max_negatives": 2, "dataloader_num_workers": 1},
        {"candidates": "hybrid", "stream": True},
        {"stages": [{"share": 0.6, "candidates": "in_batch"}, {"share": 0.4, "candidates": "hard"}], "batch": 6},
    ],
    ids=[
        "hard",
        "in_batch",
        "hybrid",
        "hybrid with gradient cache",
        "hard in micro-batches",
        "drawn negatives and workers",
        "stream",
        "stages whose batches do not divide the data",
    ],
)
def test_two_processes_give_the_parameters_of_one_with_the_double_batch(tmp_path, settings):
    # Plain gradient descent with large steps: an optimizer that divides by the gradient's size would hide a factor.
    settings = {**settings, "optim": "sgd", "learning_rate": 0.3}
    batch = settings.pop("batch", 8)
    if "stages" in settings:
        settings["max_steps"] = 13  # two steps more than the 64 records have batches
    one = final_parameters(tmp_path / "one", {**settings, "per_device_train_batch_size": batch})
    two = final_parameters(tmp_path / "two", {**settings, "per_device_train_batch_size": batch // 2}, processes=2)
    assert largest_difference(one, tiny_mmclip("clip")[0].state_dict()) > 0.01
    assert largest_difference(one, two) < 2e-6


def test_without_gathering_each_process_contrasts_its_own_batch(tmp_path):
    settings = {"candidates": "in_batch", "optim": "sgd", "learning_rate": 0.3, "per_device_train_batch_size": 4}
    gathered = final_parameters(tmp_path / "gathered", settings, processes=2)
    apart = final_parameters(tmp_path / "apart", {**settings, "gather_across_devices": False}, processes=2)
    assert largest_difference(gathered, apart) > 1e-4


def test_two_processes_evaluate_as_one_does(tmp_path):
    # 19 records in batches of 4: the last batches are uneven, and processes have unequal numbers of candidates.
    settings = {"evaluate": True, "per_device_eval_batch_size": 4, "optim": "sgd", "learning_rate": 0.3}
    final_parameters(tmp_path / "one", {**settings, "per_device_train_batch_size": 8})
    final_parameters(tmp_path / "two", {**settings, "per_device_train_batch_size": 4}, processes=2)
    one, two = (json.loads((tmp_path / name / "metrics.json").read_text()) for name in ("one", "two"))
    figures = [name for name in one if name.endswith(("_hit@1", "_hit@5", "_mrr", "_anchors", "_chance"))]
    assert len(figures) == 15
    assert {name: one[name] for name in figures} == pytest.approx({name: two[name] for name in figures})
    assert one["eval_random_anchors"] == 19
