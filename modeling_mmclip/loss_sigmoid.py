r"""The sigmoid loss (Zhai et al., arXiv 2303.15343): each candidate judged on its own, match or no match.

$$ L = -\ln \sigma(s^+) - \sum_{i=1}^{N} \ln \sigma(-s^-_i), \qquad s = e^{t} \cos + b $$

| candidates | what is summed |
| --- | --- |
| `hard` | an anchor's positive and its own hard negatives (the released MMCLIP script for image negatives) |
| `in_batch` | with square batches exactly SigLIP's loss |
| `hybrid` | the batch's other captions and images, and all hard negatives |

Requirements: the bias b (`logit_bias`). SigLIP backbones bring one; for the others [`MMCLIPModel`] adds one, which
stays frozen under the softmax loss, where it cancels.

Relations: `softmax_terms` of `loss_hard_negative` compares candidates with one another; this loss has no competition,
so the number of negatives sets how much they weigh: with many, lower the learning rate of the head.
"""

import torch
from torch.nn import functional as F

from .candidates import Candidates


def sigmoid_terms(candidates: Candidates) -> torch.Tensor:
    """Summed −ln σ(±s) over each anchor's candidates: shape `(N,)`."""
    negatives = F.softplus(candidates.negatives).masked_fill(~candidates.mask, 0.0)  # (N, C)
    return F.softplus(-candidates.positive) + negatives.sum(dim=1)
