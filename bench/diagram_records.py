"""Generated diagrams as HardNegatives records, batched so that anchors share hard negatives or do not."""

import io
from typing import Any

import numpy as np
from PIL import Image

from dataset_builders.diagram_sets import look_alike_groups

# Facts per caption: from 15 to 50 tokens.
DIFFICULTIES = (2, 6)


def diagram_batch(
    groups: int, size: int, anchors_per_group: int, num_negatives: int, side: str, seed: int
) -> list[dict[str, Any]]:
    """One batch of `groups * anchors_per_group` records.

    Each group holds `size` look-alike diagrams with captions. An anchor's negatives are a random choice of the other
    members of its group, so that anchors of one group share some, as neighbours do where negatives are retrieved.

    Args:
        groups (`int`), size (`int`): how many groups, and how many pairs in each, at least `1 + num_negatives`.
        anchors_per_group (`int`): records made of each group.
        num_negatives (`int`): negatives per record.
        side (`str`): `text` (negative captions) or `image` (negative images).
        seed (`int`): of diagrams and choice.

    Returns:
        `list[dict]`: records; images are PNG files in memory, as a `datasets.Dataset` stores them.
    """
    rng = np.random.default_rng([seed, groups, size])
    records = []
    for group in range(groups):
        difficulty = DIFFICULTIES[group % len(DIFFICULTIES)]
        look_alikes = look_alike_groups(1, size, seed=1000 * seed + group, difficulty=difficulty)
        images = [png(image) for image in look_alikes.images[0]]
        captions = look_alikes.captions[0]
        for anchor in range(anchors_per_group):
            others = [member for member in range(size) if member != anchor]
            negatives = rng.permutation(others)[:num_negatives]
            record: dict[str, Any] = {"image": images[anchor], "caption": captions[anchor]}
            if side == "text":
                record["negative_captions"] = [captions[member] for member in negatives]
            else:
                record["negative_images"] = [images[member] for member in negatives]
            records.append(record)
    return records


def png(image: np.ndarray) -> dict[str, Any]:
    """A grey uint8 image of shape `(H, W)` as `{"bytes", "path"}`."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return {"bytes": file.getvalue(), "path": None}
