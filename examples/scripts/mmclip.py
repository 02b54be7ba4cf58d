# /// script
# dependencies = ["mmgeolm"]
# ///
"""
Train an encoder on records with hard negatives.

python examples/scripts/mmclip.py \
    --model_name_or_path BAAI/AltCLIP \
    --train_file pairs.json \
    --eval_file held_out.json \
    --candidates hybrid \
    --max_negatives 10 \
    --per_device_train_batch_size 32 \
    --gradient_cache_chunk_size 64 \
    --num_train_epochs 3 \
    --bf16 \
    --output_dir AltCLIP-geometry \
    --push_to_hub

On several GPUs, with in-batch candidates from all of them:

accelerate launch --num_processes 8 examples/scripts/mmclip.py --config examples/recipes/mmclip.yaml
"""

import torch
from trl import TrlParser

from dataset_builders.sources.authors_json import load_hard_negatives
from mmgeolm.scripts.mmclip import MMCLIPScriptArguments, named_files
from modeling_mmclip import MMCLIPModel, MMCLIPProcessor
from trainers import MMCLIPTrainer, MMCLIPTrainingArguments

if __name__ == "__main__":
    parser = TrlParser((MMCLIPScriptArguments, MMCLIPTrainingArguments))
    script_args, training_args = parser.parse_args_and_config()

    ################
    # Model & processor
    ################
    model = MMCLIPModel.from_backbone(script_args.model_name_or_path, dtype=torch.float32)
    processor = MMCLIPProcessor.from_backbone(script_args.model_name_or_path)

    ################
    # Dataset
    ################
    where = {"image_folder": script_args.image_folder, "kind": script_args.negative_kind}
    files = named_files(script_args.train_file)
    train_dataset = {name: load_hard_negatives(path, **where) for name, path in files.items()}
    eval_dataset = load_hard_negatives(script_args.eval_file, **where) if script_args.eval_file else None

    ################
    # Training
    ################
    trainer = MMCLIPTrainer(
        model,
        training_args,
        train_dataset=train_dataset,
        eval_dataset=eval_dataset,
        processing_class=processor,
    )
    trainer.train(resume_from_checkpoint=training_args.resume_from_checkpoint)
    if eval_dataset is not None:
        trainer.log_metrics("eval", trainer.evaluate())

    trainer.save_model()
    trainer.create_model_card()
    if training_args.push_to_hub:
        trainer.push_to_hub()
    trainer.end()
