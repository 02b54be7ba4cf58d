"""What a language model would say, for tests without one: drawing scripts and captions of diagram programs of ours.

A script is plain matplotlib, as models write it; its first line names the program, so that whoever is given the script
can tell what it draws.
"""

import math
import re

import numpy as np

from dataset_builders.diagram.caption import caption
from dataset_builders.diagram.figure import DRAWN, Figure, solve
from dataset_builders.diagram.program import Program, parse
from dataset_builders.diagram.sample import sample_program
from dataset_builders.negatives.image import EXAM_DIAGRAMS, look_alikes, scene
from dataset_builders.negatives.llm.programs import drawable


def sampled_programs(count: int, seed: int = 0) -> list[str]:
    """Programs of exam diagrams that can be drawn well, each with three look-alikes or more."""
    found: list[str] = []
    number = 0
    while len(found) < count:
        program, _ = sample_program(np.random.default_rng([seed, number]), 3)
        number += 1
        try:
            drawable(str(program))
        except ValueError:
            continue
        if len(edited(program, 3)) == 3:
            found.append(str(program))
    return found


def edited(program: Program, count: int) -> list[Program]:
    """Programs a little different, each refuted by the other's figure."""
    base = scene(program, diagrams=EXAM_DIAGRAMS)
    return [each.program for each in look_alikes(base, count, np.random.default_rng(0), EXAM_DIAGRAMS)]


def script_of(program: Program | str, name: str) -> str:
    """A matplotlib script that draws a program's figure."""
    figure = solve(parse(program) if isinstance(program, str) else program, DRAWN)
    lines = [
        f"# figure {name}",
        "import matplotlib.pyplot as plt",
        "from matplotlib.patches import Arc, Circle, Ellipse, Polygon",
        "fig, ax = plt.subplots(figsize=(4, 4), dpi=100)",
        "ax.set_xlim(-4, 104)",
        "ax.set_ylim(-4, 104)",
        'ax.set_aspect("equal")',
        'ax.axis("off")',
        *_strokes(figure),
        *_texts(figure),
        'plt.savefig("question.png")',
    ]
    return "\n".join(lines) + "\n"


def _strokes(figure: Figure) -> list[str]:
    lines = []
    for first, second in [*figure.segments, *figure.rays, *figure.lines]:
        (x, y), (u, v) = figure.points[first], figure.points[second]
        style = "--" if (first, second) in figure.dashed else "-"
        lines.append(f'ax.plot([{x:.2f}, {u:.2f}], [{y:.2f}, {v:.2f}], "k{style}")')
    for centre, radius in figure.circles.items():
        x, y = figure.points[centre]
        lines.append(f"ax.add_patch(Circle(({x:.2f}, {y:.2f}), {radius:.2f}, fill=False))")
    for centre, (long, short, turn) in figure.ellipses.items():
        x, y = figure.points[centre]
        lines.append(
            f"ax.add_patch(Ellipse(({x:.2f}, {y:.2f}), {2 * long:.2f}, {2 * short:.2f}, angle={turn:.2f}, fill=False))"
        )
    for x, y in figure.points.values():
        lines.append(f'ax.plot({x:.2f}, {y:.2f}, "ko", markersize=3)')
    return lines


def _texts(figure: Figure) -> list[str]:
    points = figure.points
    middle = [sum(place[axis] for place in points.values()) / max(1, len(points)) for axis in (0, 1)]
    lines = []
    for name, (x, y) in points.items():
        away = math.atan2(y - middle[1], x - middle[0])
        lines.append(_text(x + 4 * math.cos(away), y + 4 * math.sin(away), name))
    for kind, names, value in figure.marks:
        if value is None:
            continue
        place = [points[name] for name in names]
        if kind == "angle":
            place = [place[1], place[1], place[1], place[0], place[2]]
        x, y = (sum(each[axis] for each in place) / len(place) for axis in (0, 1))
        lines.append(_text(x, y, f"{value}°" if kind in ("angle", "arc") else f"{value}"))
    for graph in figure.graphs:
        lines.append(_text(70, 95, f"{graph.kind} {graph.coefficients}"))
    return lines


def _text(x: float, y: float, text: str) -> str:
    x, y = (min(max(value, 1), 99) for value in (x, y))
    return f'ax.text({x:.2f}, {y:.2f}, "{text}", ha="center", va="center", fontsize=11)'


class Model:
    """Answers the prompts of `mmgeolm negatives llm` from programs, each known by a word of the problem's text.

    Args:
        programs: By that word, which stands in the problem as `[word]`.
        count: Negatives of each.
    """

    def __init__(self, programs: dict[str, str], count: int = 3):
        self.programs, self.captions, self.scripts = programs, {}, {}
        self.negatives: dict[str, list[str]] = {}
        for name, text in programs.items():
            program = parse(text)
            self._add(name, program)
            names = [f"{name}-{place}" for place in range(count)]
            for own, other in zip(names, edited(program, count), strict=False):
                self._add(own, other)
                self.negatives.setdefault(name, []).append(self.captions[own])

    def _add(self, name: str, program: Program) -> None:
        self.captions[name] = caption(program, wording=1)
        self.scripts[name] = script_of(program, name)

    def answer(self, text: str) -> str:
        """What the model says to a prompt of the pipeline, re-asked or not."""
        if "diagram language" in text:
            return f"```python\n{self.programs[problem_of(text)]}\n```"
        if "<problem>" in text:
            return fenced(self.scripts[problem_of(text)])
        name = re.findall(r"# figure (\S+)", text)[-1]
        if "<new_description>" in text:
            wanted = re.search(r"<new_description>\n(.*?)\n</new_description>", text, re.DOTALL)[1]
            place = self.negatives[name].index(wanted)
            return fenced(self.scripts[f"{name}-{place}"])
        if "<what_is_wrong>" in text:
            return fenced(self.scripts[name])
        if "wrong descriptions" in text:
            wanted = int(re.search(r"exactly (\d+) descriptions", text)[1])
            rows = [each for each in self.negatives[name] if f"- {each}" not in text]
            rows += [self.captions[name]] * wanted  # no negatives, for want of others
            return "\n".join(f"{place}. {each}" for place, each in enumerate(rows[:wanted], 1))
        return self.captions[name]


def problem_of(text: str) -> str:
    """The word in brackets of the problem that a prompt holds."""
    return re.findall(r"\[(\w+)\]", text)[-1]


def fenced(code: str) -> str:
    """Code as models give it."""
    return f"```python\n{code}```"
