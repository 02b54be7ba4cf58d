"""Which statements about an annotated diagram are certainly false.

`Knowledge.refutes` never guesses. A statement is false because a marking says otherwise (AB = 7 where AB = 6 is
marked), because the order of points on a line does, or because the drawing does, by a margin (see `layout`).
What is not refuted may be true or false, and is not fit for a negative caption.
"""

import math
from collections import defaultdict
from collections.abc import Hashable, Iterable

from dataset_builders.sources.geometry3k import values
from dataset_builders.sources.geometry3k.facts import Fact, Points, Problem
from dataset_builders.sources.geometry3k.layout import OFF_CIRCLE, OFF_SEGMENT, Layout

_BEYOND = 0.15  # a point on the line AB is off the segment from this far outside it, as a share of |AB|


class Knowledge:
    """What the annotations of one problem entail: lines, rays, equal things, their values, and the drawing.

    Derived names are one thing: with D between A and B, line AD is line AB, and ∠CAD is ∠CAB.
    """

    def __init__(self, problem: Problem):
        self.layout = Layout(problem)
        self.facts = tuple(fact for fact in problem.facts if fact not in self.layout.doubtful)
        by_relation = defaultdict(list)
        for fact in self.facts:
            by_relation[fact.relation].append(fact)
        self._between = {(f.objects[0][0], frozenset(f.objects[1])) for f in by_relation["on_segment"]}
        self._groups = _collinear_groups(self._between)
        self._rays = self._find_rays(problem.points)
        self._circles = {f.objects[0][0]: frozenset(f.objects[1]) for f in by_relation["on_circle"]}
        self._perpendicular = {self._line_pair(f.objects) for f in by_relation["perpendicular"]}
        self._parallel = {self._line_pair(f.objects) for f in by_relation["parallel"]}
        self._tangents = {frozenset(f.objects[0]) for f in by_relation["tangent"]}
        equal = [tuple(map(frozenset, f.objects)) for f in by_relation["equal_lengths"]]
        self._equal = _classes(equal + [tuple(map(self.angle_key, f.objects)) for f in by_relation["equal_angles"]])
        self._labels: dict[str, list[Points]] = defaultdict(list)
        for fact in by_relation["angle_label"]:
            self._labels[fact.value].append(fact.objects[0])
        self._marked: dict[Hashable, list[tuple[Points, str]]] = defaultdict(list)
        for a, b, c in (f.objects[0] for f in by_relation["polygon"] if f.value == "equilateral triangle"):
            for angle in ((a, b, c), (b, c, a), (c, a, b)):
                self._marked[self.thing(Fact("angle", (angle,)))].append((angle, "60"))
        for relation in ("length", "angle", "arc", "arc_length", "area"):
            for fact in by_relation[relation]:
                self._marked[self.thing(fact)].append((fact.objects[-1], fact.value))

    # Names

    def line(self, segment: Points) -> frozenset[str]:
        """The line through two points: all points known to be on it."""
        return next((group for group in self._groups if group.issuperset(segment)), frozenset(segment))

    def inside(self, segment: Points) -> set[str]:
        """The points marked as lying between the ends of a segment."""
        return {point for point, ends in self._between if ends == frozenset(segment)}

    def angle_key(self, angle: Points) -> tuple[str, frozenset[str]]:
        """One key for all names of an angle: the vertex and its two rays."""
        first, vertex, last = angle
        return vertex, frozenset((self._ray(vertex, first), self._ray(vertex, last)))

    def thing(self, fact: Fact) -> Hashable:
        """What a fact with a value gives a value to; equal segments and equal angles count as one thing."""
        points = fact.objects[-1]
        if fact.relation == "angle":
            key: Hashable = self.angle_key(points)
        elif fact.relation == "length":
            key = frozenset(points)
        else:
            key = (fact.relation, frozenset(points))
        return self._equal.get(key, key)

    def is_straight_or_flat(self, angle: Points) -> bool:
        """Whether the three points lie on one line, so that they make no angle to speak of."""
        drawn = self.layout.angle(angle)
        return self._on_one_line(angle) or (drawn is not None and not 10 < drawn < 170)

    def are_distinct_angles(self, first: Points, second: Points) -> bool:
        """Whether the two are certainly not one angle under two names."""
        if first[1] != second[1]:
            return True
        if not self.layout.knows(*first, *second) or self.angle_key(first) == self.angle_key(second):
            return False
        rays = [[self.layout.direction(a[1], a[i]) for i in (0, 2)] for a in (first, second)]
        apart = [[abs((a - b + 180) % 360 - 180) for b in rays[1]] for a in rays[0]]
        same = min(max(apart[0][0], apart[1][1]), max(apart[0][1], apart[1][0]))
        return same > 10

    # Truth

    def refutes(self, fact: Fact) -> bool:
        """Whether the fact is certainly false of the diagram."""
        match fact.relation:
            case "length" | "angle" | "arc" | "arc_length" | "area":
                return self._refutes_value(fact)
            case "equal_lengths" | "equal_angles":
                return self._refutes_equality(fact)
            case "angle_label":
                return self._refutes_label(fact)
            case "on_segment":
                return self._refutes_on_segment(fact.objects[0][0], fact.objects[1])
            case "on_circle":
                return any(self._refutes_on_circle(point, fact.objects[0][0]) for point in fact.objects[1])
            case "perpendicular" | "parallel":
                return self._refutes_direction(fact)
        return False

    def entails(self, fact: Fact) -> bool:
        """Whether the diagram's markings say so already, under these or other names."""
        match fact.relation:
            case "length" | "angle" | "arc" | "arc_length" | "area":
                return any(values.same(value, fact.value) for _, value in self._marked.get(self.thing(fact), ()))
            case "equal_lengths" | "equal_angles":
                relation = fact.relation.removeprefix("equal_").removesuffix("s")
                first, second = (self.thing(Fact(relation, (points,))) for points in fact.objects)
                return first == second
            case "angle_label":
                keys = map(self.angle_key, self._labels.get(fact.value, ()))
                return self.angle_key(fact.objects[0]) in keys
            case "perpendicular" | "parallel":
                return self.is_known(fact.relation, fact.objects)
            case "on_segment":
                return (fact.objects[0][0], frozenset(fact.objects[1])) in self._between
            case "on_circle":
                return self._circles.get(fact.objects[0][0], frozenset()).issuperset(fact.objects[1])
        return False

    def is_known(self, relation: str, segments: tuple[Points, Points]) -> bool:
        """Whether the diagram's markings say that two segments are `perpendicular` or `parallel`."""
        known = self._perpendicular if relation == "perpendicular" else self._parallel
        return self._line_pair(segments) in known

    def are_known_equal(self, first: Points, second: Points) -> bool:
        """Whether the diagram's markings say that two segments are equally long."""
        things = [self.thing(Fact("length", (segment,))) for segment in (first, second)]
        marked = [[value for _, value in self._marked.get(thing, ())] for thing in things]
        return things[0] == things[1] or any(values.same(a, b) for a in marked[0] for b in marked[1])

    def is_known_right(self, angle: Points) -> bool:
        """Whether the diagram's markings say that an angle is right."""
        marked = (value for _, value in self._marked.get(self.thing(Fact("angle", (angle,))), ()))
        sides = ((angle[1], angle[0]), (angle[1], angle[2]))
        return self.is_known("perpendicular", sides) or any(values.constant(value) == 90 for value in marked)

    def _refutes_value(self, fact: Fact) -> bool:
        thing, points = self.thing(fact), fact.objects[-1]
        marked = [value for _, value in self._marked.get(thing, ())]
        if any(values.same(value, fact.value) for value in marked):
            return False
        number = values.constant(fact.value)
        if (
            fact.relation in ("angle", "arc")
            and number
            and any(values.same(value, str(360 - number)) for value in marked)
        ):
            return False  # the other side of the same marking
        if fact.relation == "angle":
            sides = ((points[1], points[0]), (points[1], points[2]))
            if self.is_known("perpendicular", sides):
                return number is not None and abs(number - 90) > 1e-6
        if any(values.differ(value, fact.value) for value in marked):
            return True
        if fact.relation == "length":
            return self._length_is_off(points, fact.value)
        return fact.relation in ("angle", "arc") and self._angle_is_off(fact.relation, points, fact.value)

    def _length_is_off(self, segment: Points, value: str) -> bool:
        """Whether every marked length that can be compared says that the segment is drawn too long or too short."""
        drawn, margin = self.layout.length(segment), self.layout.length_margin
        if drawn is None or margin is None:
            return False
        verdicts = []
        for other, other_value in self._all_marked("length"):
            expected, other_drawn = _ratio(value, other_value), self.layout.length(other)
            if expected is not None and other_drawn is not None:
                verdicts.append(abs(math.log(drawn / other_drawn / expected)) > math.log(margin))
        return bool(verdicts) and all(verdicts)

    def _angle_is_off(self, relation: str, points: Points, value: str) -> bool:
        drawn, margin, number = self._drawn_angle(relation, points), self.layout.angle_margin, values.constant(value)
        if drawn is None or margin is None:
            return False
        if number is not None:
            return abs(min(number, 360 - number) - drawn) > margin
        alike = [
            self._drawn_angle(relation, p) for p, other in self._all_marked(relation) if values.same(other, value)
        ]
        return bool(alike) and None not in alike and all(abs(drawn - other) > margin for other in alike)

    def _refutes_equality(self, fact: Fact) -> bool:
        relation = fact.relation.removeprefix("equal_").removesuffix("s")
        things = [self.thing(Fact(relation, (points,))) for points in fact.objects]
        marked = [[value for _, value in self._marked.get(thing, ())] for thing in things]
        if things[0] == things[1] or any(values.same(a, b) for a in marked[0] for b in marked[1]):
            return False
        if any(values.differ(a, b) for a in marked[0] for b in marked[1]):
            return True
        if relation == "length":
            drawn, margin = [self.layout.length(segment) for segment in fact.objects], self.layout.length_margin
            return margin is not None and None not in drawn and max(drawn) / min(drawn) > margin
        drawn, margin = [self.layout.angle(angle) for angle in fact.objects], self.layout.angle_margin
        return margin is not None and None not in drawn and abs(drawn[0] - drawn[1]) > margin

    def _refutes_label(self, fact: Fact) -> bool:
        angle, bearers = fact.objects[0], self._labels.get(fact.value, [])
        own = any(self.angle_key(angle) == self.angle_key(b) for found in self._labels.values() for b in found)
        return (own or bool(bearers)) and all(self.are_distinct_angles(angle, bearer) for bearer in bearers)

    def _refutes_on_segment(self, point: str, ends: Points) -> bool:
        if point in ends or (point, frozenset(ends)) in self._between:
            return False
        first, last = ends
        if {(first, frozenset((point, last))), (last, frozenset((point, first)))} & self._between:
            return True  # an end of the segment lies between the point and the other end
        place = self.layout.place_on(point, ends)
        if place is None or self.layout.angle_margin is None:
            return False
        along, off = place
        if point in self.line(ends):
            return not -_BEYOND < along < 1 + _BEYOND
        return off > OFF_SEGMENT and off * self.layout.length(ends) > 0.04 * self.layout.size

    def _refutes_on_circle(self, point: str, centre: str) -> bool:
        on = self._circles.get(centre, frozenset())
        radius = self.layout.radius(centre, on)
        if point in on or not radius or not self.layout.knows(point):
            return False
        return abs(self.layout.length((centre, point)) / radius - 1) > OFF_CIRCLE

    def _refutes_direction(self, fact: Fact) -> bool:
        if self.is_known(fact.relation, fact.objects):
            return False
        lines = [self.line(segment) for segment in fact.objects]
        if fact.relation == "perpendicular" and (self.is_known("parallel", fact.objects) or lines[0] == lines[1]):
            return True
        if fact.relation == "parallel" and (
            self.is_known("perpendicular", fact.objects) or len(lines[0] & lines[1]) == 1
        ):
            return True  # two lines with a point in common meet
        if fact.relation == "perpendicular" and self._meet_at_another_angle(*fact.objects):
            return True
        drawn, margin = self.layout.between_lines(*fact.objects), self.layout.angle_margin
        if drawn is None or margin is None or lines[0] == lines[1]:
            return False
        return drawn > margin if fact.relation == "parallel" else drawn < 90 - margin

    # Parts

    def _meet_at_another_angle(self, first: Points, second: Points) -> bool:
        """Whether two segments share an end, at which an angle other than 90° is marked."""
        shared = set(first) & set(second)
        if len(shared) != 1:
            return False
        (vertex,) = shared
        (a,), (b,) = set(first) - shared, set(second) - shared
        marked = self._marked.get(self.thing(Fact("angle", ((a, vertex, b),))), ())
        return any(values.differ(value, "90") and not values.same(value, "270") for _, value in marked)

    def _all_marked(self, relation: str) -> Iterable[tuple[Points, str]]:
        for fact in self.facts:
            if fact.relation == relation:
                yield fact.objects[-1], fact.value

    def _drawn_angle(self, relation: str, points: Points) -> float | None:
        if relation == "angle":
            return self.layout.angle(points)
        centres = [centre for centre, on in self._circles.items() if on.issuperset(points)]
        return self.layout.angle((points[0], centres[0], points[-1])) if len(centres) == 1 else None

    def _on_one_line(self, points: Points) -> bool:
        return any(group.issuperset(points) for group in self._groups)

    def _line_pair(self, segments: tuple[Points, Points]) -> frozenset[frozenset[str]]:
        return frozenset(self.line(segment) for segment in segments)

    def _ray(self, vertex: str, point: str) -> str:
        return self._rays.get((vertex, point), point)

    def _find_rays(self, points: Iterable[str]) -> dict[tuple[str, str], str]:
        """For each vertex and point the first letter, in alphabetical order, of those known to be on the same ray."""
        pairs = []
        for between, ends in self._between:
            for vertex in ends:
                (far,) = ends - {vertex}
                pairs.append(((vertex, between), (vertex, far)))
        for group in self._groups:
            for vertex in group:
                known = [p for p in sorted(group - {vertex}) if self.layout.knows(vertex, p)]
                for i, first in enumerate(known):
                    same = [p for p in known[i + 1 :] if self.layout.angle((first, vertex, p)) < 90]
                    pairs += [((vertex, first), (vertex, p)) for p in same]
        return {key: representative[1] for key, representative in _classes(pairs).items()}


def _ratio(value: str, other: str) -> float | None:
    if values.same(value, other):
        return 1.0
    a, b = values.constant(value), values.constant(other)
    return a / b if a and b else None


def _collinear_groups(between: Iterable[tuple[str, frozenset[str]]]) -> list[frozenset[str]]:
    """Sets of points on one line; two lines that share two points are one."""
    groups: list[set[str]] = []
    for point, ends in sorted(between, key=lambda known: (known[0], sorted(known[1]))):
        merged = {point, *ends}
        while touching := [group for group in groups if len(group & merged) > 1]:
            merged.update(*touching)
            groups = [group for group in groups if group not in touching]
        groups.append(merged)
    return [frozenset(group) for group in groups]


def _classes(pairs: Iterable[tuple[Hashable, Hashable]]) -> dict[Hashable, Hashable]:
    """Each thing's representative in the finest partition that joins every pair."""
    parent: dict[Hashable, Hashable] = {}

    def root(thing: Hashable) -> Hashable:
        while parent.setdefault(thing, thing) != thing:
            thing = parent[thing]
        return thing

    for first, second in pairs:
        a, b = sorted((root(first), root(second)), key=str)
        parent[b] = a
    return {thing: root(thing) for thing in parent}
