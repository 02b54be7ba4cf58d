"""Where the points of an annotated diagram are, and how far its drawing can be trusted.

Textbook diagrams are roughly to scale: over Geometry3K's 3,002 problems half of the marked angles are drawn within
0.7° and half of the marked lengths within 2%, but one angle in ten is off by more than 10° and one length in ten by
more than 29%. So a drawing is first held against its own markings, and evidence from it needs a wide margin.
"""

import math
from collections.abc import Iterable
from itertools import combinations

from dataset_builders.sources.geometry3k import values
from dataset_builders.sources.geometry3k.facts import Fact, Points, Problem

# Annotations that a drawing contradicts by this much are slips of the annotator (wrong letters, a misplaced point).
_DOUBTFUL_DEGREES = 30.0
_DOUBTFUL_OFFSET = 0.12  # of the segment's length
_DOUBTFUL_RADIUS = 0.15  # of the radius

ANGLE_MARGIN = 20.0  # degrees; a drawing without a marked angle to hold it against needs 1.5 times as much
LENGTH_MARGIN = 1.25  # ratio; a drawing without two marked lengths to hold it against needs 1.5
OFF_SEGMENT = 0.15  # a point is off a segment from this distance on, as a share of the segment's length
OFF_CIRCLE = 0.20  # a point is off a circle from this distance on, as a share of the radius
_ANGLES_TO_SCALE = 10.0
_LENGTHS_TO_SCALE = 1.2


class Layout:
    """The positions of a problem's points, with `angle_margin` and `length_margin` as far as they can be trusted.

    A margin is `None` where the drawing must not be used: positions unknown, or at odds with the markings.
    `doubtful` holds the facts that the positions contradict outright; one of incidence or direction casts doubt on
    the positions as well, and then none of them is used.
    """

    def __init__(self, problem: Problem):
        self.positions = dict(problem.positions)
        width = max((math.dist(a, b) for a, b in combinations(self.positions.values(), 2)), default=0.0)
        self.size = width
        for a, b in combinations(problem.positions, 2):
            if math.dist(problem.positions[a], problem.positions[b]) < 0.01 * width:
                self.positions.pop(a, None)  # two letters in one place: at least one of the positions is wrong
                self.positions.pop(b, None)
        self.doubtful = frozenset(fact for fact in problem.facts if self._is_doubtful(fact))
        if any(fact.relation not in ("angle", "arc", "length") for fact in self.doubtful):
            self.positions = {}
        facts = [fact for fact in problem.facts if fact not in self.doubtful]
        self.angle_margin = self._angle_margin(facts)
        self.length_margin = self._length_margin(facts) if self.angle_margin else None

    def knows(self, *points: str) -> bool:
        """Whether the positions of all these points are known and trusted."""
        return all(point in self.positions for point in points)

    def length(self, segment: Points) -> float | None:
        """Pixels, or `None`."""
        return math.dist(*(self.positions[p] for p in segment)) if self.knows(*segment) else None

    def angle(self, points: Points) -> float | None:
        """∠AVB in degrees, 0 to 180, or `None`."""
        if not self.knows(*points):
            return None
        a, v, b = points
        turn = abs(self.direction(v, a) - self.direction(v, b)) % 360
        return min(turn, 360 - turn)

    def direction(self, start: str, end: str) -> float:
        """Degrees of the ray from start to end; both must be known."""
        (x0, y0), (x1, y1) = self.positions[start], self.positions[end]
        return math.degrees(math.atan2(y1 - y0, x1 - x0))

    def between_lines(self, first: Points, second: Points) -> float | None:
        """The angle between two lines in degrees, 0 to 90, or `None`."""
        if not self.knows(*first, *second):
            return None
        turn = abs(self.direction(*first) - self.direction(*second)) % 180
        return min(turn, 180 - turn)

    def place_on(self, point: str, segment: Points) -> tuple[float, float] | None:
        """(along, off): where the foot on AB lies, A at 0 and B at 1, and the distance from the line AB over |AB|."""
        if not self.knows(point, *segment):
            return None
        (px, py), (ax, ay), (bx, by) = (self.positions[p] for p in (point, *segment))
        dx, dy = bx - ax, by - ay
        square = dx * dx + dy * dy
        along = ((px - ax) * dx + (py - ay) * dy) / square
        return along, abs((px - ax) * dy - (py - ay) * dx) / square

    def radius(self, centre: str, points: Iterable[str]) -> float | None:
        """Mean distance of the known points from the centre, or `None` if none is known."""
        distances = [math.dist(self.positions[centre], self.positions[p]) for p in points if self.knows(centre, p)]
        return sum(distances) / len(distances) if distances else None

    def _is_doubtful(self, fact: Fact) -> bool:
        match fact.relation:
            case "perpendicular" | "parallel":
                drawn = self.between_lines(*fact.objects)
                wanted = 90 if fact.relation == "perpendicular" else 0
                return drawn is not None and abs(drawn - wanted) > _DOUBTFUL_DEGREES
            case "on_segment":
                place = self.place_on(fact.objects[0][0], fact.objects[1])
                return place is not None and not (-0.1 < place[0] < 1.1 and place[1] < _DOUBTFUL_OFFSET)
            case "on_circle":
                (centre,), on = fact.objects
                radius = self.radius(centre, on)
                return any(
                    abs(math.dist(self.positions[centre], self.positions[p]) / radius - 1) > _DOUBTFUL_RADIUS
                    for p in on
                    if radius and self.knows(centre, p)
                )
            case "angle":
                return self._angle_error(fact) > 2 * _DOUBTFUL_DEGREES
        return False

    def _angle_error(self, fact: Fact) -> float:
        """Degrees between the marked and the drawn angle; 0 where either is not known."""
        marked, drawn = values.constant(fact.value), self.angle(fact.objects[0])
        if marked is None or drawn is None:
            return 0.0
        return abs(min(marked, 360 - marked) - drawn)

    def _angle_margin(self, facts: list[Fact]) -> float | None:
        errors = []
        for fact in facts:
            if fact.relation == "perpendicular":
                drawn = self.between_lines(*fact.objects)
                errors += [] if drawn is None else [90 - drawn]
            elif fact.relation == "equal_angles":
                drawn_angles = [self.angle(angle) for angle in fact.objects]
                errors += [] if None in drawn_angles else [abs(drawn_angles[0] - drawn_angles[1])]
            elif fact.relation == "angle" and values.constant(fact.value) and self.knows(*fact.objects[0]):
                errors.append(self._angle_error(fact))
        if not self.positions or any(error > _ANGLES_TO_SCALE for error in errors):
            return None
        return ANGLE_MARGIN if errors else 1.5 * ANGLE_MARGIN

    def _length_margin(self, facts: list[Fact]) -> float | None:
        scales, pairs = [], []
        for fact in facts:
            if fact.relation not in ("length", "equal_lengths"):
                continue
            drawn = [self.length(segment) for segment in fact.objects]
            if None in drawn:
                continue
            if fact.relation == "length" and (marked := values.constant(fact.value)):
                scales.append(drawn[0] / marked)
            elif fact.relation == "equal_lengths":
                pairs.append(max(drawn) / min(drawn))
        spread = max(scales) / min(scales) if scales else 1.0
        if max([spread, *pairs]) > _LENGTHS_TO_SCALE:
            return None
        return LENGTH_MARGIN if len(scales) > 1 or pairs else 1.5
