"""Where two pictures begin to look different: the threshold of `picture_distance`, set on pairs that are known.

Different, at the training size of 336 px:

- *stored*: the positive and each negative image of generated records, as `mmgeolm negatives code` writes them;
- *drawn as scripts draw*: the same pairs by matplotlib at 640 x 480, letters of 12 points;
- *one change*: such a drawing and itself with a single change, nothing else moved: one digit of a number, one letter,
  a letter moved by 2.5% of the side, the end of a line moved by 2.5%; at 12 points, and at matplotlib's own 10.

The same picture all the same:

- *resampled*: one fine drawing brought down from four times the size from other quarters of a pixel, by other filters;
- *rendered again*: a matplotlib drawing at another dpi, strokes in another order, moved by half a pixel, without
  snapping to pixels, with other hinting.

It prints the distribution of each set and the errors at every threshold tried: different pairs taken for the same
(refused), and same pairs taken for different (passed). The goals, at the library's thresholds for files of one size
and of different sizes: at most 1% of the real pairs, stored or drawn as scripts draw, are refused, and no same pair
passes. Single changes, in small print, are the hardest there are and are reported beside. Exit status 1 if missed.
The arguments are the number of records, and the seed.

    OMP_NUM_THREADS=1 python bench/picture_threshold.py            # 100 records; 100 seconds
"""

import io
import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib.figure import Figure as Sheet
from matplotlib.patches import Arc, Circle, Ellipse, Polygon
from PIL import Image

from dataset_builders.code_records import code_record
from dataset_builders.diagram.figure import DRAWN, Figure, solve
from dataset_builders.diagram.labels import place_labels
from dataset_builders.diagram.render import render
from dataset_builders.diagram.style import PLAIN, placed, stroke_width, strokes_of
from dataset_builders.negatives.picture_distance import (
    SIGHT,
    VISIBLE,
    VISIBLE_RESIZED,
    ink_at_sight,
    ink_distance,
    opened,
)
from dataset_builders.negatives.verify import split_programs

SEED = 0
RECORDS = 100
NEGATIVES = 10
DIFFICULTY = 5
MOVED = 2.5  # hundredths of the side
REAL = ("stored", "drawn as scripts draw")
REFUSED = 0.01


class Drawing(NamedTuple):
    """What matplotlib is to draw, in hundredths of the side: lines `(x, y, u, v)`, patches by name, and texts."""

    lines: list[tuple[float, ...]]
    patches: list[tuple]
    texts: list[tuple[str, float, float]]


def main(records: int = RECORDS, seed: int = SEED) -> int:
    different: dict[str, list[float]] = {}
    same: dict[str, list[float]] = {}
    rng = np.random.default_rng(seed)
    elapsed = []
    for number in range(records):
        record = code_record(number, seed, NEGATIVES, "image", difficulty=DIFFICULTY)
        stored = [ink_of(each["bytes"]) for each in (record["image"], *record["negative_images"])]
        start = time.process_time()
        different.setdefault("stored", []).extend(ink_distance(stored[0], other) for other in stored[1:])
        elapsed.append((time.process_time() - start) / NEGATIVES)
        figures = [solve(program, DRAWN) for program in split_programs(record["program"])]
        drawings = [drawing(figure) for figure in figures]
        files = [drawn(each) for each in drawings]
        inks = [ink_of(file) for file in files]
        different.setdefault("drawn as scripts draw", []).extend(ink_distance(inks[0], other) for other in inks[1:])
        for points in (12, 10):
            ink = ink_of(drawn(drawings[0], points=points))
            for change, other in one_change(drawings[0], rng):
                distance = ink_distance(ink, ink_of(drawn(other, points=points)))
                different.setdefault(f"one change: {change}, {points} points", []).append(distance)
        same.setdefault("resampled", []).extend(resampled(figures[0]))
        for way, file in again(drawings[0]):
            same.setdefault(f"rendered again: {way}", []).append(ink_distance(inks[0], ink_of(file)))
    table("different", different, (0, 0.1, 1, 5, 50))
    table("the same", same, (50, 95, 99, 99.9, 100))
    real = [value for name in REAL for value in different[name]]
    changed = [value for name, values in different.items() if name not in REAL for value in values]
    sized = [value for name, values in same.items() if name.endswith("dpi") for value in values]
    unsized = [value for name, values in same.items() if not name.endswith("dpi") for value in values]
    print(
        f"\n| threshold | {len(real)} real pairs: refused | {len(changed)} single changes: refused "
        f"| {len(unsized)} same, one size: passed | {len(sized)} same, another size: passed |"
    )
    print("| ---: | ---: | ---: | ---: | ---: |")
    for threshold in (0.2, 0.24, VISIBLE, 0.32, VISIBLE_RESIZED, 0.4, 0.5):
        shares = below(real, threshold), below(changed, threshold)
        shares += 1 - below(unsized, threshold), 1 - below(sized, threshold)
        print(f"| {threshold} | {' | '.join(f'{share:.2%}' for share in shares)} |")
    print(
        f"\n{1000 * np.mean(elapsed):.1f} ms a comparison, {1000 * pair_time(files[0], files[1]):.1f} ms a pair of "
        f"640 x 480 files; {len(elapsed)} records, seed {seed}, matplotlib {matplotlib.__version__}."
    )
    refused, refused_resized = below(real, VISIBLE), below(real, VISIBLE_RESIZED)
    passed = sum(value >= VISIBLE for value in unsized) + sum(value >= VISIBLE_RESIZED for value in sized)
    met = max(refused, refused_resized) <= REFUSED and not passed
    print(
        f"Thresholds {VISIBLE} in one size, {VISIBLE_RESIZED} across sizes: {refused:.2%} and {refused_resized:.2%} "
        f"of the real pairs refused (goal: at most {REFUSED:.0%}), {passed} of {len(sized) + len(unsized)} same pairs "
        f"passed (goal: none): {'met' if met else 'MISSED'}."
    )
    return 0 if met else 1


