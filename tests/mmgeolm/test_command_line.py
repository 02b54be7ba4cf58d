"""Parsers of the verbs: what their help shows, and what they say of a wrong option."""

from dataclasses import dataclass, field, make_dataclass

import pytest
from transformers import TrainingArguments

from mmgeolm.command_line import HEIGHT, TRAINING, WIDTH, CommandParser
from mmgeolm.near_miss import near_miss


@dataclass
class BakeArguments:
    """What to bake."""

    cake: str = field(default="", metadata={"help": "Its name."})
    layers: int = field(default=2, metadata={"help": "How many; more than five need a support, which is sold apart."})
    iced: bool = field(default=True, metadata={"help": "With icing."})
    plain: bool = field(default=False, metadata={"help": "Without anything."})
    guests: list[str] = field(default_factory=list, metadata={"help": "100% of them."})
    secret: str | None = field(default=None, metadata={"help": "An ingredient."})


DESCRIPTION = """bake cake: put a cake into the oven.

mmgeolm cake --cake Sacher
Burns if it is left there.
"""


@pytest.fixture
def parser() -> CommandParser:
    return CommandParser(BakeArguments, "bake cake", DESCRIPTION, rare=("secret",))


def test_help_has_the_example_and_an_option_on_each_line(parser):
    lines = parser.format_help().splitlines()
    assert lines[:4] == [
        "usage: bake cake [options]",
        "Put a cake into the oven.",
        "  mmgeolm cake --cake Sacher",
        "Burns if it is left there.",
    ]
    assert "  --layers X    How many; more than five need a support, which is sold apart. (2)" in lines
    assert "  --iced X      With icing. (true)" in lines and "  --plain       Without anything." in lines
    assert "  --guests X …  100% of them." in lines
    assert not any("no_iced" in line or "secret" in line for line in lines)
    assert lines[-1] == "--config FILE reads options from YAML. `--help_all` lists all 6 options."


def test_all_help_has_what_is_rare(parser, capsys):
    with pytest.raises(SystemExit) as end:
        parser.parse_args_and_config(["--help_all"])
    assert not end.value.code and "--secret X" in capsys.readouterr().out


def test_help_of_training_is_one_screen_with_our_words_for_the_most_used():
    lines = CommandParser((BakeArguments, TrainingArguments), "bake", DESCRIPTION).format_help().splitlines()
    assert len(lines) <= HEIGHT and max(map(len, lines)) <= WIDTH
    shown = [line.split()[0].removeprefix("--") for line in lines if line.startswith("  --")]
    assert shown[:6] == ["cake", "layers", "iced", "plain", "guests", "secret"]
    assert shown[6:] == [name for name in TRAINING if name in TrainingArguments.__dataclass_fields__]


def test_long_help_is_cut_at_a_clause_where_the_screen_is_full():
    long = "Something that takes more than one line to say; " + "and so on, " * 20 + "to the end."
    options = [(f"option_{number}", str, field(default="", metadata={"help": long})) for number in range(30)]
    many = make_dataclass("Many", options)
    lines = CommandParser(many, "bake", "bake: many.").format_help().splitlines()
    assert len(lines) <= HEIGHT
    assert "  --option_7 X   Something that takes more than one line to say" in lines


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--layer", "3"], "there is no option --layer; did you mean --layers?"),
        (["--cak=Sacher"], "there is no option --cak; did you mean --cake?"),
        (["--confg", "a.yaml"], "there is no option --confg; did you mean --config?"),
        (["--fly", "high"], "there is no option --fly; see `bake cake --help`."),
        (["Sacher"], "'Sacher' belongs to no option; see `bake cake --help`."),
        (["--layers", "many"], "--layers: invalid int value: 'many'; see `bake cake --help`."),
        (["--layers"], "--layers: expected one argument; see `bake cake --help`."),
    ],
)
def test_a_wrong_option_is_a_sentence_with_the_near_one(arguments, message, parser):
    with pytest.raises(ValueError) as problem:
        parser.parse_args_and_config(arguments)
    assert str(problem.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("layer: 3", "the file of --config has 'layer', which is no option; did you mean layers?"),
        ("fly: high", "the file of --config has 'fly', which is no option; see `bake cake --help`."),
        ("layers: many", "--layers: invalid int value: 'many'; see `bake cake --help`."),
        ("layers: [3", "the file of --config is not YAML: "),
    ],
)
def test_so_is_a_wrong_key_of_yaml(text, message, parser, tmp_path):
    (tmp_path / "options.yaml").write_text(text)
    with pytest.raises(ValueError) as problem:
        parser.parse_args_and_config(["--config", str(tmp_path / "options.yaml")])
    assert str(problem.value).startswith(message) and "\n" not in str(problem.value)


def test_yaml_that_is_not_there_is_named(parser):
    with pytest.raises(ValueError, match="there is no file none.yaml, which --config names"):
        parser.parse_args_and_config(["--config", "none.yaml"])


def test_flags_go_before_yaml_and_yaml_before_defaults(parser, tmp_path):
    (tmp_path / "options.yaml").write_text("layers: 3\niced: false\nguests: [Ann, Ben]")
    for config in (["--config", str(tmp_path / "options.yaml")], [f"--config={tmp_path / 'options.yaml'}"]):
        (args,) = parser.parse_args_and_config([*config, "--layers", "4"])
        assert (args.layers, args.iced, args.plain, args.guests) == (4, False, False, ["Ann", "Ben"])


def test_figures_for_a_package_that_is_not_installed_are_refused_before_anything_else(tmp_path):
    parser = CommandParser(TrainingArguments, "bake", DESCRIPTION)
    where = ["--output_dir", str(tmp_path), "--use_cpu", "true", "--report_to"]
    with pytest.raises(ValueError, match="--report_to has no 'tensorbord'; did you mean tensorboard?"):
        parser.parse_args_and_config([*where, "tensorbord"])
    with pytest.raises(ValueError, match="--report_to comet_ml needs a package that is not installed: pip install"):
        parser.parse_args_and_config([*where, "comet_ml"])
    (args,) = parser.parse_args_and_config([*where, "none"])
    assert args.report_to == []


def test_near_words_are_near_and_others_are_not():
    verbs = ["evaluate", "retrieval", "merge"]
    assert near_miss("evalute", verbs) == "evaluate" and near_miss("Retreival", verbs) == "retrieval"
    assert near_miss("fly", verbs) is None and near_miss("learning-rate", ["learning_rate"]) == "learning_rate"
