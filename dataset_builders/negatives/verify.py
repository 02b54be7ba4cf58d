"""Whether the negatives of a record are false: read off the programs that a generated record carries."""

from collections.abc import Mapping
from typing import Any

from dataset_builders.diagram.facts import facts_of, refuted
from dataset_builders.diagram.figure import DRAWN, FigureError, solve
from dataset_builders.diagram.program import Program, ProgramError, parse

SEPARATOR = "\n---\n"


def join_programs(programs: list[Program]) -> str:
    """The `program` column of a record: the positive's program, then those of its negatives, with `---` between."""
    return SEPARATOR.join(map(str, programs))


def split_programs(text: str) -> list[Program]:
    """The programs of a `program` column.

    Raises:
        ProgramError: as [`parse`], if one of them cannot be read; lines are counted in the program.
    """
    return [parse(part) for part in text.split(SEPARATOR)] if text.strip() else []


def verified(record: Mapping[str, Any]) -> list[bool | None]:
    """For each negative of a record, captions first, then images, whether it is certainly false.

    A negative caption is, if the positive's figure refutes one of its facts. A negative image is, if its figure
    refutes a fact of the positive, and the positive's figure one of its own.

    Returns:
        One value per negative; `None` for each where the record does not carry the program of every negative.
    """
    captions, images = len(record["negative_captions"] or ()), len(record["negative_images"] or ())
    try:
        programs = split_programs(record["program"] or "")
        if len(programs) != 1 + captions + images:
            return [None] * (captions + images)
        figures = [solve(program, DRAWN) for program in programs]
    except (ProgramError, FigureError):
        return [None] * (captions + images)
    facts = [facts_of(program) for program in programs]
    verdicts = []
    for place in range(1, len(programs)):
        false = any(refuted(figures[0], fact) for fact in facts[place])
        if place > captions:
            false = false and any(refuted(figures[place], fact) for fact in facts[0])
        verdicts.append(false)
    return verdicts
