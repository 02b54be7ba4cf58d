"""Names with their letters in another order, so that they name something else."""

from itertools import combinations, pairwise, permutations
from typing import NamedTuple

from dataset_builders.negatives.grammar import Reading, Thing, Token, fold
from dataset_builders.negatives.lexicon import SIGNS
from dataset_builders.negatives.symmetries import canonical_name, dihedral, number_value

_DOING = frozenset("connect connecting draw make extend join construct fold folded rotate rotated".split())
_CHORDS = frozenset(("chord", "chords", "segments", "edges", "sides"))
_BEYOND = frozenset(("line", "lines", "extension", "extended", "extend"))
_SAYING = frozenset("intersect intersects intersecting meet meets at midpoint midpoints".split()) | frozenset(SIGNS)
_FAR = 160  # characters between two names that are exchanged


class Site(NamedTuple):
    """`caption[start:end]` may become one of `texts`; `type` is order, shape, relation or number.

    `rank` is 0 for subtle edits, 1 for drastic or less certain ones, 2 for words that true captions seldom have.
    """

    type: str
    start: int
    end: int
    texts: tuple[str, ...]
    rank: int = 0


def order_sites(caption: str, reading: Reading, free: list[bool]) -> list[Site]:
    """Sites of letters in another order, where `free` tells of each token whether it may be touched."""
    tokens, sites = reading.tokens, []
    things = [thing for thing in reading.things if free[thing.token]]
    by_fact = {fact.second.token: fact for fact in reading.facts if fact.second is not None}
    doing = {
        at
        for start, end in reading.clauses
        if any(tokens[t].text in _DOING for t in range(start, end))
        for at in range(start, end)
    }
    for thing in things:
        fact = by_fact.get(thing.token)
        if fact is not None and fact.relation in ("similar", "congruent"):
            orders = [row for row in permutations(thing.labels) if _moved(row, thing.labels)][:5]
        elif thing.kind == "angle" and len(thing.labels) == 3:
            a, vertex, b = thing.labels
            orders = [(vertex, a, b), (a, b, vertex)]
        elif thing.kind == "polygon" and 4 <= len(thing.labels) <= 6:
            orders = _crossed(thing.labels)
        else:
            continue
        token = tokens[thing.token]
        sites.append(Site("order", token.start, token.end, tuple(_spelt(caption, token, thing, r) for r in orders)))
    at = {thing.token: thing for thing in things if thing.token not in doing}
    for start, end in reading.clauses:
        row = [at[t] for t in range(start, end) if t in at]
        words = {tokens[t].text for t in range(start, end)}
        if words & _CHORDS and words.isdisjoint(_SAYING):
            continue  # all points of a circle have chords between them
        if words & _BEYOND and not words.isdisjoint(("on", "through", "lies", "collinear")):
            continue  # if C is on the line AB, then A is on the line BC
        centres = {thing.labels[0] for thing in row if thing.kind == "circle" or thing.noun in ("center", "centre")}
        pairs = combinations(row, 2) if len(row) <= 4 else pairwise(row)
        sites += [_exchange(caption, tokens, first, second, centres) for first, second in pairs]
    sites += _swaps(caption, reading, free)
    return sites


def _moved(row: tuple[str, ...], labels: tuple[str, ...]) -> int:
    return sum(a != b for a, b in zip(row, labels, strict=True))


