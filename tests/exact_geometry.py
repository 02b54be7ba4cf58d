"""Geometry without rounding: the figure of a program from its own rational numbers, and what is exactly true of it.

One construction in two arithmetics. In [`SYMBOLS`] every coordinate is a sympy expression (rationals, square roots,
sines and cosines of rational degrees), and [`proven`] decides by algebra: for a few words, slowly. In [`DIGITS`] the
same expressions are worked out to 60 digits, and [`truth`] takes for zero what is below 1e-40: milliseconds.

Nothing of the library's figures or facts is used, only its parsed statements. Names are read widely, as in
`plain_geometry.WIDEST`: a square is a rectangle.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import permutations
from typing import Any, NamedTuple

import mpmath
import sympy
from plain_geometry import Claim, coefficients, number

ZERO = mpmath.mpf(10) ** -40
_MP = mpmath.MPContext()
_MP.dps = 60


class Numbers(NamedTuple):
    """An arithmetic: how a rational comes in, square roots, cosine and sine of degrees, and a number to 60 digits."""

    rational: Callable[[Fraction], Any]
    sqrt: Callable[[Any], Any]
    cos: Callable[[Fraction], Any]
    sin: Callable[[Fraction], Any]
    digits: Callable[[Any], Any]


def _sympy_rational(value: Fraction) -> sympy.Rational:
    return sympy.Rational(value.numerator, value.denominator)


def _mp_rational(value: Fraction) -> Any:
    return _MP.mpf(value.numerator) / value.denominator


SYMBOLS = Numbers(
    _sympy_rational,
    sympy.sqrt,
    lambda degrees: sympy.cos(sympy.pi * _sympy_rational(degrees) / 180),
    lambda degrees: sympy.sin(sympy.pi * _sympy_rational(degrees) / 180),
    lambda value: _MP.mpf(sympy.N(value, 60)),
)
DIGITS = Numbers(
    _mp_rational,
    _MP.sqrt,
    lambda degrees: _MP.cos(_MP.pi * _mp_rational(degrees) / 180),
    lambda degrees: _MP.sin(_MP.pi * _mp_rational(degrees) / 180),
    lambda value: value,
)

Point = tuple[Any, Any]


@dataclass
class ExactFigure:
    """Points, squared radii by centre, drawn strokes (ends, and whether they go on beyond each), arcs, marks."""

    numbers: Numbers
    points: dict[str, Point] = field(default_factory=dict)
    circles: dict[str, Any] = field(default_factory=dict)
    ellipses: set[str] = field(default_factory=set)
    strokes: list[tuple[str, str, bool, bool]] = field(default_factory=list)
    arcs: list[tuple[str, str, str]] = field(default_factory=list)
    marks: list[tuple[str, tuple[str, ...], Any]] = field(default_factory=list)
    scale: tuple[str, Any, bool] | None = None
    graphs: list[dict[str, Fraction]] = field(default_factory=list)

    def near(self, name: str) -> tuple[float, float]:
        """A point's place in floats."""
        x, y = self.points[name]
        return float(self.numbers.digits(x)), float(self.numbers.digits(y))


def exact(value: float | int) -> Fraction:
    """The decimal that is written in the program: 0.3 is 3/10."""
    return Fraction(repr(value))


def draw(program: Any, numbers: Numbers = DIGITS) -> ExactFigure:
    """The exact figure of a program; nothing is checked for crowding."""
    figure = ExactFigure(numbers)
    for statement in program.statements:
        _draw(statement, figure)
    return figure


def _minus(a: Point, b: Point) -> Point:
    return a[0] - b[0], a[1] - b[1]


def _plus(a: Point, b: Point) -> Point:
    return a[0] + b[0], a[1] + b[1]


def _times(a: Point, factor: Any) -> Point:
    return a[0] * factor, a[1] * factor


def _dot(a: Point, b: Point) -> Any:
    return a[0] * b[0] + a[1] * b[1]


def _cross(a: Point, b: Point) -> Any:
    return a[0] * b[1] - a[1] * b[0]


def _turned(a: Point, cos: Any, sin: Any) -> Point:
    return cos * a[0] - sin * a[1], sin * a[0] + cos * a[1]


