"""A figure drawn in black on white, letters upright, at any size."""

import functools
import math

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from dataset_builders.diagram.figure import Figure

OVERSAMPLING = 3
# What hiding a point costs a label's place, in cells.
HIDING = 0.75
Place = tuple[float, float]


def render(figure: Figure, size: int = 96, label_grid: int | None = None, with_markings: bool = True) -> np.ndarray:
    """Draw a figure.

    Args:
        figure ([`Figure`]): what to draw.
        size (`int`, *optional*, defaults to `96`): side of the square image in pixels.
        label_grid (`int`, *optional*): centre every letter and number in a cell of so many pixels, each in one of its
            own. A tower of that patch size then reads whole labels, which is far easier to learn than cut ones.
        with_markings (`bool`, *optional*, defaults to `True`): `False` leaves out lengths, angles and right-angle
            marks.

    Returns:
        `np.ndarray` of shape `(size, size)`, uint8: 0 is ink, 255 paper.
    """
    scale = size * OVERSAMPLING / 100
    canvas = Image.new("L", (size * OVERSAMPLING,) * 2, 255)
    draw = ImageDraw.Draw(canvas)
    stroke = max(OVERSAMPLING, round(size * OVERSAMPLING / 90))
    at = {name: (x * scale, (100 - y) * scale) for name, (x, y) in figure.points.items()}
    for start, end in figure.segments:
        draw.line([at[start], at[end]], fill=0, width=stroke)
    for centre, radius in figure.circles.items():
        (x, y), reach = at[centre], radius * scale
        draw.ellipse((x - reach, y - reach, x + reach, y + reach), outline=0, width=stroke)
    # A centre, and a point on a side where no line ends, show where they are by a dot alone.
    ends = {name for segment in figure.segments for name in segment}
    for x, y in (place for name, place in at.items() if name in figure.circles or name not in ends):
        draw.ellipse((x - stroke, y - stroke, x + stroke, y + stroke), fill=0)
    if with_markings:
        for kind, names, _ in figure.marks:
            if kind == "right_angle":
                draw.line(_corner(*(at[name] for name in names), 6 * scale), fill=0, width=stroke)
    image = canvas.reduce(OVERSAMPLING)
    taken: set[tuple[int, int]] = set()
    seen = [(x / OVERSAMPLING, y / OVERSAMPLING) for x, y in at.values()]
    written: list[tuple[Image.Image, tuple[int, int]]] = []
    for text, place in _labels(figure, with_markings):
        wanted = (place[0] * size / 100, (100 - place[1]) * size / 100)
        centre = _free_cell(wanted, label_grid, size, taken, seen) if label_grid else wanted
        glyphs = _glyphs(text, max(11, round(size * 0.125)), label_grid or size)
        written.append((glyphs, _corner_of(glyphs, centre, size)))
    # White first: a line that passes behind a label would make another letter of it. All of it before any ink, so that
    # no label takes a bite out of its neighbour.
    for glyphs, (left, top) in written:
        image.paste(255, (left, top, left + glyphs.width, top + glyphs.height))
    for glyphs, corner in written:
        image.paste(0, corner, glyphs)
    return np.asarray(image)


def _labels(figure: Figure, with_markings: bool) -> list[tuple[str, Place]]:
    """Each letter and number with the place where its centre should be, in hundredths of the side."""
    middle = tuple(sum(values) / len(figure.points) for values in zip(*figure.points.values(), strict=True))
    labels = [(name, _outside(figure, name, middle)) for name in figure.points]
    if with_markings:
        for kind, names, value in figure.marks:
            corners = [figure.points[name] for name in names]
            if kind == "length":
                half = ((corners[0][0] + corners[1][0]) / 2, (corners[0][1] + corners[1][1]) / 2)
                labels.append((f"{value:g}", _pushed(half, middle, 8.0)))
            elif kind == "angle":
                inward = ((corners[0][0] + corners[2][0]) / 2, (corners[0][1] + corners[2][1]) / 2)
                labels.append((f"{value:g}°", _pushed(corners[1], inward, -15.0)))
    return labels


def _outside(figure: Figure, name: str, middle: Place) -> Place:
    """Beside a point, away from the lines that meet there."""
    here = figure.points[name]
    neighbours = [
        figure.points[other] for segment in figure.segments if name in segment for other in segment if other != name
    ]
    away = tuple(sum(point[i] for point in neighbours) / len(neighbours) for i in (0, 1)) if neighbours else middle
    # A point amid a straight line has no side of its own; one is chosen across the line.
    if math.dist(here, away) < 3:
        other = neighbours[0] if neighbours else (here[0] + 1, here[1])
        away = (here[0] + (other[1] - here[1]), here[1] - (other[0] - here[0]))
    return _pushed(here, away, 9.0)


def _pushed(point: Place, centre: Place, by: float) -> Place:
    """The point moved away from a centre (towards it if `by` is negative)."""
    distance = math.dist(point, centre) or 1.0
    return tuple(p + (p - c) / distance * by for p, c in zip(point, centre, strict=True))


def _free_cell(wanted: Place, grid: int, size: int, taken: set[tuple[int, int]], points: list[Place]) -> Place:
    """Centre of the nearest cell that holds no label yet, in pixels. One with a point in it would hide the point, and
    is taken only where the next one is far."""
    cells = size // grid

    def cost(cell: tuple[int, int]) -> float:
        x, y = (cell[0] + 0.5) * grid, (cell[1] + 0.5) * grid
        hidden = any(max(abs(x - px), abs(y - py)) <= grid / 2 for px, py in points)
        return math.dist((x, y), wanted) + HIDING * grid * hidden

    cell = min(((x, y) for x in range(cells) for y in range(cells) if (x, y) not in taken), key=cost)
    taken.add(cell)
    return ((cell[0] + 0.5) * grid, (cell[1] + 0.5) * grid)


def _corner_of(glyphs: Image.Image, centre: Place, size: int) -> tuple[int, int]:
    """Left and top of a label in pixels, at least one from the image's edge."""
    left, top = round(centre[0] - glyphs.width / 2), round(centre[1] - glyphs.height / 2)
    return min(max(left, 1), size - 1 - glyphs.width), min(max(top, 1), size - 1 - glyphs.height)


@functools.lru_cache(maxsize=4096)
def _glyphs(text: str, height: int, width: int) -> Image.Image:
    """A text as an ink mask, cut to its ink, in the largest letters up to `height` that keep it within `width`."""
    while True:
        font = ImageFont.load_default(height)
        box = font.getbbox(text)
        if box[2] - box[0] <= width or height <= 6:
            break
        height -= 1
    mask = Image.new("L", (math.ceil(box[2]) + 2, math.ceil(box[3]) + 2), 0)
    ImageDraw.Draw(mask).text((0, 0), text, font=font, fill=255)
    return mask.crop(mask.getbbox())


def _corner(before: Place, at: Place, after: Place, reach: float) -> list[Place]:
    """The little square of a right angle, in pixels of the canvas."""
    first, second = (_pushed(at, point, -reach) for point in (before, after))
    return [first, (first[0] + second[0] - at[0], first[1] + second[1] - at[1]), second]
