"""The parsers of the verbs: options from flags or YAML, help on one screen, and for a wrong option the near one.

A verb's dataclasses are its options, its module's docstring is the head of its help:

    parser = CommandParser(GalleryArguments, prog="mmgeolm gallery", description=__doc__)
    (args,) = parser.parse_args_and_config(arguments)
"""

import argparse
import re
import sys
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, NoReturn

import yaml
from trl import TrlParser

from mmgeolm.near_miss import near_miss

WIDTH, HEIGHT = 100, 40  # of a screen, in columns and lines

TRAINING = {
    "output_dir": "New folder for checkpoints and the model.",
    "learning_rate": "Initial learning rate.",
    "num_train_epochs": "Times to go through the records.",
    "max_steps": "Steps in all, in place of --num_train_epochs.",
    "per_device_train_batch_size": "Records per process and step.",
    "gradient_accumulation_steps": "Passes before the weights are updated.",
    "max_length": "Most tokens of a record; longer ones are left out, never cut.",
    "bf16": "Mixed precision; needs a GPU, or a CPU with --use_cpu true.",
    "save_steps": "A checkpoint every so many steps.",
    "report_to": "trackio, wandb or tensorboard: where figures go besides the log.",
    "resume_from_checkpoint": "true for the latest of --output_dir, or the folder of one.",
    "push_to_hub": "Upload the finished model.",
    "seed": "Of everything random.",
}
"""What people set most of the options that transformers and trl have, in words that fit a line."""


