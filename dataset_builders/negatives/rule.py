"""Rule-based negatives of any English geometry caption: the paper's four kinds of edit (section 2.2), by a grammar.

    >>> rule_negatives("In △ABC, DE ∥ BC and ∠A = 80°.", num_negatives=2).captions
    ('In △ABC, BE ∥ CD and ∠A = 60°.', 'In △ABC, BE ∥ CD and ∠A = 50°.')

No figure is at hand here, so an edit is not proved false; it is kept out if the caption itself makes it true
([`implied`][dataset_builders.negatives.implied]), if it says the same in other letters
([`symmetries`][dataset_builders.negatives.symmetries]) or if its words refute one another.
"""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise, product
from math import prod

from dataset_builders.negatives.grammar import Reading, Token, read, respelt, tokenise
from dataset_builders.negatives.implied import Implied, contradictions, entailed, fact_key, implied
from dataset_builders.negatives.order_sites import Site
from dataset_builders.negatives.sites import find_sites
from dataset_builders.negatives.symmetries import canonical, canonical_reading

__all__ = ["Edit", "RuleNegatives", "canonical", "rule_negatives"]

_PER_SITE = 2  # wrong texts of a site in exchangeable sets: with the true one, three that are equally likely
_ENOUGH = 1.3  # times as many points as negatives wanted, in the space that exchangeable sets are drawn from
_RATIO = (":", "}{", "} {", "/", "∶")
_TRIES = 12  # compositions tried for each negative wanted


@dataclass(frozen=True)
class Edit:
    """One error: `caption[start:end]`, which is `old`, became `new`. `type` is order, shape, relation or number."""

    type: str
    start: int
    end: int
    old: str
    new: str


@dataclass(frozen=True)
class RuleNegatives:
    """Negative captions, the edits of each in the order of the caption, and why there are not as many as wanted."""

    captions: tuple[str, ...]
    edits: tuple[tuple[Edit, ...], ...]
    shortfall: str = ""


@dataclass
class _Draft:
    """The positive, what was found out about it, and the negatives so far."""

    caption: str
    reading: Reading
    known: Implied
    facts: set[tuple]
    flaws: set[tuple]
    seen: set[tuple]
    forms: dict = field(default_factory=dict)
    verdicts: dict[tuple[Site, str], bool] = field(default_factory=dict)
    captions: list[str] = field(default_factory=list)
    edits: list[tuple[Edit, ...]] = field(default_factory=list)


def rule_negatives(
    caption: str,
    num_negatives: int = 10,
    seed: int = 0,
    num_edits: tuple[int, int] = (1, 4),
    exchangeable: bool = True,
    subtle: bool = True,
) -> RuleNegatives:
    """Captions that differ from the positive in one to four errors, each of which makes it say something else.

    Letters come from the caption alone, a relabelling changes at least two of them, a number stays of its make, and no
    negative says the same as the positive or as another one. Questions in the caption are left as they are. The
    result depends on the caption, the seed and the other arguments, and on nothing else.

    *Spread.* With `exchangeable=False` each negative is edited where fewest have been so far, an edit counting for
    all places that it overlaps, so that over the negatives no place is edited far more often than another.

    *Exchangeable.* Negatives that are each a few edits away from the positive, and twice as far from one another, give
    it away: it is their centre. So a few places are chosen, as many as the most edits allowed and one from each
    stretch of the caption; each has an alphabet of three texts, the true one among them; and the negatives are points
    drawn from the product of the alphabets without replacement. The positive is then one point as any other: by the
    symmetry of the product its distances to the others are distributed like theirs. Where the product is too small,
    it gets more places and longer alphabets, within the allowed distance of the positive, and what is still missing is
    filled up as above, at the price of a little of the symmetry. This is the default, since nobody can mend it
    afterwards, and audits and rankings need it; its price is that the negatives of one caption share few places.

    Args:
        caption: An English caption; LaTeX, full-width characters and other scripts in it survive.
        num_negatives: How many negatives are wanted.
        seed: Another seed, other negatives.
        num_edits: The fewest and the most edits of a negative.
        exchangeable: See above.
        subtle: Whether to leave drastic relations (∥ → ⟂) for captions that offer fewer other places than `num_edits`.

    Raises:
        ValueError: if the caption is empty, or `num_negatives` or `num_edits` is out of range.
    """
    low, high = _checked(caption, num_negatives, num_edits)
    reading = read(tokenise(caption))
    facts = {fact_key(fact, reading) for fact in reading.facts}
    known, flaws, form = implied(reading, True), contradictions(reading), canonical_reading(reading)
    for per_number in (4, num_negatives + 2):  # near numbers first; a caption with few places needs more of them
        rng = random.Random(f"{seed}\n{caption}")
        sites = find_sites(caption, reading, rng, per_number, subtle)
        draft = _Draft(caption, reading, known, facts, flaws, {form})
        sites = _preferred(sites, high)
        if exchangeable:
            _draw_exchangeable(draft, sites, num_negatives, low, high, rng)
        _fill(draft, sites, num_negatives, low, high, rng)
        if len(draft.captions) == num_negatives or not sites:
            break
    return RuleNegatives(tuple(draft.captions), tuple(draft.edits), _shortfall(draft, sites, num_negatives, low))


