"""Micro-batches by anchors are exact under `hard`."""

import pytest
import torch
from tiny_models import BACKBONES, tiny_mmclip, tiny_records

from modeling_mmclip import CandidateIndex, MMCLIPModel, mmclip_loss
from trainers import DataCollatorForHardNegatives
from trainers.micro_batches import split_by_anchors

INDEX = ("image_anchors", "text_candidates", "text_anchors", "image_candidates")


def summed_loss(model: MMCLIPModel, batch: dict, loss: str) -> torch.Tensor:
    inputs = {name: batch[name] for name in ("pixel_values", "input_ids", "attention_mask") if name in batch}
    outputs = model(**inputs)
    similarity = outputs.image_embeds @ outputs.text_embeds.t()
    index = CandidateIndex(*(batch[name] for name in INDEX))
    return mmclip_loss(similarity, index, outputs.logit_scale, outputs.logit_bias, loss, "hard", reduction="sum")


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
@pytest.mark.parametrize("loss", ["softmax", "sigmoid"])
@pytest.mark.parametrize("kind", BACKBONES)
def test_parts_add_up_to_the_whole(kind, loss, dtype, tolerance):
    model, processor = tiny_mmclip(kind)
    model = model.to(dtype)
    records = tiny_records(5)
    records[1]["negative_captions"], records[1]["negative_caption_kinds"] = ["AB is 9"], ["rule"]
    records[2]["negative_images"] = records[2]["negative_image_captions"] = []
    records[3]["caption"] = records[0]["caption"]
    batch = DataCollatorForHardNegatives(processor)(records)
    batch["pixel_values"] = batch["pixel_values"].to(dtype)
    anchors = len(batch["image_anchors"]) + len(batch["text_anchors"])
    gradients = []
    for parts in ([batch], split_by_anchors(batch, 2)):
        model.zero_grad()
        for part in parts:
            (summed_loss(model, part, loss) / anchors).backward()
        gradients.append([p.grad.clone() for p in model.parameters() if p.grad is not None])
    assert len(split_by_anchors(batch, 2)) == 5  # 9 anchors
    assert max(gradient.abs().max() for gradient in gradients[0]) > 1e-2
    assert all((a - b).abs().max() <= tolerance for a, b in zip(*gradients, strict=True))


def test_a_part_holds_only_what_its_anchors_need():
    _, processor = tiny_mmclip("clip")
    batch = DataCollatorForHardNegatives(processor)(tiny_records(5, num_texts=3, num_images=2))
    parts = split_by_anchors(batch, 3)
    assert [len(p["image_anchors"]) + len(p["text_anchors"]) for p in parts] == [3, 3, 3, 1]
    assert len(parts[0]["pixel_values"]) == 3 and len(parts[0]["input_ids"]) == 12
    assert len(parts[-1]["pixel_values"]) == 3 and len(parts[-1]["input_ids"]) == 1


def test_padding_that_no_caption_of_a_part_needs_is_cut():
    _, processor = tiny_mmclip("clip")
    records = tiny_records(2, num_images=0)
    records[1]["negative_captions"][0] = "a much longer caption"
    parts = split_by_anchors(DataCollatorForHardNegatives(processor)(records), 1)
    assert parts[0]["input_ids"].shape[1] < parts[1]["input_ids"].shape[1]


def test_a_batch_without_anchors_stays_whole():
    _, processor = tiny_mmclip("clip")
    batch = DataCollatorForHardNegatives(processor)([{"id": "x", "image": None, "caption": "AB"}])
    assert split_by_anchors(batch, 2) == [batch]
