"""A diagram program in English: each fact with the sentence that states it, in one of several wordings."""

import numpy as np

from dataset_builders.diagram.facts import Fact, facts_of
from dataset_builders.diagram.program import Program

_ARTICLE = {"equilateral": "an", "isosceles": "an"}

# Three wordings each: {0} {1} … are the fact's points, {p} all of them, {v} its value, {w} the word for a shape.
_WORDINGS: dict[str, tuple[str, ...]] = {
    "triangle": ("{w} triangle {p}", "triangle {p} is {w}", "△{p} is {w} triangle"),
    "quadrilateral": ("{w} {p}", "quadrilateral {p} is {w}", "{p} is {w}"),
    "polygon": ("regular {w} {p}", "{p} is a regular {w}", "the regular {w} {p}"),
    "circle": ("a circle with centre {0}", "{0} is the centre of a circle", "circle {0}"),
    "ellipse": ("an ellipse with centre {0}", "{0} is the centre of an ellipse", "ellipse {0}"),
    "similar": (
        "△{0}{1}{2} is similar to △{3}{4}{5}",
        "△{0}{1}{2} ∼ △{3}{4}{5}",
        "triangles {0}{1}{2} and {3}{4}{5} are similar",
    ),
    "congruent": (
        "△{0}{1}{2} is congruent to △{3}{4}{5}",
        "△{0}{1}{2} ≅ △{3}{4}{5}",
        "triangles {0}{1}{2} and {3}{4}{5} are congruent",
    ),
    "midpoint": ("{0} is the midpoint of {1}{2}", "point {0} bisects {1}{2}", "{1}{2} has midpoint {0}"),
    "point_on": (
        "{0} lies on {1}{2} nearer to {1}",
        "point {0} on {1}{2} is nearer to {1}",
        "{0} is on {1}{2}, near {1}",
    ),
    "foot": ("{1}{0} is perpendicular to {2}{3} at {0}", "{1}{0} ⟂ {2}{3} at {0}", "{1}{0} is the altitude to {2}{3}"),
    "altitude": (
        "{1}{0} is the altitude from {1} to {2}{3}",
        "altitude {1}{0} meets {2}{3} at {0}",
        "{0} is the foot of the altitude from {1} to {2}{3}",
    ),
    "median": (
        "{1}{0} is the median to {2}{3}",
        "{1}{0} meets {2}{3} at its midpoint {0}",
        "median {1}{0} ends on {2}{3}",
    ),
    "bisector": ("{1}{0} bisects ∠{2}{1}{3}", "{1}{0} is the bisector of ∠{2}{1}{3}", "{1}{0} halves ∠{2}{1}{3}"),
    "cevian": (
        "{1}{0} meets {2}{3} at {0} nearer to {2}",
        "{1}{0} ends on {2}{3} nearer to {2}",
        "{1}{0} hits {2}{3} near {2}",
    ),
    "intersection": (
        "{1}{2} and {3}{4} intersect at {0}",
        "{1}{2} meets {3}{4} at {0}",
        "{0} is the intersection of {1}{2} and {3}{4}",
    ),
    "parallel": ("{1}{0} is parallel to {2}{3}", "{1}{0} ∥ {2}{3}", "{2}{3} and {1}{0} are parallel"),
    "perpendicular": (
        "{1}{0} is perpendicular to {2}{3}",
        "{1}{0} ⟂ {2}{3}",
        "{2}{3} and {1}{0} are perpendicular",
    ),
    "perpendicular_bisector": (
        "{0}{1} is the perpendicular bisector of {2}{3}",
        "{0}{1} bisects {2}{3} at a right angle",
        "the perpendicular bisector of {2}{3} is {0}{1}",
    ),
    "on_circle": ("{0} lies on circle {1}", "point {0} is on circle {1}", "circle {1} passes through {0}"),
    "radius": ("{1}{0} is a radius of circle {1}", "radius {1}{0} is drawn", "{0} on circle {1} is joined to {1}"),
    "diameter": ("{2}{0} is a diameter of circle {1}", "diameter {2}{0} passes through {1}", "{2}{0} is a diameter"),
    "chord": ("{2}{0} is a chord off the centre {1}", "chord {2}{0} misses {1}", "{2}{0} is a chord, not a diameter"),
    "tangent": (
        "{0}{2} is tangent to circle {1} at {2}",
        "{0}{2} touches circle {1} at {2}",
        "circle {1} has the tangent {0}{2} at {2}",
    ),
    "secant": (
        "{0}{2} cuts circle {1} at {2}",
        "{0}{2} intersects circle {1} from {2} on",
        "circle {1} has the secant {0}{2} through {2}",
    ),
    "incircle": (
        "circle {0} is inscribed in △{1}{2}{3}",
        "{0} is the incentre of △{1}{2}{3}",
        "△{1}{2}{3} has the incircle with centre {0}",
    ),
    "circumcircle": (
        "circle {0} is circumscribed about △{1}{2}{3}",
        "{0} is the circumcentre of △{1}{2}{3}",
        "△{1}{2}{3} is inscribed in circle {0}",
    ),
    "reflection": (
        "{0} is the reflection of {1} in {2}{3}",
        "{0} is the mirror image of {1} in {2}{3}",
        "reflecting {1} in {2}{3} gives {0}",
    ),
    "rotation": (
        "{0} is {1} rotated by {v}° about {2}",
        "a rotation by {v}° about {2} takes {1} to {0}",
        "rotating {1} by {v}° about {2} gives {0}",
    ),
    "translation": (
        "a translation takes {1} to {0} as {2} to {3}",
        "{0} is {1} moved along vector {2}{3}",
        "translating {1} by vector {2}{3} gives {0}",
    ),
    "axes": ("coordinate axes with origin {0}", "{0} is the origin of the axes", "axes meet at the origin {0}"),
    "number_line": ("a number line with origin {0}", "{0} is at 0 on the number line", "number line with {0} at 0"),
    "plot": ("{0} is the point {v}", "point {0} has coordinates {v}", "{0} lies at {v}"),
    "number": ("{0} is at {v} on the number line", "point {0} marks {v}", "{0} stands for {v}"),
    "graph": ("the graph of {v}", "{v} is drawn", "a graph shows {v}"),
    "segment": ("{0} and {1} are joined", "segment {0}{1} is drawn", "{0}{1} is a segment"),
    "ray": ("ray {0}{1} starts at {0}", "a ray from {0} passes through {1}", "{0}{1} is a ray from {0}"),
    "line": ("line {0}{1} is drawn", "a line passes through {0} and {1}", "{0}{1} is a line"),
    "arc": ("arc {1}{2} has centre {0}", "{0} is the centre of arc {1}{2}", "an arc about {0} joins {1} and {2}"),
    "sector": ("{0}{1}{2} is a sector with centre {0}", "sector {0}{1}{2}", "{1}{2} is the arc of sector {0}{1}{2}"),
    "mark_length": ("{0}{1} = {v}", "{0}{1} is {v} long", "the length of {0}{1} is {v}"),
    "mark_angle": ("∠{p} = {v}°", "∠{p} measures {v}°", "angle {p} is {v}°"),
    "mark_arc": ("arc {1}{2} = {v}°", "arc {1}{2} measures {v}°", "the arc {1}{2} is {v}°"),
    "mark_right_angle": ("∠{p} is a right angle", "{1}{0} ⟂ {1}{2}", "∠{p} is right"),
    "mark_equal": ("{0}{1} = {2}{3}", "{0}{1} and {2}{3} are equal", "{0}{1} is as long as {2}{3}"),
    "mark_equal_angles": (
        "∠{0}{1}{2} = ∠{3}{4}{5}",
        "∠{0}{1}{2} and ∠{3}{4}{5} are equal",
        "∠{0}{1}{2} is as large as ∠{3}{4}{5}",
    ),
    "mark_parallel": ("{0}{1} ∥ {2}{3}", "{0}{1} is parallel to {2}{3}", "{0}{1} and {2}{3} are parallel"),
}
_COUNTS = {5: "pentagon", 6: "hexagon", 7: "heptagon", 8: "octagon"}
_QUADRILATERALS = ("square", "rectangle", "rhombus", "parallelogram", "trapezoid", "kite")


