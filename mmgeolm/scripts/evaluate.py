"""mmgeolm evaluate: ask a model a benchmark's questions, or take what one wrote, and score it by two rules.

mmgeolm evaluate --benchmark geoqa --data test_questions.jsonl --model runs/sft --output_dir D
mmgeolm evaluate --benchmark mathvista --data testmini.json --responses llavar.json --output_dir D
accelerate launch -m mmgeolm evaluate --benchmark questions --data test --model x --output_dir D
"""

import importlib
import json
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import Any

from evaluation.journal import RESPONSES
from evaluation.responses import Response, read_responses
from evaluation.score_table import SAMPLES, eval_results, markdown
from evaluation.scoring import Judged, judge, scores
from evaluation.verdict import Verdict
from mmgeolm.benchmark_responses import generated_responses
from mmgeolm.command_line import CommandParser
from mmgeolm.generation_options import OFFICIAL, GenerationArguments
from mmgeolm.near_miss import near_miss

BENCHMARKS = {
    "geoqa": "Luckyjhg/Geo170K",
    "mathvista": "AI4Math/MathVista",
    "we_math": "We-Math/We-Math",
    "mm_math": "THU-KEG/MM_Math",
    "geometry3k": "hiyouga/geometry3k",
    "questions": None,
}
"""The benchmarks with their data sets on the Hub, for `.eval_results`, where they have one."""

DECIDING = ("mmgeolm", "math-verify", "sympy", "antlr4-python3-runtime", "rapidfuzz", "numpy")
"""Packages whose version may change a verdict or an interval."""

GENERATING = ("torch", "transformers")
"""Packages whose version may change a response."""


@dataclass
class EvaluateArguments:
    """What to score, and where the figures go."""

    benchmark: str = field(
        default="",
        metadata={
            "help": f"One of {', '.join(BENCHMARKS)}; or a module of your own, such as my_package.my_benchmark."
        },
    )
    data: str = field(default="", metadata={"help": "The benchmark's questions and answers, as it publishes them."})
    output_dir: str = field(
        default="",
        metadata={"help": "Gets scores.json, scores.md, verdicts.jsonl, and responses.jsonl if a model is asked."},
    )
    responses: str = field(
        default="",
        metadata={
            "help": "In place of --model, what a system wrote: the benchmark's own output file, VLMEvalKit's, "
            'lmms-eval\'s, or lines of {"id": …, "response": …}; .json, .jsonl, .tsv, .csv, .xlsx, .parquet.'
        },
    )
    allow_missing: bool = field(
        default=False, metadata={"help": "Score questions without a response as wrong instead of stopping."}
    )
    allow_unknown: bool = field(
        default=False, metadata={"help": "Pass over responses to questions that the data does not have."}
    )
    seed: int = field(default=0, metadata={"help": "Of the bootstrap intervals."})


def make_parser() -> CommandParser:
    """The parser of the verb: flags, or `--config` with YAML."""
    return CommandParser((EvaluateArguments, GenerationArguments), prog="mmgeolm evaluate", description=__doc__)


