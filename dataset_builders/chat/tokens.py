"""How many tokens a text has: a bound, a rule of thumb, or a tokenizer's own count."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

OVERHEAD = 128  # of a chat template: role marks, and the system message that some templates add
IMAGE = 2_000  # assumed of a picture of at most 1,024 pixels a side; endpoints count 250 to 1,600
_LETTERS = 4  # of English and of code, per token; a letter beyond ASCII counts as a token

Messages = Sequence[Mapping[str, Any]]


def most_tokens(messages: Messages) -> int:
    """A bound on the tokens of messages: tokenizers of today fall back on bytes, and none makes more of a text."""
    texts, images = _parts(messages)
    return OVERHEAD + sum(len(text.encode("utf-8", "replace")) for text in texts) + IMAGE * images


def about(text: str) -> int:
    """The rule of thumb: four ASCII characters are a token, and each other character is one."""
    plain = sum(character.isascii() for character in text)
    return math.ceil(plain / _LETTERS) + len(text) - plain


def counted(messages: Messages, count: Callable[[str], int] = about) -> int:
    """An estimate of the tokens of messages."""
    texts, images = _parts(messages)
    return sum(count(text) for text in texts) + IMAGE * images


def counter(tokenizer: str | None) -> Callable[[str], int]:
    """Counts by a tokenizer of transformers (name or folder), or by the rule of thumb if it is `None`.

    Raises:
        OSError: if there is no such tokenizer.
    """
    if tokenizer is None:
        return about
    from transformers import AutoTokenizer

    try:
        loaded = AutoTokenizer.from_pretrained(tokenizer)
    except (OSError, ValueError) as error:
        raise OSError(
            f"{tokenizer} is no tokenizer that can be loaded ({' '.join(str(error).split())[:200]})."
        ) from None
    return lambda text: len(loaded(text, add_special_tokens=False)["input_ids"])


def _parts(messages: Messages) -> tuple[list[str], int]:
    texts, images = [], 0
    for message in messages:
        content = message["content"]
        for part in [{"type": "text", "text": content}] if isinstance(content, str) else content:
            if part["type"] == "text":
                texts.append(part["text"])
            else:
                images += 1
    return texts, images
