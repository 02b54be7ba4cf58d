"""What comes back from a script. All of it was in the script's hands, so every part is checked before it is used."""

import json
import math
import signal
from dataclasses import dataclass
from typing import Any

from dataset_builders.sandbox.limits import Limits, amount

MAX_REPORT = 4 * 1024**2  # bytes
MAX_TEXTS = 2_000  # of an image
MAX_TEXT = 2_000  # characters
MAX_REASON = 500

_HINTS = {"SIGSEGV": ", as by recursion that is too deep", "SIGSYS": ", as by a system call that is refused"}


@dataclass(frozen=True)
class Text:
    """A text artist of a saved figure.

    Attributes:
        string: As the script gave it, so with the dollars of mathtext.
        left, top, right, bottom: Its box in pixels of the saved image, whose upper left corner is (0, 0). A text that
            leaves the image has a box that does.
        rotation: Degrees, counter-clockwise, 0 to 360.
    """

    string: str
    left: float
    top: float
    right: float
    bottom: float
    rotation: float


@dataclass(frozen=True)
class Result:
    """How a script ended.

    Attributes:
        ok: It ended normally, and there is an image.
        reason: Empty when ok; else one sentence that whoever repairs the script can act on.
        images: PNG bytes by file name, in the order of saving; some may be there when not ok.
        texts: For each image that the script saved by matplotlib, the texts that were drawn on it. Only as true as the
            script: see the module.
        stdout: What it printed, cut to `Limits.output_chars`.
        stderr: The same of its warnings and its traceback.
    """

    ok: bool
    reason: str
    images: dict[str, bytes]
    texts: dict[str, tuple[Text, ...]]
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Report:
    """What the script's process says of itself: whether the script ran through, why not, and what it saved."""

    ran: bool
    reason: str
    images: dict[str, tuple[Text, ...]]


def read_report(data: bytes) -> Report | None:
    """Reads a report that may be forged; None if it has not the form of one."""
    if len(data) > MAX_REPORT:
        return None
    try:
        report = json.loads(data)
        images = {_name(name): _texts(texts) for name, texts in report["images"]}
        return Report(report["ran"] is True, one_line(report["reason"]), images)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None


def ending(status: int, cpu: float, killed: str, limits: Limits) -> str:
    """Why a process was ended from outside, in words; empty if it was not.

    Args:
        status: Its exit code, or minus the signal that ended it.
        cpu: Seconds of CPU time that it used.
        killed: The field of [`Limits`] for which the server ended it, or `gone`, or empty.
        limits: What it might use.
    """
    if killed:
        return {
            "wall_seconds": f"ran longer than {limits.wall_seconds:g} s",
            "max_files": f"made more than {limits.max_files:,} files and folders, or folders nested too deeply",
            "gone": "was ended together with the sandbox",
            "total_bytes": f"wrote more than {amount(limits.total_bytes)} in all",
        }[killed]
    if status >= 0:
        return ""
    name = signal.Signals(-status).name if -status in set(signal.Signals) else f"signal {-status}"
    if name == "SIGXCPU" or (name == "SIGKILL" and cpu >= limits.cpu_seconds):
        return f"used more than {limits.cpu_seconds:g} s of CPU time"
    if name == "SIGXFSZ":
        return f"wrote a file of more than {amount(limits.file_bytes)}"
    return f"the script's process was ended by {name}{_HINTS.get(name, '')}"


def one_line(text: Any) -> str:
    """Text from the script as one line of bounded length that can be printed."""
    if not isinstance(text, str):
        raise TypeError(f"a text is expected, not {type(text).__name__}")
    words = "".join(letter if letter.isprintable() else " " for letter in text[: 4 * MAX_REASON]).split()
    line = " ".join(words)
    return line if len(line) <= MAX_REASON else line[: MAX_REASON - 1] + "…"


def _name(name: Any) -> str:
    if not isinstance(name, str) or len(name) > 4_096:
        raise ValueError("no name of a file")
    return name


def _texts(texts: Any) -> tuple[Text, ...]:
    if not isinstance(texts, list) or len(texts) > MAX_TEXTS:
        raise ValueError("not a list of texts, or too long")
    return tuple(_text(*text) for text in texts)


def _text(string: Any, *numbers: Any) -> Text:
    if not isinstance(string, str) or len(string) > MAX_TEXT:
        raise ValueError("no text, or too long")
    values = [float(number) for number in numbers if isinstance(number, int | float)]
    if len(values) != 5 or not all(math.isfinite(value) for value in values):
        raise ValueError("a text has a box and a rotation")
    string.encode()  # a lone surrogate is refused here rather than by whoever stores it
    return Text(string, *values)
