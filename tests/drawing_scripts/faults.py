"""Scripts that go wrong, each with a part of the reason that running it gives, or with what the checks find.

A fault is a base script with one replacement, or a script of its own. All are to draw △ABC.
"""

from typing import NamedTuple


class Fault(NamedTuple):
    """A faulty script: whether running it fails, and a part of the reason, or else the checks' whole verdict."""

    name: str
    fails: bool
    verdict: str
    code: str


CAPTION = "In △ABC, AB = 5."

BASE = """\
import numpy as np
import matplotlib.pyplot as plt

fig, ax = plt.subplots(figsize=(6.4, 4.8))
A, B, C = np.array([0, 0]), np.array([5, 0]), np.array([2, 3.5])
ax.plot([A[0], B[0], C[0], A[0]], [A[1], B[1], C[1], A[1]], 'k-', lw=1.5)
ax.text(-0.3, -0.3, 'A', fontsize=14)
ax.text(5.1, -0.3, 'B', fontsize=14)
ax.text(2, 3.6, 'C', fontsize=14)
ax.text(2.5, -0.4, '5', fontsize=12)
ax.set_xlim(-1, 6)
ax.set_ylim(-1, 4.5)
ax.set_aspect('equal')
ax.axis('off')
plt.savefig('question.png', dpi=100)
"""

_SAVE = "plt.savefig('question.png', dpi=100)"
_C = "ax.text(2, 3.6, 'C', fontsize=14)"
_START = "fig, ax"


def edited(*changes: tuple[str, str]) -> str:
    """The base script with its parts replaced."""
    code = BASE
    for old, new in changes:
        if old not in code:
            raise ValueError(f"The base script has no {old!r}.")
        code = code.replace(old, new)
    return code


# The script does not run through: a part of the reason.
FAILING = (
    ("unclosed_bracket", "SyntaxError", edited(("np.array([5, 0])", "np.array([5, 0]"))),
    ("markdown_left", "SyntaxError", "Here is the code:\n```python\n" + BASE + "```\n"),
    ("indentation", "IndentationError", edited(("ax.set_aspect", "    ax.set_aspect"))),
    ("cut_off_in_a_string", "SyntaxError", BASE[: BASE.index("C', fontsize") + 1]),
    ("misspelt_name", "NameError", edited((_C, "ax.text(C[0], C[1] + h, 'C')"))),
    ("missing_import", "NameError", edited(("import numpy as np\n", ""))),
    ("no_such_module", "ModuleNotFoundError", edited(("import numpy as np", "import numpy as np\nimport manim"))),
    ("no_such_method", "AttributeError", edited(("ax.set_aspect('equal')", "ax.equal_aspect()"))),
    ("no_such_keyword", "AttributeError", edited(("fontsize=12)", "fontsize=12, border=2)"))),
    ("add_patch_of_nothing", "TypeError", edited((_C, _C + "\nax.add_patch(plt.Circle())"))),
    ("wrong_shapes", "ValueError", edited(("A[1]], 'k-'", "A[1], 0], 'k-'"))),
    ("latex_unknown_to_mathtext", "ValueError", edited(("'5'", r"r'$\parallelogram ABCD$'"))),
    ("unbalanced_mathtext", "ValueError", edited(("'5'", r"r'$\frac{5}{2$'"))),
    ("usetex", "", edited((_START, "plt.rcParams['text.usetex'] = True\nfig, ax"))),
    ("style_that_is_gone", "OSError", edited((_START, "plt.style.use('seaborn-whitegrid')\nfig, ax"))),
    ("subprocess", "starting another program", edited((_START, "import subprocess\nsubprocess.run(['ls'])\nfig, ax"))),
    ("os_system", "starting another program", edited((_START, "import os\nos.system('pip install manim')\nfig, ax"))),
    (
        "download",
        "network",
        edited((_START, "from urllib.request import urlopen\nurlopen('http://localhost:1/a.png')\nfig, ax")),
    ),
    ("reads_a_file", "refused", edited((_START, "users = open('/etc/passwd').read()\nfig, ax"))),
    ("lacks_a_file", "FileNotFoundError", edited((_START, "data = np.loadtxt('points.csv')\nfig, ax"))),
    ("asks", "EOFError", edited(("A, B, C =", "side = float(input('side: '))\nA, B, C ="))),
    ("endless_loop", "CPU time", edited((_SAVE, "while True:\n    pass\n" + _SAVE))),
    ("sleeps", "ran longer than", edited((_SAVE, "import time\ntime.sleep(3600)\n" + _SAVE))),
    ("divides_by_zero", "ZeroDivisionError", edited(("'5'", "str(5 / (B[1] * 1.0).item())"))),
    ("recursion", "RecursionError", edited((_C, "def f(n):\n    return f(n + 1)\nf(0)"))),
    ("leaves", "sys.exit", edited((_SAVE, "import sys\nsys.exit('cannot draw this')"))),
    ("huge_dpi", "pixels", edited(("dpi=100", "dpi=2400"))),
    ("huge_array", "MemoryError", edited(("'5'", "str(np.ones((40_000, 40_000)).sum())"))),
    ("draws_nothing", "without saving an image", "print('The figure shows a triangle ABC with AB = 5.')\n"),
    ("assertion", "AssertionError", edited((_SAVE, "assert np.linalg.norm(C - B) == 5\n" + _SAVE))),
    (
        "unknown_marker",
        "ValueError",
        edited((_C, _C + "\nax.scatter([2], [3.5], marker='circle')")),
    ),
    ("patch_without_keyword", "TypeError", edited((_C, "from matplotlib.patches import Arc\nArc((0, 0), 1)"))),
)

