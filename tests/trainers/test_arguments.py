"""Training arguments as a user writes them: flags, YAML, JSON."""

from dataclasses import dataclass, field, fields
from pathlib import Path

import pytest
from transformers import HfArgumentParser, TrainingArguments
from trl import TrlParser

from trainers import MMCLIPTrainingArguments


@dataclass
class Script:
    """A script's own option."""

    train_file: str = field(default="none.json")


def parsed(*flags: str, config: str = "", folder: Path) -> MMCLIPTrainingArguments:
    """What a script gets for these flags and this YAML."""
    command = ["--output_dir", str(folder / "out"), "--use_cpu", "true", *flags]
    if config:
        (folder / "recipe.yaml").write_text(config)
        command += ["--config", str(folder / "recipe.yaml")]
    return TrlParser((Script, MMCLIPTrainingArguments)).parse_args_and_config(command)[1]


STAGES_JSON = '[{"share": 0.5, "candidates": "in_batch", "mixture": {"a": 1, "b": 3}}, {"share": 0.25}]'
STAGES_YAML = """
stages:
  - share: 0.5
    candidates: in_batch
    mixture: {a: 1, b: 3}
  - {share: 0.25}
"""


@pytest.mark.parametrize(
    ("flags", "config"),
    [(("--stages", STAGES_JSON), ""), ((), STAGES_YAML), ((), f"stages: '{STAGES_JSON}'")],
    ids=["flag", "yaml", "json in yaml"],
)
def test_stages_are_read(flags, config, tmp_path):
    first, second = parsed(*flags, config=config, folder=tmp_path).stage_list()
    assert (first.share, first.candidates, first.mixture) == (0.5, "in_batch", {"a": 1, "b": 3})
    assert (second.share, second.candidates, second.mixture) == (0.25, None, {})


@pytest.mark.parametrize(
    ("flags", "config"),
    [(("--mixture", '{"a": 1, "b": 0.5}'), ""), ((), "mixture: {a: 1, b: 0.5}")],
    ids=["flag", "yaml"],
)
def test_mixture_is_read(flags, config, tmp_path):
    (stage,) = parsed(*flags, config=config, folder=tmp_path).stage_list()
    assert stage.mixture == {"a": 1, "b": 0.5}


def test_a_flag_comes_before_yaml(tmp_path):
    args = parsed("--candidates", "hard", config="{candidates: in_batch, hardness: 2.0}", folder=tmp_path)
    assert (args.candidates, args.hardness) == ("hard", 2.0)


def test_absent_they_leave_one_stage_over_all_data(tmp_path):
    (stage,) = parsed(folder=tmp_path).stage_list()
    assert (stage.share, stage.candidates, stage.mixture) == (1.0, None, {})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"stages": "[{share: 1}]"}, r"`stages=\[{share: 1}\]`, which is not JSON.*double quotes"),
        ({"stages": "recipe.yaml"}, r"`stages=recipe.yaml`, which is not JSON"),
        ({"stages": '{"share": 1}'}, r"`stages` must be a list of objects"),
        ({"stages": 3}, r"`stages` must be a list of objects"),
        ({"stages": []}, r"`stages` to an empty list"),
        ({"stages": [{"share": "half"}]}, r"share='half'.*positive number"),
        ({"stages": [{"share": float("nan")}]}, r"share=nan.*positive number"),
        ({"stages": [{"share": 1, "mixture": ["a"]}]}, r"mixture=\['a'\].*number for each name"),
        ({"stages": [{"share": 1, "candidates": "all"}]}, r"candidates='all'.*hard, in_batch, hybrid"),
        ({"mixture": "a=1"}, r"`mixture=a=1`, which is not JSON"),
        ({"mixture": '["a"]'}, r"mixture=\['a'\].*number for each name"),
        ({"mixture": {"a": "much"}}, r"'much'.*number for each name"),
        ({"mixture": {"a": 0}}, r"not all 0"),
        ({"eval_random_negatives": -1}, r"eval_random_negatives=-1"),
        ({"max_logit_scale": 0.0}, r"max_logit_scale=0.0.*positive"),
        ({"remove_unused_columns": True}, r"remove_unused_columns=True.*must stay False"),
    ],
)
def test_what_cannot_be_right_is_named(settings, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        MMCLIPTrainingArguments(str(tmp_path), use_cpu=True, **settings)


def test_an_unknown_option_in_yaml_is_named(tmp_path):
    with pytest.raises(ValueError, match="temperature"):
        parsed(config="temperature: 0.07", folder=tmp_path)


def test_written_out_and_read_again_they_are_the_same(tmp_path):
    args = parsed("--stages", STAGES_JSON, "--hardness", "2", folder=tmp_path)
    again = HfArgumentParser(MMCLIPTrainingArguments).parse_dict(
        {"output_dir": args.output_dir, "use_cpu": True, "stages": args.to_dict()["stages"], "hardness": args.hardness}
    )[0]
    assert again.stage_list() == args.stage_list() and again.hardness == 2.0


def test_defaults_that_differ_from_the_parent_are_those_that_the_docstring_names(tmp_path):
    own, parent = MMCLIPTrainingArguments(str(tmp_path)), TrainingArguments(str(tmp_path))
    differing = {
        name.name for name in fields(TrainingArguments) if getattr(own, name.name) != getattr(parent, name.name)
    }
    named = {
        "learning_rate",
        "lr_scheduler_type",
        "warmup_steps",
        "logging_steps",
        "remove_unused_columns",
        "eval_on_start",
    }
    assert differing == named
    note = MMCLIPTrainingArguments.__doc__.split("Defaults that differ")[1]
    assert all(f"`{name}`" in note for name in named)


def test_every_own_argument_has_words_in_the_docstring_and_in_the_help():
    parent = {option.name for option in fields(TrainingArguments)}
    for option in fields(MMCLIPTrainingArguments):
        if option.name not in parent:
            assert f"        {option.name} (`" in MMCLIPTrainingArguments.__doc__, option.name
            assert option.metadata["help"], option.name
