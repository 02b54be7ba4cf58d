"""What a run will take, before it is paid: requests, tokens and cost by stage. Estimates, without a network.

The input is counted on the prompts as they will be sent, with the real problems or captions in them. What a model will
have written by then is assumed to be as long as [`ASSUMED`] says, and so is what it answers.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from dataset_builders.chat.tokens import IMAGE, OVERHEAD, about
from dataset_builders.negatives.llm.problems import Problem
from dataset_builders.negatives.llm.programs import language
from dataset_builders.negatives.llm.prompts import Prompts

ASSUMED = {"script": 900, "program": 150, "caption": 120}
"""Tokens of an answer. Models that think before they answer need far more: give `--thinking_tokens`."""
REPAIRS = 0.2
"""Of scripts and of programs, the share that is assumed to need mending."""
_FAULT = 200  # tokens of an error message


class Line(NamedTuple):
    """A stage: its requests (a repair may be a part of one) and tokens."""

    stage: str
    requests: float
    input_tokens: float
    output_tokens: float


Count = Callable[[str], int]


def estimate(
    engine: str,
    prompts: Prompts,
    problems: Iterable[Problem] = (),
    captions: Iterable[str] = (),
    num_negatives: int = 10,
    num_edits: tuple[int, int] = (1, 4),
    thinking: int = 0,
    count: Count = about,
) -> list[Line]:
    """Requests and tokens by stage.

    Args:
        engine: `python`, `program` or `captions`.
        prompts: As they will be sent.
        problems: To be drawn.
        captions: To be edited.
        num_negatives, num_edits: As in the run.
        thinking: Tokens that the model spends in each answer before the answer itself.
        count: Tokens of a text.
    """
    lines: dict[str, list[float]] = {}

    def add(
        stage: str, inserted: float, answer: float, times: float = 1.0, picture: bool = False, **values: Any
    ) -> None:
        total = lines.setdefault(stage, [0.0, 0.0, 0.0])
        one = count(prompts.text(stage, values)) + OVERHEAD / 8 + inserted + IMAGE * picture
        for place, amount in enumerate((1.0, one, answer + thinking)):
            total[place] += times * amount

    script, program, caption = (ASSUMED[name] for name in ("script", "program", "caption"))
    wanted = {"count": num_negatives, "least": num_edits[0], "most": num_edits[1], "avoid": []}
    for text in captions:
        add("rule_captions", 0, num_negatives * (count(text) + 3), caption=text, **wanted)
    for problem in problems:
        shown = {"problem": problem.question, "solution": problem.solution, "image": bool(problem.image)}
        picture = bool(problem.image)
        if engine == "program":
            add("program", 0, program, picture=picture, language=language(), distance=8, **shown)
            values = {"language": language(), "problem": "", "code": ""}
            add("program_repair", program + _FAULT, program, REPAIRS, **values)
            continue
        add("python_code", 0, script, picture=picture, **shown)
        add("python_caption", script, caption, code="")
        add("python_negative_captions", script + caption, num_negatives * (caption + 3), caption="", code="", **wanted)
        values = {"caption": "", "negative": "", "code": ""}
        add("python_negative_code", script + 2 * caption, script, num_negatives, **values)
        add("python_repair", script + _FAULT, script, REPAIRS * (1 + num_negatives), problem="", code="")
    return [Line(stage, *amounts) for stage, amounts in lines.items()]
