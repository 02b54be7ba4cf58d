"""mmgeolm sft: stage 3, train on instructions: everything, everything but the tower, or adapters.

mmgeolm sft --model mmgeolm-7b-aligned --data problems.json --output_dir mmgeolm-7b-sft
mmgeolm sft --model mmgeolm-7b-aligned --data problems.json --train lora --learning_rate 2e-4 --output_dir adapter
accelerate launch --config_file examples/accelerate_configs/deepspeed_zero2.yaml -m mmgeolm sft --config sft.yaml
"""

import transformers
from trl import TrlParser

from mmgeolm.sft_options import SFTArguments
from mmgeolm.stages import run_stage
from trainers.sft_config import InstructionConfig


def make_parser() -> TrlParser:
    """The parser of the verb: flags, or `--config` with YAML."""
    return TrlParser((SFTArguments, InstructionConfig), prog="mmgeolm sft", description=__doc__)


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
    trainer.end()
