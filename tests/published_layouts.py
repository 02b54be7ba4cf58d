"""Small folders in the layouts in which data sets are published, made by the tests of their loaders."""

import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from PIL import Image


def png(width: int = 8) -> bytes:
    """A PNG file, white, 6 pixels high."""
    file = io.BytesIO()
    Image.new("L", (width, 6), 255).save(file, "PNG")
    return file.getvalue()


def written(path: Path, content: bytes | str | Any) -> Path:
    """A file with these bytes, this text, or this as JSON, and the folders that it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content, ensure_ascii=False))
    return path


def lines(records: Iterable[Any]) -> str:
    """JSON Lines."""
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def zipped(path: Path, members: Mapping[str, bytes]) -> Path:
    """A zip file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path
