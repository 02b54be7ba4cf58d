r"""Geometry3K: 601 textbook problems with four choices each (Lu et al., "Inter-GPS", ACL 2021; MIT licence).

A record is a problem's `data.json`, of which this is needed here:

    {"id": 2401, "problem_text": "Find x.", "choices": ["8", "8 \\sqrt { 2 }", "8 \\sqrt { 3 }", "16"], "answer": "B",
     "precise_value": [8.0, 11.313708498984761, 13.856406460551018, 16.0], "problem_type_graph": ["Triangle"],
     "problem_type_goal": ["Length"], "data_type": "test"}

or one of `hiyouga/geometry3k`, without choices:

    {"images": […], "problem": "<image>Find x.", "answer": "8 \\sqrt { 2 }"}

Official scorer: https://github.com/lupantech/InterGPS/blob/main/symbolic_solver/test.py, and `sub_acc.py` for the
categories.
"""

import json
import math
from pathlib import Path
from typing import Any

from ..answer_text import plain_spelling, without_unit
from ..answer_values import Unreadable, parse, value
from ..answers import equal, read_answer, read_choice
from ..pictures import find_pictures
from ..row_files import read_rows
from ..verdict import Verdict

NAME = "geometry3k"

LETTERS = "ABCD"
GOALS = ("Angle", "Length", "Area", "Ratio")
GRAPHS = ("Line", "Triangle", "Quad", "Circle", "Other")
CATEGORIES = (*GOALS, *GRAPHS)
QUADRILATERALS = ("Rectangle", "Rhombus", "Parallelogram", "Trapezoid", "Square")

PROMPT = "{question}\nChoices:\n{choices}\nAnswer with the letter of the right choice, as in: Answer: A"
FREE_FORM_PROMPT = "{question}\nGive the final answer as \\boxed{{}}."


def official(record: dict[str, Any], response: str, extraction: str | None = None) -> Verdict:
    """Inter-GPS's rule: a value is right if no choice is closer to it than the right one, however far that is.

    So 12.5 chooses 11.3 where the others are 8, 13.9 and 16, and a tie with the right choice is right. The scorer is
    made for a solver, which gives a number: a response is taken for the number, or for the letter, that it ends on,
    and one with neither for a problem that the solver has not solved. A problem with a choice whose value is unknown
    is never solved. There is no official rule for records without choices: for these it is [`fair`].

    Args:
        record (`dict`): `answer`, `choices` and `precise_value`; or `answer` only.
        response (`str`): free text.
        extraction (`str`, *optional*): a letter or a value that was read before.
    """
    if not record.get("choices"):
        return fair(record, response if extraction is None else extraction)
    if extraction is None:
        # With the choices unknown to it, this finds letters that the response calls its answer, and no values.
        letter = read_choice(response, [""] * len(LETTERS))
        answer = None if letter else read_answer(response)
    else:
        answer = extraction.strip(" ().")
        letter = answer if answer in list(LETTERS) else None
    if letter:
        return Verdict(letter, letter == record["answer"])
    number = _number(answer or "")
    values = record.get("precise_value") or []
    if number is None or not values or None in values:
        return Verdict(answer, False)
    distances = [abs(choice - number) for choice in values]
    right = LETTERS.index(record["answer"])
    return Verdict(answer, distances[right] == min(distances))


def fair(record: dict[str, Any], response: str) -> Verdict:
    """Our rule: the choice that the response names or whose value it equals; without choices, an equal value.

    A value that merely lies closest to the right choice is wrong.
    """
    if not record.get("choices"):
        answer = read_answer(response)
        return Verdict(answer, answer is not None and equal(record["answer"], answer))
    letter = read_choice(response, record["choices"])
    return Verdict(letter, letter == record["answer"])


def record_id(record: dict[str, Any]) -> str:
    """The number of the problem; that of the record in its file for `hiyouga/geometry3k`, which has none."""
    return str(record["id"])


def categories(record: dict[str, Any]) -> list[str]:
    """The columns of the paper's table: what is asked for (Angle …) and what is drawn (Line … Quad, Circle, Other)."""
    goals = [goal for goal in record.get("problem_type_goal") or [] if goal in GOALS]
    graphs = ["Quad" if graph in QUADRILATERALS else graph for graph in record.get("problem_type_graph") or []]
    return ["all", *goals, *dict.fromkeys(graph for graph in graphs if graph in GRAPHS)]


def prompt(record: dict[str, Any]) -> str:
    """A wording of ours, as the benchmark was not made for language models and has none."""
    question = record.get("problem_text") or record.get("problem", "").removeprefix("<image>")
    if not record.get("choices"):
        return FREE_FORM_PROMPT.format(question=question)
    lines = (f"{letter}. {choice}" for letter, choice in zip(LETTERS, record["choices"], strict=True))
    return PROMPT.format(question=question, choices="\n".join(lines))


def pictures(record: dict[str, Any], image_folder: Path) -> list[Path]:
    """`img_diagram.png` of the problem's folder."""
    return find_pictures(image_folder, [f"{record_id(record)}/img_diagram.png"])


def load(path: str | Path) -> list[dict[str, Any]]:
    """Records of a folder of problems (`test/2401/data.json` …), or of one file of them, such as `hiyouga`'s parquet.

    Raises:
        ValueError: if there is nothing of the kind at `path`, or a record lacks what scoring needs; the message names
            file, record and field.
    """
    path = Path(path)
    if path.is_dir():
        files = sorted(path.glob("*/data.json"), key=lambda file: (len(file.parent.name), file.parent.name))
        if not files:
            raise ValueError(f"{path} has no folders with a data.json in them, such as {path.name}/2401/data.json.")
        placed = [(str(file), _problem(file)) for file in files]
    else:
        placed = [(f"{path}, {row.place}", row.fields) for row in read_rows(path)]
    return [_checked(place, record, number) for number, (place, record) in enumerate(placed)]


def _number(text: str) -> float | None:
    """The value of an answer such as 8√2, x = 12 or 40°, or `None`."""
    plain = without_unit(plain_spelling(text).split("=")[-1].strip(" .")).text
    try:
        number = float(value(parse(plain)))
    except (Unreadable, ArithmeticError):
        return None
    return number if math.isfinite(number) else None


def _problem(file: Path) -> dict[str, Any]:
    try:
        problem = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file} is not JSON: {error}.") from None
    if not isinstance(problem, dict):
        raise ValueError(f"{file} is a {type(problem).__name__}, not a record of Geometry3K.")
    return problem


def _checked(place: str, record: dict[str, Any], number: int) -> dict[str, Any]:
    record = {"id": number, **record}
    if not isinstance(record.get("answer"), str) or not record["answer"]:
        raise ValueError(f"{place} has no `answer`.")
    if record.get("choices"):
        if len(record["choices"]) != len(LETTERS) or not all(isinstance(text, str) for text in record["choices"]):
            raise ValueError(f"{place}: `choices` is {record['choices']!r}; it should be four texts.")
        if record["answer"] not in list(LETTERS):
            raise ValueError(f"{place}: `answer` is {record['answer']!r}; with choices it should be a letter, A to D.")
        values = record.get("precise_value")
        if values is not None and not (
            isinstance(values, list)
            and len(values) == len(LETTERS)
            and all(number is None or isinstance(number, int | float) for number in values)
        ):
            raise ValueError(f"{place}: `precise_value` is {values!r}; it should be four numbers.")
    return record
