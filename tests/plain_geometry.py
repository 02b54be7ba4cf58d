"""Geometry by plain floats: reads what a caption claims, and says whether a figure shows it.

Shares no code with the library's own facts: captions are read from their English, figures from coordinates, lines,
circles and marks alone. Three questions can be asked of a claim. [`holds_true`]: is it shown, by the strictest name of
a shape? [`certainly_false`]: is it false by the widest reading a school knows, and visibly so? [`verdict`]: either of
these, or neither: a length that no mark determines, a difference too small to see.

Captions describe a drawing: a line that a sentence names ("median AD", "AB is a chord") is one that is drawn.
"""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import permutations
from typing import NamedTuple

import numpy as np

EXACT, BY_EYE = 1e-6, 0.03

Claim = tuple[str, tuple[str, ...], str]
Check = Callable[["Drawing", tuple[str, ...], str], bool]

_SIDES = {"pentagon": 5, "hexagon": 6, "heptagon": 7, "octagon": 8}
_SHAPES = "square|rectangle|rhombus|parallelogram|(?:isosceles |right )?trapezoid|kite"
_KINDS = "equilateral|isosceles|right|scalene"
_W = r"(?P<w>.+)"
# What is claimed; the sentence, with @ for a point; the role of each point in it; a word, where the words matter:
# `either`: a segment is named, which has no first end; `ordered`: corresponding corners are in order;
# `centre`, `foot`: a point is spoken of, and no circle or line.
_READINGS: tuple[tuple[str, ...], ...] = (
    ("triangle", rf"(?:an? (?P<w>{_KINDS}) triangle|triangle) (?P<p>@+)(?P<r>.*)"),
    ("triangle", rf"△(?P<p>@+) is an? (?P<w>{_KINDS}) triangle(?P<r>.*)"),
    ("quadrilateral", rf"(?P<w>{_SHAPES}) (?P<p>@@@@)"),
    ("quadrilateral", rf"(?:quadrilateral )?(?P<p>@@@@) is an? (?P<w>{_SHAPES})"),
    ("polygon", r"(?:the )?regular (?P<w>\w+gon) (?P<p>@+)"),
    ("polygon", r"(?P<p>@+) is a regular (?P<w>\w+gon)"),
    ("circle", "a circle with centre @|@ is the centre of a circle|circle @", "c"),
    ("ellipse", "an ellipse with centre @|@ is the centre of an ellipse|ellipse @", "c"),
    ("similar", "△@@@ is similar to △@@@|triangles @@@ and @@@ are similar", "abcdef"),
    ("similar", "△@@@ ∼ △@@@", "abcdef", "ordered"),
    ("congruent", "△@@@ is congruent to △@@@|triangles @@@ and @@@ are congruent", "abcdef"),
    ("congruent", "△@@@ ≅ △@@@", "abcdef", "ordered"),
    ("midpoint", "@ is the midpoint of @@|point @ bisects @@", "dab"),
    ("midpoint", "@@ has midpoint @", "abd"),
    ("nearer", "(?:point )?@ (?:lies |is )?on @@(?: is|,)? near(?:er to)? @", "dabn"),
    ("altitude", "(?:@@ (?:is perpendicular to|⟂) @@ at @)|altitude @@ meets @@ at @", "tdabd"),
    ("altitude", "@@ is the altitude to @@", "tdab", "either"),
    ("altitude", "@@ is the altitude from @ to @@", "tdtab"),
    ("altitude", "@ is the foot of the altitude from @ to @@", "dtab", "foot"),
    ("median", "@@ is the median to @@|median @@ ends on @@", "tdab", "either"),
    ("median", "@@ meets @@ at its midpoint @", "tdabd"),
    ("bisector", "@@ (?:bisects|is the bisector of|halves) ∠@@@", "tdatb"),
    ("cevian", "@@ meets @@ at @ nearer to @", "tdabdn"),
    ("cevian", "@@ (?:ends on|hits) @@ near(?:er to)? @", "tdabn", "either"),
    ("intersection", "@@ and @@ intersect at @|@@ meets @@ at @", "abcde"),
    ("intersection", "@ is the intersection of @@ and @@", "eabcd"),
    ("parallel", "@@ (?:is parallel to|∥) @@|@@ and @@ are parallel", "abcd"),
    ("perpendicular", "@@ (?:is perpendicular to|⟂) @@|@@ and @@ are perpendicular", "abcd"),
    ("perpendicular bisector", "@@ is the perpendicular bisector of @@|@@ bisects @@ at a right angle", "efab"),
    ("perpendicular bisector", "the perpendicular bisector of @@ is @@", "abef"),
    ("on circle", "@ lies on circle @|point @ is on circle @", "pc"),
    ("on circle", "circle @ passes through @", "cp"),
    ("radius", "@@ is a radius of circle @", "cpc"),
    ("radius", "radius @@ is drawn", "cp", "either"),
    ("radius", "@ on circle @ is joined to @", "pcc"),
    ("diameter", "@@ is a diameter of circle @|diameter @@ passes through @", "abc"),
    ("diameter", "@@ is a diameter", "ab"),
    ("chord", "@@ is a chord off the centre @|chord @@ misses @", "abc"),
    ("chord", "@@ is a chord, not a diameter", "ab"),
    ("tangent", "@@ (?:is tangent to|touches) circle @ at @", "epcp"),
    ("tangent", "circle @ has the tangent @@ at @", "cepp"),
    ("secant", "@@ cuts circle @ at @|@@ intersects circle @ from @ on", "epcp"),
    ("secant", "circle @ has the secant @@ through @", "cepp"),
    ("incircle", "circle @ is inscribed in △@@@", "oabc"),
    ("incircle", "△@@@ has the incircle with centre @", "abco"),
    ("incircle", "@ is the incentre of △@@@", "oabc", "centre"),
    ("circumcircle", "circle @ is circumscribed about △@@@", "oabc"),
    ("circumcircle", "△@@@ is inscribed in circle @", "abco"),
    ("circumcircle", "@ is the circumcentre of △@@@", "oabc", "centre"),
    ("reflection", "@ is the (?:reflection|mirror image) of @ in @@", "iqab"),
    ("reflection", "reflecting @ in @@ gives @", "qabi"),
    ("rotation", f"@ is @ rotated by {_W}° about @", "iqc"),
    ("rotation", f"a rotation by {_W}° about @ takes @ to @", "cqi"),
    ("rotation", f"rotating @ by {_W}° about @ gives @", "qci"),
    ("translation", "a translation takes @ to @ as @ to @", "qiab"),
    ("translation", "@ is @ moved along vector @@", "iqab"),
    ("translation", "translating @ by vector @@ gives @", "qabi"),
    ("axes", "coordinate axes with origin @|@ is the origin of the axes|axes meet at the origin @", "o"),
    ("number line", "a number line with origin @|number line with @ at 0", "o"),
    ("plot", rf"@ is the point \({_W}\)", "p"),
    ("plot", rf"point @ has coordinates \({_W}\)", "p"),
    ("plot", rf"@ lies at \({_W}\)", "p"),
    ("number", f"@ is at {_W} on the number line", "p"),
    ("number", f"point @ marks {_W}", "p"),
    ("number", f"@ stands for {_W}", "p"),
    ("graph", f"(?:the graph of|a graph shows) {_W}", ""),
    ("graph", "(?P<w>y = .+) is drawn", ""),
    ("segment", "@ and @ are joined|segment @@ is drawn|@@ is a segment", "ab"),
    ("ray", "ray @@ starts at @|@@ is a ray from @", "aba"),
    ("ray", "a ray from @ passes through @", "ab"),
    ("line", "line @@ is drawn|a line passes through @ and @|@@ is a line", "ab"),
    ("arc", "arc @@ has centre @", "abc"),
    ("arc", "@ is the centre of arc @@|an arc about @ joins @ and @", "cab"),
    ("sector", "@@@ is a sector with centre @", "cabc"),
    ("sector", "sector @@@", "cab"),
    ("sector", "@@ is the arc of sector @@@", "abcab"),
    ("equal", "@@ = @@|@@ and @@ are equal|@@ is as long as @@", "abcd"),
    ("equal angles", "∠@@@ = ∠@@@|∠@@@ and ∠@@@ are equal|∠@@@ is as large as ∠@@@", "abcdef"),
    ("right angle", "∠@@@ is (?:a right angle|right)", "atb"),
    ("arc measure", f"(?:the )?arc @@ (?:=|measures|is) {_W}°", "ab"),
    ("angle", f"(?:∠|angle )@@@ (?:=|measures|is) {_W}°", "atb"),
    ("length", f"the length of @@ is {_W}", "ab"),
    ("length", f"@@ is {_W} long", "ab"),
    ("length", f"@@ = {_W}", "ab"),
)
_PATTERNS = [
    (what, re.compile(re.sub(r"@\+", r"(?:[A-Z]\\d?)+", text).replace("@", r"([A-Z]\d?)")), *rest)
    if "(?P<p>" not in text
    else (what, re.compile(text.replace("@", r"(?:[A-Z]\d?)")), *rest)
    for what, text, *rest in _READINGS
]
# The roles of a claim's points, in its order.
_ROLES = {
    **dict.fromkeys(("circle", "ellipse"), "c"),
    **dict.fromkeys(("similar", "congruent", "equal angles"), "abcdef"),
    "midpoint": "dab",
    "nearer": "dabn",
    **dict.fromkeys(("altitude", "median", "bisector"), "tdab"),
    "cevian": "tdabn",
    "intersection": "eabcd",
    **dict.fromkeys(("parallel", "perpendicular", "equal"), "abcd"),
    "perpendicular bisector": "efab",
    **dict.fromkeys(("on circle", "radius"), "cp"),
    **dict.fromkeys(("diameter", "chord"), "abc"),
    **dict.fromkeys(("tangent", "secant"), "epc"),
    **dict.fromkeys(("incircle", "circumcircle"), "oabc"),
    **dict.fromkeys(("reflection", "translation"), "iqab"),
    "rotation": "iqc",
    **dict.fromkeys(("axes", "number line"), "o"),
    **dict.fromkeys(("plot", "number"), "p"),
    "graph": "",
    **dict.fromkeys(("segment", "ray", "line", "arc measure", "length"), "ab"),
    **dict.fromkeys(("arc", "sector"), "cab"),
    **dict.fromkeys(("right angle", "angle"), "atb"),
}


