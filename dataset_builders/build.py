"""Writing hard-negatives data sets of any size: by several processes, in shards, and on from where a run was stopped.

    record = partial(code_record, seed=0, num_negatives=10)
    build(record, 400_000, "negatives", num_proc=16, options={"seed": 0, "num_negatives": 10})
    load_from_disk("negatives")

A record depends on its number alone, so the data set is the same for any number of processes, and shards put one after
the other are the whole. Records are written in chunks, each of them a file of the finished data set:

    data-00000-of-01563.arrow …      chunks, there only when they are whole
    build.json                       the options; in the end, counts as well
    dataset_info.json, state.json    written last: without them `load_from_disk` does not take the folder for whole
    .build/                          what an unfinished run has to remember; removed in the end
"""

import hashlib
import importlib.metadata
import json
import logging
import math
import os
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import connection, parent_process
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
from datasets import DatasetInfo
from filelock import FileLock, Timeout

from dataset_builders.processes import worker_pool
from dataset_builders.ray_data import on_ray
from dataset_builders.records import HARD_NEGATIVES, BadRecord

logger = logging.getLogger(__name__)

BUILD = "build.json"
WORK = ".build"
TALLY = "tally"
"""A record may have this field beside those of the schema: words to be counted, by topic, as
`{"shortfall": ["nothing left to edit"]}`. It is not written into the data set."""
LEFT_OUT = "left out"

Record = Callable[[int], Mapping[str, Any] | BadRecord]
Progress = Callable[[int, int, int], None]

_MOST_ROWS = 256  # in a chunk, what a killed process loses; more only where there would be too many files
_MOST_FILES = 4_096
_ROWS_AT_ONCE = 64  # held as Python objects, and in one Arrow batch
_REASONS = 20  # kept apart for records left out; a reason may quote the record, and then there are as many as records
_PACKAGES = ("mmgeolm", "datasets", "numpy", "pillow", "skia-python")


@dataclass(frozen=True)
class Report:
    """What was built.

    Attributes:
        folder: Where it is.
        records: How many records it has.
        options: What it was made with, `num_records` and `shard` included.
        versions: Of the packages that content depends on.
        tally: Counts by topic and word: `kinds` (negatives by kind), `candidates` (records by their number of
            negatives), `words` (records by the number of words in the caption), `left out` (records by reason), and
            what the records themselves report, such as `shortfall`.
    """

    folder: Path
    records: int
    options: dict[str, Any]
    versions: dict[str, str]
    tally: dict[str, Counter[str]]


class _Chunk(NamedTuple):
    folder: Path
    place: int
    count: int
    numbers: range

    @property
    def file(self) -> Path:
        return self.folder / _file_name(self.place, self.count)


def build(
    record: Record,
    num_records: int,
    output_dir: str | Path,
    *,
    num_proc: int = 1,
    ray: bool = False,
    shard: tuple[int, int] = (0, 1),
    chunk: int | None = None,
    options: Mapping[str, Any] | None = None,
    left_out: Iterable[BadRecord] = (),
    progress: Progress | None = None,
) -> Report:
    """Writes records 0 to `num_records - 1`, or a shard of them, as a folder that `datasets.load_from_disk` reads.

    Called again for a folder that it has not finished, it goes on; for one that it has, it only reports.

    Args:
        record: Makes record `i`, from `i` alone: a mapping with the fields of [`HARD_NEGATIVES`] (images as
            `{"bytes", "path"}`), perhaps with [`TALLY`], or a [`BadRecord`] in place of one that cannot be made. With
            several processes it is pickled once for each.
        num_records: Of the whole data set.
        output_dir: A new or empty folder, or one that was begun with the same options.
        num_proc: Processes; 1 works in this one.
        ray: Whether these processes are workers of a Ray cluster ([`~dataset_builders.ray_data.on_ray`]), whose
            machines share the folder.
        shard: `(i, n)`: only the i-th n-th, counted from 0. [`merge`] joins shards.
        chunk: Records per file; a run that is stopped loses at most so many per process. By default up to 256, and
            enough chunks for all processes. A run that goes on keeps the size that it began with.
        options: What the records depend on, in JSON types; a folder that was begun with other values is refused.
        left_out: Records that were left out before, to be counted as well.
        progress: Called with the records made in this run, those of all runs, and the total.

    Raises:
        ValueError: for a number out of range, a folder with other things in it or begun with other options, or if not
            one record can be used.
        OSError: if the folder cannot be written, another process is writing it, or a process of this run was killed.
        ImportError: if Ray is to be used and is not installed.
    """
    folder = Path(output_dir).resolve() if ray else Path(output_dir)  # workers of Ray start in a folder of their own
    if num_proc < 1:
        raise ValueError(f"num_proc={num_proc}; at least one process is needed.")
    if chunk is not None and chunk < 1:
        raise ValueError(f"chunk={chunk}; a chunk has at least one record.")
    if begin(folder, num_records, shard, options):
        return report(folder)
    with _only_writer(folder):
        if (folder / "state.json").exists():  # another process has finished it in the meantime
            return report(folder)
        for leftover in (folder / WORK).glob("*.tmp"):
            leftover.unlink()
        start, end = shard_range(num_records, shard)
        chunks = _chunks(folder, start, end, _chunk_size(folder, end - start, num_proc, chunk))
        missing = [part for part in chunks if not part.file.exists()]
        made, done = 0, sum(len(part.numbers) for part in chunks) - sum(len(part.numbers) for part in missing)
        write = _on_ray if ray else _in_processes if num_proc > 1 and len(missing) > 1 else _here
        with closing(write(record, missing, num_proc)) as lengths:  # so that processes end with this block
            for length in lengths:
                made, done = made + length, done + length
                if progress is not None:
                    progress(made, done, end - start)
        _finish(folder, chunks, left_out if shard[0] == 0 else ())
    shutil.rmtree(folder / WORK, ignore_errors=True)
    return report(folder)


