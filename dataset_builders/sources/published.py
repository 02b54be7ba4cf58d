"""Files of published data sets: a folder in the layout of the publication, or the same from the Hub.

folder = published("Luckyjhg/Geo170K", ["alignment.json", "images.zip"])
images = PublishedImages(folder, ["images.zip"])
images.find("geo3k/train/74/img_diagram.png")           # a path; a zip is unpacked once, into the cache
"""

import hashlib
import json
import logging
import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import datasets
import huggingface_hub
import pyarrow
import pyarrow.parquet
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

from dataset_builders.records import BadRecord, Problem

logger = logging.getLogger(__name__)

PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff")
_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")


def published(path: str | Path, files: Sequence[str] | None = None) -> Path:
    """The local file or folder at `path`; for the name of a data set on the Hub, its folder in the Hub's cache.

    Args:
        path: A file, a folder, or a name such as `THU-KEG/MM_Math`. What exists locally is never looked up on the Hub.
        files: Patterns of the files that are wanted from the Hub; all of them without.

    Raises:
        FileNotFoundError: if there is no such file or folder, nor such a data set on the Hub with such files.
    """
    if Path(path).exists():
        return Path(path)
    if not isinstance(path, str) or not _HUB_NAME.fullmatch(path):
        raise FileNotFoundError(f"There is no {path}; name a file or folder, or a data set on the Hub as owner/name.")
    try:
        folder = Path(huggingface_hub.snapshot_download(path, repo_type="dataset", allow_patterns=files))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise FileNotFoundError(
            f"There is no folder {path} here, and the Hub gives no data set of that name ({reason})."
        ) from None
    if not any(folder.iterdir()):
        raise FileNotFoundError(f"The data set {path} on the Hub has none of the files {', '.join(files or ['*'])}.")
    return folder


def find_file(path: Path, names: Sequence[str], what: str) -> Path:
    """`path` itself if it is a file, else the first of `names`, which may be patterns, that its folder has.

    Raises:
        FileNotFoundError: if there is none; `what` says what the file holds.
    """
    if path.is_file():
        return path
    for name in names:
        if found := sorted(path.glob(name)):
            return found[0]
    raise FileNotFoundError(f"{path} has no {' nor '.join(names)}, which {what}; name the folder as it is published.")


class PublishedImages:
    """The images of a published folder, found by the names that its records use.

    A name is the end of a file's path: `test/3.png` finds `images/test/3.png`, wherever the folder keeps it. Zip files
    are unpacked, once, below the cache of `datasets` when a name is not found in the folder itself.

    Args:
        folder: Where the files are.
        zips: Patterns of the zip files, relative to the folder.

    Raises:
        FileNotFoundError: if the folder has no image at all and none of the zips.
    """

    def __init__(self, folder: Path, zips: Sequence[str] = ()):
        self.folder = folder
        self._zips = [file for pattern in zips for file in sorted(folder.glob(pattern))]
        self._paths: dict[str, Path | None] = {}  # None: several files end in this
        self._add(folder)
        if not self._paths and not self._zips:
            wanted = f", nor {' nor '.join(zips)}" if zips else ""
            raise FileNotFoundError(f"{folder} has no images{wanted}; put them there as they are published.")

    def find(self, name: Any, field: str = "image") -> str:
        """The path of an image.

        Raises:
            Problem: if there is none, or several are meant by the name.
            ValueError: if a zip file is broken.
        """
        if not isinstance(name, str) or not name.strip():
            raise Problem(field, f"it is {name!r}; it must be the name of an image.")
        end = str(PurePosixPath(name.strip().replace("\\", "/"))).lstrip("/")
        while end not in self._paths and self._zips:
            self._add(unpacked(self._zips.pop(0)))
        if end not in self._paths:
            raise Problem(field, f"there is no image {name} in {self.folder}, nor in its zip files; add it.")
        path = self._paths[end]
        if path is None:
            raise Problem(field, f"several images in {self.folder} are called {name}; keep one of them.")
        return str(path)

    def _add(self, folder: Path) -> None:
        ends: dict[str, Path | None] = {}
        whole: dict[str, Path | None] = {}
        for parent, _, names in os.walk(folder):
            for name in names:
                if name.lower().endswith(PICTURES):
                    path = Path(parent, name)
                    parts = path.relative_to(folder).parts
                    whole["/".join(parts)] = path
                    for start in range(1, len(parts)):
                        end = "/".join(parts[start:])
                        ends[end] = None if end in ends else path
        self._paths = {**ends, **whole, **self._paths}