def describe(program: Program, wording: int = 0) -> list[tuple[Fact, str]]:
    """Each fact of a program with its sentence, without full stop.

    Args:
        program ([`Program`]): what to describe.
        wording (`int`, *optional*, defaults to `0`): a seed; the same seed gives the same words for the same kinds of
            statements, so that an edited program's caption differs in the edit alone.
    """
    # Drawn by place in the caption, not by kind, so that an edit does not change the wording of what follows.
    choices = np.random.default_rng(wording).integers(0, 3, 32)
    facts = facts_of(program)
    on_line = any(fact.kind == "number_line" for fact in facts)
    return [(fact, _sentence(fact, int(choices[i % 32]), on_line)) for i, fact in enumerate(facts)]


def caption(program: Program, wording: int = 0) -> str:
    """The sentences of [`describe`] as one text."""
    return " ".join(f"{sentence}." for _, sentence in describe(program, wording))


def _sentence(fact: Fact, choice: int, on_line: bool) -> str:
    names = "".join(fact.points)
    if fact.kind == "triangle":
        word, form = f"{_ARTICLE.get(fact.value, 'a')} {fact.value}", "triangle"
        text = _WORDINGS[form][choice].format(w=word if choice != 1 else fact.value, p=names)
        if fact.value == "right":
            text += f" with its right angle at {fact.points[0]}"
    elif fact.kind in _QUADRILATERALS:
        noun = f"{fact.value} {fact.kind}" if fact.value else fact.kind
        article = _ARTICLE.get(str(fact.value), "a")
        text = _WORDINGS["quadrilateral"][choice].format(w=noun if choice == 0 else f"{article} {noun}", p=names)
    elif fact.kind == "polygon":
        text = _WORDINGS["polygon"][choice].format(w=_COUNTS[len(fact.points)], p=names)
    elif fact.kind == "plot" and fact.value[1] == 0 and on_line:
        text = _WORDINGS["number"][choice].format(*fact.points, v=written(fact.value[0]))
    else:
        text = _WORDINGS[fact.kind][choice].format(*fact.points, p=names, v=_value(fact))
    return text[0].upper() + text[1:] if text[0].islower() else text


