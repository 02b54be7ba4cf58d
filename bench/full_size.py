"""The encoders of the paper at full size on a CUDA device: anchors per second, memory, share of the ideal rate.

Random weights, bf16 autocast over float32 weights (`bf16=True`), 10 negatives on either side, batches collated already
and made of distinct items at full length. A step is `training_step` and the optimizer of [`~trainers.MMCLIPTrainer`].

The ideal rate is P / C. P is what a large bf16 matrix product reaches on the same device in the same run. C is the
work of one anchor: with V and X the forward FLOPs of vision and text tower (2 per multiply-add), T tokens, width d,
feed-forward width f and L layers,

    tower            F = L (2 T (4 d^2 + 2 d f) + 4 T^2 d),   and 2 (patches) 3 p^2 d for cutting patches of p pixels
    text negatives   C = 3 (V + (1 + K) X)
    image negatives  C = 3 ((1 + K) V + X)
"""

import gc
import tempfile
import time
from typing import NamedTuple

import torch
from transformers import (
    AltCLIPConfig,
    AltCLIPModel,
    CLIPConfig,
    CLIPModel,
    PreTrainedConfig,
    PreTrainedModel,
    SiglipConfig,
    SiglipModel,
)

from modeling_mmclip import MMCLIPModel
from trainers import MMCLIPTrainer, MMCLIPTrainingArguments

NUM_NEGATIVES = 10
ANCHORS = {"text": 16, "image": 4}
WARM_UP, STEPS = 3, 10
SEED = 0

