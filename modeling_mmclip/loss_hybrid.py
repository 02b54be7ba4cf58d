"""The hybrid loss: the in-batch loss with every hard negative of the batch added to the candidates.

An image is told from the captions of the other pairs *and* from all hard negative captions, its own and the others';
a caption from the images of the other pairs and all hard negative images. Formula and conventions are those of
`loss_in_batch`; the sums in the denominators run over everything in the batch that is not known to fit the anchor.

| input | what happens |
| --- | --- |
| image with caption | a pair: an anchor on both sides |
| hard negative caption (rule, retrieval, image) | a candidate of every image |
| hard negative image | a candidate of every caption; with a caption of its own also a pair |

Requirements: none beyond those of either parent: batches with few or no hard negatives are in-batch ones.

Relations: `loss_in_batch` when there are no hard negatives; against `loss_hard_negative` it keeps the random
negatives in view, so it learns from scratch and does not forget. It is the recommended loss where one stage must do.
"""

import torch

from .candidates import CandidateIndex, Candidates
from .loss_in_batch import pair_candidates


def hybrid_candidates(logits: torch.Tensor, negative_logits: torch.Tensor, index: CandidateIndex) -> list[Candidates]:
    """The batch's pairs against everything else in the batch; shapes as in `pair_candidates`."""
    known = index.pairs(*logits.shape)
    everything = [torch.ones(size, dtype=torch.bool, device=logits.device) for size in logits.shape]
    return pair_candidates(logits, negative_logits, known, *everything)
