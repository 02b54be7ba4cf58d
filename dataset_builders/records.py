"""The HardNegatives record: one diagram, its caption, and any number of captions and diagrams that are almost right.

Every builder of this package ends in a `datasets.Dataset` with the schema [`HARD_NEGATIVES`], and everything that
learns from one may rely on it, because records are checked once, here, on the way in:

    {"id": "7", "image": "figures/7.png", "caption": "AB ∥ CD, AB = 6.",
     "negative_captions": ["AB ⟂ CD, AB = 6."], "negative_caption_kinds": ["rule"],
     "negative_images": [], "negative_image_captions": [], "program": "", "source": "my figures"}
"""

import difflib
import io
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow.compute as pc
from datasets import Dataset, Features, Image, List, Value, concatenate_datasets
from PIL import Image as PILImage

logger = logging.getLogger(__name__)

KINDS = ("random", "retrieval", "rule", "image")
"""The kinds of negative: another record's caption, a similar caption, an edited one, one of a redrawn diagram."""

HARD_NEGATIVES = Features(
    {
        "id": Value("string"),
        "image": Image(),
        "caption": Value("string"),
        "negative_captions": List(Value("string")),
        "negative_caption_kinds": List(Value("string")),
        "negative_images": List(Image()),
        "negative_image_captions": List(Value("string")),
        "program": Value("string"),
        "source": Value("string"),
    }
)
"""The schema. `negative_caption_kinds` runs parallel to `negative_captions`; `negative_image_captions` runs parallel
to `negative_images` or is empty; `program` is the diagram program and may be empty."""

REQUIRED = ("image", "caption")
_TEXTS = ("id", "caption", "program", "source")
_TEXT_LISTS = ("negative_captions", "negative_caption_kinds", "negative_image_captions")
_CHUNK = 5_000  # records per Arrow table: bounds the Python objects alive at once
_LOGGED = 10  # bad records that get a log line each; the rest are in the returned list and in the total


@dataclass(frozen=True)
class BadRecord:
    """A record that was left out: where it stands (`origin`, `index` from 0, `field`) and what to do about it."""

    origin: str
    index: int
    field: str
    problem: str

    def __str__(self) -> str:
        return f"{self.origin}, record {self.index}, field `{self.field}`: {self.problem}"


class Problem(Exception):
    """Raised by the check of one record: what is wrong with which field. It becomes a [`BadRecord`]."""

    def __init__(self, field: str, problem: str):
        super().__init__(field, problem)
        self.field, self.problem = field, problem


def hard_negatives_dataset(
    records: Iterable[Mapping[str, Any] | BadRecord], origin: str
) -> tuple[Dataset, list[BadRecord]]:
    """Checks records and makes a HardNegatives data set of the good ones.

    Args:
        records: Mappings with the fields of [`HARD_NEGATIVES`]. `image` and `caption` are required; what else is
            missing becomes empty (`id` becomes the record's index). An image is a path, a `PIL.Image.Image`, the
            encoded bytes, or `{"path": ..., "bytes": ...}`; a path stays a path and is decoded only when read.
            A reader that cannot make a record of something passes a [`BadRecord`] in its place.
        origin: The file or other place the records come from, named in messages.

    Returns:
        The data set, in the records' order, and the records that were left out. Only the header of an image is read,
        so a truncated file may still fail when it is decoded.

    Raises:
        ValueError: if there are records and every one of them is bad.
    """
    return checked_dataset(records, origin, HARD_NEGATIVES, _checked)


