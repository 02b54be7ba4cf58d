"""Ranking an anchor's candidates: Hit@1, Hit@5, MRR, with bootstrap intervals.

    scores = score_sets(model, processor, images, sets)     # of one encoder, by set
    hits_of(scores["rule"])

Ties are shared: a positive level with n negatives is first in 1 / (n + 1) of the ways to break the tie, and counts so
much. An encoder that cannot tell its candidates apart is therefore exactly at chance. Cosines are level where six
decimals are: what differs less differs by rounding.
"""

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image

from modeling_mmclip import MMCLIPModel, MMCLIPProcessor, positive_ranks

from .robustness import distort

DECIMALS = 6


class RetrievalSet(NamedTuple):
    """A anchors and their candidates, as captions and names of images: what occurs twice has one name.

    Attributes:
        kind (`str`): of the negatives: `random`, `retrieval`, `rule`, `image`.
        anchors (`list[str]`): A names of images, or A captions where the candidates are images.
        candidates (`list[list[str]]`): for each anchor the positive, then any number of negatives.
        of_images (`bool`, *optional*, defaults to `False`): whether the candidates are images.
    """

    kind: str
    anchors: list[str]
    candidates: list[list[str]]
    of_images: bool = False


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
    model: MMCLIPModel, processor: MMCLIPProcessor, images: Iterable[Image.Image | np.ndarray], batch_size: int = 256
) -> torch.Tensor:
    """Embeddings of length 1 on the CPU, one row for each image; only a batch of them is held at a time."""
    parts = []
    for batch in batched(images, batch_size):
        part = [image if isinstance(image, Image.Image) else Image.fromarray(image) for image in batch]
        pixels = {
            name: as_input(tensor, model) if torch.is_tensor(tensor) else tensor
            for name, tensor in processor.encode_images(part).items()
        }
        parts.append(model.embed_images(**pixels).float().cpu())
    return torch.cat(parts)


def score_sets(
    model: MMCLIPModel,
    processor: MMCLIPProcessor,
    images: Mapping[str, Image.Image],
    sets: Mapping[str, RetrievalSet],
    distortion: str | None = None,
    seed: int = 0,
    batch_size: int = 32,
) -> dict[str, np.ndarray]:
    """Cosines of each anchor with its candidates, by set; each image and each caption of all sets is embedded once.

    Args:
        images (`Mapping[str, PIL.Image.Image]`): by name, at least those that the sets name; read once each, in turn,
            so it may draw or decode them when asked.
        sets (`Mapping[str, RetrievalSet]`): by name.
        distortion (`str`, *optional*): one of [`~evaluation.robustness.DISTORTIONS`], done to every image.
        seed (`int`, *optional*, defaults to `0`): of the distortion; each image has randomness of its own.
        batch_size (`int`, *optional*, defaults to `32`): of images; eight times as many captions go together.

    Returns:
        By set a `np.ndarray` of shape `(A, 1 + K)`, the positive in column 0, to six decimals; where an anchor has
        fewer than K negatives, the rest of its row is −inf.
    """
    model.eval()
    names = list(dict.fromkeys(name for part in sets.values() for name in image_names(part)))
    captions = list(dict.fromkeys(text for part in sets.values() for text in captions_of(part)))
    shown = (
        images[name] if distortion is None else distort(images[name], distortion, own_seed(name, seed))
        for name in names
    )
    pictures = embed_images(model, processor, shown, batch_size).double().numpy()  # (I, D)
    texts = embed_captions(model, processor, captions, 8 * batch_size).double().numpy()  # (T, D)
    place_of = ({name: i for i, name in enumerate(names)}, {text: i for i, text in enumerate(captions)})
    return {name: _cosines(part, pictures, texts, *place_of) for name, part in sets.items()}


def _cosines(
    part: RetrievalSet, pictures: np.ndarray, texts: np.ndarray, image_at: dict[str, int], caption_at: dict[str, int]
) -> np.ndarray:
    """The scores of one set, shape `(A, 1 + K)`."""
    anchors, others = (texts, pictures) if part.of_images else (pictures, texts)
    anchor_at, other_at = (caption_at, image_at) if part.of_images else (image_at, caption_at)
    rows = [
        (others[[other_at[name] for name in row]] * anchors[anchor_at[anchor]]).sum(axis=1).round(DECIMALS)
        for anchor, row in zip(part.anchors, part.candidates, strict=True)
    ]
    return padded(rows)


def cut_captions(processor: MMCLIPProcessor, sets: Mapping[str, RetrievalSet]) -> int:
    """How many of the sets' distinct captions are longer than the text tower reads: their ends go unseen, and with
    them whatever only there tells a negative from its positive."""
    captions = list(dict.fromkeys(text for part in sets.values() for text in captions_of(part)))
    if processor.max_length is None:
        return 0
    tokens = processor.tokenizer(captions, verbose=False)["input_ids"]
    return sum(len(ids) > processor.max_length for ids in tokens)


def padded(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Rows of scores of any length as one array of shape `(A, 1 + K)`, filled up with −inf, which no one ranks."""
    scores = np.full((len(rows), max(map(len, rows))), -np.inf)
    for place, row in enumerate(rows):
        scores[place, : len(row)] = row
    return scores


def image_names(part: RetrievalSet) -> list[str]:
    """The images of a set, those of an anchor together, repeated where they are used again."""
    return [name for row in part.candidates for name in row] if part.of_images else part.anchors


def captions_of(part: RetrievalSet) -> list[str]:
    """The captions of a set, likewise."""
    return part.anchors if part.of_images else [text for row in part.candidates for text in row]


def own_seed(name: str, seed: int) -> int:
    """A seed for one image, the same whatever else is in the set."""
    return int.from_bytes(hashlib.sha256(f"{seed} {name}".encode()).digest()[:8], "big")


def as_input(tensor: torch.Tensor, model: MMCLIPModel) -> torch.Tensor:
    """On the model's device; pixels, which are float32, in the model's precision."""
    return tensor.to(model.device, model.dtype if tensor.is_floating_point() else None)


def batched(items: Iterable, size: int) -> Iterator[list]:
    """Consecutive lists of at most `size` items."""
    iterator = iter(items)
    while batch := list(itertools.islice(iterator, size)):
        yield batch


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
        scores (`np.ndarray` of shape `(R, 1 + K)`, or several): the positive's in column 0; ties are shared; −inf
            where there is no candidate.
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
    return Hits(*(100 * float(x) for x in means), chance=100 * float(np.mean(1 / candidates_in(runs[0]))))


def candidates_in(scores: np.ndarray) -> np.ndarray:
    """How many candidates each anchor has, the positive included: shape `(R,)`."""
    return 1 + (~np.isneginf(scores[:, 1:])).sum(axis=1)


def resampled_means(values: np.ndarray, samples: int, seed: int) -> np.ndarray:
    """Means of bootstrap samples over both axes, seeds and anchors: shape `(samples,)`.

    Args:
        values (`np.ndarray` of shape `(seeds, A)`): or `(M, seeds, A)` for M measures of the same anchors, which are
            drawn together; the means then have the shape `(samples, M)`.
    """
    rng = np.random.default_rng(seed)
    seeds, anchors = values.shape[-2:]
    return np.array(
        [
            values[..., rng.integers(seeds, size=seeds), :][..., rng.integers(anchors, size=anchors)].mean(
                axis=(-2, -1)
            )
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
