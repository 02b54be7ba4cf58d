"""What is found wrong with the picture of a drawing script, and when two pictures look the same."""

import io

import numpy as np
import pytest
from matplotlib.figure import Figure as Sheet
from PIL import Image, ImageDraw

from dataset_builders.negatives.drawing_checks import looks_the_same, negative_problem, positive_problem, the_image
from dataset_builders.negatives.figure_letters import is_point_name, is_title, letters_of_caption, letters_of_figure
from dataset_builders.negatives.picture_distance import VISIBLE, ink_distance, opened, picture_distance
from dataset_builders.sandbox import Result, Text

SIZE = (640, 480)
TRIANGLE = [(120, 380), (520, 380), (240, 90)]
A, B, C = Text("A", 90, 380, 110, 400, 0), Text("B", 530, 380, 550, 400, 0), Text("C", 230, 60, 250, 80, 0)
CAPTION = "In △ABC, AB = 5."


def png(image):
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def picture(size=SIZE, strokes=(), texts=(), background="white", colour="black", corners=TRIANGLE):
    """A triangle, further strokes as pairs of ends, and a small cross in the place of each text."""
    image = Image.new("RGB", size, background)
    draw = ImageDraw.Draw(image)
    draw.polygon(corners, outline=colour, width=2)
    for stroke in strokes:
        draw.line(stroke, fill=colour, width=2)
    for text in texts:
        draw.line((text.left + 4, text.top + 4, text.right - 4, text.bottom - 4), fill=colour, width=2)
    return image


def result(image=None, texts=(A, B, C), stderr="", name="question.png"):
    image = picture(texts=texts) if image is None else image
    return Result(True, "", {name: png(image)}, {name: tuple(texts)}, "", stderr)


def test_a_good_picture_has_no_problem():
    assert positive_problem(result(), CAPTION) == ""


def test_the_picture_is_the_one_asked_for_else_the_last():
    files = {"a.png": b"1", "question.png": b"2", "b.png": b"3"}
    assert the_image(Result(True, "", files, {}, "", "")) == ("question.png", b"2")
    del files["question.png"]
    assert the_image(Result(True, "", files, {}, "", "")) == ("b.png", b"3")
    assert the_image(Result(True, "", {"a.png": b"1"}, {}, "", "")) == ("a.png", b"1")
    with pytest.raises(ValueError, match="no image"):
        the_image(Result(False, "it failed", {}, {}, "", ""))


def test_a_run_that_failed_gives_its_own_reason():
    failed = Result(False, "line 3: NameError: name 'np' is not defined", {"question.png": png(picture())}, {}, "", "")
    assert positive_problem(failed, CAPTION) == failed.reason
    assert negative_problem(result(), failed, CAPTION) == failed.reason
    assert positive_problem(Result(True, "", {}, {}, "", "")) == "no image"
    assert positive_problem(Result(True, "", {"question.png": b"GIF89a"}, {}, "", "")) == "not an image"
    assert positive_problem(Result(True, "", {"question.png": png(picture())[:900]}, {}, "", "")) == "not an image"


@pytest.mark.parametrize(
    ("image", "problem"),
    [
        (Image.new("RGB", SIZE, "white"), "blank"),
        (Image.new("RGBA", SIZE, (0, 0, 0, 0)), "blank"),
        (Image.new("L", SIZE, 255), "blank"),
        (picture((200, 150), corners=[(40, 120), (160, 120), (80, 30)]), "image too small"),
        (picture(background="black", colour="white"), "background not white"),
        (picture(colour=(31, 119, 180)), "colour other than black"),
        (picture(colour=(60, 60, 60)), ""),
        (picture(strokes=[((300, 200), (640, 200))]), "cut off at the edge"),
        (picture(strokes=[((300, 200), (300, -5))]), "cut off at the edge"),
        (picture(strokes=[((300, 200), (630, 200))]), ""),
    ],
)
def test_pictures_that_are_empty_cut_off_or_not_black_on_white(image, problem):
    assert positive_problem(result(image, texts=())) == problem


