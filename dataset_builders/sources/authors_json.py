"""Hard negatives from files: the two JSON formats of the MMGeoLM release, and records that use our own field names.

The release pairs a diagram with captions or with diagrams that are almost right (paper, section 3; repository
THU-KEG/MMGeoLM), each as a JSON list; JSON Lines with the same records are read as well:

    {"positive_image_path": "1.png", "negative_captions": ["AB ⟂ CD."],
     "conversations": [{"from": "human", "value": "<image>\\nDescribe."}, {"from": "gpt", "value": "AB ∥ CD."}]}
    {"positive_image_path": "1.png", "negative_image_path": ["1_1.png", "1_2.png"], "conversations": [...]}
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from datasets import Dataset, DatasetDict, load_from_disk

from dataset_builders.records import KINDS, BadRecord, as_hard_negatives, hard_negatives_dataset, misspelt
from dataset_builders.sources.published import json_lines, read_json

_FORMATS = (
    "the release's `positive_image_path` and `conversations` with `negative_captions` or `negative_image_path`, "
    "or our own `image` and `caption`"
)

_RELEASE = (
    "id", "positive_image_path", "conversations", "negative_captions", "negative_caption_kinds", "negative_image_path",
    "negative_image_captions", "source",
)  # fmt: skip


def load_hard_negatives(path: str | Path, image_folder: str | Path | None = None, kind: str = "rule") -> Dataset:
    """Reads hard negatives from a JSON, JSON Lines or Parquet file, or a folder written by `Dataset.save_to_disk`.

    Args:
        path: The file or folder.
        image_folder: What image paths are relative to; defaults to the folder of the JSON file. Only for JSON.
        kind: The kind given to negative captions that come without one, one of [`KINDS`].

    Returns:
        A data set with the schema [`HARD_NEGATIVES`]. Images named by a path stay paths and are decoded when read.
        Records without any negative are fine. Bad records are left out, named in the log and counted.

    Raises:
        FileNotFoundError: if there is nothing at `path`.
        ValueError: if the file cannot be read as what it claims to be, has records of an unknown format, or has not
            a single good record.
    """
    path = Path(path)
    if kind not in KINDS:
        raise ValueError(f"`kind` is {kind!r}; it must be one of {KINDS}.")
    if not path.exists():
        raise FileNotFoundError(f"There is no file or folder {path} to read hard negatives from.")
    if path.is_dir():
        return as_hard_negatives(_from_disk(path), str(path), kind)[0]
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return as_hard_negatives(_from_parquet(path), str(path), kind)[0]
    if suffix not in (".json", ".jsonl"):
        raise ValueError(f"{path} ends in {path.suffix!r}; a .json, .jsonl or .parquet file is needed, or a folder.")
    base = Path(image_folder) if image_folder is not None else path.parent
    read = json_lines if suffix == ".jsonl" else _json_list
    return hard_negatives_dataset(_converted(read(path), path, base, kind), str(path))[0]


def _from_disk(path: Path) -> Dataset:
    try:
        dataset = load_from_disk(path)
    except FileNotFoundError:
        raise ValueError(
            f"{path} is a folder that `Dataset.save_to_disk` did not write; name such a folder, or the JSON or "
            "Parquet file itself."
        ) from None
    if isinstance(dataset, DatasetDict):
        raise ValueError(f"{path} holds the splits {sorted(dataset)}; name the folder of one, as {path / 'train'}.")
    return dataset


def _from_parquet(path: Path) -> Dataset:
    try:
        return Dataset.from_parquet(str(path))
    except Exception as error:  # pyarrow's and the builder's own exceptions share no base class
        raise ValueError(f"{path} cannot be read as Parquet ({error.__cause__ or error}); write it again.") from None


def _json_list(path: Path) -> Iterator[Any]:
    records = read_json(path)
    if not isinstance(records, list):
        raise ValueError(f"{path} holds a {type(records).__name__} at its top; a list of records is needed.")
    yield from records


def _converted(records: Iterator[Any], path: Path, base: Path, kind: str) -> Iterator[dict[str, Any] | BadRecord]:
    known = False  # a file whose first record has an unknown format is another kind of file: one error, not a million
    for index, record in enumerate(records):
        if not isinstance(record, dict):
            yield record  # named as bad by the record check, or already a BadRecord
        elif "positive_image_path" in record:
            known = True
            yield _from_release(record, index, path, base, kind)
        elif {"image", "caption"} & record.keys():
            known = True
            yield _from_own_names(record, base, kind)
        else:
            problem = f"its keys {sorted(record)} are of no known format; known are {_FORMATS}."
            if not known:
                raise ValueError(f"{path}, record {index}: {problem}")
            yield BadRecord(str(path), index, "record", problem)


def _from_release(record: dict[str, Any], index: int, path: Path, base: Path, kind: str) -> dict[str, Any] | BadRecord:
    for name in record:
        if wanted := misspelt(name, record, _RELEASE):
            return BadRecord(str(path), index, name, f"no such field; did you mean `{wanted}`?")
    turns = record.get("conversations")
    turns = [turn for turn in turns if isinstance(turn, dict)] if isinstance(turns, list) else []
    replies = [turn.get("value") for turn in turns if turn.get("from") == "gpt"]
    if not replies and len(turns) == 2:  # the release's code takes the second turn, whatever its role is called
        replies = [turns[1].get("value")]
    if len(replies) != 1:
        problem = f"{len(replies)} turns are from 'gpt'; exactly one is needed, which is the caption."
        return BadRecord(str(path), index, "conversations", problem)
    negatives = record.get("negative_captions") or []
    images = record.get("negative_image_path") or []
    return {
        "id": record.get("id"),
        "image": _resolved(record["positive_image_path"], base),
        "caption": replies[0].replace("<image>", "").strip() if isinstance(replies[0], str) else replies[0],
        "negative_captions": negatives,
        "negative_caption_kinds": record.get("negative_caption_kinds")
        or ([kind] * len(negatives) if isinstance(negatives, list) else []),
        "negative_images": [_resolved(image, base) for image in images] if isinstance(images, list) else images,
        "negative_image_captions": record.get("negative_image_captions"),
        "source": record.get("source") or path.name,
    }


def _from_own_names(record: dict[str, Any], base: Path, kind: str) -> dict[str, Any]:
    record = dict(record)
    record["image"] = _resolved(record.get("image"), base)
    if isinstance(record.get("negative_images"), list):
        record["negative_images"] = [_resolved(image, base) for image in record["negative_images"]]
    if record.get("negative_caption_kinds") is None and isinstance(record.get("negative_captions"), list):
        record["negative_caption_kinds"] = [kind] * len(record["negative_captions"])
    return record


def _resolved(image: Any, base: Path) -> Any:
    return str(base / image) if isinstance(image, str) and image else image
