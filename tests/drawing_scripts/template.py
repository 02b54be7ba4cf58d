"""A drawing script with gaps, and how they are filled."""

from typing import NamedTuple

LETTERS = ("ABCDEF", "PQRSTU", "MNKLGH")


class Template(NamedTuple):
    """A script with gaps, its caption, and the numbers of which one goes into `<<n>>`.

    `<<A>>` to `<<F>>` stand for letters, `<<save>>` for what ends the script.
    """

    name: str
    caption: str
    numbers: tuple[str, ...]
    code: str


def filled(template: Template, at: int, save: str, other: bool = False, swapped: bool = False) -> tuple[str, str]:
    """Code and caption of variation `at`.

    An edit of it takes the next number (`other`), or has its first two letters in each other's places (`swapped`).
    """
    letters, number = LETTERS[at % len(LETTERS)], template.numbers[(at // 2 + other) % len(template.numbers)]
    if swapped:
        letters = letters[1] + letters[0] + letters[2:]
    return _with(template.code.strip() + "\n", letters, number, save), _with(template.caption, letters, number, "")


def _with(text: str, letters: str, number: str, save: str) -> str:
    for gap, letter in zip("ABCDEF", letters, strict=True):
        text = text.replace(f"<<{gap}>>", letter)
    lines = []
    for line in text.replace("<<n>>", number).split("\n"):
        indent = line[: len(line) - len(line.lstrip())]
        lines.append("\n".join(indent + part for part in save.split("\n")) if line.strip() == "<<save>>" else line)
    return "\n".join(lines)