def _draw(statement: Any, figure: ExactFigure) -> None:
    n, verb, names, target = figure.numbers, statement.verb, statement.points, statement.target
    place = [figure.points.get(name) for name in names]

    def option(name: str) -> Any:
        return n.rational(exact(statement.option(name)))

    def at() -> Point:
        x, y = statement.option("at")
        return n.rational(exact(x)), n.rational(exact(y))

    def spin(name: str = "turn") -> tuple[Any, Any]:
        degrees = exact(statement.option(name))
        return n.cos(degrees), n.sin(degrees)

    def make(point: Point, *joined: str) -> None:
        figure.points[target] = point
        figure.strokes.extend((name, target, False, False) for name in joined)

    def outline(corners: list[Point]) -> None:
        figure.points.update(zip(names, corners, strict=False))
        count = len(corners)
        figure.strokes.extend((names[i], names[(i + 1) % count], False, False) for i in range(count))

    def unit(vector: Point) -> Point:
        return _times(vector, 1 / n.sqrt(_dot(vector, vector)))

    if verb in ("point", "circle", "ellipse"):
        figure.points[names[0]] = at()
        if verb == "circle":
            figure.circles[names[0]] = (option("size") / 2) ** 2
        elif verb == "ellipse":
            figure.ellipses.add(names[0])
    elif verb in ("similar", "congruent"):
        centre = _times(_plus(_plus(place[3], place[4]), place[5]), n.rational(Fraction(1, 3)))
        ratio = option("ratio") if verb == "similar" else n.rational(Fraction(1))
        outline([_plus(at(), _times(_turned(_minus(p, centre), *spin()), ratio)) for p in place[3:]])
    elif verb in _CORNERS:
        corners = _CORNERS[verb](statement, n)
        middle = _times(
            (sum(x for x, _ in corners), sum(y for _, y in corners)), n.rational(Fraction(1, len(corners)))
        )
        corners = [_minus(corner, middle) for corner in corners]
        farthest = max((_dot(c, c) for c in corners), key=lambda square: float(n.digits(square)))
        scale = option("size") / 2 / n.sqrt(farthest)
        outline([_plus(at(), _times(_turned(corner, *spin()), scale)) for corner in corners])
    elif verb in ("midpoint", "median"):
        make(_times(_plus(place[-2], place[-1]), n.rational(Fraction(1, 2))), *names[:-2])
    elif verb in ("point_on", "cevian"):
        make(_plus(place[-2], _times(_minus(place[-1], place[-2]), option("ratio"))), *names[:-2])
    elif verb in ("foot", "altitude", "reflection"):
        top, a, b = place
        way = _minus(b, a)
        foot = _plus(a, _times(way, _dot(_minus(top, a), way) / _dot(way, way)))
        if verb == "reflection":
            make(_minus(_times(foot, 2), top))
        else:
            make(foot, names[0])
    elif verb == "bisector":
        top, a, b = place
        make_at = [_plus(top, unit(_minus(end, top))) for end in (a, b)]
        inward = _minus(_plus(*make_at), _times(top, 2))
        make(_meet(top, _plus(top, inward), a, b), names[0])
    elif verb == "intersection":
        make(_meet(*place))
    elif verb in ("parallel", "perpendicular", "perpendicular_bisector"):
        way = unit(_minus(place[2], place[1]))
        make(_plus(place[0], _times(way if verb == "parallel" else (-way[1], way[0]), option("length"))), names[0])
    elif verb in ("on_circle", "radius"):
        way = _times(spin(), n.sqrt(figure.circles[names[0]]))
        make(_plus(place[0], way), *names[: verb == "radius"])
    elif verb == "diameter":
        make(_minus(_times(place[0], 2), place[1]), names[1])
    elif verb == "chord":
        make(_plus(place[0], _turned(_minus(place[1], place[0]), *spin())), names[1])
    elif verb == "tangent":
        x, y = unit(_minus(place[1], place[0]))
        make(_plus(place[1], _times((-y, x), option("length"))), names[1])
    elif verb == "secant":
        make(_plus(place[1], _times(_turned(unit(_minus(place[0], place[1])), *spin()), option("length"))), names[1])
    elif verb == "tangent_from":
        # Thales: at the point of contact, outside and centre are seen at a right angle.
        out, square = _minus(place[0], place[1]), figure.circles[names[1]]
        share = square / _dot(out, out)
        side = n.sqrt(share - share * share) * (1 if statement.option("side") == "left" else -1)
        make(_plus(place[1], _plus(_times(out, share), _times((-out[1], out[0]), side))), names[0])
    elif verb == "incircle":
        opposite = [n.sqrt(_dot(_minus(p, q), _minus(p, q))) for p, q in ((place[1], place[2]), place[::2], place[:2])]
        around = sum(opposite)
        x, y = (sum(side * p[i] for side, p in zip(opposite, place, strict=True)) / around for i in (0, 1))
        make((x, y))
        figure.circles[target] = (_cross(_minus(place[1], place[0]), _minus(place[2], place[0])) / around) ** 2
    elif verb == "circumcircle":
        a, b, c = place
        (bx, by), (cx, cy) = _minus(b, a), _minus(c, a)
        twice = 2 * (bx * cy - by * cx)
        bb, cc = bx * bx + by * by, cx * cx + cy * cy
        centre = ((cy * bb - by * cc) / twice, (bx * cc - cx * bb) / twice)
        make(_plus(a, centre))
        figure.circles[target] = _dot(centre, centre)
    elif verb == "rotation":
        make(_plus(place[1], _turned(_minus(place[0], place[1]), *spin("angle"))))
    elif verb == "translation":
        make(_plus(place[0], _minus(place[2], place[1])))
    elif verb in ("axes", "number_line"):
        ranges = [[exact(end) for end in statement.option(name)] for name in ("x", "y")[: 1 + (verb == "axes")]]
        size = Fraction(80) / max(high - low for low, high in ranges)
        middles = [50 - size * (low + high) / 2 for low, high in ranges] + [Fraction(50)]
        make((n.rational(middles[0]), n.rational(middles[1])))
        figure.scale = (target, n.rational(size), verb == "axes")
    elif verb == "plot":
        origin, size, _ = figure.scale
        make(_plus(figure.points[origin], (option("x") * size, option("y") * size)))
    elif verb in ("segment", "ray", "line"):
        figure.strokes.append((*names, verb == "line", verb != "segment"))
    elif verb in ("arc", "sector"):
        figure.arcs.append(names)
        if verb == "sector":
            figure.strokes.extend((names[0], end, False, False) for end in names[1:])
    elif verb == "graph":
        powers = {"linear": ("x", ""), "quadratic": ("x²", "x", ""), "inverse": ("/x",)}[statement.option("kind")]
        sizes = (exact(statement.option(name)) for name in "abc")
        figure.graphs.append({power: size for power, size in zip(powers, sizes, strict=False) if size})
    else:
        figure.marks.append((verb.removeprefix("mark_"), names, statement.value))


