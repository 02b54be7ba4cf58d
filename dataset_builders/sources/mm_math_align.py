"""MM-Math-Align: 4,021 diagrams drawn by scripts, each with ten look-alikes and their captions, as hard negatives.

`THU-KEG/MM-Math-Align` on the Hub (Sun et al., 2025) is described in words only: the original diagram, the image that
a script draws of it, its caption, ten negative images and ten negative captions. Its column names, file layout and
licence are not stated, so columns are found by likely names, and may be named where that fails:

    mm_math_align("MM-Math-Align", columns={"image": "drawn", "negative_images": "wrong_drawings"})
"""

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset

from dataset_builders.records import BadRecord, Problem, hard_negatives_dataset
from dataset_builders.sources.published import PublishedImages, converted, published, read_records

logger = logging.getLogger(__name__)

HUB = "THU-KEG/MM-Math-Align"
SOURCE = "MM-Math-Align (no licence stated)"

FIELDS = ("id", "image", "caption", "negative_images", "negative_captions")
"""What columns are sought for; `image` and `caption` are needed, and one of the two kinds of negatives."""

# In order of preference; letters only, lower case. A list may also be spread over columns: negative_image_1 to _10.
_LIKELY = {
    "id": ("id", "index", "filename"),
    "image": (
        *("positiveimagepath", "positiveimage", "scriptimage", "codeimage", "generatedimage", "renderedimage"),
        *("pythonimage", "drawnimage", "imagepath", "image"),
    ),
    "caption": ("positivecaption", "caption", "imagecaption", "positiveimagecaption", "description", "conversations"),
    "negative_images": ("negativeimagepath", "negativeimages", "negativeimagepaths", "negativeimage", "negimages"),
    "negative_captions": ("negativecaptions", "negativecaption", "negativetexts", "negcaptions"),
}
_NEEDED = ("image", "caption")


def mm_math_align(path: str | Path = HUB, columns: Mapping[str, str] | None = None) -> tuple[Dataset, list[BadRecord]]:
    """MM-Math-Align as HardNegatives.

    Args:
        path: A JSON, JSON Lines or Parquet file or a folder with some; images are in it, beside it, or in zip files.
            Or the name of a data set on the Hub.
        columns: The names of columns, by those of [`FIELDS`], where they are not found by themselves. A list may be
            spread over numbered columns; then give what comes before the number.

    Returns:
        A data set with the schema [`~dataset_builders.records.HARD_NEGATIVES`], and the records left out. The negative
        captions are of kind `image`; where there are as many as negative images, they are the captions of these, in
        their order.

    Raises:
        FileNotFoundError: if there is no such file or folder.
        ValueError: if a column that is needed cannot be told; the message lists those that there are.
    """
    place = published(path)
    files = _files(place)
    record = next((row for row in read_records(files[0]) if isinstance(row, dict)), {})
    names = find_columns(record, columns or {}, str(files[0]))
    logger.info("%s: %s; left out: %s.", place, names, sorted(set(record) - set(sum(names.values(), ()))))
    images: list[PublishedImages] = []

    def picture(value: Any, field: str) -> Any:
        if not isinstance(value, str):
            return value
        if not images:  # only where images are named rather than embedded
            images.append(PublishedImages(place if place.is_dir() else place.parent, ["*.zip", "*/*.zip"]))
        return images[0].find(value, field)

    def make(record: dict[str, Any], index: int) -> dict[str, Any]:
        pictures = [picture(value, "negative_images") for value in _list(record, names.get("negative_images", ()))]
        captions = _list(record, names.get("negative_captions", ()))
        return {
            "id": record.get(names["id"][0]) if "id" in names else None,
            "image": picture(record.get(names["image"][0]), "image"),
            "caption": _caption(record.get(names["caption"][0])),
            "negative_captions": captions,
            "negative_caption_kinds": ["image"] * len(captions),
            "negative_images": pictures,
            "negative_image_captions": captions if len(captions) == len(pictures) else [],
            "source": SOURCE,
        }

    rows = (row for file in files for row in read_records(file))
    return hard_negatives_dataset(converted(rows, str(path), make), str(path))


def find_columns(record: Mapping[str, Any], columns: Mapping[str, str], origin: str) -> dict[str, tuple[str, ...]]:
    """The columns that hold each of [`FIELDS`], as far as they are found: several for a list that is spread.

    Raises:
        ValueError: if `columns` names what is not there, or a field that is needed is not found.
    """
    there = ", ".join(sorted(record))
    for field in columns:
        if field not in FIELDS:
            raise ValueError(f"`columns` has the key {field!r}; it must be one of {', '.join(FIELDS)}.")
    found: dict[str, tuple[str, ...]] = {}
    for field in FIELDS:
        is_list = field.startswith("negative")
        if field in columns:
            own = columns[field]
            found[field] = (own,) if own in record else _numbered(record, own) if is_list else ()
            if not found[field]:
                raise ValueError(f"{origin} has no column {own!r}, which `columns` names; it has {there}.")
            continue
        for likely in _LIKELY[field]:
            same = tuple(name for name in record if re.sub(r"[^a-z]", "", name.lower()) == likely)
            if same and (is_list or len(same) == 1):
                found[field] = _numbered(record, re.sub(r"\d+$", "", same[0])) or same[:1]
                break
    missing = [field for field in _NEEDED if field not in found]
    if not missing and not {"negative_images", "negative_captions"} & found.keys():
        missing = ["negative_images"]
    if missing:
        wanted = ", ".join(f'"{field}": "…"' for field in missing)
        raise ValueError(
            f"{origin}: cannot tell which column is {' and which '.join(missing)}; it has {there}. Name it: "
            f"columns={{{wanted}}}."
        )
    return found


def _numbered(record: Mapping[str, Any], stem: str) -> tuple[str, ...]:
    """Columns called by a stem and a number, in the order of their numbers."""
    numbers = {name: re.fullmatch(re.escape(stem) + r"_?(\d+)", name) for name in record}
    return tuple(sorted((name for name, match in numbers.items() if match), key=lambda name: int(numbers[name][1])))


def _list(record: Mapping[str, Any], names: Sequence[str]) -> list[Any]:
    values = [record.get(name) for name in names]
    if len(values) == 1 and isinstance(values[0], list | tuple):
        values = list(values[0])
    return [value for value in values if value is not None]


def _caption(value: Any) -> Any:
    """A text, or the answer of a conversation in the authors' training format."""
    if not isinstance(value, list):
        return value
    answers = [turn.get("value") for turn in value[1:] if isinstance(turn, Mapping)]
    if not answers or not isinstance(answers[0], str):
        raise Problem("conversations", "it has no second turn with a `value`, which is the caption.")
    return answers[0].replace("<image>", "").strip()


def _files(place: Path) -> list[Path]:
    if place.is_file():
        return [place]
    for pattern in ("*.parquet", "*.jsonl", "*.json"):
        if found := [file for file in sorted(place.rglob(pattern)) if file.name != "dataset_infos.json"]:
            return found
    raise FileNotFoundError(f"{place} has no .parquet, .jsonl or .json file with the records.")
