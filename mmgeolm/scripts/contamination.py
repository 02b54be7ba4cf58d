"""mmgeolm contamination: training questions that are test questions in disguise, by the paper's rule and by ours.

mmgeolm contamination --train geo170k/qa_tuning.json --test geoqa/test_questions.jsonl --output_dir clean
mmgeolm contamination --train a.json b.parquet --test testmini.json --output_dir clean \
    --model princeton-nlp/sup-simcse-roberta-large --pooling pooler      # the paper's embeddings

Writes report.json and report.md; near_clones.jsonl, pairs with what shows them; matches.jsonl,
the five greatest cosines of each test question; kept.jsonl and dropped.jsonl, the training
questions by file and id.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from dataset_builders.negatives.embedding import embed
from evaluation.contamination import THRESHOLD, Clone, Item, PaperRule, counts, near_clones, paper_rule
from mmgeolm.command_line import CommandParser
from mmgeolm.contamination_data import read_items

SHOWN = 20
"""Near-clones that the report for people shows."""


@dataclass
class ContaminationArguments:
    """What to compare, and how strictly."""

    train: list[str] = field(
        default_factory=list,
        metadata={"help": "Training data: .json, .jsonl, .csv, .tsv, .parquet, or folders of save_to_disk."},
    )
    test: list[str] = field(default_factory=list, metadata={"help": "Benchmarks, likewise."})
    output_dir: str = field(default="", metadata={"help": "Gets the report and the lists."})
    model: str | None = field(
        default=None,
        metadata={"help": "Sentence embeddings: a model's name or folder. By default TF-IDF, no weights."},
    )
    pooling: str | None = field(
        default=None,
        metadata={
            "help": "pooler, cls or mean, for a plain transformers encoder; pooler for supervised SimCSE. "
            "By default what sentence-transformers makes of the model."
        },
    )
    threshold: float = field(default=THRESHOLD, metadata={"help": "Cosine above which the paper's rule drops."})
    train_images: str | None = field(default=None, metadata={"help": "Folder or zips with the training figures."})
    test_images: str | None = field(default=None, metadata={"help": "Folder or zips with the test figures."})


def make_parser() -> CommandParser:
    """The parser of the verb: flags, or `--config` with YAML."""
    return CommandParser(ContaminationArguments, prog="mmgeolm contamination", description=__doc__)


def main(arguments: list[str] | None = None) -> None:
    """Read, compare by both rules, write the report and the lists."""
    (args,) = make_parser().parse_args_and_config(arguments)
    if not (args.train and args.test and args.output_dir):
        raise ValueError("pass --train, --test and --output_dir; see `mmgeolm contamination --help`.")
    if args.pooling and not args.model:
        raise ValueError("--pooling is for a model; name one with --model.")
    train, train_files = _read(args.train, args.train_images)
    test, test_files = _read(args.test, args.test_images)
    vectors = embed([_spoken(item.text) for item in (*test, *train)], _encoder(args))
    paper = paper_rule(vectors[: len(test)], vectors[len(test) :], args.threshold)
    with tqdm(total=len(train), desc="near-clones", unit=" questions") as bar:
        clones = near_clones(test, train, progress=bar.update)
    files = written(args, (test, test_files), (train, train_files), paper, clones)
    output = Path(args.output_dir)
    output.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (output / name).write_text(text, encoding="utf-8", errors="backslashreplace")
    print(files["report.md"])
    print(f"Written to {args.output_dir}: {', '.join(files)}.")


def _encoder(args: ContaminationArguments) -> Any:
    if args.pooling is None:
        return args.model
    from mmgeolm.sentence_encoder import TransformersEncoder

    return TransformersEncoder(args.model, args.pooling)


def _spoken(text: str) -> str:
    """A text that can be embedded: one of full stops only has no words."""
    return text if text.strip(" .\n\t") else "empty"


def _read(paths: Sequence[str], images: str | None) -> tuple[list[Item], list[str]]:
    """All questions, and the file of each."""
    items, files = [], []
    for path in paths:
        found = read_items(path, images)
        hashed = sum(item.image_hash is not None for item in found.items)
        facts = sum(bool(item.facts) for item in found.items)
        lacking = f"; {found.without_figure} figures not found" if found.without_figure else ""
        left = f"; {found.without_question} records without a question left out" if found.without_question else ""
        print(f"{path}: {len(found.items)} questions, {hashed} with a figure, {facts} with facts{lacking}{left}.")
        items += found.items
        files += [str(path)] * len(found.items)
    return items, files


def written(
    args: ContaminationArguments,
    tests: tuple[list[Item], list[str]],
    trains: tuple[list[Item], list[str]],
    paper: PaperRule,
    clones: Sequence[Clone],
) -> dict[str, str]:
    """The files' contents by name."""
    (test, test_files), (train, train_files) = tests, trains
    by_paper = set(paper.dropped.tolist())
    by_ours = {clone.train for clone in clones}
    names = [{"file": file, "id": item.id} for file, item in zip(train_files, train, strict=True)]
    rules = (("paper", by_paper), ("ours", by_ours))
    by = [[name for name, places in rules if place in places] for place in range(len(train))]
    summary = {
        "embeddings": args.model or "TF-IDF",
        "pooling": args.pooling,
        "threshold": args.threshold,
        "test": {"files": args.test, "questions": len(test)},
        "train": {"files": args.train, "questions": len(train)},
        "paper": {
            "dropped": len(by_paper),
            "test_below": {f"{level:.3f}": 100 * share for level, share in paper.below.items()},
        },
        "ours": {"dropped": len(by_ours), "test_questions": len({clone.test for clone in clones}), **counts(clones)},
        "both": len(by_paper & by_ours),
    }
    matches = [
        {
            "test": {"file": file, "id": item.id},
            "top": [
                {**names[other], "cosine": round(float(cosine), 5)}
                for cosine, other in zip(cosines, places, strict=True)
            ],
        }
        for file, item, cosines, places in zip(test_files, test, paper.cosines, paper.places, strict=True)
    ]
    pairs = [_evidence(clone, test, train, test_files, names) for clone in clones]
    return {
        "report.json": json.dumps(summary, indent=1, ensure_ascii=False) + "\n",
        "report.md": _report(summary, pairs),
        "near_clones.jsonl": _lines(pairs),
        "matches.jsonl": _lines(matches),
        "kept.jsonl": _lines([name for name, rules in zip(names, by, strict=True) if not rules]),
        "dropped.jsonl": _lines([{**name, "by": rules} for name, rules in zip(names, by, strict=True) if rules]),
    }


