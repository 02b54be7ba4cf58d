r"""Questions data sets of this project: generated diagrams, Geometry3K, and whatever else has the same fields.

    {"id": "test-0-17", "question": "Which point is the midpoint of AB?", "choices": [], "answer": "M",
     "answer_type": "name", "category": ["midpoint"], "benchmark": "generated"}

The image is a column beside these. `answer_type` says how an answer is read: `choice` (a letter), `integer`, `float`,
`list` and `math` (values), `yes_no`, and `name` (a point, a segment, or a word such as "isosceles").
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset, load_from_disk

from ..answers import equal, read_answer, read_choice
from ..pictures import find_pictures
from ..row_files import read_rows
from ..verdict import Verdict

NAME = "questions"

LETTER = re.compile(r"\(?([A-Z])\)?[.:]?")
YES_NO = re.compile(r"(?i)\b(yes|no)\b")
CAPITALS = re.compile(r"\b[A-Z]{1,4}\b")
TRIANGLES = ("equilateral", "isosceles", "right", "scalene")
QUADRILATERALS = ("square", "rectangle", "rhombus", "parallelogram", "trapezoid", "kite")
HINT = "Answer with the letter of the right choice, as in: Answer: A"


def official(record: Mapping[str, Any], response: str, extraction: str | None = None) -> Verdict:
    """The response is the answer and nothing else; capitals of words, blanks and a full stop at the end do not count.

    A letter may stand in brackets, as in "(B).". It is the rule for models that were taught to give the answer alone.

    Args:
        record: With `answer` and `answer_type`.
        response: Free text.
        extraction (`str`, *optional*): an answer that was read before.
    """
    text = " ".join((response if extraction is None else str(extraction)).split()).rstrip(".")
    if record["answer_type"] == "choice":
        match = LETTER.fullmatch(text)
        return Verdict(match and match[1], bool(match) and match[1] == record["answer"])
    return Verdict(text or None, _folded(text) == _folded(" ".join(record["answer"].split())))


def fair(record: Mapping[str, Any], response: str) -> Verdict:
    """Our rule: the choice, value, yes or no, or name that the response settles on, however it is worded.

    Yes and no must be said: "AB is parallel to CD" is neither. The letters of a segment count in any order.
    """
    gold, kind = record["answer"], record["answer_type"]
    if kind == "choice":
        letter = read_choice(response, record.get("choices") or [])
        return Verdict(letter, letter == gold)
    if kind == "yes_no":
        said = _yes_or_no(response)
        return Verdict(said, said == gold)
    if kind == "name":
        said = _name(response, gold)
        return Verdict(said, said is not None and _same_name(said, gold))
    answer = read_answer(response)
    return Verdict(answer, answer is not None and equal(gold, answer))


def record_id(record: Mapping[str, Any]) -> str:
    """`id`."""
    return str(record["id"])


def categories(record: Mapping[str, Any]) -> list[str]:
    """`"all"`, and the record's own `category`: one name or several."""
    own = record.get("category") or []
    return ["all", *([own] if isinstance(own, str) else own)]


def prompt(record: Mapping[str, Any]) -> str:
    """The question as it is; with choices also these, under letters, and a request for one."""
    choices = record.get("choices")
    if not choices:
        return record["question"]
    lines = (f"{chr(ord('A') + place)}. {choice}" for place, choice in enumerate(choices))
    return "\n".join([record["question"], *lines, HINT])


def pictures(record: Mapping[str, Any], image_folder: Path) -> list[Path]:
    """The file that `image` names, for data in JSON; a data set has its images inside, where they are taken from."""
    if not isinstance(record.get("image"), str):
        raise ValueError(
            f"question {record_id(record)!r} has no image, neither a file's name nor one inside the data."
        )
    return find_pictures(image_folder, [record["image"]])


def load(path: str | Path) -> list[dict[str, Any]]:
    """Records, without their images, of a folder that `save_to_disk` wrote, or of a parquet or JSON file.

    Raises:
        ValueError: if it is no such folder or file, a record lacks a field, or an id occurs twice; the message names
            the place.
    """
    path = Path(path)
    if path.is_dir():
        placed = [(f"{path}, record {number}", row) for number, row in enumerate(_saved(path))]
    else:
        placed = [(f"{path}, {row.place}", row.fields) for row in read_rows(path)]
    records: dict[str, dict[str, Any]] = {}
    for number, (place, record) in enumerate(placed):
        record = {"id": str(number), **record}
        for name in ("question", "answer"):
            if not isinstance(record.get(name), str) or not record[name].strip():
                raise ValueError(f"{place} is no record of Questions: it has no text in `{name}`.")
        record["answer_type"] = record.get("answer_type") or ("choice" if record.get("choices") else "math")
        if record_id(record) in records:
            raise ValueError(f"{place}: the id {record_id(record)!r} occurs twice.")
        records[record_id(record)] = record
    if not records:
        raise ValueError(f"{path} has no records.")
    return list(records.values())


def _saved(path: Path) -> list[dict[str, Any]]:
    if (path / "dataset_dict.json").is_file():
        splits = ", ".join(str(folder) for folder in sorted(path.iterdir()) if folder.is_dir())
        raise ValueError(f"{path} holds several data sets; name one of them: {splits}.")
    if not (path / "state.json").is_file():
        raise ValueError(f"{path} is no folder that Dataset.save_to_disk wrote; name one, or a parquet or JSON file.")
    data = load_from_disk(str(path))
    texts = [name for name, feature in data.features.items() if "Image" not in str(feature)]
    return Dataset.to_list(data.select_columns(texts))


def _folded(text: str) -> str:
    # A point's or a segment's name is its capitals; of other words they say nothing.
    return text if CAPITALS.fullmatch(text) else text.casefold()


def _yes_or_no(response: str) -> str | None:
    """What the stated answer begins with, or else the response; failing both, the last that is said."""
    for text in (read_answer(response) or "", response):
        if match := YES_NO.match(text.strip(" *_\"'")):
            return match[1].lower()
    said = YES_NO.findall(response)
    return said[-1].lower() if said else None


def _name(response: str, gold: str) -> str | None:
    """The last point, segment or shape that the stated answer, or else the response, names."""
    known = {*TRIANGLES, *QUADRILATERALS, gold.casefold()}
    for text in (read_answer(response) or "", response):
        if CAPITALS.fullmatch(gold):
            said: Sequence[str] = [name for name in CAPITALS.findall(text) if len(name) == len(gold)]
        else:
            said = [word for word in re.findall(r"\w+", text.casefold()) if word in known]
        if said:
            return said[-1]
    return None


def _same_name(said: str, gold: str) -> bool:
    return sorted(said) == sorted(gold) if CAPITALS.fullmatch(gold) else said == gold.casefold()
