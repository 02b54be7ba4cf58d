"""Geometry by plain floats: reads what a caption claims, and says whether a figure shows it.

Shares no code with the library's own facts: captions are read from their English, figures from coordinates, lines,
circles and marks alone. `tolerance` is relative for lengths and 100 times that in degrees for angles: 1e-6 asks for
exactness, 0.03 for what an eye would let pass.
"""

import math
import re
from collections.abc import Callable, Sequence

import numpy as np

EXACT, BY_EYE = 1e-6, 0.03

Claim = tuple[str, tuple[str, ...], str]
Check = Callable[["Drawing", tuple[str, ...], str], bool]

_SIDES = {"pentagon": 5, "hexagon": 6, "heptagon": 7, "octagon": 8}
_SHAPES = "square|rectangle|rhombus|parallelogram|trapezoid|kite"
_KINDS = "equilateral|isosceles|right|scalene"
_READINGS: tuple[tuple[str, str, str], ...] = (
    # kind of claim, sentence as a regular expression, order of its groups: letters name points, "w" the word.
    ("triangle", rf"(?:An? (?P<w>{_KINDS}) triangle|Triangle) (?P<p>[A-Z]{{3}})(?P<r>.*)", ""),
    ("triangle", rf"△(?P<p>[A-Z]{{3}}) is an? (?P<w>{_KINDS}) triangle(?P<r>.*)", ""),
    ("quadrilateral", rf"(?P<w>{_SHAPES}) (?P<p>[A-Z]{{4}})", ""),
    ("quadrilateral", rf"(?:quadrilateral )?(?P<p>[A-Z]{{4}}) is an? (?P<w>{_SHAPES})", ""),
    ("polygon", r"(?:the )?regular (?P<w>\w+gon) (?P<p>[A-Z]+)", ""),
    ("polygon", r"(?P<p>[A-Z]+) is a regular (?P<w>\w+gon)", ""),
    ("circle", r"a circle with centre ([A-Z])|([A-Z]) is the centre of a circle|circle ([A-Z])", "c"),
    ("midpoint", r"([A-Z]) is the midpoint of ([A-Z])([A-Z])", "dab"),
    ("midpoint", r"point ([A-Z]) bisects ([A-Z])([A-Z])", "dab"),
    ("midpoint", r"([A-Z])([A-Z]) has midpoint ([A-Z])", "abd"),
    ("nearer", r"(?:point )?([A-Z]) (?:lies |is )?on ([A-Z])([A-Z])(?: is|,)? near(?:er to)? ([A-Z])", "dabn"),
    ("altitude", r"([A-Z])([A-Z]) (?:is perpendicular to|⟂) ([A-Z])([A-Z]) at ([A-Z])", "tdabd"),
    ("altitude", r"([A-Z])([A-Z]) is the altitude to ([A-Z])([A-Z])", "tdab"),
    ("median", r"(?:median )?([A-Z])([A-Z]) (?:is the median to|ends on) ([A-Z])([A-Z])", "tdab"),
    ("median", r"([A-Z])([A-Z]) meets ([A-Z])([A-Z]) at its midpoint ([A-Z])", "tdabd"),
    ("bisector", r"([A-Z])([A-Z]) (?:bisects|is the bisector of|halves) ∠([A-Z])([A-Z])([A-Z])", "tdatb"),
    ("cevian", r"([A-Z])([A-Z]) meets ([A-Z])([A-Z]) at ([A-Z]) nearer to ([A-Z])", "tdabdn"),
    ("cevian", r"([A-Z])([A-Z]) (?:ends on|hits) ([A-Z])([A-Z]) near(?:er to)? ([A-Z])", "tdabn"),
    ("radius", r"([A-Z])([A-Z]) is a radius of circle ([A-Z])", "cpc"),
    ("radius", r"radius ([A-Z])([A-Z]) is drawn", "cp"),
    ("radius", r"([A-Z]) on circle ([A-Z]) is joined to ([A-Z])", "pcc"),
    ("diameter", r"([A-Z])([A-Z]) is a diameter of circle ([A-Z])", "abc"),
    ("diameter", r"diameter ([A-Z])([A-Z]) passes through ([A-Z])", "abc"),
    ("diameter", r"([A-Z])([A-Z]) is a diameter", "ab"),
    ("chord", r"([A-Z])([A-Z]) is a chord off the centre ([A-Z])", "abc"),
    ("chord", r"chord ([A-Z])([A-Z]) misses ([A-Z])", "abc"),
    ("chord", r"([A-Z])([A-Z]) is a chord, not a diameter", "ab"),
    ("length", r"(?:the length of )?(?P<p>[A-Z]{2}) (?:=|is) (?P<w>[\d.]+)(?: long)?", ""),
    ("right mark", r"∠(?P<p>[A-Z]{3}) (?:is marked right|= 90° is marked)", ""),
    ("right mark", r"a right angle is marked at ∠(?P<p>[A-Z]{3})", ""),
    ("angle", r"(?:∠|angle )(?P<p>[A-Z]{3}) (?:=|measures|is) (?P<w>[\d.]+)°", ""),
)
_ROLES = {
    "circle": "c",
    "midpoint": "dab",
    "nearer": "dabn",
    "altitude": "tdab",
    "median": "tdab",
    "bisector": "tdab",
    "cevian": "tdabn",
    "radius": "cp",
    "diameter": "ab",
    "chord": "ab",
}


