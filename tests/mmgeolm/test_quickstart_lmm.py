"""The quickstart's LMM, with very few records: it trains, answers, is counted right, and is not made twice."""

import json
from pathlib import Path

import datasets
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import PreTrainedTokenizerFast, Qwen2ForCausalLM
from trl import SFTConfig, SFTTrainer

from dataset_builders.diagram_sets import look_alike_groups
from mmgeolm.answering import answer, load_lmm
from mmgeolm.quickstart_lmm import labels, lmm_scores, lmm_size, lmm_table, made, prepare, train_and_ask
from mmgeolm.scripts.quickstart import QuickstartArguments, lmm_results
from mmgeolm.tiny import tiny_encoder
from mmgeolm.tiny_lmm import TinyLLMTrainer, quiet_settings, talk, tiny_llm, train_tiny_llm, word_tokenizer

# Two steps of LoRA: the first has a learning rate of zero.
STEPS, ASKED = 10, 40
SIZE = lmm_size(STEPS, ASKED)
TOWERS = ("in-batch-0", "grouped-0")


@pytest.fixture(scope="module")
def small_run(tmp_path_factory) -> tuple[Path, Path, dict]:
    """The quickstart's folder, the folder of the LMMs, and what two LMMs answered."""
    output = tmp_path_factory.mktemp("quickstart")
    captions = [row[0] for row in look_alike_groups(50, 1, 0).captions]
    for seed, name in enumerate(TOWERS):
        torch.manual_seed(seed)
        model, processor = tiny_encoder(captions)
        model.save_pretrained(output / name)
        processor.save_pretrained(output / name)
    folder = prepare(output, SIZE, seed=0)
    return output, folder, {name: train_and_ask(output / name, folder, SIZE, seed=0) for name in TOWERS}


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def changed(before: Path, after: Path) -> set[str]:
    """Names of the parts of the model that differ."""
    old, new = weights(before), weights(after)
    assert old.keys() == new.keys()
    parts = ("vision_tower", "multi_modal_projector", "language_model", "lm_head")
    names = {name for name in old if not torch.equal(old[name], new[name])}
    return {part for part in parts if any(part in name for name in names)}


def test_each_stage_trains_what_it_says(small_run):
    own = small_run[1] / "grouped-0"
    assert changed(own / "assembled", own / "aligned") == {"multi_modal_projector"}
    assert changed(own / "aligned", own / "tuned") == {"multi_modal_projector", "language_model"}
    assert changed(own / "tuned", own / "merged") == {"multi_modal_projector", "language_model"}


def test_the_merged_model_answers_as_it_was_counted(small_run):
    _, folder, found = small_run
    asked = datasets.load_from_disk(str(folder / "data" / "asked"))
    model, processor = load_lmm(folder / "grouped-0" / "merged", device="cpu")
    model.set_attn_implementation("eager")
    said = answer(model, processor, asked["image"][:5], asked["question"][:5], max_new_tokens=8)
    assert said == found["grouped-0"]["answers"][:5]
    assert len(found["grouped-0"]["answers"]) == len(found["grouped-0"]["blank"]) == SIZE.asked


def test_what_is_there_is_taken_up_and_what_is_missing_is_made_alike(small_run):
    output, folder, found = small_run
    merged = folder / "grouped-0" / "merged" / "model.safetensors"
    before = merged.stat().st_mtime_ns
    assert prepare(output, SIZE, seed=0) == folder
    assert train_and_ask(output / "grouped-0", folder, SIZE, seed=0) == found["grouped-0"]  # the times, too
    assert merged.stat().st_mtime_ns == before
    (folder / "grouped-0" / "answers" / "made.json").unlink()  # as when it was stopped there
    again = train_and_ask(output / "grouped-0", folder, SIZE, seed=0)
    assert again["answers"] == found["grouped-0"]["answers"] and merged.stat().st_mtime_ns == before


def test_a_part_is_made_again_for_other_settings_or_when_it_was_not_finished(tmp_path):
    calls = []

    def make(folder: Path) -> None:
        folder.mkdir()  # fails where something is left of an earlier one
        calls.append(folder)

    for settings in ({"seed": 0}, {"seed": 0}, {"seed": 1}):
        made(tmp_path / "part", settings, make)
    assert len(calls) == 2
    (tmp_path / "part" / "made.json").unlink()
    made(tmp_path / "part", {"seed": 1}, make)
    assert len(calls) == 3


def test_held_out_questions_are_on_none_of_the_diagrams_trained_on(small_run):
    data = small_run[1] / "data"
    sizes = {name: len(datasets.load_from_disk(str(data / name))) for name in ("captions", "full", "lora", "asked")}
    assert sizes == {"captions": 20, "full": 160, "lora": 20, "asked": 40}
    asked = {image.tobytes() for image in datasets.load_from_disk(str(data / "asked"))["image"]}
    for name in ("captions", "full", "lora"):
        seen = {image.tobytes() for images in datasets.load_from_disk(str(data / name))["images"] for image in images}
        assert not asked & seen


