"""mmgeolm study: the paper's studies, each one command that builds its data, trains, measures, writes table and plot.

mmgeolm study kinds --output_dir runs/studies                # one study on two cores
mmgeolm study all --scale tiny --output_dir runs/studies     # all of them; what two share is trained once
mmgeolm study kinds --scale paper --data_dir data --recipes examples/recipes/mmgeolm-qwen2.5-7b --output_dir runs/full
"""

import json
import logging
import shlex
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from mmgeolm.command_line import CommandParser
from mmgeolm.near_miss import near_miss
from mmgeolm.scripts.quickstart import silence_libraries
from mmgeolm.studies.definitions import STUDIES
from mmgeolm.studies.generated import run_generated
from mmgeolm.studies.published import FullSize, command_line, commands, published_table, run_commands
from mmgeolm.studies.scales import SCALES, Scale
from mmgeolm.studies.tables import figures_of, plot_study, study_table
from mmgeolm.studies.texts import TEXT_STUDIES, run_text_study

NAMES = (*STUDIES, *TEXT_STUDIES)


@dataclass
class StudyArguments:
    """Which studies, how large, and where they go."""

    study: list[str] = field(
        default_factory=list,
        metadata={"help": f"One or more of {', '.join(NAMES)}, or all; may come first, without --study."},
    )
    scale: str = field(default="tiny", metadata={"help": "tiny (two cores), small (one GPU), or paper (full size)."})
    output_dir: str = field(
        default="", metadata={"help": "Gets every part, and per study table.md, figures.json, plot.png."}
    )
    num_proc: int = field(default=2, metadata={"help": "Processes that share the work."})
    seeds: int | None = field(default=None, metadata={"help": "Trainings of every row; the scale's own if absent."})
    data_dir: str = field(default="", metadata={"help": "Scale paper: folder of data; see docs/studies.md."})
    recipes: str = field(default="", metadata={"help": "Scale paper: folder with align.yaml and sft.yaml."})
    encoder: str = field(default="BAAI/AltCLIP", metadata={"help": "Scale paper: the original encoder."})
    llm: str = field(default="Qwen/Qwen2.5-7B-Instruct", metadata={"help": "Scale paper: the language model."})
    sft: str = field(default="sft", metadata={"help": "Scale paper: sft or sft-lora."})
    launcher: str | None = field(
        default=None,
        metadata={"help": "Scale paper: starts trainings, as 'accelerate launch --config_file FILE -m'."},
    )
    dry_run: bool = field(default=False, metadata={"help": "Scale paper: print the commands, and run none."})


def make_parser() -> CommandParser:
    """The parser of the verb: flags, or `--config` with YAML."""
    return CommandParser(StudyArguments, prog="mmgeolm study", description=__doc__, positionals="STUDY …")


def main(arguments: list[str] | None = None) -> None:
    """Run the studies; print the tables, and to stderr what is done and how long the rest will take."""
    logging.basicConfig(format="%(message)s")
    logging.getLogger("mmgeolm.studies").setLevel(logging.INFO)
    arguments = list(arguments or [])
    if arguments and not arguments[0].startswith("-"):
        arguments = ["--study", *arguments]
    (args,) = make_parser().parse_args_and_config(arguments)
    names = _names(args.study)
    if not args.output_dir:
        raise ValueError("pass --output_dir, a folder for the studies.")
    for name, least in (("num_proc", 1), ("seeds", 1)):
        if getattr(args, name) is not None and getattr(args, name) < least:
            raise ValueError(f"You set `{name}={getattr(args, name)}`; it must be at least {least}.")
    output = Path(args.output_dir)
    if args.scale == "paper":
        _full_size([name for name in names if name in STUDIES], args, output)
        return
    if args.scale not in SCALES:
        raise ValueError(f"there is no scale {args.scale!r}; there are {', '.join(SCALES)} and paper.")
    scale = SCALES[args.scale] if args.seeds is None else replace(SCALES[args.scale], seeds=args.seeds)
    run_studies(names, scale, args.scale, output, args.num_proc)


def run_studies(names: list[str], scale: Scale, label: str, output: Path, num_proc: int) -> None:
    """Run studies on generated diagrams, and write `output/NAME/table.md`, `figures.json` and `plot.png`."""
    start = time.time()
    silence_libraries()
    trained = [STUDIES[name] for name in names if name in STUDIES]
    parts = output / label
    parts.mkdir(parents=True, exist_ok=True)
    if trained:
        for name, found in run_generated(trained, scale, parts, num_proc, silence_libraries).items():
            figures = figures_of(STUDIES[name], found)
            table = study_table(STUDIES[name], found, figures, label)
            folder = _write(output / name, table, {"rows": figures, "blind": found.blind, "seconds": found.seconds})
            plot_study(STUDIES[name], found, figures, folder / "plot.png")
            print(f"\n{table}", flush=True)
    for name in names:
        if name in TEXT_STUDIES:
            folder = output / name
            folder.mkdir(parents=True, exist_ok=True)
            table, figures = run_text_study(name, scale, parts, folder, num_proc)
            _write(folder, table, figures)
            print(f"\n{table}", flush=True)
    print(f"Tables, figures and plots are in {output} ({time.time() - start:.0f} s in all).")


def _write(folder: Path, table: str, figures: dict) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "table.md").write_text(table, encoding="utf-8")
    (folder / "figures.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
    return folder


def _names(wanted: list[str]) -> list[str]:
    if not wanted:
        raise ValueError(f"name a study: {', '.join(NAMES)}, or all.")
    for name in wanted:
        if name not in (*NAMES, "all"):
            near = near_miss(name, NAMES)
            end = f"did you mean {near}?" if near else f"there are {', '.join(NAMES)}, or all."
            raise ValueError(f"there is no study {name!r}; {end}")
    return list(NAMES) if "all" in wanted else list(dict.fromkeys(wanted))


def _full_size(names: list[str], args: StudyArguments, output: Path) -> None:
    if not names:
        raise ValueError("the studies of texts need no scale: run them with `mmgeolm contamination` on your own data.")
    for name in ("data_dir", "recipes"):
        if not getattr(args, name):
            raise ValueError(f"pass --{name} for the scale paper; see docs/studies.md.")
    size = FullSize(Path(args.data_dir), Path(args.recipes), args.encoder, args.llm, args.sft, args.seeds or 1)
    studies = [STUDIES[name] for name in names]
    parts = commands(studies, size, output)
    if args.dry_run:
        for part in parts:
            print(f"{'# finished: ' if part.finished() else ''}{shlex.join(command_line(part, args.launcher))}")
        return
    run_commands(parts, args.launcher)
    for study in studies:
        if study.lmm:
            table = published_table(study, size, output)
            (output / study.name).mkdir(parents=True, exist_ok=True)
            (output / study.name / "table.md").write_text(table, encoding="utf-8")
            print(f"\n{table}", flush=True)