def claims_of(caption: str) -> list[Claim]:
    """The claims of a caption as (what is said, of which points, word or number); a sentence it cannot read fails."""
    return [read(sentence) for sentence in caption.removesuffix(".").split(". ")]


@lru_cache(maxsize=100_000)
def read(sentence: str) -> Claim:
    """The claim of one sentence without its full stop; AssertionError when it cannot be read."""
    for what, pattern, *rest in _PATTERNS:
        # A sentence may open with a capital; points are capitals, so only words are read without case.
        for text in (sentence, sentence[0].lower() + sentence[1:]):
            found = pattern.fullmatch(text)
            if found is not None:
                return _claim(sentence, what, found, *rest)
    raise AssertionError(f"no reading for the sentence {sentence!r}")


def _claim(sentence: str, what: str, found: re.Match, order: str = "", fixed: str = "") -> Claim:
    named = found.groupdict()
    word = fixed or (named.get("w") or "").strip()
    if "p" in named:
        points = tuple(re.findall(r"[A-Z]\d?", named["p"]))
        return _triangle_claim(points, word, named["r"]) if what == "triangle" else (what, points, word)
    letters = [
        letter
        for place, letter in enumerate(found.groups(), 1)
        if letter is not None and place not in found.re.groupindex.values()
    ]
    roles: dict[str, str] = {}
    for role, letter in zip(order, letters, strict=True):
        if roles.setdefault(role, letter) != letter:
            raise AssertionError(f"{sentence!r} names two points for one")
    return what, tuple(roles[role] for role in _ROLES[what] if role in roles), word