def _meet(a: Point, b: Point, c: Point, d: Point) -> Point:
    first, second = _minus(b, a), _minus(d, c)
    return _plus(a, _times(first, _cross(_minus(c, a), second) / _cross(first, second)))


def _triangle_corners(statement: Any, n: Numbers) -> list[Point]:
    """By the law of sines over a base of length 1."""
    kind, angle, other = (statement.option(name) for name in ("kind", "angle", "other"))
    angle, other = (value if value is None else exact(value) for value in (angle, other))
    left, right = {
        "equilateral": lambda: (Fraction(60), Fraction(60)),
        "isosceles": lambda: ((180 - (angle or 40)) / Fraction(2),) * 2,
        "right": lambda: (angle or Fraction(35), 90 - (angle or Fraction(35))),
        "scalene": lambda: (angle or Fraction(50), other or Fraction(75)),
    }[kind]()
    long = n.sin(right) / n.sin(180 - left - right)
    one = n.rational(Fraction(1))
    return [(long * n.cos(left), long * n.sin(left)), (0 * one, 0 * one), (one, 0 * one)]


def _slanted(long: Any, angle: Fraction, n: Numbers) -> list[Point]:
    one, up = n.rational(Fraction(1)), (long * n.cos(angle), long * n.sin(angle))
    return [up, (0 * one, 0 * one), (one, 0 * one), (one + up[0], up[1])]


