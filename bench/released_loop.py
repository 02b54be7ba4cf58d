"""A training step of the kind that was released with arXiv 2505.20152, rewritten from its description.

- The tokenizer and image processor are called once for each record; its captions are padded to the longest of them,
  and again when the records are put together. No attention mask.
- Every caption and every image is encoded as it comes, however often the batch repeats it.
- Similarities, and the softmax over the candidates, are computed in a Python loop over the records.

To its favour, all captions of the batch go through the tower in one call, and by default they are padded to the
longest of the batch, not to the tower's limit.
"""

import io
from typing import Any

import torch
from PIL import Image
from torch.nn import functional as F
from transformers import PreTrainedModel, ProcessorMixin


def collate(
    records: list[dict[str, Any]], processor: ProcessorMixin, to_limit: int | None = None
) -> dict[str, torch.Tensor]:
    """`pixel_values (R, 1+M, 3, H, W)` and `input_ids (R, 1+K, L)`; every record needs equally many negatives.

    Args:
        records (`list[dict]`): HardNegatives records with images as `{"bytes", "path"}`.
        processor (`ProcessorMixin`): the backbone's own, with `image_processor` and `tokenizer`.
        to_limit (`int`, *optional*): pad to so many tokens; to the longest caption of the batch if absent.
    """
    pixels, ids = [], []
    for record in records:
        captions = [record["caption"], *record.get("negative_captions", [])]
        images = [record["image"], *record.get("negative_images", [])]
        opened = [Image.open(io.BytesIO(image["bytes"])) for image in images]
        pixels.append(processor.image_processor(opened, return_tensors="pt")["pixel_values"])
        ids.append(processor.tokenizer(captions, padding=True, truncation=True, return_tensors="pt")["input_ids"])
    longest = to_limit or max(sample.shape[1] for sample in ids)
    pad = processor.tokenizer.pad_token_id
    padded = [F.pad(sample, (0, longest - sample.shape[1]), value=pad) for sample in ids]
    return {"pixel_values": torch.stack(pixels), "input_ids": torch.stack(padded)}


def loss(backbone: PreTrainedModel, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Mean over the records of −ln softmax of the positive among its own candidates (Eq. 2)."""
    pixels, ids = batch["pixel_values"], batch["input_ids"]
    images = backbone.get_image_features(pixel_values=pixels.flatten(0, 1)).pooler_output
    texts = backbone.get_text_features(input_ids=ids.flatten(0, 1)).pooler_output
    images = F.normalize(images, dim=-1).view(*pixels.shape[:2], -1)  # (R, 1 + M, D)
    texts = F.normalize(texts, dim=-1).view(*ids.shape[:2], -1)  # (R, 1 + K, D)
    losses = []
    for own_images, own_texts in zip(images, texts, strict=True):
        scores = backbone.logit_scale.exp() * (own_images @ own_texts.t()).flatten()  # (1 + K,) or (1 + M,)
        losses.append(-torch.log_softmax(scores, dim=0)[0])
    return torch.stack(losses).mean()
