"""HardNegatives records of generated diagrams, and their pictures: stored, or drawn when they are looked at.

    code_record(7, seed=0, num_negatives=10)                  # record 7 of seed 0, negative images as PNG
    code_record(7, seed=0, num_negatives=10, kind="rule")     # negative captions instead
    load_built("negatives")[7]["image"]                       # of a set without pixels, drawn from its programs

The column `program` has the program of the positive, then those of its negatives, with a line `---` between
([`~dataset_builders.negatives.verify.join_programs`]).
"""

import hashlib
import io
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset, load_from_disk
from PIL import Image

from dataset_builders.build import BUILD, TALLY, report
from dataset_builders.diagram.caption import caption
from dataset_builders.diagram.figure import DRAWN, Figure, solve
from dataset_builders.diagram.render import render
from dataset_builders.diagram.style import Style, sample_style
from dataset_builders.negatives.image import EXAM_DIAGRAMS, Scene, centred_group, exchangeable_group
from dataset_builders.negatives.verify import SEPARATOR, join_programs, split_programs
from dataset_builders.records import BadRecord

SOURCE = "generated diagrams"
GROUPS = {"exchangeable": exchangeable_group, "centred": centred_group}
PICTURES = ("embed", "programs")
KINDS = ("image", "rule")
DIFFICULTIES = (1, 8)

# Where numbers and marks are not drawn, only these edits can be seen.
_UNMARKED = EXAM_DIAGRAMS._replace(edits=("shape", "relation", "swap"))
_TRIES = 20
_RLE = 3  # zlib's strategy: on line drawings faster than all others, and smaller files (bench/build_rate.py)


def code_record(
    number: int,
    seed: int = 0,
    num_negatives: int = 10,
    kind: str = "image",
    candidates: str = "exchangeable",
    difficulty: int = 3,
    num_edits: tuple[int, int] = (1, 1),
    images: str = "embed",
    size: int = 336,
    styles: bool = False,
    with_markings: bool = True,
) -> dict[str, Any] | BadRecord:
    """Record `number` of a seed: a random diagram with its caption, and look-alikes verified false of it.

    Args:
        number: Of the record; with the seed it decides everything.
        seed: Of the data set.
        num_negatives: Exactly so many, 0 or more.
        kind: `image` (negative images with their captions) or `rule` (negative captions: those of edited programs).
        candidates: `exchangeable` (the positive is a random one of a group of look-alikes) or `centred` (all negatives
            are edits of the positive, which can then be told as the one that all others are like).
        difficulty: About how many facts a caption states, 1 to 8.
        num_edits: Least and most edits of the program in one negative (for `exchangeable`, of a hidden base).
        images: `embed` stores PNG files, `programs` no pixels; see [`load_built`].
        size, styles, with_markings: See [`drawn`]. A record's pictures share one style.

    Returns:
        A record for [`~dataset_builders.build.build`], or a `BadRecord` where no diagram has so many look-alikes.
    """
    rng = np.random.default_rng([seed, KINDS.index(kind), number])
    show = partial(drawn, size=size, with_markings=with_markings)
    diagrams = EXAM_DIAGRAMS if with_markings else _UNMARKED
    shown = kind == "image" and (images == "embed" or not with_markings)
    for _ in range(_TRIES):
        try:
            group = GROUPS[candidates](1 + num_negatives, rng, difficulty, diagrams, num_edits)
        except ValueError as error:
            return BadRecord(SOURCE, number, "negative_images" if kind == "image" else "negative_captions", str(error))
        if candidates == "exchangeable":
            # Edits that come easily are found early; the first place must not tell.
            group = [group[i] for i in rng.permutation(len(group))]
        style = style_of(str(group[0].program)) if styles else Style()
        pixels = [show(scene.figure, style=style) for scene in group] if shown else []
        if len({picture.tobytes() for picture in pixels}) == len(pixels):
            break
    else:
        return BadRecord(SOURCE, number, "negative_images", "look-alikes look the same without markings.")
    if not pixels and images == "embed":
        pixels = [show(group[0].figure, style=style)]
    return _record(number, seed, group, int(rng.integers(2**31)), kind, pixels if images == "embed" else [])