def _trapezoid_corners(statement: Any, n: Numbers) -> list[Point]:
    ratio = exact(statement.option("ratio"))
    kind = statement.option("kind")
    shift = {"isosceles": Fraction(1, 2), "right": Fraction(0)}.get(kind) if kind != "plain" else None
    left = (exact(statement.option("shift")) if shift is None else shift) * (1 - ratio)
    corners = [
        (left, Fraction(11, 20)),
        (Fraction(0),) * 2,
        (Fraction(1), Fraction(0)),
        (left + ratio, Fraction(11, 20)),
    ]
    return [(n.rational(x), n.rational(y)) for x, y in corners]


def _kite_corners(statement: Any, n: Numbers) -> list[Point]:
    half_angle, up = exact(statement.option("angle")) / 2, n.rational(Fraction(7, 20))
    half = up * n.sin(half_angle) / n.cos(half_angle)
    return [
        (0 * up, up),
        (-half, 0 * up),
        (0 * up, -up / n.rational(exact(statement.option("ratio")))),
        (half, 0 * up),
    ]


def _regular_corners(statement: Any, n: Numbers) -> list[Point]:
    steps = [90 + Fraction(360 * i, len(statement.points)) for i in range(len(statement.points))]
    return [(n.cos(step), n.sin(step)) for step in steps]


_RIGHT = Fraction(90)
_CORNERS: dict[str, Callable[[Any, Numbers], list[Point]]] = {
    "triangle": _triangle_corners,
    "square": lambda s, n: _slanted(n.rational(Fraction(1)), _RIGHT, n),
    "rectangle": lambda s, n: _slanted(n.rational(exact(s.option("ratio"))), _RIGHT, n),
    "rhombus": lambda s, n: _slanted(n.rational(Fraction(1)), exact(s.option("angle")), n),
    "parallelogram": lambda s, n: _slanted(n.rational(exact(s.option("ratio"))), exact(s.option("angle")), n),
    "trapezoid": _trapezoid_corners,
    "kite": _kite_corners,
    "polygon": _regular_corners,
}

# A condition: an expression that is zero (=), is not (≠), is above zero (>); or something known already.
Condition = tuple[str, Any] | bool
Readings = list[list[Condition]]


def truth(claim: Claim, figure: ExactFigure) -> bool | None:
    """Whether a claim is exactly true, by some reading; `None` where no mark says. A missing point makes it false."""
    what, points, word = claim
    if any(point not in figure.points for point in points):
        return False
    if what in ("length", "angle", "arc measure"):
        return _measured(figure, what.split()[0], points, word)
    return any(
        all(_met(figure, condition) for condition in reading) for reading in _CLAIMS[what](figure, points, word)
    )


def proven(claim: Claim, figure: ExactFigure) -> bool:
    """Whether algebra (sympy) shows a claim to be true; `figure` is one in [`SYMBOLS`]. Seconds for deep figures."""
    what, points, word = claim
    for reading in _CLAIMS[what](figure, points, word):
        if all(_met(figure, condition) for condition in reading) and all(
            condition is True or condition[0] != "=" or _vanishes(condition[1]) for condition in reading
        ):
            return True
    return False


def _vanishes(expression: sympy.Expr) -> bool:
    return sympy.sympify(expression).equals(0) is True


def _met(figure: ExactFigure, condition: Condition) -> bool:
    if isinstance(condition, bool):
        return condition
    sign, expression = condition
    value = figure.numbers.digits(expression)
    return {"=": abs(value) < ZERO, "≠": abs(value) >= ZERO, ">": value >= ZERO}[sign]


class _At:
    """The expressions that claims are made of, over a figure's points."""

    def __init__(self, figure: ExactFigure):
        self.p = figure.points

    def way(self, a: str, b: str) -> Point:
        return _minus(self.p[b], self.p[a])

    def square(self, a: str, b: str) -> Any:
        return _dot(self.way(a, b), self.way(a, b))

    def equal(self, first: tuple[str, ...], second: tuple[str, ...]) -> Condition:
        return "=", self.square(*first) - self.square(*second)

    def lean(self, a: str, b: str, c: str, d: str) -> Any:
        return _cross(self.way(a, b), self.way(c, d))

    def parallel(self, first: tuple[str, ...], second: tuple[str, ...]) -> Condition:
        return "=", self.lean(*first, *second)

    def upright(self, first: tuple[str, ...], second: tuple[str, ...]) -> Condition:
        return "=", _dot(self.way(*first), self.way(*second))

    def on_line(self, point: str, a: str, b: str) -> Condition:
        return "=", _cross(self.way(a, point), self.way(a, b))

    def between(self, point: str, a: str, b: str) -> list[Condition]:
        return [
            self.on_line(point, a, b),
            (">", _dot(self.way(a, point), self.way(a, b))),
            (">", _dot(self.way(b, point), self.way(b, a))),
        ]

    def middle(self, point: str, a: str, b: str) -> list[Condition]:
        return [("=", 2 * self.p[point][i] - self.p[a][i] - self.p[b][i]) for i in (0, 1)]

    def near(self, point: str, a: str, b: str, end: str) -> list[Condition]:
        other = b if end == a else a
        return [*self.between(point, a, b), (">", self.square(point, other) - self.square(point, end))]

    def same_place(self, point: str, place: Point) -> list[Condition]:
        return [("=", self.p[point][i] - place[i]) for i in (0, 1)]


