"""Diagrams and captions to tensors."""

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_models import BACKBONES, MAX_LENGTH, noise_image, tiny_backbone, tiny_mmclip

from modeling_mmclip import MMCLIPProcessor


@pytest.mark.parametrize("kind", BACKBONES)
def test_a_square_image_of_the_towers_size_comes_out_as_from_the_backbones_processor(kind):
    _, own = tiny_backbone(kind)
    _, processor = tiny_mmclip(kind)
    image = noise_image(1)
    expected = own.image_processor(image, return_tensors="pt")["pixel_values"]
    assert torch.allclose(processor(images=image)["pixel_values"], expected, atol=1e-5)


@pytest.mark.parametrize("size", [(64, 20), (20, 64)])
def test_an_image_that_is_not_square_is_padded_and_never_cropped(size):
    _, processor = tiny_mmclip("clip")
    image = Image.new("RGB", size, "white")
    for corner in ((0, 0), (size[0] - 4, size[1] - 4)):
        image.paste((255, 0, 0), (*corner, corner[0] + 4, corner[1] + 4))
    pixels = processor(images=image)["pixel_values"][0]
    mean = torch.tensor(processor.image_processor.image_mean)
    std = torch.tensor(processor.image_processor.image_std)
    colours = pixels * std[:, None, None] + mean[:, None, None]
    red = (colours[0] > 0.8) & (colours[1] < 0.5)
    along = red.any(dim=0 if size[0] > size[1] else 1)
    assert along[:2].any() and along[-2:].any()  # both outer corners are still there
    edge = pixels[:, 0, :] if size[0] > size[1] else pixels[:, :, 0]
    assert edge.abs().max() < 0.02  # the mean colour, which is zero


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_parts_become_paper(mode):
    _, processor = tiny_mmclip("clip")
    image = Image.new("RGBA", (32, 32), (0, 0, 0, 0))
    if mode == "P":
        image = Image.new("P", (32, 32), 0)
        image.putpalette([0, 0, 0] * 256)
        image.info["transparency"] = 0
    else:
        image = image.convert(mode)
    white = processor(images=Image.new("RGB", (32, 32), "white"))["pixel_values"]
    assert torch.equal(processor(images=image)["pixel_values"], white)


def test_grey_images_are_read():
    _, processor = tiny_mmclip("clip")
    grey = Image.fromarray(np.full((32, 32), 200, dtype=np.uint8))
    assert torch.equal(processor(images=grey)["pixel_values"], processor(images=grey.convert("RGB"))["pixel_values"])


@pytest.mark.parametrize("kind", BACKBONES)
def test_captions_are_cut_at_the_towers_limit(kind):
    model, processor = tiny_mmclip(kind)
    encoded = processor(text=["A" * 500, "B"])
    assert encoded["input_ids"].shape[1] == processor.max_length == MAX_LENGTH
    model.get_text_features(**encoded)  # as many positions as the tower has
    assert ("attention_mask" in encoded) == (kind != "siglip")


def test_captions_are_padded_to_the_longest_or_to_the_fixed_length():
    texts = ["AB", "AB is 5"]
    _, clip = tiny_mmclip("clip")
    encoded = clip(text=texts)
    assert encoded["attention_mask"].sum(dim=1).max() == encoded["input_ids"].shape[1] < MAX_LENGTH
    _, siglip = tiny_mmclip("siglip")
    assert siglip(text=texts)["input_ids"].shape == (2, MAX_LENGTH)


@pytest.mark.parametrize("kind", BACKBONES)
def test_it_is_saved_and_loaded(kind, tmp_path):
    _, processor = tiny_mmclip(kind)
    processor.save_pretrained(tmp_path)
    again = MMCLIPProcessor.from_pretrained(tmp_path)
    first, second = (p(images=noise_image(1, (40, 20)), text="AB = 6.") for p in (processor, again))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_other_tensors_than_pytorchs_are_refused():
    _, processor = tiny_mmclip("clip")
    with pytest.raises(ValueError, match="PyTorch"):
        processor(text="AB", return_tensors="np")


def test_a_processor_in_memory_needs_the_configuration():
    with pytest.raises(ValueError, match="config"):
        MMCLIPProcessor.from_backbone(tiny_backbone("clip")[1])


@pytest.mark.parametrize("kind", BACKBONES)
def test_the_inputs_that_it_names_are_those_that_it_makes(kind):
    processor = tiny_mmclip(kind)[1]
    made = processor(text=["AB is parallel to CD."], images=[noise_image(0, (30, 20))])
    assert sorted(processor.model_input_names) == sorted(made)
