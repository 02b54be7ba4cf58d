"""A benchmark to copy: a file of multiple-choice questions, scored by the letter.

Copy this file, say to `my_benchmark.py` where Python finds it, change what its functions say, and score with
`mmgeolm evaluate --benchmark my_package.my_benchmark …`. These functions are all that is asked of a benchmark. Begin
with one example record as the data has it, and a link to the official scorer, if there is one:

    {"id": "3", "image": "3.png", "question": "AB is parallel to CD. How large is angle 1?",
     "choices": ["40°", "60°", "120°"], "answer": "B", "topic": "angles"}
"""

import re
from pathlib import Path
from typing import Any

from evaluation.answers import read_choice
from evaluation.pictures import find_pictures
from evaluation.row_files import read_rows
from evaluation.verdict import Verdict

NAME = "forkme"


def official(record: dict[str, Any], response: str, extraction: str | None = None) -> Verdict:
    """The benchmark's own rule, as it is, errors included: the first `Answer: X` counts, in this spelling only.

    Say in this docstring where the rule is odd: its first paragraph goes into every `scores.json`. A rule must give a
    verdict on any text at all: nothing raises, and nothing takes long.

    Args:
        record (`dict`): as [`load`] gives it.
        response (`str`): what a system wrote.
        extraction (`str`, *optional*): the answer if it was read before and is to be compared only.
    """
    if extraction is None:
        match = re.search("Answer: ([A-E])", response)
        extraction = match[1] if match else None
    return Verdict(extraction, extraction == record["answer"])


def fair(record: dict[str, Any], response: str) -> Verdict:
    """Our rule: the choice that the response settles on, however it says so.

    `evaluation.answers` has what it takes: `read_choice` for choices, `read_answer` and `equal` for free answers.
    """
    letter = read_choice(response, record["choices"])
    return Verdict(letter, letter == record["answer"])


def record_id(record: dict[str, Any]) -> str:
    """What names a record, and its response, within the benchmark."""
    return str(record["id"])


def categories(record: dict[str, Any]) -> list[str]:
    """The rows of the table that a record counts into; `"all"` is always one of them."""
    return ["all", record["topic"]] if record.get("topic") else ["all"]


def prompt(record: dict[str, Any]) -> str:
    """The official wording of the question."""
    lines = (f"{chr(ord('A') + place)}. {choice}" for place, choice in enumerate(record["choices"]))
    return "\n".join([record["question"], *lines, "End with: Answer: X"])


def pictures(record: dict[str, Any], image_folder: Path) -> list[Path]:
    """The files that a model is shown with the question, in a folder of pictures.

    Images inside a parquet file or a saved data set need no word here: they are taken row by row.
    """
    return find_pictures(image_folder, [record["image"]])


def load(path: str | Path) -> list[dict[str, Any]]:
    """Records of a file of any kind that [`read_rows`] reads.

    Raises:
        ValueError: if a row is not such a record. The message names file, place and field, as it is all that a user
            sees of it.
    """
    rows = read_rows(path)
    for row in rows:
        for field, kind in (("id", str), ("question", str), ("choices", list), ("answer", str)):
            if not isinstance(row.fields.get(field), kind):
                raise ValueError(f"{path}, {row.place} has no `{field}`, which should be a {kind.__name__}.")
    return [row.fields for row in rows]
