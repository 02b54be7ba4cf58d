r"""The point letters that captions and figures name, in one spelling: `A'`, `$A^{\prime}$` and `A′` are the same.

    letters_of_caption(r"In △ABC, $A_{1}$ lies on AB, and line l ∥ BC.")   # {"A", "B", "C", "A1"}
    letters_of_figure(["$A$", "B(0, 3)", r"$\mathrm{C}$", "A₁", "AB = 5"])   # the same

Captions are read by their grammar, figures text by text.
"""

import re
from collections.abc import Iterable

from dataset_builders.negatives.grammar import LABEL, labels_of, read, tokenise

# What mathtext says of a letter's looks, and not of its name.
_LOOKS = re.compile(
    r"\\(?:mathrm|mathbf|mathit|mathsf|mathcal|mathbb|mathregular|mathdefault|boldsymbol|text|textbf|textit|textrm"
    r"|operatorname|overline|bar|vec|overrightarrow|overleftrightarrow|widehat|hat|rm|bf|it)(?![A-Za-z])"
)
_PRIME = r"(?:\\prime\s*|['′’‘])"
_PRIMES = re.compile(rf"\^\s*\{{\s*{_PRIME}+\}}|\^?\s*{_PRIME}+")
_SPACES = re.compile(r"\\[,;:! ]|\\q?quad(?![A-Za-z])|~")
_NO_POINTS = re.compile(r"\b[A-Z]-(?=[a-z])|\b[Qq]uadrants? (?:I{1,3}|IV)\b")  # L-shaped
_SMALL_DIGITS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_WORD = re.compile(r"[A-Za-z]{2,}")
_COORDINATES = re.compile(r"\([^()]*[,;][^()]*\)")


def letters_of_caption(caption: str) -> set[str]:
    """The capital letters, with primes and numbers, that a caption names points by, alone or in `△ABC` and `AB`."""
    reading = read(tokenise(_NO_POINTS.sub("", _plain(caption))))
    return {_spelt(label) for thing in reading.things for label in thing.labels if label[0].isupper()}


def letters_of_figure(strings: Iterable[str]) -> set[str]:
    """The letters that stand in a figure by themselves and so name a point, as in `A(1, 2)` and not in `AB = 5`."""
    return {_spelt(name) for string in strings for name in _names(string) if labels_of(name) == (name,)}


def is_point_name(string: str) -> bool:
    """Whether a figure's text is the name of a point, perhaps with its coordinates, and nothing else."""
    return LABEL.fullmatch(_COORDINATES.sub("", _plain(string)).strip(" $,")) is not None


def is_title(string: str) -> bool:
    """Whether a text is a heading or a sentence rather than a label: `Figure for Problem 3`, `Triangle ABC`."""
    if string.lstrip()[:1].isdigit():  # 10 units
        return False
    words = [word for word in _WORD.findall(re.sub(r"\\[A-Za-z]+", "", string)) if not word.isupper()]
    heading = any(len(word) > 3 for word in words) and len(string.split()) > 1
    return heading or len(words) > 2 or any(len(word) > 5 and word[0].isupper() for word in words)


def _names(string: str) -> list[str]:
    # Not by the captions' tokens: there "I" is a word, here it is a point.
    names = re.findall(rf"(?<![A-Za-z\\])(?:{LABEL.pattern})+(?![A-Za-z])", _plain(string))
    return [name.replace("$", "") for name in names]


def _plain(text: str) -> str:
    """The text without what only sets its looks, primes as apostrophes."""
    text = _SPACES.sub(" ", _LOOKS.sub("", text.replace("″", "′′")))
    text = _PRIMES.sub(lambda match: "'" * len(re.findall(_PRIME, match[0])), text)
    # `{A}`, left by a command that is gone, and `{A}_1`
    return re.sub(r"\{([A-Z]'*)\}", r"\1", text)


def _spelt(label: str) -> str:
    return re.sub(r"[_{}]", "", label).translate(_SMALL_DIGITS)
