r"""MM-Math: 5.9k problems of middle-school mathematics with a figure and an open answer (2024; MIT licence).

    {"question": "As shown in the figure, in the right triangle ABC, AC = 3 and BC = 4. What is the length of AB?",
     "file_name": "51234567.png", "solution": "Solution: By Pythagoras, $AB=\\sqrt{9+16}=\\boxed{5}$.",
     "year": "eight", "difficult": "easy", "knowledge": {"level_1": "Properties of Shapes", "level_2": "Triangle"}}

The answer is what is boxed in `solution`, possibly in several boxes. Official scorer:
https://github.com/kge-sun/MM-Math/blob/main/eval.py, whose judge is `evaluation.auto_scoring_judge`.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..answers import boxed, equal, read_answer
from ..auto_scoring_judge import boxed_answers, judge, prepared
from ..pictures import find_pictures
from ..row_files import read_rows
from ..verdict import Verdict

NAME = "mm_math"
CATEGORIES = ("all", "easy", "medium", "hard", "seven", "eight", "nine")

PROMPT = "{question}\nPlease reason step by step, and put your final answer within \\boxed{{}}."

# The official script expects the Chinese labels; the published file has the English ones.
DIFFICULTIES = {"容易": "easy", "普通": "medium", "困难": "hard"}
YEARS = {"七年级": "seven", "八年级": "eight", "九年级": "nine"}
KNOWLEDGE = ("Transformations of Shapes", "Properties of Shapes", "Functions")


def official(record: Mapping[str, Any], response: str, extraction: str | None = None) -> Verdict:
    r"""Both solution and response must have a box, and all their boxes together be equal by [`judge`] at 1e-2.

    A boxed intermediate result makes a response wrong. A recorded `extraction` needs no box: it is judged as
    VLMEvalKit judges whole responses.

    Args:
        record: With `solution`.
        response: Free text.
        extraction (`str`, *optional*): an answer that was read before.
    """
    solution = record["solution"]
    if extraction is not None:
        return Verdict(prepared(extraction), judge(solution, extraction))
    if r"\boxed{" not in response:
        return Verdict(None, False)
    return Verdict(prepared(response), bool(boxed_answers(solution)) and judge(solution, response))


def fair(record: Mapping[str, Any], response: str) -> Verdict:
    """Our rule: the final answer equals what the solution boxes; of several boxes all must be there, in any order.

    Where the solution has several boxes, so may the response: its last ones count, as many as there are.
    """
    golds = boxed(record["solution"])
    boxes = boxed(response)
    answer = ", ".join(boxes[-len(golds) :]) if len(boxes) >= len(golds) > 1 else read_answer(response)
    return Verdict(answer, bool(golds) and answer is not None and equal(", ".join(golds), answer))


def record_id(record: Mapping[str, Any]) -> str:
    """The name of the picture without its ending, or the `id` that [`load`] gives a further question on it."""
    return str(record.get("id") or Path(record["file_name"]).stem)


def categories(record: Mapping[str, Any]) -> list[str]:
    """Difficulty, year and first level of knowledge, in English, in the published layout or VLMEvalKit's."""
    found = ["all"]
    difficulty = record.get("difficult") or record.get("difficulty")
    if difficulty:
        found.append(DIFFICULTIES.get(difficulty, difficulty.lower()))
    year = record.get("year")
    if year:
        found.append(next((name for label, name in YEARS.items() if label in year), year.lower()))
    knowledge = record.get("knowledge_l1") or record.get("knowledge")
    if isinstance(knowledge, Mapping):
        knowledge = knowledge.get("level_1")
    if knowledge:
        text = str(knowledge)
        found.extend([name for name in KNOWLEDGE if name in text] or [text])
    return found


def prompt(record: Mapping[str, Any]) -> str:
    """The question and a request for a box, in words of ours: no official prompt is published."""
    return PROMPT.format(question=record["question"])


def pictures(record: Mapping[str, Any], image_folder: Path) -> list[Path]:
    """The file of `file_name`, which the published archive has below `MM_Math`."""
    return find_pictures(image_folder, [record["file_name"]])


def load(path: str | Path) -> list[dict[str, Any]]:
    """Records of `MM_Math.jsonl`. A second question on the same picture gets the `id` `<picture>-2`.

    Raises:
        ValueError: if there is no such file, or a row is no record; the message names file, place and what is wrong.
    """
    records, seen = [], Counter()
    for row in read_rows(path):
        needed = ("question", "file_name", "solution")
        if not all(isinstance(row.fields.get(name), str) for name in needed):
            raise ValueError(
                f"{path}, {row.place} is no record of MM-Math: it needs the texts {', '.join(needed)}; they are in"
                " MM_Math/MM_Math.jsonl."
            )
        name = record_id(row.fields)
        seen[name] += 1
        records.append(row.fields if seen[name] == 1 else {**row.fields, "id": f"{name}-{seen[name]}"})
    return records