def claims_of(caption: str) -> list[Claim]:
    """The claims of a caption as (what is said, of which points, word or number); a sentence it cannot read fails."""
    return [_read(sentence) for sentence in caption.removesuffix(".").split(". ")]


def _read(sentence: str) -> Claim:
    for what, pattern, order in _READINGS:
        # A sentence may open with a capital; points are capitals, so only words are read without case.
        for text in (sentence, sentence[0].lower() + sentence[1:]):
            found = re.fullmatch(pattern, text)
            if found is None:
                continue
            named = found.groupdict()
            if not order:
                word = named.get("w") or ""
                if what == "triangle":
                    return _triangle_claim(named["p"], word, named["r"])
                return what, tuple(named["p"]), word
            letters = [letter for letter in found.groups() if letter is not None]
            roles: dict[str, str] = {}
            for role, letter in zip(order, letters, strict=True):
                if roles.setdefault(role, letter) != letter:
                    raise AssertionError(f"{sentence!r} names two points for one")
            points = tuple(roles[role] for role in _ROLES[what])
            if what in ("diameter", "chord") and "c" in roles:
                points += (roles["c"],)
            return what, points, ""
    raise AssertionError(f"no reading for the sentence {sentence!r}")


def _triangle_claim(points: str, word: str, rest: str) -> Claim:
    if not word:
        found = re.match(rf" is ({_KINDS})", rest)
        assert found, f"no kind of triangle in {rest!r}"
        word, rest = found[1], rest[found.end() :]
    if word == "right":
        corner = re.fullmatch(r" with its right angle at ([A-Z])", rest)
        assert corner, f"a right triangle without its corner: {rest!r}"
        others = tuple(point for point in points if point != corner[1])
        return "triangle", (corner[1], *others), word
    assert not rest, f"more said of a triangle: {rest!r}"
    return "triangle", tuple(points), word