def _triangle_claim(points: tuple[str, ...], word: str, rest: str) -> Claim:
    if not word:
        found = re.match(rf" is ({_KINDS})", rest)
        assert found, f"no kind of triangle in {rest!r}"
        word, rest = found[1], rest[found.end() :]
    if word == "right":
        corner = re.fullmatch(r" with its right angle at ([A-Z]\d?)", rest)
        assert corner, f"a right triangle without its corner: {rest!r}"
        return "triangle", (corner[1], *(point for point in points if point != corner[1])), word
    assert not rest, f"more said of a triangle: {rest!r}"
    return "triangle", points, word


class Reading(NamedTuple):
    """What passes for equal (lengths relative, degrees, places in hundredths, the middle as a share), and what for
    different (`apart`: relative, and 100 times that in degrees); `wide` reads words inclusively, `drawn` asks that
    lines which are named are drawn."""

    lengths: float
    degrees: float
    place: float
    middle: float
    apart: float
    wide: bool = False
    drawn: bool = True


WIDEST = Reading(0.08, 5.0, 2.0, 0.05, 1e-8, True)
"""False by this reading is false for certain: a square is a rectangle, "not equal" is false of equals only."""


class Drawing:
    """A figure as numbers: its points, lines, circles and marks, with one reading for all questions about it.

    `reading` may be a tolerance: relative for lengths, 100 times that in degrees for angles.
    """

    def __init__(self, figure: object, reading: float | Reading):
        if not isinstance(reading, Reading):
            reading = Reading(reading, 100 * reading, 33 * reading, reading, reading)
        self.reading, self.wide = reading, reading.wide
        self.z = {name: complex(*place) for name, place in figure.points.items()}
        self.lines = {frozenset(line) for line in figure.segments}
        self.rays, self.endless = list(figure.rays), list(figure.lines)
        self.circles, self.ellipses = dict(figure.circles), dict(figure.ellipses)
        self.arcs = list(figure.arcs)
        self.marks = list(figure.marks)
        self.outlines = [tuple(names) for names in figure.outline]
        self.scale, self.graphs = figure.scale, list(figure.graphs)

    @property
    def at(self) -> dict[str, np.ndarray]:
        """Places as vectors."""
        return {name: np.array([z.real, z.imag]) for name, z in self.z.items()}

    def length(self, a: str, b: str) -> float:
        return abs(self.z[a] - self.z[b])

    def angle(self, a: str, top: str, b: str) -> float:
        """Degrees between two rays, 0..180, by the arctangent of cross and dot product."""
        both = (self.z[a] - self.z[top]).conjugate() * (self.z[b] - self.z[top])
        return math.degrees(math.atan2(abs(both.imag), both.real))

    def lean(self, a: str, b: str, c: str, d: str) -> float:
        """Degrees between the lines ab and cd, 0..90."""
        both = (self.z[b] - self.z[a]).conjugate() * (self.z[d] - self.z[c])
        return math.degrees(math.atan2(abs(both.imag), abs(both.real)))

    def off(self, p: str, a: str, b: str) -> float:
        """Distance of a point from the line ab."""
        way = self.z[b] - self.z[a]
        return abs((way.conjugate() * (self.z[p] - self.z[a])).imag) / abs(way)

    def share(self, p: str, a: str, b: str) -> float:
        """Where the point's foot on ab lies: 0 at a, 1 at b."""
        way = self.z[b] - self.z[a]
        return ((self.z[p] - self.z[a]) / way).real

    def same(self, x: float, y: float) -> bool:
        return abs(x - y) <= self.reading.lengths * max(x, y)

    def degrees(self, angle: float, wanted: float) -> bool:
        return abs(angle - wanted) <= self.reading.degrees

    def marked(self, what: str) -> Iterator[tuple[tuple[str, ...], float | str | None]]:
        return ((names, value) for kind, names, value in self.marks if kind == what)

    def parallel(self, a: str, b: str, c: str, d: str) -> bool:
        said = {frozenset((a, b)), frozenset((c, d))}
        return self.degrees(self.lean(a, b, c, d), 0) or (
            self.wide and any({frozenset(n[:2]), frozenset(n[2:])} == said for n, _ in self.marked("parallel"))
        )

    def equal(self, first: tuple[str, str], second: tuple[str, str]) -> bool:
        """Of one length as drawn; read widely, also by ticks or by numbers."""
        if self.same(self.length(*first), self.length(*second)):
            return True
        said = {frozenset(first), frozenset(second)}
        long = {frozenset(names): value for names, value in self.marked("length")}
        return self.wide and (
            any({frozenset(n[:2]), frozenset(n[2:])} == said for n, _ in self.marked("equal"))
            or (said <= set(long) and len({long[side] for side in said}) == 1)
        )

    def right(self, a: str, top: str, b: str) -> bool:
        if self.degrees(self.angle(a, top, b), 90):
            return True
        here = (top, frozenset((a, b)))
        return self.wide and any(
            (names[1], frozenset(names[::2])) == here and value in (None, 90)
            for what in ("right_angle", "angle")
            for names, value in self.marked(what)
        )

    def drawn(self, a: str, b: str) -> bool:
        """Whether a and b are joined: by that very segment, or, read widely, by whatever lines lie between them."""
        if frozenset((a, b)) in self.lines:
            return True
        return self.wide and (not self.reading.drawn or self.covered(a, b))

    def covered(self, a: str, b: str) -> bool:
        """Whether segments, rays and lines together leave no gap between a and b."""
        whole, slack = self.length(a, b), max(self.reading.place, 1e-6)
        parts = []
        strokes = [(*line, 0, 0) for line in self.lines] + [(s, e, 0, 1) for s, e in self.rays]
        for s, e, before, after in strokes + [(s, e, 1, 1) for s, e in self.endless]:
            turned = [(self.z[p] - self.z[a]) * whole / (self.z[b] - self.z[a]) for p in (s, e)]
            if abs(turned[1].real - turned[0].real) < 1e-9:
                continue
            ends = [
                point.real + far * math.copysign(1e6, point.real - other.real)
                for point, other, far in zip(turned, turned[::-1], (before, after), strict=True)
            ]
            low, high = max(min(ends), 0.0), min(max(ends), whole)
            slope = (turned[1].imag - turned[0].imag) / (turned[1].real - turned[0].real)
            if low < high and all(
                abs(turned[0].imag + slope * (x - turned[0].real)) <= min(slack, 1.5) for x in (low, high)
            ):
                parts.append((low, high))
        reached = 0.0
        for low, high in sorted(parts):
            if low > reached + slack:
                return False
            reached = max(reached, high)
        return reached >= whole - slack

    def is_outline(self, names: Sequence[str]) -> bool:
        """Whether the closed line through these points, in this order, is a drawn shape."""
        sides = list(zip(names, (*names[1:], names[0]), strict=True))
        if self.wide:
            return all(self.drawn(*side) for side in sides)
        ring = {frozenset(pair) for pair in sides}
        return any(
            len(shape) == len(names)
            and {frozenset(pair) for pair in zip(shape, (*shape[1:], shape[0]), strict=True)} == ring
            for shape in self.outlines
        )

    def along(self, d: str, a: str, b: str) -> float | None:
        """Where d lies on the way from a to b, in 0..1; None off the line and at its ends."""
        share = self.share(d, a, b)
        slack = self.reading.lengths * self.length(a, b)
        return share if self.off(d, a, b) <= slack and 0 < share < 1 else None


