"""The Questions record: a diagram, a question about it, and the answer that is right.

    {"id": "2401", "image": "2401/img_diagram.png", "question": "Find x.", "choices": ["8", "16"], "answer": "B",
     "answer_type": "choice", "category": ["Length", "Triangle"], "benchmark": "geometry3k",
     "source": "Geometry3K (MIT)"}

`benchmark` and `id` are the names that `mmgeolm evaluate` knows benchmark and record by, so that a file of responses
by `id` is scored there, by the benchmark's own rule.
"""

import string
from collections.abc import Iterable, Mapping
from typing import Any

from datasets import Dataset, Features, Image, List, Value

from dataset_builders.records import BadRecord, Problem, check_unicode, checked_dataset, checked_image, misspelt

ANSWER_TYPES = ("choice", "integer", "float", "list", "math", "yes_no", "name")
"""What an answer is: the letter of a choice; a number or a list of numbers; a formula or number in LaTeX or Unicode;
`yes` or `no`; the letters of a point, or of a segment in alphabetical order."""

QUESTIONS = Features(
    {
        "id": Value("string"),
        "image": Image(),
        "question": Value("string"),
        "choices": List(Value("string")),
        "answer": Value("string"),
        "answer_type": Value("string"),
        "category": List(Value("string")),
        "benchmark": Value("string"),
        "source": Value("string"),
    }
)
"""The schema. `choices` is empty where the answer is free, or the options cannot be told apart and stand in
`question`; `answer` is a letter from A on where `answer_type` is `choice`; `category` has every row of the benchmark's
table that the record counts into, besides the total; `source` names the data set and its licence."""

_TEXTS = ("id", "question", "answer", "answer_type", "benchmark", "source")
_REQUIRED = ("image", "question", "answer", "benchmark")


def questions_dataset(
    records: Iterable[Mapping[str, Any] | BadRecord], origin: str
) -> tuple[Dataset, list[BadRecord]]:
    """Checks records and makes a Questions data set of the good ones.

    Args:
        records: Mappings with the fields of [`QUESTIONS`]. `image`, `question`, `answer` and `benchmark` are required;
            `id` defaults to the record's index, `answer_type` to `choice` with choices and to `math` without. Images
            are as in [`~dataset_builders.records.hard_negatives_dataset`].
        origin: The file or other place the records come from, named in messages.

    Returns:
        The data set, in the records' order, and the records that were left out, among them those whose `id` an
        earlier record has: their responses could not be told apart.

    Raises:
        ValueError: if there are records and every one of them is bad.
    """
    seen: set[str] = set()

    def check(record: Mapping[str, Any], index: int, seen_paths: set[str]) -> dict[str, Any]:
        row = _checked(record, index, seen_paths)
        if row["id"] in seen:
            raise Problem("id", f"{row['id']!r} is an earlier record's; give every question an id of its own.")
        seen.add(row["id"])
        return row

    return checked_dataset(records, origin, QUESTIONS, check)


def _checked(record: Mapping[str, Any], index: int, seen_paths: set[str]) -> dict[str, Any]:
    if not isinstance(record, Mapping):
        raise Problem("record", f"it is a {type(record).__name__}; it must be an object with named fields.")
    for name in record:
        if wanted := misspelt(name, record, tuple(QUESTIONS)):
            raise Problem(str(name), f"no such field; did you mean `{wanted}`?")
    for name in _REQUIRED:
        if record.get(name) is None:
            raise Problem(name, f"it is missing; the record has {sorted(map(str, record))}.")
    row = {name: record.get(name) for name in QUESTIONS}
    row["id"] = str(index) if row["id"] in (None, "") else str(row["id"])
    row["source"] = "" if row["source"] is None else row["source"]
    for name in ("choices", "category"):
        row[name] = [] if row[name] is None else row[name]
        if not isinstance(row[name], list | tuple) or not all(isinstance(text, str) for text in row[name]):
            raise Problem(name, f"it is {row[name]!r}; it must be a list of texts.")
        for text in row[name]:
            check_unicode(name, text)
    row["answer_type"] = row["answer_type"] or ("choice" if row["choices"] else "math")
    for name in _TEXTS:
        if not isinstance(row[name], str):
            raise Problem(name, f"it is {row[name]!r}; it must be text.")
        check_unicode(name, row[name])
        if not row[name].strip() and name != "source":
            raise Problem(name, "it is empty; fill it in, or leave the record out.")
    _check_answer(row)
    row["image"] = checked_image(row["image"], "image", seen_paths)
    return row


def _check_answer(row: Mapping[str, Any]) -> None:
    answer, kind, choices = row["answer"], row["answer_type"], row["choices"]
    if kind not in ANSWER_TYPES:
        raise Problem("answer_type", f"it is {kind!r}; it must be one of {', '.join(ANSWER_TYPES)}.")
    if choices and kind != "choice":
        raise Problem("answer_type", f"it is {kind!r}, but there are choices; with them it must be `choice`.")
    if kind == "choice":
        letters = string.ascii_uppercase[: len(choices) or 26]
        if len(answer) != 1 or answer not in letters:
            raise Problem("answer", f"it is {answer!r}; with choices it must be a letter from A to {letters[-1]}.")
    if kind == "yes_no" and answer not in ("yes", "no"):
        raise Problem("answer", f"it is {answer!r}; it must be `yes` or `no`.")
