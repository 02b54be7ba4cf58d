r"""MathVista: 1,000 questions (testmini) about figures, of which geometry counts as GEO, ALG and GPS.

A record in the published layout:

    {"pid": "17", "question": "As shown in the figure, AB is parallel to CD and angle 1 is 70°. Find angle 2.",
     "image": "images/17.jpg", "choices": ["70°", "110°", "35°", "55°"], "unit": null, "precision": null,
     "answer": "110°", "question_type": "multi_choice", "answer_type": "text", "metadata": {"split": "testmini",
     "language": "english", "source": "GeoQA+", "category": "math-targeted-vqa", "task": "geometry problem solving",
     "context": "geometry diagram", "grade": "high school", "skills": ["geometry reasoning", "algebraic reasoning"]}}

Official scorer: https://github.com/lupantech/MathVista, `evaluation/extract_answer.py` and
`evaluation/calculate_score.py`. It has GPT extract the answer from the response and compares by rule, so that only
recorded extractions can be scored officially without a language model; see [`official`].
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rapidfuzz.distance import Levenshtein

from ..answers import equal, read_answer, read_choice
from ..pictures import find_pictures
from ..row_files import read_rows
from ..verdict import Verdict

NAME = "mathvista"
CATEGORIES = ("all", "GEO", "ALG", "GPS")

SKILLS = {"GEO": "geometry reasoning", "ALG": "algebraic reasoning"}
GPS_TASK = "geometry problem solving"
GROUPS = ("question_type", "answer_type", "language", "source", "category", "task", "context", "grade", "skills")
ANSWER_TYPES = {"multi_choice": ("text",), "free_form": ("integer", "float", "list")}

HINTS = {
    "text": "Please answer the question and provide the correct option letter, e.g., A, B, C, D, at the end.",
    "integer": "Please answer the question requiring an integer answer and provide the final value, e.g., 1, 2, 3, at "
    "the end.",
    "float1": "Please answer the question requiring a floating-point number with one decimal place and provide the "
    "final value, e.g., 1.2, 1.3, 1.4, at the end.",
    "float2": "Please answer the question requiring a floating-point number with two decimal places and provide the "
    "final value, e.g., 1.23, 1.34, 1.45, at the end.",
    "list": "Please answer the question requiring a Python list as an answer and provide the final list, e.g., "
    "[1, 2, 3], [1.2, 1.3, 1.4], at the end.",
}
LETTER = re.compile(r"\(([a-zA-Z])\)")
QUICK = re.compile(r'The answer is "(.*)"\.')
NUMBER = re.compile(r"(?<![\w.])[-−]?\s?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?![\d.]*\d)|(?<![\w.])[-−]?\.\d+")
LIST = re.compile(r"\[([^\[\]]{0,2000})\]")


def official(record: dict[str, Any], response: str, extraction: Any = None) -> Verdict:
    """The rule of `calculate_score.py` on an extraction: normalise it by the answer's type, then compare as text.

    Choices: the first letter in brackets, `(b)`, else a letter alone stands for its option; anything else, an empty
    extraction or a refusal included, for the option of least edit distance, the first of several. Integers are cut
    (`3.9` is 3), floats rounded to the record's precision, lists compared as they are written. This is today's rule;
    outputs recorded before `int(x)` became `int(float(x))` may differ where an integer was extracted as `5.0`.

    Without an extraction only what needs no language model is done: [`official_extraction`]. Where that gives nothing
    the official pipeline would ask GPT; here the verdict is then "nothing extracted, wrong", which is **no official
    verdict** but the least that the pipeline could give. Report such responses apart, or by [`fair`].

    Args:
        record (`dict`): `question_type`, `answer_type`, `choices`, `precision`, `answer`.
        response (`str`): free text; unused if there is an extraction.
        extraction (*optional*): what was extracted before; any JSON value but null.

    Returns:
        `Verdict`: `extracted` is the normalised prediction: the text of an option, a number, a list, as text.
    """
    if extraction is None:
        extraction = official_extraction(record, response)
        if extraction is None:
            return Verdict(None, False)
    prediction = _normalised(record, extraction)
    return Verdict(prediction, prediction == record["answer"])


def official_extraction(record: dict[str, Any], response: str) -> str | None:
    """What the official extraction takes from a response without asking a language model; `None` where it would ask.

    An empty response is `""`; one that is an option's text, an integer or a float is itself; `The answer is "x".` is
    x (the official `--quick_extract`, an option that is off by default).
    """
    if response == "":
        return ""
    if record["question_type"] == "multi_choice" and response in record["choices"]:
        return response
    cast = {"integer": int, "float": float}.get(record["answer_type"])
    if cast:
        try:
            return str(cast(response))
        except ValueError:
            pass
    match = QUICK.search(response)
    return match[1] if match else None


def fair(record: dict[str, Any], response: str) -> Verdict:
    """Our rule: the option, number or list that the response settles on, however it is worded.

    A number is right if it is the answer to half a unit of the record's precision (an integer, exactly): rounding is
    forgiven, cutting (3.9 for 3) is not. Units, currency signs, `%` and commas between thousands are ignored, as the
    question says what to count in. A list is right if its numbers are, in order.

    Returns:
        `Verdict`: `extracted` is in the words of [`official`]: the text of an option, else the answer as it was read.
    """
    if record["question_type"] == "multi_choice":
        letter = read_choice(response, record["choices"])
        place = ord(letter) - ord("A") if letter else len(record["choices"])
        text = record["choices"][place] if place < len(record["choices"]) else None
        return Verdict(text, text == record["answer"])
    if record["answer_type"] == "list":
        return _fair_list(record["answer"], response)
    answer = read_answer(response)
    return Verdict(answer, answer is not None and _same_number(record, answer))


def record_id(record: dict[str, Any]) -> str:
    """`pid`."""
    return str(record["pid"])


def categories(record: dict[str, Any]) -> list[str]:
    """`"all"`; `"GEO"` and `"ALG"` by the record's skills; `"GPS"` by its task.

    GEO and ALG are labels of `metadata.skills`, which exist in two versions: 239 and 281 of the 1,000 in
    `testmini.json` and later outputs, 222 and 271 in the copies that older outputs hold. The record's own labels
    decide, so that either version is had by giving its records.
    """
    metadata = record.get("metadata") or {}
    skills = metadata.get("skills") or []
    rows = [row for row, skill in SKILLS.items() if skill in skills]
    return ["all", *rows, *(["GPS"] if metadata.get("task") == GPS_TASK else [])]


def prompt(record: dict[str, Any]) -> str:
    """The official query without examples: the record's `query`, or hint, question and choices in the same wording."""
    if record.get("query"):
        return record["query"]
    answer_type, unit, choices = record["answer_type"], record.get("unit"), record.get("choices")
    hint = HINTS[f"float{_precision(record)}" if answer_type == "float" else answer_type]
    lines = [f"Hint: {hint}", f"Question: {record['question']}" + (f" (Unit: {unit})" if unit else "")]
    if choices:
        lines += ["Choices:", *(f"({chr(ord('A') + place)}) {choice}" for place, choice in enumerate(choices))]
    return "\n".join(lines).strip()


