"""What encoders are compared on (paper, appendix C): anchors among random, retrieved, edited and redrawn candidates.

    data = generated_sets(500, 10, seed=0)                                # drawn, verified, held out by their seed
    data = record_sets(load_hard_negatives("pairs.json"), "exams", 500, 10, seed=0)
    score_sets(model, processor, data.images, data.sets)

Of generated sets no negative can be true: the anchor's figure refutes a fact of each negative caption, and a negative
image's figure refutes one of the anchor's. Of records that holds for the negatives they bring, as far as whoever made
them saw to it; captions of other records may happen to be true of a diagram.
"""

import hashlib
import logging
from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from itertools import islice
from typing import NamedTuple

import numpy as np
import pyarrow.compute as pc
from datasets import Dataset
from PIL import Image

from dataset_builders.audit import without_anchor
from dataset_builders.audit.baselines import candidate_scores, clues_of_pictures
from dataset_builders.audit.captions import edits_between
from dataset_builders.audit.pictures import Picture, picture_clues
from dataset_builders.diagram.caption import caption
from dataset_builders.diagram.facts import facts_of, refuted
from dataset_builders.diagram.figure import solve
from dataset_builders.diagram.program import parse
from dataset_builders.diagram.render import render
from dataset_builders.diagram.style import FONTS, PLAIN, Style
from dataset_builders.negatives.image import (
    EXAM_DIAGRAMS,
    SIMPLE_DIAGRAMS,
    Diagrams,
    centred_group,
    exchangeable_group,
)
from dataset_builders.negatives.retrieval import nearest_captions
from dataset_builders.processes import worker_pool
from evaluation.retrieval import RetrievalSet, padded
from modeling_mmclip.processing_mmclip import as_rgb

logger = logging.getLogger(__name__)

POOL = 100
"""Most similar captions that retrieval negatives are taken from (paper, section 2)."""
CORPUS = 10_000
"""Records of a data set that random and retrieval negatives are taken from."""
SEVERAL = "several"
"""Stands for the kind of edit where a negative differs from its positive in more than one."""
FONTS_DISTORTION = "fonts"
_STREAM = 20  # keeps these diagrams from being those that the same seed trains on
_GROUPS = {"": centred_group, "_exchangeable": exchangeable_group}


class Scenes(NamedTuple):
    """A world of diagrams and how they are drawn: the image's side in pixels, the grid of labels (see [`render`])."""

    diagrams: Diagrams
    size: int
    label_grid: int | None


SCENES = {"exam": Scenes(EXAM_DIAGRAMS, 336, None), "simple": Scenes(SIMPLE_DIAGRAMS, 96, 16)}
"""`exam`: what exams draw, for encoders of some three hundred pixels. `simple`: what the quickstart trains on."""


class RetrievalData(NamedTuple):
    """Sets by name, the images they name, and what was edited in their negatives.

    Attributes:
        images (`Mapping[str, PIL.Image.Image]`): by name.
        sets (`dict[str, RetrievalSet]`): by name.
        edits (`dict[str, list[list[str]]]`): by set, for each anchor the kind of edit that lies between the positive
            and each of its negatives: one kind, [`SEVERAL`], or empty where it is not known. Sets whose negatives are
            other records' captions have none.
    """

    images: Mapping[str, Image.Image]
    sets: dict[str, RetrievalSet]
    edits: dict[str, list[list[str]]]


class DrawnImages(Mapping[str, Image.Image]):
    """Images by their program, drawn when they are asked for.

    Args:
        groups (`dict[str, int]`): programs, and the number of the group of look-alikes that each is of.
        scenes ([`Scenes`]): how to draw.
        fonts (`bool`, *optional*, defaults to `False`): letters in other fonts than the plain one, one for each group.
    """

    def __init__(self, groups: dict[str, int], scenes: Scenes, fonts: bool = False):
        self.groups, self.scenes, self.fonts = groups, scenes, fonts

    def __getitem__(self, program: str) -> Image.Image:
        others = [font for font in FONTS if font != PLAIN.font]
        style = Style(font=others[self.groups[program] % len(others)]) if self.fonts else PLAIN
        figure = solve(parse(program), self.scenes.diagrams.limits)
        return Image.fromarray(render(figure, self.scenes.size, self.scenes.label_grid, style=style))

    def __iter__(self) -> Iterator[str]:
        return iter(self.groups)

    def __len__(self) -> int:
        return len(self.groups)

    def in_other_fonts(self) -> "DrawnImages":
        """The same diagrams, their letters in serif and other fonts."""
        return DrawnImages(self.groups, self.scenes, fonts=True)


