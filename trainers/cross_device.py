"""In-batch candidates from all processes: one global batch in index form, with gradients.

Every process computes the loss of the whole global batch. `all_gather` sums the gradients of all processes in its
backward pass and DDP averages the parameters' gradients over them, so the result is the gradient of that loss exactly:
two processes train as one process with the double batch does.
"""

from typing import NamedTuple

import torch
import torch.distributed as dist
from torch.distributed.nn.functional import all_gather

from modeling_mmclip import CandidateIndex


class GlobalBatch(NamedTuple):
    """Embeddings of the distinct images `(I, D)` and captions `(T, D)` of all processes, and their index form."""

    image_embeds: torch.Tensor
    text_embeds: torch.Tensor
    index: CandidateIndex


def gather_batch(
    image_embeds: torch.Tensor,
    text_embeds: torch.Tensor,
    index: CandidateIndex,
    image_keys: torch.Tensor,
    text_keys: torch.Tensor,
) -> GlobalBatch:
    """Put the batches of all processes together; what two of them share counts once.

    Args:
        image_embeds (`torch.FloatTensor` of shape `(I, D)`), text_embeds (`torch.FloatTensor` of shape `(T, D)`): of
            this process, with their graph.
        index ([`CandidateIndex`]): of this process, both sides given.
        image_keys (`torch.LongTensor` of shape `(I,)`), text_keys (`torch.LongTensor` of shape `(T,)`): equal where
            images or captions are.
    """
    image_counts, images, image_position = _gather_distinct(image_embeds, image_keys)
    text_counts, texts, text_position = _gather_distinct(text_embeds, text_keys)
    image_start = sum(image_counts[: dist.get_rank()])
    text_start = sum(text_counts[: dist.get_rank()])

    def renumber(rows: torch.Tensor, start: int, position: torch.Tensor) -> torch.Tensor:
        return torch.where(rows < 0, rows, position[(rows + start).clamp(max=len(position) - 1)])

    return GlobalBatch(
        images,
        texts,
        CandidateIndex(
            _gather_rows(renumber(index.image_anchors, image_start, image_position)),
            _gather_rows(renumber(index.text_candidates, text_start, text_position)),
            _gather_rows(renumber(index.text_anchors, text_start, text_position)),
            _gather_rows(renumber(index.image_candidates, image_start, image_position)),
        ),
    )


def _gather_distinct(embeds: torch.Tensor, keys: torch.Tensor) -> tuple[list[int], torch.Tensor, torch.Tensor]:
    """Rows per process, the distinct embeddings of all, and where each gathered row is among them."""
    counts = gathered_counts(len(embeds), embeds.device)
    longest = max(counts)
    padding = embeds.new_zeros(longest - len(embeds), embeds.shape[1])
    parts = all_gather(torch.cat([embeds, padding]))
    gathered = torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)])
    all_keys = _gather_rows(keys)
    distinct, position = all_keys.unique(return_inverse=True)
    # The first process that has an image or caption lends its embedding; the others' copies get no gradient.
    first = torch.full((len(distinct),), len(all_keys), device=keys.device).scatter_reduce(
        0, position, torch.arange(len(all_keys), device=keys.device), reduce="amin"
    )
    return counts, gathered[first], position


def _gather_rows(rows: torch.Tensor) -> torch.Tensor:
    """Integer rows of all processes, the shorter rows padded with −1."""
    shapes = [None] * dist.get_world_size()
    dist.all_gather_object(shapes, tuple(rows.shape))
    size = [max(shape[axis] for shape in shapes) for axis in range(rows.dim())]
    padded = rows.new_full(size, -1)
    padded[tuple(slice(0, length) for length in rows.shape)] = rows
    parts = [torch.empty_like(padded) for _ in shapes]
    dist.all_gather(parts, padded)
    return torch.cat([part[: shape[0]] for part, shape in zip(parts, shapes, strict=True)])


def gathered_counts(count: int, device: torch.device) -> list[int]:
    """One number of each process."""
    counts = [torch.zeros(1, dtype=torch.long, device=device) for _ in range(dist.get_world_size())]
    dist.all_gather(counts, torch.tensor([count], device=device))
    return [int(number) for number in torch.cat(counts).tolist()]