def begin(
    output_dir: str | Path, num_records: int, shard: tuple[int, int] = (0, 1), options: Mapping[str, Any] | None = None
) -> bool:
    """Claims a folder for a run with these options; whether there already is all of it. Raises as [`build`]."""
    folder = Path(output_dir)
    shard_range(num_records, shard)
    wanted = json.loads(json.dumps({**(options or {}), "num_records": num_records, "shard": list(shard)}))
    try:
        if folder.is_dir() and (folder / BUILD).exists():
            stored = json.loads((folder / BUILD).read_text(encoding="utf-8"))["options"]
            if any(folder.rglob("*.arrow")):
                _check_same(folder, stored, wanted)
            claim = stored != wanted  # nothing has come of that run, perhaps because of those options
        else:
            _check_empty(folder)
            folder.mkdir(parents=True, exist_ok=True)
            claim = True
        if claim:
            shutil.rmtree(folder / WORK, ignore_errors=True)
            _write_json(folder / BUILD, {"options": wanted, "versions": _versions()}, folder)
        complete = (folder / "state.json").exists()
        if not complete:
            (folder / WORK).mkdir(exist_ok=True)
    except OSError as error:
        raise OSError(
            f"{folder} cannot be written ({error.strerror or error}); name another folder to write to."
        ) from None
    return complete


def report(folder: str | Path) -> Report:
    """What a finished folder says of itself.

    Raises:
        ValueError: if the folder was not written by [`build`], or is not finished.
    """
    folder = Path(folder)
    if not (folder / BUILD).is_file():
        raise ValueError(f"{folder} is no folder that `mmgeolm negatives` has written; there is no {BUILD} in it.")
    if not (folder / "state.json").is_file():
        raise ValueError(f"{folder} is not finished; run the command that began it again.")
    stored = json.loads((folder / BUILD).read_text(encoding="utf-8"))
    tally = {topic: Counter(words) for topic, words in stored["tally"].items()}
    return Report(folder, stored["records"], stored["options"], stored["versions"], tally)


def merge(folders: Sequence[str | Path], output_dir: str | Path) -> Report:
    """Joins the shards of a data set, in their order whatever order they are named in, into one folder.

    The result is what [`build`] makes without shards. Files are linked where the file system can, else copied.

    Raises:
        ValueError: if a folder is not finished, was made with other options, or a shard is missing or named twice; and
            for an `output_dir` as [`build`].
    """
    parts = sorted((report(folder) for folder in folders), key=lambda part: part.options["shard"])
    if not parts:
        raise ValueError("name the folders of the shards to merge.")
    shards = [tuple(part.options["shard"]) for part in parts]
    count = shards[0][1]
    options = {name: value for name, value in parts[0].options.items() if name != "shard"}
    for part in parts[1:]:
        others = {name: value for name, value in part.options.items() if name != "shard"}
        _check_same(part.folder, others, options, f"{parts[0].folder}")
    for number in range(count):
        if shards.count((number, count)) != 1:
            how = "is missing" if (number, count) not in shards else "is named twice"
            raise ValueError(f"shard {number}/{count} {how}; name each of the {count} folders once.")
    if len(shards) > count:
        raise ValueError(f"{parts[-1].folder} is shard {shards[-1][0]}/{shards[-1][1]}, and the others have {count}.")
    folder = Path(output_dir)
    num_records = options.pop("num_records")
    if begin(folder, num_records, (0, 1), options):
        return report(folder)
    files = [part.folder / name for part in parts for name in _data_files(part.folder)]
    with _only_writer(folder):
        for place, file in enumerate(files):
            target = folder / _file_name(place, len(files))
            temporary = folder / WORK / f"{target.name}.tmp"
            temporary.unlink(missing_ok=True)
            try:
                os.link(file, temporary)
            except OSError:  # another file system, or one without links
                shutil.copyfile(file, temporary)
            os.replace(temporary, target)
        tally: dict[str, Counter[str]] = {}
        for part in parts:
            _add(tally, part.tally)
        names = [_file_name(place, len(files)) for place in range(len(files))]
        _write_end(folder, sum(part.records for part in parts), tally, names)
    shutil.rmtree(folder / WORK, ignore_errors=True)
    return report(folder)


