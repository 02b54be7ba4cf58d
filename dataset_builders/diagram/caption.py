"""A diagram program in English: each fact with the sentence that states it, in one of several wordings."""

import numpy as np

from dataset_builders.diagram.facts import Fact, facts_of
from dataset_builders.diagram.program import Program

_ARTICLE = {"equilateral": "an", "isosceles": "an"}

_WORDINGS: dict[str, tuple[str, ...]] = {
    "triangle": ("{w} triangle {p}", "triangle {p} is {w}", "△{p} is {w} triangle"),
    "quadrilateral": ("{w} {p}", "quadrilateral {p} is {w}", "{p} is {w}"),
    "polygon": ("regular {w} {p}", "{p} is a regular {w}", "the regular {w} {p}"),
    "circle": ("a circle with centre {0}", "{0} is the centre of a circle", "circle {0}"),
    "midpoint": ("{0} is the midpoint of {1}{2}", "point {0} bisects {1}{2}", "{1}{2} has midpoint {0}"),
    "point_on": (
        "{0} lies on {1}{2} nearer to {1}",
        "point {0} on {1}{2} is nearer to {1}",
        "{0} is on {1}{2}, near {1}",
    ),
    "foot": ("{1}{0} is perpendicular to {2}{3} at {0}", "{1}{0} ⟂ {2}{3} at {0}", "{1}{0} is the altitude to {2}{3}"),
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
    "on_circle": ("{1}{0} is a radius of circle {1}", "radius {1}{0} is drawn", "{0} on circle {1} is joined to {1}"),
    "opposite": ("{2}{0} is a diameter of circle {1}", "diameter {2}{0} passes through {1}", "{2}{0} is a diameter"),
    "chord": ("{2}{0} is a chord off the centre {1}", "chord {2}{0} misses {1}", "{2}{0} is a chord, not a diameter"),
    "mark_length": ("{0}{1} = {v}", "{0}{1} is {v} long", "the length of {0}{1} is {v}"),
    "mark_angle": ("∠{p} = {v}°", "∠{p} measures {v}°", "angle {p} is {v}°"),
    "mark_right_angle": ("∠{p} is marked right", "a right angle is marked at ∠{p}", "∠{p} = 90° is marked"),
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
    return [(fact, _sentence(fact, int(choices[i % 32]))) for i, fact in enumerate(facts)]


def caption(program: Program, wording: int = 0) -> str:
    """The sentences of [`describe`] as one text."""
    return " ".join(f"{sentence}." for _, sentence in describe(program, wording))


def _sentence(fact: Fact, choice: int) -> str:
    names = "".join(fact.points)
    if fact.kind == "triangle":
        word, form = f"{_ARTICLE.get(fact.value, 'a')} {fact.value}", "triangle"
        text = _WORDINGS[form][choice].format(w=word if choice != 1 else fact.value, p=names)
        if fact.value == "right":
            text += f" with its right angle at {fact.points[0]}"
    elif fact.kind in _QUADRILATERALS:
        text = _WORDINGS["quadrilateral"][choice].format(w=fact.kind if choice == 0 else f"a {fact.kind}", p=names)
    elif fact.kind == "polygon":
        text = _WORDINGS["polygon"][choice].format(w=_COUNTS[len(fact.points)], p=names)
    else:
        value = "" if fact.value is None else f"{fact.value:g}"
        text = _WORDINGS[fact.kind][choice].format(*fact.points, p=names, v=value)
    return text[0].upper() + text[1:] if text[0].islower() else text
