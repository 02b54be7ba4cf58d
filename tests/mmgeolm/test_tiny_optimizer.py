"""Muon and AdamW as one: each steps its own parameters, at the rates that a scheduler sets."""

import copy

import torch
from torch import nn

from mmgeolm.tiny_lmm import tiny_llm, word_tokenizer
from mmgeolm.tiny_optimizer import tiny_optimizer


def small_model() -> nn.Module:
    torch.manual_seed(0)
    return nn.ModuleDict({"words": nn.Embedding(5, 4), "layer": nn.Linear(4, 3), "norm": nn.LayerNorm(3)})


def set_gradients(model: nn.Module, seed: int) -> None:
    torch.manual_seed(seed)
    for parameter in model.parameters():
        parameter.grad = torch.randn_like(parameter)


def test_steps_are_those_of_both_optimizers_at_the_scheduled_rates():
    model, expected = small_model(), small_model()
    optimizer = tiny_optimizer(model, 0.01)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (step + 1))
    muon = torch.optim.Muon([expected["layer"].weight], lr=0.05, weight_decay=0.0, ns_steps=4)
    others = [parameter for name, parameter in expected.named_parameters() if name != "layer.weight"]
    adamw = torch.optim.AdamW(others, lr=0.01, betas=(0.9, 0.98), weight_decay=0.0)
    for step in range(3):
        for group in muon.param_groups:
            group["lr"] = 0.05 / (step + 1)
        for group in adamw.param_groups:
            group["lr"] = 0.01 / (step + 1)
        for each in (model, expected):
            set_gradients(each, step)
        optimizer.step()
        scheduler.step()
        muon.step()
        adamw.step()
        for ours, theirs in zip(model.parameters(), expected.parameters(), strict=True):
            assert torch.equal(ours, theirs)


def test_a_state_that_was_loaded_does_not_part_the_rates_from_the_steps():
    model = small_model()
    optimizer = tiny_optimizer(model, 0.01)
    optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))  # as accelerate does
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    before = copy.deepcopy(model.state_dict())
    set_gradients(model, 0)
    optimizer.step()
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_words_and_what_is_frozen_are_not_for_muon():
    model = tiny_llm(word_tokenizer(["Is AB parallel to CD?"]), seed=0, width=32, layers=1)
    model.model.layers[0].mlp.requires_grad_(False)
    muon, adamw = tiny_optimizer(model, 0.01).parts
    sizes = [len(part.param_groups[0]["params"]) for part in (muon, adamw)]
    assert sizes == [4, 7]  # four projections; the words, three biases and three norms
    assert any(parameter is model.lm_head.weight for parameter in adamw.param_groups[0]["params"])
