"""The model: ordinary CLIP without index tensors, candidate scores with them, the gradient cache, exported towers."""

import copy

import pytest
import torch
from tiny_models import BACKBONES, noise_image, tiny_backbone, tiny_mmclip
from transformers import (
    CLIPVisionModel,
    LlavaConfig,
    LlavaForConditionalGeneration,
    Qwen2Config,
    SiglipVisionModel,
    pipeline,
)

from modeling_mmclip import MMCLIPModel, MMCLIPProcessor

CAPTIONS = ["AB = 6.", "BC = 6 and △ABC is isosceles.", "AB ∥ CD.", "AB ⟂ CD."]


def batch_of(processor: MMCLIPProcessor, count: int = 4) -> dict[str, torch.Tensor]:
    return dict(processor(images=[noise_image(i) for i in range(count)], text=CAPTIONS[:count]))


INDEX = {
    "image_anchors": torch.tensor([0, 1]),
    "text_candidates": torch.tensor([[0, 2, 3], [1, 3, -1]]),
    "text_anchors": torch.tensor([2]),
    "image_candidates": torch.tensor([[2, 0, 1]]),
}


@pytest.mark.parametrize("kind", BACKBONES)
def test_without_index_it_is_the_backbone(kind):
    backbone, _ = tiny_backbone(kind)
    model, processor = tiny_mmclip(kind)
    batch = batch_of(processor)
    with torch.no_grad():
        expected, got = backbone(**batch), model(**batch)
    assert torch.allclose(got.logits_per_image, expected.logits_per_image, atol=1e-5)
    assert torch.equal(got.logits_per_text, got.logits_per_image.t())
    assert torch.allclose(got.image_embeds.norm(dim=-1), torch.ones(4), atol=1e-6)
    assert got.loss is None and got.text_scores is None


@pytest.mark.parametrize("kind", BACKBONES)
def test_scores_are_the_logits_of_each_anchors_candidates(kind):
    model, processor = tiny_mmclip(kind)
    with torch.no_grad():
        outputs = model(**batch_of(processor), **INDEX)
    logits = outputs.logits_per_image
    assert torch.equal(outputs.text_scores[0], logits[0, [0, 2, 3]])
    assert torch.equal(outputs.text_scores[1, :2], logits[1, [1, 3]])
    assert outputs.text_scores[1, 2] == torch.finfo(logits.dtype).min
    assert torch.equal(outputs.image_scores[0], logits[[2, 0, 1], 2])


def test_unequal_numbers_without_index_cannot_have_a_loss():
    model, processor = tiny_mmclip()
    batch = dict(processor(images=[noise_image(0)], text=CAPTIONS))
    assert model(**batch).logits_per_image.shape == (1, 4)
    with pytest.raises(ValueError, match="1 images and 4 captions"):
        model(**batch, return_loss=True)


