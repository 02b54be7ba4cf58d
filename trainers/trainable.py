"""Which tensors of an LMM train: the projector alone, everything, everything but the tower, or adapters."""

import re
from collections.abc import Callable

import torch
from peft import LoraConfig
from torch import nn
from transformers import LlavaForConditionalGeneration

PROJECTOR = "multi_modal_projector"
TOWER = "vision_tower"
# The tower's layers have projections of the same names, so a list of names would adapt it as well.
LORA_TARGETS = (
    r"model\.language_model\.layers\.\d+\.(self_attn|mlp)\."
    r"(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"
)


def train_projector(model: LlavaForConditionalGeneration) -> list[str]:
    """Alignment (stage 2): let the projector's tensors train and nothing else; returns their names."""
    return _train(model, lambda name: PROJECTOR in name)


def train_all(model: LlavaForConditionalGeneration, tower: bool = True) -> list[str]:
    """Full SFT (stage 3): let all tensors train that the loss reaches; returns their names.

    Args:
        model (`LlavaForConditionalGeneration`): is changed.
        tower (`bool`, *optional*, defaults to `True`): whether the vision tower trains. What of it comes after the
            layer that is read (the last layer and the head, for layer −2) has no gradient, and stays frozen.
    """
    if not tower:
        return _train(model, lambda name: TOWER not in name)
    unread = unread_tower_tensors(model)
    return _train(model, lambda name: name not in unread)


def unread_tower_tensors(model: LlavaForConditionalGeneration) -> set[str]:
    """Names of the tower's tensors that come after the layer whose features the projector gets."""
    layers = model.config.vision_config.num_hidden_layers
    chosen = model.config.vision_feature_layer
    chosen = chosen if isinstance(chosen, list | tuple) else [chosen]
    # hidden_states has the embeddings first: index -2 is what the last layer but one puts out.
    read = max(index if index >= 0 else layers + 1 + index for index in chosen)
    unread = set()
    for name, _ in model.named_parameters():
        if TOWER in name:
            layer = re.search(r"\.layers\.(\d+)\.", name)
            before = "embeddings." in name or "pre_layrnorm" in name
            if int(layer[1]) >= read if layer else not before:
                unread.add(name)
    return unread


def lora_config(
    model: LlavaForConditionalGeneration, r: int = 128, alpha: int = 256, dropout: float = 0.05
) -> LoraConfig:
    """LoRA on all projections of the language model's layers, with the projector trained whole beside it.

    Args:
        model (`LlavaForConditionalGeneration`): to be adapted; only looked at.
        r (`int`, *optional*, defaults to 128): rank; this and the others as in LLaVA's own LoRA recipe.
        alpha (`int`, *optional*, defaults to 256): the update is scaled by alpha / r.
        dropout (`float`, *optional*, defaults to 0.05): of the adapters' input.

    Raises:
        ValueError: when layers of the language model have projections of other names, which would stay as they are.
    """
    linear = [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and name.startswith("model.language_model.layers.")
    ]
    missed = [name for name in linear if not re.fullmatch(LORA_TARGETS, name)]
    if missed or not linear:
        raise ValueError(
            f"The layers of this {model.config.text_config.model_type} have projections that LoRA would miss, as "
            f"{missed[0] if missed else 'no linear one'}; train it with `frozen_tower`."
        )
    return LoraConfig(
        r=r,
        lora_alpha=alpha,
        lora_dropout=dropout,
        target_modules=LORA_TARGETS,
        modules_to_save=[PROJECTOR],
        task_type="CAUSAL_LM",
    )


def trainable_in_float32(model: nn.Module) -> None:
    """Keep what trains in float32: steps of a small learning rate are lost in bfloat16's 8 bits."""
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.to(torch.float32)


def _train(model: nn.Module, wanted: Callable[[str], bool]) -> list[str]:
    names = []
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(wanted(name))
        if parameter.requires_grad:
            names.append(name)
    return names
