"""Captions as vectors, for retrieval: TF-IDF over words and letters in a few hundred dimensions, or any model's.

vectors = embed(["Triangle ABC is right. AB = 6.", "Triangle ABC is right. BC = 6."])
vectors @ vectors.T  # cosines
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import scipy.sparse as sp
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.utils.extmath import randomized_svd
from threadpoolctl import threadpool_limits  # scikit-learn depends on it

DIMENSIONS = 768
FITTED = 20_000  # captions, evenly spaced, that vocabulary, weights and axes are taken from
_BLOCK = 8_192
_NOT_EMPTY = re.compile(r"[^\s.]")


class Encoder(Protocol):
    """What has `encode`: a list of N texts (or images) to an array of shape `(N, d)`."""

    def encode(self, sentences: list) -> np.ndarray: ...


def vectorizers() -> tuple[TfidfVectorizer, TfidfVectorizer]:
    """TF-IDF over words (with their signs: `AB`, `∥`, `90°`) and over two and three letters of a word."""
    return (
        TfidfVectorizer(token_pattern=r"[^\s.]+", sublinear_tf=True),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 3), sublinear_tf=True),
    )


def embed(texts: Sequence[str], model: str | Path | Encoder | None = None) -> np.ndarray:
    """Vectors of texts, shape `(N, d)`, float32, of length 1, so that inner products are cosines.

    Args:
        texts (`Sequence[str]`): N texts. They need not differ.
        model (`str`, `Path` or object with `encode`, *optional*): name or path of a sentence-transformers model, or
            anything that turns a list of texts into an array. By default no weights are needed: TF-IDF over words and
            letters (see [`vectorizers`]), projected on its leading singular vectors, 768 at most (latent semantic
            analysis, Deerwester et al. 1990). Names such as AB and BC stay apart. For more than 20,000 texts,
            vocabulary and axes come from as many evenly spaced ones. The result is the same for any number of threads.

    Raises:
        ValueError: if there are no texts, if one is empty, or if the model's result has the wrong shape, a value that
            is not finite or a vector of zeros; a text is named by its index.
        ImportError: if `model` is a name and sentence-transformers is not installed.
    """
    texts = list(texts)
    if not texts:
        raise ValueError("There are no captions to embed; pass at least one.")
    check_texts(texts)
    return _latent(texts) if model is None else unit_length(_encoder(model).encode(texts), len(texts), "caption")


def check_texts(texts: Sequence[str]) -> None:
    """Raises `ValueError` for the first that is no text or empty, by its index."""
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            raise ValueError(f"Caption {index} is of type {type(text).__name__}; it must be text.")
        if not _NOT_EMPTY.search(text):
            raise ValueError(f"Caption {index} is empty; leave it and its image out.")


def unit_length(vectors: np.ndarray, count: int, what: str) -> np.ndarray:
    """A model's vectors of `count` captions or images as float32 of length 1; raises as [`embed`]."""
    vectors = np.asarray(vectors, dtype=np.float32)
    if vectors.ndim != 2 or len(vectors) != count:
        raise ValueError(
            f"The model made an array of shape {vectors.shape} of {count} {what}s; ({count}, d) is needed."
        )
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        raise ValueError(
            f"The model's embedding of {what} {np.flatnonzero(~finite)[0]} is not finite ({np.sum(~finite)} of "
            f"{count} are not); check the model's weights and precision."
        )
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not lengths.all():
        raise ValueError(f"The model's embedding of {what} {np.flatnonzero(lengths == 0)[0]} is all zeros.")
    return vectors / lengths


def _encoder(model: str | Path | Encoder) -> Encoder:
    if not isinstance(model, str | Path):
        return model
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise ImportError(
            f"Embedding with `{model}` needs sentence-transformers; install it: `pip install 'mmgeolm[retrieval]'`."
        ) from error
    return SentenceTransformer(str(model))


def _latent(texts: list[str]) -> np.ndarray:
    sample = texts[:: -(-len(texts) // FITTED)]
    fitted = [vectorizer.fit(sample) for vectorizer in vectorizers()]

    def features(part: list[str]) -> sp.csr_matrix:
        parts = [vectorizer.transform(part) for vectorizer in fitted]
        return sp.hstack(parts, format="csr", dtype=np.float32)

    known = features(sample)
    # One thread: sums of floats depend on how many share them, and results must not.
    with threadpool_limits(1):
        count = min(DIMENSIONS, *known.shape)
        _, _, axes = randomized_svd(known, count, n_iter=3, random_state=0)
        axes = np.ascontiguousarray(axes.T, dtype=np.float32)  # (F, d)
        vectors = np.empty((len(texts), count), dtype=np.float32)
        for start in range(0, len(texts), _BLOCK):
            vectors[start : start + _BLOCK] = features(texts[start : start + _BLOCK]) @ axes
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[lengths[:, 0] == 0, -1] = 1  # shares no word or letters with the sample: away from all that does
    return vectors / np.where(lengths == 0, 1, lengths)