def checked_dataset(
    records: Iterable[Mapping[str, Any] | BadRecord],
    origin: str,
    features: Features,
    check: Callable[[Mapping[str, Any], int, set[str]], dict[str, Any]],
) -> tuple[Dataset, list[BadRecord]]:
    """The good ones of some records as a data set, and the bad ones; the machinery of every schema's check.

    Args:
        records: As for [`hard_negatives_dataset`].
        origin: Named in messages.
        features: The schema.
        check: Called with record, index and the paths of images seen so far (see [`checked_image`]); returns a row
            with all columns of `features`, or raises [`Problem`].

    Raises:
        ValueError: if there are records and every one of them is bad.
    """
    bad: list[BadRecord] = []
    seen_paths: set[str] = set()
    tables, rows, count = [], [], 0
    for index, record in enumerate(records):
        count += 1
        if isinstance(record, BadRecord):
            bad.append(record)
            continue
        try:
            rows.append(check(record, index, seen_paths))
        except Problem as error:
            bad.append(BadRecord(origin, index, error.field, error.problem))
        if len(rows) == _CHUNK:
            tables.append(_to_dataset(rows, features))
            rows = []
    if rows or not tables:
        tables.append(_to_dataset(rows, features))
    report_bad_records(bad, count, origin)
    return (concatenate_datasets(tables) if len(tables) > 1 else tables[0]), bad


def as_hard_negatives(dataset: Dataset, origin: str, kind: str = "rule") -> tuple[Dataset, list[BadRecord]]:
    """Brings a `Dataset` from elsewhere to the schema: adds empty optional columns, drops unknown ones and bad rows.

    Integer ids become text, columns without a single value become empty, negative captions without kinds are of the
    given `kind`. Texts and lengths of every row are checked; images are not opened, since they may be a million
    encoded files.

    Raises:
        ValueError: as [`check_columns`]; and if there are rows and every one of them is bad.
    """
    dataset = dataset.remove_columns([name for name, feature in dataset.features.items() if _is_null(feature)])
    if isinstance(dataset.features.get("id"), Value) and dataset.features["id"].dtype.startswith(("int", "uint")):
        dataset = dataset.cast_column("id", Value("string"))
    check_columns(dataset, origin)
    if "negative_captions" in dataset.column_names and "negative_caption_kinds" not in dataset.column_names:
        lengths = [
            length or 0
            for batch in dataset.select_columns(["negative_captions"]).with_format("arrow").iter(_CHUNK)
            for length in pc.list_value_length(batch["negative_captions"]).to_pylist()
        ]
        dataset = dataset.add_column("negative_caption_kinds", [[kind] * length for length in lengths])
    unknown = [name for name in dataset.column_names if name not in HARD_NEGATIVES]
    if unknown:
        logger.warning("%s: left out the columns %s, which no hard-negatives record has.", origin, unknown)
    for name in HARD_NEGATIVES:
        if name not in dataset.column_names:
            dataset = dataset.add_column(name, _empty_column(name, len(dataset)))
    dataset = dataset.select_columns(list(HARD_NEGATIVES)).cast(HARD_NEGATIVES)
    bad, good = [], []
    for index, row in enumerate(_rows_without_images(dataset)):
        try:
            if row["image"] is None:
                raise Problem("image", "it is missing; give every record its diagram.")
            _check_texts(row)
            _check_lengths(row)
            good.append(index)
        except Problem as error:
            bad.append(BadRecord(origin, index, error.field, error.problem))
    report_bad_records(bad, len(dataset), origin)
    return (dataset.select(good) if bad else dataset), bad


def check_columns(dataset: Dataset, origin: str) -> None:
    """Checks that a data set can serve as HardNegatives, by its columns only.

    Raises:
        ValueError: if `image` or `caption` is missing, if a column looks like a misspelt one (the nearest known name
            is suggested), or if a column's type cannot hold what the schema wants.
    """
    names = dataset.column_names
    for name in names:
        wanted = misspelt(name, names)
        if wanted:
            raise ValueError(f"{origin}: unknown column `{name}`; did you mean `{wanted}`? Rename it.")
    for name in REQUIRED:
        if name not in names:
            nearest = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
            hint = f" Rename `{nearest[0]}`, if that is it." if nearest else ""
            raise ValueError(
                f"{origin}: the column `{name}` is missing; a hard-negatives data set needs `image` and `caption`, "
                f"and this one has {sorted(names)}.{hint}"
            )
    for name, feature in dataset.features.items():
        if name in HARD_NEGATIVES and not _fits(feature, HARD_NEGATIVES[name]):
            raise ValueError(f"{origin}: column `{name}` is {feature}, where {HARD_NEGATIVES[name]} is needed.")


