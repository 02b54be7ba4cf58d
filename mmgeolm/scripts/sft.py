"""mmgeolm sft: stage 3, train on instructions: everything, everything but the tower, or adapters.

mmgeolm sft --model aligned --data exams.json --output_dir mmgeolm-7b
mmgeolm sft --model aligned --data exams.json --train lora --learning_rate 2e-4 --output_dir lora
accelerate launch --config_file deepspeed_zero2.yaml -m mmgeolm sft --config sft.yaml
"""

import transformers

from mmgeolm.command_line import CommandParser
from mmgeolm.sft_options import SFTArguments
from mmgeolm.stages import run_stage
from trainers.curves import save_curves
from trainers.sft_config import InstructionConfig


def make_parser() -> CommandParser:
    """The parser of the verb: flags, or `--config` with YAML."""
    return CommandParser((SFTArguments, InstructionConfig), prog="mmgeolm sft", description=__doc__)


def main(arguments: list[str] | None = None) -> None:
    """Tune, save the model or the adapter."""
    script, args = make_parser().parse_args_and_config(arguments)
    transformers.utils.logging.set_verbosity_info()
    trainer = run_stage(script, args)
    if args.push_to_hub:
        trainer.push_to_hub()
    if trainer.is_world_process_zero():
        then = f" Make one model of it with `mmgeolm merge {args.output_dir}`." if script.train == "lora" else ""
        print(f"Saved to {args.output_dir}.{then}")
    if curves := save_curves(trainer):
        print(f"Training curves are in {curves}.")
    trainer.end()
