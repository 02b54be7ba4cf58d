"""Splitting a batch by anchors, which the separable `hard` loss allows exactly."""

from typing import Any

import torch

SIDES = (
    ("image_anchors", "text_candidates"),
    ("text_anchors", "image_candidates"),
)
PER_TEXT = ("input_ids", "attention_mask", "text_keys")
PER_IMAGE = ("pixel_values", "image_keys", "pixel_attention_mask", "spatial_shapes")


def split_by_anchors(inputs: dict[str, Any], anchors_per_part: int) -> list[dict[str, Any]]:
    """Parts of a batch with at most so many anchors each, and only the images and captions these need.

    Args:
        inputs (`dict`): a batch in index form.
        anchors_per_part (`int`): both sides counted.

    Returns:
        `list[dict]`: batches in index form. A caption that several parts need is encoded in each of them.
    """
    rows = [(side, row) for side, (anchors, _) in enumerate(SIDES) for row in range(len(inputs[anchors]))]
    return [
        take_rows(inputs, rows[start : start + anchors_per_part]) for start in range(0, len(rows), anchors_per_part)
    ] or [inputs]


def take_rows(inputs: dict[str, Any], rows: list[tuple[int, int]]) -> dict[str, Any]:
    """The batch that has only the given `(side, row)` anchors."""
    part, images, texts = {}, [], []
    for side, (anchors, candidates) in enumerate(SIDES):
        device = inputs[anchors].device
        here = torch.tensor([row for its_side, row in rows if its_side == side], dtype=torch.long, device=device)
        part[anchors], part[candidates] = inputs[anchors][here], inputs[candidates][here]
        anchor_list, candidate_list = (images, texts) if side == 0 else (texts, images)
        anchor_list.append(part[anchors])
        candidate_list.append(part[candidates][part[candidates] >= 0])
    for names, used, renumber in (
        (PER_IMAGE, torch.cat(images), ("image_anchors", "image_candidates")),
        (PER_TEXT, torch.cat(texts), ("text_anchors", "text_candidates")),
    ):
        kept = used.unique()  # sorted
        for name in renumber:
            part[name] = torch.where(part[name] < 0, part[name], torch.searchsorted(kept, part[name].clamp(min=0)))
        part.update({name: inputs[name][kept] for name in names if name in inputs})
    if "attention_mask" in part:
        used_columns = part["attention_mask"].any(dim=0).nonzero()
        longest = int(used_columns.max()) + 1 if len(used_columns) else 1
        part["input_ids"], part["attention_mask"] = part["input_ids"][:, :longest], part["attention_mask"][:, :longest]
    return part
