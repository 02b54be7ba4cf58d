"""Reads an English geometry caption: tokens, the named things among them, and the facts it states of these.

    read(tokenise("In △ABC, AB ∥ DE and ∠A = 80°."))
    things: triangle ABC, segment AB, segment DE, angle A
    facts:  parallel(AB, DE), value(∠A, 80°)

Nothing is corrected and nothing is lost: a token knows where it stands in the caption, and what no rule knows is a
token all the same. Full-width letters, digits and signs are read like their ASCII forms.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

from dataset_builders.negatives.lexicon import LATEX, NOUNS, PLAIN_SEGMENTS, PLURALS, SIGNS

_SAME = {
    "'": "’‘′", "-": "−–", " ": "\u3000\u200b\xa0\t", ".": "。", ",": "，、", "~": "∼∽", "⊥": "⟂", "∥": "‖",
    "≅": "≌", "°": "º˚", "△": "▵Δ", "∠": "∡", "⊙": "⨀",
}  # fmt: skip
_FOLD = {ord(other): one for one, others in _SAME.items() for other in others}
_FOLD |= {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}

_LABEL = r"[A-Z](?:_\{?\w\}?|[₀-₉]+|\d(?![\d.]))?['″]*"
_TOKEN = re.compile(
    r"(?P<degree>\^\s*\{?\s*\\circ\b\s*\}?)"
    r"|(?P<root>(?:\d+(?:\.\d+)?)?\s?(?:√|\\sqrt)\s?(?:\{\d+(?:\.\d+)?\}|\(\d+\)|\d+))"
    r"|(?P<fraction>\\[dt]?frac\{\d+\}\{\d+\}|\d+/\d+(?![\d.]))"
    r"|(?P<latex>\\[A-Za-z]+)"
    r"|(?P<number>\d{1,3}(?:,\d{3})+(?!\d)|\d+(?:\.\d+)?)"
    rf"|(?P<name>(?<![A-Za-z])(?>(?:{_LABEL})+)(?![A-Za-z]))"
    r"|(?P<word>[A-Za-z]+(?:-[A-Za-z]+)*)"
    r"|(?P<sign>//|[^\s])"
)
LABEL = re.compile(_LABEL)

# After a lone "A" these words show that it is a label and no article.
_AFTER_LABEL = frozenset(
    "is are was and or to on as in at of with from by has have lies lie such where which that respectively then so if "
    "bisects intersects perpendicular parallel equals equal moves falls coincides lying being be".split()
)
_SKIPPED = frozenset("$ { } \\ ( )".split())
_LINKS = frozenset("is are the a an to with line segment side lines sides".split())
_MEASURING = frozenset(
    "is are has have a an the length lengths of to measure measures measuring equals equal = degree degrees size with "
    "about : marked labeled labelled as both".split()
)
_SAYING = frozenset("= : is are has measures measuring equals equal length".split())
_OTHER_MEASURES = frozenset(
    "distance height between area perimeter ratio sum difference on from through + - : / · sin cos tan".split()
)
_STATING = frozenset("is bisects intersects lies measures has passes meets".split())
_TOGETHER = frozenset(", and & or".split())


class Token(NamedTuple):
    """A piece of the caption, `caption[start:end]`. `kind` is name, number, fraction, root, word, latex or sign.

    `text` is what is compared: small letters in words, ASCII for full-width characters, a sign for a LaTeX command.
    """

    kind: str
    text: str
    start: int
    end: int


class Thing(NamedTuple):
    """A named object: its kind (triangle, angle, polygon, segment, ray, arc, circle, point, other), labels, token
    position, and the noun before it (empty if none)."""

    kind: str
    labels: tuple[str, ...]
    token: int
    noun: str


class Fact(NamedTuple):
    """A statement: a relation of two things, or `value` of one thing, `number` being a token position (else -1)."""

    relation: str
    first: Thing
    second: Thing | None
    number: int


@dataclass(frozen=True)
class Reading:
    """What a caption says: its tokens, the things named, the facts stated, and the token ranges of its clauses."""

    tokens: list[Token]
    things: list[Thing]
    facts: list[Fact]
    clauses: list[tuple[int, int]]


def fold(text: str) -> str:
    """The text with full-width and look-alike characters replaced one for one, so that positions stay."""
    return text.translate(_FOLD)


def tokenise(caption: str, offset: int = 0) -> list[Token]:
    """The caption's tokens in order; `offset` is added to their positions."""
    plain = fold(caption)
    tokens = []
    for match in _TOKEN.finditer(plain):
        kind, text = match.lastgroup, match.group()
        if text == "//":
            text = "∥"
        elif kind == "degree":
            kind, text = "sign", "°"
        elif kind == "word":
            text = text.lower()
        elif kind == "latex":
            text = LATEX.get(text, text)
            kind = "sign" if len(text) == 1 else "latex"
        elif kind == "name" and not _is_name(text):
            kind, text = "word", text.lower()
        tokens.append(Token(kind, text, match.start() + offset, match.end() + offset))
    return tokens


