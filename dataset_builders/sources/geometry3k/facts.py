"""What a Geometry3K diagram shows, as facts, and each fact's sentence.

Perpendicular(Line(A, D), Line(B, C))      →  Fact("perpendicular", (("A", "D"), ("B", "C")))
                                           →  "AD is perpendicular to BC."
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from dataset_builders.sources.geometry3k import values
from dataset_builders.sources.geometry3k.logic_forms import LogicFormError, Term, parse

Points = tuple[str, ...]

OF_SEGMENTS = ("on_segment", "tangent", "parallel", "perpendicular", "equal_lengths", "length")
"""Relations whose objects of two letters are segments."""

_LETTER = re.compile(r"[A-Z]'{0,2}")
_LABEL = re.compile(r"(?:angle\s*)?(\d+|[a-z])")
_POLYGONS = {"Triangle": 3, "Quadrilateral": 4, "Parallelogram": 4, "Square": 4, "Rectangle": 4, "Rhombus": 4}
_POLYGONS |= {"Trapezoid": 4, "Kite": 4, "Pentagon": 5, "Hexagon": 6, "Heptagon": 7, "Octagon": 8}


@dataclass(frozen=True)
class Fact:
    """A statement about a diagram.

    | relation | objects | value |
    | --- | --- | --- |
    | `polygon` | vertices in order | `right triangle`, `trapezoid`, ... |
    | `segments` | any number of segments that no other fact names | |
    | `on_segment` | (P,), (A, B): P lies between A and B | |
    | `on_circle` | (O,), (A, B, ...): all lie on the circle with centre O | |
    | `perpendicular`, `parallel`, `equal_lengths` | two segments | |
    | `equal_angles` | two angles (A, V, B), vertex in the middle | |
    | `length`, `angle`, `arc` | a segment, an angle, an arc (A, B) or (A, via, B) | formula (angle, arc: degrees) |
    | `angle_label` | an angle | the number that marks it |
    | `area`, `arc_length` | a polygon's kind and vertices, an arc | formula |
    | `tangent` | (A, B), (O,) | |
    """

    relation: str
    objects: tuple[Points, ...]
    value: str = ""


@dataclass(frozen=True)
class Problem:
    """The annotations of one diagram.

    Attributes:
        id: The problem's number in Geometry3K, 0 to 3001.
        points: The letters of the figure.
        segments: The drawn segments, by their end points; a chord only if a fact speaks of it.
        facts: What the logic forms state, in their order.
        positions: Pixels from the top left of the figure's bounding box, y down; only points of known position.
        unread: How many logic forms were not understood, by predicate.
    """

    id: str
    points: tuple[str, ...]
    segments: tuple[Points, ...]
    facts: tuple[Fact, ...]
    positions: dict[str, tuple[float, float]]
    unread: Counter[str] = field(default_factory=Counter)

    @property
    def centres(self) -> set[str]:
        """The points that a circle of the figure has as its centre."""
        return {fact.objects[0][0] for fact in self.facts if fact.relation == "on_circle"}


def read_problem(
    problem_id: str,
    logic_forms: Iterable[str],
    line_instances: Iterable[str],
    point_positions: Mapping[str, Iterable[float]],
) -> Problem:
    """Reads the annotations of one problem, as `logic_form.json` has them.

    Args:
        problem_id: The problem's number.
        logic_forms: `diagram_logic_form` (in the zip of all problems: `diagram_logic_forms`).
        line_instances: The drawn segments, such as `AB` or `W'W`; others are skipped.
        point_positions: x and y of each point in pixels; `[-1, -1]` stands for unknown.
    """
    facts: list[Fact] = []
    unread: Counter[str] = Counter()
    circles: dict[tuple[str, str], list[str]] = {}
    for text in logic_forms:
        try:
            term = parse(text)
            if term is None:
                continue
            if term.name == "PointLiesOnCircle":
                _add_to_circle(term, circles)
            else:
                facts.append(_read(term))
        except LogicFormError:
            unread[text.split("(")[0].strip()] += 1
    radii = Counter(centre for centre, _ in circles)
    for (centre, _), on in circles.items():
        if radii[centre] > 1:  # "circle O" does not say which of them
            unread["PointLiesOnCircle (concentric circles)"] += len(on)
        else:
            facts.append(Fact("on_circle", ((centre,), tuple(dict.fromkeys(on)))))
    drawn = [tuple(_LETTER.findall(line)) for line in line_instances if re.fullmatch(r"(?:[A-Z]'{0,2}){2}", line)]
    drawn += [fact.objects[1] for fact in facts if fact.relation == "on_segment"]
    segments = {frozenset(ends): ends for ends in reversed(drawn) if len(set(ends)) == 2}
    named = [point for fact in facts for points in _points_of(fact) for point in points]
    points = dict.fromkeys([*(p for ends in segments.values() for p in ends), *named])
    positions = {
        name: (float(x), float(y)) for name, (x, y) in point_positions.items() if name in points and (x, y) != (-1, -1)
    }
    facts = list(dict.fromkeys(facts))
    problem = Problem(
        problem_id, tuple(sorted(points)), tuple(reversed(segments.values())), tuple(facts), positions, unread
    )
    return _without_arcs_as_chords(_with_arcs(problem))


def sentence(fact: Fact) -> str:
    """The fact in English, with the signs of the textbook, as the paper's captions are to be (section 2.1)."""
    names = ["".join(points) for points in fact.objects]
    match fact.relation:
        case "polygon":
            article = "an" if fact.value[0] in "aeiou" else "a"
            return f"{names[0]} is {article} {fact.value}."
        case "segments":
            return f"Segment{'s' * (len(names) > 1)} {_listed(names)} {'are' if len(names) > 1 else 'is'} drawn."
        case "on_segment":
            return f"{names[0]} lies on segment {names[1]}."
        case "on_circle":
            return f"{_listed(fact.objects[1])} {'lie' if len(fact.objects[1]) > 1 else 'lies'} on circle {names[0]}."
        case "perpendicular":
            return f"{names[0]} is perpendicular to {names[1]}."
        case "parallel":
            return f"{names[0]} is parallel to {names[1]}."
        case "equal_lengths":
            return f"{names[0]} = {names[1]}."
        case "equal_angles":
            return f"∠{names[0]} = ∠{names[1]}."
        case "length":
            return f"{names[0]} = {values.spoken(fact.value)}."
        case "angle":
            return f"∠{names[0]} = {values.spoken_degrees(fact.value)}."
        case "angle_label":
            return f"∠{names[0]} is labelled ∠{fact.value}."
        case "arc":
            return f"Arc {names[0]} measures {values.spoken_degrees(fact.value)}."
        case "arc_length":
            return f"Arc {names[0]} is {values.spoken(fact.value)} long."
        case "area":
            return f"The area of {names[0]} {names[1]} is {values.spoken(fact.value)}."
        case "tangent":
            return f"{names[0]} is tangent to circle {names[1]}."
    raise ValueError(f"There is no relation {fact.relation!r}; the table of `Fact` has them all.")


