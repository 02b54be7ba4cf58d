"""What a caption implies beyond its words, as far as needed to keep true or self-refuting captions out.

Two questions are answered: is an edited statement true after all, by what the caption says elsewhere (AB = AC makes
"∠B = 50°" out of "∠C = 50°" no error), and do the words of an edited caption refute one another (two lengths for AB,
angles of more than 180°), which would give it away to a reader who never looks at the figure?
"""

from dataclasses import dataclass, field
from itertools import combinations

from dataset_builders.negatives.grammar import Fact, Reading, Thing
from dataset_builders.negatives.symmetries import canonical_name, dihedral, matched, number_value

Key = tuple
_ALL_SIDES = frozenset(("square", "rhombus", "diamond"))
_RIGHT = frozenset(("square", "rectangle"))
_PARALLEL = frozenset(("square", "rhombus", "diamond", "rectangle", "parallelogram"))
_ON = frozenset(("on", "midpoint", "midpoints", "foot", "at", "extension", "extended", "intersect", "intersects"))
_BETWEEN = frozenset(("on", "midpoint", "midpoints"))
_CHORDS = frozenset(("chord", "chords", "diameter", "diameters", "tangent", "tangents"))


@dataclass
class Implied:
    """The closure of a caption's facts under a few theorems. Lengths and angles are keys, made by `key`."""

    triangles: list[tuple[str, ...]]
    quadrilaterals: list[tuple[str, tuple[str, ...]]]
    corners: dict[str, Key] = field(default_factory=dict)  # the angle that a lone letter names
    groups: dict[Key, Key] = field(default_factory=dict)  # union-find: equal lengths, equal angles
    values: list[tuple[Key, str]] = field(default_factory=list)
    lines: list[frozenset[str]] = field(default_factory=list)  # points known to be collinear
    pairs: list[tuple[str, frozenset[str], frozenset[str]]] = field(default_factory=list)  # parallel, perpendicular
    matches: list[tuple[str, tuple]] = field(default_factory=list)  # similar, congruent

    def key(self, thing: Thing) -> Key:
        """The length or angle of a thing."""
        if thing.kind != "angle":
            return ("length", frozenset(thing.labels))
        if len(thing.labels) == 3:
            a, vertex, b = thing.labels
            return ("angle", vertex, frozenset((a, b)))
        return self.corners.get(thing.labels[0], ("angle", thing.labels[0], frozenset()))

    def root(self, key: Key) -> Key:
        """The representative of all that is known to be equal to the key."""
        while key in self.groups:
            key = self.groups[key]
        return key

    def join(self, first: Key, second: Key) -> None:
        """Makes two keys equal."""
        first, second = self.root(first), self.root(second)
        if first != second:
            self.groups[first] = second

    def same_line(self, first: frozenset[str], second: frozenset[str]) -> bool:
        """Whether two pairs of points may lie on one line."""
        return first == second or any(first <= line and second <= line for line in self.lines)


def implied(reading: Reading, loose: bool = False) -> Implied:
    """What a caption implies. With `loose`, what it probably does as well (radii are equal, points lie on lines)."""
    known = Implied(
        [thing.labels for thing in reading.things if thing.kind in ("triangle", "other")],
        [(t.noun, t.labels) for t in reading.things if t.kind == "polygon" and len(t.labels) == 4],
    )
    for labels in (*known.triangles, *(labels for _, labels in known.quadrilaterals)):
        count = len(labels)
        for i, letter in enumerate(labels):
            known.corners.setdefault(letter, _angle(labels[i - 1], letter, labels[(i + 1) % count]))
    for fact in reading.facts:
        _add(known, fact, reading)
    for noun, labels in known.quadrilaterals:
        _add_quadrilateral(known, noun, labels)
    _add_equilateral(known, reading)
    for triangle in known.triangles:
        _add_isosceles(known, triangle)
    if loose:
        _add_probable(known, reading)
    return known


def contradictions(reading: Reading) -> set[tuple]:
    """The ways in which a caption's words refute one another; empty for almost every true caption."""
    known = implied(reading)
    found: set[tuple] = set()
    measured: dict[Key, str] = {}
    for key, value in known.values:
        if measured.setdefault(known.root(key), value) != value:
            found.add(("two values", key))
    found |= {("angle sum", t) for t in map(frozenset, known.triangles) if _sum_is_wrong(known, t, measured)}
    found |= {("sides", t) for t in map(frozenset, known.triangles) if _sides_are_wrong(known, t, measured)}
    for relation, first, second in known.pairs:
        if relation == "parallel" and first & second:
            found.add(("parallels meet", first, second))
    given = {(relation, frozenset((first, second))) for relation, first, second in known.pairs}
    found |= {("parallel and perpendicular", p) for r, p in given if r == "parallel" and ("perpendicular", p) in given}
    for fact in reading.facts:
        if fact.second is not None and fact.first.labels and _same(fact.first, fact.second):
            found.add(("of itself", fact.relation, fact.first.labels))
    found |= _names_at_odds(reading)
    return found | _clauses_at_odds(reading)