def _ring(names: tuple[str, ...], count: int) -> list[tuple[str, ...]]:
    twice = (*names, *names)
    return [twice[i : i + count] for i in range(len(names))]


def _drawn(f: ExactFigure, *sides: tuple[str, ...]) -> bool:
    return all(_covered(f, *side) for side in sides)


def _covered(f: ExactFigure, a: str, b: str) -> bool:
    """Whether strokes on the line ab together leave no gap between its ends."""
    if any({a, b} == {start, end} for start, end, _, _ in f.strokes):
        return True
    here, digits = _At(f), f.numbers.digits
    whole, parts = digits(here.square(a, b)), []
    for start, end, before, after in f.strokes:
        if all(abs(digits(_cross(here.way(a, p), here.way(a, b)))) < ZERO for p in (start, end)):
            one, two = (digits(_dot(here.way(a, p), here.way(a, b))) / whole for p in (start, end))
            reach = 1000 if two > one else -1000
            ends = (one - reach * before, two + reach * after)
            parts.append((min(ends), max(ends)))
    reached = _MP.mpf(0)
    for low, high in sorted(parts):
        if low > reached + ZERO:
            return False
        reached = max(reached, high)
    return reached >= 1 - ZERO


def _triangle(f: ExactFigure, p: tuple[str, ...], word: str) -> Readings:
    at, (a, b, c) = _At(f), p
    sides, drawn = _ring(p, 2), _drawn(f, *_ring(p, 2))
    pairs = _ring(tuple(sides), 2)
    if word == "right":
        return [[drawn, at.upright((a, b), (a, c))]]
    if word == "equilateral":
        return [[drawn, *(at.equal(*pair) for pair in pairs)]]
    if word == "isosceles":
        return [[drawn, at.equal(*pair)] for pair in pairs]
    return [[drawn, *(("≠", at.equal(*pair)[1]) for pair in pairs)]]


def _quadrilateral(f: ExactFigure, p: tuple[str, ...], word: str) -> Readings:
    at = _At(f)
    ab, bc, ce, ea = sides = _ring(p, 2)
    base: list[Condition] = [_drawn(f, *sides), _simple(f, p)]
    first, second, right = at.parallel(ab, ce), at.parallel(bc, ea), at.upright(ab, bc)
    rectangle = [right, first, second]
    readings = {
        "square": [[*rectangle, at.equal(ab, bc)]],
        "rectangle": [rectangle],
        "parallelogram": [[first, second]],
        "rhombus": [[at.equal(ab, side) for side in (bc, ce, ea)]],
        "trapezoid": [[first], [second]],
        "isosceles trapezoid": [[first, at.equal(bc, ea)], [second, at.equal(ab, ce)], rectangle],
        "right trapezoid": [[one, at.upright(ab, leg)] for one in (first, second) for leg in (bc, ea)]
        + [[one, at.upright(ce, leg)] for one in (first, second) for leg in (bc, ea)],
        "kite": [[at.equal(ab, bc), at.equal(ce, ea)], [at.equal(bc, ce), at.equal(ea, ab)]],
    }[word]
    return [[*base, *reading] for reading in readings]


def _simple(f: ExactFigure, p: tuple[str, ...]) -> bool:
    at, digits = _At(f), f.numbers.digits
    a, b, c, e = p

    def apart(a: str, b: str, c: str, e: str) -> bool:
        return digits(_cross(at.way(a, b), at.way(a, c))) * digits(_cross(at.way(a, b), at.way(a, e))) >= 0

    return (apart(a, b, c, e) or apart(c, e, a, b)) and (apart(b, c, e, a) or apart(e, a, b, c))


