# /// script
# dependencies = ["mmgeolm"]
# ///
"""
Train adapters on the language model of an LMM, and its projector, on instructions (stage 3 on one GPU).

python examples/scripts/sft_lora.py \
    --model mmgeolm-7b-aligned \
    --data problems.json \
    --lora_r 128 \
    --lora_alpha 256 \
    --learning_rate 2e-4 \
    --per_device_train_batch_size 2 \
    --gradient_accumulation_steps 8 \
    --output_dir mmgeolm-7b-adapter

mmgeolm merge mmgeolm-7b-adapter --output_dir mmgeolm-7b-sft
"""

from trl import TrlParser

from mmgeolm.lmm_checkpoint import make_readable_everywhere
from mmgeolm.sft_options import SFTArguments, load_data
from mmgeolm.stages import open_model, open_processor
from trainers.instruction_data import InstructionReader, check_instructions, mixed
from trainers.sft_collator import InstructionCollator
from trainers.sft_config import InstructionConfig
from trainers.sft_trainer import InstructionTrainer
from trainers.trainable import lora_config, train_projector, trainable_in_float32

if __name__ == "__main__":
    parser = TrlParser((SFTArguments, InstructionConfig))
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
        peft_config=lora_config(model, script_args.lora_r, script_args.lora_alpha, script_args.lora_dropout),
    )
    trainer.train()

    trainer.save_model()
    if trainer.is_world_process_zero():
        make_readable_everywhere(training_args.output_dir)
    if training_args.push_to_hub:
        trainer.push_to_hub()
    trainer.end()
