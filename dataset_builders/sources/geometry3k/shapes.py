"""The outline of a diagram: its polygon, named by what is marked, and which names would be wrong."""

import math
from collections.abc import Iterable
from itertools import combinations

from dataset_builders.sources.geometry3k.facts import Fact, Points, Problem
from dataset_builders.sources.geometry3k.layout import Layout
from dataset_builders.sources.geometry3k.truth import Knowledge

_NAMES = {3: "triangle", 4: "quadrilateral", 5: "pentagon", 6: "hexagon", 7: "heptagon", 8: "octagon"}
_TRIANGLES = ("right triangle", "isosceles triangle", "equilateral triangle")
_QUADRILATERALS = ("trapezoid", "parallelogram", "rectangle", "rhombus", "square")


def outlines(problem: Problem, knowledge: Knowledge) -> list[Fact]:
    """A `polygon` fact for each connected part of the drawing whose outline is drawn with letters at all corners.

    Where positions are not known, a part is read as a triangle if it has three corners, each joined to the others.
    """
    drawn = {frozenset(ends) for ends in problem.segments}
    inner = {f.objects[0][0] for f in knowledge.facts if f.relation == "on_segment"}
    facts = []
    for part in _parts(problem):
        if knowledge.layout.knows(*part):
            corners = _hull(part, knowledge.layout)
        else:
            corners = tuple(sorted(part - inner))
            corners = corners if len(corners) == 3 else ()
        sides = list(zip(corners, corners[1:] + corners[:1], strict=True))
        is_drawn = all(frozenset(side) in drawn or len(knowledge.line(side)) > 2 for side in sides)
        if len(corners) in _NAMES and is_drawn and len({knowledge.line(side) for side in sides}) == len(sides):
            facts.append(Fact("polygon", (corners,), _name(corners, knowledge)))
    return facts


def refuted_names(fact: Fact, knowledge: Knowledge) -> list[str]:
    """Other names that the polygon certainly does not deserve, for one that is named by its markings.

    A plain triangle or quadrilateral keeps its name: were it made a rhombus in negatives, "rhombus" would give
    negatives away, as few textbook diagrams mark one.
    """
    names = next((names for names in (_TRIANGLES, _QUADRILATERALS) if fact.value in names), ())
    return [n for n in names if n != fact.value and refutes_polygon(Fact("polygon", fact.objects, n), knowledge)]


def refutes_polygon(fact: Fact, knowledge: Knowledge) -> bool:
    """Whether a named triangle or quadrilateral is certainly none of that name. A name that adds nothing never is."""
    corners = fact.objects[0]
    if _crosses_itself(corners, knowledge.layout):
        return True
    sides = list(zip(corners, corners[1:] + corners[:1], strict=True))
    adjacent = list(zip(sides, sides[1:] + sides[:1], strict=True))
    unequal = [knowledge.refutes(Fact("equal_lengths", pair)) for pair in adjacent]
    oblique = [knowledge.refutes(Fact("angle", (angle,), "90")) for angle in _angles(corners)]
    opposite = [knowledge.refutes(Fact("parallel", pair)) for pair in (sides[0::2], sides[1::2]) if len(pair) == 2]
    return {
        "right triangle": all(oblique),
        "isosceles triangle": all(unequal),
        "equilateral triangle": any(unequal) or any(knowledge.is_known_right(angle) for angle in _angles(corners)),
        "trapezoid": all(opposite),
        "parallelogram": any(opposite),
        "rectangle": any(oblique),
        "rhombus": any(unequal),
        "square": any(unequal) or any(oblique),
    }.get(fact.value, False)


def wrong_orders(corners: Points, layout: Layout) -> list[Points]:
    """Orders with two letters exchanged that go around a convex polygon in no direction: ACBD for ABCD, not DCBA."""
    orders = []
    for i, j in combinations(range(len(corners)), 2):
        order = list(corners)
        order[i], order[j] = order[j], order[i]
        if _crosses_itself(tuple(order), layout):
            orders.append(tuple(order))
    return orders


