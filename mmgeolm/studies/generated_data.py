"""What the studies' encoders are trained on and ranked by, drawn once and kept on disk."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from dataset_builders.diagram_sets import Groups, RankingSet, look_alike_groups, random_others, ranking_sets
from dataset_builders.negatives.look_alike_images import look_alike_negatives
from dataset_builders.negatives.retrieval import retrieval_negatives
from mmgeolm.regimes import SceneRecords
from mmgeolm.studies.definitions import Negatives
from mmgeolm.studies.scales import Scale

GROUP = 11  # a positive and ten negatives
RANKING_SEED = 2_000
SINGLES = 16  # random pairs for each record with negatives


class CorpusRecords(torch.utils.data.Dataset):
    """Pairs of a corpus with others of its captions, or of its images, as negatives.

    Args:
        groups ([`Groups`]): groups of one.
        rows (`list[list[int]]`): positions of the negatives of each anchor.
        kind (`str`): of the negatives; `template` ones are images, all others captions.
    """

    def __init__(self, groups: Groups, rows: list[list[int]], kind: str):
        self.images = groups.images[:, 0]
        self.captions = [group[0] for group in groups.captions]
        # An anchor without a negative would be ranked against nothing.
        self.rows = {anchor: row for anchor, row in enumerate(rows) if row}
        self.anchors = list(self.rows)
        self.kind = kind

    def __len__(self) -> int:
        return len(self.anchors)

    def __getitem__(self, position: int) -> dict[str, Any]:
        anchor = self.anchors[position]
        row = self.rows[anchor]
        captions = [self.captions[i] for i in row]
        images = self.kind == "template"
        return {
            "id": f"{self.kind}-{anchor}",
            "image": Image.fromarray(self.images[anchor]),
            "caption": self.captions[anchor],
            "negative_captions": [] if images else captions,
            "negative_images": [Image.fromarray(self.images[i]) for i in row] if images else [],
            "negative_image_captions": captions if images else [],
        }


def draw_scenes(folder: Path, scale: Scale, seed: int, name: str, num_proc: int = 1) -> None:
    """Draw what the encoders of a seed are trained on: `singles`, `look_alikes`, or `letters`, those without marks."""
    if name == "singles":
        groups = look_alike_groups(SINGLES * scale.records, 1, seed, num_proc=num_proc)
    else:
        groups = look_alike_groups(scale.records, GROUP, seed, num_proc=num_proc, with_markings=name != "letters")
    np.savez(folder / "images.npz", images=groups.images)
    (folder / "captions.json").write_text(json.dumps(groups.captions), encoding="utf-8")


def read_scenes(folder: Path) -> Groups:
    """What [`draw_scenes`] has drawn; without programs and edits."""
    captions = json.loads((folder / "captions.json").read_text(encoding="utf-8"))
    with np.load(folder / "images.npz") as kept:
        return Groups(kept["images"], captions, [], [])


def draw_ranked(folder: Path, scale: Scale) -> None:
    """Draw the sets that are ranked, which all encoders share."""
    for name, part in ranking_sets(scale.ranked, GROUP - 1, RANKING_SEED).items():
        np.savez(folder / f"{name}.npz", images=part.images)
        texts = {"kind": part.kind, "captions": part.captions, "edits": part.edits}
        (folder / f"{name}.json").write_text(json.dumps(texts), encoding="utf-8")


def read_ranked(folder: Path, names: tuple[str, ...]) -> dict[str, RankingSet]:
    """The sets of [`draw_ranked`], by name."""
    sets = {}
    for name in names:
        texts = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        with np.load(folder / f"{name}.npz") as kept:
            sets[name] = RankingSet(texts["kind"], kept["images"], texts["captions"], texts["edits"])
    return sets


def without_ranked(groups: Groups, ranked: Path, names: tuple[str, ...]) -> Groups:
    """The groups none of whose captions is ranked."""
    taken = {text for part in read_ranked(ranked, names).values() for row in part.captions for text in row}
    keep = [i for i, captions in enumerate(groups.captions) if taken.isdisjoint(captions)]
    return Groups(groups.images[keep], [groups.captions[i] for i in keep], [], [])


def negatives_of(
    negatives: Negatives, singles: Groups, groups: Groups | None, records: int, candidates: str, seed: int
) -> torch.utils.data.Dataset:
    """HardNegatives records of a kind.

    Args:
        negatives ([`Negatives`]): which.
        singles ([`Groups`]): groups of one; where negatives are other records', the first `records` are the corpus.
        groups ([`Groups`], *optional*): groups of look-alikes, for the kinds `rule` and `image`.
        records (`int`): anchors.
        candidates (`str`): of the tower; `in_batch` takes no negatives, but pairs.
        seed (`int`): of every choice.
    """
    kind, number = negatives.kind, negatives.number
    if kind in ("rule", "image"):
        part = Groups(groups.images[:, : 1 + number], [row[: 1 + number] for row in groups.captions], [], [])
        return SceneRecords(part, "captions" if kind == "rule" else "look_alikes")
    if candidates == "in_batch":
        return SceneRecords(singles, "random")
    corpus = Groups(singles.images[:records], singles.captions[:records], [], [])
    captions = [group[0] for group in corpus.captions]
    pool = max(100, math.ceil(1.5 * number))
    if kind == "random":
        rng = np.random.default_rng([seed, 7])
        rows = [random_others(i, captions, number, rng) for i in range(len(captions))]
    elif kind == "retrieval":
        rows = retrieval_negatives(captions, number, seed, pool=pool).rows
    else:
        rows = look_alike_negatives(list(corpus.images[:, 0]), captions, number, seed, pool=pool).rows
    return CorpusRecords(corpus, rows, kind)
