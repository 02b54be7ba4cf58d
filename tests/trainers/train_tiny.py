"""A small training in a process of its own: `train_tiny.py FOLDER JSON` with the training arguments as JSON.

It writes the final parameters to FOLDER/final.pt and, with `"evaluate": true`, the figures after it to
FOLDER/metrics.json. For tests that need several processes, or one that can be killed.
"""

import json
import sys
import weakref
from pathlib import Path

import torch
from datasets import IterableDataset
from tiny_models import tiny_mmclip, tiny_records
from transformers import TrainerCallback

from trainers import MMCLIPTrainer, MMCLIPTrainingArguments


class Slowly(TrainerCallback):
    """Says each step that is done, so that a test knows when to kill."""

    def on_step_end(self, args, state, control, **kwargs):
        sys.stdout.write(f"step {state.global_step}\n")
        sys.stdout.flush()


def train(folder: Path, settings: dict) -> None:
    """Train a tiny encoder and leave its final parameters in the folder."""
    settings = dict(settings)
    resume, evaluate, stream = (settings.pop(name, False) for name in ("resume", "evaluate", "stream"))
    records = tiny_records(64)
    for record in records[::5]:  # ragged
        for column in ("negative_captions", "negative_caption_kinds"):
            record[column] = record[column][:1]
    for record in records[::3]:  # without an image side, so that the processes have unequal numbers of anchors
        record["negative_images"], record["negative_image_captions"] = [], []
    for record in records[4:8]:  # shared by two processes
        record["image"], record["caption"] = records[0]["image"], records[0]["caption"]
    data = {"a": records[:40], "b": records[40:]} if "stages" in settings else records
    if stream:
        data = IterableDataset.from_generator(lambda: iter(records))
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
    trainer = MMCLIPTrainer(
        model,
        args,
        train_dataset=data,
        eval_dataset=records[:19] if evaluate else None,
        processing_class=processor,
        callbacks=[Slowly()],
    )
    trainer.train(resume_from_checkpoint=resume)
    if args.process_index == 0:
        torch.save(model.state_dict(), folder / "final.pt")
    if evaluate:
        metrics = trainer.evaluate()
        if args.process_index == 0:
            (folder / "metrics.json").write_text(json.dumps(metrics))
    wrapped = None if trainer.model_wrapped is model else weakref.ref(trainer.model_wrapped)
    trainer.end()
    if wrapped is not None and wrapped() is not None:
        raise RuntimeError("The wrapped model outlives its process group, and may keep this process from ending.")


if __name__ == "__main__":
    torch.set_num_threads(1)
    train(Path(sys.argv[1]), json.loads(sys.argv[2]))
