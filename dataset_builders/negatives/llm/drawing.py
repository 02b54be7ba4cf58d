"""The paper's way (section 2.1) from a problem to image negatives: drawing scripts in Python, run in a sandbox only.

Each stage takes a draft and gives the next one; what a stage cannot make ends the record or the negative by name.
"""

import asyncio
import base64
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from dataset_builders.build import TALLY
from dataset_builders.chat import RequestError
from dataset_builders.negatives.drawing_checks import negative_problem, positive_problem, the_image
from dataset_builders.negatives.llm.answers import FormError, code_block, one_caption
from dataset_builders.negatives.llm.asking import Desk, Dropped, ask, together
from dataset_builders.negatives.llm.outcomes import Outcome, dropped, read_outcome
from dataset_builders.negatives.llm.problems import Problem
from dataset_builders.negatives.llm.rewording import rewordings
from dataset_builders.records import BadRecord
from dataset_builders.sandbox import Result, Sandbox

T = TypeVar("T")

_LAST = 1_500  # characters of an error output that a repair is told of
_REASON = 60


@dataclass(frozen=True)
class Drawn:
    """A script and what came of it. `fault` says what is wrong, for the model; `reason` the same, to be counted."""

    code: str
    result: Result | None = None
    fault: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Negative:
    """A negative caption and its picture; `reason` says why it is dropped."""

    caption: str
    drawn: Drawn = Drawn("")
    reason: str = ""


@dataclass(frozen=True)
class Draft:
    """A record as far as it is made."""

    problem: Problem
    positive: Drawn = Drawn("")
    caption: str = ""
    negatives: tuple[Negative, ...] = ()
    rejected: tuple[str, ...] = ()
    shortfall: str = ""


@dataclass(frozen=True)
class Workshop:
    """What the stages work with: who is asked, where scripts run and how many at a time, how many negatives."""

    desk: Desk
    box: Sandbox
    runs: asyncio.Semaphore
    num_negatives: int = 10
    num_edits: tuple[int, int] = (1, 4)

    async def run(self, code: str) -> Result:
        """Runs a script in the sandbox."""
        async with self.runs:
            return await asyncio.to_thread(self.box.run, code)


Stage = Callable[[Draft, Workshop], Awaitable[Draft]]


async def write_code(draft: Draft, shop: Workshop) -> Draft:
    """Problem and solution to a drawing script."""
    problem = draft.problem
    values = {"problem": problem.question, "solution": problem.solution, "image": bool(problem.image)}
    code = await _asked("code", ask(shop.desk, "python_code", problem.id, code_block, picture=problem.image, **values))
    return replace(draft, positive=Drawn(code))


async def run_code(draft: Draft, shop: Workshop) -> Draft:
    """The script to its picture, checked by itself."""
    return replace(draft, positive=await _run(draft.positive.code, shop, positive_problem))


async def repair_code(draft: Draft, shop: Workshop) -> Draft:
    """A script that failed, or whose picture did, is mended once."""
    if not draft.positive.fault:
        return draft
    mended = await _repaired(draft, draft.positive, shop, positive_problem)
    if mended.fault:
        raise Dropped("picture", mended.reason)
    return replace(draft, positive=mended)


async def write_caption(draft: Draft, shop: Workshop) -> Draft:
    """The script to a caption that the picture bears out."""

    def read(text: str) -> str:
        caption = one_caption(text)
        if problem := positive_problem(draft.positive.result, caption):
            raise FormError(f"it does not fit the figure: {problem}.", counted(problem))
        return caption

    asked = ask(shop.desk, "python_caption", draft.problem.id, read, code=draft.positive.code)
    return replace(draft, caption=await _asked("caption", asked))


async def write_negative_captions(draft: Draft, shop: Workshop) -> Draft:
    """The caption to captions that are almost right."""
    asked = rewordings(
        shop.desk,
        "python_negative_captions",
        draft.problem.id,
        draft.caption,
        shop.num_negatives,
        shop.num_edits,
        drastic=False,
        code=draft.positive.code,
    )
    found = await _asked("negative captions", asked)
    return replace(
        draft,
        negatives=tuple(map(Negative, found.captions)),
        rejected=tuple(found.rejected.elements()),
        shortfall=found.shortfall,
    )


async def write_negative_code(draft: Draft, shop: Workshop) -> Draft:
    """Script and negative caption to a changed script, for each."""

    async def write(negative: Negative) -> Negative:
        values = {"caption": draft.caption, "negative": negative.caption, "code": draft.positive.code}
        asked = ask(shop.desk, "python_negative_code", draft.problem.id, code_block, **values)
        try:
            return replace(negative, drawn=Drawn(await _asked("code", asked)))
        except Dropped as problem:
            return replace(negative, reason=problem.reason)

    return replace(draft, negatives=await _each(draft, write))


async def run_negatives(draft: Draft, shop: Workshop) -> Draft:
    """Changed scripts to pictures, each checked against the positive's."""

    async def run(negative: Negative) -> Negative:
        return replace(negative, drawn=await _run(negative.drawn.code, shop, _against(draft, negative)))

    return replace(draft, negatives=await _each(draft, run))


