"""Questions to compare, from whatever file holds them: benchmarks, Questions, Instructions, LLaVA's conversations.

A record's question is its first text of [`TEXT_FIELDS`], or what the user says in `messages` or `conversations`; its
figure is found by the name it gives; its facts are `facts`, logic forms, or the lines of a diagram `program`.
"""

import io
import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import datasets
from PIL import Image

from dataset_builders.records import BadRecord, Problem
from dataset_builders.sources.published import PublishedImages, read_records
from evaluation.contamination import Item
from evaluation.image_hash import image_hash
from evaluation.question_text import plain
from evaluation.row_files import read_rows

logger = logging.getLogger(__name__)

TEXT_FIELDS = ("question", "problem_text", "problem", "query", "text", "prompt", "caption")
IMAGE_FIELDS = ("image", "image_path", "images", "positive_image_path", "file_name")
FACT_FIELDS = ("facts", "diagram_logic_form", "diagram_logic_forms", "program")
ID_FIELDS = ("id", "pid", "question_id", "index", "ID", "doc_id")


class Read(NamedTuple):
    """The questions of one file, and how many records were left out or lack their figure."""

    items: list[Item]
    without_question: int
    without_figure: int


def read_items(path: str | Path, image_folder: str | Path | None = None) -> Read:
    """The questions of a file.

    Args:
        path: `.json`, `.jsonl`, `.csv`, `.tsv`, `.xlsx`, `.parquet`, or a folder of `Dataset.save_to_disk`.
        image_folder: Where figures that are named by a path are looked for; by default beside the file. A figure that
            is not there is counted, and its question compared by its text.

    Raises:
        ValueError: if there is no such file, it cannot be read, or none of its records has a question.
    """
    path = Path(path)
    figures = _Figures(path, image_folder)
    items, without_question, seen = [], 0, Counter()
    for key, row in _rows(path):
        text = question_of(row)
        if not text:
            without_question += 1
            continue
        name = _id(row, key)
        seen[name] += 1
        name = name if seen[name] == 1 else f"{name}-{seen[name]}"
        items.append(Item(name, text, figures.hash_of(row), _facts(row)))
    if not items:
        raise ValueError(
            f"{path} has no record with a question; one of {', '.join(TEXT_FIELDS)}, messages or conversations is "
            "needed."
        )
    return Read(items, without_question, figures.missing)


def question_of(row: Mapping[str, Any]) -> str:
    """What a record asks, without choices and marks for images; empty if it asks nothing."""
    for field, role, said in (("messages", "role", "content"), ("conversations", "from", "value")):
        turns = row.get(field)
        if isinstance(turns, list):
            asked = [_said(turn.get(said)) for turn in turns if turn.get(role) in ("user", "human")]
            return "\n".join(filter(None, map(plain, asked)))
    text = next((row[name] for name in TEXT_FIELDS if isinstance(row.get(name), str) and row[name].strip()), "")
    return plain(text)


def _said(content: Any) -> str:
    if isinstance(content, list):
        return "\n".join(part.get("text") or "" for part in content if isinstance(part, Mapping))
    return content if isinstance(content, str) else ""


def _rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each record, with what it is called if it has no id."""
    if path.is_dir():
        try:
            data = datasets.load_from_disk(str(path))
        except (FileNotFoundError, ValueError) as problem:
            raise ValueError(f"{path} is no folder of Dataset.save_to_disk ({problem}).") from None
        if isinstance(data, datasets.DatasetDict):
            raise ValueError(f"{path} holds the splits {', '.join(data)}; name the folder of one of them.")
        for index, row in enumerate(_undecoded(data)):
            yield str(index), row
    elif path.suffix.lower() == ".parquet" and path.is_file():
        for index, row in enumerate(read_records(path)):
            if not isinstance(row, BadRecord):
                yield str(index), row
    else:
        for index, row in enumerate(read_rows(path)):
            yield row.key or str(index), row.fields


def _undecoded(data: datasets.Dataset) -> datasets.Dataset:
    """With images as their bytes or path: one that cannot be opened must not end the reading."""
    for name, feature in data.features.items():
        if isinstance(feature, datasets.Image):
            data = data.cast_column(name, datasets.Image(decode=False))
        elif isinstance(feature, datasets.List) and isinstance(feature.feature, datasets.Image):
            data = data.cast_column(name, datasets.List(datasets.Image(decode=False)))
    return data


def _id(row: Mapping[str, Any], key: str) -> str:
    value = next((row[name] for name in ID_FIELDS if row.get(name) not in (None, "")), key)
    return str(value)


def _facts(row: Mapping[str, Any]) -> tuple[str, ...]:
    for name in FACT_FIELDS:
        value = row.get(name)
        facts = value.splitlines() if isinstance(value, str) else value if isinstance(value, list) else []
        if facts := [fact for fact in facts if isinstance(fact, str) and fact.strip()]:
            return tuple(facts)
    return ()


class _Figures:
    """Hashes of records' figures, looked for beside the file or in a folder; `missing` counts those not found."""

    def __init__(self, path: Path, folder: str | Path | None):
        self.missing = 0
        self._beside = path.parent
        self._found = None if folder is None else PublishedImages(Path(folder), ["*.zip"])

    def hash_of(self, row: Mapping[str, Any]) -> Any:
        value = next((row[name] for name in IMAGE_FIELDS if row.get(name)), None)
        value = value[0] if isinstance(value, list) and value else value
        if value is None:
            return None
        try:
            with Image.open(self._place(value)) as image:
                return image_hash(image)
        except Exception as problem:  # PIL's readers raise many types, and no picture may end the run
            self.missing += 1
            logger.debug("A figure cannot be read: %s", problem)
            return None

    def _place(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            if value.get("bytes"):
                return io.BytesIO(value["bytes"])
            value = value.get("path")
        name = str(value)
        if self._found is None:
            return name if Path(name).is_absolute() else self._beside / name
        try:
            return self._found.find(name)
        except Problem:
            # Files write where their authors kept them; the last folder and the name are what is common.
            return self._found.find("/".join(PurePosixPath(name).parts[-2:]))
