"""Files of rows, whoever wrote them: JSON (a list, or an object by id), JSON Lines, TSV, CSV, Excel, parquet.

Questions and responses are both read with this, so that what is wrong with a file is said in the same words.
"""

import csv
import importlib.util
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow
import pyarrow.parquet

_ROW_LISTS = ("results", "logs", "samples", "data", "outputs")  # where a file says more than its rows


class Row(NamedTuple):
    """One entry of a file.

    Attributes:
        place (`str`): for messages: `line 3`, `entry 2`, `key '17'`.
        key (`str`, *optional*): under which it stands, if the file is an object of entries.
        fields (`dict`): its content; a plain text under a key is a `response`.
    """

    place: str
    key: str | None
    fields: Mapping[str, Any]


def read_rows(path: str | Path) -> list[Row]:
    """The entries of a file, in its order.

    Raises:
        ValueError: if there is no such file, it has no entries, or it is not what its name says, with the line where
            it ends to be so.
    """
    path = Path(path)
    reader = READERS.get(path.suffix.lower())
    if not path.is_file():
        raise ValueError(f"There is no file {path}.")
    if reader is None:
        raise ValueError(f"{path} is none of {', '.join(READERS)}, which are read.")
    try:
        rows = list(reader(path))
    except UnicodeDecodeError as problem:
        raise ValueError(f"{path} is not UTF-8 text (byte {problem.start}).") from None
    if not rows:
        raise ValueError(f"{path} has no entries.")
    return rows


def _json_rows(path: Path) -> Iterator[Row]:
    text = path.read_text(encoding="utf-8-sig")
    try:
        content = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as problem:
        # Some write a line for each response and call it .json.
        if getattr(problem, "msg", "") == "Extra data" and text.lstrip()[:1] == "{":
            yield from _jsonl_rows(path)
            return
        raise ValueError(f"{path} is not JSON: {problem}.") from None
    if isinstance(content, dict):
        inner = next((content[name] for name in _ROW_LISTS if isinstance(content.get(name), list)), None)
        content = content if inner is None else inner
    if isinstance(content, dict):
        for key, entry in content.items():
            fields = {"response": entry} if isinstance(entry, str) else entry
            yield _row(path, f"key {key!r}", key, fields)
    elif isinstance(content, list):
        for number, entry in enumerate(content):
            yield _row(path, f"entry {number}", None, entry)
    else:
        raise ValueError(f"{path} holds a {type(content).__name__}; it should be a list, or an object by id.")


def _jsonl_rows(path: Path) -> Iterator[Row]:
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").split("\n"), start=1):
        if line.strip():
            try:
                entry = json.loads(line)
            except (json.JSONDecodeError, RecursionError) as problem:
                said = getattr(problem, "msg", str(problem))
                raise ValueError(f"{path}, line {number} is not JSON ({said}): {line.strip()[:60]!r}.") from None
            yield _row(path, f"line {number}", None, entry)


def _table_rows(path: Path) -> Iterator[Row]:
    csv.field_size_limit(2**31 - 1)  # VLMEvalKit's tables may hold images
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
        try:
            for fields in reader:
                if None in fields or None in fields.values():
                    count = len(reader.fieldnames)
                    raise ValueError(f"{path}, line {reader.line_num} has not the {count} columns of the first line.")
                yield _row(path, f"line {reader.line_num}", None, fields)
        except csv.Error as problem:
            raise ValueError(f"{path}, line {reader.line_num}: {problem}.") from None


def _excel_rows(path: Path) -> Iterator[Row]:
    if importlib.util.find_spec("openpyxl") is None:
        raise ValueError(f"{path} needs openpyxl to be read: pip install openpyxl, or save it as .tsv.")
    import openpyxl

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception as problem:  # openpyxl lets through whatever zip and XML readers raise
        raise ValueError(f"{path} is not an Excel file: {problem}.") from None
    lines = book.active.iter_rows(values_only=True)
    names = next(lines, ())
    for number, values in enumerate(lines, start=2):
        # To Excel all numbers are floats, ids too.
        whole = (int(value) if isinstance(value, float) and value.is_integer() else value for value in values)
        fields = {str(name): value for name, value in zip(names, whole, strict=False) if name is not None}
        if any(value is not None for value in fields.values()):
            yield _row(path, f"row {number}", None, fields)
    book.close()


def _parquet_rows(path: Path) -> Iterator[Row]:
    try:
        file = pyarrow.parquet.ParquetFile(path)
    except (pyarrow.ArrowInvalid, OSError) as problem:
        raise ValueError(f"{path} is not a parquet file: {problem}.") from None
    texts = [field.name for field in file.schema_arrow if "binary" not in str(field.type)]  # the others are images
    for number, fields in enumerate(file.read(columns=texts).to_pylist()):
        yield _row(path, f"row {number}", None, fields)


def _row(path: Path, place: str, key: str | None, fields: Any) -> Row:
    if not isinstance(fields, dict):
        raise ValueError(f"{path}, {place} is no object of fields: {str(fields)[:60]!r}.")
    return Row(place, key, fields)


READERS: dict[str, Callable[[Path], Iterator[Row]]] = {
    ".json": _json_rows,
    ".jsonl": _jsonl_rows,
    ".tsv": _table_rows,
    ".csv": _table_rows,
    ".xlsx": _excel_rows,
    ".parquet": _parquet_rows,
}