def holds_true(claim: Claim, figure: object, tolerance: float) -> bool:
    """Whether a figure shows what a claim says, by the strictest names; of a point that is not there nothing is."""
    return _judged(claim, Drawing(figure, tolerance))


def certainly_false(claim: Claim, figure: object, reading: Reading = WIDEST) -> bool:
    """Whether a claim is false of a figure by the widest reading, and visibly; a missing point is visible."""
    return not _judged(claim, Drawing(figure, reading))


def verdict(claim: Claim, figure: object) -> str:
    """`true`, `false` or `undetermined`: what no mark says, or what is too close to tell."""
    if certainly_false(claim, figure):
        return "false"
    return "true" if holds_true(claim, figure, BY_EYE) else "undetermined"


def _judged(claim: Claim, drawing: Drawing) -> bool:
    what, points, word = claim
    return all(point in drawing.z for point in points) and _CHECKS[what](drawing, points, word)


def _ring(names: Sequence[str], count: int) -> Iterator[tuple[str, ...]]:
    """So many neighbours at a time, all the way round."""
    twice = (*names, *names)
    return (twice[i : i + count] for i in range(len(names)))


def _triangle(d: Drawing, p: tuple[str, ...], word: str) -> bool:
    if not d.is_outline(p):
        return False
    if word == "right":
        return d.right(p[1], p[0], p[2])
    sides = list(_ring(p, 2))
    if word == "scalene" and d.wide:
        return not any(
            abs(d.length(*one) - d.length(*two)) <= d.reading.apart * d.length(*one) for one, two in _ring(sides, 2)
        )
    equal = sum(d.equal(one, two) for one, two in _ring(sides, 2))
    if word == "scalene":
        return not equal and not any(d.right(*corner) for corner in _ring(p, 3))
    if d.wide:
        return equal == 3 if word == "equilateral" else equal > 0
    return equal == 3 if word == "equilateral" else equal == 1