# The script runs through, and its picture has the fault: what the checks find.
FLAWED = (
    ("empty_figure", "blank", "import matplotlib.pyplot as plt\nplt.figure()\nplt.savefig('question.png')\n"),
    ("closed_before_saving", "blank", edited((_SAVE, "plt.close()\n" + _SAVE))),
    (
        "new_figure_before_saving",
        "blank",
        edited((_SAVE, "plt.show()\nplt.figure(figsize=(6, 6))\n" + _SAVE)),
    ),
    ("white_on_white", "blank", edited(("'k-'", "'w-'"), ("fontsize=14", "color='w'"), ("fontsize=12", "color='w'"))),
    ("looks_elsewhere", "blank", edited(("-1, 6)", "100, 160)"), ("fontsize=14", "clip_on=True"), ("'5'", "''"))),
    ("tiny", "image too small", edited(("(6.4, 4.8)", "(1.5, 1.2)"))),
    ("low_dpi", "image too small", edited(("dpi=100", "dpi=20"))),
    ("dark_background", "background not white", edited((_START, "plt.style.use('dark_background')\nfig, ax"))),
    ("beige_background", "background not white", edited(("(6.4, 4.8)", "(6.4, 4.8), facecolor='wheat'"))),
    ("default_colours", "colour other than black", edited(("'k-', ", ""))),
    ("red_point", "colour other than black", edited((_C, _C + "\nax.plot(2, 3.5, 'ro', markersize=8)"))),
    ("blue_fill", "colour other than black", edited((_C, _C + "\nax.fill(*zip(A, B, C), color='skyblue')"))),
    ("green_label", "colour other than black", edited(("'5', ", "'length: 5', color='green', "))),
    (
        "axes_as_large_as_the_canvas",
        "cut off at the edge",
        edited(
            ("ax.set_aspect('equal')", "ax.set_position([0, 0, 1, 1])"),
            ("-1, 6)", "0.5, 5.5)"),
            ("-0.3, -0.3", "1, 0.3"),
        ),
    ),
    (
        "circle_over_the_edge",
        "cut off at the edge",
        edited((_C, _C + "\nax.add_patch(plt.Circle((2.5, 1.5), 5, fill=False, clip_on=False))")),
    ),
    (
        "frame_at_the_edge",
        "cut off at the edge",
        edited(
            ("(6.4, 4.8)", "(6.4, 4.8), edgecolor='black', linewidth=4"), ("dpi=100", "dpi=100, edgecolor='black'")
        ),
    ),
    ("label_over_the_edge", "a label is cut off at the edge", edited(("2, 3.6", "2, 5.0"), ("(5.1", "(7.5"))),
    (
        "long_label",
        "a label is cut off at the edge",
        edited(("'5'", "'AB = 5 is the base of the given triangle ABC'")),
    ),
    ("title", "a title", edited((_C, _C + "\nax.set_title('Triangle ABC')"))),
    ("title_of_the_figure", "a title", edited((_C, _C + "\nplt.suptitle('Figure for Problem 7')"))),
    ("chinese", "a character without a glyph", edited(("'5'", "'边长 5'"))),
    ("letters_on_their_side", "a label is not upright", edited((_C, "ax.text(2, 3.6, 'C', rotation=90)"))),
    ("letters_upside_down", "a label is not upright", edited((_C, "ax.text(2, 3.6, 'C', rotation=180)"))),
    ("slanting_letter", "a label is not upright", edited((_C, "ax.text(2, 3.6, '$C$', rotation=30)"))),
    ("upside_down_number", "a label is not upright", edited(("'5', ", "'5', rotation=180, "))),
    ("labels_over_one_another", "labels overlap", edited(("2.5, -0.4, '5'", "-0.25, -0.28, '5'"))),
    ("letters_in_one_place", "labels overlap", edited(("(2, 3.6", "(5.12, -0.28"))),
    ("another_letter", "letter C of the caption is not in the figure", edited(("'C'", "'D'"))),
    ("no_label", "letter C of the caption is not in the figure", edited((_C, ""))),
    (
        "letter_in_white",
        "letter C of the caption is not in the figure",
        edited((_C, "ax.text(2, 3.8, 'C', color='w')")),
    ),
    (
        "letter_cut_away",
        "letter C of the caption is not in the figure",
        edited((_C, "ax.text(2, 9, 'C', clip_on=True)")),
    ),
    ("small_letters", "letter A of the caption is not in the figure", edited(("'A'", "'a'"))),
    ("only_names_of_sides", "letter C of the caption is not in the figure", edited((_C, "ax.text(4, 2, 'BC')"))),
    (
        "drawn_with_pillow",
        "letter A of the caption is not in the figure",
        "from PIL import Image, ImageDraw\nimage = Image.new('RGB', (400, 300), 'white')\n"
        "draw = ImageDraw.Draw(image)\ndraw.polygon([(50, 250), (350, 250), (150, 60)], outline='black')\n"
        "draw.text((40, 255), 'A', fill='black')\ndraw.text((355, 255), 'B', fill='black')\n"
        "draw.text((150, 40), 'C', fill='black')\nimage.save('question.png')\n",
    ),
)