LARGE = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16}
BASE = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12}
SO400M = {"hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27, "num_attention_heads": 16}


class Encoder(NamedTuple):
    """A dual encoder to measure and the length of its captions."""

    name: str
    model: type[PreTrainedModel]
    config: PreTrainedConfig
    tokens: int


def encoders() -> list[Encoder]:
    """CLIP ViT-L/14-336, AltCLIP and SigLIP so400m-384, by shape."""
    clip = CLIPConfig(
        text_config={**BASE, "max_position_embeddings": 77, "eos_token_id": 49407},
        vision_config={**LARGE, "image_size": 336, "patch_size": 14},
        projection_dim=768,
    )
    altclip = AltCLIPConfig(
        text_config={**LARGE, "project_dim": 768},
        vision_config={**LARGE, "image_size": 224, "patch_size": 14},
        projection_dim=768,
    )
    siglip = SiglipConfig(
        text_config={**SO400M, "max_position_embeddings": 64, "projection_size": 1152, "eos_token_id": 1},
        vision_config={**SO400M, "image_size": 384, "patch_size": 14},
    )
    return [
        Encoder("CLIP ViT-L/14-336", CLIPModel, clip, 77),
        Encoder("AltCLIP", AltCLIPModel, altclip, 128),
        Encoder("SigLIP so400m-384", SiglipModel, siglip, 64),
    ]


def measure_full_size() -> None:
    """Print one row for each encoder and side."""
    peak_rate = matrix_product_rate()
    print(
        f"\nFull size on {torch.cuda.get_device_name()}, bf16, K = {NUM_NEGATIVES}; a matrix product reaches "
        f"{peak_rate / 1e12:.0f} TFLOP/s.\n"
    )
    print("| encoder | side | anchors a step | TFLOP per anchor | anchors/s | peak GiB | share of ideal |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for encoder in encoders():
        for side in ("text", "image"):
            work = flops_per_anchor(encoder, side)
            row = f"| {encoder.name} | {side} | {ANCHORS[side]} | {work / 1e12:.1f} "
            try:
                rate, peak = measure(encoder, side)
                print(f"{row}| {rate:.1f} | {peak / 2**30:.1f} | {rate * work / peak_rate:.0%} |", flush=True)
            except torch.OutOfMemoryError:
                print(f"{row}| out of memory | | |", flush=True)
            # A Trainer is part of reference cycles, and would keep its model on the device.
            gc.collect()
            torch.cuda.empty_cache()


def measure(encoder: Encoder, side: str) -> tuple[float, int]:
    """Anchors per second, and the peak of allocated memory in bytes."""
    torch.manual_seed(SEED)
    with tempfile.TemporaryDirectory() as folder:
        args = MMCLIPTrainingArguments(folder, candidates="hard", bf16=True, report_to=[], seed=SEED)
        model = MMCLIPModel.from_backbone(encoder.model(encoder.config))
        trainer = MMCLIPTrainer(model, args, data_collator=dict)
    # `train` would do both; the steps are taken one by one here. Without `prepare` there is no autocast.
    trainer.current_gradient_accumulation_steps = 1
    model, optimizer = trainer.accelerator.prepare(trainer.model, trainer.create_optimizer())
    batch = {name: tensor.to(args.device) for name, tensor in make_batch(encoder, side).items()}

    def steps(count: int) -> float:
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(count):
            trainer.training_step(model, dict(batch))
            optimizer.step()
            optimizer.zero_grad()
        torch.cuda.synchronize()
        return time.perf_counter() - start

    steps(WARM_UP)
    torch.cuda.reset_peak_memory_stats()
    return ANCHORS[side] * STEPS / steps(STEPS), torch.cuda.max_memory_allocated()


def make_batch(encoder: Encoder, side: str) -> dict[str, torch.Tensor]:
    """A batch in index form: all candidates distinct, all captions at full length."""
    anchors, width = ANCHORS[side], 1 + NUM_NEGATIVES
    images, texts = (anchors, anchors * width) if side == "text" else (anchors * width, anchors)
    text, size = encoder.config.text_config, encoder.config.vision_config.image_size
    # Clear of the special tokens; CLIP pools where the end token stands.
    input_ids = torch.randint(10, text.vocab_size - 10, (texts, encoder.tokens))
    input_ids[:, -1] = text.eos_token_id
    batch = {"pixel_values": torch.randn(images, 3, size, size), "input_ids": input_ids}
    if encoder.model is not SiglipModel:
        batch["attention_mask"] = torch.ones_like(input_ids)
    rows, candidates = torch.arange(anchors), torch.arange(anchors * width).view(anchors, width)
    with_anchors, without = (rows, candidates), (rows[:0], candidates[:0])
    text_side, image_side = (with_anchors, without) if side == "text" else (without, with_anchors)
    batch["image_anchors"], batch["text_candidates"] = text_side
    batch["text_anchors"], batch["image_candidates"] = image_side
    return batch


def flops_per_anchor(encoder: Encoder, side: str) -> float:
    """Forward and backward FLOPs of one anchor with its candidates; see the top of this file."""
    vision = encoder.config.vision_config
    patches = (vision.image_size // vision.patch_size) ** 2
    # CLIP's towers put a class token before the patches, SigLIP's do not.
    tokens = patches if encoder.model is SiglipModel else patches + 1
    image = tower_flops(vision, tokens) + 2 * patches * 3 * vision.patch_size**2 * vision.hidden_size
    text = tower_flops(encoder.config.text_config, encoder.tokens)
    width = 1 + NUM_NEGATIVES
    return 3 * (image + width * text) if side == "text" else 3 * (width * image + text)


def tower_flops(config: PreTrainedConfig, tokens: int) -> float:
    """Forward FLOPs of a transformer over one sequence."""
    width, feed_forward = config.hidden_size, config.intermediate_size
    linear = 2 * tokens * (4 * width**2 + 2 * width * feed_forward)
    return config.num_hidden_layers * (linear + 4 * tokens**2 * width)


def matrix_product_rate(size: int = 8192, repeats: int = 50) -> float:
    """FLOP/s of a large bf16 matrix product."""
    left, right = (torch.randn(size, size, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    for _ in range(5):
        left @ right
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(repeats):
        left @ right
    torch.cuda.synchronize()
    return repeats * 2 * size**3 / (time.perf_counter() - start)