def report_bad_records(bad: list[BadRecord], count: int, origin: str) -> None:
    """Logs the first bad records and the totals by field; raises `ValueError` if all `count` records are bad."""
    for record in bad[:_LOGGED]:
        logger.warning("Left out: %s", record)
    if bad:
        by_field = ", ".join(f"{field} {n}" for field, n in Counter(record.field for record in bad).most_common())
        logger.warning("%s: left out %d of %d records (%s).", origin, len(bad), count, by_field)
    if bad and len(bad) == count:
        raise ValueError(f"{origin}: not one of its {count} records can be used. The first: {bad[0]}")


def _checked(record: Mapping[str, Any], index: int, seen_paths: set[str]) -> dict[str, Any]:
    if not isinstance(record, Mapping):
        raise Problem("record", f"it is a {type(record).__name__}; it must be an object with named fields.")
    for name in record:
        wanted = misspelt(name, record)
        if wanted:
            raise Problem(str(name), f"no such field; did you mean `{wanted}`?")
    for name in REQUIRED:
        if record.get(name) is None:
            raise Problem(name, f"it is missing; the record has {sorted(map(str, record))}.")
    row = {name: record.get(name) for name in HARD_NEGATIVES}
    row["id"] = str(index) if row["id"] in (None, "") else str(row["id"])
    for name in ("program", "source"):
        row[name] = "" if row[name] is None else row[name]
    for name in (*_TEXT_LISTS, "negative_images"):
        row[name] = [] if row[name] is None else row[name]
    _check_texts(row)
    row["image"] = checked_image(row["image"], "image", seen_paths)
    if not isinstance(row["negative_images"], list | tuple):
        raise Problem("negative_images", f"it is a {type(row['negative_images']).__name__}; it must be a list.")
    row["negative_images"] = [checked_image(v, "negative_images", seen_paths) for v in row["negative_images"]]
    _check_lengths(row)
    return row


def _check_texts(row: Mapping[str, Any]) -> None:
    for name in _TEXTS:
        if not isinstance(row[name], str):
            raise Problem(name, f"it is {row[name]!r}; it must be text.")
        check_unicode(name, row[name])
    if not row["caption"].strip():
        raise Problem("caption", "it is empty; write what the diagram shows, or leave the record out.")
    for name in _TEXT_LISTS:
        if not isinstance(row[name], list | tuple):
            raise Problem(name, f"it is a {type(row[name]).__name__}; it must be a list of texts.")
        for place, text in enumerate(row[name]):
            if not isinstance(text, str) or not text.strip():
                raise Problem(name, f"entry {place} is {text!r}; it must be a text that is not empty.")
            check_unicode(name, text)
    for place, kind in enumerate(row["negative_caption_kinds"]):
        if kind not in KINDS:
            raise Problem("negative_caption_kinds", f"entry {place} is {kind!r}; it must be one of {KINDS}.")