def _crossed(labels: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Polygons on the same points with sides that are not all the same, one name each."""
    seen, found = {dihedral(labels)}, []
    for i, j in combinations(range(len(labels)), 2):
        row = list(labels)
        row[i], row[j] = row[j], row[i]
        if dihedral(tuple(row)) not in seen:
            seen.add(dihedral(tuple(row)))
            found.append(tuple(row))
    return found


def _exchange(caption: str, tokens: list[Token], first: Thing, second: Thing, centres: set[str]) -> Site:
    """Two letters change places in the names of two things of one clause: D, BC → B, DC."""
    start, end = tokens[first.token].start, tokens[second.token].end
    nothing = Site("order", start, end, ())
    if "circle" in (first.kind, second.kind) or "polygon" in (first.kind, second.kind) or end - start > _FAR:
        return nothing
    if first.kind in ("triangle", "other") and second.kind in ("triangle", "other"):
        return nothing
    union = dict.fromkeys((*first.labels, *second.labels))
    letters = [label for label in union if label[0].isalpha() and label not in centres]
    seen = {_pair(first, second, {})}
    texts = []
    for x, y in combinations(letters, 2):
        swap = {x: y, y: x}
        if (pair := _pair(first, second, swap)) not in seen and _letters_changed(first, second, swap) >= 2:
            seen.add(pair)
            texts.append(_replaced(caption, tokens, ((first, swap), (second, swap))))
    return nothing._replace(texts=tuple(texts))


def _letters_changed(first: Thing, second: Thing, swap: dict[str, str]) -> int:
    """How many letters a reader sees changed, with each name spelt as near to the old one as it can be."""
    changed = 0
    for kind, labels, _, _ in (first, second):
        new = tuple(swap.get(label, label) for label in labels)
        if kind in ("triangle", "other"):
            changed += len(set(new) - set(labels))
        else:
            changed += min(_moved(new, labels), _moved(new, labels[::-1]))
    return changed


def _pair(first: Thing, second: Thing, swap: dict[str, str]) -> tuple:
    names = [canonical_name(t.kind, tuple(swap.get(x, x) for x in t.labels)) for t in (first, second)]
    return tuple(sorted(names)) if first.kind == second.kind else tuple(names)


def _replaced(caption: str, tokens: list[Token], changes: tuple[tuple[Thing, dict[str, str]], ...]) -> str:
    """The text from the first to the last of the things, with their letters mapped."""
    text, at = "", tokens[changes[0][0].token].start
    for thing, swap in changes:
        token = tokens[thing.token]
        text += caption[at : token.start]
        labels = tuple(swap.get(label, label) for label in thing.labels)
        if thing.kind in ("triangle", "other") and set(labels) == set(thing.labels):
            labels = thing.labels
        text += _spelt(caption, token, thing, labels)
        at = token.end
    return text


def _spelt(caption: str, token: Token, thing: Thing, labels: tuple[str, ...]) -> str:
    """A name of these labels, in full-width letters where the caption's is."""
    text = "".join(_as_usual(thing, labels))
    old = caption[token.start : token.end]
    if old != fold(old) and all("\uff21" <= char <= "\uff3a" for char in old):
        return "".join(chr(ord(char) + 0xFEE0) for char in text)
    return text


def _as_usual(thing: Thing, labels: tuple[str, ...]) -> tuple[str, ...]:
    """The spelling of a new name that keeps the old one's habit, mostly alphabetical: DE → BD and not DB.

    Else the unusual spelling would tell an edited name from a true one.
    """
    if thing.kind == "polygon" and thing.labels == dihedral(thing.labels):
        return dihedral(labels)
    if thing.kind in ("segment", "angle", "arc"):
        return min(labels, labels[::-1]) if thing.labels <= thing.labels[::-1] else max(labels, labels[::-1])
    return labels


def _swaps(caption: str, reading: Reading, free: list[bool]) -> list[Site]:
    """Two measures change owners: "∠A = 80, ∠B = 60" → "∠B = 80, ∠A = 60"; or one goes to another segment."""
    tokens, sites = reading.tokens, []
    valued = [fact for fact in reading.facts if fact.relation == "value" and free[fact.first.token]]
    for one, two in pairwise(valued):
        first, second = one.first, two.first
        start, end = tokens[first.token].start, tokens[second.token].end
        if first.kind == second.kind and len(first.labels) == len(second.labels) and 0 < end - start <= _FAR:
            if number_value(tokens[one.number].text) == number_value(tokens[two.number].text):
                continue
            swap = dict(zip(first.labels, second.labels, strict=True))
            back = {b: a for a, b in swap.items()}
            text = _replaced(caption, tokens, ((first, swap), (second, back)))
            sites.append(Site("order", start, end, (text,)))
    mentioned = list(dict.fromkeys(t.labels for t in reading.things if t.kind == "segment"))[:12]
    for fact in valued:
        if fact.first.kind == "segment":
            token = tokens[fact.first.token]
            others = [labels for labels in mentioned if not set(labels) & set(fact.first.labels)]
            texts = tuple(_spelt(caption, token, fact.first, labels) for labels in others[:3])
            sites.append(Site("order", token.start, token.end, texts, 1))
    return sites