def test_transparent_pictures_are_seen_on_white():
    image = picture().convert("RGBA")
    image.putalpha(Image.fromarray(np.where(np.asarray(image.convert("L")) < 128, 255, 0).astype(np.uint8)))
    assert positive_problem(result(image, texts=())) == ""
    assert looks_the_same(png(image), png(picture()))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (Text("C", 230, -4, 250, 16, 0), "a label is cut off at the edge"),
        (Text("C", 700, 60, 720, 80, 0), "a label is cut off at the edge"),
        (Text("C", 230, -1, 250, 19, 0), ""),  # the box has room above the letter
        (Text("C", 230, 60, 250, 80, 8), ""),
        (Text("C", 230, 60, 250, 80, 352), ""),
        (Text("C", 230, 60, 250, 80, 20), "a label is not upright"),
        (Text("$C_1$", 230, 60, 250, 80, 90), "a label is not upright"),
        (Text("C(1, 2)", 230, 60, 250, 80, 180), "a label is not upright"),
        (Text("5", 230, 60, 250, 80, 300), ""),  # a number along its side
        (Text("AB = 5", 230, 60, 250, 80, 90), ""),
        (Text("5", 230, 60, 250, 80, 180), "a label is not upright"),
        (Text("5", 230, 60, 250, 80, 225), "a label is not upright"),
        (Text("Triangle ABC", 250, 10, 390, 30, 0), "a title"),
        (Text("$y = 2x + 1$", 250, 10, 390, 30, 0), ""),
        (Text("10 units", 250, 10, 390, 30, 0), ""),
        (Text("right angle", 250, 300, 390, 320, 0), ""),  # a note inside the figure is no title
    ],
)
def test_labels_are_whole_upright_and_no_titles(text, problem):
    assert positive_problem(result(texts=(A, B, text))) == problem


def test_labels_do_not_lie_over_one_another():
    over = Text("D", 95, 383, 115, 403, 0)
    touching = Text("D", 106, 380, 126, 400, 0)
    assert positive_problem(result(texts=(A, B, C, over))) == "labels overlap"
    assert positive_problem(result(texts=(A, B, C, touching))) == ""
    assert positive_problem(result(texts=(A, B, C, A))) == ""  # a letter drawn twice in its place
    # The boxes of slanting texts overlap at their corners, where there is nothing.
    slanting = Text("12 cm", 300, 200, 340, 240, 45), Text("13 cm", 322, 205, 362, 245, 315)
    assert positive_problem(result(texts=(A, B, *slanting))) == ""


def test_hundreds_of_texts_are_no_labels():
    assert positive_problem(result(texts=(A, B, *[C] * 300))) == "too many texts"


def test_every_letter_of_the_caption_is_to_be_seen():
    lost = "letter C of the caption is not in the figure"
    assert positive_problem(result(texts=(A, B)), CAPTION) == lost
    assert positive_problem(result(picture(texts=(A, B)), texts=(A, B, C)), CAPTION) == lost  # written in white
    assert positive_problem(result(texts=(A, B, Text("BC = 4", 230, 60, 250, 80, 0))), CAPTION) == lost
    assert positive_problem(result(texts=(A, B, Text("$\\mathit{C}$", 230, 60, 250, 80, 0))), CAPTION) == ""
    assert positive_problem(result(texts=(A, B))) == ""  # no caption, no letters


def test_characters_that_the_font_lacks_are_told_by_matplotlib():
    warning = "UserWarning: Glyph 36793 (\\N{CJK UNIFIED IDEOGRAPH-8FB9}) missing from font(s) DejaVu Sans."
    assert positive_problem(result(stderr=warning)) == "a character without a glyph"


@pytest.mark.parametrize(
    ("caption", "letters"),
    [
        ("In △ABC, AB = 5 and ∠BCD = 30°.", "A B C D"),
        ("A circle with centre O; A is a point on ⊙O.", "O A"),
        (r"$\triangle ABC \sim \triangle A'B'C'$", "A B C A' B' C'"),
        (r"$A^{\prime}$, $B^\prime$ and C″ are images.", "A' B' C''"),
        (r"$A_1$, $B_{2}$, C₃ and ${D}_{4}$ lie on line l.", "A1 B2 C3 D4"),
        (r"$\overline{AB} \parallel \overline{CD}$", "A B C D"),
        ("P(2, 3) is on the graph of y = kx + b in quadrant IV.", "P"),
        ("An L-shaped figure; the x-axis; by SAS.", ""),
        ("Rt△ABC with ∠C = 90°", "A B C"),
    ],
)
def test_the_letters_of_a_caption(caption, letters):
    assert letters_of_caption(caption) == set(letters.split())


@pytest.mark.parametrize(
    ("text", "letters", "is_name"),
    [
        ("A", "A", True),
        ("$I$", "I", True),
        ("A′", "A'", True),
        (r"$\mathbf{A'}$", "A'", True),
        (r"$A^{\prime\prime}$", "A''", True),
        ("$A_{1}$", "A1", True),
        ("A₁", "A1", True),
        ("B(0, −3)", "B", True),
        (r"$B\ (0,3)$", "B", True),
        ("⊙O", "O", False),
        ("O(A)", "O A", False),
        ("AB = 5", "", False),
        (r"$\angle ABC = 60^\circ$", "", False),
        ("$x$", "", False),
        ("5 cm", "", False),
    ],
)
def test_the_letters_of_a_figure(text, letters, is_name):
    assert letters_of_figure([text]) == set(letters.split())
    assert is_point_name(text) is is_name


