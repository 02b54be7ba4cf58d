"""A fork server as its user's process holds it: starts it, hands it scripts one at a time, replaces it if it died."""

import dataclasses
import json
import logging
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dataset_builders.sandbox import confine
from dataset_builders.sandbox.limits import Limits
from dataset_builders.sandbox.result import MAX_REPORT

logger = logging.getLogger(__name__)

_ROOT = str(Path(__file__).parents[2])
_PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from dataset_builders.sandbox.server import main
del sys.path[0]
main(sys.argv[2])
"""
_START = 120  # seconds for Python, matplotlib and, the first time, its list of fonts
_GRACE = 15  # seconds beyond a script's time for the server to end it
_MAX_REPLY = 65_536


@dataclass
class Answer:
    """What came back from a script: from the server, which is trusted, and from its process, which is not."""

    folder: str  # where it has worked
    report: bytes = b""  # untrusted, as are the two that follow; each cut at a bound
    stdout: bytes = b""
    stderr: bytes = b""
    status: int = 0  # exit code, or minus a signal
    cpu: float = 0.0  # seconds
    killed: str = ""  # the field of `Limits` for which the server ended it
    failure: str = ""  # why there is no status


class ForkServer:
    """One server process, which runs one script at a time. Started when it is first needed.

    Args:
        folder: Of the sandbox. The scripts work in `folder/slot`; matplotlib's settings are in `folder/config-slot`.
        slot: A name that no other server of the sandbox has.
        limits: For each script.
        confinement: See [`Sandbox`].
    """

    def __init__(self, folder: str, slot: str, limits: Limits, confinement: str):
        self.slot, self._config = os.path.join(folder, slot), os.path.join(folder, f"config-{slot}")
        self._log = os.path.join(folder, f"stderr-{slot}")
        os.mkdir(self.slot, 0o700)
        os.mkdir(self._config, 0o700)
        self._limits, self._confinement = limits, confinement
        self._process: subprocess.Popen | None = None
        self._control: socket.socket | None = None
        self._runs = 0
        self._in_use: socket.socket | None = None
        self._closed = False
        self._changing = threading.Lock()  # a server that is being started is stopped afterwards, not missed

    def run(self, code: bytes) -> Answer:
        """Runs a script; of what goes wrong only a server that cannot be started is raised, as OSError."""
        self._runs += 1
        folder = os.path.join(self.slot, str(self._runs))
        os.mkdir(folder, 0o700)
        with open(os.path.join(folder, "script.py"), "wb") as file:
            file.write(code)
        with self._changing:
            if self._closed:
                raise RuntimeError("The sandbox is closed.")
            if self._process is not None and self._process.poll() is not None:
                logger.warning("A server of the sandbox has ended (%s); starting another.", self._process.returncode)
                self._stop()
            if self._process is None:
                self._start()
            control = self._control
            self._in_use = control
        try:
            answer = self._asked(control, folder)
        except BaseException:  # an interrupt: the answer that is still to come must not be taken for the next one's
            self.stop()
            raise
        finally:
            with self._changing:
                self._in_use = None
                if control is not self._control:
                    control.close()
        if answer.failure:
            if not self._closed:
                logger.warning("%s; the next script gets another server.", answer.failure)
            self.stop()
        return answer

    def stop(self, for_good: bool = False) -> None:
        """Ends the server, and with it the script that it runs; another is started when needed, unless `for_good`."""
        with self._changing:
            self._closed = self._closed or for_good
            self._stop()

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        try:
            os.killpg(process.pid, signal.SIGKILL)  # under bubblewrap, the server and what it runs in
        except ProcessLookupError:
            pass
        process.wait()
        control, self._control = self._control, None
        if control is not self._in_use:  # who waits for an answer on it is to find its end, and then closes it
            control.close()

    def _start(self) -> None:
        readable = confine.readable_paths()
        if self._confinement == "bubblewrap":
            self._prepare_fonts()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        parent = os.pidfd_open(os.getpid())
        options = {
            "control": theirs.fileno(),
            "parent": parent,
            "slot": self.slot,
            "limits": dataclasses.asdict(self._limits),
            "readable": [*readable, self._config],
            "confinement": self._confinement,
        }
        command = [sys.executable, "-s", "-P", "-B", "-c", _PROGRAM, _ROOT, json.dumps(options)]
        if self._confinement == "bubblewrap":
            command = confine.bubblewrap(Path(self.slot), Path(self._config), readable) + command
        with open(self._log, "wb") as log, theirs:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment(),
                cwd=self.slot,
                pass_fds=(theirs.fileno(), parent),
                start_new_session=True,  # so that an interrupt from the keyboard is ours to handle
            )
        os.close(parent)
        self._control = ours
        ours.settimeout(_START)
        try:
            message = ours.recv(_MAX_REPLY)
        except TimeoutError:
            message = b""
        problem = json.loads(message)["problem"] if message else self._last_words()
        if problem:
            self._stop()
            raise OSError(f'The sandbox (confinement="{self._confinement}") cannot be set up here: {problem}')

    def _asked(self, control: socket.socket, folder: str) -> Answer:
        """Has the script in a folder run, and waits."""
        pipes = [os.pipe2(os.O_CLOEXEC) for _ in range(3)]
        reads, ends = zip(*pipes, strict=True)
        try:
            try:
                with suppress(OSError):  # where it has died this moment, reading from it tells
                    socket.send_fds(control, [json.dumps({"folder": folder}).encode()], ends)
            finally:
                for end in ends:
                    os.close(end)
            return self._answer(control, folder, reads)
        finally:
            for read in reads:
                os.close(read)

    def _answer(self, control: socket.socket, folder: str, reads: tuple[int, ...]) -> Answer:
        """Reads until the server says that the script has ended, and then what is still in the pipes."""
        kept = dict.fromkeys(reads, b"")
        bounds = dict(zip(reads, (MAX_REPORT + 1, *[4 * self._limits.output_chars] * 2), strict=True))
        answer = Answer(folder, failure="The sandbox's server did not answer")
        deadline = time.monotonic() + self._limits.wall_seconds + _GRACE
        with selectors.DefaultSelector() as selector:
            selector.register(control, selectors.EVENT_READ)
            for read in reads:
                os.set_blocking(read, False)
                selector.register(read, selectors.EVENT_READ)
            while (left := deadline - time.monotonic()) > 0:
                ready = [key.fileobj for key, _ in selector.select(left)]
                for read in set(ready) & set(reads):
                    if not _read_some(read, kept, bounds):
                        selector.unregister(read)
                if control in ready:
                    message = _reply(control)
                    answer = Answer(folder, **json.loads(message)) if message else answer
                    if not message:
                        answer.failure = "The sandbox's server ended while a script ran"
                    break
        for read in reads:
            for _ in range(64):  # a pipe holds less; without a filter of calls, somebody may go on filling it
                if not _read_some(read, kept, bounds):
                    break
        answer.report, answer.stdout, answer.stderr = (kept[read][: bounds[read]] for read in reads)
        return answer

    def _last_words(self) -> str:
        lines = Path(self._log).read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def _environment(self) -> dict[str, str]:
        """Nothing of ours but where shared libraries are; one thread, and sets in the same order every time."""
        ours = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
        one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        places = {"MPLCONFIGDIR": self._config, "HOME": self._config, "XDG_CACHE_HOME": self._config}
        return ours | one | places | {"MPLBACKEND": "Agg", "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}

    def _prepare_fonts(self) -> None:
        """Writes matplotlib's list of fonts, since inside bubblewrap nobody may write where it is kept."""
        command = [sys.executable, "-s", "-P", "-B", "-c", "import matplotlib.font_manager"]
        subprocess.run(
            command, env=self._environment(), cwd=self.slot, stdin=subprocess.DEVNULL, check=False, timeout=_START
        )


def _reply(control: socket.socket) -> bytes:
    try:
        return control.recv(_MAX_REPLY)
    except OSError:
        return b""


def _read_some(read: int, kept: dict[int, bytes], bounds: dict[int, int]) -> bool:
    """Reads what is there, and keeps it up to the bound; False at the end, or if there is nothing."""
    try:
        data = os.read(read, 65_536)
    except BlockingIOError:
        return False
    if len(kept[read]) < bounds[read]:
        kept[read] += data
    return bool(data)
