"""The command line, run as a user runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_models import noise_image, save_backbone, tiny_backbone

from modeling_mmclip import MMCLIPModel

ROOT = Path(__file__).parents[2]


def mmgeolm(*arguments: str, program: tuple[str, ...] = ("-m", "mmgeolm")) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, *program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)


def conversation(caption: str) -> list[dict]:
    return [{"from": "human", "value": "<image>\nDescribe."}, {"from": "gpt", "value": caption}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A backbone, and a file in each of the authors' two formats with its images."""
    folder = tmp_path_factory.mktemp("cli")
    save_backbone("clip", folder / "backbone")
    text, image = [], []
    for number in range(8):
        for place in range(3):
            noise_image(10 * number + place).save(folder / f"{number}-{place}.png")
        shared = {"positive_image_path": f"{number}-0.png", "conversations": conversation(f"AB = {number}.")}
        text.append({**shared, "negative_captions": [f"AB = {number + 10}.", f"BC = {number}."]})
        image.append({**shared, "negative_image_path": [f"{number}-1.png", f"{number}-2.png"]})
    (folder / "text.json").write_text(json.dumps(text))
    (folder / "image.json").write_text(json.dumps(image))
    return folder


def options(folder: Path, output: Path) -> list[str]:
    settings = {
        "model_name_or_path": folder / "backbone",
        "output_dir": output,
        "max_steps": 2,
        "per_device_train_batch_size": 4,
        "learning_rate": 1e-3,
        "use_cpu": "true",
        "report_to": "none",
    }
    return [part for name, value in settings.items() for part in (f"--{name}", str(value))]


def moved(output: Path) -> bool:
    """Whether the saved weights load, and differ from the backbone's."""
    weights = MMCLIPModel.from_pretrained(output).state_dict()
    start = tiny_backbone("clip")[0].state_dict()
    return any(not torch.equal(weights[f"backbone.{name}"], value) for name, value in start.items())


@pytest.mark.parametrize("name", ["text", "image"])
def test_mmclip_trains_on_either_of_the_authors_formats(name, folder, tmp_path):
    data = ["--train_file", folder / f"{name}.json", "--eval_file", folder / f"{name}.json", "--candidates", "hard"]
    done = mmgeolm("mmclip", *options(folder, tmp_path), *data)
    assert done.returncode == 0, done.stderr[-3000:]
    assert moved(tmp_path)
    results = json.loads((tmp_path / "eval_results.json").read_text())
    assert f"eval_{'rule' if name == 'text' else 'image'}_hit@1" in results and "eval_random_hit@1" in results
    assert "2505.20152" in (tmp_path / "README.md").read_text()
    assert str(tmp_path) in done.stdout


def test_mmclip_reads_yaml_with_several_files_and_stages(folder, tmp_path):
    config = tmp_path / "recipe.yaml"
    config.write_text(
        f"""
train_file: [text={folder / "text.json"}, image={folder / "image.json"}]
stages:
  - {{share: 0.5, candidates: in_batch, mixture: {{text: 1}}}}
  - {{share: 0.5, candidates: hybrid, mixture: {{image: 1}}}}
max_negatives: 1
"""
    )
    done = mmgeolm("mmclip", "--config", config, *options(folder, tmp_path / "out"))
    assert done.returncode == 0, done.stderr[-3000:]
    card = (tmp_path / "out" / "README.md").read_text()
    assert moved(tmp_path / "out") and "| text | 8 |" in card and "| image | 8 |" in card


def test_stages_and_mixture_are_flags_too(folder, tmp_path):
    data = ["--train_file", f"a={folder / 'text.json'}", f"b={folder / 'image.json'}"]
    stages = '[{"share": 0.5, "candidates": "in_batch"}, {"share": 0.5, "mixture": {"b": 1.0}}]'
    done = mmgeolm("mmclip", *options(folder, tmp_path / "stages"), *data, "--stages", stages)
    assert done.returncode == 0, done.stderr[-3000:]
    done = mmgeolm("mmclip", *options(folder, tmp_path / "mixture"), *data, "--mixture", '{"a": 1.0}')
    assert done.returncode == 0, done.stderr[-3000:]


def test_the_example_script_does_the_same(folder, tmp_path):
    program = (str(ROOT / "examples" / "scripts" / "mmclip.py"),)
    done = mmgeolm(*options(folder, tmp_path), "--train_file", folder / "text.json", program=program)
    assert done.returncode == 0, done.stderr[-3000:]
    assert moved(tmp_path) and load_file(tmp_path / "model.safetensors")


def test_the_recipe_has_only_options_that_there_are(folder, tmp_path):
    # Its data is not here, so it ends with a sentence about that; an unknown option would end it before.
    recipe = ROOT / "examples" / "recipes" / "mmclip.yaml"
    done = mmgeolm("mmclip", "--config", recipe, *options(folder, tmp_path), "--bf16", "false")
    assert done.returncode == 1 and "mavis.json" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fly"], "no verb 'fly'"),
        (["mmclip"], "--model_name_or_path and --train_file"),
        (["mmclip", "--model_name_or_path", "x", "--train_file", "missing.json"], "missing.json"),
        (["mmclip", "--model_name_or_path", "x", "--train_file", "a.json", "--candidates", "all"], "candidates='all'"),
        (["mmclip", "--model_name_or_path", "x", "--train_file", "a.json", "b.json"], "NAME"),
    ],
)
def test_bad_input_is_one_sentence_without_a_trace(arguments, message, tmp_path):
    extra = ["--output_dir", str(tmp_path), "--use_cpu", "true"] if arguments[0] == "mmclip" else []
    done = mmgeolm(*arguments, *extra)
    assert done.returncode != 0 and "Traceback" not in done.stderr
    assert message in done.stderr or message == "NAME" and "name" in done.stderr, done.stderr


def test_help_lists_the_verbs_and_their_options():
    done = mmgeolm("--help")
    assert done.returncode == 0 and "quickstart" in done.stdout and "mmclip" in done.stdout
    done = mmgeolm("mmclip", "--help")
    assert done.returncode == 0 and "--gradient_cache_chunk_size" in done.stdout and "--train_file" in done.stdout
