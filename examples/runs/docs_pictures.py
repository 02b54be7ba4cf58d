"""Draws the pictures of docs/concepts.md with the library's own renderer; the same bytes each time.

python examples/runs/docs_pictures.py
"""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from dataset_builders.code_records import code_record
from dataset_builders.diagram.figure import EXAM, solve
from dataset_builders.diagram.program import parse
from dataset_builders.diagram.render import render
from dataset_builders.diagram.style import sample_style
from dataset_builders.diagram_sets import LABEL_GRID, look_alike_groups

FOLDER = Path(__file__).parents[2] / "docs" / "images"
SIDE, MARGIN, FRAME = 200, 8, 3
BLUE = (30, 90, 200)
GREY = (200, 200, 200)


def row(pictures: Sequence[Image.Image], positive: int | None = 0) -> Image.Image:
    """Pictures side by side in frames, that of the positive blue."""
    width = len(pictures) * (SIDE + MARGIN) - MARGIN
    sheet = Image.new("RGB", (width, SIDE), "white")
    for place, picture in enumerate(pictures):
        framed = ImageOps.pad(picture.convert("RGB"), (SIDE, SIDE), color="white")
        colour, line = (BLUE, FRAME) if place == positive else (GREY, 1)
        ImageDraw.Draw(framed).rectangle((0, 0, SIDE - 1, SIDE - 1), outline=colour, width=line)
        sheet.paste(framed, (place * (SIDE + MARGIN), 0))
    return sheet


def under(rows: Sequence[Image.Image]) -> Image.Image:
    """Rows of equal width, one under the other."""
    sheet = Image.new("RGB", (rows[0].width, len(rows) * (SIDE + MARGIN) - MARGIN), "white")
    for place, one in enumerate(rows):
        sheet.paste(one, (0, place * (SIDE + MARGIN)))
    return sheet


def pictures_of(record: dict) -> list[Image.Image]:
    """The positive of a record, then its negatives."""
    return [Image.open(BytesIO(stored["bytes"])) for stored in (record["image"], *record["negative_images"])]


def save(image: Image.Image, name: str) -> None:
    """A PNG of few colours: line drawings need no more."""
    image.quantize(16, dither=Image.Dither.NONE).save(FOLDER / f"{name}.png", optimize=True)
    print(f"{name}.png: {(FOLDER / f'{name}.png').stat().st_size / 1000:.1f} kB, {image.width} x {image.height}")


if __name__ == "__main__":
    # An anchor and its hard negatives: a place, a shape and two letters have been exchanged.
    save(row(pictures_of(code_record(0, seed=0, num_negatives=3, size=SIDE))), "hard_negatives")

    # Centred candidates surround the positive; exchangeable ones do not tell it.
    groups = [code_record(13, 0, 3, candidates=name, size=SIDE) for name in ("centred", "exchangeable")]
    save(under([row(pictures_of(record)) for record in groups]), "centred_and_exchangeable")

    # One figure: plain, in three random styles.
    text = "triangle(A, B, C, angle=55, other=65, size=70)\nD = foot(A, B, C)\nmark_length(B, C, 9)"
    figure = solve(parse(f"{text}\nmark_right_angle(A, D, C)"), EXAM)
    styles = [sample_style(np.random.default_rng(seed)) for seed in (1, 4, 7)]
    drawn = [render(figure, SIDE), *(render(figure, SIDE, style=style) for style in styles)]
    save(row([Image.fromarray(image) for image in drawn], positive=None), "styles")

    # What the quickstart's encoders see, enlarged: 96 pixels, each label in a cell of the patch grid.
    group = look_alike_groups(1, 4, seed=3).images[0]
    small = [Image.fromarray(image).resize((2 * 96, 2 * 96), Image.Resampling.NEAREST) for image in group]
    for image in small:
        for at in range(2 * LABEL_GRID, 2 * 96, 2 * LABEL_GRID):
            ImageDraw.Draw(image).line((at, 0, at, 191), fill=225)
            ImageDraw.Draw(image).line((0, at, 191, at), fill=225)
    save(row(small, positive=None), "quickstart_group")