def _is_name(text: str) -> bool:
    if len(text) == 1:
        return text not in ("I", "S")
    labels = LABEL.findall(text)
    return len(labels) <= 8 and len(set(labels)) == len(labels)


def labels_of(name: str) -> tuple[str, ...]:
    """The labels of a name, primes and subscripts kept: `A'B_1` → `A'`, `B_1`."""
    return tuple(LABEL.findall(name)) if name[0].isupper() else (name,)


def read(tokens: list[Token]) -> Reading:
    """Finds things, facts and clauses. Never fails: what is not understood is no thing and no fact."""
    things = _things(tokens)
    clauses = _clauses(tokens, {thing.token for thing in things})
    return Reading(tokens, things, _facts(tokens, things, clauses), clauses)


def respelt(reading: Reading, tokens: list[Token]) -> Reading:
    """The reading of as many tokens as before, of which numbers and the letters of names alone are others."""
    things = []
    for thing in reading.things:
        text = tokens[thing.token].text
        if text != reading.tokens[thing.token].text:
            thing = thing._replace(labels=labels_of(text))
        things.append(thing)
    at = {thing.token: thing for thing in things}
    facts = [
        fact._replace(first=at[fact.first.token], second=fact.second and at[fact.second.token])
        for fact in reading.facts
    ]
    return Reading(tokens, things, facts, reading.clauses)


# Things


def _things(tokens: list[Token]) -> list[Thing]:
    things: list[Thing] = []
    noun, noun_at, listed = "", -9, False
    for at, token in enumerate(tokens):
        kind, text, _, _ = token
        if text in NOUNS and kind != "name":
            noun, noun_at, listed = text, at, text in PLURALS
            continue
        if kind == "name" and not (text == "A" and _is_article(tokens, at, noun_at)):
            labels = labels_of(text) if len(text) > 1 else (text,)
            things.append(Thing(_kind(noun, labels), labels, at, noun))
            noun = noun if listed else ""
        elif kind == "number" and NOUNS.get(noun) == "angle" and _is_angle_label(tokens, at, noun_at, listed):
            things.append(Thing("angle", (text,), at, noun))
            noun = noun if listed else ""
        elif text not in _SKIPPED and not (listed and text in _TOGETHER) and kind != "latex":
            noun, listed = "", False
    return things


def _is_article(tokens: list[Token], at: int, noun_at: int) -> bool:
    if noun_at == at - 1 or at + 1 == len(tokens):
        return False
    following = tokens[at + 1]
    return following.kind == "word" and following.text not in _AFTER_LABEL


def _is_angle_label(tokens: list[Token], at: int, noun_at: int, listed: bool) -> bool:
    """Whether the number is a name (∠1, angle 2) and no measure (an angle 30°)."""
    text = tokens[at].text
    following = tokens[at + 1].text if at + 1 < len(tokens) else ""
    return (
        text.isdigit()
        and int(text) < 20
        and following not in ("°", "degrees", "degree")
        and (noun_at == at - 1 or listed)
    )


def _kind(noun: str, labels: tuple[str, ...]) -> str:
    kind, count = NOUNS.get(noun, ""), len(labels)
    fits = {
        "triangle": count == 3,
        "angle": count in (1, 3),
        "polygon": count >= 3,
        "segment": count == 2,
        "ray": count == 2,
        "arc": count in (2, 3),
        "circle": count == 1 or count >= 3,
        "point": count == 1,
    }
    if fits.get(kind):
        return kind
    return {1: "point", 2: "segment", 3: "other"}.get(count, "polygon")


# Clauses


def _clauses(tokens: list[Token], named: set[int]) -> list[tuple[int, int]]:
    """Ranges of tokens between full stops, semicolons, commas and the "and" that begins a new statement.

    A comma between two names of a list or two coordinates is no end.
    """
    ends, last, stated, depth = [], len(tokens) - 1, False, 0
    for at, token in enumerate(tokens):
        text = token.text
        depth = max(0, depth + (text == "(") - (text == ")"))
        if text in SIGNS or text in _STATING:
            stated = True
        elif text == "and" and stated and _statement_next(tokens, at + 1, named):
            ends.append(at)
            stated = False
        if text in (".", ";", "!", "?", ":") and not (text == ":" and 0 < at < last and at + 1 in named):
            ends.append(at)
        elif text == "," and not depth and not (at - 1 in named and _names_next(tokens, at + 1, named)):
            ends.append(at)
            stated = False
    starts = [0, *(end + 1 for end in ends)]
    return [(a, b) for a, b in zip(starts, [*ends, len(tokens)], strict=True) if a < b]


