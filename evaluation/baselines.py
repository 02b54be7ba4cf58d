"""Baselines that do not see the anchor: can the positive be told from its candidates alone?

A set of hard negatives can be gamed (SugarCrepe, arXiv 2306.14610): a positive that reads more naturally, is longer,
or lies in the middle of its negatives is found without the image. Each baseline here learns such clues on one half of
a set and is tested on the other, both ways round. What it finds above chance, an encoder may find, too.
"""

from collections.abc import Sequence

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler


def without_anchor(images: np.ndarray, captions: Sequence[Sequence[str]], seed: int = 0) -> np.ndarray:
    """Scores of candidates without their anchor, shape `(R, 1 + K)`: text-only, or image-only for caption anchors.

    Clues: length, how close a candidate is to the others, words and letters; for images ink, its extent, coarse
    layout.
    """
    by_text = len(captions[0]) > 1
    features = text_clues(captions) if by_text else image_clues(images)  # (R, 1 + K, F)
    rows, width, _ = features.shape
    # Whoever sees a set cannot see which column the positive is in, nor must the order of ties.
    order = np.random.default_rng(seed).permuted(np.tile(np.arange(width), (rows, 1)), axis=1)
    features = np.take_along_axis(features, order[..., None], axis=1)
    positive = order == 0
    scores = np.empty((rows, width))
    half = np.arange(rows) % 2 == 0
    for train, test in ((half, ~half), (~half, half)):
        scaler = StandardScaler().fit(features[train].reshape(-1, features.shape[-1]))
        learner = LogisticRegression(class_weight="balanced", max_iter=300, C=0.1)
        learner.fit(scaler.transform(features[train].reshape(-1, features.shape[-1])), positive[train].ravel())
        flat = scaler.transform(features[test].reshape(-1, features.shape[-1]))
        scores[test] = learner.decision_function(flat).reshape(-1, width)
    restored = np.empty_like(scores)
    np.put_along_axis(restored, order, scores, axis=1)
    return restored


def text_clues(captions: Sequence[Sequence[str]]) -> np.ndarray:
    """Closeness to the other candidates, length, and 64 dimensions of TF-IDF: shape `(R, 1 + K, F)`."""
    rows, width = len(captions), len(captions[0])
    flat = [text for row in captions for text in row]
    vectors = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 3), max_features=2000).fit_transform(flat)
    clues = np.zeros((rows, width, 3))
    for row in range(rows):
        own = vectors[row * width : (row + 1) * width]
        clues[row, :, 0] = (own @ own.T).toarray().sum(axis=1)
    lengths = np.array([[len(text) for text in row] for row in captions], dtype=float)
    clues[..., 1] = lengths
    clues[..., 2] = lengths - lengths.mean(axis=1, keepdims=True)
    # The commonest n-grams are enough to see a habit of wording, and do not let 2,000 rows be learnt by heart.
    common = np.asarray(vectors.sum(axis=0)).ravel().argsort()[-64:]
    return np.concatenate([clues, vectors[:, common].toarray().reshape(rows, width, -1)], axis=2)


def image_clues(images: np.ndarray) -> np.ndarray:
    """Closeness to the other candidates, ink, its bounding box, ink on an 8 × 8 grid: shape `(R, 1 + K, F)`.

    Args:
        images (`np.ndarray` of shape `(R, 1 + K, H, W)`): uint8.
    """
    rows, width, height, breadth = images.shape
    ink = (255 - images.astype(np.float32)) / 255
    cells = ink[..., : height // 8 * 8, : breadth // 8 * 8]
    grid = cells.reshape(rows, width, 8, height // 8, 8, breadth // 8).mean(axis=(3, 5)).reshape(rows, width, -1)
    centre = -((grid - grid.mean(axis=1, keepdims=True)) ** 2).sum(axis=-1)
    there_y, there_x = ink.max(axis=3) > 0.5, ink.max(axis=2) > 0.5
    box = [there_y.argmax(-1), there_y[..., ::-1].argmax(-1), there_x.argmax(-1), there_x[..., ::-1].argmax(-1)]
    return np.concatenate([np.stack([centre, ink.mean(axis=(2, 3)), *box], axis=-1), grid], axis=-1)
