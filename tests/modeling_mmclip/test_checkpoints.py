"""Saving, loading, and what is said when a checkpoint is not whole."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_models import BACKBONES, MAX_LENGTH, SIZE, VISION, noise_image, save_backbone, tiny_backbone, tiny_mmclip
from transformers import (
    AutoConfig,
    AutoModel,
    AutoProcessor,
    BertConfig,
    BertModel,
    ChineseCLIPConfig,
    ChineseCLIPModel,
    MetaClip2Config,
    MetaClip2Model,
    PreTrainedModel,
    Siglip2Config,
    Siglip2Model,
)

from modeling_mmclip import MMCLIPConfig, MMCLIPModel, MMCLIPProcessor


def outputs(model: MMCLIPModel, processor: MMCLIPProcessor) -> torch.Tensor:
    batch = processor(images=[noise_image(1), noise_image(2)], text=["AB = 6.", "AB ∥ CD."])
    with torch.no_grad():
        return model.eval()(**batch).logits_per_image


@pytest.mark.parametrize("kind", BACKBONES)
def test_a_saved_model_is_loaded_as_it_was(kind, tmp_path):
    model, processor = tiny_mmclip(kind)
    model.config.candidates = "hybrid"
    with torch.no_grad():
        model.bias_parameter.fill_(-3.5)
        model.backbone.logit_scale.fill_(1.25)
    model.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    assert (tmp_path / "model.safetensors").exists() and not list(tmp_path.glob("*.bin"))
    again, info = MMCLIPModel.from_pretrained(tmp_path, output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"]
    assert again.config.candidates == "hybrid"
    assert again.bias_parameter.item() == -3.5 and again.backbone.logit_scale.item() == 1.25
    assert torch.equal(outputs(again, MMCLIPProcessor.from_pretrained(tmp_path)), outputs(model, processor))


@pytest.mark.parametrize("kind", BACKBONES)
def test_auto_classes_know_it(kind, tmp_path):
    model, processor = tiny_mmclip(kind)
    model.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    assert type(AutoConfig.from_pretrained(tmp_path)) is MMCLIPConfig
    assert type(AutoModel.from_pretrained(tmp_path)) is MMCLIPModel
    assert type(AutoProcessor.from_pretrained(tmp_path)) is MMCLIPProcessor


@pytest.mark.parametrize("kind", BACKBONES)
def test_a_backbones_folder_is_wrapped(kind, tmp_path):
    folder = save_backbone(kind, tmp_path)
    model, processor = MMCLIPModel.from_backbone(folder), MMCLIPProcessor.from_backbone(folder)
    expected = tiny_mmclip(kind)
    assert torch.equal(outputs(model, processor), outputs(*expected))
    assert model.dtype == torch.float32


def further_backbone(kind: str) -> PreTrainedModel:
    """The architectures that no other test takes."""
    ids = {"vocab_size": 120, "bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 119}
    if kind == "siglip2":
        text = {**SIZE, **ids, "max_position_embeddings": MAX_LENGTH, "projection_size": 32}
        vision = {**SIZE, "patch_size": 8, "num_patches": 16}
        return Siglip2Model(Siglip2Config(vision_config=vision, text_config=text))
    if kind == "chinese_clip":
        text = {**SIZE, "vocab_size": 120, "max_position_embeddings": MAX_LENGTH}
        return ChineseCLIPModel(ChineseCLIPConfig(vision_config=VISION, text_config=text, projection_dim=16))
    text = {**SIZE, **ids, "max_position_embeddings": MAX_LENGTH}
    return MetaClip2Model(MetaClip2Config(vision_config=VISION, text_config=text, projection_dim=16))


@pytest.mark.parametrize("kind", ["siglip2", "chinese_clip", "metaclip_2"])
def test_further_architectures_are_wrapped_saved_and_loaded(kind, tmp_path):
    model = MMCLIPModel.from_backbone(further_backbone(kind).eval()).eval()
    batch = {"input_ids": torch.randint(2, 118, (3, MAX_LENGTH)), "pixel_values": torch.randn(3, 3, 32, 32)}
    batch["input_ids"][:, -1] = 119
    if kind == "siglip2":
        batch["pixel_values"] = torch.randn(3, 16, 3 * 8 * 8)
        batch["pixel_attention_mask"] = torch.ones(3, 16, dtype=torch.long)
        batch["spatial_shapes"] = torch.tensor([[4, 4]] * 3)
    loss = model(**batch, return_loss=True).loss
    loss.backward()
    assert torch.isfinite(loss)
    model.save_pretrained(tmp_path)
    again = MMCLIPModel.from_pretrained(tmp_path).eval()
    with torch.no_grad():
        assert torch.equal(again(**batch).logits_per_image, model(**batch).logits_per_image)
    assert type(model.export_backbone()).__name__ in {"Siglip2Model", "ChineseCLIPModel", "MetaClip2Model"}
    expected = "Siglip2VisionModel" if kind == "siglip2" else "CLIPVisionModel"
    assert type(model.export_vision_tower()).__name__ == expected


def saved(folder) -> str:
    model, processor = tiny_mmclip("clip")
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return str(folder)


def change_weights(folder, change) -> None:
    weights = load_file(f"{folder}/model.safetensors")
    change(weights)
    save_file(weights, f"{folder}/model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda weights: weights.pop("backbone.visual_projection.weight"), "visual_projection.weight"),
        (lambda weights: weights.update(stranger=torch.zeros(2)), "stranger"),
        (
            lambda weights: weights.update({"backbone.visual_projection.weight": torch.zeros(3, 3)}),
            "visual_projection.weight",
        ),
    ],
    ids=["missing", "unexpected", "other shape"],
)
def test_a_checkpoint_that_is_not_whole_is_refused_by_name(change, named, tmp_path):
    folder = saved(tmp_path)
    change_weights(folder, change)
    with pytest.raises((ValueError, RuntimeError), match=named):
        MMCLIPModel.from_pretrained(folder)


def test_a_backbone_that_lacks_weights_is_refused_by_name(tmp_path):
    folder = save_backbone("clip", tmp_path)
    change_weights(folder, lambda weights: weights.pop("text_projection.weight"))
    with pytest.raises(ValueError, match="text_projection.weight"):
        MMCLIPModel.from_backbone(folder)


def test_what_is_no_dual_encoder_is_refused(tmp_path):
    bert = BertModel(BertConfig(vocab_size=30, **SIZE))
    with pytest.raises(ValueError, match="bert"):
        MMCLIPModel.from_backbone(bert)
    bert.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="bert"):
        MMCLIPModel.from_backbone(str(tmp_path))


def test_a_checkpoint_given_as_backbone_is_told_how_to_load(tmp_path):
    with pytest.raises(ValueError, match="MMCLIPModel.from_pretrained"):
        MMCLIPModel.from_backbone(saved(tmp_path))


def test_the_code_travels_with_the_checkpoint(tmp_path):
    folder = saved(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["auto_map"]["AutoModel"].endswith("MMCLIPModel")
    assert (tmp_path / "modeling_mmclip.py").exists() and (tmp_path / "loss_hybrid.py").exists()
    assert str(tmp_path) not in json.dumps(config) and folder


def test_a_plain_backbone_is_told_from_a_checkpoint(tmp_path):
    folder = save_backbone("clip", tmp_path)
    with pytest.raises(ValueError, match="plain clip checkpoint.*from_backbone"):
        MMCLIPModel.from_pretrained(folder)


def test_a_file_of_weights_that_is_cut_is_named(tmp_path):
    model, _ = tiny_mmclip()
    model.save_pretrained(tmp_path)
    weights = (tmp_path / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    with pytest.raises(ValueError, match=f"{tmp_path}.*broken"):
        MMCLIPModel.from_pretrained(tmp_path)


def test_a_siglip_folder_without_a_tokenizer_has_the_padding_of_its_configuration(tmp_path):
    tiny_backbone("siglip")[0].save_pretrained(tmp_path)
    assert MMCLIPModel.from_backbone(tmp_path).config.text_pad_token_id == 1


def test_a_saved_checkpoint_names_the_class_for_zero_shot_pipelines(tmp_path):
    tiny_mmclip()[0].save_pretrained(tmp_path)
    names = json.loads((tmp_path / "config.json").read_text())["auto_map"]
    assert names["AutoModelForZeroShotImageClassification"] == names["AutoModel"] == "modeling_mmclip.MMCLIPModel"