def unpacked(file: Path) -> Path:
    """The folder of a zip file's content, unpacked once for each size and date of the file.

    Raises:
        ValueError: if the file is no zip, or is cut off.
    """
    stat = file.stat()
    key = hashlib.sha256(f"{file.resolve()}\n{stat.st_size}\n{stat.st_mtime_ns}".encode()).hexdigest()[:20]
    target = Path(datasets.config.HF_DATASETS_CACHE) / "unpacked" / key
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    logger.info("Unpacking %s into %s.", file, target)
    # Under another name until it is whole: a run that is killed leaves nothing that looks finished.
    part = Path(tempfile.mkdtemp(dir=target.parent))
    try:
        with zipfile.ZipFile(file) as archive:
            archive.extractall(part)
        part.replace(target)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"{file} cannot be unpacked ({error}); download it again.") from None
    except OSError:
        if not target.is_dir():  # else another process was faster
            raise
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return target


def read_json(path: Path) -> Any:
    """What a JSON file holds.

    Raises:
        ValueError: if it is not JSON, or not UTF-8.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        hint = " JSON Lines end in .jsonl." if error.msg == "Extra data" else ""
        raise ValueError(
            f"{path} is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.{hint}"
        ) from None
    except RecursionError:
        raise ValueError(f"{path} is nested too deeply to be read; a list of flat records is needed.") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8.") from None


def read_records(path: Path) -> Iterator[dict[str, Any] | BadRecord]:
    """The records of a JSON list, a JSON Lines or a Parquet file; a `BadRecord` for what is no object.

    Raises:
        ValueError: if the file cannot be read as what its ending says, or holds no list.
    """
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        yield from _parquet_rows(path)
        return
    records = json_lines(path) if suffix == ".jsonl" else read_json(path)
    if not isinstance(records, list | Iterator):
        raise ValueError(f"{path} holds a {type(records).__name__} at its top; a list of records is needed.")
    for index, record in enumerate(records):
        if isinstance(record, dict | BadRecord):
            yield record
        else:
            yield BadRecord(str(path), index, "record", f"it is a {type(record).__name__}; it must be an object.")


def json_lines(path: Path) -> Iterator[Any]:
    """What the lines of a JSON Lines file hold, empty ones left out; a `BadRecord` for one that is not JSON."""
    with path.open("rb") as lines:
        numbered = ((number, line) for number, line in enumerate(lines, 1) if line.strip())
        for index, (number, line) in enumerate(numbered):
            try:
                yield json.loads(line.decode("utf-8-sig"))
            except UnicodeDecodeError:
                problem = f"line {number} is not UTF-8 text; save the file as UTF-8."
            except RecursionError:
                problem = f"line {number} is nested too deeply; write one flat object to a line."
            except json.JSONDecodeError as error:
                problem = (
                    f"line {number} is not JSON: {error.msg} at column {error.colno}; write one object to a line."
                )
            else:
                continue
            yield BadRecord(str(path), index, "record", problem)


def _parquet_rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(500):
                yield from batch.to_pylist()
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise ValueError(f"{path} cannot be read as Parquet ({error}); download it again.") from None


def converted(
    rows: Iterable[Any], origin: str, make: Callable[[dict[str, Any], int], dict[str, Any]]
) -> Iterator[dict[str, Any] | BadRecord]:
    """Each row as `make(row, index)`; a `BadRecord` stays one, and a [`Problem`] of a row becomes one."""
    for index, row in enumerate(rows):
        if isinstance(row, BadRecord):
            yield row
            continue
        try:
            yield make(row, index)
        except Problem as error:
            yield BadRecord(origin, index, error.field, error.problem)


def text_of(record: Mapping[str, Any], name: str) -> str:
    """A text of a record.

    Raises:
        Problem: if it is missing, empty, or no text.
    """
    value = record.get(name)
    if not isinstance(value, str) or not value.strip():
        raise Problem(name, f"it is {value!r}; it must be a text that is not empty.")
    return value


def records_with(path: Path, names: Sequence[str], what: str) -> Iterator[dict[str, Any] | BadRecord]:
    """[`read_records`] of a file whose first record has the fields `names`.

    Raises:
        ValueError: if it lacks one: then it is another kind of file, which is one error, not a million.
    """
    first = True
    for record in read_records(path):
        if first and isinstance(record, dict):
            first = False
            for name in names:
                if name not in record:
                    found = ", ".join(sorted(map(str, record)))
                    raise ValueError(f"{path} is not {what}: its records have no `{name}`; they have {found}.")
        yield record