def _checked(caption: str, num_negatives: int, num_edits: tuple[int, int]) -> tuple[int, int]:
    if not isinstance(caption, str) or not caption.strip():
        raise ValueError("The caption is empty; write what the diagram shows, or leave the record out.")
    if num_negatives < 0:
        raise ValueError(f"`num_negatives` is {num_negatives}; it must be 0 or more.")
    low, high = num_edits
    if not 1 <= low <= high:
        raise ValueError(f"`num_edits` is {num_edits}; it must be two numbers, at least 1, the smaller first.")
    return low, high


def _shortfall(draft: _Draft, sites: list[Site], wanted: int, low: int) -> str:
    if len(draft.captions) == wanted:
        return ""
    if not sites:
        return "the caption names nothing that could be edited"
    usable = [site for site in sites if any(_is_error(draft, site, text) for text in site.texts)]
    if not usable:
        return "every edit found says the same as the caption or contradicts it"
    if len(_disjoint(usable)) < low:
        return f"the caption has {len(_disjoint(usable))} places to edit where {low} are needed"
    return f"{len(_disjoint(usable))} places to edit have no more than {len(draft.captions)} distinct negatives"


# Verdicts


def _edited(draft: _Draft, changes: list[tuple[Site, str]]) -> Reading:
    """The reading of the caption with the changes, which are in the caption's order and do not overlap."""
    tokens: list[Token] = []
    at, old = 0, draft.reading.tokens
    for site, text in changes:
        while at < len(old) and old[at].start < site.start:
            tokens.append(old[at])
            at += 1
        tokens += tokenise(text)
        while at < len(old) and old[at].start < site.end:
            at += 1
    tokens += old[at:]
    if len(tokens) == len(old) and all(site.type in ("number", "order") for site, _ in changes):
        return respelt(draft.reading, tokens)
    return read(tokens)


def _is_error(draft: _Draft, site: Site, text: str) -> bool:
    """Whether this change alone makes the caption say something else, not implied by it, and not at odds with it."""
    verdict = draft.verdicts.get((site, text))
    if site.type == "number" and draft.caption[: site.start][-1:].isalpha():
        return False  # "A00" with another number may become the name of a point
    if verdict is None:
        reading = _edited(draft, [(site, text)])
        new = [fact for fact in reading.facts if fact_key(fact, reading) not in draft.facts]
        verdict = (
            not (new and all(entailed(fact, reading, draft.known) for fact in new))
            and (site.type == "number" or canonical_reading(reading, draft.forms) not in draft.seen)
            and contradictions(reading) <= draft.flaws
        )
        draft.verdicts[site, text] = verdict
    return verdict


def _try(draft: _Draft, changes: list[tuple[Site, str]]) -> bool:
    """Adds the negative with these changes if it is one."""
    changes = sorted(changes, key=lambda change: change[0].start)
    reading = _edited(draft, changes)
    form = canonical_reading(reading, draft.forms)
    if form in draft.seen or not contradictions(reading) <= draft.flaws or _keeps_a_ratio(draft, changes):
        return False
    draft.seen.add(form)
    text, at, edits = "", 0, []
    for site, new in changes:
        old = draft.caption[site.start : site.end]
        text += draft.caption[at : site.start] + new
        at = site.end
        edits.append(Edit(site.type, site.start, site.end, old, new))
    draft.captions.append(text + draft.caption[at:])
    draft.edits.append(tuple(edits))
    return True


def _keeps_a_ratio(draft: _Draft, changes: list[tuple[Site, str]]) -> bool:
    """Whether both numbers of a ratio, 2:3 or {2}{3}, changed to the same ratio: 4:6."""
    for (one, first), (two, second) in pairwise(changes):
        if one.type == two.type == "number" and draft.caption[one.end : two.start].strip() in _RATIO:
            try:
                old = float(draft.caption[one.start : one.end]) * float(second)
                return old == float(draft.caption[two.start : two.end]) * float(first)
            except ValueError:  # roots and fractions
                continue
    return False


# Places


def _overlap(one: Site, two: Site) -> bool:
    return one.start < two.end and two.start < one.end


def _disjoint(sites: list[Site]) -> list[Site]:
    """As many sites as do not overlap one another."""
    chosen: list[Site] = []
    for site in sorted(sites, key=lambda site: site.end):
        if not chosen or chosen[-1].end <= site.start:
            chosen.append(site)
    return chosen


def _preferred(sites: list[Site], high: int) -> list[Site]:
    """The sites of the lowest ranks that offer enough disjoint places."""
    for rank in (0, 1):
        chosen = [site for site in sites if site.rank <= rank]
        if len(_disjoint(chosen)) > high:
            return chosen
    return sites