def _crosses_itself(corners: Points, layout: Layout) -> bool:
    """Whether the outline in this order would cross itself, which a drawn one does not; for convex corners only."""
    if len(corners) < 4 or not layout.knows(*corners):
        return False
    hull = _hull(corners, layout)
    steps = {frozenset(pair) for pair in zip(hull, hull[1:] + hull[:1], strict=True)}
    own = {frozenset(pair) for pair in zip(corners, corners[1:] + corners[:1], strict=True)}
    return len(hull) == len(corners) and own != steps


def _name(corners: Points, knowledge: Knowledge) -> str:
    sides = list(zip(corners, corners[1:] + corners[:1], strict=True))
    right = sum(knowledge.is_known_right(angle) for angle in _angles(corners))
    equal = [knowledge.are_known_equal(a, b) for a, b in zip(sides, sides[1:] + sides[:1], strict=True)]
    if len(corners) == 3:
        if sum(equal) > 1:
            return "equilateral triangle"
        return "right triangle" if right else "isosceles triangle" if any(equal) else "triangle"
    if len(corners) == 4:
        pairs = (tuple(sides[0::2]), tuple(sides[1::2]))
        parallel = [knowledge.is_known("parallel", pair) for pair in pairs]
        if sum(equal) > 2:
            return "square" if right else "rhombus"
        if right > 2 or (right and all(parallel)):
            return "rectangle"
        if all(parallel):
            return "parallelogram"
        other = pairs[parallel.index(False)]
        if any(parallel) and knowledge.refutes(Fact("parallel", other)):
            return "trapezoid"
    return _NAMES[len(corners)]


def _angles(corners: Points) -> list[Points]:
    return list(zip(corners[-1:] + corners[:-1], corners, corners[1:] + corners[:1], strict=True))


def _parts(problem: Problem) -> list[set[str]]:
    parts: list[set[str]] = []
    for ends in problem.segments:
        touching = [part for part in parts if part & set(ends)]
        parts = [part for part in parts if part not in touching] + [set(ends).union(*touching)]
    return sorted(parts, key=min)


def _hull(points: Iterable[str], layout: Layout) -> Points:
    """Corners of the convex hull, in order; a point that bends its outline by less than 10° is no corner."""
    corners = list(_around(sorted(points), layout))
    flat = True
    while flat and len(corners) > 2:
        flat = next((b for a, b, c in _angles(tuple(corners)) if layout.angle((a, b, c)) > 170), None)
        if flat:
            corners.remove(flat)
    start = corners.index(min(corners)) if corners else 0
    return tuple(corners[start:] + corners[:start])


def _around(points: list[str], layout: Layout) -> list[str]:
    """Gift wrapping: from the leftmost point on, always to the point that has all others on one side."""
    at = {point: layout.positions[point] for point in points}
    if len(points) < 3:
        return points
    start = min(points, key=lambda p: (at[p], p))
    hull = [start]
    while len(hull) <= len(points):
        here = at[hull[-1]]
        following = next(p for p in points if p != hull[-1])
        for p in points:
            (ax, ay), (bx, by) = [(at[q][0] - here[0], at[q][1] - here[1]) for q in (following, p)]
            turn = ax * by - ay * bx
            if p != hull[-1] and (turn < 0 or (turn == 0 and math.dist(here, at[p]) > math.dist(here, at[following]))):
                following = p
        if following == start:
            return hull
        hull.append(following)
    return []


def side_segments(fact: Fact) -> list[frozenset[str]]:
    """The sides of a polygon fact, which need not be mentioned as segments again."""
    return [frozenset(pair) for pair in combinations(fact.objects[0], 2) if _is_side(pair, fact.objects[0])]


def _is_side(pair: Points, corners: Points) -> bool:
    gap = abs(corners.index(pair[0]) - corners.index(pair[1]))
    return gap in (1, len(corners) - 1)