def pictures(record: dict[str, Any], image_folder: Path) -> list[Path]:
    """The file of `image`, such as `images/17.jpg`."""
    return find_pictures(image_folder, [record["image"]])


def scores(records: Sequence[dict[str, Any]], verdicts: Sequence[Verdict]) -> dict[str, dict]:
    """Accuracies by every label, in the layout of the official score file.

    Args:
        records (`list[dict]`): with `metadata`; a label that a record lacks is not counted.
        verdicts (`list[Verdict]`): one for each record.

    Returns:
        `dict`: `"average"`, and for each of `question_type`, `answer_type`, `language`, `source`, `category`, `task`,
        `context`, `grade` and `skills` its values, best first; each with `accuracy` (0 to 1), `correct`, `total`.

    Raises:
        ValueError: if there are no records, or another number of verdicts.
    """
    if not records or len(records) != len(verdicts):
        raise ValueError(
            f"{len(records)} records and {len(verdicts)} verdicts: give one verdict for each record, at least one."
        )
    groups: dict[str, dict[str, list[bool]]] = {group: {} for group in GROUPS}
    for record, verdict in zip(records, verdicts, strict=True):
        labels = {**(record.get("metadata") or {}), **{name: record[name] for name in GROUPS if name in record}}
        for group in GROUPS:
            values = labels.get(group) or []
            for value in [values] if isinstance(values, str) else dict.fromkeys(values):
                groups[group].setdefault(value, []).append(verdict.correct)
    average = _accuracy([verdict.correct for verdict in verdicts])
    table: dict[str, dict] = {"average": average}
    for group, values in groups.items():
        rows = [(value, _accuracy(said)) for value, said in values.items()]
        table[group] = dict(sorted(rows, key=lambda row: -row[1]["accuracy"]))
    return table


