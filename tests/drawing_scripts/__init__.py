"""200 drawing scripts of the kind language models write, and 82 pairs of scripts, with the verdicts they deserve.

    for script in scripts(200): script.code, script.caption, script.fails, script.verdict
    for pair in pairs(): pair.positive, pair.negative, pair.caption, pair.verdict

Templates times letters, numbers and endings, without randomness: the same scripts each time.
"""

from typing import NamedTuple

from drawing_scripts.coordinates import COORDINATES
from drawing_scripts.faults import BASE, CAPTION, FAULTS, edited
from drawing_scripts.plane import PLANE
from drawing_scripts.template import Template, filled

EVERYDAY = PLANE + COORDINATES

# What ends a script.
ENDINGS = (
    ("plain", "plt.savefig('question.png')"),
    ("tight", "plt.savefig('question.png', bbox_inches='tight', dpi=150)"),
    ("shown_after", "plt.savefig('question.png', dpi=200, bbox_inches='tight', pad_inches=0.1)\nplt.show()"),
    ("shown_before", "plt.show()\nplt.savefig('question.png')"),
    ("elsewhere", "plt.savefig('/mnt/data/question.png')\nplt.close()"),
    ("other_name", "plt.savefig('geometry_figure.png', dpi=100)"),
    ("only_shown", "plt.show()"),
    ("svg", "plt.savefig('question.svg', format='svg')\nplt.show()"),
    ("pdf", "plt.savefig('figure.pdf')"),
    ("fine", "plt.savefig('question.png', dpi=300)"),
    ("transparent", "plt.savefig('question.png', transparent=True)"),
    ("of_the_figure", "plt.gcf().savefig('question.png', facecolor='white')\nplt.close(plt.gcf())"),
)


class Script(NamedTuple):
    """A script, and what is to come of it: `verdict` is part of the reason of a run that `fails`, else the checks'."""

    name: str
    code: str
    caption: str
    fails: bool
    verdict: str


class Pair(NamedTuple):
    """A script, an edited one with its caption, and the verdict on the second's picture beside the first's."""

    name: str
    positive: str
    negative: str
    caption: str
    verdict: str


def scripts(count: int = 200) -> list[Script]:
    """All faults, and so many of the everyday scripts that there are `count`."""
    faulty = [Script(name, code, CAPTION, fails, verdict) for name, fails, verdict, code in FAULTS]
    everyday = [
        Script(f"{template.name}-{ending}-{at}", *filled(template, at, save), False, "")
        for at, (template, ending, save) in enumerate(_spread())
    ]
    return faulty + everyday[: max(0, count - len(faulty))]


def pairs() -> list[Pair]:
    """Edits that show, edits that do not, and edits that spoil the picture."""
    made = []
    save = ENDINGS[0][1]
    for at, template in enumerate(EVERYDAY):
        code, caption = filled(template, at, save)
        other, other_caption = filled(template, at, save, other=True)
        made.append(Pair(f"{template.name}-number", code, other, other_caption, ""))
        swapped, swapped_caption = filled(template, at, save, swapped=True)
        if swapped != code:
            made.append(Pair(f"{template.name}-letters", code, swapped, swapped_caption, ""))
        made.append(Pair(f"{template.name}-same", code, f"# A second version\n{code}", caption, _SAME))
    return made + [Pair(name, BASE, negative, caption, verdict) for name, negative, caption, verdict in _OF_THE_BASE]


_SAME = "looks the same as the positive"
_SIZE = "another size than the positive"
_OF_THE_BASE = (
    ("vertex_moved", edited(("[2, 3.5]", "[2.3, 3.5]")), CAPTION, ""),
    ("letter_moved", edited(("(2, 3.6", "(2.3, 3.6")), CAPTION, ""),
    ("6_for_5", edited(("'5'", "'6'")), "In △ABC, AB = 6.", ""),
    ("side_added", edited(("ax.axis", "ax.plot([2, 2], [0, 3.5], 'k-')\nax.axis")), CAPTION, ""),
    ("side_dashed", edited(("'k-'", "'k--'")), CAPTION, ""),
    ("mark_added", edited(("ax.axis", "ax.add_patch(plt.Circle((2, 1), .3, fill=False))\nax.axis")), CAPTION, ""),
    ("dot_added", edited(("ax.axis", "ax.plot(2, 3.5, 'ko', markersize=6)\nax.axis")), CAPTION, ""),
    ("no_number", edited(("'5'", "''")), "In △ABC, AB ⊥ BC.", ""),
    ("other_letter", edited(("'C'", "'D'")), "In △ABD, AB = 5.", ""),
    ("saved_elsewhere", edited(("'question.png'", "'/tmp/negative_3.png'")), CAPTION, _SAME),
    ("a_hair_aside", edited(("[2, 3.5]", "[2.005, 3.5]")), CAPTION, _SAME),
    ("all_a_hair_aside", edited(("-1, 6)", "-0.994, 6.006)")), CAPTION, _SAME),
    ("a_hair_bolder", edited(("lw=1.5", "lw=1.6")), CAPTION, _SAME),
    ("drawn_backwards", edited(("B[0], C[0]", "C[0], B[0]"), ("B[1], C[1]", "C[1], B[1]")), CAPTION, _SAME),
    ("dark_grey", edited(("'k-'", "'-', color='#111111'")), CAPTION, _SAME),
    ("another_dpi", edited(("dpi=100", "dpi=120")), CAPTION, _SIZE),
    ("another_figsize", edited(("(6.4, 4.8)", "(6, 6)"), ("'5'", "'6'")), CAPTION, _SIZE),
    ("letter_lost", edited(("'C'", "'D'")), CAPTION, "letter C of the caption is not in the figure"),
    ("label_over_the_edge", edited(("(5.1", "(7.5")), CAPTION, "a label is cut off at the edge"),
    ("title_added", edited(("ax.axis", "plt.title('Negative Example')\nax.axis")), CAPTION, "a title"),
    ("blank", edited(("plt.savefig", "plt.close()\nplt.savefig")), CAPTION, "blank"),
)  # fmt: skip


def _spread() -> list[tuple[Template, str, str]]:
    """Templates with endings, such that the first ones already have all templates and all endings."""
    count, num_endings = len(EVERYDAY), len(ENDINGS)
    order = [(at % count, (at + at // count) % num_endings) for at in range(count * num_endings)]
    return [(EVERYDAY[i], *ENDINGS[j]) for i, j in order]
