"""GeoQA: the 754 English questions on which LMMs are compared, as choices or in free form (no licence stated).

G-LLaVA's repository has the questions; their images are in the `images.zip` of `Luckyjhg/Geo170K`:

    test_questions.jsonl   {"question_id": 12, "image": "test/12.png", "text": "\\nFirst perform reasoning, then …
                            Answer: xxx.\\nQuestion:As shown …, angle 2 is ()\\nChoices:\\nA:40°\\nB:50°\\nC:130°"}
    test_answers.jsonl     {"question_id": 12, "text": "B"}

R1-V's file has the same questions in free form:

    geoqa_test_prompts.jsonl   {"image_path": "./Geo170K/images/test/12.png", "question": "…", "ground_truth": "50°"}
"""

import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath
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

SOURCE = "GeoQA, G-LLaVA's test questions (no licence stated)"

_CHOICE = re.compile(r"\s*\(?([A-Z])\s*[:.)：]\s*(.*?)\s*", re.DOTALL)
_Record = dict[str, Any]


def geoqa_questions(path: str | Path, images: str | Path | None = None) -> tuple[Dataset, list[BadRecord]]:
    """GeoQA's 754 test questions as Questions, each with its choices and the letter of the right one.

    Args:
        path: The folder with `test_questions.jsonl` and `test_answers.jsonl`, or the file of questions beside the one
            of answers.
        images: The folder with the images or with `images.zip`; `Luckyjhg/Geo170K` takes them from the Hub. Defaults
            to the folder of the questions.

    Returns:
        A data set with the schema [`~dataset_builders.questions.QUESTIONS`], and the records left out.

    Raises:
        FileNotFoundError: if a file is not there, or neither images nor `images.zip`.
        ValueError: if a file is another one, or has not one good record.
    """
    file = find_file(published(path), ["test_questions.jsonl"], "has the questions")
    answers_file = file.with_name(file.name.replace("questions", "answers"))
    if answers_file == file or not answers_file.is_file():
        raise FileNotFoundError(f"{file} has no test_answers.jsonl beside it; put G-LLaVA's file of answers there.")
    rows = records_with(answers_file, ("question_id", "text"), "G-LLaVA's file of answers")
    answers = {str(row.get("question_id")): row.get("text") for row in rows if isinstance(row, dict)}

    def make(record: _Record, image: str) -> _Record:
        name = str(record.get("question_id"))
        if name not in answers:
            raise Problem("question_id", f"{answers_file.name} has no answer to question {name}.")
        question, choices = question_and_choices(text_of(record, "text"))
        return {"id": name, "question": question, "choices": choices, "answer": answers[name], "answer_type": "choice"}

    return _dataset(file, ("question_id", "image", "text"), "image", images, make)


def geoqa_free_form_questions(path: str | Path, images: str | Path | None = None) -> tuple[Dataset, list[BadRecord]]:
    """The same questions in R1-V's free form, the answer as it is written there: 140°, 2√{3}, 12π.

    Args:
        path: `geoqa_test_prompts.jsonl` or its folder.
        images: As for [`geoqa_questions`], which this is in all else.
    """
    file = find_file(published(path), ["geoqa_test_prompts.jsonl", "*prompts*.jsonl"], "has the questions")

    def make(record: _Record, image: str) -> _Record:
        answer = str(record.get("ground_truth") or "")
        return {
            "id": PurePosixPath(image).stem,
            "question": _plain(text_of(record, "question")),
            "answer": answer,
            "answer_type": "math",
        }

    return _dataset(file, ("image_path", "question", "ground_truth"), "image_path", images, make)


def question_and_choices(text: str) -> tuple[str, list[str]]:
    """The question and the options in G-LLaVA's `text`, whose first sentence asks for a format.

    Raises:
        Problem: if there are no lines such as `A:40°` after `Choices:`.
    """
    above, found, below = text.rpartition("Choices:")
    options = [match.groups() for line in below.splitlines() if (match := _CHOICE.fullmatch(line))]
    choices = [choice for place, (letter, choice) in enumerate(options) if letter == chr(ord("A") + place)]
    if not found or len(choices) < 2 or len(choices) < len(options):
        raise Problem("text", "it has no lines A:…, B:… in order after `Choices:`.")
    return _plain(above.partition("Question:")[2] or above), choices


def _plain(question: str) -> str:
    """Without the empty brackets that stand for the answer in a Chinese exam."""
    return re.sub(r"\s*\(\s*\)\s*$", "", question.strip())


def _dataset(
    file: Path,
    fields: tuple[str, ...],
    field: str,
    images: str | Path | None,
    make: Callable[[_Record, str], _Record],
) -> tuple[Dataset, list[BadRecord]]:
    zips = ["images.zip"]
    pictures = PublishedImages(file.parent if images is None else published(images, zips), zips)

    def build(record: _Record, index: int) -> _Record:
        # R1-V writes where its authors kept them, ./Geo170K/images/test/0.png; the folder `test` and what is in it
        # is what the two have in common.
        name = "/".join(PurePosixPath(text_of(record, field)).parts[-2:])
        made = make(record, name)
        return {**made, "image": pictures.find(name, field), "benchmark": "geoqa", "source": SOURCE}

    return questions_dataset(converted(records_with(file, fields, "a file of GeoQA's"), str(file), build), str(file))
