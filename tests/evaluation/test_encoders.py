"""Encoders load from whatever they are stored as, and what cannot be loaded is named."""

import pytest
import torch
from tiny_models import BACKBONES, noise_image, save_backbone, tiny_backbone, tiny_mmclip

from evaluation.encoders import fingerprint, load_encoder, named_encoders


@pytest.mark.parametrize("kind", BACKBONES)
def test_a_plain_backbone_embeds_as_it_does_by_itself(kind, tmp_path):
    model, processor = load_encoder(save_backbone(kind, tmp_path))
    backbone, own_processor = tiny_backbone(kind)
    image = noise_image(3)
    with torch.no_grad():
        wrapped = model.embed_images(**processor.encode_images([image]))
        plain = backbone.get_image_features(own_processor(images=[image], return_tensors="pt")["pixel_values"])
    assert not model.training and model.dtype == torch.float32
    assert torch.allclose(wrapped, torch.nn.functional.normalize(plain.pooler_output, dim=-1), atol=1e-5)


def test_an_mmclip_checkpoint_is_loaded_with_its_processor(tmp_path):
    model, processor = tiny_mmclip("clip", seed=5)
    model.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    loaded, loaded_processor = load_encoder(tmp_path, dtype="bfloat16")
    assert loaded.dtype == torch.bfloat16 and loaded_processor.max_length == processor.max_length
    assert torch.equal(loaded.backbone.logit_scale, model.backbone.logit_scale.bfloat16())


def test_what_cannot_be_loaded_is_named(tmp_path):
    with pytest.raises(ValueError, match="The encoder /nowhere/at-all cannot be loaded"):
        load_encoder("/nowhere/at-all")
    model, _ = tiny_mmclip("clip")
    model.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="files of its processor"):
        load_encoder(tmp_path)
    with pytest.raises(ValueError, match="`dtype` is 'int8'"):
        load_encoder(tmp_path, dtype="int8")


def test_encoders_are_called_by_their_last_part_unless_named(tmp_path):
    (tmp_path / "a=b").mkdir()
    named = named_encoders(["BAAI/AltCLIP", "ours=runs/mmclip", "runs/grouped-0/", str(tmp_path / "a=b")])
    assert list(named) == ["AltCLIP", "ours", "grouped-0", "a=b"]
    assert named["ours"] == "runs/mmclip"
    with pytest.raises(ValueError, match="two encoders are called AltCLIP"):
        named_encoders(["BAAI/AltCLIP", "mine/AltCLIP"])
    with pytest.raises(ValueError, match="--encoders"):
        named_encoders([])


def test_a_fingerprint_changes_with_the_files(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"1")
    before = fingerprint(tmp_path)
    (tmp_path / "notes.txt").write_text("nothing")
    assert fingerprint(tmp_path) == before
    (tmp_path / "model.safetensors").write_bytes(b"12")
    assert fingerprint(tmp_path) != before
    assert fingerprint("BAAI/AltCLIP") == "BAAI/AltCLIP"
