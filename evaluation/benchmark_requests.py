"""The questions of a benchmark as requests to a model: its wording or another, its pictures plain or distorted."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from PIL import Image

from .generate import Request
from .pictures import Picture, StoredPicture, stored_pictures


def benchmark_requests(
    benchmark: ModuleType,
    records: Sequence[Mapping[str, Any]],
    data: str | os.PathLike,
    image_folder: str | os.PathLike | None = None,
    template: str | None = None,
    distortions: Sequence[str] = (),
) -> list[Request]:
    """A request for each record.

    Args:
        benchmark: A module of `evaluation.benchmarks`, or one with the same functions.
        records: As the benchmark's `load` gives them.
        data: What `load` read: pictures inside a parquet file or a saved data set are taken from there.
        image_folder (*optional*): where the pictures are that the records name; by default the folder of `data`.
        template (`str`, *optional*): wording in place of the benchmark's own, in Jinja: it has the fields of the
            record and, as `prompt`, the benchmark's wording.
        distortions: Names of `evaluation.robustness.DISTORTIONS`, applied in this order, with randomness by the id.

    Raises:
        ValueError: if the benchmark cannot be asked, the template is wrong or uses a field that a record lacks, a
            distortion is unknown, or there are no pictures at all.
    """
    lacking = [part for part in ("prompt", "pictures") if not callable(getattr(benchmark, part, None))]
    if lacking:
        raise ValueError(
            f"the module {benchmark.__name__} has no {', '.join(lacking)}, by which a model is asked; "
            "evaluation/benchmarks/forkme.py shows them."
        )
    word = benchmark.prompt if template is None else _by_template(benchmark, template)
    change = _distortion(distortions)
    pictures = _pictures(benchmark, records, Path(data), image_folder)
    requests = []
    for record, shown in zip(records, pictures, strict=True):
        name = benchmark.record_id(record)
        requests.append(Request(name, word(record), tuple(shown), change and partial(change, name=name)))
    return requests


def fingerprint(requests: Sequence[Request]) -> str:
    """Of ids, prompts and names of pictures, but not of the folder they are in: a picture may still be put there."""
    shown = [(request.id, request.prompt, [_name(picture) for picture in request.pictures]) for request in requests]
    return hashlib.sha256(json.dumps(shown).encode()).hexdigest()[:16]


def _pictures(
    benchmark: ModuleType, records: Sequence[Mapping[str, Any]], data: Path, image_folder: str | os.PathLike | None
) -> list[Sequence[Picture]]:
    if image_folder is None and (stored := stored_pictures(data)) is not None:
        if len(stored) != len(records):
            raise ValueError(f"{data} has {len(stored)} rows of pictures for {len(records)} records.")
        return stored
    folder = Path(image_folder) if image_folder is not None else data if data.is_dir() else data.parent
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}; --image_folder names the one with the benchmark's pictures.")
    found = [_named(benchmark, record, folder) for record in records]
    files = [picture for pictures in found for picture in pictures if isinstance(picture, str | os.PathLike)]
    if files and not any(map(os.path.isfile, files)):
        raise ValueError(
            f"none of the {len(files)} pictures is in {folder}, such as {files[0]}; --image_folder names the folder "
            "where they are."
        )
    return found


def _named(benchmark: ModuleType, record: Mapping[str, Any], folder: Path) -> Sequence[Picture]:
    try:
        return benchmark.pictures(record, folder)
    except KeyError as problem:
        raise ValueError(
            f"question {benchmark.record_id(record)!r} names no picture: its record has no {problem}."
        ) from None


def _by_template(benchmark: ModuleType, text: str) -> Callable[[Mapping[str, Any]], str]:
    # Sandboxed: a template may come with somebody's data.
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=False)
    try:
        template = environment.from_string(text)
    except TemplateError as problem:
        raise ValueError(f"the template of --prompt is wrong: {problem}.") from None

    def word(record: Mapping[str, Any]) -> str:
        try:
            return template.render({**record, "prompt": benchmark.prompt(record)})
        except TemplateError as problem:
            known = ", ".join(["prompt", *record])
            raise ValueError(
                f"the template of --prompt fails at question {benchmark.record_id(record)!r}: {problem}; there are "
                f"{known}."
            ) from None

    return word


def _distortion(names: Sequence[str]) -> Callable[..., Image.Image] | None:
    if not names:
        return None
    from .robustness import DISTORTIONS, distort

    unknown = [name for name in names if name not in DISTORTIONS]
    if unknown:
        raise ValueError(f"there is no distortion {unknown[0]!r}; there are {', '.join(DISTORTIONS)}.")

    def change(image: Image.Image, name: str) -> Image.Image:
        # By the id: the same whatever the order and number of the questions.
        seed = int.from_bytes(hashlib.sha256(name.encode("utf-8", "backslashreplace")).digest()[:4])
        for distortion in names:
            image = distort(image, distortion, seed)
        return image

    return change


def _name(picture: Picture) -> str:
    if isinstance(picture, Image.Image):
        return hashlib.sha256(picture.tobytes()).hexdigest()
    return picture.name if isinstance(picture, StoredPicture) else Path(picture).name