def test_titles_and_labels():
    assert all(map(is_title, ("Figure 1", "Triangle ABC", "Geometry Problem", "Rectangle", "Find the value of x")))
    assert not any(map(is_title, ("AB = 5 cm", "10 units", r"$\angle ABC$", "y = sin x", "A(1, 2)", "l")))


# Negatives


def test_a_negative_must_have_the_size_of_its_positive_and_another_look():
    moved = picture(texts=(A, B, C), corners=[*TRIANGLE[:2], (250, 90)])
    assert negative_problem(result(), result(moved), CAPTION) == ""
    assert negative_problem(result(), result()) == "looks the same as the positive"
    by_a_hair = picture(texts=(A, B, C), corners=[*TRIANGLE[:2], (241, 90)])
    assert negative_problem(result(), result(by_a_hair), CAPTION) == "looks the same as the positive"
    larger = picture(size=(660, 480), texts=(A, B, C))
    assert negative_problem(result(), result(larger), CAPTION) == "another size than the positive"
    assert negative_problem(result(), result(Image.new("RGB", SIZE, "white"), texts=())) == "blank"
    assert negative_problem(result(), result(moved), "In △ABD") == "letter D of the caption is not in the figure"


def drawn(number="5", letter="C", dpi=100, shift=0.0, apex=3.0, reverse=False, figsize=(6.4, 4.8)):
    sheet = Sheet(figsize, dpi=dpi)
    axes = sheet.add_axes((0.1 + shift / 640, 0.1 + shift / 480, 0.8, 0.8))
    corners = [(0, 0), (5, 0), (apex, 4), (0, 0)]
    axes.plot(*zip(*(corners[::-1] if reverse else corners), strict=True), color="black", linewidth=1.5)
    for text, place in (("A", (-0.3, -0.2)), ("B", (5.1, -0.2)), (letter, (3, 4.1)), (number, (2.5, -0.4))):
        axes.text(*place, text, fontsize=12)
    axes.set(xlim=(-1, 6), ylim=(-1, 5), aspect="equal")
    axes.axis("off")
    file = io.BytesIO()
    sheet.savefig(file, format="png")
    return file.getvalue()


@pytest.mark.parametrize("again", [{"dpi": 150}, {"dpi": 200}, {"shift": 0.5}, {"reverse": True}, {"apex": 3.01}])
def test_the_same_figure_rendered_again_looks_the_same(again):
    assert looks_the_same(drawn(), drawn(**again))


@pytest.mark.parametrize(
    "change",
    [{"number": "6"}, {"number": "8"}, {"number": ""}, {"letter": "D"}, {"letter": "G"}, {"apex": 3.15},
     {"figsize": (6.4, 6.4)}],
)  # fmt: skip
def test_a_changed_figure_looks_different(change):
    assert not looks_the_same(drawn(), drawn(**change))


def test_the_distance_is_nil_for_the_same_and_the_same_both_ways():
    one, two = drawn(), drawn(number="6")
    assert picture_distance(one, one) == 0
    assert picture_distance(one, png(opened(one))) == 0  # other bytes, the same pixels
    assert picture_distance(one, two) == pytest.approx(picture_distance(two, one), abs=1e-4)
    assert picture_distance(one, two) > VISIBLE


@pytest.mark.parametrize("row", [0, 1, 100, 334, 335])
def test_a_stroke_counts_wherever_it_lies(row):
    white = np.zeros((336, 336), np.float32)
    stroke = white.copy()
    stroke[row, 100:130] = 1
    assert ink_distance(white, stroke) > 2 * VISIBLE
    assert ink_distance(stroke.T, white) > 2 * VISIBLE


def test_a_rounded_side_is_no_difference():
    ink = np.zeros((252, 336), np.float32)
    ink[100:150, 80] = 1
    taller = np.zeros((253, 336), np.float32)
    taller[:252] = ink
    assert ink_distance(ink, taller) == 0
    assert ink_distance(ink, np.zeros((260, 336), np.float32)) == np.inf


def test_what_is_no_image_is_said():
    with pytest.raises(ValueError, match="cannot be opened"):
        looks_the_same(b"no image", drawn())
