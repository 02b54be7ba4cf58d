"""Exam problems from files: MM-Math's JSON Lines with its folder of images, or any columns of any usual format."""

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets import Dataset, DatasetDict, load_from_disk

from dataset_builders.records import BadRecord, report_bad_records

_KINDS = (".json", ".jsonl", ".csv", ".parquet")


@dataclass(frozen=True)
class Columns:
    """What is read from where. `solution`, `image` and `id` may be empty: then there is none, and ids are numbers."""

    question: str = "question"
    solution: str = "solution"
    image: str = ""
    id: str = ""


@dataclass(frozen=True)
class Problem:
    """A problem; `number` counts from 0, `image` is the path of its own figure, or empty."""

    number: int
    id: str
    question: str
    solution: str = ""
    image: str = ""


def load_problems(
    path: str | Path, columns: Columns | None = None, image_folder: str | Path | None = None
) -> tuple[list[Problem], list[BadRecord]]:
    """Reads problems from a JSON, JSON Lines, CSV or Parquet file, or a folder written by `Dataset.save_to_disk`.

    Args:
        path: The file or folder.
        columns: Their names.
        image_folder: What image paths are relative to; by default the file's folder.

    Returns:
        The problems that can be used, numbered anew, and those that cannot.

    Raises:
        FileNotFoundError: if there is nothing at `path`.
        ValueError: if it cannot be read, lacks a column, or has not one problem that can be used.
    """
    path, columns = Path(path), columns or Columns()
    if not path.exists():
        raise FileNotFoundError(f"There is no file or folder {path} to read problems from.")
    base = Path(image_folder) if image_folder else path.parent
    problems: list[Problem] = []
    bad: list[BadRecord] = []
    count = 0
    for index, row in enumerate(_rows(path)):
        count += 1
        if not isinstance(row, Mapping):
            bad.append(BadRecord(str(path), index, "record", "it is no object with named fields."))
            continue
        if index == 0:
            _check_columns(path, columns, row)
        made = _problem(row, len(problems), index, columns, base, str(path))
        (bad if isinstance(made, BadRecord) else problems).append(made)
    if not count:
        raise ValueError(f"{path} has no records.")
    report_bad_records(bad, count, str(path))
    return problems, bad


def _check_columns(path: Path, columns: Columns, row: Mapping[str, Any]) -> None:
    for option in ("question", "solution", "image", "id"):
        name = getattr(columns, option)
        if name and name not in row:
            without = "" if option == "question" else f", or pass an empty --{option}_column to go without"
            raise ValueError(
                f"{path} has no column {name!r}; name the one by --{option}_column{without}. It has {sorted(row)}."
            )


def _problem(
    row: Mapping[str, Any], number: int, index: int, columns: Columns, base: Path, origin: str
) -> Problem | BadRecord:
    texts = {}
    for option in ("question", "solution"):
        name = getattr(columns, option)
        value = row.get(name) if name else ""
        if not isinstance(value, str) or (option == "question" and not value.strip()):
            return BadRecord(origin, index, name, f"it is {str(value)[:40]!r}; it must be a text.")
        try:
            value.encode()
        except UnicodeEncodeError:
            return BadRecord(origin, index, name, "it has half of a surrogate pair; write it again.")
        texts[option] = value
    image = ""
    if columns.image and row.get(columns.image):
        image = str(base / str(row[columns.image]))
        if not Path(image).is_file():
            return BadRecord(origin, index, columns.image, f"there is no file {image}; name its folder.")
    own = str(row.get(columns.id)) if columns.id else str(index)
    return Problem(number, own, texts["question"], texts["solution"], image)


def _rows(path: Path) -> Iterator[Any]:
    if path.is_dir():
        try:
            dataset = load_from_disk(path)
        except FileNotFoundError:
            raise ValueError(f"{path} is a folder that `Dataset.save_to_disk` did not write; name the file.") from None
        if isinstance(dataset, DatasetDict):
            raise ValueError(f"{path} holds the splits {sorted(dataset)}; name the folder of one.")
        return iter(dataset)
    kind = path.suffix.lower()
    if kind not in _KINDS:
        raise ValueError(f"{path} ends in {path.suffix!r}; a file of {', '.join(_KINDS)} is needed, or a folder.")
    try:
        if kind == ".parquet":
            return iter(Dataset.from_parquet(str(path)))
        text = path.read_text(encoding="utf-8-sig")
        if kind == ".csv":
            return csv.DictReader(text.splitlines(keepends=True), strict=True)
        if kind == ".jsonl":
            return iter([json.loads(line) for line in text.split("\n") if line.strip()])
        records = json.loads(text)
    except Exception as error:  # pyarrow's and the builders' own exceptions share no base class
        raise ValueError(
            f"{path} cannot be read as {kind[1:]} ({error.__cause__ or error}); write it again."
        ) from None
    if not isinstance(records, list):
        raise ValueError(f"{path} holds a {type(records).__name__} at its top; a list of problems is needed.")
    return iter(records)
