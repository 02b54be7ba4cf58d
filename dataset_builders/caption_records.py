"""HardNegatives records of captions that are there: negatives by rules, or retrieved among the captions themselves.

Each function makes record `number` from what a data set has at that place, for [`~dataset_builders.build.build`]; the
negatives that the data set has itself are left out.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset, Image
from PIL import Image as PILImage

from dataset_builders.build import TALLY
from dataset_builders.code_records import SOURCE, drawn, png, style_of
from dataset_builders.diagram.facts import facts_of
from dataset_builders.diagram.figure import DRAWN, solve
from dataset_builders.diagram.program import Program, parse
from dataset_builders.diagram.style import Style
from dataset_builders.negatives.image import Scene, tell_apart
from dataset_builders.negatives.rule import rule_negatives
from dataset_builders.negatives.verify import SEPARATOR
from dataset_builders.records import BadRecord

Draw = Callable[[str], dict[str, Any] | None]

_SCENES = 20_000  # solved figures kept, some kilobytes each


def undecoded(dataset: Dataset) -> Dataset:
    """The data set with its images as the files they are, so that they are copied and not encoded anew."""
    return dataset if dataset.format["type"] == "custom" else dataset.cast_column("image", Image(decode=False))


def stored_record(number: int, dataset: Dataset, num_negatives: int) -> dict[str, Any] | BadRecord:
    """The record as it is, negative captions included, with its image's bytes; for builders that make both."""
    row = dataset[number]
    short = len(row["negative_captions"]) < num_negatives
    made = _with_negatives(number, row, row["negative_captions"], "rule")
    if short and not isinstance(made, BadRecord):
        made[TALLY] = {"shortfall": ["the diagram's annotations allow no more certainly false edits"]}
    return made


def rule_record(
    number: int,
    dataset: Dataset,
    seed: int = 0,
    num_negatives: int = 10,
    num_edits: tuple[int, int] = (1, 4),
    exchangeable: bool = True,
) -> dict[str, Any] | BadRecord:
    """The record with edited captions ([`~dataset_builders.negatives.rule.rule_negatives`]) as its negatives.

    Where a caption has not enough to edit there are fewer, down to none, and the reason is counted as a shortfall.
    """
    row = dataset[number]
    own_seed = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
    found = rule_negatives(row["caption"], num_negatives, own_seed, num_edits, exchangeable)
    made = _with_negatives(number, row, found.captions, "rule")
    if isinstance(made, dict):
        made[TALLY] = {
            "edits": [edit.type for edits in found.edits for edit in edits],
            "shortfall": [found.shortfall] if found.shortfall else [],
        }
    return made


def retrieved_record(
    number: int,
    dataset: Dataset,
    texts: Dataset,
    neighbours: str,
    num_negatives: int,
    shortfall: str = "",
    draw: Draw | None = None,
) -> dict[str, Any] | BadRecord:
    """The record with the captions of other records as its negatives, and their programs where there are any.

    Args:
        number: Of the record, and its row.
        dataset: Records with captions.
        texts: Their columns `caption` and `program` alone, which are read faster.
        neighbours: File written by [`save_neighbours`].
        num_negatives: Wanted.
        shortfall: The reason that is counted where there are fewer.
        draw: Makes the image from the record's programs, where the data set has none stored; `None` leaves it empty.
    """
    if number >= len(dataset):
        return BadRecord(SOURCE, number, "program", "there are fewer different diagrams than records.")
    row = dataset[number]
    places = [int(place) for place in _neighbours(neighbours)[number] if place >= 0]
    others = texts[places] if places else {"caption": [], "program": []}
    programs = [text.split(SEPARATOR)[0] for text in (row["program"], *others["program"])]
    picture = draw(programs[0]) if draw is not None else None
    made = _with_negatives(number, row, others["caption"], "retrieval", picture, draw is None)
    if isinstance(made, dict):
        made["program"] = SEPARATOR.join(programs) if all(programs) else programs[0]
        made[TALLY] = {"shortfall": [shortfall] if len(places) < num_negatives else []}
    return made


def save_neighbours(rows: Sequence[Sequence[int]], num_negatives: int, path: Path) -> None:
    """Writes the positions of negatives, one row for each record, shorter rows filled with -1."""
    table = np.full((len(rows), num_negatives), -1, dtype=np.int32)
    for number, row in enumerate(rows):
        table[number, : len(row)] = row
    with path.open("wb") as file:
        np.save(file, table)


def states_the_same(dataset: Dataset) -> Callable[[int, int], bool]:
    """Whether two records of a data set with programs cannot be told apart by their captions, by their positions."""

    @lru_cache(_SCENES)
    def scene(position: int) -> Scene:
        program: Program = parse(dataset[position]["program"].split(SEPARATOR)[0])
        return Scene(program, solve(program, DRAWN), tuple(facts_of(program)))

    return lambda first, second: not tell_apart(scene(first), scene(second))


def picture_of(program: str, images: str, size: int, styles: bool, with_markings: bool) -> dict[str, Any] | None:
    """The picture of a program as [`~dataset_builders.code_records.code_record`] stores it."""
    if images == "programs":
        return None
    style = style_of(program) if styles else Style()
    return png(drawn(solve(parse(program), DRAWN), size, style, with_markings))


def _with_negatives(
    number: int,
    row: dict[str, Any],
    negatives: Sequence[str],
    kind: str,
    picture: dict[str, Any] | None = None,
    stored: bool = True,
) -> dict[str, Any] | BadRecord:
    if stored:
        picture = _file(row["image"])
        if isinstance(picture, str):
            return BadRecord(row["source"] or "the data", number, "image", picture)
    return {
        "id": row["id"],
        "image": picture,
        "caption": row["caption"],
        "negative_captions": list(negatives),
        "negative_caption_kinds": [kind] * len(negatives),
        "negative_images": [],
        "negative_image_captions": [],
        "program": row["program"].split(SEPARATOR)[0],
        "source": row["source"],
    }


def _file(image: Any) -> dict[str, Any] | str:
    """The image as bytes, or what is wrong with it."""
    if isinstance(image, PILImage.Image):
        return png(np.asarray(image.convert("L")))
    if image.get("bytes"):
        return {"bytes": image["bytes"], "path": None}
    try:
        return {"bytes": Path(image["path"]).read_bytes(), "path": None}
    except OSError as error:
        return f"its file cannot be read ({error.strerror}); it was there when the data was loaded."


@lru_cache(1)
def _neighbours(path: str) -> np.ndarray:
    return np.load(path, mmap_mode="r")
