"""Images per second of the diagram renderer against matplotlib, on the same figures in the same run.

Both draw figures of [`~dataset_builders.diagram.sample.sample_program`] at 336 px, on one thread, in turns. What is
counted is CPU time, so that other work on the machine matters little.

- `render`, labels and all: strokes, the search for each label's place, text.
- matplotlib: a new `Figure` of one axes per image, `plot`, `add_patch` and `text`, and `savefig` to an RGBA canvas.
  (Neither pyplot nor a PNG's compression, which would slow it down further.) It draws the same lines, circles, arcs,
  ellipses, curves and dots, and the same texts at places that were found beforehand, which it is given for nothing.

    OMP_NUM_THREADS=1 python bench/draw_rate.py

The goal is a ratio of at least 25, by the median of the rounds. Exit status 1 if missed.
"""

import io
import statistics
import sys
import time
from collections.abc import Callable

import matplotlib
import numpy as np
from matplotlib.figure import Figure as Sheet
from matplotlib.patches import Arc, Circle, Ellipse, Polygon

from dataset_builders.diagram.figure import Figure
from dataset_builders.diagram.labels import Labels, place_labels
from dataset_builders.diagram.render import render
from dataset_builders.diagram.sample import sample_program
from dataset_builders.diagram.style import PLAIN, Strokes, load_skia, placed, stroke_width, strokes_of

SIZE = 336
SEEDS = (0, 1, 2, 3)
FIGURES_PER_SEED = 50
DIFFICULTY = 5
ROUNDS = 5
GOAL = 25
DPI = 100
POINTS = 72 * SIZE / DPI / 100  # of a hundredth of the side
Drawing = tuple[Figure, Strokes, Labels]


def main() -> int:
    drawings = [drawing(seed, number) for seed in SEEDS for number in range(FIGURES_PER_SEED)]
    labels = statistics.mean(len(found.labels) for _, _, found in drawings)
    print(
        f"{len(drawings)} figures at {SIZE} px, {labels:.1f} labels on average, seeds {', '.join(map(str, SEEDS))}; "
        f"skia {load_skia().__version__}, matplotlib {matplotlib.__version__}. Images per second of CPU time.\n"
    )
    for draw in (ours, theirs):  # fonts are read and caches filled before the clock starts
        for each in drawings[:: len(drawings) // 20]:
            if draw(each).min() > 100:
                raise RuntimeError("Nothing was drawn.")
    print("| round | render | matplotlib | ratio |")
    print("| ---: | ---: | ---: | ---: |")
    ratios = []
    for number in range(1, ROUNDS + 1):
        rates = [rate(draw, drawings) for draw in (ours, theirs)]
        ratios.append(rates[0] / rates[1])
        print(f"| {number} | {rates[0]:.0f} | {rates[1]:.1f} | {ratios[-1]:.1f} |", flush=True)
    ratio = statistics.median(ratios)
    print(f"\nMedian ratio {ratio:.1f} (goal: at least {GOAL}: {'met' if ratio >= GOAL else 'MISSED'}).")
    return 0 if ratio >= GOAL else 1


def drawing(seed: int, number: int) -> Drawing:
    """A sampled figure, and for matplotlib its strokes and the places of its labels."""
    _, figure = sample_program(np.random.default_rng([seed, number]), DIFFICULTY)
    strokes = strokes_of(figure, placed(figure, 0.0), stroke_width(PLAIN, SIZE))
    return figure, strokes, place_labels(figure, SIZE)


def rate(draw: Callable[[Drawing], np.ndarray], drawings: list[Drawing]) -> float:
    """Images per second of CPU time."""
    start = time.process_time()
    for each in drawings:
        draw(each)
    return len(drawings) / (time.process_time() - start)


def ours(each: Drawing) -> np.ndarray:
    """The project's renderer, which finds the labels' places anew."""
    return render(each[0], SIZE)


def theirs(each: Drawing) -> np.ndarray:
    """Matplotlib's RGBA canvas with the same strokes and labels."""
    _, strokes, found = each
    sheet = Sheet((SIZE / DPI, SIZE / DPI), dpi=DPI)
    axes = sheet.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 100)
    axes.set_aspect("equal")
    axes.axis("off")
    width = PLAIN.stroke_width * POINTS
    for lines, dashes in ((strokes.lines + strokes.marks, "-"), (strokes.dashed, "--")):
        for x, y, u, v in lines:
            axes.plot((x, u), (y, v), linewidth=width, linestyle=dashes, color="black")
    for x, y, radius in strokes.circles:
        axes.add_patch(Circle((x, y), radius, fill=False, linewidth=width))
    for x, y, radius, start, sweep in strokes.arcs + strokes.mark_arcs:
        axes.add_patch(Arc((x, y), 2 * radius, 2 * radius, theta1=start, theta2=start + sweep, linewidth=width))
    for x, y, first, second, turn in strokes.ellipses:
        axes.add_patch(Ellipse((x, y), 2 * first, 2 * second, angle=turn, fill=False, linewidth=width))
    for curve in strokes.curves:
        axes.plot(*zip(*curve, strict=True), linewidth=width, color="black")
    for dot in strokes.dots:
        axes.add_patch(Circle(dot, 0.86, color="black"))
    for head in strokes.heads:
        axes.add_patch(Polygon(head, color="black"))
    for text, (x, y), _ in found.labels:
        axes.text(x, y, text, fontsize=PLAIN.font_size * POINTS, ha="center", va="center")
    canvas = io.BytesIO()
    sheet.savefig(canvas, format="rgba")
    return np.frombuffer(canvas.getbuffer(), np.uint8).reshape(SIZE, SIZE, 4)


if __name__ == "__main__":
    sys.exit(main())
