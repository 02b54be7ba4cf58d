"""A pool of processes that Ctrl-C ends at once, and without a trace of each."""

import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any


@contextmanager
def worker_pool(
    num_proc: int, initializer: Callable[..., object] | None = None, initargs: tuple[Any, ...] = ()
) -> Iterator[ProcessPoolExecutor]:
    """A pool of spawned processes, for `with`; what goes wrong in the block, or a Ctrl-C, ends them.

    A terminal sends Ctrl-C to all processes. These ignore it, so that only the one that made them has to answer; it
    would otherwise wait for what they are doing, which may be a training.

    Args:
        num_proc (`int`): how many processes.
        initializer, initargs: see [`~concurrent.futures.ProcessPoolExecutor`].
    """
    with ProcessPoolExecutor(num_proc, get_context("spawn"), initializer, initargs) as pool:
        # Spawned processes are started with the first task, all at once, and inherit what is ignored.
        with _interrupts_ignored():
            pool.submit(int)
        workers = list(pool._processes.values())
        try:
            yield pool
        except BaseException:
            for worker in workers:
                worker.terminate()
            pool.shutdown(cancel_futures=True)
            raise


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # which alone may say what a signal does
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