def test_the_figures_are_shares_of_right_answers(small_run):
    _, folder, found = small_run
    asked = datasets.load_from_disk(str(folder / "data" / "asked"))
    forms = np.array([category[0] for category in asked["category"]])
    right = asked["answer"][:]
    half = [text if number % 2 else "?" for number, text in enumerate(right)]
    known = {
        "in-batch-0": {**found["in-batch-0"], "answers": ["?"] * len(right)},
        "grouped-0": {**found["grouped-0"], "answers": half, "blank": right},
    }
    scores = lmm_scores(folder, known)
    row = scores["all"]
    assert row["count"] == SIZE.asked and row["in-batch-0"]["accuracy"] == 0
    assert row["grouped-0"]["accuracy"] == row["grouped-0"]["over"]["accuracy"] == 50
    assert 30 < row["grouped-0"]["low"] < 50 < row["grouped-0"]["high"] < 70
    assert row["grouped-0"]["blank"] == 100 and 20 < row["majority"] < 40
    for form in set(forms):
        places = np.flatnonzero(forms == form)
        assert scores[form]["grouped-0"]["accuracy"] == pytest.approx(100 * np.mean(places % 2))
        assert scores[form]["count"] == len(places)
    table = lmm_table(scores, known)
    assert all(f"| {form} |" in table for form in {"all", *forms})
    assert "grouped-0 − in-batch-0" in table and "+50.0" in table
    json.dumps(scores)


def test_the_language_model_learns_the_answers_of_a_question_without_pictures(tmp_path):
    talks = [talk(("What kind of triangle is ABC?", "scalene")), talk(("Is AB parallel to CD?", "no"))] * 160
    train_tiny_llm(talks, tmp_path, seed=0, batch=4)
    model = Qwen2ForCausalLM.from_pretrained(tmp_path)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(tmp_path)
    for question, expected in ((talks[0][0], "scalene"), (talks[1][0], "no")):
        inputs = tokenizer.apply_chat_template(
            [question], add_generation_prompt=True, return_dict=True, return_tensors="pt"
        )
        tokens = model.generate(**inputs, max_new_tokens=4, do_sample=False)[0, inputs["input_ids"].shape[1] :]
        assert tokenizer.decode(tokens, skip_special_tokens=True).strip() == expected


def test_labels_are_letters_then_numbers_in_order():
    assert (
        labels("triangle(C, A, B)\nD = midpoint(A, B)\nmark_length(A, C, 12)\nmark_angle(A, B, C, 5)")
        == "A B C D 5 12"
    )


def test_the_loss_of_few_words_is_trls(tmp_path):
    tokenizer = word_tokenizer(["Is AB parallel to CD? yes no", "What is it? a triangle"])
    texts = ["Is AB parallel to CD? yes", "What is it?", "a triangle"]
    losses = {}
    for kind in (SFTTrainer, TinyLLMTrainer):
        args = SFTConfig(str(tmp_path), **{**quiet_settings(0), "bf16": False})
        data = datasets.Dataset.from_dict({"text": texts})
        trainer = kind(tiny_llm(tokenizer, 0, width=32), args, train_dataset=data, processing_class=tokenizer)
        for given in (None, torch.tensor(7)):
            batch = trainer.data_collator([trainer.train_dataset[place] for place in range(3)])
            trainer.model.zero_grad()
            loss = trainer.compute_loss(trainer.model, batch, num_items_in_batch=given)
            loss.backward()
            losses[kind, given is None] = loss.detach(), trainer.model.lm_head.weight.grad.clone()
    for given in (True, False):
        for ours, theirs in zip(losses[TinyLLMTrainer, given], losses[SFTTrainer, given], strict=True):
            torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("text", ["AB", "isosceles", "45", "Is AB parallel to CD?", "∠DCN = 20°. CM meets ND at M."])
def test_words_letters_and_numbers_are_read_back(text):
    tokenizer = word_tokenizer(["Is AB parallel to CD?", "isosceles", "CM meets ND at M. = ∠°"])
    ids = tokenizer(text)["input_ids"]
    assert tokenizer.unk_token_id not in ids
    assert tokenizer.decode(ids).replace(" ", "") == text.replace(" ", "")
    if "=" not in text:
        assert tokenizer.decode(ids).strip() == text


def test_the_quickstart_takes_up_both_lmms_and_tells_where_they_are(small_run, capsys):
    output, folder, found = small_run
    args = QuickstartArguments(str(output), steps=STEPS, anchors=ASKED)
    figures, table = lmm_results(list(TOWERS), args)
    assert figures["by_form"] == lmm_scores(folder, found) and table == lmm_table(figures["by_form"], found)
    assert figures["cpu_seconds"]["shared"].keys() == {"data", "llm"}
    assert figures["cpu_seconds"]["grouped-0"]["tuned"] == found["grouped-0"]["cpu_seconds"]["tuned"]  # then
    assert "160 diagrams" in capsys.readouterr().out


def test_the_size_follows_the_steps():
    assert lmm_size(800, 1_000).diagrams == 12_800
    assert lmm_size(270, 1_000).diagrams < 5_000