def generated_sets(
    num_anchors: int = 500,
    num_negatives: int = 10,
    seed: int = 0,
    scenes: str = "exam",
    difficulty: int = 3,
    num_proc: int = 1,
) -> RetrievalData:
    """Six sets of generated diagrams: `random`, `retrieval`, `rule`, `image`, and the latter two exchangeable.

    `random` and `retrieval` take their negatives from the other diagrams' captions, `retrieval` the most similar ones.
    The negatives of `rule` and `image` are the positive with an edit, so that it is the centre of its candidates, and
    can be guessed as such without the anchor. In `rule_exchangeable` and `image_exchangeable` the positive is a random
    member of a group of look-alikes.

    Args:
        num_anchors, num_negatives: Of each set.
        seed: Of everything; the result does not depend on `num_proc`.
        scenes: `exam` or `simple`, see [`SCENES`].
        difficulty: About how many facts a caption states, 1 to 8.
        num_proc: Processes that draw up the diagrams.

    Raises:
        ValueError: if an argument is out of range, or there are too few anchors to take negatives from.
    """
    if scenes not in SCENES:
        raise ValueError(f"`scenes` is {scenes!r}; it must be one of {', '.join(SCENES)}.")
    for name, value, least in (("num_anchors", num_anchors, 2), ("num_negatives", num_negatives, 1)):
        if value < least:
            raise ValueError(f"`{name}` is {value}; it must be at least {least}.")
    make = partial(_group, size=1 + num_negatives, seed=seed, scenes=scenes, difficulty=difficulty)
    jobs = [(stream, number) for stream in _GROUPS for number in range(num_anchors)]
    if num_proc > 1:
        with worker_pool(num_proc) as pool:
            groups = list(pool.map(make, jobs, chunksize=16))
    else:
        groups = list(map(make, jobs))
    centred, exchangeable = groups[:num_anchors], groups[num_anchors:]
    sets = _from_corpus(groups, num_anchors, num_negatives, seed, SCENES[scenes].diagrams)
    edits: dict[str, list[list[str]]] = {}
    for stream, part in zip(_GROUPS, (centred, exchangeable), strict=True):
        sets[f"rule{stream}"] = RetrievalSet("rule", [g.programs[0] for g in part], [g.captions for g in part])
        sets[f"image{stream}"] = RetrievalSet(
            "image", [g.captions[0] for g in part], [g.programs for g in part], of_images=True
        )
        kinds = [[_one_kind(group.edits[0], edit) for edit in group.edits[1:]] for group in part]
        edits |= {f"rule{stream}": kinds, f"image{stream}": kinds}
    number_of = {program: number for number, group in enumerate(groups) for program in group.programs}
    return RetrievalData(DrawnImages(number_of, SCENES[scenes]), sets, edits)


class _Group(NamedTuple):
    captions: list[str]
    programs: list[str]
    edits: list[str]


def _one_kind(*edits: str) -> str:
    """The one kind that edits are of, each given as its kinds with `+` between; [`SEVERAL`] if there are more."""
    kinds = {kind for edit in edits for kind in edit.split("+") if kind}
    return SEVERAL if len(kinds) > 1 else "".join(kinds)


def _kind_of_words(positive: str, negative: str) -> str:
    """Of what kind the words are in which two captions differ (`KINDS_OF_CHANGE` of the audit); empty without both."""
    if not negative:
        return ""
    return _one_kind(*(edit.kind for edit in edits_between(positive, negative)[0]))


def _group(job: tuple[str, int], size: int, seed: int, scenes: str, difficulty: int) -> _Group:
    """Look-alikes that are told apart from one another by facts and by pixels."""
    stream, number = job
    world = SCENES[scenes]
    rng = np.random.default_rng([seed, _STREAM, list(_GROUPS).index(stream), number])
    pixels: set[bytes] = set()
    while len(pixels) < size:
        found = _GROUPS[stream](size, rng, difficulty, world.diagrams)
        if stream:
            # Edits that come easily are found early; the first place must not tell.
            found = [found[i] for i in rng.permutation(size)]
        pixels = {render(scene.figure, world.size, world.label_grid).tobytes() for scene in found}
    # One wording for the whole group: captions differ where the figures do, nowhere else.
    wording = int(rng.integers(2**31))
    return _Group(
        [caption(scene.program, wording) for scene in found],
        [str(scene.program) for scene in found],
        [scene.edit for scene in found],
    )