def below(values: list[float], threshold: float) -> float:
    """The share of values below a threshold."""
    return float(np.mean(np.array(values) < threshold))


def table(name: str, sets: dict[str, list[float]], percentiles: tuple[float, ...]) -> None:
    """Prints the distribution of each set."""
    print(f"\n| {name} | pairs | {' | '.join(f'{p}%' for p in percentiles)} | below {VISIBLE} |")
    print("| --- |" + " ---: |" * (len(percentiles) + 2))
    for each, values in sets.items():
        columns = " | ".join(f"{value:.2f}" for value in np.percentile(values, percentiles))
        print(f"| {each} | {len(values)} | {columns} | {np.mean(np.array(values) < VISIBLE):.2%} |")


def pair_time(one: bytes, two: bytes) -> float:
    """Seconds of CPU time to decode and compare two files."""
    start = time.process_time()
    for _ in range(20):
        ink_distance(ink_of(one), ink_of(two))
    return (time.process_time() - start) / 20


def ink_of(file: bytes) -> np.ndarray:
    return ink_at_sight(opened(file))


def resampled(figure: Figure) -> Iterator[float]:
    """Distances of one fine drawing, taken at other quarters of a pixel and by other filters."""
    fine = Image.fromarray(render(figure, 4 * SIGHT))
    first = None
    for offset in (0, 1, 2, -2):
        for filter_ in (Image.Resampling.BOX, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS):
            moved = Image.new("L", fine.size, 255)
            moved.paste(fine, (offset, offset // 2))
            ink = ink_at_sight(moved.resize((SIGHT, SIGHT), filter_))
            if first is None:
                first = ink
            else:
                yield ink_distance(first, ink)


def drawing(figure: Figure) -> Drawing:
    """A figure for matplotlib, with the places of its labels."""
    strokes = strokes_of(figure, placed(figure, 0.0), stroke_width(PLAIN, SIGHT))
    patches = [("circle", *circle) for circle in strokes.circles]
    patches += [("arc", *arc) for arc in strokes.arcs + strokes.mark_arcs]
    patches += [("ellipse", *ellipse) for ellipse in strokes.ellipses]
    patches += [("curve", curve) for curve in strokes.curves]
    patches += [("dot", *dot) for dot in strokes.dots] + [("head", head) for head in strokes.heads]
    lines = [tuple(map(float, line)) for line in strokes.lines + strokes.marks + strokes.dashed]
    texts = [(text, float(x), float(y)) for text, (x, y), _ in place_labels(figure, SIGHT).labels]
    return Drawing(lines, patches, texts)


def drawn(
    each: Drawing,
    dpi: int = 100,
    backwards: bool = False,
    shift: float = 0.0,
    snap: bool | None = None,
    points: float = 12,
) -> bytes:
    """A PNG file of 6.4 x 4.8 inches; `shift` is in pixels at 100 dpi."""
    sheet = Sheet((6.4, 4.8), dpi=dpi)
    axes = sheet.add_axes((shift / 640, shift / 480, 1, 1))
    axes.set_xlim(-5, 105)
    axes.set_ylim(-5, 105)
    axes.set_aspect("equal")
    axes.axis("off")
    for x, y, u, v in each.lines[::-1] if backwards else each.lines:
        axes.plot((x, u), (y, v), linewidth=1.5, color="black", snap=snap)
    for kind, *rest in each.patches[::-1] if backwards else each.patches:
        if kind == "circle":
            axes.add_patch(Circle(rest[:2], rest[2], fill=False, linewidth=1.5))
        elif kind == "arc":
            x, y, radius, start, sweep = rest
            axes.add_patch(Arc((x, y), 2 * radius, 2 * radius, theta1=start, theta2=start + sweep, linewidth=1.5))
        elif kind == "ellipse":
            x, y, first, second, turn = rest
            axes.add_patch(Ellipse((x, y), 2 * first, 2 * second, angle=turn, fill=False, linewidth=1.5))
        elif kind == "curve":
            axes.plot(*zip(*rest[0], strict=True), linewidth=1.5, color="black", snap=snap)
        elif kind == "dot":
            axes.add_patch(Circle(rest, 0.86, color="black"))
        else:
            axes.add_patch(Polygon(rest[0], color="black"))
    for text, x, y in each.texts:
        axes.text(x, y, text, fontsize=points, ha="center", va="center")
    file = io.BytesIO()
    sheet.savefig(file, format="png", pil_kwargs={"compress_level": 1})
    return file.getvalue()


def again(each: Drawing) -> Iterator[tuple[str, bytes]]:
    """The same drawing once more, the ways in which renderers and their settings differ."""
    for dpi in (120, 150, 200, 300):
        yield f"{dpi} dpi", drawn(each, dpi)
    yield "strokes in reverse", drawn(each, backwards=True)
    yield "half a pixel aside", drawn(each, shift=0.5)
    yield "lines not snapped", drawn(each, snap=False)
    for hinting in ("none", "force_autohint"):
        with matplotlib.rc_context({"text.hinting": hinting}):
            yield f"hinting {hinting}", drawn(each)


def one_change(each: Drawing, rng: np.random.Generator) -> Iterator[tuple[str, Drawing]]:
    """The drawing with one thing changed and all else where it was."""
    numbers = [i for i, (text, _, _) in enumerate(each.texts) if any(c.isdigit() for c in text)]
    letters = [i for i, (text, _, _) in enumerate(each.texts) if len(text) == 1 and text.isupper()]
    if numbers:
        at = int(rng.choice(numbers))
        text = each.texts[at][0]
        place = next(i for i, c in enumerate(text) if c.isdigit())
        others = [digit for digit in "123456789" if digit != text[place]]
        yield "a digit", retold(each, at, text[:place] + str(rng.choice(others)) + text[place + 1 :], 0, 0)
    if letters:
        at = int(rng.choice(letters))
        taken = {text for text, _, _ in each.texts}
        letter = str(rng.choice([c for c in "ABCDEFGHKLMNOPQRSTUVWXYZ" if c not in taken]))
        yield "a letter", retold(each, at, letter, 0, 0)
        turn = rng.uniform(0, 2 * np.pi)
        aside = MOVED * np.cos(turn), MOVED * np.sin(turn)
        yield "a letter moved", retold(each, at, each.texts[at][0], *aside)
    at = int(rng.integers(len(each.lines))) if each.lines else -1
    if at >= 0:
        x, y, u, v = each.lines[at]
        length = max(np.hypot(u - x, v - y), 1e-6)
        across = -(v - y) / length * MOVED, (u - x) / length * MOVED
        lines = [*each.lines[:at], (x, y, u + across[0], v + across[1]), *each.lines[at + 1 :]]
        yield "the end of a line moved", each._replace(lines=lines)


def retold(each: Drawing, at: int, text: str, right: float, up: float) -> Drawing:
    _, x, y = each.texts[at]
    return each._replace(texts=[*each.texts[:at], (text, x + right, y + up), *each.texts[at + 1 :]])


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
