"""Geometry3K's annotated diagrams as diagram programs: real figures in the language in which the generated ones are
drawn, edited and described.

PointLiesOnLine(D, Line(B, C))             →  D = foot(A, B, C)
Perpendicular(Line(A, D), Line(B, C))      →  mark_right_angle(A, D, B)
Equals(LengthOf(Line(A, B)), 2x-7)         →  mark_length(A, B, "2x - 7")
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from dataset_builders.diagram import facts as drawn_facts
from dataset_builders.diagram.figure import DRAWN, Figure, FigureError, Point, distance, solve
from dataset_builders.diagram.program import Number, Program, Statement
from dataset_builders.sources.geometry3k import values
from dataset_builders.sources.geometry3k.captions import caption_facts
from dataset_builders.sources.geometry3k.facts import Fact, Points, Problem
from dataset_builders.sources.geometry3k.truth import Knowledge

REASONS = (
    "no point is annotated",
    "a point has no position",
    "two points are annotated in one place",
    "the positions contradict the annotations",
    "two circles have one centre",
    "the figure cannot be solved",
)
"""Why a problem may have no program."""

# In hundredths of the frame's side. Letters stand beside their points, so that points need more room than circles.
_POINT_MARGIN, _CIRCLE_MARGIN = 10.0, 4.0
# As far as a construction may move a point from where it is annotated: positions were clicked by hand.
_SLACK = 2.5
_LEAST_APART = 0.01  # of the figure's width, as in `layout`
_MOST_BENT = 0.12  # of a line's length, as in `layout`
_PLAIN_NUMBER = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Translation:
    """A problem's program, and what of the annotations it does not say.

    Attributes:
        program: Draws what is annotated in its place; constructions move a point by 2.5 hundredths at most.
        lost: Facts that the language has no words for beside the others, by relation; `on_circle` once per point.
        drawn_badly: Facts left out because the positions show something else, by relation.
    """

    program: Program
    lost: Counter[str] = field(default_factory=Counter)
    drawn_badly: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Untranslated:
    """A problem without a program; `reason` is one of [`REASONS`]."""

    reason: str


def program_of(problem: Problem) -> Translation | Untranslated:
    """The program that draws an annotated diagram, for problems all of whose points have positions.

    A point that is annotated on lines or on a circle is made by the construction that says so, the others by `point`;
    of a point on two lines and a circle only two facts can be said. The program parses back to itself, solves under
    [`DRAWN`], and states nothing that its own figure refutes. A' and A'' are called A1 and A2.
    """
    if not problem.points:
        return Untranslated("no point is annotated")
    if not problem.positions.keys() >= set(problem.points):
        return Untranslated("a point has no position")
    if any("concentric" in form for form in problem.unread):
        return Untranslated("two circles have one centre")
    if _crowded(problem):
        return Untranslated("two points are annotated in one place")
    knowledge = Knowledge(problem)
    if not knowledge.layout.positions or _bent(problem, knowledge):
        return Untranslated("the positions contradict the annotations")
    drawing = _Drawing(problem, knowledge)
    try:
        drawing.place_points()
        drawing.join_points()
        drawing.mark()
    except FigureError:
        return Untranslated("the figure cannot be solved")
    return Translation(Program(tuple(drawing.statements)), drawing.lost, drawing.drawn_badly)


class _Drawing:
    """A program in the making: `statements` so far and the `figure` that they draw."""

    def __init__(self, problem: Problem, knowledge: Knowledge):
        self.problem, self.knowledge = problem, knowledge
        self.facts = caption_facts(problem, knowledge)
        self.circles = {f.objects[0][0]: f.objects[1] for f in self.facts if f.relation == "on_circle"}
        self.lines: dict[str, list[Points]] = {}
        for fact in self._of("on_segment"):
            self.lines.setdefault(fact.objects[0][0], []).append(fact.objects[1])
        self.at, self.radii = _framed(problem.positions, self.circles)
        self.named: dict[frozenset[str], Points] = {}
        self.statements: list[Statement] = []
        self.figure = Figure()
        self.lost = Counter(fact.relation for fact in self.facts if fact.relation in _WORDLESS)
        self.lost.update(fact.relation for fact in problem.facts if fact.relation == "polygon")
        self.drawn_badly = Counter(fact.relation for fact in knowledge.layout.doubtful)

    def place_points(self) -> None:
        """Makes every point, those that others are built on first, and counts incidences that are not said."""
        said: set[tuple[str, ...]] = set()
        waiting = sorted(self.problem.points, key=lambda p: (p not in self.circles, bool(self._built_on(p))))
        while waiting:
            ready = [p for p in waiting if p in self.circles or self._built_on(p) <= self.figure.points.keys()]
            # Where every point waits for another one, the one that most others wait for is placed as it is.
            point = ready[0] if ready else max(waiting, key=lambda p: sum(p in self._built_on(q) for q in waiting))
            for statement, says in self._constructions(point):
                if self._try(statement, point):
                    said.update(says)
                    break
            else:
                self._append(Statement("point", (_name(point),), options=(("at", self._free_place(point)),)))
            waiting.remove(point)
        for point, lines in self.lines.items():
            for ends in lines:
                if (point, *ends) not in said:
                    self._count_unsaid("on_segment", self._off_segment(point, ends))
        for centre, on in self.circles.items():
            for point in on:
                if (point, centre) not in said:
                    self._count_unsaid(
                        "on_circle", abs(self._apart(point, centre) - self.figure.circles[_name(centre)])
                    )

    def join_points(self) -> None:
        """Draws the segments that are not part of another, nor drawn by a construction."""
        drawn = {frozenset(ends) for ends in self.figure.segments}
        whole = [(frozenset(ends), frozenset(ends) | self.knowledge.inside(ends)) for ends in self.problem.segments]
        for ends in self.problem.segments:
            covered = any(line.issuperset(ends) and between != frozenset(ends) for between, line in whole)
            names = _names(ends)
            if not covered and frozenset(names) not in drawn:
                self._append(Statement("segment", names))

    def mark(self) -> None:
        """Writes what is marked, but for what the figure then refutes."""
        for fact in self.facts:
            if fact.relation not in _MARKS:
                continue
            statement = _MARKS[fact.relation](self, fact)
            if statement is None:
                self.lost[fact.relation] += 1
            elif self._contradicts(statement):
                self.drawn_badly[fact.relation] += 1
            else:
                self._append(statement)

    def _contradicts(self, statement: Statement) -> bool:
        """Whether the drawing, without the mark, shows something else: a right angle drawn at 60° was annotated
        of the wrong lines. Values are not held against it: textbooks do not draw to scale."""
        if statement.verb in ("mark_length", "mark_angle", "mark_arc"):
            return False
        return drawn_facts.refuted(self.figure, _stated(statement))

    # Points

    def _constructions(self, point: str) -> Iterator[tuple[Statement, list[tuple[str, ...]]]]:
        """Ways to make a point, those that say most first, each with the incidences (point, circle) or (point, a, b)
        that it says."""
        name, placed = _name(point), self.figure.points
        if point in self.circles:
            size = round(2 * self.radii[point], 2)
            yield Statement("circle", (name,), options=(("at", _rounded(self.at[point])), ("size", size))), []
            return
        lines = [ends for ends in self.lines.get(point, ()) if all(_name(end) in placed for end in ends)]
        centres = [centre for centre, on in self.circles.items() if point in on and _name(centre) in placed]
        for centre in centres:
            for ends in self.lines.get(centre, ()):
                (other, *none) = set(ends) - {point}
                if not none and other in self.circles[centre] and _name(other) in placed:
                    says: list[tuple[str, ...]] = [(point, centre), (centre, *ends)]
                    yield Statement("diameter", _names((centre, other)), name), says
        for i, first in enumerate(lines):
            for second in lines[i + 1 :]:
                says = [(point, *first), (point, *second)]
                yield Statement("intersection", _names((*first, *second)), name), says
        for ends in lines:
            for top in self._tops(point, ends):
                yield Statement("foot", _names((top, *ends)), name), [(point, *ends)]
        for centre in centres:
            turn = self._turn(point, centre)
            yield Statement("on_circle", (_name(centre),), name, options=(("turn", turn),)), [(point, centre)]
        for ends in lines:
            if self.knowledge.are_known_equal((ends[0], point), (point, ends[1])):
                yield Statement("midpoint", _names(ends), name), [(point, *ends)]
            ratio = self._along(point, *map(self._place, ends))
            if 0.05 <= ratio <= 0.95:
                yield (
                    Statement("point_on", _names(ends), name, options=(("ratio", round(ratio, 4)),)),
                    [(point, *ends)],
                )

    def _built_on(self, point: str) -> set[str]:
        """The points (by their names in the program) that a point's constructions may need."""
        ends = {_name(end) for ends in self.lines.get(point, ()) for end in ends}
        return ends | {_name(centre) for centre, on in self.circles.items() if point in on}

    def _tops(self, foot: str, base: Points) -> Iterator[str]:
        """Points off the base that are joined to the foot by a line marked perpendicular to the base."""
        line = self.knowledge.line(base)
        for segment in self.problem.segments:
            (top, *none) = set(segment) - {foot}
            is_right = not none and top not in line and self.knowledge.is_known("perpendicular", (segment, base))
            if is_right and _name(top) in self.figure.points:
                yield top

    def _free_place(self, point: str) -> tuple[Number, Number]:
        """Where a point without construction is put: where it is annotated, or on its line if it has one."""
        for a, b in self._lines_of(point):
            ratio = self._along(point, a, b)
            place = (a[0] + ratio * (b[0] - a[0]), a[1] + ratio * (b[1] - a[1]))
            if math.dist(place, self.at[point]) < _SLACK:
                return _rounded(place)
        return _rounded(self.at[point])

    def _lines_of(self, point: str) -> list[tuple[Point, Point]]:
        """Two points, the farthest apart ones that are placed, of each line that the point is annotated on."""
        placed = [other for other in self.problem.points if _name(other) in self.figure.points and other != point]
        groups = dict.fromkeys(self.knowledge.line((point, other)) for other in placed)
        lines = []
        for group in groups:
            places = [self._place(other) for other in placed if other in group]
            pairs = [(a, b) for i, a in enumerate(places) for b in places[:i]]
            lines += [max(pairs, key=lambda pair: math.dist(*pair))] if pairs else []
        return lines

    def _along(self, point: str, a: Point, b: Point) -> float:
        """How far along the way from a to b the point's annotated position is, 0 at a and 1 at b."""
        x, y = self.at[point]
        return ((x - a[0]) * (b[0] - a[0]) + (y - a[1]) * (b[1] - a[1])) / math.dist(a, b) ** 2

    def _place(self, point: str) -> Point:
        return self.figure.points[_name(point)]

    def _off_segment(self, point: str, ends: Points) -> float:
        (ax, ay), (bx, by), (x, y) = map(self._place, (*ends, point))
        along = ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / math.dist((ax, ay), (bx, by)) ** 2
        along = max(0.0, min(1.0, along))
        return math.dist((x, y), (ax + along * (bx - ax), ay + along * (by - ay)))

    def _apart(self, first: str, second: str) -> float:
        return distance(self.figure, _name(first), _name(second))

    def _count_unsaid(self, relation: str, off: float) -> None:
        (self.lost if off < _SLACK else self.drawn_badly)[relation] += 1

    def _turn(self, point: str, centre: str) -> float:
        """The direction from the centre to the point in degrees: where a tangent touches the circle or a line of the
        point meets it, if one does near the annotated position."""
        middle, radius = self._place(centre), self.figure.circles[_name(centre)]
        places = [place for line in self._lines_of(point) for place in _meetings(middle, radius, *line)]
        for top in self._tops(point, (centre, point)):
            places = [*_touching(middle, radius, self._place(top)), *places]
        x, y = next((place for place in places if math.dist(place, self.at[point]) < _SLACK), self.at[point])
        return round(math.degrees(math.atan2(y - middle[1], x - middle[0])), 2)

    # Statements

    def _try(self, statement: Statement, point: str) -> bool:
        """Appends a statement if it solves, says what is seen, and puts the point where it is annotated."""
        try:
            figure = self._with(statement)
        except FigureError:
            return False
        apart = math.dist(figure.points[_name(point)], self.at[point])
        if apart > _SLACK or not drawn_facts.holds(figure, _stated(statement)):
            return False
        self.statements.append(statement)
        self.figure = figure
        return True

    def _append(self, statement: Statement) -> None:
        self.figure = self._with(statement)
        self.statements.append(statement)

    def _with(self, statement: Statement) -> Figure:
        return solve(Program((*self.statements, statement)), DRAWN)

    def _of(self, relation: str) -> list[Fact]:
        return [fact for fact in self.facts if fact.relation == relation]

    # Marks

    def _length(self, fact: Fact) -> Statement:
        return Statement("mark_length", _names(fact.objects[0]), value=_value(fact.value))

    def _angle(self, fact: Fact) -> Statement | None:
        number = values.constant(fact.value)
        if number is not None and not 1 <= number < 180:
            return None  # a reflex angle: three points name the other side
        return Statement("mark_angle", _names(fact.objects[0]), value=_value(fact.value))

    def _arc(self, fact: Fact) -> Statement | None:
        """Counter-clockwise, as arcs are drawn: the side of the point between, else the one that fits the value."""
        first, *via, last = fact.objects[0]
        centres = [centre for centre, on in self.circles.items() if {first, last} <= set(on)]
        if len(centres) != 1:
            return None
        swept = self._sweep(centres[0], first, last)
        if via:
            forward = self._sweep(centres[0], first, via[0]) < swept
        else:
            number = values.constant(fact.value)
            forward = (swept <= 180) == (number is None or number <= 180)
        ends = (first, last) if forward else (last, first)
        return Statement("mark_arc", _names((centres[0], *ends)), value=_value(fact.value))

    def _sweep(self, centre: str, first: str, last: str) -> float:
        (x, y), (ax, ay), (bx, by) = map(self._place, (centre, first, last))
        return math.degrees(math.atan2(by - y, bx - x) - math.atan2(ay - y, ax - x)) % 360

    def _right_angle(self, fact: Fact) -> Statement | None:
        """At the point that both lines pass through; none if no such point has a letter."""
        first, second = (self.knowledge.line(segment) for segment in fact.objects)
        for vertex in sorted(first & second, key=lambda point: sum(point in ends for ends in fact.objects)):
            arms = [next(end for end in ends if end != vertex) for ends in fact.objects]
            return Statement("mark_right_angle", _names((arms[0], vertex, arms[1])))
        return None

    def _pair(self, fact: Fact) -> Statement:
        verb = "mark_equal" if fact.relation == "equal_lengths" else "mark_equal_angles"
        return Statement(verb, _names((*fact.objects[0], *fact.objects[1])))

    def _parallels(self, fact: Fact) -> Statement:
        """A line that is parallel to several has one name in all of their marks, unless it was annotated crookedly."""
        named = (self.named.setdefault(self.knowledge.line(ends), ends) for ends in fact.objects)
        statements = [Statement("mark_parallel", _names(sum(pair, ()))) for pair in (named, fact.objects)]
        return next((s for s in statements if not self._contradicts(s)), statements[-1])


