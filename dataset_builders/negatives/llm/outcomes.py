"""What came of each record, kept in a file of its own as soon as it is known, so that a killed run goes on from there.

The files lie in the folder of the unfinished data set (`.build/outcomes`), hold JSON, and go with `.build` in the end.
"""

import asyncio
import json
import os
import signal
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dataset_builders.build import WORK
from dataset_builders.chat import Chat
from dataset_builders.negatives.llm.asking import Dropped
from dataset_builders.records import BadRecord

Outcome = dict[str, Any]
Make = Callable[[int], Awaitable[Outcome]]
_PER_FOLDER = 1_000


class Stopped(RuntimeError):
    """The user stopped the run; what is done is kept."""


async def make_outcomes(
    chat: Chat,
    numbers: range,
    make: Make,
    folder: Path,
    workers: int,
    progress: Callable[[int, int, int], None] | None = None,
) -> None:
    """Makes the outcomes of all records that have none yet, several at a time, in order of their numbers.

    When the run has to stop (budget, endpoint, Ctrl-C), requests under way are waited for and kept first.

    Args:
        chat: Stops all workers when it is stopped.
        numbers: Of the records.
        make: Makes one outcome; [`Dropped`] is an outcome as well.
        folder: Of the data set.
        workers: Records worked on at once.
        progress: Called with the outcomes made now, all that there are, and the total.

    Raises:
        EndpointError, OutOfBudget: as [`Chat.ask`].
        Stopped: after Ctrl-C.
    """
    missing = [number for number in numbers if not _is_there(outcome_file(folder, number))]
    todo, made = iter(missing), 0

    async def work() -> None:
        nonlocal made
        for number in todo:
            if chat.stopped is not None:
                raise chat.stopped
            try:
                outcome = await make(number)
            except Dropped as dropped:
                outcome = {"dropped": [dropped.stage, dropped.reason]}
            except Exception as error:
                chat.stop(error)
                raise
            await asyncio.to_thread(_write, outcome_file(folder, number), outcome)
            made += 1
            if progress is not None:
                progress(made, len(numbers) - len(missing) + made, len(numbers))

    with _stop_on_interrupt(chat):
        outcomes = await asyncio.gather(*(work() for _ in range(min(workers, len(missing)))), return_exceptions=True)
    problems = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    if problems:
        raise chat.stopped or problems[0]


def outcome_file(folder: Path, number: int) -> Path:
    """Where a record's outcome is kept."""
    return folder / WORK / "outcomes" / str(number // _PER_FOLDER) / f"{number}.json"


def read_outcome(folder: Path, number: int) -> Outcome | None:
    """The outcome of a record; `None` if there is none yet."""
    path = outcome_file(folder, number)
    return json.loads(path.read_text(encoding="utf-8")) if _is_there(path) else None


def dropped(outcome: Outcome, origin: str, number: int) -> BadRecord | None:
    """The record that was left out, if it was."""
    if "dropped" not in outcome:
        return None
    stage, reason = outcome["dropped"]
    return BadRecord(origin, number, stage, reason)


def _is_there(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0  # a power cut may leave an empty file


def _write(path: Path, outcome: Outcome) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(outcome, ensure_ascii=False), encoding="utf-8")
    os.replace(temporary, path)


@contextmanager
def _stop_on_interrupt(chat: Chat) -> Iterator[None]:
    """The first Ctrl-C waits for what is being paid for; the second does not."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()

    def stop() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        chat.stop(Stopped("stopped by Ctrl-C"))

    loop.add_signal_handler(signal.SIGINT, stop)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
