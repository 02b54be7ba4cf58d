"""mmgeolm align: stage 2, teach the projector to speak the language model's language; nothing else changes.

mmgeolm align --model mmgeolm-7b --data captions.json --output_dir mmgeolm-7b-aligned
mmgeolm align --mmclip clip --llm Qwen/Qwen2.5-7B-Instruct --data captions.json --output_dir new
accelerate launch --config_file multi_gpu.yaml -m mmgeolm align --config align.yaml
"""

import transformers

from mmgeolm.command_line import CommandParser
from mmgeolm.sft_options import AlignArguments
from mmgeolm.stages import run_stage
from trainers.curves import save_curves
from trainers.sft_config import AlignmentConfig


def make_parser() -> CommandParser:
    """The parser of the verb: flags, or `--config` with YAML."""
    return CommandParser((AlignArguments, AlignmentConfig), prog="mmgeolm align", description=__doc__)


def main(arguments: list[str] | None = None) -> None:
    """Align, save the whole model."""
    script, args = make_parser().parse_args_and_config(arguments)
    transformers.utils.logging.set_verbosity_info()
    trainer = run_stage(script, args)
    if args.push_to_hub:
        trainer.push_to_hub()
    if trainer.is_world_process_zero():
        print(f"Saved to {args.output_dir}. Tune it with `mmgeolm sft --model {args.output_dir}`.")
    if curves := save_curves(trainer):
        print(f"Training curves are in {curves}.")
    trainer.end()
