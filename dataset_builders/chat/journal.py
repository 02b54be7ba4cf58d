"""A journal of paid answers: each is on the disk before it is used, so that a killed run pays for none twice.

JSON Lines, appended only: one line for each response, one for each request that may have been paid without one, and
one for each that the endpoint failed on when it did not answer anything else either.

    {"key": "5f0c…", "stage": "caption", "model": "m", "record": "7", "attempt": 0,
     "text": "△ABC is …", "finish": "stop", "input": 812, "output": 64}
    {"lost": true, "stage": "caption", "model": "m", "record": "8", "input": 3100, "output": 2048}
    {"failed": true, "key": "77ab…", "stage": "caption", "record": "8", "input": 0, "output": 0}

It holds neither prompts (the key is a digest of them) nor anything of the endpoint.
"""

import json
import logging
import os
import threading
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

logger = logging.getLogger(__name__)

Entry = dict[str, Any]


class Journal:
    """The answers in a file, by key.

    Attributes:
        answers: What was answered, by key.
        failed: Keys of requests that the endpoint failed on.
        input_tokens, output_tokens: Of all answers and all that may have been paid, those of earlier runs included.

    Raises:
        OSError: if the file cannot be written, or another process is writing it.
        ValueError: if a line other than a torn last one is no entry of a journal.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.answers: dict[str, Entry] = {}
        self.failed: set[str] = set()
        self.input_tokens = self.output_tokens = 0
        self._written = self._synced = 0
        self._writing, self._syncing = threading.Lock(), threading.Lock()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(self.path.with_name(f".{self.path.name}.lock"))
            self._lock.acquire(timeout=0)
        except Timeout:
            raise OSError(f"{self.path} is being written by another process; wait for it, or end it first.") from None
        except OSError as error:
            raise OSError(f"{self.path} cannot be written ({error.strerror or error}); name another place.") from None
        try:
            self._file = self.path.open("a+b")
            self._read()
        except BaseException:
            self._lock.release()
            raise

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *problem: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file and lets others write it."""
        self._file.close()
        self._lock.release()

    def _read(self) -> None:
        """Takes in what is there; a last line without its end was torn by a kill, and is cut off."""
        self._file.seek(0)
        whole = 0
        for number, line in enumerate(self._file, 1):
            if not line.endswith(b"\n"):
                logger.warning("%s: cut off the last line, which a killed run left unfinished.", self.path)
                self._file.truncate(whole)
                os.fsync(self._file.fileno())
                break
            whole += len(line)
            try:
                self._count(json.loads(line))
            except (ValueError, TypeError, KeyError, AttributeError):
                raise ValueError(
                    f"{self.path}, line {number}: not an entry of a journal; delete the line, or name another file."
                ) from None

    def _count(self, entry: Entry) -> None:
        self.input_tokens += entry["input"]
        self.output_tokens += entry["output"]
        if entry.get("failed"):
            self.failed.add(entry["key"])
        elif not entry.get("lost"):
            self.answers[entry["key"]] = entry

    def add(self, entry: Entry) -> None:
        """Writes an entry; it is on the disk when this returns. For threads: those that wait share one fsync.

        Raises:
            OSError: if the disk is full, say.
        """
        line = json.dumps(entry, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
        with self._writing:
            self._file.write(line)
            self._written += 1
            mine = self._written
        with self._syncing:
            if self._synced < mine:
                with self._writing:
                    self._file.flush()
                    upto = self._written
                os.fsync(self._file.fileno())
                self._synced = upto
        with self._writing:
            self._count(entry)