def _polygon(f: ExactFigure, p: tuple[str, ...], word: str) -> Readings:
    at, sides, skips = _At(f), _ring(p, 2), [(x, z) for x, _, z in _ring(p, 3)]
    equal = [at.equal(group[0], other) for group in (sides, skips) for other in group[1:]]
    counts = {"pentagon": 5, "hexagon": 6, "heptagon": 7, "octagon": 8}
    return [[len(p) == counts[word], _drawn(f, *sides), *equal]]


def _copy(f: ExactFigure, p: tuple[str, ...], word: str, congruent: bool) -> Readings:
    at, drawn = _At(f), _drawn(f, *_ring(p[:3], 2), *_ring(p[3:], 2))
    readings = []
    for q in [p[3:]] if word == "ordered" else permutations(p[3:]):
        pairs = list(zip(_ring(p[:3], 2), _ring(q, 2), strict=True))
        if congruent:
            readings.append([drawn, *(at.equal(*pair) for pair in pairs)])
        else:
            (a, x), *rest = [(at.square(*one), at.square(*two)) for one, two in pairs]
            readings.append([drawn, *(("=", a * y - b * x) for b, y in rest)])
    return readings


def _from_top(conditions: Callable[[_At, tuple[str, ...]], list[Condition]]) -> Callable[..., Readings]:
    def both(f: ExactFigure, p: tuple[str, ...], word: str) -> Readings:
        drawn = word == "foot" or _drawn(f, p[:2])
        orders = [p, (p[1], p[0], *p[2:])][: 1 + (word == "either")]
        return [[drawn, *conditions(_At(f), order)] for order in orders]

    return both


def _bisects(at: _At, p: tuple[str, ...]) -> list[Condition]:
    top, point, a, b = p
    u, w, v = at.way(top, a), at.way(top, point), at.way(top, b)
    return [
        ("=", _cross(u, w) * _dot(w, v) - _cross(w, v) * _dot(u, w)),
        (">", _cross(u, w) * _cross(w, v)),
    ]


def _circles(f: ExactFigure, centre: str, *points: str) -> list[Condition]:
    if centre not in f.circles:
        return [False]
    return [("=", _At(f).square(centre, point) - f.circles[centre]) for point in points]


def _across(f: ExactFigure, p: tuple[str, ...], through: bool) -> Readings:
    a, b = p[:2]
    drawn = _drawn(f, (a, b))
    return [
        [drawn, *_circles(f, c, a, b), ("=" if through else "≠", _At(f).square(a, b) - 4 * f.circles[c])]
        for c in (p[2:] or f.circles)
        if c in f.circles
    ]


def _radius(f: ExactFigure, p: tuple[str, ...], word: str) -> Readings:
    orders = [p, p[::-1]][: 1 + (word == "either")]
    return [[_drawn(f, p), *_circles(f, *order)] for order in orders]


def _touching(f: ExactFigure, p: tuple[str, ...], through: bool) -> Readings:
    end, point, centre = p
    upright = _At(f).upright((end, point), (point, centre))[1]
    return [[_drawn(f, (end, point)), *_circles(f, centre, point), ("≠" if through else "=", upright)]]


def _inscribed(f: ExactFigure, p: tuple[str, ...], word: str, about: bool) -> Readings:
    """The squared distances of the centre from corners, or from sides: all are the radius, or equal one another."""
    at, (o, *corners) = _At(f), p
    sides = _ring(tuple(corners), 2)
    if about:
        reaches = [(at.square(o, corner), 1) for corner in corners]
    else:
        reaches = [(_cross(at.way(a, o), at.way(a, b)) ** 2, at.square(a, b)) for a, b in sides]
    turns = [_cross(at.way(a, b), at.way(a, o)) for a, b in sides]
    inside = [] if about else [(">", turns[0] * turns[1]), (">", turns[1] * turns[2])]
    if word == "centre":
        (first, under), *rest = reaches
        return [[*inside, *(("=", first * y - x * under) for x, y in rest)]]
    if o not in f.circles:
        return []
    return [[*inside, *(("=", x - f.circles[o] * y) for x, y in reaches)]]