def _simple(d: Drawing, p: tuple[str, ...]) -> bool:
    """Whether the sides of a quadrilateral do not cross."""

    def apart(a: str, b: str, c: str, e: str) -> bool:
        u = (d.z[b] - d.z[a]).conjugate()
        return (u * (d.z[c] - d.z[a])).imag * (u * (d.z[e] - d.z[a])).imag >= 0

    a, b, c, e = p
    return (apart(a, b, c, e) or apart(c, e, a, b)) and (apart(b, c, e, a) or apart(e, a, b, c))


def _quadrilateral(d: Drawing, p: tuple[str, ...], word: str) -> bool:
    """By the strictest name that fits, as captions use the names; read widely, by any that fits."""
    if not d.is_outline(p) or not _simple(d, p):
        return False
    ab, bc, ce, ea = sides = list(_ring(p, 2))
    pairs = [legs for one, two, legs in ((ab, ce, (bc, ea)), (bc, ea, (ab, ce))) if d.parallel(*one, *two)]
    all_equal = all(d.equal(ab, side) for side in sides)
    corners = sum(d.right(*corner) for corner in _ring(p, 3))
    kite = (d.equal(ab, bc) and d.equal(ce, ea)) or (d.equal(bc, ce) and d.equal(ea, ab))
    isosceles = corners == 4 or any(d.equal(*legs) for legs in pairs)
    if d.wide:
        return {
            "square": corners == 4 and all_equal,
            "rectangle": corners == 4,
            "rhombus": all_equal,
            "parallelogram": len(pairs) == 2,
            "trapezoid": bool(pairs),
            "isosceles trapezoid": bool(pairs) and isosceles,
            "right trapezoid": bool(pairs) and corners >= 2,
            "kite": kite,
        }[word]
    if len(pairs) == 2:
        strictest = {(True, True): "square", (True, False): "rectangle", (False, True): "rhombus"}
        return word == strictest.get((corners == 4, all_equal), "parallelogram")
    if len(pairs) == 1:
        return word.endswith("trapezoid") and {"isosceles": isosceles, "right": corners == 2}.get(word[:-10], True)
    return word == "kite" and kite


def _polygon(d: Drawing, p: tuple[str, ...], word: str) -> bool:
    if len(p) != _SIDES[word] or not d.is_outline(p):
        return False
    sides, angles = list(_ring(p, 2)), [d.angle(*corner) for corner in _ring(p, 3)]
    return all(d.equal(sides[0], side) for side in sides) and all(d.degrees(x, 180 - 360 / len(p)) for x in angles)


def _near(d: Drawing, p: tuple[str, ...]) -> bool:
    point, a, b, near = p
    share = d.along(point, a, b)
    if share is None or near not in (a, b):
        return False
    return share < 0.5 - d.reading.apart if near == a else share > 0.5 + d.reading.apart


def _middle(d: Drawing, point: str, a: str, b: str) -> bool:
    share = d.along(point, a, b)
    return share is not None and abs(share - 0.5) <= d.reading.middle


def _on_line(d: Drawing, point: str, a: str, b: str) -> bool:
    """Between a and b; read widely, on the line through them."""
    if not d.wide:
        return d.along(point, a, b) is not None
    return d.off(point, a, b) <= min(d.reading.place, 0.03 * d.length(a, b))


def _from_top(check: Check) -> Check:
    """A line from a vertex: drawn, with its lower end where `check` says; by `either` name of the segment."""

    def both(d: Drawing, p: tuple[str, ...], word: str) -> bool:
        if word != "foot" and not d.drawn(*p[:2]):
            return False
        turned = (p[1], p[0], *p[2:])
        return check(d, p, word) or (word == "either" and check(d, turned, word))

    return both


def _altitude(d: Drawing, p: tuple[str, ...], word: str) -> bool:
    top, foot, a, b = p
    if top in (a, b) or not _on_line(d, foot, a, b):
        return False
    return d.degrees(d.lean(top, foot, a, b), 90) or (d.wide and any(d.right(top, foot, x) for x in {a, b} - {foot}))


def _bisector(d: Drawing, p: tuple[str, ...], word: str) -> bool:
    top, point, a, b = p
    halves = d.angle(a, top, point) - d.angle(point, top, b)
    if d.wide:
        return abs(halves) <= 2 * d.reading.degrees
    return d.along(point, a, b) is not None and d.degrees(halves, 0)