def main(arguments: list[str] | None = None) -> None:
    """Ask or read, score, write the files, print the table."""
    args, generation = make_parser().parse_args_and_config(arguments)
    for name in ("benchmark", "data", "output_dir"):
        if not getattr(args, name):
            raise ValueError(f"pass --{name}; see `mmgeolm evaluate --help`.")
    if bool(args.responses) == bool(generation.model):
        both = "not both --model and" if args.responses else "--model, to ask a model, or"
        raise ValueError(f"pass {both} --responses, to score what is written; see `mmgeolm evaluate --help`.")
    benchmark = _benchmark(args.benchmark)
    _check_writable(Path(args.output_dir))
    if not Path(args.data).exists():
        raise ValueError(f"There is no file {args.data}; --data names the questions and answers of {args.benchmark}.")
    records = benchmark.load(args.data)
    ids = [benchmark.record_id(record) for record in records]
    asked: dict[str, Any] = {}
    if generation.model:
        came = generated_responses(benchmark, records, args.data, args.output_dir, generation)
        if came is None:  # the first process scores
            return
        (texts, not_asked), settings = came
        said = {name: Response(text, not_asked=not_asked.get(name)) for name, text in texts.items()}
        asked = {"generation": {**settings, "batch_size": generation.batch_size}}
    else:
        said = read_responses(args.responses, records, benchmark.record_id, args.allow_missing, args.allow_unknown)
    judged = judge(benchmark, records, [said.get(name) for name in ids], progress=True)
    found = {name: response for name, response in said.items() if response.not_asked is None}
    packages = [*DECIDING, *(GENERATING if asked else ())]
    summary = {
        "benchmark": args.benchmark,
        "data": args.data,
        "responses": args.responses or str(Path(args.output_dir) / RESPONSES),
        **asked,
        "not_asked": {name: said[name].not_asked for name in said if name not in found},
        "questions": len(records),
        "missing": [name for name in ids if name not in said],
        "empty": sum(response.text is not None and not response.text.strip() for response in found.values()),
        "without_text": [name for name in ids if name in found and found[name].text is None],
        "recorded_extractions": sum(response.extraction is not None for response in found.values()),
        "unread": {
            rule: sum(
                verdict is not None and verdict.extracted is None and name in found
                for name, verdict in zip(ids, getattr(judged, rule), strict=True)
            )
            for rule in ("official", "fair")
        },
        "failures": judged.failures,
        "rules": {rule: _first_paragraph(getattr(benchmark, rule)) for rule in ("official", "fair")},
        **scores(benchmark, records, judged, seed=args.seed),
        "bootstrap": {"samples": SAMPLES, "seed": args.seed, "interval": "95%"},
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in packages}},
    }
    files = {
        "scores.json": json.dumps(summary, indent=2, ensure_ascii=False) + "\n",
        "scores.md": _report(summary),
        "verdicts.jsonl": _lines(ids, judged),
    }
    if BENCHMARKS.get(args.benchmark) and not generation.distort:  # what is distorted is another benchmark
        notes = f"scored by mmgeolm {summary['versions']['mmgeolm']}"
        if asked and summary["generation"]["prompt"] != OFFICIAL:
            notes += ", asked in other words than the benchmark's"
        text = eval_results(summary["scores"], BENCHMARKS[args.benchmark], notes=notes)
        files[f".eval_results/{args.benchmark}.yaml"] = text
    _write(Path(args.output_dir), files)
    print(files["scores.md"])
    print(f"Written to {args.output_dir}: {', '.join(files)}.")


def _benchmark(name: str) -> ModuleType:
    if name not in BENCHMARKS and "." not in name:
        near = near_miss(name, BENCHMARKS)
        raise ValueError(
            f"there is no benchmark {name!r}; there are {', '.join(BENCHMARKS)}, and modules of your own by their "
            f"full name, such as my_package.my_benchmark{f'; did you mean {near}?' if near else '.'}"
        )
    full_name = f"evaluation.benchmarks.{name}" if name in BENCHMARKS else name
    try:
        module = importlib.import_module(full_name)
    except ModuleNotFoundError as problem:
        if not f"{full_name}.".startswith(f"{problem.name}."):
            raise  # the module is there, and what it imports is not
        raise ValueError(f"there is no module {full_name} for --benchmark where Python looks for modules.") from None
    parts = ("official", "fair", "record_id", "categories", "load")
    if lacking := [part for part in parts if not callable(getattr(module, part, None))]:
        raise ValueError(
            f"the module {full_name} has no {', '.join(lacking)}; evaluation/benchmarks/forkme.py shows what a "
            "benchmark has."
        )
    return module


def _first_paragraph(function: Callable) -> str:
    return " ".join((function.__doc__ or "").strip().split("\n\n")[0].split())


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # run from the source tree
        return "not installed"