class CommandParser(TrlParser):
    """[`~trl.TrlParser`] whose help fits one screen, and that raises a sentence where argparse would print its usage.

    Options that come with [`~transformers.TrainingArguments`] are left out of `--help` but for the most used, and so
    are `rare` ones; `--help_all` lists every option with all that there is to say of it.

    Args:
        options (`type` or `Sequence[type]`): dataclasses whose fields are the options; they may be none.
        prog (`str`): the command, such as `mmgeolm gallery`.
        description (`str`): what it does in one line, which may begin with `prog` and a colon; then examples.
        positionals (`str`, *optional*): what the usage names besides positional arguments of the parser.
        rare (`Iterable[str]`, *optional*): options that only `--help_all` shows.

    Raises:
        ValueError: when parsing, for an option that is not there, in YAML or as a flag, with the near one; and for a
            value that is none, or missing.
    """

    def __init__(
        self,
        options: type | Sequence[type],
        prog: str,
        description: str | None,
        positionals: str = "",
        rare: Iterable[str] = (),
    ):
        kinds = [options] if isinstance(options, type) else list(options)
        # Abbreviated options would hide misspelt ones, and change their meaning when an option is added.
        super().__init__(kinds, prog=prog, description=description, allow_abbrev=False)
        self._named_first = positionals
        self._inherited = {name for kind in kinds for name in _inherited(kind)}
        self._left_out = (self._inherited - TRAINING.keys()) | set(rare)
        if self._left_out:
            self.add_argument("--help_all", "--help-all", action=_HelpAll, help="Lists every option.")

    def parse_args_and_config(self, args: Iterable[str] | None = None, *rest: Any, **named: Any) -> tuple[Any, ...]:
        """As [`~trl.TrlParser.parse_args_and_config`], with a sentence for a file that is no YAML or is not there."""
        words = []
        for word in sys.argv[1:] if args is None else args:
            words += word.split("=", 1) if word.startswith("--config=") else [word]
        if "--config" in words[:-1] and not Path(file := words[words.index("--config") + 1]).is_file():
            raise ValueError(f"there is no file {file}, which --config names.")
        try:
            return super().parse_args_and_config(words, *rest, **named)
        except yaml.YAMLError as problem:
            raise ValueError(f"the file of --config is not YAML: {' '.join(str(problem).split())}.") from None

    def parse_args_into_dataclasses(self, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """As [`~transformers.HfArgumentParser.parse_args_into_dataclasses`]; `report_to` must be installed."""
        parsed = super().parse_args_into_dataclasses(*args, **kwargs)
        for part in parsed:
            check_reports(getattr(part, "report_to", None) or [])
        return parsed

    def parse_known_args(
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """As argparse's, under every other way to parse; but nothing may remain."""
        namespace, unknown = super().parse_known_args(args, namespace)
        if unknown:
            option = next((word for word in unknown if word.startswith("-")), None)
            if option is None:
                raise ValueError(f"{unknown[0]!r} belongs to no option; see `{self.prog} --help`.")
            raise ValueError(self._no_option(option.partition("=")[0]))
        return namespace, []

    def set_defaults_with_config(self, **kwargs: Any) -> list[str]:
        """As [`~trl.TrlParser.set_defaults_with_config`], but nothing may remain."""
        names = {action.dest for action in self._actions}
        for name in kwargs:
            if name not in names:
                near = near_miss(name, names)
                end = f"did you mean {near}?" if near else f"see `{self.prog} --help`."
                raise ValueError(f"the file of --config has {name!r}, which is no option; {end}")
        return super().set_defaults_with_config(**kwargs)

    def error(self, message: str) -> NoReturn:
        """Raise what argparse has to say as `ValueError`."""
        sentence = re.sub(r"^argument (--\w+)\S*: ", r"\1: ", message)  # not all spellings of its name
        raise ValueError(f"{sentence}; see `{self.prog} --help`.")

    def format_help(self) -> str:
        """What `--help` prints: at most 40 lines of 100 columns."""
        actions = [action for action in self._listed() if action.dest not in self._left_out]
        more = f" `--help_all` lists all {len(self._listed())} options." if self._left_out else ""
        head, end = self._head(), f"--config FILE reads options from YAML.{more}"
        lines = [*head, *_columns(actions, self._words), end]
        if len(lines) > HEIGHT:
            lines = [*head, *_columns(actions, self._words, one_line=True), end]
        return "\n".join(lines) + "\n"

    def format_full_help(self) -> str:
        """What `--help_all` prints."""
        return "\n".join([*self._head(), *_columns(self._listed(), self._full_words)]) + "\n"

    def _listed(self) -> list[argparse.Action]:
        """What comes first on a command line, then our own options, then those of training, the most used first.

        Without the help itself, and the `--no_` that each option with default true has.
        """
        unseen = argparse._HelpAction | _HelpAll | argparse._StoreFalseAction
        training = list(TRAINING)

        def place(action: argparse.Action) -> tuple[bool, int]:
            theirs = action.dest in self._inherited
            used = training.index(action.dest) if action.dest in training else len(training)
            return bool(action.option_strings), used if theirs else -1

        return sorted((action for action in self._actions if not isinstance(action, unseen)), key=place)

    def _head(self) -> list[str]:
        first, *examples = (self.description or "").strip().splitlines()
        what = first.removeprefix(f"{self.prog}: ")
        places = [self._named_first, *(_invocation(action) for action in self._actions if not action.option_strings)]
        usage = " ".join(["usage:", self.prog, *filter(None, places), "[options]"])
        what = textwrap.wrap(what[:1].upper() + what[1:], WIDTH)
        body = [line for text in examples if text for line in _example(text)]
        return [usage, *what, *body, ""]

    def _words(self, action: argparse.Action) -> str:
        known = TRAINING.get(action.dest) if action.dest in self._inherited else None
        return _with_default(action, known)

    def _full_words(self, action: argparse.Action) -> str:
        return _with_default(action, None)

    def _no_option(self, option: str) -> str:
        known = [text for action in self._actions for text in action.option_strings if "-" not in text[2:]]
        near = near_miss(option, [*known, "--config"])
        return f"there is no option {option}; " + (f"did you mean {near}?" if near else f"see `{self.prog} --help`.")


class _HelpAll(argparse.Action):
    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None):
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, default=argparse.SUPPRESS, help=help)

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        sys.stdout.write(parser.format_full_help())
        parser.exit()


