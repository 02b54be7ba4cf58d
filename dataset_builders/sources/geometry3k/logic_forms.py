"""A parser for Inter-GPS logic forms, the notation of Geometry3K's annotations.

    Equals(MeasureOf(Angle(A, B, C)), 2x+5)   →   Equals[MeasureOf[Angle[A, B, C]], 2x+5]

The notation: Lu et al., "Inter-GPS" (ACL 2021), `data/geometry3k/logic_forms/predicates.md` of lupantech/InterGPS.
"""

import re
from dataclasses import dataclass


class LogicFormError(ValueError):
    """A logic form that cannot be read; the message says where."""


@dataclass(frozen=True)
class Term:
    """A predicate with its arguments, or an atom without: a letter, a number, `$`, a formula, `angle 1`."""

    name: str
    args: tuple["Term", ...] = ()

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.args))})" if self.args else self.name


# An atom may have brackets of its own, as 2(x+3), so only a capitalised word opens a predicate.
_PREDICATE = re.compile(r"\s*([A-Z][A-Za-z]+)\s*\(")
_OPEN, _CLOSE = "({", ")}"


def parse(text: str) -> Term | None:
    """Parses one logic form; `None` for an empty one, of which the annotations hold 165.

    Raises:
        LogicFormError: on a bracket that does not close, an empty argument, or anything after the form's end.
    """
    if not text.strip():
        return None
    term, end = _term(text, 0)
    if text[end:].strip():
        raise LogicFormError(f"{text!r}: {text[end:].strip()!r} follows the end of the form at column {end + 1}.")
    return term


def _term(text: str, start: int) -> tuple[Term, int]:
    opening = _PREDICATE.match(text, start)
    if not opening:
        return _atom(text, start)
    args, position = [], opening.end()
    while True:
        arg, position = _term(text, position)
        args.append(arg)
        if position >= len(text):
            raise LogicFormError(f"{text!r}: the bracket of {opening[1]} at column {opening.end()} does not close.")
        position += 1
        if text[position - 1] == ")":
            # Spaces belong to no one, so that "Line(A, B) , C" reads as "Line(A, B), C".
            return Term(opening[1], tuple(args)), position + len(text[position:]) - len(text[position:].lstrip())


def _atom(text: str, start: int) -> tuple[Term, int]:
    depth, end = 0, start
    while end < len(text) and (depth or text[end] not in ",)"):
        depth += (text[end] in _OPEN) - (text[end] in _CLOSE)
        end += 1
    name = text[start:end].strip()
    if not name:
        raise LogicFormError(f"{text!r}: an argument is missing at column {start + 1}.")
    return Term(name), end