async def repair_negatives(draft: Draft, shop: Workshop) -> Draft:
    """Changed scripts that failed, or whose pictures did, are mended once."""

    async def repair(negative: Negative) -> Negative:
        if not negative.drawn.fault:
            return negative
        try:
            drawn = await _repaired(draft, negative.drawn, shop, _against(draft, negative))
        except Dropped as problem:
            return replace(negative, reason=problem.reason)
        return replace(negative, drawn=drawn, reason=drawn.reason)

    return replace(draft, negatives=await _each(draft, repair))


async def check(draft: Draft, shop: Workshop) -> Draft:
    """Leaves out the negatives that have no picture, or the same as another one, and counts why."""
    kept: list[Negative] = []
    rejected = list(draft.rejected)
    pictures = {the_image(draft.positive.result)[1]}
    for negative in draft.negatives:
        reason = negative.reason
        if not reason and (picture := the_image(negative.drawn.result)[1]) in pictures:
            reason = "drawn like another picture of the record"
        if reason:
            rejected.append(reason)
        else:
            pictures.add(picture)
            kept.append(negative)
    shortfall = draft.shortfall
    if len(kept) < len(draft.negatives):
        shortfall = "pictures of negatives were turned down"
    return replace(draft, negatives=tuple(kept), rejected=tuple(rejected), shortfall=shortfall)


STAGES: tuple[Stage, ...] = (
    write_code,
    run_code,
    repair_code,
    write_caption,
    write_negative_captions,
    write_negative_code,
    run_negatives,
    repair_negatives,
    check,
)
"""The way of a record, in order."""


async def drawn_outcome(problem: Problem, shop: Workshop) -> Outcome:
    """All stages for a problem, and what came of them as JSON.

    Raises:
        Dropped: where a stage ends the record.
        EndpointError, OutOfBudget: as [`~dataset_builders.chat.Chat.ask`].
    """
    draft = Draft(problem)
    for stage in STAGES:
        draft = await stage(draft, shop)
    pictures = [draft.positive, *(negative.drawn for negative in draft.negatives)]
    return {
        "id": problem.id,
        "captions": [draft.caption, *(negative.caption for negative in draft.negatives)],
        "pictures": [base64.b64encode(the_image(each.result)[1]).decode() for each in pictures],
        "scripts": [each.code for each in pictures],
        "rejected": draft.rejected,
        "shortfall": draft.shortfall,
    }


def drawn_record(number: int, folder: Path, source: str) -> dict[str, Any] | BadRecord:
    """The record of an outcome, for [`~dataset_builders.build.build`]."""
    outcome = read_outcome(folder, number)
    if bad := dropped(outcome, source, number):
        return bad
    pictures = [{"bytes": base64.b64decode(picture), "path": None} for picture in outcome["pictures"]]
    return {
        "id": outcome["id"],
        "image": pictures[0],
        "caption": outcome["captions"][0],
        "negative_captions": [],
        "negative_caption_kinds": [],
        "negative_images": pictures[1:],
        "negative_image_captions": outcome["captions"][1:],
        "program": "",  # for diagram programs; scripts lie beside the data
        "source": source,
        TALLY: {
            "rejected": list(outcome["rejected"]),
            "shortfall": [outcome["shortfall"]] if outcome["shortfall"] else [],
        },
    }


def counted(reason: str) -> str:
    """A reason without what differs from script to script: `NameError: name 'x' is …` is a NameError, and `letter C of
    the caption is not in the figure` is said of a letter."""
    words = re.sub(r"^letter \S+ of", "a letter of", " ".join(reason.split(":")[0].split()))
    return words[:_REASON] or "no reason given"


def _against(draft: Draft, negative: Negative) -> Callable[[Result], str]:
    return partial(_negative_problem, draft.positive.result, caption=negative.caption)


def _negative_problem(positive: Result, negative: Result, caption: str) -> str:
    return negative_problem(positive, negative, caption)


async def _run(code: str, shop: Workshop, problem_of: Callable[[Result], str]) -> Drawn:
    result = await shop.run(code)
    if not result.ok:
        return Drawn(code, result, f"{result.reason}\n{result.stderr[-_LAST:]}".strip(), counted(result.reason))
    problem = await asyncio.to_thread(problem_of, result)
    return Drawn(
        code, result, problem and f"The script runs, but in its picture: {problem}.", problem and counted(problem)
    )


async def _repaired(draft: Draft, drawn: Drawn, shop: Workshop, problem_of: Callable[[Result], str]) -> Drawn:
    values = {"problem": drawn.fault, "code": drawn.code}
    code = await _asked("repair", ask(shop.desk, "python_repair", draft.problem.id, code_block, **values))
    return await _run(code, shop, problem_of)


async def _each(draft: Draft, do: Callable[[Negative], Awaitable[Negative]]) -> tuple[Negative, ...]:
    """What comes of the negatives that are not dropped yet; the others stay as they are."""

    async def one(negative: Negative) -> Negative:
        return negative if negative.reason else await do(negative)

    return tuple(await together(map(one, draft.negatives)))


async def _asked(stage: str, answer: Awaitable[T]) -> T:
    """The answer; raises `Dropped` if there is none in the form asked for."""
    try:
        return await answer
    except FormError as error:
        raise Dropped(stage, error.reason) from None
    except RequestError as error:
        raise Dropped(stage, str(error)) from None