def _pairs_of(p: tuple[str, ...], word: str) -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
    return (order for order in ((p[:3], q) for q in ([p[3:]] if word == "ordered" else permutations(p[3:]))))


def _copy(d: Drawing, p: tuple[str, ...], word: str, congruent: bool) -> bool:
    if not d.is_outline(p[:3]) or not d.is_outline(p[3:]):
        return False
    for first, second in _pairs_of(p, word):
        ratios = [d.length(*a) / d.length(*b) for a, b in zip(_ring(first, 2), _ring(second, 2), strict=True)]
        one = abs(sum(ratios) / 3 - 1) <= d.reading.lengths
        if d.same(max(ratios), min(ratios)) and (one if congruent else d.wide or not one):
            return True
    return False


def _parallel(d: Drawing, p: tuple[str, ...], word: str) -> bool:
    a, b, c, e = p
    if not d.parallel(a, b, c, e):
        return False
    one_line = max(d.off(a, c, e), d.off(b, c, e)) <= 1e-6
    if d.wide:  # a line may count as parallel to itself, but not lines that meet at a point that both are named by
        return one_line or not {a, b} & {c, e}
    return d.off(a, c, e) > 0.5


def _perpendicular_bisector(d: Drawing, p: tuple[str, ...], word: str) -> bool:
    """The line ef at right angles to ab through its middle, wherever on it e and f are."""
    e, f, a, b = p
    middle = (d.z[a] + d.z[b]) / 2
    way = d.z[f] - d.z[e]
    off = abs((way.conjugate() * (middle - d.z[e])).imag) / abs(way)
    close = max(d.reading.middle * d.length(a, b), d.reading.place if d.wide else 0.0)
    return off <= close and d.degrees(d.lean(e, f, a, b), 90) and d.drawn(e, f)


def _on_circle(d: Drawing, centre: str, point: str) -> bool:
    return centre in d.circles and abs(d.length(centre, point) - d.circles[centre]) <= d.reading.place


def _radius(d: Drawing, p: tuple[str, ...], word: str) -> bool:
    return d.drawn(*p) and (_on_circle(d, *p) or (word == "either" and _on_circle(d, *p[::-1])))


def _across(d: Drawing, p: tuple[str, ...], through: bool) -> bool:
    a, b = p[:2]
    if not d.drawn(a, b):
        return False
    for c in p[2:] or tuple(d.circles):
        if _on_circle(d, c, a) and _on_circle(d, c, b):
            off = 180 - d.angle(a, c, b)
            if off <= (2 if d.wide else 1) * d.reading.degrees if through else off > 100 * d.reading.apart:
                return True
    return False


def _touching(d: Drawing, p: tuple[str, ...], through: bool) -> bool:
    end, point, centre = p
    if not _on_circle(d, centre, point) or not d.drawn(end, point):
        return False
    turn = d.angle(end, point, centre)
    if through:  # a line that is not a tangent has another point in common with the circle
        return abs(turn - 90) > 100 * d.reading.apart if d.wide else turn < 90 - 100 * d.reading.apart
    return d.right(end, point, centre)


def _inside(d: Drawing, o: str, corners: tuple[str, ...]) -> bool:
    turns = [((d.z[b] - d.z[a]).conjugate() * (d.z[o] - d.z[a])).imag for a, b in _ring(corners, 2)]
    return min(turns) > 0 or max(turns) < 0


def _inscribed(d: Drawing, p: tuple[str, ...], word: str, about: bool) -> bool:
    """The circle touches the sides or passes through the corners; a `centre` needs no circle about it."""
    o, *corners = p
    if not about and not _inside(d, o, tuple(corners)):
        return False
    reaches = [d.length(o, c) for c in corners] if about else [d.off(o, *side) for side in _ring(corners, 2)]
    if word == "centre":
        return max(reaches) - min(reaches) <= 2 * d.reading.place
    return o in d.circles and all(abs(reach - d.circles[o]) <= d.reading.place for reach in reaches)


def _image(d: Drawing, p: tuple[str, ...], word: str, what: str) -> bool:
    """Where a motion takes a point; a rotation without a word of its direction may, read widely, go either way."""
    image, origin, *rest = (d.z[name] for name in p)
    a = rest[0]
    if what == "rotation":
        turn = math.radians(number(word))
        wanted = [a + (origin - a) * complex(math.cos(t), math.sin(t)) for t in ((turn, -turn) if d.wide else (turn,))]
    elif what == "translation":
        wanted = [origin + rest[1] - a]
    else:
        way = rest[1] - a
        wanted = [a + ((origin - a) / way).conjugate() * way]
    return any(abs(image - place) <= d.reading.place for place in wanted)


def _origin(d: Drawing, p: tuple[str, ...], flat: bool) -> bool:
    """Each of two axes is a number line, read widely."""
    if d.scale is None or d.scale.origin != p[0]:
        return False
    return d.scale.y is None if flat and not d.wide else flat or d.scale.y is not None