def _from_corpus(
    groups: list[_Group], anchors: int, count: int, seed: int, world: Diagrams
) -> dict[str, RetrievalSet]:
    """The sets `random` and `retrieval` of the first so many groups: captions of other groups that are false of the
    figure."""
    captions, programs = [g.captions[0] for g in groups], [parse(g.programs[0]) for g in groups]
    figures, facts = [solve(program, world.limits) for program in programs[:anchors]], list(map(facts_of, programs))
    rng = np.random.default_rng([seed, _STREAM, len(_GROUPS)])
    orders = {
        "random": [rng.permutation(len(groups)).tolist() for _ in figures],
        "retrieval": nearest_captions(captions, max(POOL, count))[:anchors],
    }
    sets = {}
    for kind, rows in orders.items():
        candidates = []
        for own, row in enumerate(rows):
            false = (i for i in row if any(refuted(figures[own], fact) for fact in facts[i]))
            candidates.append(_candidates(captions[own], (captions[i] for i in false), count))
        if min(map(len, candidates)) <= count:
            raise ValueError(
                f"{anchors} anchors have fewer than {count} different captions to offer as {kind} negatives; raise "
                "`num_anchors` or lower `num_negatives`."
            )
        sets[kind] = RetrievalSet(kind, [g.programs[0] for g in groups[:anchors]], candidates)
    return sets


def _candidates(positive: str, negatives: Iterable[str], count: int) -> list[str]:
    """The positive and the first `count` negatives that differ from it and from one another."""
    found = {positive: None}
    for negative in negatives:
        if len(found) > count:
            break
        found[negative] = None
    return list(found)


class RecordImages(Mapping[str, Image.Image]):
    """Images of records, named by what they show, and read from the records when they are asked for.

    Only what [`RecordImages.names_of`] was asked about is in it.

    Args:
        dataset (`Dataset`): with the schema HardNegatives.
    """

    def __init__(self, dataset: Dataset):
        self.dataset = dataset
        self._places: dict[str, tuple[int, int]] = {}  # record, and which of its images
        self._names: dict[int, list[str] | None] = {}
        self._last: tuple[int, list[Image.Image]] = (-1, [])

    def __getitem__(self, name: str) -> Image.Image:
        record, number = self._places[name]
        return self._images_of(record)[number]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def names_of(self, record: int) -> list[str] | None:
        """The names of a record's image and negative images; `None`, which is logged, where one cannot be read."""
        if record not in self._names:
            try:
                names = [_content(image) for image in self._images_of(record)]
            except (OSError, ValueError, SyntaxError, AttributeError, Image.DecompressionBombError) as problem:
                logger.warning("Record %d is left out: an image of it cannot be read (%s).", record, problem)
                names = None
            self._names[record] = names
            self._places |= {name: (record, number) for number, name in enumerate(names or []) if name not in self}
        return self._names[record]

    def _images_of(self, record: int) -> list[Image.Image]:
        # A record's images are asked for one after the other; decoding one decodes all.
        if self._last[0] != record:
            row = self.dataset[record]
            self._last = (record, [row["image"], *row["negative_images"]])
        return self._last[1]


def _content(image: Image.Image) -> str:
    """A name that images of equal pixels share."""
    return hashlib.sha256(f"{image.mode} {image.size} ".encode() + image.tobytes()).hexdigest()


class _Ranked(NamedTuple):
    """An anchor, its candidates, and the captions of these, empty where there are none."""

    anchor: str
    candidates: list[str]
    captions: list[str]


