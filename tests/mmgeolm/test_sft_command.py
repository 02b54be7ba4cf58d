"""`mmgeolm sft`: what it trains, that it learns what it sees, and that it goes on exactly where it was."""

import os
import signal

import pytest
import torch
from PIL import Image
from stage_runs import (
    QUESTIONS,
    changed,
    largest_difference,
    mixed_records,
    run,
    saved_lmm,
    shapes,
    start,
    weights,
)

from mmgeolm.answering import answer, load_lmm


@pytest.fixture(scope="module")
def lmm(tmp_path_factory):
    return saved_lmm(tmp_path_factory.mktemp("base") / "lmm")


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return mixed_records(tmp_path_factory.mktemp("records") / "data")


def test_16_pictures_are_learnt_and_the_answer_follows_the_picture(tmp_path, lmm):
    data, pictures, questions, answers = shapes(tmp_path / "data")
    run("sft", model=lmm, data=[data], train="frozen_tower", max_steps=150, per_device_train_batch_size=8,
        learning_rate=5e-3, lr_scheduler_type="cosine", warmup_steps=0.05, logging_steps=50,
        activation_checkpointing=False, output_dir=tmp_path / "out")  # fmt: skip
    model, processor = load_lmm(tmp_path / "out")

    def right(pictures, questions):
        said = answer(model, processor, pictures, questions, max_new_tokens=24)
        return sum(text == wanted for text, wanted in zip(said, answers, strict=True))

    assert right(pictures, questions) >= 14
    # Each picture with the question that stood with others: nothing but the picture tells the answer.
    assert right(pictures, [QUESTIONS[1 - QUESTIONS.index(question)] for question in questions]) >= 14
    assert right([Image.new("RGB", (32, 32), "white")] * 16, questions) <= 3


@pytest.mark.parametrize("train", ["full", "frozen_tower"])
def test_training_changes_what_it_says(tmp_path, lmm, records, train):
    run("sft", model=lmm, data=[records], train=train, max_steps=2, learning_rate=1e-3, per_device_train_batch_size=8,
        output_dir=tmp_path / "out")  # fmt: skip
    before = weights(lmm)
    moved = changed(before, weights(tmp_path / "out"))
    tower = {name for name in before if name.startswith("vision_tower.")}
    if train == "full":
        # Layer -2 is read: what comes after it has no part in the loss.
        still = {name for name in tower if ".layers.1." in name or "post_layernorm" in name}
        # Keys have no use for a bias: softmax takes no notice of it.
        still |= {name for name in before if name.endswith("k_proj.bias")}
        assert before.keys() - moved <= still
        assert len(tower & moved) > 5
    else:
        assert tower.isdisjoint(moved)
        assert {name for name in before if name not in tower and not name.endswith("k_proj.bias")} <= moved


def test_killed_and_resumed_gives_the_weights_of_an_uninterrupted_run(tmp_path, lmm, records):
    settings = {"model": lmm, "data": [records], "train": "lora", "lora_r": 4, "lora_alpha": 8, "lora_dropout": 0.1,
                "num_train_epochs": 3, "per_device_train_batch_size": 2, "gradient_accumulation_steps": 2,
                "learning_rate": 1e-2, "lr_scheduler_type": "cosine", "save_strategy": "steps",
                "save_steps": 4}  # fmt: skip
    run("sft", **settings, output_dir=tmp_path / "whole")
    killed = {**settings, "output_dir": tmp_path / "killed"}
    process = start("sft", killed)
    steps = 0
    for line in process.stdout:
        steps += "'loss'" in line
        if steps == 10:  # in the second epoch; the latest whole checkpoint is that of step 8
            os.kill(process.pid, signal.SIGKILL)
            break
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "killed" / "adapter_config.json").exists()
    with pytest.raises(ValueError, match="go on from it with --resume_from_checkpoint true"):
        run("sft", **killed)
    run("sft", **killed, resume_from_checkpoint="true")
    assert largest_difference(weights(tmp_path / "whole"), weights(tmp_path / "killed")) == 0.0


@pytest.mark.parametrize("train", ["full", "lora"])
def test_two_processes_give_the_weights_of_one_with_the_double_batch(tmp_path, lmm, records, train):
    # Plain gradient descent with large steps: an optimizer that divides by the gradient's size would hide a factor.
    settings = {"model": lmm, "data": [records], "train": train, "lora_r": 4, "lora_dropout": 0.0, "max_steps": 6,
                "optim": "sgd", "learning_rate": 0.3}  # fmt: skip
    run("sft", **settings, per_device_train_batch_size=4, output_dir=tmp_path / "one")
    process = start("sft", {**settings, "per_device_train_batch_size": 2, "output_dir": tmp_path / "two"}, processes=2)
    said = process.communicate(timeout=120)[0]
    assert process.returncode == 0, said[-3000:]
    one, two = weights(tmp_path / "one"), weights(tmp_path / "two")
    if train == "full":
        assert largest_difference(one, weights(lmm)) > 0.01
    assert largest_difference(one, two) < 1e-5


def test_weights_are_saved_in_the_layout_that_they_were_read_in(tmp_path, lmm, records):
    run("sft", model=lmm, data=[records], max_steps=1, output_dir=tmp_path / "out")
    assert set(weights(tmp_path / "out")) == set(weights(lmm))
    assert any(name.startswith("vision_tower.vision_model.") for name in weights(tmp_path / "out"))
    model, _ = load_lmm(tmp_path / "out")
    assert model.dtype == torch.float32