def shard_range(num_records: int, shard: tuple[int, int]) -> tuple[int, int]:
    """First record of a shard and the one after its last; raises `ValueError` for numbers out of range."""
    index, count = shard
    if num_records < 1:
        raise ValueError(f"num_records={num_records}; at least one record is needed.")
    if not 0 <= index < count:
        raise ValueError(f"shard {index}/{count} is not there; {count} shards are 0/{count} to {count - 1}/{count}.")
    return num_records * index // count, num_records * (index + 1) // count


def _chunk_size(folder: Path, num_records: int, num_proc: int, chunk: int | None) -> int:
    """Records per chunk: those of an earlier run, or as told, or so many that every process has several chunks."""
    stored = folder / WORK / "chunk.json"
    if stored.exists():
        return json.loads(stored.read_text(encoding="utf-8"))
    if chunk is None:
        chunk = max(min(_MOST_ROWS, math.ceil(num_records / (8 * num_proc))), math.ceil(num_records / _MOST_FILES), 1)
    _write_json(stored, chunk, folder / WORK)
    return chunk


def _chunks(folder: Path, start: int, end: int, size: int) -> list[_Chunk]:
    count = max(1, math.ceil((end - start) / size))  # an empty shard has an empty file
    return [
        _Chunk(folder, place, count, range(start + place * size, min(end, start + (place + 1) * size)))
        for place in range(count)
    ]


def _here(record: Record, chunks: list[_Chunk], num_proc: int) -> Iterator[int]:
    for chunk in chunks:
        yield _write_chunk(record, chunk)


def _in_processes(record: Record, chunks: list[_Chunk], num_proc: int) -> Iterator[int]:
    # An error or Ctrl-C kills the workers; no one finishes a chunk first, and a chunk is there whole or not at all.
    with _single_threaded(), worker_pool(min(num_proc, len(chunks)), _start_worker, (record,)) as pool:
        try:
            for future in as_completed([pool.submit(_write_chunk_in_worker, chunk) for chunk in chunks]):
                yield future.result()
        except BrokenProcessPool:
            raise OSError(
                "a process that makes records was killed, perhaps for want of memory; run the same again to go on, "
                "with a smaller num_proc if so."
            ) from None


def _on_ray(record: Record, chunks: list[_Chunk], num_proc: int) -> Iterator[int]:
    if chunks:
        with _single_threaded():
            yield from on_ray(partial(_write_chunk, record), chunks, num_proc)