def _report(summary: Mapping[str, Any]) -> str:
    """What goes into scores.md."""
    parts = [f"# {summary['benchmark']}", markdown(summary["scores"]).rstrip()]
    if "official_scores" in summary:
        fair = dict(_flat(summary.get("fair_scores", {})))
        pairs = _flat(summary["official_scores"])
        lines = [f"| {name} | {_figure(value)} | {_figure(fair.get(name))} |" for name, value in pairs]
        parts.append("\n".join(["| further figures | official | fair |", "| --- | ---: | ---: |", *lines]))
    if "official_scores_lack" in summary:
        parts.append(f"Further figures are left out: {summary['official_scores_lack']}")
    if summary["missing"]:
        parts.append(f"{len(summary['missing'])} questions have no response and count as wrong.")
    if not_asked := summary["not_asked"]:
        name, reason = next(iter(not_asked.items()))
        parts.append(f"{len(not_asked)} questions could not be asked and count as wrong, such as {name!r}: {reason}.")
    if count := len(summary["without_text"]):
        parts.append(f"{count} responses are recorded as an extraction without text; the fair rule passes over them.")
    unread = ", ".join(f"by the {rule} rule in {count}" for rule, count in summary["unread"].items())
    parts.append(f"Responses in which no answer was found: {unread}.")
    if summary["failures"]:
        parts.append(f"At {len(summary['failures'])} responses a rule failed; they count as wrong.")
    if settings := summary.get("generation"):
        parts.append("Asked: " + ", ".join(f"{name} {json.dumps(value)}" for name, value in settings.items()) + ".")
    parts += [f"**{rule}**: {text}" for rule, text in summary["rules"].items()]
    if count := summary["recorded_extractions"]:
        parts.append(f"The official rule scored {count} recorded extractions in place of the text.")
    bootstrap = summary["bootstrap"]
    parts.append(f"Intervals: bootstrap over questions, {bootstrap['samples']} samples, seed {bootstrap['seed']}.")
    parts.append(f"Versions: {', '.join(f'{name} {number}' for name, number in summary['versions'].items())}.")
    return "\n\n".join(parts) + "\n"


def _flat(figures: Mapping[str, Any], above: str = "") -> list[tuple[str, Any]]:
    """Nested figures as pairs of a name and a figure."""
    pairs = []
    for name, figure in figures.items():
        label = f"{above} {name}".strip()
        pairs += _flat(figure, label) if isinstance(figure, Mapping) else [(label, figure)]
    return pairs


def _figure(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else "–" if value is None else str(value)


def _lines(ids: Sequence[str], judged: Judged) -> str:
    """What goes into verdicts.jsonl; `extracted` is the official rule's, or, where that is null, the fair one's."""
    lines = []
    for name, official, fair in zip(ids, judged.official, judged.fair, strict=True):
        fair = fair or Verdict(None, False)  # `without_text` of scores.json tells it from a wrong answer
        extracted = fair.extracted if official.extracted is None else official.extracted
        verdict = {"id": name, "extracted": extracted, "official": bool(official.correct), "fair": bool(fair.correct)}
        lines.append(json.dumps(verdict, ensure_ascii=False) + "\n")
    return "".join(lines)


def _check_writable(folder: Path) -> None:
    """Before long work, that its result will have a place."""
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir():
        raise ValueError(f"--output_dir is {folder}, but {there} is a file; name a folder.")
    if not os.access(there, os.W_OK):
        raise ValueError(f"--output_dir is {folder}, but {there} cannot be written to.")


def _write(folder: Path, files: Mapping[str, str]) -> None:
    """Write every file under another name first, so that an error leaves no half of one and no mix of two runs."""
    written: list[tuple[Path, Path]] = []
    try:
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            written.append((path.with_name(f".{path.name}.{os.getpid()}.tmp"), path))
            # Lone halves of surrogate pairs are JSON, though no UTF-8.
            written[-1][0].write_text(text, encoding="utf-8", errors="backslashreplace")
        for temporary, path in written:
            os.replace(temporary, path)
    finally:
        for temporary, _ in written:
            temporary.unlink(missing_ok=True)
