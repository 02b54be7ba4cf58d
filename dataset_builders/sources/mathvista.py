"""MathVista testmini: 1,000 questions about figures, for testing only (CC BY-SA 4.0, no training on them).

The published folder (Lu et al., 2024) is either that of the repository or that of the Hub, `AI4Math/MathVista`:

    testmini.json (an object of records by pid)   images/17.jpg, or images.zip
    data/testmini-00000-of-00001-….parquet (the same records with the picture in `decoded_image`)

    {"pid": "17", "question": "AB is parallel to CD. Find angle 2.", "image": "images/17.jpg", "choices": ["70°",
     "110°"], "unit": null, "precision": null, "answer": "110°", "question_type": "multi_choice",
     "answer_type": "text", "metadata": {"skills": ["geometry reasoning"], "task": "geometry problem solving", …}}
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from datasets import Dataset

from dataset_builders.questions import questions_dataset
from dataset_builders.records import BadRecord, Problem
from dataset_builders.sources.published import (
    PublishedImages,
    converted,
    find_file,
    published,
    read_json,
    read_records,
    text_of,
)

HUB = "AI4Math/MathVista"
SOURCE = "MathVista (CC BY-SA 4.0; for testing only)"

_SKILLS = {"GEO": "geometry reasoning", "ALG": "algebraic reasoning"}
_GPS = "geometry problem solving"
_JSON = ("testmini.json", "data/testmini.json")
_PARQUET = ("data/testmini*.parquet", "testmini*.parquet")
_FREE_FORM = ("integer", "float", "list")


def mathvista_questions(path: str | Path = HUB, labels: str | Path | None = None) -> tuple[Dataset, list[BadRecord]]:
    """MathVista's testmini as Questions; its category holds GEO and ALG (skills) and GPS (task), none, or several.

    Args:
        path: The published folder or its file of records; or the name of a data set of this layout on the Hub.
        labels: A JSON file of records by pid whose `metadata` counts instead. GEO and ALG exist in two versions: 239
            and 281 of the 1,000 in `testmini.json`, 222 and 271 in the older outputs of the repository
            (`results/bard/output_bard.json`), which embed them.

    Returns:
        A data set with the schema [`~dataset_builders.questions.QUESTIONS`], and the records left out. The answer of a
        multiple choice is the letter of the first choice with the answer's text. Unit and decimals, where a record
        has them, are asked for at the question's end.

    Raises:
        FileNotFoundError: if there is no such folder or file, or neither images nor `images.zip`.
        ValueError: if a file is another one, or has not one good record.
    """
    place = published(path, [*_PARQUET, "images.zip", *_JSON])
    file = find_file(place, [*_JSON, *_PARQUET], "has the questions")
    folder = place if place.is_dir() else file.parent
    images = None if file.suffix == ".parquet" else PublishedImages(folder, ["images.zip"])
    skills = None if labels is None else _metadata(Path(labels))

    def make(record: dict[str, Any], index: int) -> dict[str, Any]:
        pid = text_of(record, "pid")
        if skills is not None and pid not in skills:
            raise Problem("metadata", f"{labels} has no labels of question {pid}.")
        metadata = record.get("metadata") if skills is None else skills[pid]
        return {
            "id": pid,
            "image": record.get("decoded_image") if images is None else images.find(record.get("image")),
            "question": _question(record),
            **_answer(record),
            "category": categories(metadata if isinstance(metadata, Mapping) else {}),
            "benchmark": "mathvista",
            "source": SOURCE,
        }

    return questions_dataset(converted(_records(file), str(file), make), str(file))


def categories(metadata: Mapping[str, Any]) -> list[str]:
    """GEO and ALG by the skills of a record, GPS by its task."""
    skills = metadata.get("skills") or []
    found = [name for name, skill in _SKILLS.items() if skill in skills]
    return [*found, "GPS"] if metadata.get("task") == _GPS else found


def _question(record: Mapping[str, Any]) -> str:
    question = text_of(record, "question").strip()
    unit, precision = record.get("unit"), record.get("precision")
    asked = f" (Unit: {unit})" if unit else ""
    if record.get("answer_type") == "float" and precision is not None:
        # A number with a point on the Hub: 1.0 decimals.
        places = int(precision)
        asked += f" (Give {places} decimal{'s' if places > 1 else ''}.)"
    return question + asked


def _answer(record: Mapping[str, Any]) -> dict[str, Any]:
    answer, kind = text_of(record, "answer"), record.get("answer_type")
    if record.get("question_type") == "multi_choice":
        choices = record.get("choices") or []
        if answer not in choices:
            raise Problem("answer", f"it is {answer!r}, which is none of the choices {choices}.")
        return {"choices": choices, "answer": chr(ord("A") + choices.index(answer)), "answer_type": "choice"}
    if kind not in _FREE_FORM:
        raise Problem("answer_type", f"it is {kind!r}; a free-form answer is one of {', '.join(_FREE_FORM)}.")
    return {"answer": answer, "answer_type": kind}


def _records(file: Path) -> Iterator[dict[str, Any] | BadRecord]:
    if file.suffix == ".parquet":
        yield from read_records(file)
        return
    content = read_json(file)
    rows = [{"pid": pid, **row} if isinstance(row, dict) else row for pid, row in _items(content)]
    if not rows or not any(isinstance(row, dict) and "question_type" in row for row in rows):
        raise ValueError(f"{file} is not MathVista's testmini.json: it has no records with a `question_type`.")
    for index, row in enumerate(rows):
        yield row if isinstance(row, dict) else BadRecord(str(file), index, "record", "it is no object.")


def _items(content: Any) -> list[tuple[Any, Any]]:
    if isinstance(content, dict):
        return list(content.items())
    return list(enumerate(content)) if isinstance(content, list) else []


def _metadata(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise FileNotFoundError(f"There is no file {file} to take labels from.")
    rows = [{"pid": pid, **row} for pid, row in _items(read_json(file)) if isinstance(row, dict)]
    found = {str(row["pid"]): row["metadata"] for row in rows if isinstance(row.get("metadata"), dict)}
    if not found:
        raise ValueError(f"{file} has no records with `metadata`, where the labels are.")
    return found
