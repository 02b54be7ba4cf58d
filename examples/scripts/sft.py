# /// script
# dependencies = ["mmgeolm", "deepspeed"]
# ///
"""
Train the whole of an LMM on instructions (stage 3).

accelerate launch --config_file examples/accelerate_configs/deepspeed_zero2.yaml examples/scripts/sft.py \
    --model mmgeolm-7b-aligned \
    --data mavis=mavis.json own=problems.json \
    --passes '{"own": 2}' \
    --learning_rate 2e-5 \
    --num_train_epochs 3 \
    --per_device_train_batch_size 2 \
    --output_dir mmgeolm-7b-sft
"""

from trl import TrlParser

from mmgeolm.lmm_checkpoint import make_readable_everywhere
from mmgeolm.sft_options import SFTArguments, load_data
from mmgeolm.stages import open_model, open_processor
from trainers.instruction_data import InstructionReader, check_instructions, mixed
from trainers.sft_collator import InstructionCollator
from trainers.sft_config import InstructionConfig
from trainers.sft_trainer import InstructionTrainer
from trainers.trainable import train_all

if __name__ == "__main__":
    parser = TrlParser((SFTArguments, InstructionConfig))
    script_args, training_args = parser.parse_args_and_config()

    ################
    # Model & processor
    ################
    model = open_model(script_args.model, training_args)
    processor = open_processor(script_args.model)
    train_all(model, tower=script_args.train == "full")

    ################
    # Dataset
    ################
    sources = load_data(script_args)
    plan, left_out = check_instructions(sources, processor, training_args.max_length)
    plan = mixed(plan, list(sources), script_args.passes, training_args.seed)

    ################
    # Training
    ################
    trainer = InstructionTrainer(
        model,
        training_args,
        data_collator=InstructionCollator(processor),
        train_dataset=plan.with_transform(InstructionReader(sources, processor)),
        processing_class=processor,
    )
    trainer.train()

    trainer.save_model()
    if trainer.is_world_process_zero():
        make_readable_everywhere(training_args.output_dir)
    if training_args.push_to_hub:
        trainer.push_to_hub()
    trainer.end()