class Drawing:
    """A figure as numbers: its points, lines, circles and marks, with one tolerance for all questions about it."""

    def __init__(self, figure: object, tolerance: float):
        self.tolerance = tolerance
        self.at = {name: np.array(place, dtype=float) for name, place in figure.points.items()}
        self.lines = {frozenset(line) for line in figure.segments}
        self.circles = dict(figure.circles)
        self.marks = list(figure.marks)
        self.outlines = [tuple(names) for names in figure.outline]

    def length(self, a: str, b: str) -> float:
        return float(np.linalg.norm(self.at[a] - self.at[b]))

    def angle(self, a: str, top: str, b: str) -> float:
        """Degrees between two rays, by the arctangent of cross and dot product."""
        u, v = self.at[a] - self.at[top], self.at[b] - self.at[top]
        return math.degrees(math.atan2(abs(u[0] * v[1] - u[1] * v[0]), float(u @ v)))

    def same(self, x: float, y: float) -> bool:
        return abs(x - y) <= self.tolerance * max(x, y)

    def degrees(self, angle: float, wanted: float) -> bool:
        return abs(angle - wanted) <= 100 * self.tolerance

    def parallel(self, a: str, b: str, c: str, d: str) -> bool:
        u, v = self.at[b] - self.at[a], self.at[d] - self.at[c]
        lean = math.degrees(math.atan2(abs(u[0] * v[1] - u[1] * v[0]), abs(float(u @ v))))
        return self.degrees(lean, 0)

    def is_outline(self, names: Sequence[str]) -> bool:
        """Whether the closed line through these points, in this order, is a drawn shape."""
        ring = {frozenset(pair) for pair in zip(names, (*names[1:], names[0]), strict=True)}
        return any(
            len(shape) == len(names)
            and {frozenset(pair) for pair in zip(shape, (*shape[1:], shape[0]), strict=True)} == ring
            for shape in self.outlines
        )

    def along(self, d: str, a: str, b: str) -> float | None:
        """Where d lies on the way from a to b, in 0..1; None off the line and at its ends."""
        way = self.at[b] - self.at[a]
        share = float((self.at[d] - self.at[a]) @ way / (way @ way))
        off = np.linalg.norm(self.at[a] + share * way - self.at[d]) / np.linalg.norm(way)
        return share if off <= self.tolerance and 0 < share < 1 else None


def holds_true(claim: Claim, figure: object, tolerance: float) -> bool:
    """Whether a figure shows what a claim says; a claim about a point that is not there is false."""
    what, points, word = claim
    drawing = Drawing(figure, tolerance)
    return all(point in drawing.at for point in points) and _CHECKS[what](drawing, points, word)


def _triangle(d: Drawing, p: tuple[str, ...], word: str) -> bool:
    a, b, c = p
    if not d.is_outline(p):
        return False
    sides = [d.length(a, b), d.length(b, c), d.length(c, a)]
    equal = sum(d.same(sides[i], sides[j]) for i, j in ((0, 1), (1, 2), (0, 2)))
    angles = [d.angle(c, a, b), d.angle(a, b, c), d.angle(b, c, a)]
    if word == "right":
        return d.degrees(angles[0], 90)
    if word == "scalene":
        return not equal and not any(d.degrees(angle, 90) for angle in angles)
    return equal == 3 if word == "equilateral" else equal == 1


def _quadrilateral(d: Drawing, p: tuple[str, ...], word: str) -> bool:
    """By the strictest name that fits, as captions use the names."""
    if not d.is_outline(p):
        return False
    a, b, c, e = p
    pairs = int(d.parallel(a, b, c, e)) + int(d.parallel(b, c, e, a))
    sides = [d.length(a, b), d.length(b, c), d.length(c, e), d.length(e, a)]
    all_equal = all(d.same(sides[0], side) for side in sides)
    right = d.degrees(d.angle(a, b, c), 90)
    if pairs == 2:
        return word == {(1, 1): "square", (1, 0): "rectangle", (0, 1): "rhombus"}.get(
            (right, all_equal), "parallelogram"
        )
    if pairs == 1:
        return word == "trapezoid"
    kite = (d.same(sides[0], sides[1]) and d.same(sides[2], sides[3])) or (
        d.same(sides[1], sides[2]) and d.same(sides[3], sides[0])
    )
    return word == "kite" and kite


