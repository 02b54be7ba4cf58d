"""mmgeolm negatives audit: can a set of hard negatives be gamed, are they distinct, where do they differ.

mmgeolm negatives audit pairs.json                             # the release's JSON, or our names
mmgeolm negatives audit rules --output_dir audit               # a folder of save_to_disk
mmgeolm negatives audit you/geometry-negatives --split test    # a data set on the Hub

Exits with 0 if all checks pass, 1 if one fails, 2 if there is nothing to audit.
"""

import logging
import sys
from dataclasses import dataclass, field
from pathlib import Path

from datasets import Dataset, load_dataset

from dataset_builders.audit import as_json, as_markdown, audit, findings
from dataset_builders.audit.audit import Verify
from dataset_builders.negatives.verify import verified
from dataset_builders.sources.authors_json import load_hard_negatives
from mmgeolm.command_line import CommandParser

FILES = (".json", ".jsonl", ".parquet")


@dataclass
class AuditArguments:
    """What to audit, and how strictly."""

    data: str = field(
        default="",
        metadata={"help": "JSON, JSONL, parquet, save_to_disk folder, or name on the Hub; may come first."},
    )
    split: str = field(default="train", metadata={"help": "Split of a data set on the Hub."})
    image_folder: str | None = field(default=None, metadata={"help": "Where relative image paths start."})
    negative_kind: str = field(default="rule", metadata={"help": "Kind of negatives that name none themselves."})
    max_records: int = field(default=5_000, metadata={"help": "Records audited; a random sample of a larger set."})
    seed: int = field(default=0, metadata={"help": "Of the sample and the baselines."})
    threshold: float = field(default=3.0, metadata={"help": "Points that a baseline may be above chance."})
    output_dir: str | None = field(default=None, metadata={"help": "audit.json and audit.md go here."})


def make_parser() -> CommandParser:
    """The parser of the sub-verb: flags, or `--config` with YAML."""
    return CommandParser(AuditArguments, "mmgeolm negatives audit", __doc__, positionals="DATA")


def main(arguments: list[str], verify: Verify | None = verified) -> None:
    """Audit a data set, print and write the report, exit with 1 if a check fails.

    Args:
        arguments (`list[str]`): of the command line, the data first or as `--data`.
        verify (`Callable`, *optional*): see [`~dataset_builders.audit.audit`].
    """
    if arguments and not arguments[0].startswith("-"):
        arguments = ["--data", *arguments]
    (args,) = make_parser().parse_args_and_config(arguments)
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    try:
        if not args.data:
            raise ValueError("name the data to audit; see `mmgeolm negatives audit --help`.")
        if args.threshold < 0:
            raise ValueError(f"You set `threshold={args.threshold}`; it must not be negative.")
        result = audit(load(args), args.seed, args.max_records, verify)
        report = as_markdown(result, args.threshold)
        if args.output_dir:
            output = Path(args.output_dir)
            output.mkdir(parents=True, exist_ok=True)
            (output / "audit.json").write_text(as_json(result, args.threshold) + "\n", encoding="utf-8")
            (output / "audit.md").write_text(report + "\n", encoding="utf-8")
    except (ValueError, OSError) as problem:
        # 1 is for a set that fails; what cannot be audited has a code of its own, for scripts to tell them apart.
        print(f"mmgeolm negatives audit: {problem}", file=sys.stderr)
        sys.exit(2)
    print(report)
    failed = [finding for finding in findings(result, args.threshold) if finding.fails]
    if failed:
        checks = ", ".join(dict.fromkeys(f"{finding.check} ({finding.kind})" for finding in failed))
        print(f"\nFailed: {checks}.", file=sys.stderr)
        sys.exit(1)


def load(args: AuditArguments) -> Dataset:
    """The data that the arguments name. Raises `OSError` or `ValueError`, with a sentence, if it cannot be read."""
    path = Path(args.data)
    if path.exists() or path.suffix.lower() in FILES:
        return load_hard_negatives(path, args.image_folder, args.negative_kind)
    try:
        return load_dataset(args.data, split=args.split)
    except Exception as error:  # hub, cache and builders raise types without a common base
        reason = " ".join(str(error).split())[:300]
        raise ValueError(
            f"{args.data} is no file or folder here, and cannot be loaded from the Hub ({reason}); check the name."
        ) from None
