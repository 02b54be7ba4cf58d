"""Models, adapters and their processors: pushed to a Hub, loaded back, told about in a card."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from huggingface_hub import EvalResultEntry, ModelCard, eval_result_entries_to_yaml
from loopback_hub import LoopbackHub
from safetensors.torch import load_file, save_file
from stage_runs import picture, run, saved_lmm, shapes
from tiny_llms import a_question, logits, tiny_llm
from tiny_models import tiny_mmclip

from mmgeolm import assemble
from mmgeolm.answering import load_lmm
from mmgeolm.lmm_card import card_to_publish, new_history, read_history, write_card
from mmgeolm.merging import merge
from mmgeolm.publish import check_weights, publish

TESTS = Path(__file__).parents[1]
QUICK = {"max_steps": 3, "learning_rate": 1e-2, "per_device_train_batch_size": 4}
RESULT = EvalResultEntry("AI4Math/MathVista", "all", 25.5, notes="official rule, 335 questions")


class Hub(LoopbackHub):
    """One that deletes files, too, and lists a folder by itself."""

    def _repository(self, name, what, body):
        if what.startswith("tree/") and what.count("/") > 1:  # no model here has folders that are listed
            return 404, {"error": "Entry not found"}, {"X-Error-Code": "EntryNotFound"}
        if what.startswith("commit/"):
            for line in filter(None, body.splitlines()):
                entry = json.loads(line)
                if entry["key"] == "deletedFile":
                    del self.files[name][entry["value"]["path"]]
        return super()._repository(name, what, body)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with an aligned model, an adapter on it and both merged."""
    folder = tmp_path_factory.mktemp("made")
    data, *_ = shapes(folder / "data")
    run("align", model=saved_lmm(folder / "base"), data=[f"figures={data}"], output_dir=folder / "aligned", **QUICK)
    run("sft", model=folder / "aligned", data=[data], train="lora", lora_r=4, output_dir=folder / "adapter",
        passes={"data": 0.5}, **QUICK)  # fmt: skip
    results = folder / "adapter" / ".eval_results"
    results.mkdir()
    (results / "mathvista.yaml").write_text(yaml.safe_dump(eval_result_entries_to_yaml([RESULT])))
    merge(str(folder / "adapter"), str(folder / "merged"))
    return folder


@pytest.fixture
def copied(made, tmp_path):
    """The same, to be spoilt."""
    for name in ("aligned", "adapter"):
        shutil.copytree(made / name, tmp_path / name)
    return tmp_path


def says(folder):
    """Logits for a question, by the model and processor in a folder."""
    model, processor = load_lmm(folder, device="cpu")
    return logits(model, a_question(processor, image=picture("red", "circle")))


def python(program: str, **variables: str) -> str:
    """What a program prints in a process of its own, for which the variables are set from the beginning."""
    environment = {
        **os.environ, "PYTHONPATH": f"{TESTS}{os.pathsep}{TESTS.parent}", "CUDA_VISIBLE_DEVICES": "",
        "OMP_NUM_THREADS": "1", **variables,
    }  # fmt: skip
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


PUBLISH = """
from stage_runs import run
from mmgeolm.publish import publish
publish(MADE + "/merged", "one", private=True)  # to be replaced
publish(MADE + "/adapter", "one", base="me/one")
publish(MADE + "/aligned", "me/aligned")
publish(MADE + "/merged", "one")
print(publish(MADE + "/adapter", "me/adapter", base="me/aligned"))
run("sft", model="me/aligned", data=[MADE + "/data"], train="lora", lora_r=4, output_dir=OUT, push_to_hub=True,
    hub_model_id="me/by-the-trainer", save_strategy="steps", save_steps=1, max_steps=2)
"""
LOAD = """
import torch
from transformers import AutoModelForImageTextToText, AutoProcessor
from stage_runs import picture
from tiny_llms import a_question, logits
for name in ("aligned", "one", "adapter", "by-the-trainer"):
    model = AutoModelForImageTextToText.from_pretrained("me/" + name)
    processor = AutoProcessor.from_pretrained("me/" + name)
    torch.save(logits(model.eval(), a_question(processor, image=picture("red", "circle"))), f"{OUT}/{name}.pt")
"""


