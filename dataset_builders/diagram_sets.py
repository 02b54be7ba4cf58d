"""Sets of generated diagrams: groups of look-alike pairs to train on, and six sets to rank.

The same seed gives the same set for any number of processes: each group has a random generator of its own.
"""

from collections.abc import Collection
from contextlib import ExitStack
from functools import partial
from typing import NamedTuple

import numpy as np

from dataset_builders.diagram.caption import caption
from dataset_builders.diagram.render import render
from dataset_builders.negatives.image import SIMPLE_DIAGRAMS, centred_group, exchangeable_group
from dataset_builders.negatives.retrieval import nearest_captions
from dataset_builders.processes import worker_pool

SIZE = 96
LABEL_GRID = 16
TRAINING, CENTRED, EXCHANGEABLE = range(3)  # streams of randomness under one seed
# Where numbers and marks are not drawn, only these edits can be seen.
_UNMARKED = SIMPLE_DIAGRAMS._replace(edits=("shape", "relation", "swap", "letter"))


class Groups(NamedTuple):
    """G groups of n look-alike pairs.

    Attributes:
        images (`np.ndarray` of shape `(G, n, size, size)`): uint8.
        captions (`list[list[str]]`): their captions.
        edits (`list[list[str]]`): the kind of edit that made each, empty for an original.
        programs (`list[list[str]]`): the programs that draw them.
    """

    images: np.ndarray
    captions: list[list[str]]
    edits: list[list[str]]
    programs: list[list[str]]


class RankingSet(NamedTuple):
    """R anchors with their candidates, the positive first.

    Attributes:
        kind (`str`): `random`, `retrieval`, `rule` (candidates are captions) or `image` (candidates are images).
        images (`np.ndarray` of shape `(R, size, size)` or, for `image`, `(R, 1 + K, size, size)`): uint8.
        captions (`list[list[str]]`): 1 + K per anchor, for `image` the one caption that is the anchor.
        edits (`list[list[str]]`): the kind of edit of each candidate.
    """

    kind: str
    images: np.ndarray
    captions: list[list[str]]
    edits: list[list[str]]


def look_alike_groups(
    count: int,
    size: int,
    seed: int,
    stream: int = TRAINING,
    difficulty: int = 3,
    num_proc: int = 1,
    label_grid: int | None = LABEL_GRID,
    with_markings: bool = True,
) -> Groups:
    """`count` groups of `size` look-alike pairs; members are told apart from one another (see `negatives.image`).

    Args:
        count (`int`), size (`int`): how many groups, and how many pairs in each; 1 makes independent scenes.
        seed (`int`): of everything.
        stream (`int`, *optional*): `CENTRED` makes the first member the one that all others are edits of.
        difficulty (`int`, *optional*, defaults to `3`): facts per caption.
        num_proc (`int`, *optional*, defaults to `1`): processes; the result does not depend on it.
        label_grid (`int`, *optional*, defaults to `16`): see [`render`].
        with_markings (`bool`, *optional*, defaults to `True`): `False` draws letters only; no two members of a group
            then differ in a number alone, which could not be seen.
    """
    make = partial(
        _group,
        size=size,
        seed=seed,
        stream=stream,
        difficulty=difficulty,
        label_grid=label_grid,
        with_markings=with_markings,
    )
    images = np.empty((count, size, SIZE, SIZE), dtype=np.uint8)
    captions, edits, programs = [], [], []
    with ExitStack() as stack:
        if num_proc > 1:
            pool = stack.enter_context(worker_pool(num_proc))
            made = pool.map(make, range(count), chunksize=256)
        else:
            made = map(make, range(count))
        # Straight into one array: a list of images beside it would double the memory.
        for number, (group_images, *texts) in enumerate(made):
            images[number] = group_images
            for column, text in zip((captions, edits, programs), texts, strict=True):
                column.append(text)
    return Groups(images, captions, edits, programs)


