"""`mmgeolm align`: the projector changes, nothing else; what is bad is left out; what is stopped goes on."""

import json
import logging
import os
import shutil
import signal

import pytest
import torch
from stage_runs import changed, run, save, saved_lmm, start, weights
from tiny_llms import tiny_llm
from tiny_models import noise_image, tiny_mmclip
from transformers import LlavaForConditionalGeneration

from mmgeolm.sft_options import AlignArguments, load_data

PROJECTOR = {f"multi_modal_projector.linear_{n}.{kind}" for n in (1, 2) for kind in ("weight", "bias")}


@pytest.fixture(scope="module")
def lmm(tmp_path_factory):
    return saved_lmm(tmp_path_factory.mktemp("base") / "lmm")


def captions(folder, count=8):
    return save([([noise_image(n)], "Describe it.", f"AB is {n}") for n in range(count)], folder)


@pytest.mark.parametrize("tower", ["clip", "altclip", "siglip"])
def test_alignment_changes_exactly_the_projector(tmp_path, tower):
    base = saved_lmm(tmp_path / "lmm", tower)
    run("align", model=base, data=[captions(tmp_path / "data")], max_steps=2, output_dir=tmp_path / "out",
        per_device_train_batch_size=4)  # fmt: skip
    assert changed(weights(base), weights(tmp_path / "out")) == PROJECTOR
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["use_cache"] is not False
    theta = config["text_config"]["rope_parameters"]["rope_theta"]
    assert config["text_config"]["rope_theta"] == theta  # where transformers 4 and vLLM look for it
    tokenizer = json.loads((tmp_path / "out" / "tokenizer_config.json").read_text())
    assert tokenizer["tokenizer_class"] == "PreTrainedTokenizerFast" and "extra_special_tokens" not in tokenizer


@pytest.mark.parametrize("stored", [torch.bfloat16, torch.float32])
def test_frozen_weights_stay_as_they_are_stored_and_the_projector_learns(tmp_path, lmm, stored):
    model = shutil.copytree(lmm, tmp_path / "model")
    LlavaForConditionalGeneration.from_pretrained(lmm, dtype=stored).save_pretrained(model)
    run("align", model=model, data=[captions(tmp_path / "data")], max_steps=2, output_dir=tmp_path / "out", bf16=True,
        per_device_train_batch_size=4, learning_rate=1e-2)  # fmt: skip
    before, after = weights(model), weights(tmp_path / "out")
    assert {tensor.dtype for tensor in after.values()} == {stored}
    assert changed(before, after) == PROJECTOR