def test_what_was_published_loads_from_the_hub_and_says_the_same(made, tmp_path):
    names = f"MADE, OUT = {str(made)!r}, {str(tmp_path / 'trained')!r}"
    with Hub() as hub:
        said = python(f"{names}\n{PUBLISH}", **hub.environment(tmp_path / "home"))
        assert f"{hub.url}/me/adapter" in said
        python(f"OUT = {str(tmp_path)!r}\n{LOAD}", **hub.environment(tmp_path / "other home"))
        assert hub.unknown == []
    for name, folder in (("aligned", "aligned"), ("one", "merged"), ("adapter", "adapter")):
        assert torch.equal(torch.load(tmp_path / f"{name}.pt"), says(made / folder)), name
    # The adapter of the trainer: on a base that was loaded from the Hub, by a card and a processor of its own.
    assert not torch.equal(torch.load(tmp_path / "by-the-trainer.pt"), torch.load(tmp_path / "aligned.pt"))

    for name, files in hub.files.items():
        assert not {file for file in files if file.startswith(("_", "checkpoint")) or file.endswith(".bin")}, name
        for file, content in files.items():
            assert str(made).encode() not in content and str(tmp_path).encode() not in content, f"{name}/{file}"
            assert b"hf_loopback" not in content, f"{name}/{file}"
    # What the adapter had left under the name that a whole model then took would be loaded on top of it.
    assert not {file for file in hub.files["me/one"] if file.startswith("adapter")}
    assert json.loads(hub.files["me/aligned"]["config.json"])["text_config"]["rope_theta"] == 1e6
    for name in ("adapter", "by-the-trainer"):
        assert json.loads(hub.files[f"me/{name}"]["adapter_config.json"])["base_model_name_or_path"] == "me/aligned"
        card = ModelCard(hub.files[f"me/{name}"]["README.md"].decode())
        assert (card.data.base_model, card.data.base_model_relation) == ("me/aligned", "adapter")
        assert f'from_pretrained("me/{name}")' in card.text
    assert "MathVista" in hub.files["me/adapter"][".eval_results/mathvista.yaml"].decode()
    card = ModelCard(hub.files["me/adapter"]["README.md"].decode())
    assert "| AI4Math/MathVista | all | 25.5 | official rule, 335 questions |" in card.text
    assert "Alignment" in ModelCard(hub.files["me/by-the-trainer"]["README.md"].decode()).text


def test_cards_tell_all_stages_with_their_data_and_settings(made):
    for name, library in (("aligned", "transformers"), ("adapter", "peft"), ("merged", "transformers")):
        text = (made / name / "README.md").read_text()
        card = ModelCard.load(made / name / "README.md")
        assert card.data.library_name == library and card.data.pipeline_tag == "image-text-to-text"
        assert str(made) not in text and "base_model" not in text and "2505.20152" in text
        assert "| figures | 16 | 1 | a test |" in text and "The projector alone, 3 steps; mean training loss" in text
        assert ("Supervised" in text) == (name != "aligned") == ("| `lora_r` | 4 |" in text)
        assert ("| data | 8 | 0.5 | a test |" in text) == (name != "aligned")
        assert ("merged into the weights" in text) == (name == "merged")
        assert str(made) not in (made / name / "lmm_history.json").read_text()


def test_names_on_the_hub_are_told_and_folders_are_not(tmp_path, monkeypatch):
    model, _ = load_lmm(saved_lmm(tmp_path / "lmm"), device="cpu")
    write_card(tmp_path / "lmm", new_history(model.config, tmp_path / "clip", "Qwen/Qwen2.5-7B-Instruct"))
    card = ModelCard.load(tmp_path / "lmm" / "README.md")
    assert card.data.base_model == ["Qwen/Qwen2.5-7B-Instruct"] and "huggingface.co/Qwen/Qwen2.5-7B" in card.text
    assert "the projector's weights are random" in card.text and str(tmp_path) not in str(card)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Qwen" / "mine").mkdir(parents=True)
    assert new_history(model.config, llm="Qwen/mine")["llm"] == {"type": "qwen2", "name": None}
    assert read_history("me/nothing") is None


