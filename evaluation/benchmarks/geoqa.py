r"""GeoQA: the 754 English questions on which LMMs are compared, as a choice of four or in free form.

A record as G-LLaVA publishes it, its answer joined to it:

    {"question_id": 12, "image": "test/12.png", "answer": "B", "text": "\nFirst perform reasoning, then finally select
     the answer from the choices in the following format: Answer: xxx.\nQuestion:As shown in the figure, AB parallel
     CD, if angle 1 = 50.0, then angle 2 is ()\nChoices:\nA:40°\nB:50°\nC:130°\nD:140°"}

and as R1-V does, without choices:

    {"image_path": "./Geo170K/images/test/12.png", "question": "As shown in the figure, AB parallel CD, if angle 1 =
     50.0, then angle 2 is ()", "ground_truth": "50°"}

Official scorers: https://github.com/pipilurj/G-LLaVA/blob/main/scripts/geo_acc_calculate.py and
https://github.com/Deep-Agent/R1-V/blob/main/src/eval/test_qwen2vl_geoqa.py
"""

import re
from pathlib import Path, PurePosixPath
from typing import Any

from ..answers import equal, read_answer, read_choice
from ..bounded_math_verify import verified
from ..pictures import find_pictures
from ..row_files import read_rows
from ..verdict import Verdict

NAME = "geoqa"

LETTERS = "ABCD"
PATTERNS = (
    r"Answer:([A-D])",
    r"the correct answer is option ([A-D])",
    r"option ([A-D]) is selected",
    r"the answer is option ([A-D])",
    r"the answer is \(([A-D])\)",
)
CHOICE = re.compile(r"\s*\(?([A-Z])\s*[:.)：]\s*(.*?)\s*", re.DOTALL)

FREE_FORM_PROMPT = (
    "{question} Output the thinking process in <think> </think> and final answer (number) in <answer> </answer> tags."
)
CHOICE_FIELDS = ("question_id", "text")
FREE_FORM_FIELDS = ("question", "ground_truth")
NAMED_BY = {"question_id", "index", "image", "image_path"}


def official(record: dict[str, Any], response: str, extraction: str | None = None) -> Verdict:
    """G-LLaVA's rule for records with `answer`; R1-V's, [`official_free_form`], for those with `ground_truth`.

    The first of these wordings that occurs in the response, where it occurs first, gives the letter: `Answer:C`
    (`Answer: C` does not count), "the correct answer is option C", "option C is selected", "the answer is option C",
    "the answer is (C)". Failing all, the first "is C" between the last two full stops does, where a vertex (`is CD`)
    is taken for a letter and a decimal point for a full stop. A response is wrong if no letter is found.

    Args:
        record (`dict`): `answer`, or `ground_truth`.
        response (`str`): free text.
        extraction (`str`, *optional*): a letter (or a free-form answer) that was read before, to be compared as it is.

    Returns:
        `Verdict`: `extracted` is the letter, or the answer as math-verify understands it.
    """
    if _is_free_form(record):
        return official_free_form(record, response, extraction)
    letter = _official_letter(response) if extraction is None else str(extraction)
    return Verdict(letter, letter == record["answer"])


def official_free_form(record: dict[str, Any], response: str, extraction: str | None = None) -> Verdict:
    r"""R1-V's rule: math-verify's `verify(parse(response), parse(ground_truth))`, in this order of arguments.

    Its oddities are kept. A number counts after a blank or "=" only, so that in `<answer>50</answer>` the 50 is not
    seen and a number of the reasoning is taken. `2√{3}` and `12π` are read as 2 and 12, and the 17 right answers that
    are read as nothing (`√{3}`, `π`) are never met. A response over which math-verify would run into its timeouts is
    wrong; see [`verified`] for what bounds it here.

    Args:
        record (`dict`): `ground_truth`.
        response (`str`): free text.
        extraction (`str`, *optional*): what is to be parsed in place of the response.
    """
    return verified(str(response if extraction is None else extraction), str(record["ground_truth"]))


def fair(record: dict[str, Any], response: str) -> Verdict:
    """Our rule: the option, or the value, that the response settles on, however it is worded.

    Returns:
        `Verdict`: `extracted` is a letter, in free form the text of the answer.
    """
    if _is_free_form(record):
        answer = read_answer(response)
        return Verdict(answer, answer is not None and equal(record["ground_truth"], answer))
    letter = read_choice(response, choices(record))
    return Verdict(letter, letter == record["answer"])


def choices(record: dict[str, Any]) -> list[str]:
    """Texts of the options in their order, read from the lines below `Choices:` in `text`; none in free form."""
    _, found, below = record.get("text", "").rpartition("Choices:")
    if not found:
        return []
    options = [match.groups() for line in below.splitlines() if (match := CHOICE.fullmatch(line))]
    return [text for place, (letter, text) in enumerate(options) if letter == chr(ord("A") + place)]