_MARKS = {
    "length": _Drawing._length,
    "angle": _Drawing._angle,
    "arc": _Drawing._arc,
    "perpendicular": _Drawing._right_angle,
    **dict.fromkeys(("equal_lengths", "equal_angles"), _Drawing._pair),
    "parallel": _Drawing._parallels,
}
_WORDLESS = ("angle_label", "arc_length", "area", "tangent")


def _crowded(problem: Problem) -> bool:
    places = [problem.positions[point] for point in problem.points]
    gaps = [math.dist(a, b) for i, a in enumerate(places) for b in places[:i]]
    return not gaps or min(gaps) < _LEAST_APART * max(gaps)


def _bent(problem: Problem, knowledge: Knowledge) -> bool:
    """Whether points that the annotations put on one line lie on several: a slip in one of them joins two lines."""
    at = problem.positions
    for line in {knowledge.line(ends) for ends in problem.segments}:
        a, b = max(((at[p], at[q]) for p in line for q in line), key=lambda ends: math.dist(*ends))
        square = math.dist(a, b) ** 2
        offs = (abs((b[0] - a[0]) * (at[p][1] - a[1]) - (b[1] - a[1]) * (at[p][0] - a[0])) for p in line)
        if max(offs) > _MOST_BENT * square:
            return True
    return False