def _image(f: ExactFigure, p: tuple[str, ...], word: str, what: str) -> Readings:
    at, (i, q, a, *b) = _At(f), p
    if what == "translation":
        return [at.same_place(i, _plus(f.points[q], at.way(a, b[0])))]
    if what == "reflection":
        way = at.way(a, b[0])
        return [[("=", _dot(at.way(q, i), way)), ("=", _cross(way, at.way(a, q)) + _cross(way, at.way(a, i)))]]
    degrees = exact(number(word))
    cos, sin = f.numbers.cos(degrees), f.numbers.sin(degrees)
    return [at.same_place(i, _plus(f.points[a], _turned(at.way(a, q), cos, way))) for way in (sin, -sin)]


def _plot(f: ExactFigure, p: tuple[str, ...], word: str) -> Readings:
    if f.scale is None:
        return []
    origin, unit, _ = f.scale
    x, y = (f.numbers.rational(exact(number(part))) for part in (word.split(", ") if ", " in word else (word, "0")))
    return [_At(f).same_place(p[0], _plus(f.points[origin], (x * unit, y * unit)))]


def _graph(f: ExactFigure, p: tuple[str, ...], word: str) -> Readings:
    """The same function; or a line through points that lies on a linear one."""
    if f.scale is None or not f.scale[2]:
        return []
    said = {power: size for power, size in coefficients(word).items() if size}
    readings: Readings = [[drawn == said] for drawn in f.graphs]
    if not {"x²", "/x"} & set(said):
        a, b = (f.numbers.rational(said.get(power, Fraction(0))) for power in ("x", ""))
        origin, unit, _ = f.scale
        for *ends, before, after in f.strokes:
            ways = [_minus(f.points[end], f.points[origin]) for end in ends]
            readings.append([before and after, *(("=", y - a * x - b * unit) for x, y in ways)])
    return readings


def _endless(f: ExactFigure, p: tuple[str, ...], ray: bool) -> Readings:
    at, readings = _At(f), []
    for start, end, before, after in f.strokes:
        on = [at.on_line(point, start, end) for point in p]
        if before and after:
            readings.append(on)
        elif ray and after:
            readings.append([start == p[0], *on, (">", _dot(at.way(*p), at.way(start, end)))])
    return readings


def _arc(f: ExactFigure, p: tuple[str, ...], word: str) -> Readings:
    centre, a, b = p
    return [[any(arc[0] == centre and {*arc[1:]} == {a, b} for arc in f.arcs)], _circles(f, centre, a, b)]


def _equal_angles(f: ExactFigure, p: tuple[str, ...], word: str) -> Readings:
    at = _At(f)
    (u, v), (w, x) = ((at.way(t, a), at.way(t, b)) for a, t, b in (p[:3], p[3:]))
    # tan = |cross| / dot, and so up to its sign cross / dot.
    one, two = _cross(u, v) * _dot(w, x), _cross(w, x) * _dot(u, v)
    same = _dot(u, v) * _dot(w, x)
    readings: Readings = [[("=", one - two), (">", same)], [("=", one + two), (">", same)]]
    return [*readings, [("=", _dot(u, v)), ("=", _dot(w, x))]]


def _measured(f: ExactFigure, what: str, p: tuple[str, ...], word: str) -> bool | None:
    """By the mark here; else by a mark where the figure is exactly equal; else nothing is said."""
    try:
        value: float | str = number(word)
    except ValueError:
        value = word[1:-1] if word.startswith("(") else word

    def place(names: tuple[str, ...]) -> tuple:
        return (names[1], frozenset(names[::2])) if what == "angle" else (frozenset(names[-2:]),)

    marks = [(names, there) for kind, names, there in f.marks if kind == what]
    own = [there for names, there in marks if place(names) == place(p)]
    if own:
        if value in own or (what != "length" and not isinstance(value, str) and 360 - value in own):
            return True
        return None if any(isinstance(x, str) for x in (value, *own)) else False
    if what == "arc":
        return None
    for names, there in marks:
        equal = [[_At(f).equal(names, p)]] if what == "length" else _equal_angles(f, (*names, *p), "")
        if any(all(_met(f, condition) for condition in reading) for reading in equal):
            if there == value:
                return True
            if not isinstance(there, str) and not isinstance(value, str):
                return False
    return None if isinstance(value, str) else _by_size(f, what, p, value, marks)


