"""The declarative way from a problem to image negatives: the model writes a diagram program, which is read and drawn
here; no code runs, captions and negatives come from the program itself, and negatives are verified false."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from dataset_builders.build import TALLY
from dataset_builders.chat import RequestError
from dataset_builders.code_records import drawn, png, style_of
from dataset_builders.diagram.caption import caption, describe
from dataset_builders.diagram.facts import agree, facts_of, holds, to_scale
from dataset_builders.diagram.figure import EXAM, FigureError, solve
from dataset_builders.diagram.program import VOCABULARY, OptionRule, Program, ProgramError, Statement, Verb, parse
from dataset_builders.diagram.sample import clear
from dataset_builders.diagram.style import Style
from dataset_builders.negatives.image import EXAM_DIAGRAMS, Scene, look_alikes, scene
from dataset_builders.negatives.llm.answers import FormError, code_block
from dataset_builders.negatives.llm.asking import Desk, Dropped, ask
from dataset_builders.negatives.llm.outcomes import Outcome, dropped, read_outcome
from dataset_builders.negatives.llm.problems import Problem
from dataset_builders.negatives.verify import join_programs
from dataset_builders.records import BadRecord

FEW = "the diagram has no more edits that are certainly false"
_LETTERS = "ABCDEFGH"
_VALUES = {"mark_length": 6, "mark_angle": 50, "mark_arc": 80}
_ROLES = {
    "shape": "Shapes make the points that they name (`similar` and `congruent` make the first three, from the others)",
    "construction": "Constructions make the point that they are assigned to, from points that are there",
    "drawing": "Lines between points that are there",
    "mark": 'Marks; a number may be a formula in quotes, such as "2x - 7", where it is no number',
}


@cache
def language() -> str:
    """The diagram language for somebody who has to write it, made from the vocabulary itself."""
    lines = [
        "The language, one statement to a line, in Python syntax:",
        "- A point is a capital letter, or one with a digit: A, A1. It is used after it is made, and made once.",
        "- The frame is 100 by 100, the origin at the lower left, y upwards. Angles are degrees, counter-clockwise.",
        "- `at=(x, y)` is a shape's centre, `size` the diameter of the circle about that centre through its farthest "
        "corner, `turn` its rotation. Corners go counter-clockwise from the top or the upper left. Options may be "
        "left out.",
        "- A right triangle has its right angle at the first point; an isosceles one its apex, of `angle` degrees. "
        "`angle` and `other` of a scalene one are the angles at its first and second point.",
    ]
    for role, words in _ROLES.items():
        lines.append(f"\n{words}:")
        lines += [_line(name, verb) for name, verb in VOCABULARY.items() if verb.role == role]
    lines.append(
        "\nExample:\n"
        'triangle(A, B, C, kind="isosceles", angle=50, at=(50, 48), size=80)\nD = midpoint(B, C)\nsegment(A, D)\n'
        "mark_length(A, B, 6)\nmark_angle(A, B, C, 65)"
    )
    return "\n".join(lines)


def _line(name: str, verb: Verb) -> str:
    """A verb with its options, and what it says of the figure."""
    points = tuple(_LETTERS[: verb.least])
    target = "P" if verb.role == "construction" else None
    statement = Statement(name, points, target, _VALUES.get(name))
    options = [f"{option}={_range(rule)}" for option, rule in verb.options.items()]
    said = [sentence for _, sentence in describe(Program((statement,)))]
    more = f" (up to {verb.most} points)" if verb.most > verb.least else ""
    text = str(statement)
    text = f"{text[:-1]}{', ' if options and not text.endswith('()') else ''}{', '.join(options)})"
    return f"- `{text}`{more}{f': {said[0]}.' if said else ''}"


def _range(rule: OptionRule) -> str:
    if rule.choices:
        return " | ".join(f'"{choice}"' for choice in rule.choices)
    number = f"{rule.low:g} to {rule.high:g}"
    return f"({number}, {number})" if rule.pair else number


def drawable(text: str) -> Program:
    """The program of a text, if it can be drawn well and shows what it states.

    Raises:
        ValueError: says what is wrong, in a sentence for whoever mends it.
    """
    program = parse(text)
    figure = solve(program, EXAM)
    facts = facts_of(program)
    if not facts:
        raise ValueError("the program states nothing; it needs a shape, a construction or a mark.")
    for fact, sentence in describe(program):
        if not holds(figure, fact):
            raise ValueError(f'the figure does not show that "{sentence}"; change places or proportions.')
    if not agree(figure, facts):
        raise ValueError("marked numbers contradict one another, the shape or the drawing; change proportions.")
    if not to_scale(figure, facts):
        raise ValueError("marked numbers do not fit the drawing: lengths within a fifth, angles within 12 degrees.")
    if not clear(figure):
        raise ValueError("there is no room for all letters and numbers; make the figure larger or mark less.")
    return program


async def program_outcome(problem: Problem, desk: Desk) -> Outcome:
    """The program of a problem, mended once if need be.

    Raises:
        Dropped: if there is none that can be drawn.
        EndpointError, OutOfBudget: as [`~dataset_builders.chat.Chat.ask`].
    """
    shared = {"language": language()}
    values = {"problem": problem.question, "solution": problem.solution, "image": bool(problem.image)}
    try:
        code = await ask(
            desk, "program", problem.id, code_block, picture=problem.image, distance=8, **values, **shared
        )
        try:
            return {"id": problem.id, "program": str(drawable(code))}
        except ValueError as error:
            values = {"problem": str(error), "code": code}
        code = await ask(desk, "program_repair", problem.id, code_block, **values, **shared)
        return {"id": problem.id, "program": str(drawable(code))}
    except FormError as error:
        raise Dropped("program", error.reason) from None
    except RequestError as error:
        raise Dropped("program", str(error)) from None
    except ProgramError:
        raise Dropped("program", "cannot be read") from None
    except FigureError:
        raise Dropped("program", "cannot be drawn") from None
    except ValueError as error:
        raise Dropped("program", str(error).split('"')[0].split(";")[0].split(":")[0].strip()) from None


def program_record(
    number: int,
    folder: Path,
    source: str,
    seed: int = 0,
    num_negatives: int = 10,
    candidates: str = "centred",
    num_edits: tuple[int, int] = (1, 1),
    size: int = 336,
    styles: bool = False,
) -> dict[str, Any] | BadRecord:
    """The record of an outcome: the program's picture and caption, and up to `num_negatives` look-alikes.

    `centred` makes the problem's own diagram the positive; `exchangeable` a random one of its look-alikes, so that the
    positive is not the centre of its candidates. See [`~dataset_builders.code_records.code_record`] for the rest.
    """
    outcome = read_outcome(folder, number)
    if bad := dropped(outcome, source, number):
        return bad
    base = scene(parse(outcome["program"]), diagrams=EXAM_DIAGRAMS)
    rng = np.random.default_rng([seed, number])
    centred = candidates == "centred"
    found = look_alikes(base, num_negatives + (not centred), rng, EXAM_DIAGRAMS, num_edits)
    group = [base, *found] if centred else [found[i] for i in rng.permutation(len(found))] or [base]
    style = style_of(str(group[0].program)) if styles else Style()
    pictures = {}
    for each in group:  # the first of those that look alike to the pixel
        pictures.setdefault(drawn(each.figure, size, style).tobytes(), each)
    return _record(
        outcome["id"], list(pictures.values()), size, style, source, num_negatives, int(rng.integers(2**31))
    )


def _record(
    name: str, group: list[Scene], size: int, style: Style, source: str, num_negatives: int, wording: int
) -> dict[str, Any]:
    # One wording for the whole group: captions differ where the figures do, nowhere else.
    captions = [caption(each.program, wording) for each in group]
    pictures = [png(drawn(each.figure, size, style)) for each in group]
    return {
        "id": name,
        "image": pictures[0],
        "caption": captions[0],
        "negative_captions": [],
        "negative_caption_kinds": [],
        "negative_images": pictures[1:],
        "negative_image_captions": captions[1:],
        "program": join_programs([each.program for each in group]),
        "source": source,
        TALLY: {
            "edits": [each.edit for each in group[1:]],
            "shortfall": [FEW] if len(group) <= num_negatives else [],
        },
    }