def _framed(
    positions: dict[str, tuple[float, float]], circles: dict[str, Points]
) -> tuple[dict[str, Point], dict[str, float]]:
    """Points, and radii by centre, in hundredths of the frame, y upwards: as large as the margins allow, in the
    middle."""
    at = {point: (x, -y) for point, (x, y) in positions.items()}
    radii = {centre: sum(math.dist(at[centre], at[point]) for point in on) / len(on) for centre, on in circles.items()}
    scale, extents = math.inf, []
    for axis in (0, 1):
        of_points = (min(p[axis] for p in at.values()), max(p[axis] for p in at.values()))
        lows = [(_POINT_MARGIN, of_points[0]), *((_CIRCLE_MARGIN, at[c][axis] - r) for c, r in radii.items())]
        highs = [(_POINT_MARGIN, of_points[1]), *((_CIRCLE_MARGIN, at[c][axis] + r) for c, r in radii.items())]
        extents.append((lows, highs))
        for low_margin, low in lows:
            for high_margin, high in highs:
                if high > low:
                    scale = min(scale, (100 - low_margin - high_margin) / (high - low))
    shifts = [
        (max(m - scale * low for m, low in lows) + min(100 - m - scale * high for m, high in highs)) / 2
        for lows, highs in extents
    ]
    framed = {point: (scale * x + shifts[0], scale * y + shifts[1]) for point, (x, y) in at.items()}
    return framed, {centre: scale * radius for centre, radius in radii.items()}


