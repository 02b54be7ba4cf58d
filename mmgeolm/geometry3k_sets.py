"""Real diagrams for the small encoder: Geometry3K's folders as training records and as sets to rank."""

from pathlib import Path
from typing import Any

import datasets
import numpy as np
from PIL import Image, ImageOps

from dataset_builders.diagram_sets import SIZE, RankingSet, random_others
from dataset_builders.negatives.retrieval import nearest_captions
from dataset_builders.sources.geometry3k import load_geometry3k

NUM_NEGATIVES = 10


def real_split(folder: str | Path, seed: int) -> tuple[datasets.Dataset, datasets.Dataset]:
    """Training and held-out problems: the folders `train` and `test` if both are there, else every other problem.

    Raises:
        ValueError: if there are no problems, or too few to rank one against others.
    """
    folder = Path(folder)
    if (folder / "train").is_dir() and (folder / "test").is_dir():
        train, test = (load_geometry3k(folder / part, NUM_NEGATIVES, seed) for part in ("train", "test"))
    else:
        problems = load_geometry3k(folder, NUM_NEGATIVES, seed)
        train, test = (problems.select(range(start, len(problems), 2)) for start in (0, 1))
    if len(test) <= 2 * NUM_NEGATIVES or len(train) == 0:
        raise ValueError(
            f"{folder} has {len(train)} problems to train on and {len(test)} to rank; {2 * NUM_NEGATIVES + 1} "
            "are needed to rank each among others. Pass a folder with more of Geometry3K's problems."
        )
    return train, test


def real_records(problems: datasets.Dataset) -> list[dict[str, Any]]:
    """Records with the diagram on a white square of the small encoder's size."""
    return [{**problem, "image": Image.fromarray(square(problem["image"]))} for problem in problems]


def real_sets(problems: datasets.Dataset, seed: int) -> dict[str, RankingSet]:
    """Random, retrieval and rule captions to tell each diagram's own from; problems with fewer than ten rule negatives
    are left out of the third."""
    captions = problems["caption"][:]
    images = np.stack([square(image) for image in problems["image"]])
    rng = np.random.default_rng([seed, 10])
    others = [random_others(i, captions, NUM_NEGATIVES, rng) for i in range(len(captions))]
    sets = {}
    for kind, rows in (("random", others), ("retrieval", nearest_captions(captions, NUM_NEGATIVES))):
        texts = [[captions[i], *(captions[j] for j in row)] for i, row in enumerate(rows)]
        sets[kind] = RankingSet(kind, images, texts, [["", *[kind] * NUM_NEGATIVES]] * len(texts))
    negatives = problems["negative_captions"][:]
    enough = [i for i, row in enumerate(negatives) if len(row) >= NUM_NEGATIVES]
    texts = [[captions[i], *negatives[i][:NUM_NEGATIVES]] for i in enough]
    sets["rule"] = RankingSet("rule", images[enough], texts, [["", *["rule"] * NUM_NEGATIVES]] * len(texts))
    return sets


def square(image: Image.Image) -> np.ndarray:
    """The diagram in grey on a white square, uint8 of shape `(96, 96)`."""
    if image.mode in ("RGBA", "LA", "P"):
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.asarray(ImageOps.pad(image.convert("L"), (SIZE, SIZE), Image.Resampling.LANCZOS, color=255))
