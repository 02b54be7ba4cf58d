"""The same work by the workers of a Ray cluster, as an option beside processes of this machine."""

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}


def on_ray(work: Callable[[Item], Result], items: Sequence[Item], num_workers: int) -> Iterator[Result]:
    """Does a piece of work for each item with Ray Data, which does again what was under way on a machine that fails.

    It uses the cluster that `RAY_ADDRESS` names, or the one that this machine belongs to; where there is none, it
    starts one here, with a core for each worker, and ends it afterwards.

    Args:
        work (`Callable`): for each item. Its packages are installed on each machine, and files have the same paths.
        items (`Sequence`): what to work on. Doing one twice must do no harm.
        num_workers (`int`): at most so many at once, of one core each.

    Yields:
        What `work` returns, in the order in which it ends.

    Raises:
        ImportError: when Ray is not installed.
        OSError: when there is no cluster at the address, or its workers cannot read what they are to do.
        Exception: what `work` raised.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # else it reports its use to its makers
    try:
        import ray
    except ModuleNotFoundError as error:
        sentence = "Ray is not installed; pip install 'mmgeolm[ray]' on every machine of the cluster."
        raise ImportError(sentence) from error
    own = not ray.is_initialized() and not _join(ray)
    if own:
        ray.init(address="local", num_cpus=num_workers, include_dashboard=False, **_QUIET)
    try:
        context = ray.data.DataContext.get_current()
        context.raise_original_map_exception = True
        context.print_on_execution_start = context.enable_progress_bars = False
        for talks in ("progress", "execution.streaming_executor"):  # of bars that there are none, and of its end
            logging.getLogger(f"ray.data._internal.{talks}").setLevel(logging.ERROR)
        # A block for each item: else several would go to one worker and the rest wait.
        places = ray.data.from_items([{"place": place} for place in range(len(items))], override_num_blocks=len(items))
        at_once = ray.data.TaskPoolStrategy(size=num_workers)
        done = places.map(partial(_one, work=work, items=items), num_cpus=1, compute=at_once)
        for row in done.iter_rows():
            yield row["result"]
    except ray.exceptions.RaySystemError as error:
        reason = str(error).strip().splitlines()[-1]
        sentence = f"Ray's workers failed ({reason}); each machine needs the same packages as this one."
        raise OSError(sentence) from error
    finally:
        if own:
            ray.shutdown()


def _join(ray: Any) -> bool:
    """Whether there is a cluster to work on."""
    try:
        ray.init(address=os.environ.get("RAY_ADDRESS", "auto"), **_QUIET)
    except ConnectionError:
        if "RAY_ADDRESS" in os.environ:
            raise
        return False
    return True


def _one(row: dict[str, int], work: Callable[[Any], Any], items: Sequence[Any]) -> dict[str, Any]:
    return {"result": work(items[row["place"]])}