def load(path: str | Path) -> list[dict[str, Any]]:
    """Records of `testmini.json` (an object of records by pid), of a list, or of the data set's parquet file.

    Raises:
        ValueError: for what is no such file, or a record that cannot be scored. The message names file and record.
    """
    records: dict[str, dict[str, Any]] = {}
    for row in read_rows(path):
        where = f"{path}, {row.place}"
        record = {"pid": row.key, **row.fields} if row.key else row.fields
        _check(record, where)
        if row.key and record["pid"] != row.key:
            raise ValueError(f"{where} says that its `pid` is {record['pid']!r}.")
        if record["pid"] in records:
            raise ValueError(f"{where}: question {record['pid']} occurs twice.")
        records[record["pid"]] = record
    return list(records.values())


def _normalised(record: Mapping[str, Any], extraction: Any) -> str | None:
    if record["question_type"] == "multi_choice":
        choices = record["choices"]
        text = extraction.strip() if isinstance(extraction, str) else str(extraction)
        if bracketed := LETTER.search(text):
            text = bracketed[1].upper()
        letters = [chr(ord("A") + place) for place in range(len(choices))]
        if text in letters:
            return choices[letters.index(text)]
        return min(choices, key=lambda choice: Levenshtein.distance(text, choice))  # the first of several
    try:
        match record["answer_type"]:
            case "integer":
                return str(int(float(extraction)))
            case "float":
                return str(round(float(extraction), _precision(record)))
            case _:
                return str(extraction)
    except (TypeError, ValueError, OverflowError):
        return None


def _precision(record: Mapping[str, Any]) -> int:
    # A float where the records come from the Hub, whose column holds floats.
    return int(record["precision"])


def _number(text: str) -> float | None:
    """The one number in a text, whatever unit is beside it; `None` if there is none, or more than one."""
    found = [match[0] for match in NUMBER.finditer(text[:200])]
    if len(found) != 1 or re.search(r"[/^√π]|\\frac|\\sqrt|\\pi|sqrt|\de[-+]?\d", text):
        return None
    return float(re.sub(r"[\s,]", "", found[0]).replace("−", "-"))


def _same_number(record: Mapping[str, Any], answer: str) -> bool:
    value, gold = _number(answer), _number(record["answer"])
    if value is None or gold is None:  # 2√3, 3/4, 5π
        return equal(record["answer"], answer)
    if record["answer_type"] == "float" and record.get("precision") is not None:
        return abs(value - gold) <= 0.5 * 10.0 ** -_precision(record) + 1e-9
    return abs(value - gold) <= 1e-6


def _fair_list(gold: str, response: str) -> Verdict:
    written = LIST.findall(response[-8000:])
    answer = f"[{written[-1]}]" if written else read_answer(response)
    if answer is None:
        return Verdict(None, False)
    values, wanted = ([match[0] for match in NUMBER.finditer(text)] for text in (answer, gold))
    same = len(values) == len(wanted) > 0 and all(
        abs(_number(a) - _number(b)) <= 1e-6 for a, b in zip(values, wanted, strict=True)
    )
    return Verdict(answer, same)


def _accuracy(said: Sequence[bool]) -> dict[str, float | int]:
    return {"accuracy": sum(said) / len(said), "correct": sum(said), "total": len(said)}


def _check(record: Mapping[str, Any], where: str) -> None:
    for field in ("pid", "question_type", "answer_type", "answer"):
        if not isinstance(record.get(field), str):
            raise ValueError(f"{where} has no text in `{field}`.")
    if record["answer_type"] not in ANSWER_TYPES.get(record["question_type"], ()):
        raise ValueError(
            f"{where}: `question_type` {record['question_type']!r} with `answer_type` {record['answer_type']!r} is not"
            " one of multi_choice with text, or free_form with integer, float or list."
        )
    choices = record.get("choices")
    if record["question_type"] == "multi_choice":
        if not isinstance(choices, list) or not choices or not all(isinstance(choice, str) for choice in choices):
            raise ValueError(f"{where} has no list of texts in `choices`.")
    if record["answer_type"] == "float" and not isinstance(record.get("precision"), (int, float)):
        raise ValueError(f"{where} has no number in `precision`.")
