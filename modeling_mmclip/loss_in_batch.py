r"""The in-batch loss (Eq. 1 of arXiv 2505.20152): symmetric InfoNCE over the pairs of a batch.

$$ L = -\frac{1}{2N} \sum_{(i,t)} \Big[ \ln \frac{e^{s_{it}}}{\sum_{t'} e^{s_{it'}}} + \ln \frac{e^{s_{it}}}{\sum_{i'}
e^{s_{i't}}} \Big] $$

Every image and caption that the batch knows to belong together is a pair, from whichever side it comes; each is told
from the images and captions of the *other* pairs. What must not count as a negative is left out: other captions known
to fit the image, other images known to fit the caption. A caption that occurs twice in a batch is one caption (the
batch's captions are distinct), so a duplicate of the positive is never its negative.

| input | what happens |
| --- | --- |
| image with caption | a pair |
| hard negative image with a caption of its own | a pair too: the batch then holds look-alikes |
| hard negative without a partner (rule, retrieval) | cannot be used here: see `loss_hybrid` |

Requirements: at least two pairs per batch over all processes. Batch size matters: gather across devices, and use the
gradient cache rather than gradient accumulation, which does not enlarge the batch that is contrasted.

Relations: `loss_hybrid` is this loss with the hard negatives added as further candidates.
"""

import torch

from .candidates import CandidateIndex, Candidates


def pair_candidates(
    logits: torch.Tensor,
    negative_logits: torch.Tensor,
    known: torch.Tensor,
    images_in: torch.Tensor,
    texts_in: torch.Tensor,
) -> list[Candidates]:
    """Each known pair against what else is in the batch, once from its image and once from its caption.

    Args:
        logits, negative_logits (`torch.FloatTensor` of shape `(I, T)`): what positives and negatives are judged by.
        known (`torch.BoolTensor` of shape `(I, T)`): which image and caption belong together.
        images_in (`torch.BoolTensor` of shape `(I,)`), texts_in (`torch.BoolTensor` of shape `(T,)`): which of the
            batch may be a negative at all.
    """
    images, texts = known.nonzero(as_tuple=True)  # (N,), (N,)
    positive = logits[images, texts]  # (N,)
    return [
        Candidates(positive, negative_logits[images], texts_in & ~known[images]),  # (N, T)
        Candidates(positive, negative_logits.t()[texts], images_in & ~known.t()[texts]),  # (N, I)
    ]


def in_batch_candidates(
    logits: torch.Tensor, negative_logits: torch.Tensor, index: CandidateIndex
) -> list[Candidates]:
    """The batch's pairs against one another; shapes as in [`pair_candidates`]."""
    known = index.pairs(*logits.shape)
    return pair_candidates(logits, negative_logits, known, known.any(dim=1), known.any(dim=0))
