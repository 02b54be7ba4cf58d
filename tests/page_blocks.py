"""The blocks of a page in Markdown, and the commands in those that are for a shell."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from dataset_builders.diagram.program import ProgramError, parse

PROGRAMS = ("mmgeolm", "python", "pip", "make", "pytest", "accelerate", "git", "cp", "for", "sbatch", "hf", "mkdocs")
SHELL = re.compile(rf"(?:\w+=\S*\s+)*(?:\.venv/bin/|examples/runs/)?(?:{'|'.join(PROGRAMS)}|\w+\.sh)\s")


class Block(NamedTuple):
    """A block of a page.

    Attributes:
        page (`Path`): where it stands.
        line (`int`): its first line.
        language (`str`): of a fenced block; empty for an indented one.
        text (`str`): without fence and indentation.
    """

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    """The fenced and the indented blocks of a page, in order."""
    lines = markdown(page).splitlines()
    at = 0
    while at < len(lines):
        line = lines[at]
        if line.startswith("```"):
            end = next((n for n in range(at + 1, len(lines)) if lines[n].startswith("```")), None)
            assert end is not None, f"{page}: the block that begins in line {at + 1} does not end"
            yield Block(page, at + 2, line[3:].strip() or "text", "\n".join(lines[at + 1 : end]))
            at = end + 1
        elif line.startswith("    ") and line.strip() and (at == 0 or not lines[at - 1].strip()):
            end = at
            while end < len(lines) and (lines[end].startswith("    ") or not lines[end].strip()):
                end += 1
            yield Block(page, at + 1, "", "\n".join(line[4:] for line in lines[at:end]).strip("\n"))
            at = end
        else:
            at += 1


def markdown(page: Path) -> str:
    """The text of a page, or of a notebook's cells that are text."""
    text = page.read_text(encoding="utf-8")
    if page.suffix != ".ipynb":
        return text
    cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "markdown"]
    return "\n\n".join("".join(cell["source"]) for cell in cells)


def prose(page: Path) -> str:
    """A page without its blocks."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.S | re.M)
    return "\n".join(line for line in text.splitlines() if not line.startswith("    "))


def is_shell(block: Block) -> bool:
    """Whether a block is a command line, or several."""
    first = next((line for line in block.text.splitlines() if line.strip() and not line.startswith("#")), "")
    return block.language == "bash" or (block.language == "" and bool(SHELL.match(f"{first.strip()} ")))


def is_program(block: Block) -> bool:
    """Whether a block is of the diagram language, which looks like Python."""
    try:
        return bool(parse(block.text).statements)
    except ProgramError:
        return False


def is_python(block: Block) -> bool:
    """Whether a block is Python that can stand by itself: fenced as such, or with an import."""
    if block.language == "":
        return not is_shell(block) and re.search(r"^(import|from) \w", block.text, re.M) is not None
    return block.language == "python" and not is_program(block)


def commands(text: str) -> Iterator[list[str]]:
    """The words of each command of a shell block, without comments, here-documents and what goes into a file."""
    text = re.sub(r"<<\s*'?(\w+)'?\n.*?\n\1\b", "", text, flags=re.S).replace("\\\n", " ")
    begun = ""
    for line in text.splitlines():
        if not begun and ("…" in line or re.match(r"mmgeolm [\w ]+: ", line)):
            continue  # a form to be filled in, or what a command said
        begun += line
        try:
            words = split(begun)
        except ValueError:  # within quotes
            begun += "\n"
            continue
        begun = ""
        command: list[str] = []
        for word in [*words, ";"]:
            if word and set(word) <= set(";&|"):
                if command:
                    yield command
                command = []
            elif command or not re.fullmatch(r"\w+=.*|do", word):
                command.append(word)
    assert not begun, f"quotes are not closed: {begun}"


def split(line: str) -> list[str]:
    """The words of a line; `;`, `&&` and `|` are words of their own."""
    lexer = shlex.shlex(re.sub(r"\s(2?>|&>)\s*\S+", "", line), posix=True, punctuation_chars=";&|")
    lexer.whitespace_split, lexer.commenters = True, "#"
    return list(lexer)
