"""A pool of processes that Ctrl-C ends at once, and without a trace of each."""

import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any


@contextmanager
def worker_pool(
    num_proc: int, initializer: Callable[..., object] | None = None, initargs: tuple[Any, ...] = ()
) -> Iterator[ProcessPoolExecutor]:
    """A pool of spawned processes, for `with`; what goes wrong in the block, or a Ctrl-C, ends them.

    A terminal sends Ctrl-C to all processes. These never see it, so that only the one that made them has to answer; it
    would otherwise wait for what they are doing, which may be a training.

    Args:
        num_proc (`int`): how many processes.
        initializer, initargs: see [`~concurrent.futures.ProcessPoolExecutor`].
    """
    with _Pool(num_proc, get_context("spawn"), initializer, initargs) as pool:
        try:
            yield pool
        except BaseException:
            with _interrupts_held_back():
                for worker in list((pool._processes or {}).values()):
                    worker.kill()
                pool.shutdown(cancel_futures=True)
            raise


class _Pool(ProcessPoolExecutor):
    def submit(self, /, *args: Any, **kwargs: Any) -> Future:
        # It may start a process or a thread, which inherit that interrupts are blocked; and an interrupt in the midst
        # of it would leave its locks taken for ever.
        with _interrupts_held_back():
            return super().submit(*args, **kwargs)


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Ctrl-C is answered after the block."""
    if threading.current_thread() is not threading.main_thread():  # which alone is interrupted
        yield
        return
    held: list[tuple] = []
    # The mask is what processes and threads inherit; another thread of this process may still be given the signal.
    before = signal.signal(signal.SIGINT, lambda *interrupt: held.append(interrupt))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, before)
        if held and callable(before):
            before(*held[0])
