"""How captions differ: names that mean the same, and the words that an edit changed, where, and of what kind."""

import difflib
import re
from typing import NamedTuple

KINDS_OF_CHANGE = ("number", "letters", "shape", "relation", "other")

# Points of a figure: A, AB, A'B', A1B1, A_1B_1.
_POINT = r"[A-Z](?:_?\d+)?['′″]*"
_LABEL = re.compile(rf"(?<![A-Za-z0-9])(?:{_POINT})+(?![A-Za-z])")
_POINTS = re.compile(_POINT)
_TOKEN = re.compile(rf"(?:{_POINT})+(?![A-Za-z])|\d+(?:\.\d+)?|[^\W\d_]+|[^\w\s]")
_BEFORE = re.compile(r"([^\W\d_]+|[∠△Δ⊙→])[^\w∠△Δ⊙→]*$")
_PUNCTUATION = re.compile(r"(?<!\d)[.:]|[.:](?!\d)|[,;!?\"“”„()\[\]{}$]|\\(?:left|right|,)")

_TRIANGLES = {"triangle", "△", "Δ"}
_CYCLIC = set("quadrilateral square rectangle rhombus parallelogram polygon pentagon hexagon heptagon octagon".split())
_DIRECTED = set("ray rays vector vectors vec overrightarrow → by from".split())
_JOINT = re.compile(r"similar|congruent|correspond|[~∼∽≅≌]", re.IGNORECASE)

_NUMBERS = set("zero one two three four five six seven eight nine ten half third quarter twice double".split())
_SHAPES = set(
    "triangle triangles equilateral isosceles scalene right acute obtuse square squares rectangle rectangles rhombus "
    "parallelogram parallelograms trapezoid trapezium kite quadrilateral quadrilaterals pentagon hexagon heptagon "
    "octagon polygon regular circle circles semicircle ellipse sector arc cube cylinder cone sphere prism pyramid "
    "parabola hyperbola line segment ray curve △ ⊙ □ ▱".split()
)
_RELATIONS = set(
    "parallel perpendicular similar congruent equal equals tangent secant intersects intersect intersecting meets "
    "meet crosses bisects bisect bisector halves midpoint median altitude radius diameter chord centre center "
    "inscribed circumscribed inside outside above below left between nearer near farther collinear concentric "
    "adjacent opposite vertical lies on off through passes misses joined extended ∥ ∦ ⟂ ⊥ ≅ ≌ ∽ ~ ∼ = ≠ < > ≤ ≥ "
    "greater less longer shorter larger smaller".split()
)


class Edit(NamedTuple):
    """One changed stretch: where its middle lies in the positive, 0..1, and which of [`KINDS_OF_CHANGE`] it is."""

    place: float
    kind: str


def canonical(caption: str) -> str:
    """A caption without what does not change its meaning: case, spaces, punctuation, the order of equivalent names.

    AB = BA (but not of a ray or vector), ∠ABC = ∠CBA, △ABC in any order, ABCD = BCDA = DCBA after the name of a shape
    that any corner may begin. Where a caption speaks of similar or congruent figures, the order of corners says which
    correspond, and only segments and angles are turned round.
    """
    joint = bool(_JOINT.search(caption))
    named = _LABEL.sub(lambda match: _canonical_label(match, joint), caption)
    return " ".join(_PUNCTUATION.sub(" ", named).casefold().split())


def _canonical_label(match: re.Match, joint: bool) -> str:
    points = _POINTS.findall(match.group().replace("_", "").replace("'", "′"))
    before = _BEFORE.search(match.string, max(0, match.start() - 20), match.start())
    word = before.group(1) if before else ""
    word = word if len(word) == 1 else word.lower()
    if len(points) < 2 or word in _DIRECTED:
        return "".join(points)
    if len(points) == 3 and word in _TRIANGLES:
        return "".join(points if joint else sorted(points))
    if len(points) > 3:
        if joint:
            return "".join(points)
        turns = range(len(points)) if word in _CYCLIC else range(1)
        orders = [points[i:] + points[:i] for i in turns]
        return "".join(min([*orders, *(order[::-1] for order in orders)]))
    return "".join(min(points, points[::-1]))


def edits_between(positive: str, negative: str) -> tuple[list[Edit], float]:
    """The stretches of words that differ, and the share of words changed, in 0..1 of the longer caption's words."""
    old, new = _TOKEN.findall(positive), _TOKEN.findall(negative)
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    left, right = old[start : len(old) - end], new[start : len(new) - end]
    if not left and not right:
        return [], 0.0
    changes = [(0, len(left), 0, len(right))]
    if len(left) * len(right) <= 250_000:  # longer ones would take seconds, and have little in common
        matcher = difflib.SequenceMatcher(None, left, right, autojunk=False)
        changes = [change[1:] for change in matcher.get_opcodes() if change[0] != "equal"]
    edits = [
        Edit((start + (a + b) / 2) / max(1, len(old)), _kind_of_change(left[a:b], right[c:d]))
        for a, b, c, d in changes
    ]
    changed = sum(max(b - a, d - c) for a, b, c, d in changes)
    return edits, changed / max(len(old), len(new))


def _kind_of_change(old: list[str], new: list[str]) -> str:
    words = [*(word for word in old if word not in new), *(word for word in new if word not in old)]
    kinds = {_kind_of_word(word) for word in words or [*old, *new]}
    return next(kind for kind in ("shape", "relation", "number", "letters", "other") if kind in kinds)


def _kind_of_word(word: str) -> str:
    lower = word.lower()
    if word[0].isdigit() or lower in _NUMBERS:
        return "number"
    if lower in _SHAPES:
        return "shape"
    if lower in _RELATIONS:
        return "relation"
    return "letters" if _LABEL.fullmatch(word) or (len(word) == 1 and word.isalpha()) else "other"
