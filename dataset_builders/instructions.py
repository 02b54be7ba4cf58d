"""The Instructions record: images and a conversation about them, in trl's conversational vision format.

    {"id": "7", "images": ["figures/7.png"], "source": "my figures",
     "messages": [{"role": "user", "content": "How long is AB?"}, {"role": "assistant", "content": "6"}]}

`content` is plain text without any mark for the images: trl puts all of a record's images before the first user turn,
and text keeps one type in Arrow, where content lists come back with a `None` in every part. Train on it with
`assistant_only_loss=True`; without that trl's loss falls on the questions and image tokens as well.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from datasets import Dataset, Features, Image, List, Value

from dataset_builders.records import BadRecord, Problem, check_unicode, checked_dataset, checked_image, misspelt

INSTRUCTIONS = Features(
    {
        "id": Value("string"),
        "images": List(Image()),
        "messages": List({"role": Value("string"), "content": Value("string")}),
        "source": Value("string"),
    }
)
"""The schema. `images` may be empty; `messages` are an optional `system` turn, then `user` and `assistant` by turns,
an answer last; `source` names the data set and its licence."""

IMAGE_MARK = "<image>"
_LLAVA_ROLES = {"human": "user", "gpt": "assistant", "system": "system"}
_AROUND_MARK = re.compile(r"\s*<image>\s*")


def instructions_dataset(
    records: Iterable[Mapping[str, Any] | BadRecord], origin: str
) -> tuple[Dataset, list[BadRecord]]:
    """Checks records and makes an Instructions data set of the good ones.

    Args:
        records: Mappings with the fields of [`INSTRUCTIONS`]. `messages` is required; without `images` the record is
            text only. An image is a path, a `PIL.Image.Image`, the encoded bytes, or `{"path": ..., "bytes": ...}`; a
            path stays a path, and only its header is read. `content` may be a list of `{"type": "image"}` and
            `{"type": "text", "text": ...}` as well; its texts are joined and its images counted.
        origin: The file or other place the records come from, named in messages.

    Returns:
        The data set, in the records' order, and the records that were left out.

    Raises:
        ValueError: if there are records and every one of them is bad.
    """
    return checked_dataset(records, origin, INSTRUCTIONS, _checked)


def from_llava(turns: Any, images: Sequence[Any], id: Any = None, source: str = "") -> dict[str, Any]:
    """An Instructions record from LLaVA's `conversations`: `[{"from": "human", "value": "<image>\\nHow …?"}, …]`.

    The marks `<image>` are taken out of the questions, wherever they stand; LLaVA moves them to the front as well. A
    conversation without any mark is taken for one about all of `images`.

    Raises:
        Problem: if it is no such conversation, or has another number of marks than there are images.
    """
    if not isinstance(turns, list) or not all(isinstance(turn, Mapping) for turn in turns) or not turns:
        raise Problem("conversations", 'it must be a list of turns such as {"from": "human", "value": "…"}.')
    messages, marks = [], 0
    for place, turn in enumerate(turns):
        role, text = _LLAVA_ROLES.get(str(turn.get("from"))), turn.get("value")
        if role is None:
            raise Problem("conversations", f"turn {place} is from {turn.get('from')!r}; known are human, gpt, system.")
        if role == "user" and isinstance(text, str):
            marks += text.count(IMAGE_MARK)
            text = _AROUND_MARK.sub("\n", text).strip()
        messages.append({"role": role, "content": text})
    if marks not in (0, len(images)):
        count = len(images)
        raise Problem("conversations", f"it has {marks} marks {IMAGE_MARK} for {count} images; give one to each.")
    return {"id": id, "images": list(images), "messages": messages, "source": source}


def _checked(record: Mapping[str, Any], index: int, seen_paths: set[str]) -> dict[str, Any]:
    if not isinstance(record, Mapping):
        raise Problem("record", f"it is a {type(record).__name__}; it must be an object with named fields.")
    for name in record:
        if wanted := misspelt(name, record, tuple(INSTRUCTIONS)):
            raise Problem(str(name), f"no such field; did you mean `{wanted}`?")
    if record.get("messages") is None:
        raise Problem("messages", f"it is missing; the record has {sorted(map(str, record))}.")
    images = record.get("images")
    images = [] if images is None else images
    if not isinstance(images, list | tuple):
        raise Problem("images", f"it is a {type(images).__name__}; it must be a list, which may be empty.")
    source = record.get("source")
    row = {
        "id": str(index) if record.get("id") in (None, "") else str(record["id"]),
        "messages": _checked_messages(record["messages"], len(images)),
        "source": "" if source is None else source,
    }
    if not isinstance(row["source"], str):
        raise Problem("source", f"it is {source!r}; it must be text.")
    check_unicode("source", row["source"])
    check_unicode("id", row["id"])
    row["images"] = [checked_image(image, "images", seen_paths) for image in images]
    return row


def _checked_messages(messages: Any, num_images: int) -> list[dict[str, str]]:
    if not isinstance(messages, list | tuple) or not all(isinstance(message, Mapping) for message in messages):
        raise Problem("messages", 'it must be a list of turns such as {"role": "user", "content": "…"}.')
    parts = sum(_image_parts(message.get("content")) for message in messages)
    if parts not in (0, num_images):
        raise Problem("messages", f"it has {parts} image parts for {num_images} images; give one to each, or none.")
    checked = []
    for place, message in enumerate(messages):
        text = _text(message.get("content"))
        if not isinstance(text, str) or not text.strip():
            raise Problem("messages", f"turn {place} says {text!r}; it must be a text that is not empty.")
        if IMAGE_MARK in text:
            raise Problem(
                "messages", f"turn {place} has the mark {IMAGE_MARK} in its text; images are in `images`, take it out."
            )
        check_unicode("messages", text)
        checked.append({"role": message.get("role"), "content": text})
    roles = [message["role"] for message in checked]
    turns = roles[1:] if roles[:1] == ["system"] else roles
    if not turns or len(turns) % 2 or turns != ["user", "assistant"] * (len(turns) // 2):
        raise Problem("messages", f"its roles are {roles}; user and assistant must take turns, an answer last.")
    return checked


def _image_parts(content: Any) -> int:
    return sum(_is_image(part) for part in content) if isinstance(content, list | tuple) else 0


def _is_image(part: Any) -> bool:
    return isinstance(part, Mapping) and part.get("type") == "image"


def _text(content: Any) -> Any:
    """The text of a content list; anything else as it is."""
    if not isinstance(content, list | tuple):
        return content
    texts = [part.get("text") for part in content if isinstance(part, Mapping) and part.get("type") == "text"]
    return "\n".join(texts) if texts and all(isinstance(text, str) for text in texts) else None
