"""How a conversation with diagrams is written for a language model: its own way where it has one, else as ChatML.

A LLaVA's template has to place images and to mark what the model is trained to say (`{% generation %}`), and no
language model's own does either. It is not rewritten by hand for each family: what stands between the turns is read
off what the template makes of a few conversations, and put into `own_turns.jinja`.

    <s>[INST] What is AB? [/INST] 6</s>     ->   start "<s>[INST] ", prompt " [/INST]", lead " ", end "</s>"
"""

import copy
import json
import logging
from importlib.resources import files
from typing import Any

from jinja2 import TemplateError
from transformers import AddedToken, PreTrainedTokenizerBase

logger = logging.getLogger(__name__)

IMAGE_TOKEN = "<image>"
CHATML_MARKS = ("<|im_start|>", "<|im_end|>")
CHATML_FAMILIES = ("qwen2", "qwen3")
_TEXTS = {"system": "the0system", "user": "the1question", "assistant": "the2answer"}
_TALKS = ("u", "ua", "uau", "uaua", "su", "sua", "suau", "suaua")
_ROLES = {"s": "system", "u": "user", "a": "assistant"}


def chat_tokenizer(tokenizer: PreTrainedTokenizerBase, model_type: str) -> tuple[PreTrainedTokenizerBase, list[int]]:
    """A copy of a language model's tokenizer that knows images and writes conversations.

    It has the token `<image>`, a padding token, pads on the left, and a chat template with `{% generation %}` marks:
    ChatML for the Qwens, the tokenizer's own for others, ChatML if that is missing or cannot be taken over (both are
    said in the log).

    Args:
        tokenizer (`PreTrainedTokenizerBase`): of the language model; left as it is.
        model_type (`str`): of the language model.

    Returns:
        The tokenizer, and the ids of the tokens that end an answer.

    Raises:
        ValueError: when the tokenizer is not one of the `tokenizers` library, whose file every reader of the model
            can load.
    """
    if not tokenizer.is_fast:
        raise ValueError(
            f"The tokenizer is a {type(tokenizer).__name__}, which is not saved as tokenizer.json; load the language "
            "model's tokenizer with AutoTokenizer."
        )
    tokenizer = copy.deepcopy(tokenizer)
    turns = None if model_type in CHATML_FAMILIES else own_turns(tokenizer)
    if turns is None:
        if model_type not in CHATML_FAMILIES:
            logger.warning(
                "The tokenizer %s: conversations are written as ChatML, with %s as tokens of their own.",
                "has no chat template" if tokenizer.chat_template is None else "has a chat template of another form",
                " and ".join(CHATML_MARKS),
            )
        tokenizer.chat_template = _template("chatml.jinja")
        _add_special(tokenizer, *CHATML_MARKS)
        end = CHATML_MARKS[1]
    else:
        logger.info("Conversations are written by the language model's own chat template, extended for images.")
        tokenizer.chat_template = _template("own_turns.jinja").replace("TURNS", _jinja(turns))
        end = turns["end"]
    _add_special(tokenizer, IMAGE_TOKEN)
    if tokenizer.pad_token is None:
        # Not the end token: what pads and what ends an answer must be told apart.
        _add_special(tokenizer, "<pad>")
        tokenizer.pad_token = "<pad>"
    tokenizer.padding_side = "left"
    tokenizer.init_kwargs["padding_side"] = "left"  # saved from here (transformers 5.24), not from the attribute
    last = tokenizer.encode(end, add_special_tokens=False)[-1]
    if last not in tokenizer.added_tokens_decoder:
        logger.warning("The template ends an answer with %r, which no single token stands for.", end)
    return tokenizer, [last] if last in tokenizer.added_tokens_decoder else []


def own_turns(tokenizer: PreTrainedTokenizerBase) -> dict[str, Any] | None:
    """What a tokenizer's chat template writes around the turns of a conversation, or `None` if it has no template or
    one that does more than that."""
    if tokenizer.chat_template is None:
        return None
    try:
        turns = _read_turns(tokenizer)
    except (TemplateError, ValueError, TypeError):
        return None
    ours = _template("own_turns.jinja").replace("TURNS", _jinja(turns))
    for talk in _TALKS if turns["system"] else [talk for talk in _TALKS if "s" not in talk]:
        # Where a system message becomes part of the question, only the outer spaces of both are stripped.
        for padding in ("",) if "s" in talk else ("", "\t"):
            for prompted in (False, True) if talk.endswith("u") else (False,):
                messages = _messages(talk, padding)
                if _render(tokenizer, messages, prompted) != _render(tokenizer, messages, prompted, ours):
                    return None
    return turns


def _read_turns(tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
    """Raises `ValueError` where the template does not write the texts one after the other."""
    start, user_close = _between(tokenizer, "u")
    _, prompt = _between(tokenizer, "u", prompted=True)
    _, to_answer, after = _between(tokenizer, "ua")
    _, _, to_question, _, _ = _between(tokenizer, "uaua")
    end = after.rstrip()
    if not end or not to_answer.startswith(prompt) or not to_question.startswith(end):
        raise ValueError("an answer has no end mark, or what follows a question depends on the answer")
    try:
        system = _between(tokenizer, "su")[:2]
    except (TemplateError, ValueError):
        system = None
    padded = _render(tokenizer, _messages("ua", "\t"))
    padded += _render(tokenizer, _messages("su", "\t")).split(_TEXTS["user"])[0] if system else ""
    return {
        "start": start,
        "system": system,
        "prompt": prompt,
        "lead": to_answer.removeprefix(prompt),
        "end": end,
        "between": to_question.removeprefix(end),
        "close": after[len(end) :],
        "user_close": user_close,
        "trimmed": [f"\t{text}\t" not in padded for text in _TEXTS.values()],
    }


def _between(tokenizer: PreTrainedTokenizerBase, talk: str, prompted: bool = False) -> list[str]:
    """What stands before, between and after the texts of a conversation."""
    messages = _messages(talk)
    rest, parts = _render(tokenizer, messages, prompted), []
    for message in messages:
        part, found, rest = rest.partition(message["content"])
        if not found:
            raise ValueError(f"the template leaves out the text of {message['role']}")
        parts.append(part)
    return [*parts, rest]


def _messages(talk: str, padding: str = "") -> list[dict[str, str]]:
    roles = [_ROLES[letter] for letter in talk]
    return [{"role": role, "content": padding + _TEXTS[role] + padding} for role in roles]


def _render(
    tokenizer: PreTrainedTokenizerBase, messages: list[dict[str, str]], prompted: bool = False, ours: str | None = None
) -> str:
    return tokenizer.apply_chat_template(messages, chat_template=ours, tokenize=False, add_generation_prompt=prompted)


def _jinja(turns: dict[str, Any]) -> str:
    """As a literal of Jinja, whose strings take JSON's escapes."""
    return json.dumps(turns)


def _template(name: str) -> str:
    return (files("mmgeolm") / name).read_text(encoding="utf-8")


def _add_special(tokenizer: PreTrainedTokenizerBase, *tokens: str) -> None:
    """Make each of the texts one token that decoding leaves out."""
    tokenizer.add_tokens([AddedToken(token, special=True, normalized=False) for token in tokens])
