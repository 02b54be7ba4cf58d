"""`mmgeolm merge`: adapter, merged and reloaded models say the same; nothing of the base has changed."""

import json
import os
import shutil
from importlib import import_module
from pathlib import Path

import pytest
import torch
from stage_runs import changed, run, saved_lmm, shapes, weights
from transformers import AutoModelForImageTextToText

from mmgeolm.answering import answer, load_lmm


def merge(*arguments) -> None:
    import_module("mmgeolm.scripts.merge").main([str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def adapted(tmp_path_factory):
    """Folders of a base and an adapter, and pictures; the base was named by a relative path."""
    folder = tmp_path_factory.mktemp("adapted")
    base = saved_lmm(folder / "base")
    before = weights(base)
    data, pictures, questions, _ = shapes(folder / "data")
    here = os.getcwd()
    os.chdir(folder)
    try:
        run("sft", model="base", data=[data], train="lora", lora_r=4, lora_alpha=8, max_steps=20, learning_rate=1e-2,
            per_device_train_batch_size=8, output_dir="adapter")  # fmt: skip
    finally:
        os.chdir(here)
    return folder, before, pictures, questions


def logits(model, processor, pictures, questions):
    talks = [
        [{"role": "user", "content": [{"type": "image", "image": image}, {"type": "text", "text": question}]}]
        for image, question in zip(pictures, questions, strict=True)
    ]
    inputs = processor.apply_chat_template(
        talks, tokenize=True, return_dict=True, return_tensors="pt", add_generation_prompt=True,
        processor_kwargs={"padding": True},
    )  # fmt: skip
    with torch.no_grad():
        return model(**inputs).logits[:, -1]


def test_adapter_merged_and_reloaded_agree(adapted, tmp_path):
    folder, before, pictures, questions = adapted
    assert changed(before, weights(folder / "base")) == set()
    config = json.loads((folder / "adapter" / "adapter_config.json").read_text())
    assert Path(config["base_model_name_or_path"]) == (folder / "base").resolve()

    adapter, processor = load_lmm(folder / "adapter")
    with_adapter = logits(adapter, processor, pictures, questions)
    base, _ = load_lmm(folder / "base")
    assert (with_adapter - logits(base, processor, pictures, questions)).abs().max() > 0.1

    merge(folder / "adapter", "--output_dir", tmp_path / "merged")
    merged, merged_processor = load_lmm(tmp_path / "merged")
    torch.testing.assert_close(logits(merged, merged_processor, pictures, questions), with_adapter, rtol=0, atol=2e-5)
    said = answer(adapter, processor, pictures, questions, max_new_tokens=12)
    assert answer(merged, merged_processor, pictures, questions, max_new_tokens=12) == said

    # The tower and all that has no adapter, the language model's embeddings say, are the base's bit by bit.
    moved = changed(before, weights(tmp_path / "merged"))
    assert not any(name.startswith("vision_tower.") or "embed_tokens" in name or "norm" in name for name in moved)
    assert len(moved) == 4 + 7 * 2
    merged.save_pretrained(tmp_path / "again")
    again = AutoModelForImageTextToText.from_pretrained(tmp_path / "again")
    assert torch.equal(logits(again, processor, pictures, questions), logits(merged, processor, pictures, questions))
    assert set(weights(tmp_path / "again")) == set(before)


def test_a_base_that_has_moved_is_named(adapted, tmp_path):
    folder, *_ = adapted
    shutil.copytree(folder / "base", tmp_path / "moved")
    shutil.copytree(folder / "adapter", tmp_path / "adapter")
    file = tmp_path / "adapter" / "adapter_config.json"
    config = json.loads(file.read_text())
    config["base_model_name_or_path"] = "/nowhere/base"
    file.write_text(json.dumps(config))
    with pytest.raises(ValueError, match="/nowhere/base, is not there any more; pass where it is as --base"):
        merge(tmp_path / "adapter", "--output_dir", tmp_path / "merged")
    merge(tmp_path / "adapter", "--base", tmp_path / "moved", "--output_dir", tmp_path / "merged")
    merge(folder / "adapter", "--output_dir", tmp_path / "merged too")
    assert changed(weights(tmp_path / "merged"), weights(tmp_path / "merged too")) == set()


def test_what_cannot_be_merged_is_one_sentence(adapted, tmp_path):
    folder, *_ = adapted
    with pytest.raises(ValueError, match="name the adapter's folder"):
        merge("--output_dir", tmp_path / "merged")
    with pytest.raises(ValueError, match="pass --output_dir, a folder for the merged model"):
        merge(folder / "adapter")
    with pytest.raises(ValueError, match="base is no adapter: it has no adapter_config.json"):
        merge(folder / "base", "--output_dir", tmp_path / "merged")
    with pytest.raises(ValueError, match="already holds a finished model"):
        merge(folder / "adapter", "--output_dir", folder / "base")
    shutil.copytree(folder / "adapter", tmp_path / "adapter")
    file = tmp_path / "adapter" / "adapter_config.json"
    file.write_text(file.read_text().replace('"r": 4', '"r": 5'))
    with pytest.raises(ValueError, match="does not fit"):
        merge(tmp_path / "adapter", "--output_dir", tmp_path / "merged")
    assert not (tmp_path / "merged").exists()