def check_reports(names: Iterable[str]) -> None:
    """Raise `ValueError`, before a model is loaded, where figures are to go to a package that is not installed."""
    for name in names:
        from transformers.integrations.integration_utils import (  # with torch, which not every verb needs
            INTEGRATION_TO_CALLBACK,
            get_available_reporting_integrations,
        )

        if name not in INTEGRATION_TO_CALLBACK:
            near = near_miss(name, INTEGRATION_TO_CALLBACK)
            end = f"did you mean {near}?" if near else f"there are {', '.join(INTEGRATION_TO_CALLBACK)}."
            raise ValueError(f"--report_to has no {name!r}; {end}")
        if name not in get_available_reporting_integrations():
            raise ValueError(f"--report_to {name} needs a package that is not installed: pip install {name}")


def _inherited(kind: type) -> set[str]:
    """The fields that a dataclass has from one of transformers or trl."""
    theirs = [base for base in kind.__mro__ if base.__module__.split(".")[0] in ("transformers", "trl")]
    return {each.name for base in theirs if is_dataclass(base) for each in fields(base)}


def _example(line: str) -> list[str]:
    """A line below the head: a command is indented and, where it is too long, goes on in the next line."""
    if not line.startswith(("mmgeolm ", "accelerate ")):
        return textwrap.wrap(line, WIDTH)
    if len(line) > WIDTH - 2:
        line = line.partition("  #")[0]  # of its comment and a second line, the comment is the smaller loss
    unbroken = {"break_on_hyphens": False, "break_long_words": False}
    parts = textwrap.wrap(line, WIDTH - 2, initial_indent="  ", subsequent_indent="      ", **unbroken)
    return [f"{part} \\" for part in parts[:-1]] + parts[-1:] if len(line) > WIDTH - 2 else [f"  {line}"]


def _invocation(action: argparse.Action) -> str:
    value = action.metavar or ("X" if action.option_strings else action.dest.upper())
    if not action.option_strings:
        return str(value)
    # A switch needs a value only to be switched off.
    return (
        action.option_strings[0]
        if action.nargs == "?" and action.default is not True
        else (f"{action.option_strings[0]} {value}{' …' if action.nargs == '+' and not action.metavar else ''}")
    )


def _with_default(action: argparse.Action, words: str | None) -> str:
    default = action.default
    # In argparse's words two percent signs are one; a single one, of somebody who did not know, is itself.
    text = words or (action.help or "").replace("%(default)s", str(default)).replace("%%", "%")
    text = " ".join(text.split())
    if default in (None, "", [], argparse.SUPPRESS) or default is False:
        return text
    shown = str(default).lower() if isinstance(default, bool) else getattr(default, "value", default)
    return f"{text} ({shown})"


def _columns(actions: Sequence[argparse.Action], words: Any, one_line: bool = False) -> list[str]:
    """Options with what they do, side by side; on one line each by leaving out their last clauses."""
    names = [_invocation(action) for action in actions]
    start = 4 + min(32, max(map(len, names), default=0))
    lines = []
    for name, action in zip(names, actions, strict=True):
        text = words(action)
        parts = [_clause(text, WIDTH - start)] if one_line else textwrap.wrap(text, WIDTH - start) or [""]
        if len(name) > start - 4:
            lines.append(f"  {name}")
            name = ""
        lines += [f"  {name}".ljust(start) + parts[0], *(" " * start + part for part in parts[1:])]
    return [line.rstrip() for line in lines]


def _clause(text: str, width: int) -> str:
    """As much of a sentence as fits, without its last clauses: what follows a `;`, or else a `,` or `(`."""
    while len(text) > width:
        shorter = re.match(r"(.+);", text) or re.match(r"(.+)(?:,| \()", text)
        if shorter is None:
            return text[: width - 1] + "…"
        text = shorter[1]
    return text
