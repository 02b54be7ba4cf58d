"""The index form of a batch: which of its distinct images and captions compete with which.

A batch holds a flat list of I distinct images and one of T distinct captions. Two images with their captions, the
first with one hard negative caption, the second with two, one of them shared:

    images    0: square.png   1: kite.png
    captions  0: "Square ABCD."   1: "Rectangle ABCD."   2: "Kite PQRS."   3: "Kite PRQS."

    image_anchors    [0, 1]
    text_candidates  [[0, 1, -1],     # positive, hard negatives, -1 for padding
                      [2, 3,  1]]
"""

from typing import NamedTuple

import torch


class CandidateIndex(NamedTuple):
    """Who competes with whom, as positions in the batch's flat lists. A side without anchors is `None`.

    Attributes:
        image_anchors (`torch.LongTensor` of shape `(A,)`, *optional*):
            Images that are anchors of the text side.
        text_candidates (`torch.LongTensor` of shape `(A, 1 + K)`, *optional*):
            For each of them its positive caption, then its hard negatives, then −1.
        text_anchors (`torch.LongTensor` of shape `(B,)`, *optional*):
            Captions that are anchors of the image side.
        image_candidates (`torch.LongTensor` of shape `(B, 1 + M)`, *optional*):
            For each of them its positive image, then its hard negatives, then −1.
    """

    image_anchors: torch.Tensor | None = None
    text_candidates: torch.Tensor | None = None
    text_anchors: torch.Tensor | None = None
    image_candidates: torch.Tensor | None = None

    def sides(self, matrix: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        """The sides that have anchors, each as `(matrix, anchors, candidates)`.

        Args:
            matrix (`torch.Tensor` of shape `(I, T)`): one number for each image and caption; transposed for the
                image side, so that rows are always anchors.

        Raises:
            ValueError: when a side has anchors without candidates, or the two differ in number.
        """
        self.check()
        sides = [
            (matrix_of_side, anchors, candidates)
            for matrix_of_side, anchors, candidates in (
                (matrix, self.image_anchors, self.text_candidates),
                (matrix.t(), self.text_anchors, self.image_candidates),
            )
            if anchors is not None and len(anchors)
        ]
        if not sides:
            raise ValueError("The batch has no anchors: pass image_anchors with text_candidates, or the other side's.")
        return sides

    def check(self) -> None:
        """Raise `ValueError` when a side has anchors without candidates, or the two differ in number."""
        for name, anchors, candidates in (
            ("image_anchors and text_candidates", self.image_anchors, self.text_candidates),
            ("text_anchors and image_candidates", self.text_anchors, self.image_candidates),
        ):
            if anchors is None and candidates is None:
                continue
            if anchors is None or candidates is None or candidates.dim() != 2 or len(anchors) != len(candidates):
                shapes = [None if x is None else tuple(x.shape) for x in (anchors, candidates)]
                raise ValueError(
                    f"{name} go together, shaped (A,) and (A, 1 + K); got shapes {shapes[0]}, {shapes[1]}."
                )

    def pairs(self, num_images: int, num_texts: int) -> torch.Tensor:
        """Which image and caption are known to belong together, from both sides: bool of shape `(I, T)`."""
        anchors = self.image_anchors if self.image_anchors is not None else self.text_anchors
        known = torch.zeros(num_images, num_texts, dtype=torch.bool, device=anchors.device)
        if self.image_anchors is not None:
            known[self.image_anchors, self.text_candidates[:, 0]] = True
        if self.text_anchors is not None:
            known[self.image_candidates[:, 0], self.text_anchors] = True
        return known


class Candidates(NamedTuple):
    """The logits that N anchors are judged by.

    Attributes:
        positive (`torch.FloatTensor` of shape `(N,)`): logit of each anchor's positive.
        negatives (`torch.FloatTensor` of shape `(N, C)`): logits of what may compete with it.
        mask (`torch.BoolTensor` of shape `(N, C)`): which of them do.
    """

    positive: torch.Tensor
    negatives: torch.Tensor
    mask: torch.Tensor


def diagonal_index(num_images: int, num_texts: int, device: torch.device) -> CandidateIndex:
    """The index form of an ordinary CLIP batch: image i belongs to caption i, and nothing else is known."""
    if num_images != num_texts:
        raise ValueError(
            f"Without index tensors a loss needs as many captions as images, in the same order; got {num_images} "
            f"images and {num_texts} captions. Pass image_anchors and text_candidates to say which belong together."
        )
    order = torch.arange(num_images, device=device)
    return CandidateIndex(order, order[:, None], order, order[:, None])


def candidate_scores(matrix: torch.Tensor, anchors: torch.Tensor, candidates: torch.Tensor) -> torch.Tensor:
    """The scores of each anchor's own candidates, positive first: shape `(A, 1 + K)`; padding gets the lowest float.

    Args:
        matrix (`torch.Tensor` of shape `(anchors of the batch, candidates of the batch)`): scores.
        anchors (`torch.LongTensor` of shape `(A,)`): rows.
        candidates (`torch.LongTensor` of shape `(A, 1 + K)`): columns, −1 for padding.
    """
    scores = matrix[anchors].gather(1, candidates.clamp(min=0))  # (A, 1 + K)
    return scores.masked_fill(candidates < 0, torch.finfo(scores.dtype).min)


def at_least_float32(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor, as float32 if it is in half precision."""
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor
