"""The pool: its results, and how it ends when it is interrupted or a task fails."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dataset_builders.processes import worker_pool

ROOT = Path(__file__).parents[2]
SCRIPT = """
import time
from dataset_builders.processes import worker_pool

with worker_pool(2) as pool:
    print("started", flush=True)
    list(pool.map(time.sleep, [120, 120, 120]))
"""


@pytest.mark.parametrize("seconds", [0.0, 0.05, 1.0])  # while tasks are handed out, processes load, and work
def test_an_interrupt_of_the_group_ends_it_at_once_and_the_workers_say_nothing(seconds):
    run = subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert run.stdout.readline() == "started\n"
    time.sleep(seconds)
    os.killpg(run.pid, signal.SIGINT)
    words = run.communicate(timeout=60)[1]  # until the last process that could write there has ended
    assert words.count("Traceback") == 1 and words.strip().endswith("KeyboardInterrupt"), words


def test_results_come_in_order_and_an_error_is_raised_without_waiting_for_the_others():
    begun = time.monotonic()
    with worker_pool(2) as pool:
        assert list(pool.map(abs, [-3, 2, -1])) == [3, 2, 1]
        with pytest.raises(ZeroDivisionError):
            pool.submit(divmod, 1, 0).result()
    with pytest.raises(ZeroDivisionError), worker_pool(2) as pool:
        pool.submit(time.sleep, 120)
        pool.submit(divmod, 1, 0).result()
    assert time.monotonic() - begun < 100
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
