"""We-Math testmini: 525 composed problems and the 1,215 one-step problems that they are made of (CC BY-NC 4.0).

The published folder (Qiao et al., 2024; `We-Math/We-Math` on the Hub, or the repository's `data`):

    testmini.json   testmini.zip, or 2steps/image/7-1.png …

    {"ID": "2steps_7", "key": "2steps_1", "question": "The radius is 2 cm. What is the circumference (in cm)?",
     "option": "A. 4π;B. 2π; C. No correct answer", "answer": "A", "image_path": "2steps/image/7-1.png", …}
"""

import re
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
    records_with,
    text_of,
)

HUB = "We-Math/We-Math"
SOURCE = "We-Math (CC BY-NC 4.0)"

_FILES = ("testmini.json", "data/testmini.json", "*testmini*.json", "data/testmini*.parquet", "testmini*.parquet")
_KEY = re.compile(r"(?:2steps_(?:[12]|multi)|3steps_(?:[123]|multi))")
_MARK = re.compile(r"(?:^|;|\s)\s*([A-H])\s*[.．:、]")


def we_math_questions(path: str | Path = HUB) -> tuple[Dataset, list[BadRecord]]:
    """We-Math's testmini as Questions, category S1 (one step), S2 or S3 (composed of two or three).

    Args:
        path: The published folder, or its file of records with the images beside it; or the name of a data set of
            this layout on the Hub.

    Returns:
        A data set with the schema [`~dataset_builders.questions.QUESTIONS`], and the records left out. The answer is a
        letter. Where the one text with all options cannot be split with certainty, `choices` is empty and that text
        ends the question.

    Raises:
        FileNotFoundError: if there is no such folder or file, or neither images nor `testmini.zip`.
        ValueError: if the file is another one, or has not one good record.
    """
    place = published(path, ["testmini.json", "testmini.zip"])
    file = find_file(place, _FILES, "has the questions")
    folder = place if place.is_dir() else file.parent
    images = None if file.suffix == ".parquet" else PublishedImages(folder, ["testmini.zip", "data/testmini.zip"])

    def make(record: dict[str, Any], index: int) -> dict[str, Any]:
        key, question, option = (text_of(record, name) for name in ("key", "question", "option"))
        if not _KEY.fullmatch(key):
            raise Problem("key", f"it is {key!r}; known are 2steps_1, 2steps_2, 2steps_multi and 3steps_1 to _multi.")
        answer = text_of(record, "answer").strip()
        choices = options(option, answer)
        image = record.get("image_path")
        return {
            "id": f"{text_of(record, 'ID')}-{key.rpartition('_')[2]}",
            "image": image if images is None else images.find(image, "image_path"),
            "question": question.strip() if choices else f"{question.strip()}\n{option.strip()}",
            "choices": choices,
            "answer": answer,
            "answer_type": "choice",
            "category": [_category(key)],
            "benchmark": "we_math",
            "source": SOURCE,
        }

    rows = records_with(file, ("ID", "key", "question", "option", "answer", "image_path"), "We-Math's testmini.json")
    return questions_dataset(converted(rows, str(file), make), str(file))


def options(text: str, answer: str) -> list[str]:
    """The options in one text such as `A. 4π;B. 2π; C. No correct answer`; none where the split is not certain.

    Separators are irregular, and an option may hold a semicolon or a letter with a full stop. A split is certain where
    every mark is the next letter's, every option has a text, and the answer is one of them.
    """
    marks = list(_MARK.finditer(text))
    letters = [mark[1] for mark in marks]
    if letters != [chr(ord("A") + place) for place in range(len(letters))] or answer not in letters:
        return []
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    found = [text[mark.end() : end].strip(" ;\n") for mark, end in zip(marks, ends, strict=True)]
    return found if marks[0].start() == 0 and len(found) > 1 and all(found) else []


def _category(key: str) -> str:
    return {"2steps_multi": "S2", "3steps_multi": "S3"}.get(key, "S1")
