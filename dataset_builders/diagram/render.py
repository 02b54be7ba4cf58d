"""A figure drawn in black on white, letters upright, at any size."""

import math
import threading
from typing import Any, NamedTuple

import numpy as np

from dataset_builders.diagram.figure import Figure
from dataset_builders.diagram.labels import (
    font_pixels,
    labels_beside,
    open_directions,
    text_blob,
    wanted_labels,
)
from dataset_builders.diagram.style import (
    PLAIN,
    Placed,
    Strokes,
    Style,
    draw_strokes,
    load_skia,
    pens,
    placed,
    stroke_width,
    strokes_of,
)

# What hiding a point costs a label's place, in cells.
HIDING = 0.75
# How far from its point a letter wants to be, in hundredths of the side, where it keeps to a grid.
BESIDE = 9.0
NUMBERS_BESIDE = 2.0
# Letters of so many pixels or fewer have thin strokes, which are drawn a little bolder.
SMALL = 16
BOLDER = 0.3
Place = tuple[float, float]


def render(
    figure: Figure,
    size: int = 96,
    label_grid: int | None = None,
    with_markings: bool = True,
    style: Style = PLAIN,
) -> np.ndarray:
    """Draw a figure.

    Args:
        figure ([`Figure`]): what to draw.
        size (`int`, *optional*, defaults to `96`): side of the square image in pixels.
        label_grid (`int`, *optional*): centre every letter and number in a cell of so many pixels, each in one of its
            own. A tower of that patch size then reads whole labels, which is far easier to learn than cut ones. Lines
            stop where they meet a label. Without it labels stand clear of all lines (see
            [`~dataset_builders.diagram.labels.place_labels`]).
        with_markings (`bool`, *optional*, defaults to `True`): `False` leaves letters only: no numbers, equations,
            ticks, angle arcs, squares of right angles or arrows.
        style ([`Style`], *optional*): how it looks. The same figure, size and style give the same bytes.

    Returns:
        `np.ndarray` of shape `(size, size)`, uint8: 0 is ink, 255 paper.

    Raises:
        ImportError: when skia, or a system library that it needs, is missing.
        ValueError: when `size` is below 16, or `label_grid` not between 6 and `size`.
    """
    if size < 16:
        raise ValueError(f"`size` is {size}; an image is at least 16 pixels wide.")
    if label_grid is not None and not 6 <= label_grid <= size:
        raise ValueError(f"`label_grid` is {label_grid}; a cell is 6 to {size} pixels wide, the size of the image.")
    place, width = placed(figure, style.rotation), stroke_width(style, size)
    # In a cell of the grid a number covers most of its angle, and would leave crumbs of the arc.
    strokes = strokes_of(figure, place, width, with_markings, arcs_at_values=label_grid is None)
    sheet = _sheet(size)
    canvas = sheet.canvas
    canvas.clear(0)
    canvas.save()
    canvas.translate(0, size)
    canvas.scale(size / 100, -size / 100)
    draw_strokes(canvas, strokes, pens(width, style.jitter, style.seed))
    canvas.restore()
    if label_grid:
        for text in _on_grid(figure, place, strokes, size, label_grid, with_markings, style):
            canvas.drawTextBlob(*text, sheet.small_ink)
    else:
        pixels, scale = font_pixels(style, size), size / 100
        ink = sheet.ink if pixels > SMALL else sheet.small_ink
        for text, (x, y), _ in labels_beside(figure, place, strokes, size, style, with_markings).labels:
            blob, (left, top, right, bottom) = text_blob(text, style.font, pixels)
            canvas.drawTextBlob(blob, x * scale - (left + right) / 2, (100 - y) * scale - (top + bottom) / 2, ink)
    image = ~sheet.pixels  # a copy: the sheet is drawn on again
    return _scanned(image, style) if style.noise else image


class _Sheet(NamedTuple):
    """A surface to draw on. Skia writes coverage into `pixels`, which has to live as long as the surface."""

    pixels: np.ndarray
    surface: Any
    canvas: Any
    ink: Any
    small_ink: Any
    eraser: Any


_sheets = threading.local()


def _sheet(size: int) -> _Sheet:
    """This thread's sheet of a size."""
    of_size = _sheets.__dict__
    if size not in of_size:
        skia = load_skia()
        if len(of_size) >= 8:
            of_size.clear()
        pixels = np.zeros((size, size), np.uint8)
        surface = skia.Surface.MakeRasterDirect(skia.ImageInfo.MakeA8(size, size), pixels, size)
        eraser = skia.Paint(AntiAlias=False, BlendMode=skia.BlendMode.kClear)
        ink, small_ink = skia.Paint(AntiAlias=True), skia.Paint(AntiAlias=True)
        small_ink.setStyle(skia.Paint.kStrokeAndFill_Style)
        small_ink.setStrokeWidth(BOLDER)
        of_size[size] = _Sheet(pixels, surface, surface.getCanvas(), ink, small_ink, eraser)
    return of_size[size]