def _plotted(d: Drawing, p: tuple[str, ...], word: str) -> bool:
    if d.scale is None:
        return False
    x, y = (number(part) for part in (word.split(", ") if ", " in word else (word, "0")))
    gap = abs(d.z[p[0]] - d.z[d.scale.origin] - complex(x, y) * d.scale.unit)
    return gap <= min(d.reading.place, 0.3 * d.scale.unit)


def number(text: str) -> float:
    """A number as captions write it: 2.5, −3."""
    return float(text.replace("−", "-"))


def coefficients(text: str) -> dict[str, Fraction]:
    """The coefficients of `y = −x² + 3`, by power: {"x²": -1, "": 3}; of `y = 6/x`: {"/x": 6}."""
    right = text.removeprefix("y = ").replace("−", "-")
    if right.endswith("/x"):
        return {"/x": Fraction(right[:-2])}
    powers: dict[str, Fraction] = {}
    for sign, size, power in re.findall(r"([+-]?) ?(\d[\d.]*(?:e[+-]?\d+)?)?(x²|x)?", right):
        if size or power:
            powers[power] = powers.get(power, Fraction(0)) + Fraction(size or 1) * (-1 if sign == "-" else 1)
    return powers


def equation(text: str) -> Callable[[float], float]:
    """The function that an equation says: NaN at the pole."""
    of = {power: float(size) for power, size in coefficients(text).items()}
    if "/x" in of:
        return lambda x: of["/x"] / x if x else math.nan
    return lambda x: of.get("", 0.0) + of.get("x", 0.0) * x + of.get("x²", 0.0) * x * x


def _graph(d: Drawing, p: tuple[str, ...], word: str) -> bool:
    """Drawn as such; read widely, what looks like it, be it a line that was drawn through points."""
    if d.scale is None or d.scale.y is None:
        return False
    said, (low, high), (bottom, top) = equation(word), d.scale.x, d.scale.y
    xs = np.linspace(low, high, 401)

    def places(function: Callable[[float], float]) -> np.ndarray:
        both = np.array([(x, y) for x in xs if bottom <= (y := function(x)) <= top])
        return both.reshape(-1, 2) * d.scale.unit

    def looks_like(one: np.ndarray, other: np.ndarray) -> bool:
        if not len(one) or not len(other):
            return False
        apart = np.hypot(*(one[:, None] - other[None]).transpose(2, 0, 1))
        return max(apart.min(0).max(), apart.min(1).max()) <= d.reading.place

    for kind, coefficients in d.graphs:
        a, b, c = (*coefficients, 0, 0)[:3]
        drawn = {
            "linear": lambda x, a=a, b=b: a * x + b,
            "quadratic": lambda x, a=a, b=b, c=c: (a * x + b) * x + c,
            "inverse": lambda x, a=a: a / x if x else math.nan,
        }[kind]
        if all(math.isclose(said(x), drawn(x), rel_tol=1e-5, abs_tol=1e-5) for x in (0.5, 1.0, 2.0, 3.0)):
            return True
        if d.wide and looks_like(places(said), places(drawn)):
            return True
    origin = d.z[d.scale.origin]
    for line in d.endless if d.wide else ():
        ends = [(d.z[name] - origin) / d.scale.unit for name in line]
        if all(abs(said(end.real) - end.imag) * d.scale.unit <= d.reading.place for end in ends):
            return True
    return False


def _endless(d: Drawing, p: tuple[str, ...], ray: bool) -> bool:
    slack = max(d.reading.place, 1e-6)
    if any(all(d.off(point, *line) <= slack for point in p) for line in d.endless) and (d.wide or not ray):
        return True
    return ray and any(
        d.length(start, p[0]) <= slack and d.off(p[1], start, on) <= slack and d.share(p[1], start, on) > 0
        for start, on in d.rays
    )


def _arc(d: Drawing, p: tuple[str, ...], word: str) -> bool:
    centre, a, b = p
    drawn = any(arc[0] == centre and {*arc[1:]} == {a, b} for arc in d.arcs)
    return drawn or (d.wide and _on_circle(d, centre, a) and _on_circle(d, centre, b))


def _measured(d: Drawing, what: str, p: tuple[str, ...], word: str) -> bool:
    """Marked so itself; or, when it has no mark, equal to what is marked so: then the claim can be worked out."""
    value = _value(word)
    marks = [(names, there) for names, there in d.marked(what)]
    own = [there for names, there in marks if _place(what, names) == _place(what, p)]
    if own:
        if d.wide and any(isinstance(x, str) for x in (value, *own)):
            return True  # formulas may be equal for some x
        return value in own or (d.wide and what != "length" and 360 - value in own)
    if what == "arc":
        return d.wide
    measure = d.length if what == "length" else d.angle
    close = d.same if what == "length" else d.degrees
    if not d.wide:
        return any(there == value and close(measure(*names), measure(*p)) for names, there in marks)
    if what == "angle" and any(_place(what, names) == _place(what, p) for names, _ in d.marked("right_angle")):
        return value in (90, 270) or isinstance(value, str)
    return isinstance(value, str) or not _contradicted(d, what, measure, p, value, marks)


