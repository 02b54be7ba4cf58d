"""Ways to train the same small encoder: with in-batch negatives only, and with hard negatives in several forms."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from transformers import set_seed

from dataset_builders.diagram_sets import Groups
from mmgeolm.tiny import tiny_encoder
from modeling_mmclip import MMCLIPModel, MMCLIPProcessor
from trainers import MMCLIPTrainer, MMCLIPTrainingArguments


@dataclass(frozen=True)
class Regime:
    """How an encoder is trained.

    Attributes:
        groups (`bool`): batches of groups of four look-alike pairs, or of independent scenes.
        candidates (`str`): of the Trainer.
        batch_size (`int`): records; a record is a group or a scene.
        steps (`int`): chosen so that all regimes take the same processor time.
        stages (`list[dict]`, *optional*): of the Trainer.
        max_negatives (`int`, *optional*): negatives per record and side.
    """

    groups: bool
    candidates: str
    batch_size: int
    steps: int
    stages: tuple[dict[str, Any], ...] | None = None
    text_negatives: bool = False


REGIMES = {
    "in-batch": Regime(groups=False, candidates="in_batch", batch_size=192, steps=250),
    "grouped": Regime(groups=True, candidates="in_batch", batch_size=48, steps=250),
    "hybrid": Regime(groups=True, candidates="hybrid", batch_size=48, steps=230, text_negatives=True),
    "hard": Regime(groups=True, candidates="hard", batch_size=48, steps=250, text_negatives=True),
}


class GroupRecords(torch.utils.data.Dataset):
    """Groups of look-alike pairs as HardNegatives records: the first pair is the anchor, the others its negatives."""

    def __init__(self, groups: Groups, text_negatives: bool):
        self.groups = groups
        self.text_negatives = text_negatives

    def __len__(self) -> int:
        return len(self.groups.captions)

    def __getitem__(self, position: int) -> dict[str, Any]:
        images, captions = self.groups.images[position], self.groups.captions[position]
        return {
            "id": str(position),
            "image": Image.fromarray(images[0]),
            "caption": captions[0],
            "negative_captions": captions[1:] if self.text_negatives else [],
            "negative_images": [Image.fromarray(image) for image in images[1:]],
            "negative_image_captions": captions[1:],
        }


def train_regime(
    regime: Regime,
    groups: Groups,
    vocabulary: list[str],
    output_dir: str | Path,
    seed: int,
    steps: int | None = None,
    quiet: bool = False,
) -> tuple[MMCLIPModel, MMCLIPProcessor, float]:
    """Train an encoder from random weights; returns it with its processor and the processor time taken in seconds."""
    torch.set_num_threads(1)
    set_seed(seed)
    model, processor = tiny_encoder(vocabulary)
    args = MMCLIPTrainingArguments(
        str(output_dir),
        max_steps=steps or regime.steps,
        per_device_train_batch_size=regime.batch_size,
        candidates=regime.candidates,
        stages=list(regime.stages) if regime.stages else None,
        learning_rate=1.5e-3,
        weight_decay=0.05,
        warmup_steps=0.1,
        logging_steps=25,
        save_strategy="no",
        use_cpu=True,
        seed=seed,
        disable_tqdm=quiet,
        report_to="none",
    )
    trainer = MMCLIPTrainer(
        model, args, train_dataset=GroupRecords(groups, regime.text_negatives), processing_class=processor
    )
    start = time.process_time()
    trainer.train()
    seconds = time.process_time() - start
    trainer.save_model()
    trainer.create_model_card()
    return model, processor, seconds