def entailed(fact: Fact, reading: Reading, known: Implied) -> bool:
    """Whether a statement, `reading` being the caption it stands in, is true by what is `known` of another caption."""
    first, second = fact.first, fact.second
    if fact.relation == "value":
        value, root = number_value(reading.tokens[fact.number].text), known.root(known.key(first))
        return any(value == other and known.root(key) == root for key, other in known.values)
    if second is None:
        return False
    if fact.relation == "equal":
        return known.root(known.key(first)) == known.root(known.key(second))
    if fact.relation in ("parallel", "perpendicular"):
        lines = frozenset(first.labels), frozenset(second.labels)
        return any(
            relation == fact.relation
            and any(known.same_line(a, lines[i]) and known.same_line(b, lines[1 - i]) for i in (0, 1))
            for relation, a, b in known.pairs
        )
    if fact.relation in ("similar", "congruent") and len(first.labels) == len(second.labels):
        return any(
            matched(a, b) == match
            for relation, match in known.matches
            if relation in (fact.relation, "congruent")
            for a in _symmetric(known, first.labels)
            for b in _symmetric(known, second.labels)
        )
    return False


def fact_key(fact: Fact, reading: Reading) -> tuple:
    """What tells a fact from another of the same caption or of an edited one."""
    sides = [(t.kind, canonical_name(t.kind, t.labels)) for t in (fact.first, fact.second) if t is not None]
    if fact.relation in ("similar", "congruent") and len(fact.first.labels) == len(fact.second.labels):
        return fact.relation, matched(fact.first.labels, fact.second.labels)
    number = number_value(reading.tokens[fact.number].text) if fact.number >= 0 else ""
    return fact.relation, tuple(sorted(sides)), number


def _angle(a: str, vertex: str, b: str) -> Key:
    return ("angle", vertex, frozenset((a, b)))


def _side(a: str, b: str) -> Key:
    return ("length", frozenset((a, b)))


def _add(known: Implied, fact: Fact, reading: Reading) -> None:
    first, second = fact.first, fact.second
    if fact.relation == "value":
        known.values.append((known.key(first), number_value(reading.tokens[fact.number].text)))
    elif second is None:
        return
    elif fact.relation == "equal" and first.kind != "point" and second.kind != "point":
        known.join(known.key(first), known.key(second))
    elif fact.relation in ("parallel", "perpendicular") and len(first.labels) == len(second.labels) == 2:
        known.pairs.append((fact.relation, frozenset(first.labels), frozenset(second.labels)))
    elif fact.relation in ("similar", "congruent") and len(first.labels) == len(second.labels):
        known.matches.append((fact.relation, matched(first.labels, second.labels)))


def _add_quadrilateral(known: Implied, noun: str, labels: tuple[str, ...]) -> None:
    a, b, c, d = labels
    sides = [_side(a, b), _side(b, c), _side(c, d), _side(d, a)]
    corners = [_angle(labels[i - 1], labels[i], labels[(i + 1) % 4]) for i in range(4)]
    if noun in _PARALLEL:
        known.join(sides[0], sides[2])
        known.join(sides[1], sides[3])
        known.join(corners[0], corners[2])
        known.join(corners[1], corners[3])
        known.pairs += [("parallel", frozenset(x), frozenset(y)) for x, y in (((a, b), (c, d)), ((b, c), (d, a)))]
    if noun in _ALL_SIDES:
        known.join(sides[0], sides[1])
        known.pairs.append(("perpendicular", frozenset((a, c)), frozenset((b, d))))
    if noun in _RIGHT:
        known.join(_side(a, c), _side(b, d))
        known.values += [(corner, "90") for corner in corners]
        known.pairs += [
            ("perpendicular", frozenset((labels[i - 1], labels[i])), frozenset((labels[i], labels[(i + 1) % 4])))
            for i in range(4)
        ]


def _add_equilateral(known: Implied, reading: Reading) -> None:
    for thing in reading.things:
        if thing.kind == "triangle" and any(
            reading.tokens[at].text == "equilateral" for at in range(max(0, thing.token - 3), thing.token)
        ):
            a, b, c = thing.labels
            known.join(_side(a, b), _side(b, c))
            known.join(_side(a, b), _side(a, c))
            known.values += [(_angle(x, y, z), "60") for x, y, z in ((a, b, c), (b, c, a), (c, a, b))]


def _add_isosceles(known: Implied, triangle: tuple[str, ...]) -> None:
    for apex in triangle:
        b, c = (letter for letter in triangle if letter != apex)
        if known.root(_side(apex, b)) == known.root(_side(apex, c)):
            known.join(_angle(apex, b, c), _angle(apex, c, b))
        elif known.root(_angle(apex, b, c)) == known.root(_angle(apex, c, b)):
            known.join(_side(apex, b), _side(apex, c))


