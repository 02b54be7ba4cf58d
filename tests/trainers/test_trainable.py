"""Which tensors train in alignment, full SFT and LoRA, for each kind of tower and family of language models."""

import pytest
import torch
from peft import get_peft_model
from tiny_llms import LLMS, tiny_lmm
from tiny_models import BACKBONES

from trainers.trainable import lora_config, train_all, train_projector, trainable_in_float32, unread_tower_tensors

PROJECTOR = [f"model.multi_modal_projector.linear_{n}.{kind}" for n in (1, 2) for kind in ("weight", "bias")]


@pytest.mark.parametrize("tower", BACKBONES)
def test_alignment_trains_the_four_tensors_of_the_projector(tower):
    model, _ = tiny_lmm(tower)
    assert sorted(train_projector(model)) == sorted(PROJECTOR)
    assert sorted(n for n, p in model.named_parameters() if p.requires_grad) == sorted(PROJECTOR)


@pytest.mark.parametrize("tower", BACKBONES)
@pytest.mark.parametrize("llm", LLMS)
def test_lora_reaches_every_projection_of_the_language_model_and_no_other_module(tower, llm):
    model, _ = tiny_lmm(tower, llm)
    adapted = get_peft_model(model, lora_config(model, r=2, alpha=4))
    trained = [name for name, parameter in adapted.named_parameters() if parameter.requires_grad]
    lora = {name.split(".lora_")[0] for name in trained if ".lora_" in name}
    assert len(lora) == 7 * model.config.text_config.num_hidden_layers
    assert all(name.startswith("base_model.model.model.language_model.layers.") for name in lora)
    others = [name for name in trained if ".lora_" not in name]
    assert len(others) == 4 and all("multi_modal_projector.modules_to_save" in name for name in others)


def test_lora_refuses_a_language_model_of_which_it_would_miss_a_part():
    model, _ = tiny_lmm()
    model.model.language_model.layers[1].mlp.wide_proj = torch.nn.Linear(2, 2)
    with pytest.raises(ValueError, match="LoRA would miss, as model.language_model.layers.1.mlp.wide_proj"):
        lora_config(model)


@pytest.mark.parametrize("tower", BACKBONES)
@pytest.mark.parametrize("layer", [-2, -1, 1, [-2, -1]])
def test_full_training_trains_exactly_what_the_loss_reaches(tower, layer):
    model, processor = tiny_lmm(tower)
    model.config.vision_feature_layer = layer
    if isinstance(layer, list):
        linear = model.model.multi_modal_projector.linear_1
        model.model.multi_modal_projector.linear_1 = torch.nn.Linear(2 * linear.in_features, linear.out_features)
    model.requires_grad_(True)
    ids = torch.full((1, 18), processor.image_token_id)
    ids[0, 16:] = 5
    model(input_ids=ids, pixel_values=torch.randn(1, 3, 32, 32), labels=ids).loss.backward()
    reached = {name for name, parameter in model.named_parameters() if parameter.grad is not None}
    assert set(train_all(model)) == reached
    assert unread_tower_tensors(model)


def test_frozen_tower_trains_all_else():
    model, _ = tiny_lmm()
    trained = set(train_all(model, tower=False))
    assert trained == {name for name, _ in model.named_parameters() if "vision_tower" not in name}


def test_what_trains_is_kept_in_float32():
    model = tiny_lmm()[0].to(torch.bfloat16)
    train_projector(model)
    trainable_in_float32(model)
    dtypes = {name: parameter.dtype for name, parameter in model.named_parameters()}
    assert {name for name, dtype in dtypes.items() if dtype == torch.float32} == set(PROJECTOR)
