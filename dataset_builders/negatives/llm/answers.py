"""Reading answers strictly: what is not in the form that was asked for is refused, with a complaint for the model."""

import json
import re

MOST_CHARACTERS = 2_000  # of a caption
_THOUGHT = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_FENCED = re.compile(r"^[ \t]*```[^\n`]*\n(.*?)^[ \t]*```[ \t]*$", re.DOTALL | re.MULTILINE)
_FENCE = re.compile(r"^[ \t]*```", re.MULTILINE)
_NUMBERED = re.compile(r"(\d+)\s*[.)]\s+(\S.*)")
_INTRODUCTION = re.compile(
    r"(?:here (?:is|are)|sure|certainly|of course|okay|(?:the|this) (?:figure|diagram|image|picture|script|geometry)"
    r"[\w ]* (?:shows?|depicts?|illustrates?|draws?|displays?|contains?)|in (?:the|this) (?:figure|diagram|image))\b",
    re.IGNORECASE,
)
_STYLE = re.compile(
    r"\b(dotted|dashed|solid (?:line|stroke)|dots?|tick(?:s| marks?)|matplotlib|python|script|pixels?)\b",
    re.IGNORECASE,
)


class FormError(ValueError):
    """An answer that is not in the form asked for.

    Attributes:
        reason: In a few words, to be counted.
    """

    def __init__(self, complaint: str, reason: str):
        super().__init__(complaint)
        self.reason = reason


def plain(text: str, finish: str) -> str:
    """The text of an answer without the thoughts that some models put before it.

    Raises:
        FormError: if it was cut off, or there is none.
    """
    if finish == "length":
        raise FormError("it was cut off at the greatest length allowed; be shorter.", "cut off at the length limit")
    text = _THOUGHT.sub("", text).strip()
    if not text:
        raise FormError("it is empty.", "empty answer")
    return text


def code_block(text: str) -> str:
    """The content of the one fenced code block.

    Raises:
        FormError: if there is none, or more than one.
    """
    blocks = _FENCED.findall(text)
    if len(blocks) != 1 or len(_FENCE.findall(text)) != 2:
        count = max(len(blocks), len(_FENCE.findall(text)) // 2)
        found = (
            "no fenced code block" if not count else f"{count} fenced code blocks" if count > 1 else "an open fence"
        )
        raise FormError(f"it has {found} where exactly one fenced code block is asked for.", f"{found} in the answer")
    if not blocks[0].strip():
        raise FormError("its code block is empty.", "empty code block")
    return blocks[0].strip() + "\n"


def one_caption(text: str) -> str:
    """A description in one paragraph.

    Raises:
        FormError: for Markdown, an introduction, talk of strokes and dots, or too long a text.
    """
    if "```" in text or re.search(r"^\s*(?:#|[-*] |\d+[.)] )|\*\*", text, re.MULTILINE):
        raise FormError("it has Markdown where plain text is asked for.", "Markdown in the caption")
    text = " ".join(text.split())
    if len(text) > MOST_CHARACTERS:
        raise FormError(f"it has {len(text)} characters; at most {MOST_CHARACTERS} are read.", "too long a caption")
    if _INTRODUCTION.match(text):
        raise FormError(
            "it begins with an introduction; begin with the first statement.", "introduction in the caption"
        )
    if found := _STYLE.search(text):
        raise FormError(
            f'it speaks of "{found[0]}"; say what the figure is, not how it is drawn.',
            "talk of strokes in the caption",
        )
    return text


def captions(text: str, count: int) -> list[str]:
    """Exactly `count` descriptions: a numbered list, one to a line, or a JSON list of texts, fenced or not.

    Raises:
        FormError: for any other number, or for anything beside them.
    """
    block = _FENCED.fullmatch(text.strip())
    inside = (block[1] if block else text).strip()
    if inside.startswith("["):
        try:
            found = json.loads(inside)
        except ValueError:
            raise FormError("its list is not JSON.", "captions in the wrong form") from None
        if not all(isinstance(each, str) and each.strip() for each in found):
            raise FormError("its list holds something other than texts.", "captions in the wrong form")
    else:
        lines = [line.strip() for line in inside.splitlines() if line.strip()]
        numbered = [_NUMBERED.fullmatch(line) for line in lines]
        if not all(numbered):
            raise FormError("it has lines beside the numbered descriptions.", "captions in the wrong form")
        if [int(each[1]) for each in numbered] != list(range(1, len(numbered) + 1)):
            raise FormError("its numbers are not 1, 2, 3 and so on.", "captions in the wrong form")
        found = [each[2] for each in numbered]
    if len(found) != count:
        raise FormError(
            f"it has {len(found)} descriptions where exactly {count} are asked for.", "wrong number of captions"
        )
    return [" ".join(each.split()) for each in found]