# Exchangeable sets


def _draw_exchangeable(draft: _Draft, sites: list[Site], wanted: int, low: int, high: int, rng: random.Random) -> None:
    if not sites or not wanted:
        return
    places = _spread_places(draft, sites, high, rng)
    alphabets = _alphabets(draft, places, _PER_SITE, rng)
    for extra in (1, 2, wanted, wanted, wanted):  # longer alphabets first, then more places as well
        if prod(len(texts) + 1 for texts in alphabets) - 1 >= _ENOUGH * wanted:
            break
        more = [site for site in sites if not any(_overlap(site, place) for place in places)]
        if more and extra == wanted:
            places = places + _spread_places(draft, more, 1, rng)
        alphabets = _alphabets(draft, places, _PER_SITE + extra, rng)
    for point in _points([len(texts) + 1 for texts in alphabets], wanted, rng):
        changes = [(place, texts[i - 1]) for place, texts, i in zip(places, alphabets, point, strict=True) if i]
        if low <= len(changes) <= high:
            _try(draft, changes)
        if len(draft.captions) == wanted:
            return


def _points(sizes: list[int], wanted: int, rng: random.Random) -> Iterator[tuple[int, ...]]:
    """Distinct points of the product of ranges, in random order; not all of them if they are very many."""
    if prod(sizes) <= 1000:
        points = list(product(*map(range, sizes)))
        rng.shuffle(points)
        yield from points
    else:
        drawn = (tuple(rng.randrange(size) for size in sizes) for _ in range(_TRIES * wanted))
        yield from dict.fromkeys(drawn)


def _spread_places(draft: _Draft, sites: list[Site], count: int, rng: random.Random) -> list[Site]:
    """Up to `count` disjoint sites with errors, one from each stretch of the caption while there are any."""
    anchors = _disjoint(sites)
    stretches = [anchors[len(anchors) * i // count : len(anchors) * (i + 1) // count] for i in range(count)]
    pools = []
    for stretch in stretches:
        if stretch:
            begin, end = stretch[0].start, stretch[-1].end
            pools.append([site for site in sites if site.start < end and begin < site.end])
    chosen: list[Site] = []
    for pool in [*pools, *[sites] * (count - len(pools)), sites]:
        for site in _by_type(pool, rng):
            if len(chosen) == count:
                return chosen
            if not any(_overlap(site, other) for other in chosen) and _errors(draft, site, 1, rng):
                chosen.append(site)
                if pool is not sites:
                    break
    return chosen


def _by_type(sites: list[Site], rng: random.Random) -> list[Site]:
    """The sites in random order, low ranks first, the types taking turns in an order of their own."""
    rows: dict[str, list[Site]] = {}
    for site in rng.sample(sites, len(sites)):
        rows.setdefault(site.type, []).append(site)
    turns = {type_: rng.random() for type_ in sorted(rows)}
    return sorted(
        (site for row in rows.values() for site in row),
        key=lambda site: (site.rank, rows[site.type].index(site), turns[site.type]),
    )


def _alphabets(draft: _Draft, places: list[Site], size: int, rng: random.Random) -> list[list[str]]:
    return [_errors(draft, place, size, rng) for place in places]


def _errors(draft: _Draft, site: Site, count: int, rng: random.Random) -> list[str]:
    """Up to `count` of the site's texts that are errors."""
    found: list[str] = []
    for text in rng.sample(site.texts, len(site.texts)):
        if len(found) == count:
            break
        if _is_error(draft, site, text):
            found.append(text)
    return found


# Spread sets


def _fill(draft: _Draft, sites: list[Site], wanted: int, low: int, high: int, rng: random.Random) -> None:
    """Adds negatives, each edited where fewest have been, until there are enough or no new one turns up."""
    used: Counter[Site] = Counter()
    for edits in draft.edits:
        for edit in edits:
            used.update(site for site in sites if site.start < edit.end and edit.start < site.end)
    said: Counter[tuple[Site, str]] = Counter()
    for _ in range(_TRIES * wanted):
        if len(draft.captions) >= wanted:
            return
        changes = _compose(draft, sites, rng.randint(low, high), used, said, rng)
        if len(changes) < low:
            continue
        said.update(changes)
        if _try(draft, changes):
            for site, _ in changes:
                used.update(other for other in sites if _overlap(site, other))


def _compose(
    draft: _Draft,
    sites: list[Site],
    count: int,
    used: Counter[Site],
    said: Counter[tuple[Site, str]],
    rng: random.Random,
) -> list[tuple[Site, str]]:
    changes: list[tuple[Site, str]] = []
    for site in sorted(sites, key=lambda site: (used[site], rng.random())):
        if len(changes) == count:
            break
        if any(_overlap(site, other) for other, _ in changes):
            continue
        for text in sorted(site.texts, key=lambda text: (said[site, text], rng.random())):
            if _is_error(draft, site, text):
                changes.append((site, text))
                break
    return changes
