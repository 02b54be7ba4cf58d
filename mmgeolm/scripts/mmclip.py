"""mmgeolm mmclip: train an encoder on records with hard negatives.

mmgeolm mmclip --model_name_or_path BAAI/AltCLIP --train_file pairs.json --output_dir trained
mmgeolm mmclip --config examples/recipes/mmclip.yaml
"""

from dataclasses import dataclass, field
from pathlib import Path

import transformers
from datasets import Dataset

from dataset_builders.sources.authors_json import load_hard_negatives
from mmgeolm.command_line import CommandParser
from mmgeolm.stage_folder import how_to_go_on, latest_checkpoint
from trainers import MMCLIPTrainer, MMCLIPTrainingArguments
from trainers.curves import save_curves


@dataclass
class MMCLIPScriptArguments:
    """What to train, and on which files."""

    model_name_or_path: str = field(
        default="", metadata={"help": "Backbone or MMCLIP checkpoint: a name on the Hub or a folder."}
    )
    train_file: list[str] = field(
        default_factory=list,
        metadata={
            "help": "JSON, JSONL, parquet or save_to_disk folder; several as NAME=PATH for --mixture, --stages."
        },
    )
    eval_file: str | None = field(default=None, metadata={"help": "Records to evaluate on, in the same formats."})
    image_folder: str | None = field(default=None, metadata={"help": "Where relative image paths start."})
    negative_kind: str = field(default="rule", metadata={"help": "Kind of negatives that name none themselves."})


def make_parser() -> CommandParser:
    """The parser of the verb: flags, or `--config` with YAML."""
    return CommandParser((MMCLIPScriptArguments, MMCLIPTrainingArguments), prog="mmgeolm mmclip", description=__doc__)


def named_files(entries: list[str]) -> dict[str, str]:
    """Training files by name from NAME=PATH; a single PATH is called `train`. Raises `ValueError` where a name is
    missing or given twice."""
    sources = {}
    for entry in entries:
        name, path = entry.split("=", 1) if "=" in entry and not Path(entry).exists() else ("train", entry)
        if name in sources:
            raise ValueError("with several training files give each a name: --train_file mavis=a.json exams=b.json.")
        sources[name] = path
    return sources


def main(arguments: list[str] | None = None) -> None:
    """Train, evaluate, save the encoder with its processor and card."""
    script, args = make_parser().parse_args_and_config(arguments)
    if not script.model_name_or_path or not script.train_file:
        raise ValueError("pass --model_name_or_path and --train_file; see `mmgeolm mmclip --help`.")
    transformers.utils.logging.set_verbosity_info()

    def load(path: str) -> Dataset:
        return load_hard_negatives(path, image_folder=script.image_folder, kind=script.negative_kind)

    sources = named_files(script.train_file)
    trainer = MMCLIPTrainer(
        script.model_name_or_path,
        args,
        train_dataset={name: load(path) for name, path in sources.items()},
        eval_dataset=load(script.eval_file) if script.eval_file else None,
    )
    resume = args.resume_from_checkpoint
    if resume is not None and resume.lower() in ("true", "false"):
        resume = latest_checkpoint(Path(args.output_dir)) if resume.lower() == "true" else None
    try:
        trainer.train(resume_from_checkpoint=resume)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(how_to_go_on(args.output_dir, trainer.state.global_step)) from None
    if script.eval_file:
        metrics = trainer.evaluate()
        trainer.log_metrics("eval", metrics)
        trainer.save_metrics("eval", metrics)
    trainer.save_model()
    trainer.create_model_card()
    if args.push_to_hub:
        trainer.push_to_hub()
    if trainer.is_world_process_zero():
        print(f"Saved to {args.output_dir}. Load it with MMCLIPModel.from_pretrained({args.output_dir!r}).")
    if curves := save_curves(trainer):
        print(f"Training curves are in {curves}.")
    trainer.end()
