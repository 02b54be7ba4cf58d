"""Diagrams of the page: programs to pick, random ones, and the verified negatives of a program."""

from typing import NamedTuple

import numpy as np
from PIL import Image
from transformers import PreTrainedConfig

from dataset_builders.diagram.caption import caption, describe
from dataset_builders.diagram.facts import holds, refuted
from dataset_builders.diagram.figure import Figure, solve
from dataset_builders.diagram.program import parse
from dataset_builders.diagram.render import render
from dataset_builders.negatives.image import (
    EXAM_DIAGRAMS,
    SIMPLE_DIAGRAMS,
    Diagrams,
    Scene,
    exchangeable_group,
    look_alikes,
    scene,
)

MOST_CHARACTERS = 1_500
MOST_STATEMENTS = 25
EXAM_SIZE = 336

SIMPLE_PROGRAMS = {
    "Isosceles triangle, a median": 'triangle(A, B, C, kind="isosceles", angle=48, size=74)\nD = median(A, B, C)\n'
    "mark_length(B, C, 6)",
    "Right triangle, two numbers": 'triangle(P, R, S, kind="right", angle=35, size=74)\nmark_length(R, S, 9)\n'
    "mark_angle(P, R, S, 35)",
    "Parallelogram, an angle": "parallelogram(E, F, G, H, ratio=0.6, angle=60, size=76)\nmark_angle(E, F, G, 60)\n"
    "mark_length(F, G, 8)",
    "Rectangle, a midpoint": "rectangle(A, B, C, D, ratio=0.55, size=76)\nM = midpoint(B, C)\nmark_length(A, B, 4)",
    "Circle, a chord": "circle(H, size=62)\nA = on_circle(H, turn=200)\nB = chord(H, A, turn=110)\n"
    "mark_length(A, B, 7)",
    "Kite, a number": "kite(K, L, M, N, ratio=0.45, angle=95, size=74)\nmark_length(K, L, 5)",
}
"""By the name that the page shows: the kind of diagram that the quickstart trains on."""
EXAM_PROGRAMS = {
    "Tangents to a circle": "circle(O, at=(36, 50), size=42)\npoint(P, at=(86, 50))\n"
    'A = tangent_from(P, O, side="left")\nB = tangent_from(P, O, side="right")\nmark_length(P, A, 12)',
    "Diagonals of a parallelogram": "parallelogram(A, B, C, D, ratio=0.7, angle=65, size=78)\nsegment(A, C)\n"
    "segment(B, D)\nE = intersection(A, C, B, D)\nmark_equal(A, E, E, C)\nmark_parallel(A, D, B, C)",
    "Parabola": 'O = axes(x=(-4, 4), y=(-4, 5))\ngraph(kind="quadratic", a=1, c=-3)\nP = plot(x=2, y=1)',
}
"""More of what exams draw."""
PROGRAMS = {**SIMPLE_PROGRAMS, **EXAM_PROGRAMS}


class Drawing(NamedTuple):
    """How diagrams are drawn for an encoder: which ones, at what size in pixels, and on which grid of labels."""

    diagrams: Diagrams
    size: int
    label_grid: int | None

    def picture(self, figure: Figure) -> Image.Image:
        """A figure as this encoder is to see it."""
        return Image.fromarray(render(figure, self.size, self.label_grid)).convert("RGB")


EXAM_DRAWING = Drawing(EXAM_DIAGRAMS, EXAM_SIZE, None)


class Example(NamedTuple):
    """A picture with the caption that is true of it and captions that are verified false of it."""

    picture: Image.Image
    caption: str
    negatives: list[str]


class Negative(NamedTuple):
    """A verified negative: its scene and caption, the sentences of it that are false of the positive's figure, and
    those of the positive that are false of its own figure."""

    scene: Scene
    caption: str
    false_here: list[str]
    false_there: list[str]


def drawing_for(vision: PreTrainedConfig) -> Drawing:
    """Simple diagrams in the quickstart's manner for towers that see a hundred pixels, those of exams for others.

    Args:
        vision: A tower's configuration.
    """
    side = getattr(vision, "image_size", None) or EXAM_SIZE  # a SigLIP 2 tower takes any
    if side >= 200:
        return EXAM_DRAWING
    return Drawing(SIMPLE_DIAGRAMS, max(side, 64), vision.patch_size if vision.patch_size >= 12 else None)


def picked(name: str, drawing: Drawing, count: int = 5) -> Example:
    """The example of that name, with negatives that are edits of it.

    Raises:
        ValueError: when there is none of that name.
    """
    if name not in PROGRAMS:
        raise ValueError(f"There is no example {name!r}.")
    base = _scene(PROGRAMS[name], drawing.diagrams)
    return _example([base, *look_alikes(base, count, np.random.default_rng(0), drawing.diagrams)], drawing)


def random_example(drawing: Drawing, count: int = 5, seed: int | None = None) -> Example:
    """A random diagram, another one each time unless a seed is given.

    It and its negatives are all edits of a hidden one, so that it is not in their middle.
    """
    return _example(exchangeable_group(1 + count, np.random.default_rng(seed), 3, drawing.diagrams), drawing)


def example(name: str | None, drawing: Drawing) -> Example:
    """The picked example, or a random one where none is named."""
    return picked(name, drawing) if name else random_example(drawing)


def names_for(drawing: Drawing) -> list[str]:
    """The examples that an encoder with this drawing may know."""
    return list(SIMPLE_PROGRAMS if drawing.diagrams is SIMPLE_DIAGRAMS else PROGRAMS)


def negatives_of(text: str, count: int, seed: int) -> tuple[Scene, list[Negative]]:
    """A program's scene, and up to `count` negatives of it, each an edit away, verified in both directions.

    Args:
        text: A diagram program; it is parsed, never run.
        count: Most negatives.
        seed: Of the edits.

    Raises:
        ValueError: when the text is no program, is too long, cannot be drawn well, or states nothing to edit.
    """
    base = _scene(text, EXAM_DIAGRAMS)
    found = look_alikes(base, count, np.random.default_rng(seed), EXAM_DIAGRAMS)
    if not found:
        raise ValueError(
            "No edit of this program can be drawn well and is certainly false of it; give it a shape, a relation or a "
            "mark, or make it simpler."
        )
    return base, [
        Negative(other, caption(other.program), _false(other, base.figure), _false(base, other.figure))
        for other in found
    ]


def _scene(text: str, diagrams: Diagrams) -> Scene:
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"The program has {len(text):,} characters; this page takes {MOST_CHARACTERS:,}.")
    program = parse(text)
    if len(program.statements) > MOST_STATEMENTS:
        raise ValueError(f"The program has {len(program.statements)} statements; this page takes {MOST_STATEMENTS}.")
    figure = solve(program, diagrams.limits)
    unseen = [sentence for fact, sentence in describe(program) if not holds(figure, fact)]
    if unseen:
        raise ValueError(f"The drawing does not show what the program states: {'; '.join(unseen)}.")
    made = scene(program, diagrams=_any_marks(diagrams))
    if made is None:
        raise ValueError("The numbers that the program marks contradict one another or the drawing.")
    return made


def _any_marks(diagrams: Diagrams) -> Diagrams:
    """The same, whatever numbers are marked: of what somebody wrote, not what is made at random."""
    return diagrams._replace(exact=False)


def _false(of: Scene, figure: Figure) -> list[str]:
    return [sentence for fact, sentence in describe(of.program) if refuted(figure, fact)]


def _example(group: list[Scene], drawing: Drawing) -> Example:
    captions = [caption(member.program) for member in group]
    return Example(drawing.picture(group[0].figure), captions[0], captions[1:])
