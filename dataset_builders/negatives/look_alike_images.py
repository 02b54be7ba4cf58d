"""Images that look alike, with captions that differ: what the paper compares perturbed drawing code with.

    negatives = look_alike_negatives(images, captions, num_negatives=10, seed=0)
    [images[i] for i in negatives.rows[7]]  # the hard negatives of captions[7]

The paper draws from hand-made templates and retrieves the look-alikes (section 5, "how image negatives are made").
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps
from scipy.ndimage import gaussian_filter

from .embedding import Encoder, check_texts, unit_length
from .retrieval import RetrievalNegatives, check_choice, choose_negatives, distinct, normal_form

logger = logging.getLogger(__name__)

SIDE = 64  # pixels that an image is looked at with
_BLURRED = 16  # cells of the blurred ink along a side
_CELLS, _DIRECTIONS = 4, 8  # of the histograms of directions
_BATCH = 256


def image_features(
    images: Iterable[Image.Image | np.ndarray | str | Path], model: Encoder | None = None
) -> tuple[np.ndarray, dict[int, str]]:
    """What images look like, from their pixels: blurred ink, and in which direction strokes run where.

    Args:
        images: Read one after another, so that an iterable of files does not fill the memory.
        model (*optional*): an object with `encode(list of PIL images) -> (n, d)`, such as a CLIP of
            sentence-transformers, instead.

    Returns:
        Vectors of length 1, `(N, d)` float32, zeros for an image that cannot be read; and of those, by index, why.
    """
    unreadable: dict[int, str] = {}
    batches: list[np.ndarray] = []
    batch: list[Image.Image] = []
    for index, image in enumerate(images):
        try:
            batch.append(_on_white(image))
        except (
            Exception
        ) as error:  # PIL's readers raise many types on a broken file, none of which may stop a long run
            unreadable[index] = f"cannot be read ({error})"
            batch.append(Image.new("L", (SIDE, SIDE), 255))
        if len(batch) == _BATCH:
            batches.append(_encoded(batch, model))
            batch = []
    if batch:
        batches.append(_encoded(batch, model))
    if not batches:
        return np.zeros((0, 1), np.float32), {}
    vectors = np.concatenate(batches)
    vectors[list(unreadable)] = 0
    return vectors, unreadable


def look_alike_negatives(
    images: Iterable[Image.Image | np.ndarray | str | Path],
    captions: Sequence[str],
    num_negatives: int,
    seed: int,
    pool: int = 100,
    choice: str = "top",
    model: Encoder | None = None,
    same: Callable[[int, int], bool] | None = None,
    exchangeable: bool = True,
) -> RetrievalNegatives:
    """For each caption, positions of images that look like its own and whose captions say something else.

    Args:
        images, captions: N pairs.
        num_negatives, seed, pool, choice, same, exchangeable: As for
            [`~dataset_builders.negatives.retrieval.retrieval_negatives`].
        model: As for [`image_features`].

    Returns:
        Rows as there; images that cannot be read have none and are in `left_out`, with the reason.

    Raises:
        ValueError: if there are no images, if there are not as many captions, or if a caption is empty.
    """
    check_choice(num_negatives, pool, choice, exchangeable, 100.0, 0.0)
    captions = list(captions)
    vectors, unreadable = image_features(images, model)
    if len(vectors) != len(captions):
        raise ValueError(f"There are {len(vectors)} images and {len(captions)} captions; give one caption to each.")
    if not captions:
        raise ValueError("There are no images to retrieve from.")
    check_texts(captions)
    for index, reason in unreadable.items():
        logger.warning("Image %d is left out: it %s.", index, reason)
    readable = np.array([index for index in range(len(captions)) if index not in unreadable], dtype=np.int64)
    if len(readable) == 0:
        raise ValueError("Not one of the images can be read.")
    items = np.full(len(captions), -1, dtype=np.int64)
    items[readable] = np.arange(len(readable))
    # Two drawings of one caption are no negatives of each other, nor is a copy of the image under another caption.
    texts, _ = distinct([normal_form(captions[index]) for index in readable])
    looks, _ = distinct([row.tobytes() for row in vectors[readable]])
    classes = np.stack([texts, looks], axis=1)
    found = choose_negatives(
        vectors[readable], items, readable, num_negatives, seed, pool, choice, same, None, exchangeable,
        classes=classes,
    )  # fmt: skip
    return found._replace(left_out=unreadable)


def _on_white(image: Any) -> Image.Image:
    """The image in grey on a white square."""
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    elif not isinstance(image, Image.Image):
        with Image.open(image) as opened:
            opened.load()
            image = opened
    if image.mode in ("RGBA", "LA", "P"):
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return ImageOps.pad(image.convert("L"), (SIDE, SIDE), Image.Resampling.BOX, color=255)


def _encoded(batch: list[Image.Image], model: Encoder | None) -> np.ndarray:
    if model is not None:
        return unit_length(model.encode(batch), len(batch), "image")
    ink = np.stack([255.0 - np.asarray(image, np.float32) for image in batch]) / 255  # (n, SIDE, SIDE)
    cell = SIDE // _BLURRED
    blurred = gaussian_filter(ink, (0, 2, 2)).reshape(len(ink), _BLURRED, cell, _BLURRED, cell).mean(axis=(2, 4))
    parts = [blurred.reshape(len(ink), -1), _directions(ink)]
    scaled = [part / np.maximum(np.linalg.norm(part, axis=1, keepdims=True), 1e-6) for part in parts]
    features = np.concatenate([*scaled, np.full((len(ink), 1), 0.1)], axis=1)  # so that a blank image has a length
    return (features / np.linalg.norm(features, axis=1, keepdims=True)).astype(np.float32)


def _directions(ink: np.ndarray) -> np.ndarray:
    """Histograms of the directions of strokes in each cell of a coarse grid, `(n, cells² · directions)`."""
    down, right = np.gradient(gaussian_filter(ink, (0, 1, 1)), axis=(1, 2))
    size = np.hypot(down, right)
    place = (np.arctan2(down, right) % np.pi) / np.pi * _DIRECTIONS
    cell = SIDE // _CELLS
    histograms = []
    for direction in range(_DIRECTIONS):
        # Each direction counts for the two bins that it lies between.
        share = np.clip(1 - np.abs((place - direction + _DIRECTIONS / 2) % _DIRECTIONS - _DIRECTIONS / 2), 0, None)
        histograms.append((size * share).reshape(len(ink), _CELLS, cell, _CELLS, cell).sum(axis=(2, 4)))
    return np.stack(histograms, axis=-1).reshape(len(ink), -1)