def check_unicode(name: str, text: str) -> None:
    """Raises [`Problem`] for a text that no UTF-8 file can hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Problem(name, "it has half of a surrogate pair, which is not Unicode text; write it again.") from None


def _check_lengths(row: Mapping[str, Any]) -> None:
    kinds, negatives = len(row["negative_caption_kinds"]), len(row["negative_captions"])
    if kinds != negatives:
        raise Problem(
            "negative_caption_kinds", f"{kinds} kinds for {negatives} negative captions; give one kind to each."
        )
    captions, images = len(row["negative_image_captions"]), len(row["negative_images"])
    if captions not in (0, images):
        raise Problem(
            "negative_image_captions", f"{captions} captions for {images} negative images; give one to each, or none."
        )


def checked_image(value: Any, field: str, seen_paths: set[str]) -> Any:
    """Returns the image in a form that `datasets.Image` takes; opens files by their header, each path once.

    Raises:
        Problem: if there is no such file, or nothing in it that PIL knows for an image.
    """
    if isinstance(value, PILImage.Image):
        return value
    if isinstance(value, bytes):
        value = {"path": None, "bytes": value}
    if isinstance(value, Mapping) and value.get("bytes"):
        _open_header(io.BytesIO(value["bytes"]), str(value.get("path") or "the bytes"), field)
        return {"path": value.get("path"), "bytes": value["bytes"]}
    path = value.get("path") if isinstance(value, Mapping) else value
    if not isinstance(path, str | os.PathLike):
        raise Problem(field, f"it holds a {type(path).__name__}; an image is a path, its bytes or a PIL image.")
    path = os.fspath(path)
    if path not in seen_paths:
        if not os.path.isfile(path):
            raise Problem(field, f"there is no file {path}; paths are relative to the file or the `image_folder`.")
        _open_header(path, path, field)
        seen_paths.add(path)
    return path


def _open_header(file: Any, name: str, field: str) -> None:
    try:
        with PILImage.open(file):
            pass
    except Exception as error:  # PIL's readers raise many types on a broken file, none of which may stop a long run
        raise Problem(
            field, f"{name} cannot be opened as an image ({error}); save it again or leave it out."
        ) from None


def misspelt(name: Any, present: Iterable[Any], known: Iterable[str] = tuple(HARD_NEGATIVES)) -> str | None:
    """The name among those `known` and not `present` that this one seems meant to be; `None` if it is known itself."""
    if not isinstance(name, str) or name in known:
        return None
    absent = [other for other in known if other not in present and other != "id"]  # too short to be a slip of
    # 0.8 takes "images" and "negative_caption" for slips, and leaves columns of somebody's own, "source_url", alone.
    nearest = difflib.get_close_matches(name.lower(), absent, n=1, cutoff=0.8)
    return nearest[0] if nearest else None


def _fits(feature: Any, wanted: Any) -> bool:
    if isinstance(wanted, List):
        return isinstance(feature, List) and (_fits(feature.feature, wanted.feature) or _is_null(feature.feature))
    if isinstance(wanted, Image):
        is_struct = isinstance(feature, dict) and set(feature) <= {"bytes", "path"}
        return isinstance(feature, Image) or is_struct or _is_text(feature)
    return _is_text(feature)


def _is_text(feature: Any) -> bool:
    return isinstance(feature, Value) and feature.dtype in ("string", "large_string")


def _is_null(feature: Any) -> bool:
    return isinstance(feature, Value) and feature.dtype == "null"


def _to_dataset(rows: list[dict[str, Any]], features: Features) -> Dataset:
    columns = {name: [row[name] for row in rows] for name in features}
    return Dataset.from_dict(columns, features=features)


def _empty_column(name: str, length: int) -> list[Any]:
    if name == "id":
        return [str(index) for index in range(length)]
    return [[] if isinstance(HARD_NEGATIVES[name], List) else ""] * length


def _rows_without_images(dataset: Dataset) -> Iterator[dict[str, Any]]:
    """Rows that tell only whether `image` is there, and how many `negative_images`, without decoding a single one."""
    texts = dataset.select_columns([*_TEXTS, *_TEXT_LISTS])
    images = dataset.select_columns(["image", "negative_images"]).with_format("arrow").iter(_CHUNK)
    there = (
        pair
        for batch in images
        for pair in zip(
            pc.is_null(batch["image"]).to_pylist(),
            pc.list_value_length(batch["negative_images"]).to_pylist(),
            strict=True,
        )
    )
    for row, (no_image, length) in zip(texts, there, strict=True):
        yield row | {"image": None if no_image else True, "negative_images": [None] * (length or 0)}
