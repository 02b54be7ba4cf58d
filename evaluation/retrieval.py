"""Ranking an anchor's candidates: Hit@1, Hit@5, MRR, with bootstrap intervals."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image

from modeling_mmclip import MMCLIPModel, MMCLIPProcessor, positive_ranks


class Hits(NamedTuple):
    """Figures of a ranking in percent, `low` and `high` bounding 95% of bootstrap samples of Hit@1."""

    hit1: float
    low: float
    high: float
    hit5: float
    mrr: float
    chance: float


@torch.no_grad()
def embed_captions(
    model: MMCLIPModel, processor: MMCLIPProcessor, captions: Sequence[str], batch_size: int = 256
) -> torch.Tensor:
    """Embeddings of length 1 on the CPU, shape `(len(captions), D)`; each distinct caption is encoded once."""
    distinct = {caption: position for position, caption in enumerate(dict.fromkeys(captions))}
    texts = sorted(distinct, key=len)  # batches of like length have little padding
    embeds = torch.empty(len(texts), 0)
    for start in range(0, len(texts), batch_size):
        part = texts[start : start + batch_size]
        encoded = {name: tensor.to(model.device) for name, tensor in processor.encode_texts(part).items()}
        rows = model.embed_texts(**encoded).float().cpu()
        if start == 0:
            embeds = torch.empty(len(texts), rows.shape[1])
        embeds[[distinct[text] for text in part]] = rows
    return embeds[[distinct[caption] for caption in captions]]


@torch.no_grad()
def embed_images(
    model: MMCLIPModel, processor: MMCLIPProcessor, images: Sequence[Image.Image | np.ndarray], batch_size: int = 256
) -> torch.Tensor:
    """Embeddings of length 1 on the CPU, shape `(len(images), D)`."""
    parts = []
    for start in range(0, len(images), batch_size):
        part = [
            image if isinstance(image, Image.Image) else Image.fromarray(image)
            for image in images[start : start + batch_size]
        ]
        pixels = {name: tensor.to(model.device) for name, tensor in processor.encode_images(part).items()}
        parts.append(model.embed_images(**pixels).float().cpu())
    return torch.cat(parts)


def ranking_scores(
    model: MMCLIPModel,
    processor: MMCLIPProcessor,
    images: np.ndarray,
    captions: Sequence[Sequence[str]],
    batch_size: int = 256,
) -> np.ndarray:
    """Cosines of each anchor with its candidates, shape `(R, 1 + K)`, the positive in column 0.

    Args:
        images (`np.ndarray` of shape `(R, H, W)` or `(R, 1 + K, H, W)`): anchors, or candidates of caption anchors.
        captions (`list[list[str]]`): 1 + K candidates of each image anchor, or the one caption that is the anchor.
    """
    model.eval()
    rows, width = len(captions), len(captions[0])
    texts = embed_captions(model, processor, [text for row in captions for text in row], batch_size)
    pictures = embed_images(model, processor, list(images.reshape(-1, *images.shape[-2:])), batch_size)
    texts = texts.reshape(rows, width, -1)  # (R, 1 or 1 + K, D)
    pictures = pictures.reshape(rows, -1, pictures.shape[-1])  # (R, 1 + K or 1, D)
    return (texts * pictures).sum(dim=-1).numpy()


def hits_of(scores: np.ndarray | Sequence[np.ndarray], samples: int = 2000, seed: int = 0) -> Hits:
    """Hit@1 with its 95% bootstrap interval over anchors, Hit@5, MRR and the Hit@1 of guessing, in percent.

    Args:
        scores (`np.ndarray` of shape `(R, 1 + K)`, or several): the positive's in column 0; ties are shared.
            Of several, one for each training seed over the same anchors, the mean is taken, and the interval is drawn
            over anchors and seeds.
    """
    runs = [scores] if isinstance(scores, np.ndarray) else list(scores)
    ranks = [positive_ranks(run) for run in runs]
    first = np.stack([rank.hit_at(1) for rank in ranks])  # (seeds, R)
    low, high = np.percentile(resampled_means(first, samples, seed), [2.5, 97.5])
    hit5 = np.mean([rank.hit_at(5).mean() for rank in ranks])
    mrr = np.mean([rank.reciprocal().mean() for rank in ranks])
    means = (first.mean(), low, high, hit5, mrr)
    return Hits(*(100 * float(x) for x in means), chance=100 / runs[0].shape[1])


def resampled_means(values: np.ndarray, samples: int, seed: int) -> np.ndarray:
    """Means of bootstrap samples over both axes, seeds and anchors: shape `(samples,)`."""
    rng = np.random.default_rng(seed)
    seeds, anchors = values.shape
    return np.array(
        [
            values[rng.integers(seeds, size=seeds)][:, rng.integers(anchors, size=anchors)].mean()
            for _ in range(samples)
        ]
    )


def paired_difference(
    ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray], samples: int = 2000, seed: int = 0
) -> tuple[float, float, float]:
    """Mean difference of Hit@1 in percentage points with its 95% interval, over anchors and training seeds.

    Args:
        ours, theirs (sequences of `np.ndarray` of shape `(R, 1 + K)`): scores on the same anchors, one for each seed.
    """
    differences = np.stack(
        [positive_ranks(a).hit_at(1) - positive_ranks(b).hit_at(1) for a, b in zip(ours, theirs, strict=True)]
    )  # (seeds, R)
    low, high = np.percentile(resampled_means(differences, samples, seed), [2.5, 97.5])
    return tuple(100 * float(x) for x in (differences.mean(), low, high))
