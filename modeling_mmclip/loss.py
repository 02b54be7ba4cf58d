"""One entry to every loss: `loss` says how candidates are judged, `candidates` which of them each anchor meets."""

import torch

from .candidates import CandidateIndex, at_least_float32
from .loss_hard_negative import hard_candidates, softmax_terms
from .loss_hardness import weight_by_hardness
from .loss_hybrid import hybrid_candidates
from .loss_in_batch import in_batch_candidates
from .loss_sigmoid import sigmoid_terms

LOSSES = {"softmax": softmax_terms, "sigmoid": sigmoid_terms}
CANDIDATES = {"hard": hard_candidates, "in_batch": in_batch_candidates, "hybrid": hybrid_candidates}


def check_loss(loss: str, candidates: str, hardness: float) -> None:
    """Raise `ValueError` naming the argument, its value and what it may be."""
    if loss not in LOSSES:
        raise ValueError(f"You set `loss={loss!r}`; it must be one of {', '.join(LOSSES)}.")
    if candidates not in CANDIDATES:
        raise ValueError(f"You set `candidates={candidates!r}`; it must be one of {', '.join(CANDIDATES)}.")
    if hardness < 0:
        raise ValueError(f"You set `hardness={hardness}`; it must be 0 (off) or positive.")


def mmclip_loss(
    similarity: torch.Tensor,
    index: CandidateIndex,
    logit_scale: torch.Tensor,
    logit_bias: torch.Tensor | None = None,
    loss: str = "softmax",
    candidates: str = "hard",
    hardness: float = 0.0,
    reduction: str = "mean",
) -> torch.Tensor:
    """The loss of a batch in index form.

    Args:
        similarity (`torch.FloatTensor` of shape `(I, T)`): cosines of every image with every caption, in −1..1.
        index ([`CandidateIndex`]): who competes with whom.
        logit_scale (`torch.FloatTensor`, scalar): the temperature's inverse, already exponentiated.
        logit_bias (`torch.FloatTensor`, scalar, *optional*): added to every logit; matters to `sigmoid` only.
        loss (`str`, *optional*, defaults to `"softmax"`): `softmax` (`loss_hard_negative`, `loss_in_batch`) or
            `sigmoid` (`loss_sigmoid`).
        candidates (`str`, *optional*, defaults to `"hard"`): `hard` (Eq. 2), `in_batch` (Eq. 1) or `hybrid`.
        hardness (`float`, *optional*, defaults to `0.0`): strength of `loss_hardness`.
        reduction (`str`, *optional*, defaults to `"mean"`): mean or `"sum"` over the anchors. Under `in_batch` and
            `hybrid` every pair is an anchor twice, once on each side.

    Returns:
        `torch.FloatTensor`: a scalar in at least float32, whatever the type of `similarity`.

    Raises:
        ValueError: for an unknown `loss` or `candidates`, a negative `hardness`, or a batch without anchors.
    """
    check_loss(loss, candidates, hardness)
    similarity = at_least_float32(similarity)
    logits = similarity * logit_scale.to(similarity.dtype)  # (I, T)
    if logit_bias is not None:
        logits = logits + logit_bias.to(similarity.dtype)
    sides = CANDIDATES[candidates](logits, weight_by_hardness(logits, similarity, hardness), index)
    terms = torch.cat([LOSSES[loss](side) for side in sides])  # (N,)
    return terms.sum() if reduction == "sum" else terms.mean()