def gradients(model: MMCLIPModel, batch: dict[str, torch.Tensor], chunk_size: int | None) -> dict[str, torch.Tensor]:
    model.zero_grad()
    model(**batch, **INDEX, return_loss=True, chunk_size=chunk_size).loss.backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("candidates", ["hard", "in_batch", "hybrid"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
@pytest.mark.parametrize("kind", BACKBONES)
def test_the_gradient_cache_gives_the_gradients_of_the_plain_step(kind, dtype, tolerance, candidates):
    model, processor = tiny_mmclip(kind)
    model = model.to(dtype)
    model.config.candidates = candidates
    batch = batch_of(processor)
    batch["pixel_values"] = batch["pixel_values"].to(dtype)
    plain, cached = gradients(model, batch, None), gradients(model, batch, 3)
    assert plain.keys() == cached.keys() and len(plain) > 20
    assert max(p.abs().max() for p in plain.values()) > 1e-3
    assert all((plain[name] - cached[name]).abs().max() <= tolerance for name in plain)


def test_the_gradient_cache_draws_the_same_dropout_twice():
    model, processor = tiny_mmclip("altclip")
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.3
    model.train()
    batch = batch_of(processor)

    def step(scale: float) -> tuple[float, dict[str, torch.Tensor]]:
        torch.manual_seed(1)
        model.zero_grad()
        loss = model(**batch, **INDEX, return_loss=True, chunk_size=2).loss
        loss.backward()
        return loss.item(), {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}

    # The derivative along a direction says whether the backward pass saw the dropout of the forward pass.
    loss, grads = step(0.0)
    name = "backbone.text_projection.weight"
    parameter = dict(model.named_parameters())[name]
    direction = torch.randn_like(parameter)
    shifted = []
    for sign in (1, -1):
        with torch.no_grad():
            parameter.add_(direction, alpha=sign * 1e-3)
        shifted.append(step(0.0)[0])
        with torch.no_grad():
            parameter.add_(direction, alpha=-sign * 1e-3)
    assert (shifted[0] - shifted[1]) / 2e-3 == pytest.approx(
        (grads[name] * direction).sum().item(), rel=0.03, abs=1e-3
    )
    assert step(0.0)[0] == pytest.approx(loss, rel=1e-5)  # the weights are back but for rounding


@pytest.mark.parametrize("kind", ["clip", "altclip"])
def test_padding_does_not_change_an_embedding(kind):
    model, processor = tiny_mmclip(kind)
    with torch.no_grad():
        alone = model.embed_texts(**processor.encode_texts(CAPTIONS[:1]))
        padded = model.embed_texts(**processor.encode_texts(CAPTIONS[:2]))
    assert torch.allclose(alone[0], padded[0], atol=1e-6)


def test_siglip_captions_are_padded_to_the_length_that_the_tower_knows():
    model, processor = tiny_mmclip("siglip")
    fixed = processor.encode_texts(CAPTIONS[:1])["input_ids"]
    short = fixed[:, : (fixed != processor.tokenizer.pad_token_id).sum()]
    assert short.shape[1] < fixed.shape[1] == model.config.text_length
    with torch.no_grad():
        expected = model.embed_texts(fixed)
        assert torch.equal(model.embed_texts(short), expected)
        # Its tokens were never masked in training, so a mask that a tokenizer adds is not used.
        assert torch.equal(model.embed_texts(short, torch.ones_like(short)), expected)


@pytest.mark.parametrize("kind", BACKBONES)
def test_the_bias_learns_under_the_sigmoid_loss_only(kind):
    backbone, _ = tiny_backbone(kind)
    assert not MMCLIPModel.from_backbone(copy.deepcopy(backbone)).bias_parameter.requires_grad
    assert MMCLIPModel.from_backbone(backbone, loss="sigmoid").bias_parameter.requires_grad


@pytest.mark.parametrize("kind", BACKBONES)
def test_the_exported_vision_tower_is_a_plain_one_with_equal_outputs(kind, tmp_path):
    model, processor = tiny_mmclip(kind)
    tower = model.export_vision_tower().eval()
    plain_class = SiglipVisionModel if kind == "siglip" else CLIPVisionModel
    assert type(tower) is plain_class
    pixels = batch_of(processor)["pixel_values"]
    tower.save_pretrained(tmp_path)
    again, info = plain_class.from_pretrained(tmp_path, output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"]
    with torch.no_grad():
        expected = model.backbone.vision_model(pixel_values=pixels, output_hidden_states=True)
        for candidate in (tower, again.eval()):
            got = candidate(pixel_values=pixels, output_hidden_states=True)
            assert torch.equal(got.last_hidden_state, expected.last_hidden_state)
            assert torch.equal(got.pooler_output, expected.pooler_output)
            assert all(map(torch.equal, got.hidden_states, expected.hidden_states))


@pytest.mark.parametrize("kind", BACKBONES)
def test_the_exported_vision_tower_works_in_llava(kind):
    model, processor = tiny_mmclip(kind)
    tower = model.export_vision_tower().eval()
    text = Qwen2Config(
        vocab_size=100,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
    )
    config = LlavaConfig(
        vision_config=tower.config,
        text_config=text,
        image_token_id=99,
        image_seq_length=16,
        vision_feature_select_strategy="full" if kind == "siglip" else "default",
        vision_feature_layer=-1,
    )
    llava = LlavaForConditionalGeneration(config).eval()
    llava.model.vision_tower.load_state_dict(tower.state_dict(), strict=True)
    pixels = batch_of(processor, 1)["pixel_values"]
    with torch.no_grad():
        features = llava.model.get_image_features(pixels).pooler_output[0]
        patches = tower(pixels, output_hidden_states=True).hidden_states[-1][0, -16:]
        assert torch.allclose(features, llava.model.multi_modal_projector(patches), atol=1e-5)
        logits = llava(input_ids=torch.tensor([[99] * 16 + [5, 6]]), pixel_values=pixels).logits
    assert logits.shape == (1, 18, 100)


@pytest.mark.parametrize("kind", BACKBONES)
def test_the_exported_backbone_is_the_plain_model(kind, tmp_path):
    model, processor = tiny_mmclip(kind)
    plain = model.export_backbone()
    assert type(plain) is type(tiny_backbone(kind)[0])
    plain.save_pretrained(tmp_path)
    again = type(plain).from_pretrained(tmp_path).eval()
    batch = batch_of(processor)
    with torch.no_grad():
        assert torch.equal(again(**batch).logits_per_image, plain(**batch).logits_per_image)
        assert torch.equal(
            again.get_image_features(batch["pixel_values"]).pooler_output,
            model.get_image_features(batch["pixel_values"]).pooler_output,
        )


@pytest.mark.parametrize("kind", BACKBONES)
def test_zero_shot_pipeline(kind):
    model, processor = tiny_mmclip(kind)
    classify = pipeline(
        "zero-shot-image-classification",
        model=model,
        tokenizer=processor.tokenizer,
        image_processor=processor.image_processor,
    )
    found = classify(noise_image(3), candidate_labels=["a square", "a circle"], hypothesis_template="{}")
    assert {item["label"] for item in found} == {"a square", "a circle"}
    with torch.no_grad():
        logits = model(**processor(images=[noise_image(3)], text=["a square", "a circle"])).logits_per_image[0]
    best = ["a square", "a circle"][int(logits.argmax())]
    assert found[0]["label"] == best


@pytest.mark.parametrize("kind", BACKBONES)
def test_the_word_embeddings_are_the_text_towers_and_can_be_exchanged(kind):
    model, processor = tiny_mmclip(kind)
    words = model.get_input_embeddings()
    inputs = processor(text=["AB is 5."])
    before = model.get_text_features(**inputs).pooler_output
    other = copy.deepcopy(words)
    torch.nn.init.normal_(other.weight)
    model.set_input_embeddings(other)
    assert model.get_input_embeddings() is other
    assert not torch.allclose(model.get_text_features(**inputs).pooler_output, before, atol=1e-3)