# Odd, but nothing is wrong with the picture.
HARMLESS = (
    ("two_pictures", edited((_C, "plt.savefig('step1.png')\n" + _C))),
    (
        "steps_after_the_picture",
        BASE + "plt.close('all')\nplt.figure()\nplt.plot([0, 1])\nplt.savefig('scratch.png')\n",
    ),
    ("saved_thrice", BASE + BASE.split("\n\n")[1] + "plt.savefig('./question.png')\n"),
    ("folder", edited(("'question.png'", "'output/figures/question.png'"))),
    ("makes_a_folder", edited((_SAVE, "import os\nos.makedirs('/content/out', exist_ok=True)\n" + _SAVE))),
    ("home", edited(("'question.png'", "'/home/user/Desktop/fig1.png'"))),
    ("jpg", edited(("'question.png'", "'question.jpg'"))),
    ("eps", edited((_SAVE, "plt.savefig('question.eps', format='eps')"))),
    (
        "bytes_io",
        edited((_SAVE, "import io\nbuffer = io.BytesIO()\nfig.savefig(buffer)\nplt.savefig('question.png')")),
    ),
    (
        "bytes_io_to_pillow",
        edited(
            (
                _SAVE,
                "import io\nfrom PIL import Image\nbuffer = io.BytesIO()\nfig.savefig(buffer, "
                "format='png')\nbuffer.seek(0)\nImage.open(buffer).save('copy.png')\n" + _SAVE,
            )
        ),
    ),
    ("left_open", edited((_SAVE, ""))),
    ("interactive", edited((_SAVE, "plt.ion()\nplt.draw()\nplt.pause(0.01)\n" + _SAVE))),
    (
        "qt",
        edited(("import matplotlib.pyplot", "import matplotlib\nmatplotlib.use('Qt5Agg')\nimport matplotlib.pyplot")),
    ),
    ("prints", edited((_SAVE, "print('AB =', np.linalg.norm(B - A))\n" + _SAVE + "\nprint('Saved!')"))),
    (
        "two_axes",
        edited(
            (_START, "fig = plt.figure(figsize=(9, 6))\nax = fig.add_subplot(1, 2, 1)\nother"),
            ("= plt.subplots(figsize=(6.4, 4.8))", "= fig.add_subplot(1, 2, 2)\nother.axis('off')"),
        ),
    ),
    ("framed_axes", edited(("ax.axis('off')", "ax.set_xticks([])\nax.set_yticks([])"))),
    ("fonts", edited((_START, "plt.rcParams['font.sans-serif'] = ['SimHei', 'DejaVu Sans']\nfig, ax"))),
    ("exits_well", BASE + "import sys\nsys.exit(0)\n"),
    ("tries", edited((_SAVE, "try:\n    import shapely_of_nobody\nexcept ImportError:\n    pass\n" + _SAVE))),
    ("dots", edited((_C, _C + "\nax.scatter(*zip(A, B, C), c='black', s=12)"))),
    (
        "sympy",
        edited(
            (
                _SAVE,
                "from sympy import Point, Triangle\narea = Triangle(Point(0, 0), Point(5, 0), "
                "Point(2, 3)).area\n" + _SAVE,
            )
        ),
    ),
)

FAULTS = (
    *(Fault(name, True, verdict, code) for name, verdict, code in FAILING),
    *(Fault(name, False, verdict, code) for name, verdict, code in FLAWED),
    *(Fault(name, False, "", code) for name, code in HARMLESS),
)
