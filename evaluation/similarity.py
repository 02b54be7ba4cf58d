"""How like two collections of texts are, by their embeddings: shares above a cosine, k-means, t-SNE (appendix D).

max_cosine_table({"image": image_vectors, "retrieval": retrieval_vectors}, sft_vectors)
separation(image_vectors, retrieval_vectors)          # 0.5: mixed, 1.0: two clusters
tsne_plot({"image": image_vectors, "retrieval": retrieval_vectors}, "negatives.png")
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from sklearn.cluster import KMeans
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits  # scikit-learn depends on it

from .nearest import nearest, unit_rows

THRESHOLDS = (0.90, 0.85, 0.70, 0.60)
_MARKS = "o^sxD+v"  # readable in grey, and by people who see few colours


def max_cosine_table(
    groups: Mapping[str, np.ndarray], reference: np.ndarray, thresholds: Sequence[float] = THRESHOLDS
) -> dict[str, dict[float, float]]:
    """Of each group, the share whose greatest cosine with any row of the reference is above each threshold.

    The paper asks it of negative captions against the questions of SFT (appendix D): image-based ones 20.89% above
    0.90, retrieval-based ones none.

    Args:
        groups: By name, embeddings of shape `(N, d)`, such as those of one kind of negatives.
        reference (`np.ndarray`): shape `(M, d)`, by the same model.
        thresholds: Cosines.

    Returns:
        `{name: {threshold: percent}}`.

    Raises:
        ValueError: as [`~evaluation.nearest.nearest`].
    """
    table = {}
    for name, rows in groups.items():
        greatest = nearest(rows, reference)[0][:, 0]
        table[name] = {threshold: float(100 * np.mean(greatest > threshold)) for threshold in thresholds}
    return table


def separation(one: np.ndarray, other: np.ndarray, seed: int = 0) -> float:
    """The share of rows that k-means with two clusters puts with their own kind, 0.5 (mixed) to 1 (two clusters).

    Which cluster is whose is the better of both ways. Each kind counts for half, so that with kinds of different size
    one cluster for all is 0.5 as well. The paper reports 0.90 for image-based against retrieval-based negatives.

    Args:
        one, other (`np.ndarray`): shapes `(N, d)` and `(M, d)`; they are brought to length 1.
        seed (`int`): of the clusters' first centres.

    Raises:
        ValueError: if a matrix is empty or not finite, or all rows are equal.
    """
    one, other = unit_rows(one, "one"), unit_rows(other, "other")
    if one.shape[1] != other.shape[1]:
        raise ValueError(f"`one` is {one.shape[1]} wide and `other` {other.shape[1]}; embed both with one model.")
    both = np.vstack([one, other])
    if (both == both[0]).all():
        raise ValueError("All embeddings are equal, so that there are no two clusters; embed different texts.")
    with threadpool_limits(1):  # sums of floats depend on how many threads share them, and results must not
        clusters = KMeans(2, n_init=10, random_state=seed).fit_predict(both)
    first, second = clusters[: len(one)].mean(), clusters[len(one) :].mean()
    return float(0.5 + abs(first - second) / 2)


def tsne_plot(groups: Mapping[str, np.ndarray], path: str | Path, seed: int = 0, most: int = 1_000) -> np.ndarray:
    """Draws the groups' embeddings in two dimensions (t-SNE on cosines) into a picture file.

    Args:
        groups: By name, embeddings of shape `(N, d)`; two groups at least make sense.
        path: The file; its ending says the format.
        seed (`int`): of the sample and of t-SNE.
        most (`int`): rows of each group that are drawn, a random sample of a larger one.

    Returns:
        The places drawn, shape `(rows, 2)`, group after group.

    Raises:
        ValueError: if a group is empty or not finite, or there are fewer than three rows in all.
    """
    random = np.random.default_rng(seed)
    parts = []
    for name, rows in groups.items():
        rows = unit_rows(rows, name)
        parts.append(rows[np.sort(random.choice(len(rows), most, replace=False))] if len(rows) > most else rows)
    count = sum(map(len, parts))
    if count < 3:
        raise ValueError(f"There are {count} embeddings in all; t-SNE needs at least three.")
    # The default perplexity is for hundreds of points; with fewer it must be less than their number.
    perplexity = min(30.0, (count - 1) / 3)
    with threadpool_limits(1):
        model = TSNE(perplexity=perplexity, metric="cosine", init="random", random_state=seed)
        places = model.fit_transform(np.vstack(parts))
    _draw(groups, [len(part) for part in parts], places, Path(path))
    return places


def _draw(groups: Mapping[str, np.ndarray], lengths: Sequence[int], places: np.ndarray, path: Path) -> None:
    figure = Figure(figsize=(6, 5), layout="constrained")
    axes = figure.add_subplot()
    colours = matplotlib.colormaps["viridis"](np.linspace(0, 0.85, len(lengths)))
    ends = np.cumsum(lengths)
    for number, (name, end, length) in enumerate(zip(groups, ends, lengths, strict=True)):
        x, y = places[end - length : end].T
        mark = _MARKS[number % len(_MARKS)]
        axes.scatter(
            x, y, 12, color=colours[number], marker=mark, alpha=0.7, linewidths=0.8, label=f"{name} ({length})"
        )
    axes.set_xticks([])
    axes.set_yticks([])
    axes.legend(fontsize="small", loc="best")
    figure.savefig(path, dpi=120)
