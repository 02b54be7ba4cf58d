"""Every recipe is read by the parser of its verb, every configuration of accelerate by accelerate."""

import json
import os
import subprocess
from importlib import import_module
from pathlib import Path

import pytest
import yaml
from accelerate.commands.config.config_args import load_config_from_file

from mmgeolm.sft_options import published_loaders

EXAMPLES = Path(__file__).parents[1] / "examples"
RECIPES = sorted(EXAMPLES.glob("recipes/mmgeolm-*/*.yaml"))
FOLDERS = ("mmgeolm-qwen2.5-7b", "mmgeolm-mammoth2-7b")
# bf16 wants a GPU when the arguments are made; no test has one.
ON_A_CPU = ["--bf16", "false", "--use_cpu", "true"]


def parsed(recipe: Path):
    verb = recipe.stem.removesuffix("-lora")
    parser = import_module(f"mmgeolm.scripts.{verb}").make_parser()
    return parser.parse_args_and_config(["--config", str(recipe), *ON_A_CPU])


@pytest.mark.parametrize("folder", FOLDERS)
def test_there_is_a_recipe_for_each_stage(folder):
    assert {recipe.stem for recipe in RECIPES if recipe.parent.name == folder} == {
        "mmclip",
        "align",
        "sft",
        "sft-lora",
    }


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_verb_reads_its_recipe(recipe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    script, args = parsed(recipe)
    given = yaml.safe_load(recipe.read_text())
    for name, value in given.items():
        if name == "bf16":
            continue
        holder = script if hasattr(script, name) else args
        found = getattr(holder, name)
        assert getattr(found, "value", found) == value or json.dumps(value) == found, name


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_settings_are_those_of_the_paper(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _, align = parsed(EXAMPLES / "recipes" / folder / "align.yaml")
    script, sft = parsed(EXAMPLES / "recipes" / folder / "sft.yaml")
    assert (align.learning_rate, align.num_train_epochs, align.per_device_train_batch_size) == (1e-3, 3, 24)
    assert (sft.learning_rate, sft.num_train_epochs, sft.per_device_train_batch_size) == (2e-5, 3, 2)
    for args in (align, sft):
        assert (args.lr_scheduler_type, args.warmup_steps, args.weight_decay) == ("cosine", 0.03, 0.0)
        assert args.activation_checkpointing and args.max_length == 2048
    assert sft.train_sampling_strategy == "group_by_length" and script.train == "full"
    assert [entry.split("=")[0] for entry in script.data] == ["mavis", "geo170k", "own"]


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_stage_takes_what_the_one_before_has_written(folder):
    recipes = {path.stem: yaml.safe_load(path.read_text()) for path in RECIPES if path.parent.name == folder}
    assert recipes["align"]["mmclip"] == recipes["mmclip"]["output_dir"]
    assert recipes["sft"]["model"] == recipes["sft-lora"]["model"] == recipes["align"]["output_dir"]
    assert len({recipe["output_dir"] for recipe in recipes.values()}) == 4


@pytest.mark.parametrize("config", sorted(EXAMPLES.glob("accelerate_configs/*.yaml")), ids=lambda path: path.stem)
def test_accelerate_reads_its_configuration(config):
    read = load_config_from_file(str(config))
    kind = {"deepspeed": "DEEPSPEED", "fsdp2": "FSDP"}.get(config.stem.split("_")[0], "MULTI_GPU")
    assert read.distributed_type == kind and read.mixed_precision == ("no" if read.use_cpu else "bf16")
    if kind == "DEEPSPEED":
        assert read.deepspeed_config["zero_stage"] == int(config.stem[-1])
    if kind == "FSDP":
        assert read.fsdp_config["fsdp_version"] == 2


def test_the_reproduction_names_what_is_wrong_before_it_starts(tmp_path):
    script = EXAMPLES / "runs" / "reproduce_mmgeolm.sh"

    def said(**settings):
        done = subprocess.run([script], env={**os.environ, **settings}, capture_output=True, text=True)
        assert done.returncode == 1
        return done.stderr

    assert "there is no recipe examples/recipes/none" in said(RECIPE="none")
    assert "there is no stage alin; STAGES are data mmclip align sft" in said(STAGES="alin")
    assert "there is no examples/recipes/mmgeolm-qwen2.5-7b/all.yaml; set SFT to sft or sft-lora" in said(SFT="all")
    assert "no GPU is to be seen; set NUM_GPUS" in said(STAGES="align", NUM_GPUS="0")


def test_the_reproduction_reads_data_with_loaders_that_there_are():
    script = (EXAMPLES / "runs" / "reproduce_mmgeolm.sh").read_text()
    used = {name for name in published_loaders() if f"{name}:" in script}
    assert {"gllava_alignment", "gllava_instruction", "mavis_instruction", "mm_math_instruction"} <= used