def _value(fact: Fact) -> str:
    if fact.value is None:
        return ""
    if fact.kind == "plot":
        return f"({written(fact.value[0])}, {written(fact.value[1])})"
    if fact.kind == "graph":
        return equation(*fact.value)
    if fact.kind in ("mark_angle", "mark_arc") and isinstance(fact.value, str) and not fact.value.isalnum():
        return f"({fact.value})"
    return written(fact.value)


def written(value: float | str) -> str:
    """A number as people write it: 6, 2.5, −3; a formula as it is."""
    return value if isinstance(value, str) else f"{value:g}".replace("-", "−")


def equation(kind: str, *coefficients: float) -> str:
    """A function as people write it: y = 2x − 1, y = −x² + 3, y = 6/x."""
    if kind == "inverse":
        return f"y = {written(coefficients[0])}/x"
    powers = ("x²", "x", "")[-len(coefficients) :]
    text = ""
    for coefficient, power in zip(coefficients, powers, strict=True):
        if coefficient == 0:
            continue
        size = written(abs(coefficient))
        term = power if power and size == "1" else size + power
        if text:
            text += f" {'−' if coefficient < 0 else '+'} {term}"
        else:
            text = f"{'−' if coefficient < 0 else ''}{term}"
    return f"y = {text or '0'}"