def _group(
    number: int,
    size: int,
    seed: int,
    stream: int,
    difficulty: int,
    label_grid: int | None,
    with_markings: bool = True,
) -> tuple[np.ndarray, list[str], list[str], list[str]]:
    rng = np.random.default_rng([seed, stream, number])
    diagrams = SIMPLE_DIAGRAMS if with_markings else _UNMARKED
    images: list[np.ndarray] = []
    # Labels keep to a grid: where they hide what sets two scenes apart, another group is drawn.
    while len({image.tobytes() for image in images}) < size:
        scenes = (centred_group if stream == CENTRED else exchangeable_group)(size, rng, difficulty, diagrams)
        if stream != CENTRED:
            # Edits that come easily are found early; the first place must not tell.
            scenes = [scenes[i] for i in rng.permutation(size)]
        images = [render(scene.figure, SIZE, label_grid, with_markings) for scene in scenes]
    # One wording for the whole group: captions differ where the figures do, nowhere else.
    wording = int(rng.integers(2**31))
    return (
        np.stack(images),
        [caption(scene.program, wording) for scene in scenes],
        [scene.edit for scene in scenes],
        [str(scene.program) for scene in scenes],
    )


def ranking_sets(
    count: int,
    num_negatives: int,
    seed: int,
    difficulty: int = 3,
    num_proc: int = 1,
    label_grid: int | None = LABEL_GRID,
) -> dict[str, RankingSet]:
    """Six sets of `count` anchors with `num_negatives` each, by name.

    `random` and `retrieval` take their negatives from the other scenes. `rule` and `image` are centred: all negatives
    are one edit away from the positive. `rule_exchangeable` and `image_exchangeable` are not: the positive is a random
    member of a group of look-alikes, so that it cannot be told as the one that the others surround.
    """
    build = partial(
        look_alike_groups,
        count,
        1 + num_negatives,
        seed,
        difficulty=difficulty,
        num_proc=num_proc,
        label_grid=label_grid,
    )
    centred, exchangeable = build(stream=CENTRED), build(stream=EXCHANGEABLE)
    originals = [captions[0] for captions in centred.captions]
    rng = np.random.default_rng([seed, 9])
    random_rows = [random_others(i, originals, num_negatives, rng) for i in range(count)]
    retrieved = nearest_captions(originals, num_negatives)

    def from_corpus(kind: str, rows: list[list[int]]) -> RankingSet:
        if min(map(len, rows)) < num_negatives:
            raise ValueError(
                f"{count} anchors have fewer than {num_negatives} different captions to offer as {kind} negatives; "
                "raise `count` or lower `num_negatives`."
            )
        captions = [[originals[i], *(originals[j] for j in row)] for i, row in enumerate(rows)]
        return RankingSet(kind, centred.images[:, 0], captions, [["", *[kind] * num_negatives]] * count)

    sets = {"random": from_corpus("random", random_rows), "retrieval": from_corpus("retrieval", retrieved)}
    for name, groups in (("", centred), ("_exchangeable", exchangeable)):
        sets[f"rule{name}"] = RankingSet("rule", groups.images[:, 0], groups.captions, groups.edits)
        anchors = [captions[:1] for captions in groups.captions]
        sets[f"image{name}"] = RankingSet("image", groups.images, anchors, groups.edits)
    return sets


def random_others(own: int, captions: list[str], count: int, rng: np.random.Generator) -> list[int]:
    """Positions of `count` random captions that differ from the own one."""
    order = rng.choice(len(captions), min(len(captions), count + 32), replace=False)
    return [int(i) for i in order if captions[i] != captions[own]][:count]


def without(groups: Groups, captions: Collection[str]) -> Groups:
    """The groups that share no caption with the given ones, so that nothing that is ranked was trained on."""
    taken = set(captions)
    keep = [i for i, group in enumerate(groups.captions) if taken.isdisjoint(group)]
    return Groups(groups.images[keep], *([part[i] for i in keep] for part in groups[1:]))
