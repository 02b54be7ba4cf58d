"""The sandbox as its user sees it: scripts go in, results come out, from any number of threads."""

import os
import queue
import tempfile
import threading

from dataset_builders.sandbox import confine
from dataset_builders.sandbox.fork_server import Answer, ForkServer
from dataset_builders.sandbox.images import collect, empty
from dataset_builders.sandbox.limits import Limits
from dataset_builders.sandbox.result import Result, ending, one_line, read_report

_NO_REPORT = "the script's process ended before its images could be collected, as by os._exit"
_NO_IMAGE = "the script ended without saving an image or leaving a figure open"
_GARBLED = "what the script's process reported of itself could not be read"


class Sandbox:
    """Runs untrusted Python scripts that draw with matplotlib, numpy or Pillow.

        with Sandbox(Limits(wall_seconds=10), num_proc=2) as box:
            result = box.run(code)

    Each script runs in a process forked from a server in which matplotlib is loaded, and starts as if nothing had run
    before it. It may read Python's libraries and fonts, write in an empty folder of its own, and use what `limits`
    grant. Its images are PNG, of the whole canvas, on white. `docs/sandbox.md` says what is refused, and what is not
    claimed.

    Args:
        limits: For each script.
        num_proc: Scripts run at a time. [`run`] may be called from that many threads, or more, which then wait.
        confinement: `landlock` (Linux 5.13 and later), `bubblewrap` (the program `bwrap`), or `rlimits`, which
            limits time, memory and output but leaves your files open to the scripts.

    Raises:
        ValueError: for a `num_proc` below 1 or another confinement.
        OSError: if this machine cannot confine scripts in that way, here or in the first [`run`].
    """

    def __init__(self, limits: Limits = Limits(), *, num_proc: int = 2, confinement: str = "landlock"):  # noqa: B008
        if num_proc < 1:
            raise ValueError(f"num_proc={num_proc}; at least one script runs at a time.")
        confine.check(confinement)
        self.limits = limits
        self._folder = tempfile.TemporaryDirectory(prefix="sandbox-", ignore_cleanup_errors=True)
        folder = os.path.realpath(self._folder.name)
        self._servers = [ForkServer(folder, str(slot), limits, confinement) for slot in range(num_proc)]
        self._free: queue.LifoQueue[ForkServer] = queue.LifoQueue()
        for server in reversed(self._servers):
            self._free.put(server)
        self._closed = threading.Event()

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the servers and what still runs, and removes the folder."""
        if self._closed.is_set():
            return
        self._closed.set()
        for server in self._servers:
            server.stop(for_good=True)
        for server in [self._free.get() for _ in self._servers]:  # each [`run`] has come to its end then
            empty(server.slot)
            self._free.put(server)
        self._folder.cleanup()

    def run(self, code: str) -> Result:
        """Runs a script, and waits for it.

        Whatever the script does becomes a [`Result`]; nothing of it is raised here.

        Raises:
            RuntimeError: if the sandbox is closed.
            OSError: if a server cannot be started, with what it said.
        """
        server = self._free.get()
        try:
            if self._closed.is_set():
                raise RuntimeError("The sandbox is closed.")
            answer = server.run(code.encode(errors="surrogatepass"))
            try:
                return self._judged(answer)
            finally:
                empty(server.slot)
        finally:
            self._free.put(server)

    def _judged(self, answer: Answer) -> Result:
        report = read_report(answer.report)
        images, problems = collect(answer.folder, report.images if report else (), self.limits)
        reasons = [answer.failure or ending(answer.status, answer.cpu, answer.killed, self.limits)]
        if report is None:
            reasons.append(_GARBLED if answer.report else _NO_REPORT)
        elif not report.ran:
            reasons.append(report.reason or _GARBLED)
        reasons += problems
        if not images:
            reasons.append(_NO_IMAGE)
        reason = next((reason for reason in reasons if reason), "")
        texts = {name: report.images.get(name, ()) if report else () for name in images}
        stdout, stderr = (self._cut(stream) for stream in (answer.stdout, answer.stderr))
        return Result(not reason, one_line(reason), images, texts, stdout, stderr)

    def _cut(self, stream: bytes) -> str:
        return stream.decode(errors="replace")[: self.limits.output_chars]