def test_an_edited_card_is_kept(copied):
    card, _ = card_to_publish(copied / "adapter", "me/new", "me/base")
    assert 'from_pretrained("me/new")' in card and "25.5" in card
    file = copied / "adapter" / "README.md"
    file.write_text(file.read_text() + "\nMeasured by hand.\n")
    card, history = card_to_publish(copied / "adapter", "me/new", "me/base")
    assert "Measured by hand." in card and ModelCard(card).data.base_model == "me/base"
    assert json.loads(history)["base"] == "me/base"


def refused(folder, match, name="me/x", **options):
    with pytest.raises(ValueError, match=match):
        publish(folder, name, **options)


def test_what_is_not_whole_is_not_published(copied):
    model, adapter = copied / "aligned", copied / "adapter"
    refused(model, "NAME or USER/NAME", name="a/b/c")
    refused(copied, "no finished model")
    refused(model, "has no base", base="me/base")
    refused(adapter, "aligned, which nobody else can load; publish it, and pass its name")

    whole = load_file(model / "model.safetensors")
    save_file({name: tensor for name, tensor in whole.items() if "linear_2" not in name}, model / "model.safetensors")
    refused(model, r"lacks weights \(2, as multi_modal_projector.linear_2.bias\)")
    save_file({**whole, "extra": torch.zeros(1)}, model / "model.safetensors")
    refused(model, "has weights that its configuration does not know")
    (model / "model.safetensors").write_bytes((model / "model.safetensors").read_bytes()[:-8])
    refused(model, "model.safetensors is cut or broken")
    (model / "model.safetensors").unlink()
    refused(model, "has no weights")
    save_file(whole, model / "model.safetensors")

    shutil.move(model / "tokenizer.json", copied)
    refused(model, "has no processor that can be loaded")
    shutil.move(copied / "tokenizer.json", model)
    (model / "training_args.bin").unlink()
    refused(model, "no finished model")

    lora = load_file(adapter / "adapter_model.safetensors")
    save_file(dict(list(lora.items())[1:]), adapter / "adapter_model.safetensors")
    refused(adapter, "not those of a whole LoRA adapter", base="me/base")


def test_texts_with_a_token_or_a_folder_of_this_machine_are_not_published(copied):
    file = copied / "aligned" / "README.md"
    text = file.read_text()
    file.write_text(f"{text}\nexport HF_TOKEN=hf_{'x' * 34}\n")
    refused(copied / "aligned", "README.md in .* holds what looks like a token")
    file.write_text(f"{text}\nIt lies in {(copied / 'aligned').resolve()}.\n")
    refused(copied / "aligned", "README.md in .* a folder of this machine")
    file.unlink()
    (copied / "aligned" / "lmm_history.json").unlink()
    refused(copied / "aligned", "has no card; write a README.md")


@pytest.mark.parametrize(("tower", "llm", "tied"), [("siglip", "llama", True), ("altclip", "mistral", False)])
def test_weights_in_several_files_are_whole_only_together(tower, llm, tied, tmp_path):
    language, tokenizer = tiny_llm(llm, tied=tied)
    assemble(tiny_mmclip(tower)[0], language, tmp_path / "lmm", tokenizer=tokenizer, max_shard_size="100KB")
    files = check_weights(tmp_path / "lmm")
    assert len(files) > 3 and set(files) == {file.name for file in (tmp_path / "lmm").glob("model*")}
    model, _ = load_lmm(tmp_path / "lmm", device="cpu")
    model.save_pretrained(tmp_path / "again")
    assert check_weights(tmp_path / "again") == ["model.safetensors"]
    (tmp_path / "lmm" / files[1]).unlink()
    with pytest.raises(ValueError, match=f"lacks {files[1]}, which its index names"):
        check_weights(tmp_path / "lmm")


def test_who_is_not_logged_in_is_told_so_and_an_adapter_without_a_base_before_it_is_trained(made, tmp_path):
    with pytest.raises(OSError, match="not logged in .*hf auth login"):
        publish(made / "aligned", "me/x")
    with pytest.raises(ValueError, match="publish the base and pass its name as --model"):
        run("sft", model=made / "aligned", data=[made / "data"], train="lora", push_to_hub=True,
            output_dir=tmp_path / "adapter")  # fmt: skip
    assert not (tmp_path / "adapter").exists()
