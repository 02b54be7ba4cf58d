"""The fork server: imports matplotlib once, then gives every script a process of its own, confined and watched.

It is started by [`Sandbox`], never runs a script itself, and ends when the process that started it does. Over its
control socket come requests, a folder with three descriptors (report, stdout, stderr), and go replies, how the script
ended:

    {"folder": "/tmp/…/0/7"}   →   {"status": 0, "cpu": 0.06, "killed": ""}
"""

import gc
import json
import os
import select
import shutil
import signal
import socket
import sys
import time
from typing import Any

from dataset_builders.sandbox import confine, harness
from dataset_builders.sandbox.images import empty, exceeded
from dataset_builders.sandbox.limits import Limits

MAX_MESSAGE = 65_536
_LOOK = 0.1  # seconds between two looks at a script's clock and folder
_REPORT = 3  # the one descriptor that a script's process keeps beside stdin, stdout and stderr


def main(arguments: str) -> None:
    """Serves until there is nobody to serve; `arguments` is the JSON that [`Sandbox`] starts a server with."""
    options = json.loads(arguments)
    limits, slot = Limits(**options["limits"]), options["slot"]
    parent = options["parent"]
    control = socket.socket(fileno=options["control"])
    confine.become_unreadable()
    harness.warm_up()
    gc.freeze()  # so that collections in a script's process do not copy pages of what is shared
    place = (options["readable"], limits, confine.mapped_bytes(), options["confinement"])
    control.send(json.dumps({"problem": _problem(slot, *place)}).encode())
    with select.epoll() as waiting:
        for descriptor in (control.fileno(), parent):
            waiting.register(descriptor, select.EPOLLIN)
        while parent not in dict(waiting.poll()):
            message, descriptors, _, _ = socket.recv_fds(control, MAX_MESSAGE, 3)
            if not message:
                break
            folder = json.loads(message)["folder"]
            child = _fork(folder, descriptors, place)
            for descriptor in descriptors:
                os.close(descriptor)
            reply = _watch(child, slot, limits, (control.fileno(), parent))
            try:
                control.send(json.dumps(reply).encode())
            except OSError:  # nobody is there
                break
    if select.select([parent], [], [], 1)[0]:  # it has died; then nobody else removes what there is
        empty(slot)
        shutil.rmtree(os.path.dirname(slot), ignore_errors=True)


def _problem(slot: str, *place: Any) -> str:
    """Confines a process for nothing, and says what failed, so that the first script is not the one to find out."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            confine.confine(slot, *place)
            os.write(write, b"-")
        except BaseException as error:
            os.write(write, str(error).encode())
        finally:
            os._exit(0)
    os.close(write)
    with open(read, "rb") as answer:
        said = answer.read()
    os.waitpid(child, 0)
    return "" if said == b"-" else said.decode() or "the process ended while it was being confined"


def _fork(folder: str, descriptors: list[int], place: tuple[Any, ...]) -> int:
    """The process of a script, which never comes back from here."""
    child = os.fork()
    if child != 0:
        return child
    try:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDONLY)
        high = [os.dup(descriptor) for descriptor in (nothing, descriptors[1], descriptors[2], descriptors[0])]
        for target, descriptor in zip((0, 1, 2, _REPORT), high, strict=True):
            os.dup2(descriptor, target)
        os.closerange(_REPORT + 1, os.sysconf("SC_OPEN_MAX"))
        os.chdir(folder)
        readable, limits, mapped, confinement = place
        confine.confine(folder, readable, limits, mapped, confinement)
        report = harness.report_bytes(harness.run_script(folder, limits))
        sys.stdout.flush()
        sys.stderr.flush()
        while report:
            report = report[os.write(_REPORT, report) :]
    except BaseException as error:
        os.write(2, f"\n{type(error).__name__}: {error}\n".encode())
    finally:
        os._exit(0)


def _watch(child: int, slot: str, limits: Limits, ends: tuple[int, ...]) -> dict[str, Any]:
    """Waits for a script's process, and ends it if its time is up, its folder full, or nobody there to be told."""
    descriptor = os.pidfd_open(child)
    deadline = time.monotonic() + limits.wall_seconds
    killed = ""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    for end in ends:
        poll.register(end, select.POLLIN)
    while True:
        left = max(0.0, deadline - time.monotonic())
        ready = [number for number, _ in poll.poll(1000 * min(_LOOK, left) + 1)]
        if descriptor in ready:
            break
        killed = "gone" if ready else "wall_seconds" if time.monotonic() >= deadline else exceeded(slot, limits)
        if killed:
            break
    os.close(descriptor)
    try:
        os.killpg(child, signal.SIGKILL)  # without a filter of system calls there may be others in its session
    except ProcessLookupError:  # it has not yet come to setsid
        os.kill(child, signal.SIGKILL)
    _, status, usage = os.wait4(child, 0)
    cpu = usage.ru_utime + usage.ru_stime
    return {"status": os.waitstatus_to_exitcode(status), "cpu": cpu, "killed": killed}
