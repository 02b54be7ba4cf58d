r"""MM-Math: 5.9 thousand problems of middle-school mathematics with a figure and a worked solution (MIT licence).

The published folder (Sun et al., 2024; `THU-KEG/MM_Math` on the Hub, where `load_dataset` gives the images only):

    MM_Math/MM_Math.jsonl   MM_Math/MM_Math.zip (MM_Math/<file_name>)

    {"question": "As shown in the figure, AC = 3 and BC = 4. What is the length of AB?", "file_name": "51234567.png",
     "solution": "Solution: By Pythagoras, $AB=\\boxed{5}$.", "year": "eight", "difficult": "easy",
     "knowledge": {"level_1": "Properties of Shapes", "level_2": "Triangle"}}

There is no test split: what is trained on (`mm_math_instruction`, MM-Math-Align) must not be tested on; see `without`.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from datasets import Dataset

from dataset_builders.instructions import instructions_dataset
from dataset_builders.questions import questions_dataset
from dataset_builders.records import BadRecord, Problem
from dataset_builders.sources.published import (
    PublishedImages,
    converted,
    find_file,
    published,
    records_with,
    text_of,
)

HUB = "THU-KEG/MM_Math"
SOURCE = "MM-Math (MIT)"
REQUEST = "Please reason step by step, and put your final answer within \\boxed{}."

_Make = Callable[[dict[str, Any], str, str, str], dict[str, Any]]
_FIELDS = ("question", "file_name", "solution")
# The official script expects the Chinese labels, the file on the Hub has the English ones.
_DIFFICULTIES = {"容易": "easy", "普通": "medium", "困难": "hard"}
_YEARS = {"七年级": "seven", "八年级": "eight", "九年级": "nine"}


def mm_math_questions(path: str | Path = HUB, without: Collection[str] = ()) -> tuple[Dataset, list[BadRecord]]:
    r"""MM-Math as Questions with the contents of all `\boxed{}` of the solution, joined by commas, for an answer.

    Args:
        path: The published folder, its `MM_Math` or `MM_Math.jsonl`; the images lie beside it, in a folder or in the
            zip. Or the name of a data set of this layout on the Hub.
        without: Ids (file names without ending) that were trained on.

    Returns:
        A data set with the schema [`~dataset_builders.questions.QUESTIONS`], category difficulty, year and first level
        of knowledge, and the records left out; among them those without a box, whose answer is unknown.

    Raises:
        FileNotFoundError: if there is no such folder or file, or neither images nor zip.
        ValueError: if the file is another one, or has not one good record.
    """

    def make(record: dict[str, Any], answer: str, image: str, name: str) -> dict[str, Any]:
        return {
            "id": name,
            "image": image,
            "question": text_of(record, "question"),
            "answer": answer,
            "answer_type": "math",
            "category": _categories(record),
            "benchmark": "mm_math",
            "source": SOURCE,
        }

    dataset, bad = questions_dataset(_records(path, make), str(path))
    return _without(dataset, without), bad


def mm_math_instruction(path: str | Path = HUB, without: Collection[str] = ()) -> tuple[Dataset, list[BadRecord]]:
    r"""MM-Math as Instructions: the question with a request for a box, and the solution with its `\boxed` answer.

    Otherwise as [`mm_math_questions`]; `without` are the ids that are to be tested on.
    """

    def make(record: dict[str, Any], answer: str, image: str, name: str) -> dict[str, Any]:
        messages = [
            {"role": "user", "content": f"{text_of(record, 'question')}\n{REQUEST}"},
            {"role": "assistant", "content": text_of(record, "solution")},
        ]
        return {"id": name, "images": [image], "messages": messages, "source": SOURCE}

    dataset, bad = instructions_dataset(_records(path, make), str(path))
    return _without(dataset, without), bad


def boxed_contents(text: str) -> list[str]:
    r"""What is in each `\boxed{…}` of a text, in order; those whose braces do not close are left out."""
    contents, start = [], text.find("\\boxed{")
    while start >= 0:
        begin = start + len("\\boxed{")
        depth, end = 1, begin
        while end < len(text) and depth:
            depth += {"{": 1, "}": -1}.get(text[end], 0) if text[end - 1] != "\\" else 0
            end += 1
        if not depth:
            contents.append(text[begin : end - 1].strip())
        start = text.find("\\boxed{", end if not depth else begin)
    return contents


def _records(path: str | Path, make: _Make) -> Iterator[dict[str, Any] | BadRecord]:
    place = published(path, ["MM_Math/*"])
    file = find_file(place, ["MM_Math/MM_Math.jsonl", "MM_Math.jsonl"], "has the problems")
    images = PublishedImages(file.parent, ["MM_Math.zip"])
    seen: Counter[str] = Counter()

    def build(record: dict[str, Any], index: int) -> dict[str, Any]:
        # The zip's folder is no part of the name: images are told by their file names alone.
        name = PurePosixPath(text_of(record, "file_name")).name
        stem = PurePosixPath(name).stem
        seen[stem] += 1
        answer = ", ".join(filter(None, boxed_contents(text_of(record, "solution"))))
        if not answer:
            raise Problem("solution", "it has no \\boxed{} answer; box it, or leave the record out.")
        name_of_record = stem if seen[stem] == 1 else f"{stem}-{seen[stem]}"
        return make(record, answer, images.find(name, "file_name"), name_of_record)

    return converted(records_with(file, _FIELDS, "MM_Math.jsonl"), str(file), build)


def _without(dataset: Dataset, ids: Collection[str]) -> Dataset:
    """The records that are none of these, nor a further question on the picture of one."""
    names = frozenset(ids)
    keep = [i for i, name in enumerate(dataset["id"]) if names.isdisjoint((name, name.rpartition("-")[0]))]
    return dataset.select(keep) if names else dataset


def _categories(record: dict[str, Any]) -> list[str]:
    difficulty, year = str(record.get("difficult") or ""), str(record.get("year") or "")
    knowledge = record.get("knowledge")
    topic = knowledge.get("level_1") if isinstance(knowledge, dict) else knowledge
    found = (
        _DIFFICULTIES.get(difficulty, difficulty.lower()),
        next((english for chinese, english in _YEARS.items() if chinese in year), year.lower()),
        str(topic or ""),
    )
    return [name for name in found if name]