def _statement_next(tokens: list[Token], at: int, named: set[int]) -> bool:
    """Whether a name comes, perhaps after its noun, and then what is said of it."""
    while at < len(tokens) and at not in named and (tokens[at].text in NOUNS or tokens[at].text in ("the", "$")):
        at += 1
    after = tokens[at + 1].text if at + 1 < len(tokens) else ""
    return at in named and (after in SIGNS or after in _STATING)


def _names_next(tokens: list[Token], at: int, named: set[int]) -> bool:
    """Whether the list goes on after a comma: a name, and after it another separator or "are"."""
    while at < len(tokens) and tokens[at].text in ("and", "$"):
        at += 1
    after = tokens[at + 1].text if at + 1 < len(tokens) else ""
    return at in named and after in ("and", ",", "are", "lie", "respectively", "be")


# Facts


def _facts(tokens: list[Token], things: list[Thing], clauses: list[tuple[int, int]]) -> list[Fact]:
    facts, at = [], {thing.token: thing for thing in things}
    for start, end in clauses:
        row = [position for position in range(start, end) if position in at]
        for here, there in zip(row, [*row[1:], end][: len(row)], strict=True):
            between = [t for t in range(here + 1, there) if tokens[t].text not in _SKIPPED]
            first, second = at[here], at.get(there)
            relation = _relation(tokens, between, first, second)
            if relation and second is not None and not _is_multiple(tokens, there):
                facts.append(Fact(relation, first, second, -1))
            number = _measure(tokens, between, end) if _is_measured(tokens, first, start) else -1
            if number >= 0:
                facts.append(Fact("value", first, None, number))
            if second is not None and between and all(tokens[t].text in _TOGETHER for t in between):
                relation = _joint(tokens, there, end)
                if relation and there == row[-1]:
                    facts.append(Fact(relation, first, second, -1))
    return facts


def _relation(tokens: list[Token], between: list[int], first: Thing, second: Thing | None) -> str:
    found = ""
    for t in between:
        text = tokens[t].text
        if text in SIGNS:
            if found:
                return ""
            found = SIGNS[text]
        elif not (
            text in _LINKS
            or text in PLAIN_SEGMENTS
            or (second is not None and t == second.token - 1 and text in NOUNS)
        ):
            return ""
    return found


def _is_multiple(tokens: list[Token], name: int) -> bool:
    """Whether a factor stands before or a sum goes on after the name: `2AB`, `AB + CD`."""
    before, after = tokens[name - 1], tokens[name + 1] if name + 1 < len(tokens) else None
    return before.kind in ("number", "fraction", "root") or (after is not None and after.text in ("+", "-", "·", "•"))


def _is_measured(tokens: list[Token], thing: Thing, start: int) -> bool:
    """Whether a number after the thing is its own measure, and no area, ratio or distance from it."""
    return thing.kind in ("segment", "angle", "arc") and not any(
        token.text in _OTHER_MEASURES for token in tokens[start : thing.token]
    )


def _measure(tokens: list[Token], between: list[int], end: int) -> int:
    """The token of the number that is said to be the measure, or -1."""
    said = False
    for t in between:
        token = tokens[t]
        if token.kind in ("number", "fraction", "root"):
            following = tokens[t + 1] if t + 1 < end else None
            formula = following is not None and (
                following.kind == "name"
                or following.text in ("+", "-", "^", "·", "•", "times", "/", "∠", "angle", ":", "√")
                or (following.kind == "word" and len(following.text) == 1 and following.text != "m")
            )
            return t if said and not formula else -1
        if token.text not in _MEASURING and token.text not in NOUNS:
            return -1
        said = said or token.text in (
            "=",
            "is",
            "are",
            "measures",
            "measuring",
            "equals",
            "equal",
            "length",
            ":",
            "has",
        )
    return -1


def _joint(tokens: list[Token], last: int, end: int) -> str:
    """The relation of "AB and CD are parallel", looked for after the last name."""
    for t in range(last + 1, min(end, last + 5)):
        if tokens[t].text in SIGNS and tokens[t].kind == "word":
            return SIGNS[tokens[t].text]
        if tokens[t].text not in ("are", "is", "both", "mutually"):
            return ""
    return ""
