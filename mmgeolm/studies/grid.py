"""Many jobs on a few processes: what is done is kept, what fails is named and stops nothing else."""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import as_completed
from typing import Any, NamedTuple

from dataset_builders.processes import worker_pool

logger = logging.getLogger(__name__)


class Job(NamedTuple):
    """A piece of work that keeps its own result on disk, so that done again it is found done.

    Attributes:
        name (`str`): for the log.
        run (`Callable`): a function of a module, called with `arguments`.
        arguments (`tuple`): must be picklable.
    """

    name: str
    run: Callable[..., Any]
    arguments: tuple


def run_grid(jobs: Sequence[Job], processes: int, initializer: Callable[[], None] | None = None) -> list[Any]:
    """Results of all jobs, in their order.

    Args:
        jobs (sequence of [`Job`]): independent of one another.
        processes (`int`): that share them; 1 runs them here.
        initializer (`Callable`, *optional*): called first in each process.

    Raises:
        RuntimeError: when jobs failed, after all others were finished; it names them and the first reason.
    """
    results: list[Any] = [None] * len(jobs)
    failed: dict[str, Exception] = {}
    start = time.time()

    def note(number: int, done: int, outcome: Callable[[], Any]) -> None:
        try:
            results[number] = outcome()
        except Exception as problem:  # whatever went wrong in one row, the others are wanted
            failed[jobs[number].name] = problem
            logger.error("%s failed: %s", jobs[number].name, problem)
        left = (time.time() - start) / done * (len(jobs) - done)
        logger.info("%d of %d: %s; about %.0f s left", done, len(jobs), jobs[number].name, left)

    if processes == 1:
        if initializer is not None:
            initializer()
        for number, job in enumerate(jobs):
            note(number, number + 1, lambda job=job: job.run(*job.arguments))
    else:
        with worker_pool(processes, initializer) as pool:
            futures = {pool.submit(job.run, *job.arguments): number for number, job in enumerate(jobs)}
            for done, future in enumerate(as_completed(futures), start=1):
                note(futures[future], done, future.result)
    if failed:
        name, problem = next(iter(failed.items()))
        raise RuntimeError(
            f"{len(failed)} of {len(jobs)} jobs failed ({', '.join(failed)}); {name}: {problem}. The others are kept; "
            "run the same command again to go on."
        ) from problem
    return results
