"""Responses to many requests: in batches of like length, by one process or several, with a journal to go on from.

engine = TransformersEngine(model, processor, max_new_tokens=512)
generate(engine, [Request("12", "Is AB parallel to CD?", ("figures/12.png",))]).responses     # {"12": "Yes."}
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from accelerate import PartialState
from accelerate.utils import gather_object
from PIL import Image
from tqdm import tqdm

from .journal import Journal
from .pictures import Picture, open_picture

logger = logging.getLogger(__name__)

SHOWN = 5  # sentences about questions that cannot be asked; the result has all of them


@dataclass(frozen=True)
class Request:
    """What a model is asked.

    Attributes:
        id (`str`): names it, and its response.
        prompt (`str`): text of the user's turn, without marks for pictures.
        pictures (`tuple`): files, images, or [`~evaluation.pictures.StoredPicture`]; they precede the text.
        change (`Callable`, *optional*): what is done to each picture before the model sees it.
    """

    id: str
    prompt: str
    pictures: tuple[Picture, ...] = ()
    change: Callable[[Image.Image], Image.Image] | None = None

    def open(self) -> list[Image.Image]:
        """The pictures in RGB. Raises `ValueError` for one that is missing or broken."""
        opened = [open_picture(picture) for picture in self.pictures]
        return opened if self.change is None else [self.change(image) for image in opened]


class Engine(Protocol):
    """What turns requests into responses."""

    def length(self, request: Request) -> int:
        """Tokens of a request with its pictures. Raises `ValueError`, saying why, for one that cannot be asked."""
        ...

    def generate(self, requests: Sequence[Request]) -> list[str]:
        """Responses to a batch of requests that have a length, in their order."""
        ...


class Generated(NamedTuple):
    """What came of the requests.

    Attributes:
        responses (`dict[str, str]`): by id, in the order of the requests; `""` where a request could not be asked.
        not_asked (`dict[str, str]`): of those, why.
    """

    responses: dict[str, str]
    not_asked: dict[str, str]


def generate(
    engine: Engine,
    requests: Sequence[Request],
    journal: Journal | None = None,
    batch_size: int = 8,
    state: PartialState | None = None,
    progress: bool = False,
) -> Generated:
    """Responses to requests.

    Requests of like length share a batch, the longest first, so that a batch that does not fit fails at once. Batches
    depend on the requests and `batch_size` alone: a run that was stopped and taken up again, by whatever number of
    processes, asks them in the same company and so gets the same responses, rounding included.

    Args:
        engine ([`Engine`]): see `evaluation.engines`.
        requests: With distinct ids.
        journal ([`~evaluation.journal.Journal`], *optional*): gets every batch as soon as it is answered; batches that
            are in it already are not asked again.
        batch_size (`int`, *optional*, defaults to 8): requests at a time.
        state (`PartialState`, *optional*): of processes that share the work, each with an engine and a journal of its
            own; all call this function and get all responses. By default the calling process works alone.
        progress (`bool`, *optional*, defaults to `False`): show a bar with the rate and the time that is left.

    Raises:
        ValueError: if an id occurs twice, `batch_size` is below 1, or none of the requests can be asked.
    """
    if batch_size < 1:
        raise ValueError(f"`batch_size` must be at least 1, got {batch_size}.")
    if len({request.id for request in requests}) < len(requests):
        raise ValueError("Two requests have the same id, so that their responses could not be told apart.")
    place, processes = (0, 1) if state is None else (state.process_index, state.num_processes)
    share = requests[place::processes]
    lengths, not_asked = _measured(engine, share, progress and place == 0)
    lengths, not_asked = _together(lengths, processes), _together(not_asked, processes)
    # In the order of the requests, however many processes measured them.
    not_asked = {request.id: not_asked[request.id] for request in requests if request.id in not_asked}
    problems = [f"Question {name} cannot be asked: {reason}." for name, reason in not_asked.items()]
    if problems and not lengths:
        others = f" Nor can the {len(problems) - 1} others." if len(problems) > 1 else ""
        raise ValueError(problems[0] + others)
    if place == 0:
        for problem in problems[:SHOWN]:
            logger.warning("%s Its response is left empty.", problem)
        if len(problems) > SHOWN:
            logger.warning("%d further questions cannot be asked.", len(problems) - SHOWN)
    done = {} if journal is None else dict(journal.responses)
    batches = planned_batches([request for request in requests if request.id in lengths], lengths, batch_size)
    todo = [batch for batch in batches[place::processes] if any(request.id not in done for request in batch)]
    answered: dict[str, str] = {}
    hidden = not progress or place > 0
    with tqdm(total=sum(map(len, todo)), desc="answering", unit="question", disable=hidden) as bar:
        for batch in todo:
            texts = dict(zip([request.id for request in batch], engine.generate(batch), strict=True))
            if journal is not None:
                journal.write(texts)
            answered |= texts
            bar.update(len(batch))
    done |= _together(answered, processes)
    responses = {request.id: done[request.id] if request.id in lengths else "" for request in requests}
    return Generated(responses, not_asked)


def planned_batches(requests: Sequence[Request], lengths: Mapping[str, int], batch_size: int) -> list[list[Request]]:
    """Batches of requests with equally many pictures, the longest first.

    Processors differ in what they make of a batch where some have a picture and some have none.
    """
    batches: list[list[Request]] = []
    for count in sorted({len(request.pictures) for request in requests}, reverse=True):
        alike = [request for request in requests if len(request.pictures) == count]
        alike.sort(key=lambda request: -lengths[request.id])
        batches += [alike[start : start + batch_size] for start in range(0, len(alike), batch_size)]
    return batches


def _measured(engine: Engine, requests: Sequence[Request], progress: bool) -> tuple[dict[str, int], dict[str, str]]:
    lengths: dict[str, int] = {}
    not_asked: dict[str, str] = {}
    for request in tqdm(requests, "reading questions and pictures", unit="question", delay=2, disable=not progress):
        try:
            lengths[request.id] = engine.length(request)
        except ValueError as problem:
            not_asked[request.id] = str(problem)
    return lengths, not_asked


def _together(own: dict[str, Any], processes: int) -> dict[str, Any]:
    """What all processes have; all of them call this."""
    if processes == 1:
        return own
    return {name: value for part in gather_object([own]) for name, value in part.items()}