def _record(
    number: int, seed: int, group: list[Scene], wording: int, kind: str, pixels: list[np.ndarray]
) -> dict[str, Any]:
    # One wording for the whole group: captions differ where the figures do, nowhere else.
    captions = [caption(scene.program, wording) for scene in group]
    negatives = captions[1:]
    pictures = [png(picture) for picture in pixels] or [None] * len(group)
    by_image = kind == "image"
    return {
        "id": f"{kind}-{seed}-{number}",
        "image": pictures[0],
        "caption": captions[0],
        "negative_captions": [] if by_image else negatives,
        "negative_caption_kinds": [] if by_image else ["rule"] * len(negatives),
        "negative_images": pictures[1:] if by_image else [],
        "negative_image_captions": negatives if by_image else [],
        "program": join_programs([scene.program for scene in group]),
        "source": SOURCE,
        TALLY: {"edits": [scene.edit for scene in group[1:]]},
    }


def drawn(figure: Figure, size: int = 336, style: Style | None = None, with_markings: bool = True) -> np.ndarray:
    """A figure as a grey image of shape `(size, size)`, uint8; without markings it has letters only."""
    return render(figure, size, None, with_markings, style=style or Style())


def style_of(program: str) -> Style:
    """The random style of a record's diagrams, from the program of its positive: the same whenever they are drawn."""
    digest = hashlib.sha256(program.encode()).digest()
    return sample_style(np.random.default_rng(int.from_bytes(digest[:8], "big")))


def png(image: np.ndarray) -> dict[str, Any]:
    """A grey image as `datasets` stores it: `{"bytes", "path"}`, a PNG file without a name."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG", compress_level=1, compress_type=_RLE)
    return {"bytes": file.getvalue(), "path": None}


def load_built(folder: str | Path) -> Dataset:
    """Loads what `mmgeolm negatives` has written; a data set without pixels is drawn record by record when read.

    `load_from_disk` loads either, too, but where only programs are stored, all its images are `None`. The drawn view
    trains as it is (`MMCLIPTrainer(train_dataset=load_built(...))`), has every column of the schema, and is pickled to
    data loader workers; what reads the stored table itself, such as `as_hard_negatives`, does not see the pictures.

    Raises:
        ValueError: if the folder is not a finished data set that `mmgeolm negatives` has written.
    """
    options = report(folder).options
    dataset = load_from_disk(folder)
    if options.get("images") != "programs":
        return dataset
    return render_records(dataset, options["size"], options["styles"], options["with_markings"])


def is_built(folder: str | Path) -> bool:
    """Whether a folder was written by `mmgeolm negatives`, so that [`load_built`] reads it."""
    return (Path(folder) / BUILD).is_file()


def render_records(dataset: Dataset, size: int = 336, styles: bool = False, with_markings: bool = True) -> Dataset:
    """A view of a data set without pixels (`--images programs`): `image` and `negative_images` are drawn when read.

    The pictures are pixel for pixel those that `--images embed` stores with the same arguments. Columns can be left
    out (`select_columns`) as long as `program` stays; without it there is nothing to draw from.
    """
    return dataset.with_transform(partial(_draw_batch, size=size, styles=styles, with_markings=with_markings))


def _draw_batch(batch: Mapping[str, list], size: int, styles: bool, with_markings: bool) -> dict[str, list]:
    columns = dict(batch)
    if "program" not in columns:
        return columns
    for row, text in enumerate(columns["program"]):
        programs = text.split(SEPARATOR)
        style = style_of(programs[0]) if styles else Style()
        show = partial(_picture, size=size, style=style, with_markings=with_markings)
        if "image" in columns:
            columns["image"][row] = show(programs[0])
        if "negative_images" in columns:
            count = len(columns["negative_images"][row])
            columns["negative_images"][row] = [show(program) for program in programs[len(programs) - count :]]
    return columns


def _picture(program: str, size: int, style: Style, with_markings: bool) -> Image.Image:
    (parsed,) = split_programs(program)
    return Image.fromarray(drawn(solve(parsed, DRAWN), size, style, with_markings))
