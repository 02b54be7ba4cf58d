"""The nearest rows of one matrix to those of another, by cosine, a block at a time: exact, in bounded memory.

cosines, places = nearest(test_vectors, train_vectors, k=5)  # both (M, 5), best first
"""

import numpy as np

BLOCK = 2**24
"""Products of two rows that are held at a time: 64 MB of float32."""


def nearest(rows: np.ndarray, others: np.ndarray, k: int = 1, block: int = BLOCK) -> tuple[np.ndarray, np.ndarray]:
    """The `k` rows of `others` that are nearest to each of `rows`.

    Args:
        rows (`np.ndarray`): shape `(M, d)`, of any length but zero.
        others (`np.ndarray`): shape `(N, d)`, likewise.
        k (`int`): how many; N at most are given.
        block (`int`): most products held at a time. The result depends on it in the last bit of a cosine only.

    Returns:
        Cosines and places in `others`, both of shape `(M, min(k, N))`, best first; of equal ones the earlier.

    Raises:
        ValueError: if either is empty, no matrix, or not finite, if a row is all zeros, or if they differ in width.
    """
    rows, others = unit_rows(rows, "rows"), unit_rows(others, "others")
    if rows.shape[1] != others.shape[1]:
        raise ValueError(f"`rows` are {rows.shape[1]} wide and `others` {others.shape[1]}; embed both with one model.")
    if k < 1:
        raise ValueError(f"`k` is {k}; at least one nearest row must be asked for.")
    k = min(k, len(others))
    height = max(1, min(len(rows), int(block**0.5)))
    width = max(1, block // height)
    cosines = np.empty((len(rows), k), np.float32)
    places = np.empty((len(rows), k), np.int64)
    for top in range(0, len(rows), height):
        part = slice(top, top + height)
        best, where = np.empty((len(rows[part]), 0), np.float32), np.empty((len(rows[part]), 0), np.int64)
        for left in range(0, len(others), width):
            products = rows[part] @ others[left : left + width].T
            found = np.broadcast_to(np.arange(left, left + products.shape[1]), products.shape)
            best, where = _best(np.hstack([best, products]), np.hstack([where, found]), k)
        cosines[part], places[part] = best, where
    return cosines, places


def unit_rows(rows: np.ndarray, name: str) -> np.ndarray:
    """The rows as float32 of length 1; raises as [`nearest`], naming the matrix `name`."""
    rows = np.asarray(rows, dtype=np.float32)
    if rows.ndim != 2 or not rows.size:
        raise ValueError(f"`{name}` has the shape {rows.shape}; a matrix with at least one row is needed.")
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    bad = np.flatnonzero(~np.isfinite(lengths) | (lengths == 0))
    if bad.size:
        raise ValueError(f"`{name}` has a row that is not finite or all zeros: number {bad[0]}; embed it again.")
    return rows / lengths


def _best(values: np.ndarray, places: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k greatest of each row in order; of equal ones those that stand first, which are the earlier places."""
    if values.shape[1] > 8 * k:  # sorting all would take most of the time
        # Ties at the border must not be cut by chance, so all that equal the k-th are kept.
        border = np.partition(values, -k, axis=1)[:, -k, None]
        keep = min(values.shape[1], int((values >= border).sum(axis=1).max()))
        chosen = np.argsort(values < border, axis=1, kind="stable")[:, :keep]
        values, places = np.take_along_axis(values, chosen, 1), np.take_along_axis(places, chosen, 1)
    order = np.argsort(-values, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(values, order, 1), np.take_along_axis(places, order, 1)