def test_bad_records_of_a_json_file_are_left_out_and_the_run_goes_on(tmp_path, lmm, caplog):
    for number in range(4):
        noise_image(number).save(tmp_path / f"{number}.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "0.png").read_bytes()[:-900])

    def llava(image, answer="AB is 5", question="<image>\nDescribe it."):
        return {
            "image": image,
            "conversations": [{"from": "human", "value": question}, {"from": "gpt", "value": answer}],
        }

    records = [llava(f"{number}.png") for number in range(4)]
    records += [llava("none.png"), llava("1.png", question="<image><image>"), llava("1.png", answer="5 " * 600)]
    records += [llava("cut.png"), {"conversations": llava("")["conversations"][:1]}]
    text_only = llava("", question="Describe it.")
    del text_only["image"]
    (tmp_path / "data.json").write_text(json.dumps([*records, text_only]))
    with caplog.at_level(logging.WARNING):
        run("align", model=lmm, data=[tmp_path / "data.json"], max_steps=3, output_dir=tmp_path / "out",
            per_device_train_batch_size=2)  # fmt: skip
    assert "there is no file" in caplog.text  # by the reader of the file
    assert "it has 2 marks <image> for 1 images" in caplog.text
    assert "Left out 2 of 7 records (too long 1, text only 1)." in caplog.text
    assert "cut.png cannot be decoded" in caplog.text
    left_out = [json.loads(line) for line in (tmp_path / "out" / "_left_out.jsonl").read_text().splitlines()]
    assert [record["kind"] for record in left_out] == ["too long", "text only"]
    assert changed(weights(lmm), weights(tmp_path / "out")) == PROJECTOR


def test_tower_and_language_model_are_assembled_on_the_way(tmp_path):
    encoder, processor = tiny_mmclip()
    encoder.save_pretrained(tmp_path / "encoder")
    processor.save_pretrained(tmp_path / "encoder")
    model, tokenizer = tiny_llm("qwen2")
    model.save_pretrained(tmp_path / "llm")
    tokenizer.save_pretrained(tmp_path / "llm")
    run("align", mmclip=tmp_path / "encoder", llm=tmp_path / "llm", data=[captions(tmp_path / "data")], max_steps=1,
        output_dir=tmp_path / "out", per_device_train_batch_size=4)  # fmt: skip
    assert changed(weights(tmp_path / "out" / "_assembled"), weights(tmp_path / "out")) == PROJECTOR


def test_data_sets_are_read_from_folders_files_and_published_layouts(tmp_path):
    own = captions(tmp_path / "own", 3)
    (tmp_path / "geo170k").mkdir()
    noise_image(1).save(tmp_path / "geo170k" / "1.png")
    turns = [{"from": "human", "value": "<image>\nDescribe it."}, {"from": "gpt", "value": "AB is 5"}]
    (tmp_path / "geo170k" / "alignment.json").write_text(json.dumps([{"image": "1.png", "conversations": turns}]))
    ours = {
        "images": ["geo170k/1.png"],
        "messages": [{"role": "user", "content": "AB?"}, {"role": "assistant", "content": "5"}],
    }
    (tmp_path / "ours.jsonl").write_text(json.dumps(ours) + "\n")
    paths = [own, f"gllava_alignment:{tmp_path / 'geo170k'}", str(tmp_path / "ours.jsonl"), f"again={own}"]
    sources = load_data(AlignArguments(data=paths))
    assert {name: len(source) for name, source in sources.items()} == {
        "own": 3, "gllava_alignment": 1, "ours": 1, "again": 3,
    }  # fmt: skip
    for name in ("gllava_alignment", "ours"):
        assert sources[name][0]["images"][0].size == (32, 32)
    sources["own"].to_parquet(tmp_path / "own.parquet")
    (parquet,) = load_data(AlignArguments(data=[str(tmp_path / "own.parquet")])).values()
    assert parquet[2]["messages"][1] == {"role": "assistant", "content": "AB is 2"}
    with pytest.raises(ValueError, match="two data sets are called 'own'; give each a name"):
        load_data(AlignArguments(data=[own, own]))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": ""}, "pass --model with a folder of `mmgeolm assemble`, or both --mmclip and --llm"),
        ({"mmclip": "x"}, "pass --model, or --mmclip and --llm to assemble one, not both"),
        ({"data": []}, "pass --data with Instructions records"),
        ({"data": ["none.json"]}, "There is no file none.json"),
        ({"data": ["./none"]}, "There are no instructions at ./none"),
        ({"passes": {"none": 2}}, "`passes` names the data set 'none'; the data sets are data"),
        ({"passes": "{"}, "`passes` is '{', which is not JSON"),
        ({"max_length": 8}, "No record is left to train on, of 8 in data"),
        ({"packing": True}, "You set `packing=True`; with images only False is right"),
        ({"assistant_only_loss": False}, "You set `assistant_only_loss=False`"),
        ({"resume_from_checkpoint": "none"}, None),
        ({"resume_from_checkpoint": "nowhere"}, "nowhere is no checkpoint to go on from"),
    ],
)
def test_what_cannot_be_right_is_one_sentence(tmp_path, lmm, settings, message):
    settings = {
        "model": lmm,
        "data": [captions(tmp_path / "data")],
        "output_dir": tmp_path / "out",
        "max_steps": 1,
        **settings,
    }
    settings = {name: value for name, value in settings.items() if value not in ("", [])}
    if message is None:
        run("align", **settings)
        return
    with pytest.raises((ValueError, OSError)) as error:
        run("align", **settings)
    assert message in str(error.value)


def test_a_finished_model_is_replaced_only_when_told(tmp_path, lmm):
    settings = {"model": lmm, "data": [captions(tmp_path / "data")], "output_dir": tmp_path / "out", "max_steps": 1}
    run("align", **settings, save_strategy="steps", save_steps=1)
    first = weights(tmp_path / "out")
    with pytest.raises(ValueError, match="already holds a finished model; name another --output_dir, or pass --over"):
        run("align", **settings)
    run("align", **settings, overwrite=True, learning_rate=0.1)
    assert changed(first, weights(tmp_path / "out")) == PROJECTOR
    assert not (tmp_path / "out" / "checkpoint-1").exists()


def test_a_stopped_run_says_how_to_go_on_and_wants_the_same_data(tmp_path, lmm):
    settings = {"model": lmm, "data": [captions(tmp_path / "data")], "output_dir": tmp_path / "out", "max_steps": 2,
                "save_strategy": "steps", "save_steps": 1}  # fmt: skip
    run("align", **settings)
    # As if it had been killed while it wrote its second checkpoint, or while it wrote the model.
    for name in ("training_args.bin", "model.safetensors", "checkpoint-2/trainer_state.json"):
        (tmp_path / "out" / name).unlink()
    with pytest.raises(ValueError, match="has checkpoint-1 of a run that was stopped; go on from it with --resume_fr"):
        run("align", **settings)
    with pytest.raises(ValueError, match="had data {'data': 8}, now it is {'data': 7}: go on with the same data"):
        run(
            "align", **{**settings, "data": [f"data={captions(tmp_path / 'other', 7)}"]}, resume_from_checkpoint="true"
        )
    run("align", **settings, resume_from_checkpoint="true")
    assert (tmp_path / "out" / "model.safetensors").exists()


def test_an_interrupt_is_one_sentence(tmp_path, lmm):
    settings = {"model": lmm, "data": [captions(tmp_path / "data")], "output_dir": str(tmp_path / "out"),
                "max_steps": 5000, "per_device_train_batch_size": 1}  # fmt: skip
    process = start("align", settings)
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "'loss'" in line:
            os.kill(process.pid, signal.SIGINT)
            break
    lines += process.stdout.readlines()
    assert process.wait() == 130, "".join(lines)
    assert "Traceback" not in "".join(lines)
    assert "before the first checkpoint (--save_steps); the same command begins again." in lines[-1]
