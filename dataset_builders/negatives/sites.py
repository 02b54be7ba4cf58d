"""The places of a caption that can be made wrong, each with the wrong texts that may stand there.

A site is a stretch of the caption with a small alphabet: the original text and its alternatives, all about equally
far from one another. `order` sites name things with letters permuted, `shape` and `relation` sites take words of
[`lexicon`][dataset_builders.negatives.lexicon], `number` sites numbers of the same make.
"""

import random
import re
from itertools import pairwise

from dataset_builders.negatives.grammar import LABEL, Fact, Reading, Thing, Token, fold
from dataset_builders.negatives.lexicon import (
    ANGLES_OF_TRIANGLES,
    DRASTIC,
    POLYGONS,
    QUADRILATERALS,
    RARE,
    RELATIONS,
    SIDES_OF_TRIANGLES,
)
from dataset_builders.negatives.numbers import other_numbers
from dataset_builders.negatives.order_sites import Site, order_sites

_QUESTION = frozenset("then what find determine calculate prove compute how which try".split())
_NOT_A_SHAPE = frozenset("unit units root cm meter meters metre metres of feet centimeters centimetres".split())
_NUMBERED = frozenset("figure figures fig question problem step no example option grade picture diagram".split())
_ROUND = frozenset(
    "radius diameter chord tangent inscribed circumscribed arc radii chords tangents center centre".split()
)
_AT_RIGHT = frozenset("hypotenuse leg legs right-angled rttriangle".split())


def find_sites(caption: str, reading: Reading, rng: random.Random, per_number: int, subtle: bool = True) -> list[Site]:
    """All sites outside questions ("then the length of AB is ()"), in the order of the caption.

    Args:
        per_number: How many other numbers to offer for each.
        subtle: Whether drastic relations (∥ → ⟂) stand back behind all others.
    """
    asked = _asked(reading)
    free = [not any(a <= at < b for a, b in asked) for at in range(len(reading.tokens))]
    sites = [
        *order_sites(caption, reading, free),
        *_shape_sites(caption, reading, free),
        *_relation_sites(caption, reading, free, subtle),
        *_number_sites(caption, reading, free, rng, per_number),
    ]
    return sorted((site for site in sites if site.texts), key=lambda site: (site.start, site.end, site))


def _asked(reading: Reading) -> list[tuple[int, int]]:
    """Ranges of tokens that ask and so state nothing."""
    tokens, ranges, start = reading.tokens, [], 0
    for at in range(len(tokens) + 1):
        if at < len(tokens) and not (tokens[at].text in (".", ";", "!", "?") or at == len(tokens) - 1):
            continue
        if [token.text for token in tokens[at + 1 : at + 3]] == ["(", ")"]:
            continue  # "the length is. ()"
        end = min(at + 1, len(tokens))
        texts = [token.text for token in tokens[start:end]]
        blank = any(a == "(" and b == ")" for a, b in pairwise(texts))
        if blank or "?" in texts or (texts and texts[0] in _QUESTION):
            asking = [i for i, text in enumerate(texts) if text in _QUESTION and (text != "which" or "?" in texts)]
            last = [a for a, b in reading.clauses if start <= a < end]
            first = start + asking[-1 if blank else 0] if asking else (last[-1] if last else start)
            ranges.append((first, end))
        start = end
    return ranges


# Shapes