def _on_grid(
    figure: Figure,
    place: Placed,
    strokes: Strokes,
    size: int,
    grid: int,
    with_markings: bool,
    style: Style,
) -> list[tuple[Any, float, float]]:
    """Erase what is behind each label's letters; returns the labels as text blobs with x and y in pixels.

    All that is erased is so before any text is drawn: no label takes a bite out of its neighbour, and no line that
    passes behind one makes another letter of it.
    """
    pixels = max(11, round(size * 0.125))
    canvas, eraser, skia = _sheet(size).canvas, _sheet(size).eraser, load_skia()
    seen = [(x * size / 100, (100 - y) * size / 100) for x, y in place.points.values()]
    taken: set[tuple[int, int]] = set()
    texts = []
    for text, wanted, optional in _wanted_places(figure, place, strokes, style, 100 * pixels / size, with_markings):
        # Equations and the like may take several cells in a row.
        width = text_blob(text, style.font, pixels, 0.75)[1][2]
        span = 1 if len(text) <= 4 else min(math.ceil(width / grid), size // grid)
        target = (wanted[0] * size / 100, (100 - wanted[1]) * size / 100)
        centre = _free_cells(target, grid, size, span, taken, seen, grid if optional else math.inf)
        if centre is None:
            if optional:
                continue
            centre = target
        blob, box = _fitted(text, style.font, pixels, span * grid - (1 if span == 1 else 3))
        corner = _corner_of(box, centre, size)
        canvas.drawRect(skia.Rect(*corner, corner[0] + box[2] - box[0], corner[1] + box[3] - box[1]), eraser)
        texts.append((blob, corner[0] - box[0], corner[1] - box[1]))
    return texts


def _wanted_places(
    figure: Figure, place: Placed, strokes: Strokes, style: Style, em: float, with_markings: bool
) -> list[tuple[str, Place, bool]]:
    """Each label with the place where its centre should be in hundredths, and whether it may be left out."""
    letters = [
        (name, (x + BESIDE * math.cos(heading), y + BESIDE * math.sin(heading)), False)
        for (name, (x, y)), heading in zip(place.points.items(), open_directions(place, strokes), strict=True)
    ]
    if not with_markings:
        return letters
    numbers = wanted_labels(figure, place, strokes, style.font, em, NUMBERS_BESIDE)
    return letters + [(each.text, min(each.candidates, key=lambda c: c[2])[:2], bool(each.axis)) for each in numbers]


def _free_cells(
    wanted: Place,
    grid: int,
    size: int,
    span: int,
    taken: set[tuple[int, int]],
    points: list[Place],
    farthest: float,
) -> Place | None:
    """Centre of the nearest cells that hold no label yet, in pixels; `None` if there are none within reach.

    Cells with a point in them would hide the point, and are taken only where the next ones are far.
    """
    cells = size // grid

    def cost(cell: tuple[int, int]) -> float:
        x, y = (cell[0] + span / 2) * grid, (cell[1] + 0.5) * grid
        hidden = any(abs(x - px) <= span * grid / 2 and abs(y - py) <= grid / 2 for px, py in points)
        return math.dist((x, y), wanted) + HIDING * grid * hidden

    free = [
        (x, y)
        for x in range(cells - span + 1)
        for y in range(cells)
        if not any((x + i, y) in taken for i in range(span))
    ]
    cell = min(free, key=cost, default=None)
    if cell is None or cost(cell) > farthest:
        return None
    taken.update((cell[0] + i, cell[1]) for i in range(span))
    return ((cell[0] + span / 2) * grid, (cell[1] + 0.5) * grid)


def _fitted(text: str, font: str, pixels: int, width: int) -> tuple[Any, tuple[float, float, float, float]]:
    """A text in the largest letters up to `pixels` that keep it within a width: narrower first, then smaller."""
    while True:
        for stretch in (1.0, 0.9, 0.8, 0.72):
            blob, (left, top, right, bottom) = text_blob(text, font, pixels, stretch)
            if right - left <= width or (pixels <= 6 and stretch < 0.8):
                rim = BOLDER / 2
                low, high = (
                    (math.floor(left - rim), math.floor(top - rim)),
                    (math.ceil(right + rim), math.ceil(bottom + rim)),
                )
                return blob, (*low, *high)
        pixels -= 1


def _corner_of(box: tuple[float, float, float, float], centre: Place, size: int) -> tuple[int, int]:
    """Left and top of a label in pixels, at least one from the image's edge."""
    width, height = box[2] - box[0], box[3] - box[1]
    left, top = round(centre[0] - width / 2), round(centre[1] - height / 2)
    return min(max(left, 1), size - 1 - width), min(max(top, 1), size - 1 - height)


def _scanned(image: np.ndarray, style: Style) -> np.ndarray:
    """The image as a scanner sees it: a little blurred, ink and paper not quite black and white, specks."""
    rng = np.random.default_rng([style.seed, image.shape[0]])
    side = round(64 * style.noise)  # of 256, the weight of either neighbour
    soft = image.astype(np.uint16)
    for axis in (0, 1):
        blurred = (256 - 2 * side) * soft
        blurred += side * (np.roll(soft, 1, axis) + np.roll(soft, -1, axis))
        soft = blurred >> 8
    grain = rng.integers(0, 1 + round(40 * style.noise), image.shape, np.uint8)
    paper, ink = 255 - round(14 * style.noise), round(36 * style.noise)
    grey = (ink + (soft * (paper - ink) >> 8)).astype(np.int16) + grain - round(20 * style.noise)
    specks = rng.integers(0, image.size, round(0.0015 * style.noise * image.size))
    grey.ravel()[specks] = rng.integers(0, 256, len(specks))
    return np.clip(grey, 0, 255).astype(np.uint8)
