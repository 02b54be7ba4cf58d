"""G-LLaVA's training data, Geo170K: 60 thousand descriptions for alignment, 117 thousand questions with solutions.

The published folder (Gao et al., 2023; `Luckyjhg/Geo170K` on the Hub, no licence stated):

    alignment.json   qa_tuning.json   images.zip (images/geo3k, images/geoqa_plus, images/test)

    {"image": "geo3k/train/74/img_diagram.png", "conversations": [{"from": "human", "value": "<image>\\nDescribe …"},
                                                                  {"from": "gpt", "value": "The diagram shows …"}]}
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from datasets import Dataset

from dataset_builders.instructions import from_llava, instructions_dataset
from dataset_builders.records import BadRecord
from dataset_builders.sources.published import (
    PublishedImages,
    converted,
    find_file,
    published,
    read_records,
    records_with,
)

HUB = "Luckyjhg/Geo170K"
SOURCE = "Geo170K (no licence stated)"


def gllava_alignment(path: str | Path = HUB) -> tuple[Dataset, list[BadRecord]]:
    """G-LLaVA's alignment data, `alignment.json`, as Instructions.

    Args:
        path: The published folder with `images.zip` or what is in it; the name of a data set of this layout on the
            Hub; or a folder of Parquet files with `image` and `conversations`, such as the configuration
            `geo170k(align)` of a mirror.

    Returns:
        A data set with the schema [`~dataset_builders.instructions.INSTRUCTIONS`], and the records left out.

    Raises:
        FileNotFoundError: if there is no such folder, file or zip of images.
        ValueError: if the file holds something else, or not one good record.
    """
    return llava_instructions(path, "alignment.json", SOURCE, ["images.zip"])


def gllava_instruction(path: str | Path = HUB) -> tuple[Dataset, list[BadRecord]]:
    """G-LLaVA's instruction data, `qa_tuning.json`, as Instructions; otherwise as [`gllava_alignment`]."""
    return llava_instructions(path, "qa_tuning.json", SOURCE, ["images.zip"])


def llava_instructions(
    path: str | Path, file: str, source: str, zips: list[str], parquet: str = "*.parquet"
) -> tuple[Dataset, list[BadRecord]]:
    """Instructions from a published folder in LLaVA's format: one JSON file, or Parquet with the images in it.

    Args:
        path: File, folder or name on the Hub.
        file: The JSON file's name, or a pattern.
        source: Of every record.
        zips: Patterns of the zip files with the images.
        parquet: Pattern of Parquet files, taken where there is no such JSON file.

    Raises:
        FileNotFoundError, ValueError: as [`gllava_alignment`].
    """
    place = published(path, [file, *zips])
    found = sorted(place.glob(parquet)) if place.is_dir() and not list(place.glob(file)) else []
    files = found or [find_file(place, [file], "has the conversations")]
    folder = place if place.is_dir() else place.parent
    embedded = files[0].suffix.lower() == ".parquet"
    images = None if embedded else PublishedImages(folder, zips)

    def make(record: dict[str, Any], index: int) -> dict[str, Any]:
        image = record.get("image")
        pictures = [] if image is None else [image if images is None else images.find(image)]
        return from_llava(record.get("conversations"), pictures, record.get("id"), source)

    return instructions_dataset(converted(_rows(files), str(path), make), str(path))


def _rows(files: list[Path]) -> Iterator[dict[str, Any] | BadRecord]:
    for number, file in enumerate(files):
        what = "a file of LLaVA's conversations"
        yield from read_records(file) if number else records_with(file, ["conversations"], what)