def _shape_sites(caption: str, reading: Reading, free: list[bool]) -> list[Site]:
    tokens, sites = reading.tokens, []
    texts = [token.text for token in tokens]
    words = set(texts)
    quads = sum(text.rstrip("s") in QUADRILATERALS or text == "quadrilateral" for text in texts)
    isosceles = any(fact.relation == "equal" for fact in reading.facts) or "equal" in words
    right = _has_right_angle(texts)
    degrees = any(f.relation == "value" and f.first.kind == "angle" for f in reading.facts) or "°" in words
    measured = degrees or any(fact.relation == "value" for fact in reading.facts)
    for at, text in enumerate(texts):
        following = texts[at + 1] if at + 1 < len(texts) else ""
        before = texts[at - 1] if at else ""
        others: tuple[str, ...] = ()
        if not free[at] or tokens[at].kind != "word":
            continue
        of_triangle = "triangle" in (following, texts[at + 2] if at + 2 < len(texts) else "") or following == "△"
        if text in QUADRILATERALS and quads == 1 and following not in _NOT_A_SHAPE and before not in ("cm", "m"):
            # Perpendicular or equal parts may make a rhombus of a parallelogram: only a trapezoid is certainly none.
            special = right or isosceles
            others = tuple(other for other in QUADRILATERALS[text] if other == "trapezoid" or not special)
        elif text in POLYGONS and words.isdisjoint(set(POLYGONS) - {text}) and not _named(reading, at, following):
            others = tuple(other for other in POLYGONS if other != text)
        elif text == "circle" and texts.count("circle") == 1 and not words & _ROUND and "⊙" not in words:
            others = ("ellipse",)
        elif text == "ellipse" and texts.count("ellipse") == 1 and "foci" not in words:
            others = ("circle",)
        elif text in ("isosceles", "right") and following in ("trapezoid", "trapezium"):
            others = ("right",) if text == "isosceles" and not isosceles else ("isosceles",) if text == "right" else ()
        elif text in SIDES_OF_TRIANGLES and of_triangle:
            angled = not {"right", "obtuse", "right-angled", "obtuse-angled"}.isdisjoint((before, following)) or right
            others = tuple(
                other
                for other in SIDES_OF_TRIANGLES[text]
                if not (other == "equilateral" and (angled or measured)) and not (other == "scalene" and isosceles)
            )
        elif text in ANGLES_OF_TRIANGLES and (of_triangle or following == "angle") and not right and not degrees:
            equilateral = "equilateral" in words
            others = () if equilateral else ANGLES_OF_TRIANGLES[text]
        if others:
            sites.append(_word_site("shape", caption, tokens, at, at + 1, others))
    return sites


def _has_right_angle(texts: list[str]) -> bool:
    words = set(texts)
    named = bool(words & _AT_RIGHT) or "⊥" in words or "perpendicular" in words
    return named or "right angle" in " ".join(texts) or "90" in words or "90.0" in words


def _named(reading: Reading, at: int, following: str) -> bool:
    return bool(LABEL.match(following)) or any(t.token == at + 1 for t in reading.things)


def _word_site(
    type_: str, caption: str, tokens: list[Token], at: int, end: int, others: tuple[str, ...], rank: int = 0
) -> Site:
    """Puts words in the place of tokens at..end, with the article before them and the capital of the first."""
    start, stop = tokens[at].start, tokens[end - 1].end
    old = caption[start:stop]
    texts = [other.capitalize() if old[0].isupper() and other[0].isalpha() else other for other in others]
    if at and tokens[at - 1].text in ("a", "an", "A") and tokens[at - 1].end + 1 == start:
        article = caption[tokens[at - 1].start : tokens[at - 1].end]
        start = tokens[at - 1].start
        texts = [article[0] + ("n " if text[0].lower() in "aeiou" else " ") + text for text in texts]
    return Site(type_, start, stop, tuple(texts), rank)


# Relations


def _relation_sites(caption: str, reading: Reading, free: list[bool], subtle: bool) -> list[Site]:
    tokens, sites, at = reading.tokens, [], 0
    uncertain = {"equilateral", "isosceles"} & {token.text for token in tokens} or any(
        fact.relation == "equal" for fact in reading.facts
    )
    while at < len(tokens):
        taken = 1
        for size in (4, 3, 2, 1):
            if at + size > len(tokens) or not all(free[at : at + size]) or not _adjacent(caption, tokens, at, size):
                continue
            phrase = " ".join(token.text for token in tokens[at : at + size])
            if size == 1 and tokens[at].kind == "sign":
                phrase = caption[tokens[at].start : tokens[at].end]
            phrase = {"⟂": "⊥", "∼": "~", "‖": "∥", "//": "∥"}.get(phrase, phrase)
            rank, others = _others(phrase)
            if others and not (phrase in ("~", "\\sim") and not _between_figures(reading, at)):
                if uncertain and phrase in ("altitude", "median", "angle bisector", "centroid", "incenter"):
                    break
                if rank == 1 and not subtle:
                    rank = 0
                sites.append(_word_site("relation", caption, tokens, at, at + size, others, rank))
                taken = size
                break
        at += taken
    sites += [_multiple(caption, tokens, fact, reading) for fact in reading.facts if _can_double(fact, free)]
    return sites