def _evidence(
    clone: Clone, test: Sequence[Item], train: Sequence[Item], files: Sequence[str], names: Sequence[dict]
) -> dict[str, Any]:
    return {
        "train": names[clone.train],
        "test": {"file": files[clone.test], "id": test[clone.test].id},
        "signals": clone.signals,
        "share": round(clone.share, 4),
        "differ_in": clone.differences,
        "names": clone.names,
        "image_bits": clone.image_bits,
        "facts_share": None if clone.facts_share is None else round(clone.facts_share, 4),
        "train_question": train[clone.train].text,
        "test_question": test[clone.test].text,
    }


def _report(summary: dict[str, Any], pairs: Sequence[dict[str, Any]]) -> str:
    """The report for people."""
    ours, paper, total = summary["ours"], summary["paper"], summary["train"]["questions"]
    levels = "; ".join(f"{level}: {value:.2f}%" for level, value in paper["test_below"].items())
    lines = [
        f"# Contamination of {total} training questions by {summary['test']['questions']} test questions",
        "",
        "| rule | training questions dropped |",
        "| --- | ---: |",
        f"| the paper's: cosine above {summary['threshold']} | {_share(paper['dropped'], total)} |",
        f"| ours: near-clones | {_share(ours['dropped'], total)} |",
        f"| both | {_share(summary['both'], total)} |",
        "",
        f"Test questions whose best cosine ({summary['embeddings']}) is not above: {levels}.",
        "",
        f"Near-clones by signal: structure {ours['structure']}, structure and numbers {ours['numbers']}, the same "
        f"figure {ours['image']}, the same facts {ours['facts']}; "
        f"{ours['test_questions']} test questions are concerned.",
    ]
    if pairs:
        best = sorted(pairs, key=lambda pair: (-len(pair["signals"]), -pair["share"]))[:SHOWN]
        lines += ["", f"The {len(best)} clearest of {len(pairs)} pairs:", ""]
    for pair in best if pairs else ():
        bits = "" if pair["image_bits"] is None else f", figures {pair['image_bits']} of 256 bits apart"
        differ = ", ".join(pair["differ_in"]) or "nothing"
        lines += [
            f"- {', '.join(pair['signals'])} (share {pair['share']:.2f}{bits}; differ in {differ})",
            f"  - train {pair['train']['id']}: {_short(pair['train_question'])}",
            f"  - test {pair['test']['id']}: {_short(pair['test_question'])}",
        ]
    return "\n".join(lines) + "\n"


def _share(count: int, total: int) -> str:
    return f"{count} ({100 * count / total:.2f}%)"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 240 else f"{text[:239]}…"


def _lines(rows: Sequence[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
