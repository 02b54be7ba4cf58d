"""Ways to train the same small encoder: with in-batch negatives only, and with hard negatives in several forms."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from transformers import PrinterCallback, set_seed

from dataset_builders.diagram_sets import Groups
from mmgeolm.tiny import tiny_encoder
from modeling_mmclip import MMCLIPModel, MMCLIPProcessor
from trainers import MMCLIPTrainer, MMCLIPTrainingArguments

GROUP = 4  # look-alikes in a group, and so hard negatives per anchor: three


@dataclass(frozen=True)
class Stage:
    """A part of a training.

    Attributes:
        share (`float`): of all steps.
        candidates (`str`): `hard`, `in_batch` or `hybrid`.
        source (`str`): what a batch is made of: `random` (independent pairs), `look_alikes` (groups of four pairs that
            differ in one edit), `captions` (a pair and three hard negative captions), `both` (a pair, three hard
            negative captions and three hard negative images).
    """

    share: float
    candidates: str
    source: str


@dataclass(frozen=True)
class Regime:
    """How an encoder is trained.

    Attributes:
        stages (`tuple[Stage, ...]`): one after the other.
        pairs (`int`): pairs of image and caption in a batch; for `captions` and `both` its images.
        cost (`float`): processor time of a step, in-batch with 192 pairs taken as 1; steps are divided by it, so that
            all regimes take the same time.
        learning_rate (`float`): highest learning rate.
    """

    stages: tuple[Stage, ...]
    pairs: int = 192
    cost: float = 1.0
    learning_rate: float = 1e-3


# A short time among random pairs first: from random weights look-alikes are told apart later, or not at all.
WARM_UP = Stage(0.2, "in_batch", "random")
REGIMES = {
    # The batch size at which it does best (docs/results.md).
    "in-batch": Regime((Stage(1.0, "in_batch", "random"),), pairs=384, cost=2.2),
    "grouped": Regime((WARM_UP, Stage(0.8, "in_batch", "look_alikes"))),
    "hybrid": Regime((WARM_UP, Stage(0.8, "hybrid", "captions")), pairs=96),
    "staged": Regime((Stage(0.5, "in_batch", "random"), Stage(0.5, "hard", "both"))),
    "hard": Regime((Stage(1.0, "hard", "both"),)),
}


def multiplies_bfloat16() -> bool:
    """Whether this CPU multiplies in bfloat16, which makes a training step three times as fast."""
    found = torch.cpu.get_capabilities()
    return bool(found.get("avx512_bf16") or found.get("amx_bf16"))


def default_steps() -> int:
    """Steps of a regime of cost 1 that take three to four minutes on one core."""
    return 480 if multiplies_bfloat16() else 160


class SceneRecords(torch.utils.data.Dataset):
    """Generated scenes as HardNegatives records; see [`Stage`] for the sources.

    Args:
        groups ([`Groups`]): groups of look-alikes, or groups of one for `random`.
        source (`str`): `random`, `look_alikes`, `captions` or `both`.
        size (`int`, *optional*): scenes in a record; those of a group if absent.
    """

    def __init__(self, groups: Groups, source: str, size: int | None = None):
        self.images = groups.images.reshape(-1, *groups.images.shape[2:])
        self.captions = [caption for group in groups.captions for caption in group]
        self.size = size or groups.images.shape[1]
        self.source = source

    def __len__(self) -> int:
        return len(self.captions) // self.size

    def __getitem__(self, position: int) -> dict[str, Any]:
        start, end = position * self.size, (position + 1) * self.size
        images, captions = self.images[start:end], self.captions[start:end]
        texts, pictures = self.source in ("captions", "both"), self.source != "captions"
        return {
            "id": f"{self.source}-{position}",
            "image": Image.fromarray(images[0]),
            "caption": captions[0],
            "negative_captions": captions[1:] if texts else [],
            "negative_images": [Image.fromarray(image) for image in images[1:]] if pictures else [],
            "negative_image_captions": captions[1:] if pictures else [],
        }


def train_regime(
    regime: Regime,
    scenes: dict[str, Groups],
    vocabulary: Sequence[str],
    output_dir: str | Path,
    seed: int,
    steps: int,
    quiet: bool = False,
    real: list[dict[str, Any]] | None = None,
    **settings: Any,
) -> tuple[MMCLIPModel, MMCLIPProcessor, float]:
    """Train an encoder from random weights; returns it with its processor and the processor time taken in seconds.

    Args:
        regime ([`Regime`]): how.
        scenes (`dict[str, Groups]`): groups of one under `random`, of four under `look_alikes`, as far as needed.
        vocabulary (sequence of `str`): captions that the tokenizer gets its words from.
        output_dir (`str` or `Path`): for checkpoint and card.
        seed (`int`): of weights and order.
        steps (`int`): of a regime of cost 1.
        quiet (`bool`, *optional*, defaults to `False`): draw no progress bar.
        real (`list[dict]`, *optional*): records that take a fifth of each batch.
        settings: further training arguments.
    """
    torch.set_num_threads(1)
    set_seed(seed)
    # Textbook diagrams have more to say than generated ones.
    model, processor = tiny_encoder(vocabulary, max_length=160 if real else 64)
    # Where a record is a group, all records of the regime are, so that each batch holds as many pairs.
    grouped = any(stage.source in ("look_alikes", "both") for stage in regime.stages)
    size = GROUP if grouped else 1
    data: dict[str, Any] = {}
    for stage in regime.stages:
        kind = "random" if stage.source == "random" else "look_alikes"
        data[stage.source] = SceneRecords(scenes[kind], stage.source, size if kind == "random" else None)
    if real:
        data["real"] = real
    args = MMCLIPTrainingArguments(
        str(output_dir),
        **{
            "max_steps": max(1, round(steps / regime.cost)),
            "per_device_train_batch_size": max(2, regime.pairs // size),
            "stages": [
                {
                    "share": stage.share,
                    "candidates": stage.candidates,
                    "mixture": {stage.source: 0.8, "real": 0.2} if real else {stage.source: 1.0},
                }
                for stage in regime.stages
            ],
            "learning_rate": regime.learning_rate,
            "weight_decay": 0.05,
            "adam_beta2": 0.98,
            "warmup_steps": 0.1,
            "max_negatives": GROUP - 1,
            "logging_steps": 25,
            "save_strategy": "no",
            "use_cpu": True,
            "bf16": multiplies_bfloat16(),
            "seed": seed,
            "disable_tqdm": quiet,
            "report_to": "none",
            **settings,
        },
    )
    trainer = MMCLIPTrainer(model, args, train_dataset=data, processing_class=processor)
    if quiet:
        trainer.remove_callback(PrinterCallback)
    start = time.process_time()
    trainer.train()
    seconds = time.process_time() - start
    trainer.save_model()
    trainer.save_state()
    trainer.create_model_card()
    return model, processor, seconds
