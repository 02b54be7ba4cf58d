"""One question to the model, in a form that is asked for: an answer in another form is asked for again, once."""

import asyncio
import base64
import io
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from PIL import Image

from dataset_builders.chat import Answer, Chat, Request
from dataset_builders.negatives.llm.answers import FormError, plain
from dataset_builders.negatives.llm.prompts import AGAIN, Prompts

T = TypeVar("T")

_SIDE = 1_024  # of a problem's own figure, in pixels, at most


@dataclass(frozen=True)
class Models:
    """Who is asked: `model`, for repairs `repair_model` if there is one; answers have at most `max_output_tokens`."""

    model: str
    repair_model: str = ""
    max_output_tokens: int = 8_192
    temperature: float | None = None
    repair_temperature: float | None = None

    def of(self, prompt: str) -> tuple[str, float | None]:
        """Model and temperature for a prompt."""
        if prompt.endswith("_repair"):
            return self.repair_model or self.model, self.repair_temperature
        return self.model, self.temperature


@dataclass(frozen=True)
class Desk:
    """All that is needed to ask."""

    chat: Chat
    prompts: Prompts
    models: Models


class Dropped(Exception):
    """A record, or one of its negatives, that cannot be made: the stage, and the reason in a few words."""

    def __init__(self, stage: str, reason: str):
        super().__init__(stage, reason)
        self.stage, self.reason = stage, reason


async def ask(desk: Desk, prompt: str, record: str, read: Callable[[str], T], picture: str = "", **values: Any) -> T:
    """The answer to a prompt, as `read` reads it.

    Args:
        desk: Who is asked.
        prompt: Its name, which is the name of the stage as well.
        record: What it is about.
        read: Takes the answer's text; raises [`FormError`] for one in another form.
        picture: Path of an image to send along.
        values: For the prompt.

    Raises:
        FormError: if the second answer is in another form, too.
        Dropped: if the picture cannot be opened.
        RequestError, EndpointError, OutOfBudget: as [`Chat.ask`].
    """
    text = desk.prompts.text(prompt, values)
    messages = [{"role": "user", "content": _with_picture(text, picture)}]
    answer = await _answer(desk, prompt, record, messages, 0)
    try:
        return read(plain(answer.text, answer.finish))
    except FormError as error:
        complaint = desk.prompts.text(AGAIN, {"complaint": str(error)})
    if answer.text.strip() and answer.finish != "length":
        messages += [{"role": "assistant", "content": answer.text}, {"role": "user", "content": complaint}]
    else:  # an empty turn is refused by some endpoints, and one that was cut off is of no use
        messages = [{"role": "user", "content": _with_picture(f"{text}\n\n{complaint}", picture)}]
    answer = await _answer(desk, prompt, record, messages, 1)
    return read(plain(answer.text, answer.finish))


async def _answer(desk: Desk, prompt: str, record: str, messages: list[dict[str, Any]], attempt: int) -> Answer:
    model, temperature = desk.models.of(prompt)
    request = Request(
        prompt, model, tuple(messages), desk.models.max_output_tokens, temperature, record=record, attempt=attempt
    )
    return await desk.chat.ask(request)


async def together(jobs: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """All results in order. If one fails the others are waited for, since what they ask is being paid for."""
    outcomes = await asyncio.gather(*jobs, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
    return outcomes


def _with_picture(text: str, picture: str) -> str | list[dict[str, Any]]:
    if not picture:
        return text
    file = io.BytesIO()
    try:
        with Image.open(picture) as image:
            image = image.convert("RGB")
            image.thumbnail((_SIDE, _SIDE))
            image.save(file, "PNG")
    except Exception:  # PIL's readers raise many types on a broken file
        raise Dropped("image", "the problem's figure cannot be opened") from None
    url = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
    return [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": url}}]