def record_sets(
    dataset: Dataset, name: str, num_anchors: int = 500, num_negatives: int = 10, seed: int = 0
) -> RetrievalData:
    """Sets of HardNegatives records: one for each kind of negative that they have, `random`, and `retrieval`.

    Negatives of kind `random` and, where records bring none of their own, `retrieval` are captions of up to 10,000
    other records; whether one of these happens to be true of the diagram is not known. All others have edits, of the
    kind of the words in which the captions of positive and negative differ.

    Args:
        dataset: With the schema HardNegatives, as `load_hard_negatives` and `load_built` read it.
        name: The sets are called `name/random`, `name/rule` and so on.
        num_anchors: At most so many per set, chosen at random.
        num_negatives: At most so many per anchor, the first ones; anchors may have fewer, but have one.
        seed: Of the choice.

    Raises:
        ValueError: if not one set has two anchors.
    """
    columns = ["caption", "negative_captions", "negative_caption_kinds", "negative_image_captions"]
    texts = dataset.select_columns(columns)[:]
    captions, images = texts["caption"], RecordImages(dataset)
    rng = np.random.default_rng([seed, _STREAM])
    order = rng.permutation(len(dataset)).tolist()
    corpus = order[:CORPUS]

    def own_negatives(kind: str, record: int) -> list[str]:
        pairs = zip(texts["negative_captions"][record], texts["negative_caption_kinds"][record], strict=True)
        return [negative for negative, its_kind in pairs if its_kind == kind]

    def random_captions(record: int) -> Iterator[str]:
        return (captions[corpus[i]] for i in rng.permutation(len(corpus)))

    @cache
    def nearest() -> dict[int, list[int]]:
        rows = nearest_captions([captions[i] for i in corpus], max(POOL, num_negatives))
        return {record: [corpus[i] for i in row] for record, row in zip(corpus, rows, strict=True)}

    def similar_captions(record: int) -> Iterator[str]:
        return (captions[i] for i in nearest()[record])

    def of_captions(records: list[int], negatives: Callable[[int], Iterable[str]]) -> Iterator[_Ranked]:
        for record in records:
            row = _candidates(captions[record], negatives(record), num_negatives)
            names = images.names_of(record) if len(row) > 1 else None
            if names is not None:
                yield _Ranked(names[0], row, row)

    def of_images() -> Iterator[_Ranked]:
        counts = _negative_images(dataset)
        for record in (i for i in order if counts[i]):
            names = images.names_of(record)
            row = [] if names is None else _candidates(names[0], names[1:], num_negatives)
            if names is not None and len(row) > 1:
                own = [captions[record], *texts["negative_image_captions"][record]]
                caption_of = dict(reversed(list(zip(names, own, strict=False))))  # they may have no captions
                yield _Ranked(captions[record], row, [caption_of.get(name, "") for name in row])

    present = {kind for kinds in texts["negative_caption_kinds"] for kind in kinds}
    rows = {"random": of_captions(corpus, random_captions), "retrieval": of_captions(corpus, similar_captions)}
    rows |= {kind: of_captions(order, partial(own_negatives, kind)) for kind in sorted(present)}
    if "image" in rows:
        rows["image_captions"] = rows.pop("image")  # what a redrawn diagram is captioned, beside the drawing's own
    rows["image"] = of_images()
    sets, edits = {}, {}
    for kind, found in rows.items():
        taken = list(islice(found, num_anchors))
        if len(taken) > 1:
            anchors, candidates, described = map(list, zip(*taken, strict=True))
            sets[f"{name}/{kind}"] = RetrievalSet(kind, anchors, candidates, of_images=kind == "image")
            if kind not in ("random", "retrieval"):
                edits[f"{name}/{kind}"] = [[_kind_of_words(own[0], text) for text in own[1:]] for own in described]
    if not sets:
        raise ValueError(
            f"{name} has no two records to rank: each needs a readable image and a caption, and a negative or other "
            "captions in the data that differ from its own."
        )
    return RetrievalData(images, sets, edits)


def _negative_images(dataset: Dataset) -> list[int]:
    """How many negative images each record has, none of which is decoded."""
    stored = dataset.select_columns(["negative_images"]).with_format("arrow")
    return [
        count or 0
        for batch in stored.iter(5_000)
        for count in pc.list_value_length(batch["negative_images"]).to_pylist()
    ]


def joined(parts: Sequence[RetrievalData]) -> RetrievalData:
    """The sets of several data sets together."""
    return RetrievalData(
        ChainMap(*(part.images for part in parts)),
        {name: each for part in parts for name, each in part.sets.items()},
        {name: each for part in parts for name, each in part.edits.items()},
    )


def blind_scores(data: RetrievalData, seed: int = 0) -> dict[str, np.ndarray]:
    """What is found without the anchor, by set: scores of shape `(A, 1 + K)` as `score_sets` gives them.

    See [`~dataset_builders.audit.without_anchor`]: captions by their text alone, images by their looks alone.
    """
    return {name: _blind(part, data.images, seed) for name, part in data.sets.items()}


def _blind(part: RetrievalSet, images: Mapping[str, Image.Image], seed: int) -> np.ndarray:
    if not part.of_images:
        return padded(without_anchor(None, part.candidates, seed))
    lengths = np.array([len(row) for row in part.candidates])
    # Row by row: all images of a set at once may not fit into memory.
    clues = [
        picture_clues([Picture.of_array(np.asarray(as_rgb(images[name]))) for name in row]) for row in part.candidates
    ]
    flat = candidate_scores(clues_of_pictures(clues), lengths, seed)
    return padded(np.split(flat, np.cumsum(lengths)[:-1]))
