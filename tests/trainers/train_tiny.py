"""A small training in a process of its own: `train_tiny.py FOLDER JSON` with the training arguments as JSON.

It writes the final parameters to FOLDER/final.pt. For tests that need several processes, or one that can be killed.
"""

import json
import sys
from pathlib import Path

import torch
from tiny_models import tiny_mmclip, tiny_records
from transformers import TrainerCallback

from trainers import MMCLIPTrainer, MMCLIPTrainingArguments


class Slowly(TrainerCallback):
    """Says each step that is done, so that a test knows when to kill."""

    def on_step_end(self, args, state, control, **kwargs):
        sys.stdout.write(f"step {state.global_step}\n")
        sys.stdout.flush()


def main() -> None:
    torch.set_num_threads(1)
    folder, settings = Path(sys.argv[1]), json.loads(sys.argv[2])
    resume = settings.pop("resume", False)
    records = tiny_records(64)
    for record in records[::5]:  # ragged
        for column in ("negative_captions", "negative_caption_kinds"):
            record[column] = record[column][:1]
    for record in records[::3]:  # without an image side, so that the processes have unequal numbers of anchors
        record["negative_images"], record["negative_image_captions"] = [], []
    for record in records[4:8]:  # shared by two processes
        record["image"], record["caption"] = records[0]["image"], records[0]["caption"]
    data = {"a": records[:40], "b": records[40:]} if "stages" in settings else records
    model, processor = tiny_mmclip("clip")
    args = MMCLIPTrainingArguments(
        str(folder),
        **{
            "max_steps": 5,
            "lr_scheduler_type": "constant",
            "warmup_steps": 0,
            "use_cpu": True,
            "disable_tqdm": True,
            "report_to": "none",
            "save_strategy": "no",
            "seed": 3,
            **settings,
        },
    )
    trainer = MMCLIPTrainer(model, args, train_dataset=data, processing_class=processor, callbacks=[Slowly()])
    trainer.train(resume_from_checkpoint=resume)
    if args.process_index == 0:
        torch.save(model.state_dict(), folder / "final.pt")
    trainer.end()


if __name__ == "__main__":
    main()