def _listed(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def _points_of(fact: Fact) -> tuple[Points, ...]:
    return fact.objects[1:] if fact.relation == "area" else fact.objects


def _read(term: Term) -> Fact:
    """The fact that a logic form states; raises `LogicFormError` if it is of a form that has no sentence here."""
    name, args = term.name, term.args
    if name == "PointLiesOnLine" and len(args) == 2:
        point, line = _letters(args[:1], 1), _named(args[1], "Line", 2)
        if point[0] not in line:
            return Fact("on_segment", (point, line))
    if name in ("Perpendicular", "Parallel") and len(args) == 2:
        first, second = (_named(arg, "Line", 2) for arg in args)
        if set(first) != set(second):
            return Fact(name.lower(), (first, second))
    if name == "Tangent" and len(args) == 2:
        return Fact("tangent", (_named(args[0], "Line", 2), _named(args[1], "Circle", 1)))
    if name == "Equals" and len(args) == 2:
        return _read_equality(*args)
    raise LogicFormError(f"{term}: no caption is known for this form.")


def _read_equality(left: Term, right: Term) -> Fact:
    if _is_label(left) or (not left.args and right.args):
        left, right = right, left
    if left.name == "MeasureOf" and _is_label(right) and len(left.args) == 1:
        return Fact("angle_label", (_named(left.args[0], "Angle", 3),), _label(right))
    relation, points, *kind = _quantity(left)
    if not right.args or (right.name == "LengthOf" and not right.args[0].args):
        value = (right.args[0] if right.args else right).name.replace(" ", "")
        number = values.constant(value)
        limit = 360 if relation in ("angle", "arc") else float("inf")
        if not values.is_value(value) or (number is not None and not 0 < number < limit):
            raise LogicFormError(f"{value!r} is not a value that {relation} can have.")
        return Fact(relation, (*kind, points), value)
    if relation in ("length", "angle"):
        other, other_points, *_ = _quantity(right)
        if other == relation and _key(relation, points) != _key(relation, other_points):
            return Fact(f"equal_{relation}s", (points, other_points))
    raise LogicFormError(f"{left} = {right}: no caption is known for this form.")


def _quantity(term: Term) -> tuple:
    """(relation, points) of something that has a value, or (`area`, points, (kind of polygon,))."""
    inner = term.args[0] if len(term.args) == 1 else None
    if term.name == "Line" or (term.name == "LengthOf" and inner and inner.name == "Line"):
        return "length", _named(inner or term, "Line", 2)
    if term.name == "Angle" or (term.name == "MeasureOf" and inner and inner.name == "Angle"):
        return "angle", _named(inner or term, "Angle", 3)
    if inner and term.name in ("MeasureOf", "LengthOf"):
        arc = inner.args[0] if inner.name in ("Minor", "Major") and len(inner.args) == 1 else inner
        relation = "arc" if term.name == "MeasureOf" else "arc_length"
        return relation, _named(arc, "Arc", 3 if len(arc.args) == 3 or inner.name == "Major" else 2)
    if inner and term.name == "AreaOf" and inner.name in _POLYGONS:
        return "area", _named(inner, inner.name, _POLYGONS[inner.name]), (inner.name.lower(),)
    raise LogicFormError(f"{term}: it is no length, angle, arc or area of something named by letters.")


def _key(relation: str, points: Points) -> tuple:
    return (points[1], frozenset(points)) if relation == "angle" else (frozenset(points),)


def _is_label(term: Term) -> bool:
    return term.name == "MeasureOf" and len(term.args) == 1 and _label(term) is not None


def _label(term: Term) -> str | None:
    inner = term.args[0]
    inner = inner.args[0] if inner.name == "Angle" and len(inner.args) == 1 else inner
    found = None if inner.args else _LABEL.fullmatch(inner.name)
    return found[1] if found else None


def _named(term: Term, name: str, count: int) -> Points:
    if term.name != name:
        raise LogicFormError(f"{term}: {name} was expected.")
    return _letters(term.args, count)


def _letters(terms: tuple[Term, ...], count: int) -> Points:
    names = tuple(term.name for term in terms)
    if len(names) != count or len(set(names)) != count or not all(map(_LETTER.fullmatch, names)):
        raise LogicFormError(f"{names}: {count} different letters of the figure were expected.")
    return names


def _add_to_circle(term: Term, circles: dict[tuple[str, str], list[str]]) -> None:
    if len(term.args) != 2 or term.args[1].name != "Circle" or not 1 <= len(term.args[1].args) <= 2:
        raise LogicFormError(f"{term}: a point and a circle were expected.")
    point, centre = _letters(term.args[:1], 1)[0], _letters(term.args[1].args[:1], 1)[0]
    if point == centre:
        raise LogicFormError(f"{term}: a circle does not pass through its centre.")
    circles.setdefault((centre, str(term.args[1].args[1:])), []).append(point)


def _with_arcs(problem: Problem) -> Problem:
    """Names the measure of an arc as such: it is annotated as a central angle, whose sides are mostly not drawn."""
    circles = {fact.objects[0][0]: set(fact.objects[1]) for fact in problem.facts if fact.relation == "on_circle"}
    drawn = {frozenset(ends) for ends in problem.segments}
    drawn |= {
        frozenset((f.objects[0][0], end)) for f in problem.facts if f.relation == "on_segment" for end in f.objects[1]
    }
    facts = []
    for fact in problem.facts:
        if fact.relation == "angle":
            first, vertex, last = fact.objects[0]
            sides = {frozenset((vertex, first)), frozenset((vertex, last))}
            if {first, last} <= circles.get(vertex, set()) and not sides <= drawn:
                fact = Fact("arc", ((first, last),), fact.value)
        facts.append(fact)
    return replace(problem, facts=tuple(facts))


def _without_arcs_as_chords(problem: Problem) -> Problem:
    """Leaves out chords that no fact speaks of: the annotators list the ends of an arc as a line, too (2753, 2945)."""
    circles = [set(fact.objects[1]) for fact in problem.facts if fact.relation == "on_circle"]
    spoken_of: set[frozenset[str]] = set()
    for fact in problem.facts:
        if fact.relation in OF_SEGMENTS:
            spoken_of.update(map(frozenset, fact.objects))
        elif fact.relation in ("angle", "angle_label", "equal_angles"):
            spoken_of.update(frozenset((vertex, end)) for a, vertex, b in fact.objects for end in (a, b))
    segments = tuple(
        ends
        for ends in problem.segments
        if frozenset(ends) in spoken_of or not any(on.issuperset(ends) for on in circles)
    )
    return replace(problem, segments=segments)
