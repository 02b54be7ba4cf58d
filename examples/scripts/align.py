# /// script
# dependencies = ["mmgeolm"]
# ///
"""
Teach the projector of an LMM to speak its language model's language (stage 2).

python examples/scripts/align.py \
    --model mmgeolm-7b \
    --data captions.json \
    --learning_rate 1e-3 \
    --num_train_epochs 3 \
    --per_device_train_batch_size 24 \
    --output_dir mmgeolm-7b-aligned

On several GPUs:

accelerate launch --config_file examples/accelerate_configs/multi_gpu.yaml examples/scripts/align.py \
    --config examples/recipes/mmgeolm-qwen2.5-7b/align.yaml
"""

from trl import TrlParser

from mmgeolm.lmm_checkpoint import make_readable_everywhere
from mmgeolm.sft_options import AlignArguments, load_data
from mmgeolm.stages import open_model, open_processor
from trainers.instruction_data import InstructionReader, check_instructions
from trainers.sft_collator import InstructionCollator
from trainers.sft_config import AlignmentConfig
from trainers.sft_trainer import InstructionTrainer
from trainers.trainable import train_projector, trainable_in_float32

if __name__ == "__main__":
    parser = TrlParser((AlignArguments, AlignmentConfig))
    script_args, training_args = parser.parse_args_and_config()

    ################
    # Model & processor
    ################
    model = open_model(script_args.model, training_args)
    processor = open_processor(script_args.model)
    train_projector(model)
    trainable_in_float32(model)

    ################
    # Dataset
    ################
    sources = load_data(script_args)
    plan, left_out = check_instructions(sources, processor, training_args.max_length, text_only=False)

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