def record_id(record: dict[str, Any]) -> str:
    """`question_id`, or R1-V's `index`, or the number that names the image; these are the same for a question."""
    for field in ("question_id", "index"):
        if field in record:
            return str(record[field])
    return PurePosixPath(record.get("image_path") or record["image"]).stem


def categories(record: dict[str, Any]) -> list[str]:
    """`"all"`, and the `category` of a record that says one, as the published ones do not."""
    own = record.get("category")
    return ["all", *([own] if isinstance(own, str) and own else [])]


def prompt(record: dict[str, Any]) -> str:
    """G-LLaVA's `text` as it is, or R1-V's wording around `question`."""
    return FREE_FORM_PROMPT.format(question=record["question"]) if _is_free_form(record) else record["text"]


def pictures(record: dict[str, Any], image_folder: Path) -> list[Path]:
    """The file of `image` or `image_path`, in a folder such as Geo170K's `images`."""
    return find_pictures(image_folder, [record.get("image_path") or record["image"]])


def load(path: str | Path) -> list[dict[str, Any]]:
    """Records of a file of questions, with their `answer` from the file that lies beside it.

    Args:
        path: `test_questions.jsonl` with `test_answers.jsonl` beside it (any names that differ in these words only), a
            file whose records have `answer` or `ground_truth` already, or a folder that holds one such file of
            questions.

    Raises:
        ValueError: for what is no such file, a field, choice or answer that is missing, an id that occurs twice. The
            message names file and place.
    """
    path = _questions_file(Path(path))
    rows = read_rows(path)
    free_form = any(_is_free_form(row.fields) for row in rows)
    answers_path = path.with_name(path.name.replace("questions", "answers"))
    answers: dict[str, Any] | None = None
    if not free_form and any("answer" not in row.fields for row in rows):
        if answers_path == path or not answers_path.is_file():
            beside = "" if answers_path == path else f", and there is no {answers_path.name} beside it"
            raise ValueError(f"{path} holds no answers{beside}; put the file of answers there.")
        answers = _letters(answers_path)
    records: dict[str, dict[str, Any]] = {}
    for row in rows:
        where = f"{path}, {row.place}"
        for field in FREE_FORM_FIELDS if free_form else CHOICE_FIELDS:
            if not isinstance(row.fields.get(field), (str, int)):
                raise ValueError(f"{where}: the record has no `{field}`.")
        if not NAMED_BY & row.fields.keys():
            raise ValueError(f"{where}: the record has neither `image_path` nor `index` to be named by.")
        name = record_id(row.fields)
        if name in records:
            raise ValueError(f"{where}: question {name} occurs twice.")
        records[name] = row.fields if free_form else _answered(row.fields, name, where, answers, answers_path)
    return list(records.values())


def _is_free_form(record: dict[str, Any]) -> bool:
    return "ground_truth" in record and "answer" not in record


def _official_letter(response: str) -> str | None:
    for pattern in PATTERNS:
        if match := re.search(pattern, response):
            return match[1]
    parts = response.split(".")
    match = re.search(r"is ([A-D])", parts[-2].strip()) if len(parts) > 1 else None
    return match[1] if match else None


def _questions_file(path: Path) -> Path:
    if not path.is_dir():
        return path
    for pattern in ("test_questions.jsonl", "*questions*.jsonl", "*prompts*.jsonl"):
        found = sorted(path.glob(pattern))
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(file.name for file in found)
            raise ValueError(f"{path} holds several files of questions ({names}); name one of them.")
    raise ValueError(f"{path} holds no test_questions.jsonl, nor another file of questions in JSON Lines.")


def _letters(path: Path) -> dict[str, Any]:
    letters: dict[str, Any] = {}
    for row in read_rows(path):
        name = str(row.fields.get("question_id"))
        if name in letters:
            raise ValueError(f"{path}, {row.place}: question {name} occurs twice.")
        letters[name] = row.fields.get("text")
    return letters


def _answered(
    row: dict[str, Any], name: str, where: str, answers: dict[str, Any] | None, answers_path: Path
) -> dict[str, Any]:
    """The record with its answer, checked against its choices."""
    if answers is not None and name not in answers:
        raise ValueError(f"{answers_path} has no answer to question {name} of {where}.")
    answer = row.get("answer") if answers is None else answers[name]
    options = choices(row)
    if not options:
        raise ValueError(f"{where}: question {name} has no lines such as `A:40°` below `Choices:`.")
    if answer not in list(LETTERS[: len(options)]):
        raise ValueError(f"{where}: the answer {answer!r} of question {name} is none of its {len(options)} choices.")
    return {**row, "answer": answer}