def _add_probable(known: Implied, reading: Reading) -> None:
    centres = {thing.labels[0] for thing in reading.things if thing.kind == "circle" and len(thing.labels) == 1}
    for centre in centres:
        radii = [t for t in reading.things if t.kind == "segment" and centre in t.labels]
        for first, second in combinations(radii, 2):
            known.join(known.key(first), known.key(second))
    for key, value in known.values:
        if key[0] == "angle" and value == "90" and len(key[2]) == 2:
            known.pairs.append(("perpendicular", *(frozenset((end, key[1])) for end in sorted(key[2]))))
    at = {thing.token: thing for thing in reading.things}
    for start, end in reading.clauses:
        if any(reading.tokens[position].text in _ON for position in range(start, end)):
            row = [at[position] for position in range(start, end) if position in at]
            points = [thing.labels[0] for thing in row if thing.kind == "point"]
            segments = [thing.labels for thing in row if len(thing.labels) == 2]
            known.lines += [frozenset((*segment, point)) for segment in segments for point in points]


def _sum_is_wrong(known: Implied, triangle: frozenset[str], measured: dict[Key, str]) -> bool:
    angles = []
    for vertex in triangle:
        value = measured.get(known.root(("angle", vertex, triangle - {vertex})), "")
        if value.replace(".", "", 1).isdigit():
            angles.append(float(value))
    return sum(angles) >= 180 if len(angles) < 3 else abs(sum(angles) - 180) > 1


def _sides_are_wrong(known: Implied, triangle: frozenset[str], measured: dict[Key, str]) -> bool:
    """Whether a side is longer than both others together, or the one opposite 90° or more is not the longest."""
    sides = {}
    for vertex in triangle:
        value = measured.get(known.root(("length", triangle - {vertex})), "")
        if value.replace(".", "", 1).isdigit():
            sides[vertex] = float(value)
    if len(sides) == 3 and 2 * max(sides.values()) >= sum(sides.values()):
        return True
    for vertex, side in sides.items():
        angle = measured.get(known.root(("angle", vertex, triangle - {vertex})), "")
        if angle.isdigit() and int(angle) >= 90 and any(side <= other for v, other in sides.items() if v != vertex):
            return True
    return False


def _symmetric(known: Implied, labels: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The names of a triangle that its equal sides make as good as this one."""
    rows = [labels]
    if len(labels) == 3:
        for apex in range(3):
            b, c = (place for place in range(3) if place != apex)
            first, second = _side(labels[apex], labels[b]), _side(labels[apex], labels[c])
            if known.root(first) == known.root(second):
                rows += [tuple({b: row[c], c: row[b]}.get(place, row[place]) for place in range(3)) for row in rows]
    return rows


def _same(first: Thing, second: Thing) -> bool:
    return first.kind == second.kind and canonical_name(*first[:2]) == canonical_name(*second[:2])


def _names_at_odds(reading: Reading) -> set[tuple]:
    found: set[tuple] = set()
    order: dict[frozenset[str], tuple[str, ...]] = {}
    centres = {t.labels[0] for t in reading.things if t.kind == "circle" and len(t.labels) == 1}
    for thing in reading.things:
        labels = frozenset(thing.labels)
        if thing.kind == "polygon":
            row = dihedral(thing.labels)
            if order.setdefault(labels, row) != row:
                found.add(("two orders", labels))
        elif centres and thing.noun in ("radius", "radii") and not labels & centres:
            found.add(("radius without centre", labels))
        elif thing.noun in _CHORDS and labels & centres:
            found.add(("chord of the centre", labels))
    return found


def _clauses_at_odds(reading: Reading) -> set[tuple]:
    """Bisectors that miss the vertex, and points said to be on a segment that is named by them."""
    found: set[tuple] = set()
    at = {thing.token: thing for thing in reading.things}
    for start, end in reading.clauses:
        words = {reading.tokens[position].text for position in range(start, end)}
        row = [at[position] for position in range(start, end) if position in at]
        segments = [set(thing.labels) for thing in row if len(thing.labels) == 2 and thing.kind != "angle"]
        if not segments:
            continue
        if any(word.startswith("bisect") for word in words):
            for thing in row:
                vertex = thing.labels[len(thing.labels) // 2]
                if thing.kind == "angle" and not any(
                    vertex in segment and not segment - {vertex} & set(thing.labels) for segment in segments
                ):
                    found.add(("bisector elsewhere", thing.labels))
        if words & _BETWEEN:
            points = {thing.labels[0] for thing in row if thing.kind == "point"}
            found |= {("point of its own segment", point) for point in points if any(point in s for s in segments)}
    return found