def _meetings(centre: Point, radius: float, a: Point, b: Point) -> list[Point]:
    """Where the line through a and b meets a circle."""
    dx, dy = (b[0] - a[0]) / math.dist(a, b), (b[1] - a[1]) / math.dist(a, b)
    along = (centre[0] - a[0]) * dx + (centre[1] - a[1]) * dy
    off = (centre[0] - a[0]) * dy - (centre[1] - a[1]) * dx
    if abs(off) > radius:
        return []
    half = math.sqrt(radius**2 - off**2)
    return [(a[0] + t * dx, a[1] + t * dy) for t in (along - half, along + half)]


def _touching(centre: Point, radius: float, outside: Point) -> list[Point]:
    """Where the two tangents from a point touch a circle."""
    apart = math.dist(centre, outside)
    if apart <= radius:
        return []
    direction, swing = math.atan2(outside[1] - centre[1], outside[0] - centre[0]), math.acos(radius / apart)
    turns = (direction + swing, direction - swing)
    return [(centre[0] + radius * math.cos(turn), centre[1] + radius * math.sin(turn)) for turn in turns]


def _stated(statement: Statement) -> drawn_facts.Fact:
    return drawn_facts.facts_of(Program((statement,)))[0]


def _value(text: str) -> Number | str:
    """A number where it is one; else the formula as a caption writes it."""
    spoken = values.spoken(text)
    if not _PLAIN_NUMBER.fullmatch(spoken):
        return spoken
    return float(spoken) if "." in spoken else int(spoken)


def _rounded(place: Point) -> tuple[Number, Number]:
    return (round(place[0], 2), round(place[1], 2))


def _name(point: str) -> str:
    """A point's name in the language: A for A, A1 for A', A2 for A''."""
    primes = point.count("'")
    return f"{point[0]}{primes}" if primes else point


def _names(points: Iterable[str]) -> tuple[str, ...]:
    return tuple(map(_name, points))