def _others(phrase: str) -> tuple[int, tuple[str, ...]]:
    for rank, table in enumerate((RELATIONS, DRASTIC, RARE)):
        if phrase in table:
            return rank, table[phrase]
    return 0, ()


def _adjacent(caption: str, tokens: list[Token], at: int, size: int) -> bool:
    return all(
        not caption[one.end : two.start].strip() and two.start - one.end <= 1
        for one, two in pairwise(tokens[at : at + size])
    )


def _between_figures(reading: Reading, at: int) -> bool:
    return any(
        fact.relation == "similar" and fact.second is not None and fact.first.token < at < fact.second.token
        for fact in reading.facts
    )


def _can_double(fact: Fact, free: list[bool]) -> bool:
    return (
        fact.relation == "equal" and fact.second is not None and all(free[t.token] for t in (fact.first, fact.second))
    )


def _multiple(caption: str, tokens: list[Token], fact: Fact, reading: Reading) -> Site:
    """AB = CD → AB = 2CD, unless both have lengths of their own."""
    signs = [t for t in range(fact.first.token, fact.second.token) if tokens[t].text == "="]
    lengths = {f.first.labels for f in reading.facts if f.relation == "value"}
    if len(signs) != 1 or {fact.first.labels, fact.second.labels} <= lengths:
        return Site("relation", 0, 0, ())
    sign, following = tokens[signs[0]], tokens[signs[0] + 1]
    space = caption[sign.end : following.start]
    gap = " " if following.kind == "word" else ""
    return Site("relation", sign.start, following.start, (f"={space}2{gap}", f"={space}3{gap}"))


# Numbers


def _number_sites(caption: str, reading: Reading, free: list[bool], rng: random.Random, count: int) -> list[Site]:
    tokens, sites = reading.tokens, []
    names = {thing.token: thing for thing in reading.things}
    owner = {fact.number: fact.first for fact in reading.facts if fact.number >= 0}
    nearest: Thing | None = None
    right_triangle = not {"right", "rttriangle", "rt", "right-angled"}.isdisjoint(token.text for token in tokens)
    for at, (kind, text, start, end) in enumerate(tokens):
        if at in names:
            nearest = names[at]
        if kind not in ("number", "fraction", "root") or at in names or not free[at]:
            continue
        before = tokens[at - 1] if at else None
        after = tokens[at + 1] if at + 1 < len(tokens) else None
        if before is not None and (before.text in _NUMBERED or before.text == "^" or before.text == "_"):
            continue
        if before is not None and after is not None and before.text == "(" and after.text == ")":
            continue  # an item's number
        if text in ("90", "90.0") and right_triangle:
            continue  # "the right triangle ABC with angle C = 80" would not be said of any figure
        thing = owner.get(at) or nearest
        said = " ".join(token.text for token in tokens[max(0, at - 6) : at])
        degrees = after is not None and after.text in ("°", "degrees", "degree")
        angle = degrees or (thing is not None and thing.kind == "angle" and at - thing.token <= 6)
        angle = angle or (bool(re.search(r"\bangle\b", said)) and after is not None and after.text != "cm")
        factor = after is not None and after.start == end and (after.kind == "name" or len(after.text) == 1)
        factor = factor and (after is not None) and (after.text.isalpha() and after.text != "m")
        if angle and factor:
            angle = False  # ∠A = 2∠B, 2x°
        texts = other_numbers(text, rng, count, angle, least=2 if factor else 1)
        if after is not None and after.text == "%" and kind == "number":
            texts = [other for other in texts if float(other.replace(",", "")) <= 100]
        old = caption[start:end]
        if old != fold(old):
            texts = [_wide(other) for other in texts]
        sites.append(Site("number", start, end, tuple(texts)))
    return sites


def _wide(text: str) -> str:
    return "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text)