@contextmanager
def _single_threaded() -> Iterator[None]:
    """Each process is one thread: libraries that take all cores in each would be in one another's way."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before


_worker: dict[str, Record] = {}  # what a worker process was started with


def _start_worker(record: Record) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _worker["record"] = record


def _end_with_parent() -> None:
    connection.wait([parent_process().sentinel])
    os._exit(1)


def _write_chunk_in_worker(chunk: _Chunk) -> int:
    return _write_chunk(_worker["record"], chunk)


def _write_chunk(record: Record, chunk: _Chunk) -> int:
    """Makes the records of a chunk and writes them; how many numbers it covers."""
    tally: dict[str, Counter[str]] = {}
    records = 0
    work = chunk.folder / WORK
    temporary = work / f"{chunk.place}-{os.getpid()}.tmp"
    schema = HARD_NEGATIVES.arrow_schema
    with temporary.open("wb") as file:
        with pa.ipc.new_stream(file, schema) as stream:
            rows: list[Mapping[str, Any]] = []
            for number in chunk.numbers:
                made = record(number)
                if isinstance(made, BadRecord):
                    _count_left_out(tally, made)
                else:
                    _count(tally, made)
                    rows.append(made)
                    records += 1
                if len(rows) == _ROWS_AT_ONCE:
                    stream.write_table(_table(rows, schema))
                    rows = []
            stream.write_table(_table(rows, schema))
        file.flush()
        os.fsync(file.fileno())
    # Counts first: a chunk that is there has its counts, too.
    _write_json(work / f"{chunk.place}.json", {"records": records, "tally": tally}, work)
    os.replace(temporary, chunk.file)
    return len(chunk.numbers)


def _table(rows: list[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pydict({name: [row[name] for row in rows] for name in HARD_NEGATIVES}, schema=schema)


def _count(tally: dict[str, Counter[str]], record: Mapping[str, Any]) -> None:
    images = len(record["negative_images"])
    _add(
        tally,
        {
            "kinds": record["negative_caption_kinds"] + ["image"] * images,
            "candidates": [str(len(record["negative_captions"]) + images)],
            "words": [str(len(record["caption"].split()))],
            **record.get(TALLY, {}),
        },
    )


def _count_left_out(tally: dict[str, Counter[str]], bad: BadRecord) -> None:
    logger.info("Left out: %s", bad)
    reasons = tally.setdefault(LEFT_OUT, Counter())
    reason = f"`{bad.field}`: {bad.problem}"
    reasons[reason if reason in reasons or len(reasons) < _REASONS else "other reasons"] += 1


def _add(tally: dict[str, Counter[str]], words: Mapping[str, Iterable[str] | Mapping[str, int]]) -> None:
    for topic, entries in words.items():
        tally.setdefault(topic, Counter()).update(entries)


def _finish(folder: Path, chunks: list[_Chunk], left_out: Iterable[BadRecord]) -> None:
    records, tally = 0, {}
    for bad in left_out:
        _count_left_out(tally, bad)
    for chunk in chunks:
        counted = json.loads((folder / WORK / f"{chunk.place}.json").read_text(encoding="utf-8"))
        records += counted["records"]
        _add(tally, counted["tally"])
    reasons = tally.get(LEFT_OUT, Counter())
    if reasons and not records:
        reason = reasons.most_common()[0][0]
        raise ValueError(f"not one of {reasons.total()} records can be used; the most frequent reason is {reason}")
    if len(reasons) > _REASONS:
        kept = Counter(dict(reasons.most_common(_REASONS)))
        kept["other reasons"] += reasons.total() - kept.total()
        tally[LEFT_OUT] = kept
    _write_end(folder, records, tally, [chunk.file.name for chunk in chunks])


def _write_end(folder: Path, records: int, tally: Mapping[str, Counter[str]], names: list[str]) -> None:
    """What makes a folder of data files a data set; `state.json` last."""
    stored = json.loads((folder / BUILD).read_text(encoding="utf-8"))
    tally = {topic: dict(sorted(words.items())) for topic, words in tally.items() if words}
    work = folder / WORK
    _write_json(folder / BUILD, {**stored, "records": records, "tally": tally}, work)
    DatasetInfo(features=HARD_NEGATIVES).write_to_directory(work)
    os.replace(work / "dataset_info.json", folder / "dataset_info.json")
    content = json.dumps([stored["options"], stored["versions"]], sort_keys=True)
    state = {
        "_data_files": [{"filename": name} for name in names],
        "_fingerprint": hashlib.sha256(content.encode()).hexdigest()[:16],
        **dict.fromkeys(("_format_columns", "_format_type", "_split")),
        "_format_kwargs": {},
        "_output_all_columns": False,
    }  # as `Dataset.save_to_disk` writes it (datasets 2 to 5)
    _write_json(folder / "state.json", state, work)


def _data_files(folder: Path) -> list[str]:
    state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    return [entry["filename"] for entry in state["_data_files"]]


def _file_name(place: int, count: int) -> str:
    return f"data-{place:05d}-of-{count:05d}.arrow"


def _check_empty(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file; name a folder to write to.")
    others = [] if not folder.exists() else [p.name for p in folder.iterdir() if not p.name.startswith(f"{BUILD}.")]
    if others:
        raise ValueError(f"{folder} holds something else ({sorted(others)[0]}); name a new or an empty folder.")


def _check_same(folder: Path, stored: dict[str, Any], wanted: dict[str, Any], place: str = "this run") -> None:
    differing = [
        f"{name}={json.dumps(stored.get(name))}, where {place} has {json.dumps(wanted.get(name))}"
        for name in sorted({*stored, *wanted})
        if stored.get(name) != wanted.get(name)
    ]
    if differing:
        raise ValueError(
            f"{folder} was begun with {'; '.join(differing)}. Use the same options to go on, or another folder."
        )


@contextmanager
def _only_writer(folder: Path) -> Iterator[None]:
    try:
        with FileLock(folder / WORK / "lock", timeout=0):
            yield
    except Timeout:
        raise OSError(f"{folder} is being written by another process; wait for it, or end it first.") from None


def _write_json(path: Path, content: Any, temporary_folder: Path) -> None:
    temporary = temporary_folder / f"{path.name}.{os.getpid()}.tmp"
    temporary.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    os.replace(temporary, path)


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:  # run from a checkout that is not installed
            continue
    return found
