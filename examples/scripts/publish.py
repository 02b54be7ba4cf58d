# /// script
# dependencies = ["mmgeolm"]
# ///
"""
Put a finished LMM, or an adapter of one, on the Hub: weights, processor, card and results, and nothing else.

python examples/scripts/publish.py --folder mmgeolm-7b-sft --name you/mmgeolm-7b --private
python examples/scripts/publish.py --folder mmgeolm-7b-adapter --name you/mmgeolm-7b-lora --base you/mmgeolm-7b-aligned

Log in first: hf auth login
"""

from dataclasses import dataclass, field

from transformers import HfArgumentParser

from mmgeolm.publish import publish


@dataclass
class PublishArguments:
    """What goes where."""

    folder: str = field(metadata={"help": "Written by `mmgeolm assemble`, `align`, `sft` or `merge`."})
    name: str = field(metadata={"help": "On the Hub: NAME or USER/NAME."})
    private: bool = field(default=False, metadata={"help": "Make a repository that others do not see."})
    base: str | None = field(default=None, metadata={"help": "Of an adapter: its base's name on the Hub."})


if __name__ == "__main__":
    (script_args,) = HfArgumentParser(PublishArguments).parse_args_into_dataclasses()

    url = publish(script_args.folder, script_args.name, private=script_args.private, base=script_args.base)
    print(f"Published: {url}")