def _by_size(f: ExactFigure, what: str, p: tuple[str, ...], value: float, marks: list) -> bool | None:
    """False where marks are to scale and what is clearly larger than a marked one would have no larger number."""

    def size(names: tuple[str, ...]) -> float:
        at, digits = _At(f), f.numbers.digits
        if what == "length":
            return float(_MP.sqrt(digits(at.square(*names))))
        u, v = at.way(names[1], names[0]), at.way(names[1], names[2])
        return float(_MP.degrees(_MP.atan2(abs(digits(_cross(u, v))), digits(_dot(u, v)))))

    here, sizes = size(p), [(size(names), there) for names, there in marks if not isinstance(there, str)]
    if what == "length":
        scales = [there / drawn for drawn, there in sizes]
        if scales and max(scales) >= 1.05 * min(scales):
            return None
        clear = [(drawn, there) for drawn, there in sizes if abs(drawn - here) > 0.08 * max(drawn, here)]
    else:
        if any(abs(there - drawn) >= 3 for drawn, there in sizes):
            return None
        clear = [(drawn, there) for drawn, there in sizes if abs(drawn - here) > 5]
    return False if any((value - there) * (here - drawn) <= 0 for drawn, there in clear) else None


_CLAIMS: dict[str, Callable[[ExactFigure, tuple[str, ...], str], Readings]] = {
    "triangle": _triangle,
    "quadrilateral": _quadrilateral,
    "polygon": _polygon,
    "circle": lambda f, p, w: [[p[0] in f.circles]],
    "ellipse": lambda f, p, w: [[p[0] in f.circles or p[0] in f.ellipses]],
    "similar": lambda f, p, w: _copy(f, p, w, False),
    "congruent": lambda f, p, w: _copy(f, p, w, True),
    "midpoint": lambda f, p, w: [_At(f).middle(*p)],
    "nearer": lambda f, p, w: [_At(f).near(*p)],
    "altitude": _from_top(lambda at, p: [at.on_line(*p[1:]), at.upright(p[:2], p[2:]), ("≠", at.square(*p[:2]))]),
    "median": _from_top(lambda at, p: at.middle(*p[1:])),
    "bisector": _from_top(_bisects),
    "cevian": _from_top(lambda at, p: at.near(*p[1:])),
    "intersection": lambda f, p, w: [[_At(f).on_line(*p[:3]), _At(f).on_line(p[0], *p[3:])]],
    "parallel": lambda f, p, w: [[_At(f).parallel(p[:2], p[2:])]],
    "perpendicular": lambda f, p, w: [[_At(f).upright(p[:2], p[2:])]],
    "perpendicular bisector": lambda f, p, w: [
        [_drawn(f, p[:2]), *(_At(f).equal((end, p[2]), (end, p[3])) for end in p[:2])]
    ],
    "on circle": lambda f, p, w: [_circles(f, *p)],
    "radius": _radius,
    "diameter": lambda f, p, w: _across(f, p, True),
    "chord": lambda f, p, w: _across(f, p, False),
    "tangent": lambda f, p, w: _touching(f, p, False),
    "secant": lambda f, p, w: _touching(f, p, True),
    "incircle": lambda f, p, w: _inscribed(f, p, w, False),
    "circumcircle": lambda f, p, w: _inscribed(f, p, w, True),
    **{what: lambda f, p, w, what=what: _image(f, p, w, what) for what in ("reflection", "rotation", "translation")},
    "axes": lambda f, p, w: [[f.scale is not None and f.scale[0] == p[0] and f.scale[2]]],
    "number line": lambda f, p, w: [[f.scale is not None and f.scale[0] == p[0]]],
    **dict.fromkeys(("plot", "number"), _plot),
    "graph": _graph,
    "segment": lambda f, p, w: [[_drawn(f, p)]],
    "ray": lambda f, p, w: _endless(f, p, True),
    "line": lambda f, p, w: _endless(f, p, False),
    "arc": _arc,
    "sector": lambda f, p, w: [[_drawn(f, p[:2], p[::2]), *reading] for reading in _arc(f, p, w)],
    "equal": lambda f, p, w: [[_At(f).equal(p[:2], p[2:])]],
    "equal angles": _equal_angles,
    "right angle": lambda f, p, w: [[_At(f).upright(p[:2], p[1:])]],
}
