"""mmgeolm merge: make one model of a base and the adapter that was trained on it.

mmgeolm merge mmgeolm-7b-adapter --output_dir mmgeolm-7b-sft
mmgeolm merge mmgeolm-7b-adapter --base elsewhere/mmgeolm-7b-aligned --output_dir mmgeolm-7b-sft
"""

from dataclasses import dataclass, field

from mmgeolm.command_line import CommandParser
from mmgeolm.merging import merge


@dataclass
class MergeArguments:
    """What to merge, and where to write it."""

    adapter: str = field(
        default="", metadata={"help": "Folder of `mmgeolm sft --train lora`; may come first, without --adapter."}
    )
    base: str | None = field(default=None, metadata={"help": "The base model, if it is no longer where it was."})
    output_dir: str = field(default="", metadata={"help": "New folder for the merged model."})
    overwrite: bool = field(default=False, metadata={"help": "Replace the model that --output_dir holds."})


def make_parser() -> CommandParser:
    """The parser of the verb: flags, or `--config` with YAML."""
    return CommandParser(MergeArguments, "mmgeolm merge", __doc__, positionals="ADAPTER")


def main(arguments: list[str] | None = None) -> None:
    """Merge, write."""
    if arguments and not arguments[0].startswith("-"):
        arguments = ["--adapter", *arguments]
    (args,) = make_parser().parse_args_and_config(arguments)
    if not args.adapter:
        raise ValueError("name the adapter's folder: mmgeolm merge ADAPTER_DIR --output_dir MODEL_DIR.")
    merge(args.adapter, args.output_dir, args.base, args.overwrite)
    print(f"Saved to {args.output_dir}: a plain model, without adapter.")