def _polygon(d: Drawing, p: tuple[str, ...], word: str) -> bool:
    count = _SIDES[word]
    if len(p) != count or not d.is_outline(p):
        return False
    ring = [*p, p[0], p[1]]
    sides = [d.length(ring[i], ring[i + 1]) for i in range(count)]
    angles = [d.angle(ring[i], ring[i + 1], ring[i + 2]) for i in range(count)]
    return all(d.same(sides[0], x) for x in sides) and all(d.degrees(x, 180 - 360 / count) for x in angles)


def _near(d: Drawing, p: tuple[str, ...]) -> bool:
    point, a, b, near = p
    share = d.along(point, a, b)
    if share is None or near not in (a, b):
        return False
    return share < 0.5 - d.tolerance if near == a else share > 0.5 + d.tolerance


def _middle(d: Drawing, point: str, a: str, b: str) -> bool:
    share = d.along(point, a, b)
    return share is not None and abs(share - 0.5) <= d.tolerance


def _from_top(d: Drawing, p: tuple[str, ...]) -> bool:
    top, point, a, b = p[:4]
    return frozenset((top, point)) in d.lines and d.along(point, a, b) is not None


def _on_circle(d: Drawing, centre: str, point: str) -> bool:
    return centre in d.circles and d.same(d.length(centre, point), d.circles[centre])


def _across(d: Drawing, p: tuple[str, ...], through: bool) -> bool:
    a, b = p[:2]
    centres = p[2:] or tuple(d.circles)
    return frozenset((a, b)) in d.lines and any(
        _on_circle(d, c, a) and _on_circle(d, c, b) and d.degrees(d.angle(a, c, b), 180) == through for c in centres
    )


def _marked(d: Drawing, kind: str, value: float, own: Callable[..., bool], equal: Callable[..., bool]) -> bool:
    """Marked so itself; or, when it has no mark, equal to what is marked so: then the claim can be worked out."""
    marks = [(names, there) for what, names, there in d.marks if what == kind]
    if any(own(names) for names, _ in marks):
        return any(own(names) and there == value for names, there in marks)
    return any(equal(names) and there == value for names, there in marks)


def _length(d: Drawing, p: tuple[str, ...], word: str) -> bool:
    def own(names: tuple[str, ...]) -> bool:
        return set(names) == set(p)

    return _marked(d, "length", float(word), own, lambda names: d.same(d.length(*names), d.length(*p)))


def _angle(d: Drawing, p: tuple[str, ...], word: str) -> bool:
    def own(names: tuple[str, ...]) -> bool:
        return names[1] == p[1] and set(names) == set(p)

    return _marked(d, "angle", float(word), own, lambda names: d.degrees(d.angle(*names), d.angle(*p)))


_CHECKS: dict[str, Check] = {
    "triangle": _triangle,
    "quadrilateral": _quadrilateral,
    "polygon": _polygon,
    "circle": lambda d, p, w: p[0] in d.circles,
    "midpoint": lambda d, p, w: _middle(d, *p),
    "nearer": lambda d, p, w: _near(d, p),
    "altitude": lambda d, p, w: _from_top(d, p) and d.degrees(d.angle(p[0], p[1], p[2]), 90),
    "median": lambda d, p, w: _from_top(d, p) and _middle(d, *p[1:]),
    "bisector": lambda d, p, w: (
        _from_top(d, p) and d.degrees(d.angle(p[2], p[0], p[1]) - d.angle(p[1], p[0], p[3]), 0)
    ),
    "cevian": lambda d, p, w: _from_top(d, p) and _near(d, p[1:]),
    "radius": lambda d, p, w: _on_circle(d, p[0], p[1]) and frozenset(p) in d.lines,
    "diameter": lambda d, p, w: _across(d, p, True),
    "chord": lambda d, p, w: _across(d, p, False),
    "length": _length,
    "angle": _angle,
    "right mark": lambda d, p, w: any(
        kind == "right_angle" and names[1] == p[1] and set(names) == set(p) for kind, names, _ in d.marks
    ),
}