def _contradicted(
    d: Drawing, what: str, measure: Callable[..., float], p: tuple[str, ...], value: float, marks: list
) -> bool:
    """By a place drawn exactly equal that is marked otherwise; or, where marks are to scale, by what is larger."""
    marks = [(measure(*names), there) for names, there in marks if not isinstance(there, str)]
    here, close = measure(*p), d.same if what == "length" else d.degrees
    if what == "length":
        scales = [there / drawn for drawn, there in marks]
        scale = max(scales) / min(scales) if scales else 1.0
        to_scale, about_to_scale = scale < 1.05, scale <= 1.2
    else:
        off = max((abs(there - drawn) for drawn, there in marks), default=0.0)
        to_scale, about_to_scale = off < 3, off <= 12
    for drawn, there in marks:
        if abs(drawn - here) <= 1e-8 * drawn:
            if there != value:
                return True
        elif to_scale and not close(drawn, here) and (value - there) * (here - drawn) <= 0:
            return True
        elif about_to_scale and there == value:
            # Drawn far larger or smaller than what is marked with the same number.
            if abs(drawn - here) >= (0.2 * max(drawn, here) if what == "length" else 15):
                return True
    return False


def _place(what: str, names: tuple[str, ...]) -> tuple:
    """A mark's place without the freedom of naming it; an arc's by its ends."""
    if what == "angle":
        return names[1], frozenset(names[::2])
    return (frozenset(names[-2:]),)


def _value(word: str) -> float | str:
    """The number that a word stands for; a formula as it is, without the brackets about the whole of it."""
    try:
        return number(word)
    except ValueError:
        return word[1:-1] if word.startswith("(") and word.endswith(")") else word


def _round(d: Drawing, p: tuple[str, ...], ellipse: bool) -> bool:
    """A circle is an ellipse; one whose axes are all but equal looks like a circle."""
    if p[0] in (d.ellipses if ellipse else d.circles):
        return True
    if not d.wide:
        return False
    return p[0] in d.circles if ellipse else d.ellipses.get(p[0], (1, 0))[1] >= 0.92 * d.ellipses.get(p[0], (1,))[0]


_CHECKS: dict[str, Check] = {
    "triangle": _triangle,
    "quadrilateral": _quadrilateral,
    "polygon": _polygon,
    "circle": lambda d, p, w: _round(d, p, False),
    "ellipse": lambda d, p, w: _round(d, p, True),
    "similar": lambda d, p, w: _copy(d, p, w, False),
    "congruent": lambda d, p, w: _copy(d, p, w, True),
    "midpoint": lambda d, p, w: _middle(d, *p),
    "nearer": lambda d, p, w: _near(d, p),
    "altitude": _from_top(_altitude),
    "median": _from_top(lambda d, p, w: _middle(d, *p[1:])),
    "bisector": _from_top(_bisector),
    "cevian": _from_top(lambda d, p, w: _near(d, p[1:])),
    "intersection": lambda d, p, w: _on_line(d, *p[:3]) and _on_line(d, p[0], *p[3:]),
    "parallel": _parallel,
    "perpendicular": lambda d, p, w: d.degrees(d.lean(*p), 90) or (p[0] == p[2] and d.right(p[1], p[0], p[3])),
    "perpendicular bisector": _perpendicular_bisector,
    "on circle": lambda d, p, w: _on_circle(d, *p),
    "radius": _radius,
    "diameter": lambda d, p, w: _across(d, p, True),
    "chord": lambda d, p, w: _across(d, p, False),
    "tangent": lambda d, p, w: _touching(d, p, False),
    "secant": lambda d, p, w: _touching(d, p, True),
    "incircle": lambda d, p, w: _inscribed(d, p, w, False),
    "circumcircle": lambda d, p, w: _inscribed(d, p, w, True),
    **{what: lambda d, p, w, what=what: _image(d, p, w, what) for what in ("reflection", "rotation", "translation")},
    "axes": lambda d, p, w: _origin(d, p, False),
    "number line": lambda d, p, w: _origin(d, p, True),
    **dict.fromkeys(("plot", "number"), _plotted),
    "graph": _graph,
    "segment": lambda d, p, w: d.covered(*p),
    "ray": lambda d, p, w: _endless(d, p, True),
    "line": lambda d, p, w: _endless(d, p, False),
    "arc": _arc,
    "sector": lambda d, p, w: _arc(d, p, w) and d.drawn(p[0], p[1]) and d.drawn(p[0], p[2]),
    "equal": lambda d, p, w: d.equal(p[:2], p[2:]),
    "equal angles": lambda d, p, w: (
        d.degrees(d.angle(*p[:3]) - d.angle(*p[3:]), 0)
        or (d.wide and any(set(_two(names)) == set(_two(p)) for names, _ in d.marked("equal_angles")))
    ),
    "right angle": lambda d, p, w: (
        d.right(*p) or any(_place("angle", names) == _place("angle", p) for names, _ in d.marked("right_angle"))
    ),
    "length": lambda d, p, w: _measured(d, "length", p, w),
    "angle": lambda d, p, w: _measured(d, "angle", p, w),
    "arc measure": lambda d, p, w: _measured(d, "arc", p, w),
}


def _two(names: tuple[str, ...]) -> tuple[tuple, tuple]:
    return _place("angle", names[:3]), _place("angle", names[3:])
