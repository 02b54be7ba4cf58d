r"""The MMCLIP loss (Eq. 2 of arXiv 2505.20152): each anchor against its positive and its own hard negatives.

$$ L = -\ln \frac{e^{s^+}}{e^{s^+} + \sum_{i=1}^{N} e^{s^-_i}} $$

with s the cosine of image and caption times the learned temperature. Text side: the anchor is an image and the
candidates are captions; image side: the other way round. N may differ from anchor to anchor, and may be 0.

| input | meaning |
| --- | --- |
| text side | image anchor, its caption, any number of hard negative captions |
| image side | caption anchor, its image, any number of hard negative images |

Gradients: dL/ds⁺ = −Σ softmax(s⁻ᵢ), dL/ds⁻ᵢ = softmax(s⁻ᵢ), the softmax taken over all candidates of the anchor.

Requirements: hard negatives. An anchor without any has loss 0 and gradient 0.

Relations: nothing of the other anchors enters, so a batch may be split by anchors and the gradients added up, exactly
(`anchors_per_micro_batch` of the Trainer). `loss_in_batch` takes the batch's other captions instead, `loss_hybrid`
both. `loss_sigmoid` judges each candidate on its own.

Recommendation: train in-batch or hybrid first. From random weights this loss alone hardly gets off the ground, and
alone it forgets what random captions look like.

    >>> import torch
    >>> from modeling_mmclip import CandidateIndex, mmclip_loss
    >>> similarity = torch.tensor([[0.9, 0.8, 0.1]])  # one image, three captions
    >>> index = CandidateIndex(torch.tensor([0]), torch.tensor([[0, 1]]))  # caption 2 is not among its candidates
    >>> round(mmclip_loss(similarity, index, logit_scale=torch.tensor(10.0)).item(), 4)
    0.3133
"""

import torch
from torch.nn import functional as F

from .candidates import CandidateIndex, Candidates


def hard_candidates(logits: torch.Tensor, negative_logits: torch.Tensor, index: CandidateIndex) -> list[Candidates]:
    """Each anchor's own candidates, per side that has anchors.

    Args:
        logits (`torch.FloatTensor` of shape `(I, T)`): what positives are judged by.
        negative_logits (`torch.FloatTensor` of shape `(I, T)`): what negatives are judged by.
        index ([`CandidateIndex`]): who competes with whom. A negative that is its anchor's positive is left out.
    """
    sides = []
    for (matrix, anchors, candidates), (negative_matrix, _, _) in zip(
        index.sides(logits), index.sides(negative_logits), strict=True
    ):
        columns = candidates.clamp(min=0)
        positive = matrix[anchors, columns[:, 0]]  # (A,)
        negatives = negative_matrix[anchors].gather(1, columns[:, 1:])  # (A, K)
        mask = (candidates[:, 1:] >= 0) & (candidates[:, 1:] != candidates[:, :1])  # (A, K)
        sides.append(Candidates(positive, negatives, mask))
    return sides


def softmax_terms(candidates: Candidates) -> torch.Tensor:
    """−ln softmax of each anchor's positive among its candidates: shape `(N,)`.

    The temperature is in the logits before anything is masked: masking with −inf first would give the temperature a
    NaN gradient (0 · inf).
    """
    lowest = torch.finfo(candidates.negatives.dtype).min
    negatives = candidates.negatives.masked_fill(~candidates.mask, lowest)  # (N, C)
    logits = torch.cat([candidates.positive[:, None], negatives], dim=1)  # (N, 1 + C)
    return F.cross_entropy(logits, logits.new_zeros(len(logits), dtype=torch.long), reduction="none")
