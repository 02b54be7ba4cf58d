"""Muon for the matrices of a small model and AdamW for the rest of it, as one optimizer that a Trainer takes.

Where a model learns for minutes, steps are few: in trials Muon answered half of the questions after 300 of them, AdamW
a third, or two fifths after 400 at a lower learning rate (docs/results.md).
"""

from collections.abc import Sequence

import torch
from torch import nn

_MUON_RATE = 5.0  # Muon's learning rate, as a multiple of AdamW's


class Together(torch.optim.Optimizer):
    """Several optimizers as one, each for parameters of its own.

    Learning rates are those of `param_groups`, where schedulers set them. The state of the parts is not in
    `state_dict`: a training that is stopped starts anew.

    Args:
        parts (sequence of `torch.optim.Optimizer`): none of them without parameters.
    """

    def __init__(self, parts: Sequence[torch.optim.Optimizer]):
        self.parts = list(parts)
        groups = [group for part in self.parts for group in part.param_groups]
        super().__init__([{"params": group["params"], "lr": group["lr"]} for group in groups], {})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """A step of each part, with the learning rates that are set here."""
        groups = iter(self.param_groups)
        for part in self.parts:
            for group in part.param_groups:
                group["lr"] = next(groups)["lr"]
            part.step()


def tiny_optimizer(model: nn.Module, learning_rate: float) -> Together:
    """Muon for the weights of linear layers, AdamW for embeddings, biases and norms, of what is to be trained.

    Args:
        model (`nn.Module`): parameters that need no gradient are left out.
        learning_rate (`float`): of AdamW; Muon's is five times as high.
    """
    embeddings = {id(module.weight) for module in model.modules() if isinstance(module, nn.Embedding)}
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    # An output layer that shares the embeddings' weight is one of them.
    matrices = [parameter for parameter in trained if parameter.ndim == 2 and id(parameter) not in embeddings]
    known = {id(parameter) for parameter in matrices}
    others = [parameter for parameter in trained if id(parameter) not in known]
    parts: list[torch.optim.Optimizer] = []
    if matrices:
        parts.append(torch.optim.Muon(matrices, lr=_MUON_RATE * learning_rate, weight_decay=0.0, ns_steps=4))
    if others:
        parts.append(torch.optim.AdamW(others, lr=learning_rate, betas=(0.9, 0.98), weight_decay=0.0))
    return Together(parts)
