"""Hardness weighting: negatives that are already similar to their anchor weigh more.

Each negative's logit is raised by `strength` times its cosine, taken as a constant, which multiplies its share in a
softmax by e^(strength · cos) (Lan et al., arXiv 2503.04812; the importance weights of Robinson et al., arXiv
2010.04592, up to normalisation). Positives are left as they are. Strength 0 is the plain loss, to the bit.

Works with each loss and each choice of candidates. Recommendation: 0 where negatives are verified and one edit away
(all are hard alike); up to 9 for large in-batch or retrieval sets, where most negatives teach nothing. With negatives
that are not verified it also raises the weight of the false ones.
"""

import torch


def weight_by_hardness(logits: torch.Tensor, similarity: torch.Tensor, strength: float) -> torch.Tensor:
    """Logits for negatives: `logits + strength · similarity`, no gradient through the second term; any shape."""
    return logits if strength == 0 else logits + strength * similarity.detach()
