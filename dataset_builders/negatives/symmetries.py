"""When two names, and two captions, say the same: △ABC = △BCA, AB = BA, ∠ABC = ∠CBA, square ABCD = DCBA."""

import re
from functools import lru_cache

from dataset_builders.negatives.grammar import Reading, Thing, Token, read, tokenise
from dataset_builders.negatives.lexicon import NOUNS, PLAIN_SEGMENTS, SIGNS

_DROPPED = frozenset("A a an the $ { } ( ) \\ , & and that with is are to if it known given where let suppose".split())
_UNIT = {"degrees": "°", "degree": "°", "centimeters": "cm", "percent": "%", "center": "centre", "ia": "is"}
_REORDERED = frozenset(("equal", "parallel", "perpendicular", "unequal"))


def dihedral(labels: tuple[str, ...]) -> tuple[str, ...]:
    """The one of all rotations and reflections of a polygon's name that sorts first."""
    doubled, mirrored, count = labels * 2, labels[::-1] * 2, len(labels)
    return min(row[start : start + count] for row in (doubled, mirrored) for start in range(count))


def canonical_name(kind: str, labels: tuple[str, ...]) -> tuple[str, ...]:
    """One name for all names of the same thing; `kind` as in [`Thing`]."""
    if kind in ("triangle", "circle", "other"):
        return tuple(sorted(labels))
    if kind == "polygon":
        return dihedral(labels)
    if kind == "ray":
        return labels
    return min(labels, labels[::-1])


def matched(first: tuple[str, ...], second: tuple[str, ...]) -> tuple:
    """The correspondence of similar or congruent figures, whatever the order in which its pairs are named."""
    return min(tuple(sorted(zip(a, b, strict=True))) for a, b in ((first, second), (second, first)))


def canonical(caption: str) -> tuple[tuple[str, ...], ...]:
    """A form that is the same for captions that say the same, for comparing them.

    Things by one of their names, the sides of symmetric relations and the members of lists sorted, numbers by value
    (80.0 = 80), words without case, articles and nouns that add nothing ("side AB", "segment BA"), clauses as a
    sorted bag. It may take two different captions for one, where commas alone tell them apart, and never the reverse
    for the symmetries named above.
    """
    return canonical_reading(read(tokenise(caption)))


def canonical_reading(reading: Reading, cache: dict | None = None) -> tuple[tuple[str, ...], ...]:
    """[`canonical`] of a caption that has been read; `cache` saves the work on clauses met before."""
    cache = {} if cache is None else cache
    at = {thing.token: thing for thing in reading.things}
    forms = []
    for start, end in reading.clauses:
        inside = [(token - start, *at[token][:2]) for token in range(start, end) if token in at]
        key = (*(token.text for token in reading.tokens[start:end]), *inside)
        form = cache.get(key)
        if form is None:
            form = cache[key] = tuple(_clause(reading.tokens, start, end, at))
        forms.append(form)
    return tuple(sorted(forms))


def _clause(tokens: list[Token], start: int, end: int, at: dict[int, Thing]) -> list[str]:
    words: list[str | Thing] = []  # things stay things until lists and relations are sorted
    together = False
    for position in range(start, end):
        kind, text, _, _ = tokens[position]
        thing = at.get(position)
        if thing is not None:
            if together and isinstance(words[-1], list) and words[-1][-1].kind == thing.kind:
                words[-1].append(thing)
            else:
                words.append([thing])
            together = False
            continue
        if text in (",", "and", "&"):
            together = bool(words) and isinstance(words[-1], list)
            if together:
                continue
        if together and text not in NOUNS and text not in ("$",):
            together = False
        if text in _DROPPED or text in PLAIN_SEGMENTS:
            continue
        if kind in ("number", "root", "fraction"):
            words.append(number_value(text))
        elif text in NOUNS and position + 1 in at and NOUNS[text] in ("triangle", "angle", "point"):
            continue
        else:
            words.append(SIGNS.get(text) or _UNIT.get(text, text))
    if any(tokens[position].text == "respectively" for position in range(start, end)):
        _pair_lists(words)
    _merge_relations(words)
    return [_spelt(word) if isinstance(word, list) else word for word in words]


def _pair_lists(words: list) -> None:
    """Sorts the lists of "D and E are on AB and AC respectively" together and joins each so that order counts."""
    places = [p for p, word in enumerate(words) if isinstance(word, list) and len(word) > 1]
    if len({len(words[p]) for p in places}) == 1:
        rows = sorted(zip(*([_one(thing) for thing in words[p]] for p in places), strict=True))
        for p, column in zip(places, zip(*rows, strict=True), strict=True):
            words[p] = ">".join(column)
    else:
        for p in places:
            words[p] = ">".join(_one(thing) for thing in words[p])


def _merge_relations(words: list) -> None:
    """Sorts both sides of symmetric relations, and all sides of AB = BC = CD."""
    place = 0
    while place + 2 < len(words):
        sign = words[place + 1]
        chain = [place]
        while chain[-1] + 2 < len(words) and words[chain[-1] + 1] == sign and isinstance(words[chain[-1] + 2], list):
            chain.append(chain[-1] + 2)
        if len(chain) > 1 and isinstance(words[place], list) and isinstance(sign, str):
            sides = [words[p] for p in chain]
            if sign in _REORDERED and all(isinstance(side, list) for side in sides):
                words[place : chain[-1] + 1] = [f"{sign}({';'.join(sorted(map(_spelt, sides)))})"]
            elif sign in ("similar", "congruent") and all(len(side) == 1 for side in sides):
                words[place : chain[-1] + 1] = [_figures(sign, [side[0] for side in sides])]
        place += 1
    for place, word in enumerate(words[:-1]):
        if isinstance(word, list) and len(word) == 2 and words[place + 1] in ("similar", "congruent"):
            words[place : place + 2] = [_figures(words[place + 1], word)]
            return


def _figures(sign: str, things: list[Thing]) -> str:
    first, second = things[0].labels, things[1].labels
    if len(things) == 2 and len(first) == len(second):
        return f"{sign}({matched(first, second)})"
    return f"{sign}({things})"


def _spelt(things: list[Thing]) -> str:
    return ",".join(sorted(map(_one, things)))


def _one(thing: Thing) -> str:
    return thing.kind + ":" + ".".join(canonical_name(thing.kind, thing.labels))


@lru_cache(maxsize=4096)
def number_value(text: str) -> str:
    """One spelling for all spellings of a number: 80.0 → 80, \\frac{1}{2} → 1/2, 2.0√{3.0} → 2√3."""
    text = text.replace(",", "").replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac").replace("\\sqrt", "√")
    text = re.sub(r"\\frac\{(\d+)\}\{(\d+)\}", r"\1/\2", text)
    return re.sub(r"(\.\d*?)0+(?!\d)", r"\1", re.sub(r"[{}() ]", "", text)).replace(".√", "√").rstrip(".")
