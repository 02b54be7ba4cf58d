"""A folder in which a script has worked: how much is in it, which images, and how to empty it. Nothing is trusted."""

import io
import os
import secrets
import stat
import struct
from collections.abc import Iterable, Iterator

from PIL import Image

from dataset_builders.sandbox.limits import Limits, amount

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_DEPTH = 32
_MOST_IMAGES = 10  # they are decoded outside the script's limits, and a file of 100 KB may take half a second


def exceeded(folder: str, limits: Limits) -> str:
    """Which limit a folder is over, as a field of [`Limits`]; empty if none. The script may be at work in it."""
    count, total = 0, 0
    try:
        for _, status in _walk(folder):
            count += 1
            total += status.st_blocks * 512
            if count > limits.max_files:
                return "max_files"
            if total > limits.total_bytes:
                return "total_bytes"
    except OSError:  # too deep, or closed against us
        return "max_files"
    return ""


def collect(folder: str, names: Iterable[str], limits: Limits) -> tuple[dict[str, bytes], list[str]]:
    """The PNG images in a folder in which nothing is at work any more.

    Args:
        folder: With files of any kind, links and the like perhaps among them; only plain files are opened.
        names: What the script says it saved, in order, relative to the folder. Other PNG files come after them by age.
        limits: Of the number of files, their bytes and an image's pixels.

    Returns:
        PNG bytes by name, and sentences about files that were to be images and are none that can be used. At most 10
        are looked at.
    """
    found = {}
    try:
        for place, status in _walk(folder):
            if place.lower().endswith(".png") and not stat.S_ISDIR(status.st_mode):
                found[place] = status.st_mtime_ns
            if len(found) > limits.max_files:
                break
    except OSError as error:
        return {}, [f"the script's folder cannot be read ({type(error).__name__})"]
    said = [name for name in dict.fromkeys(names) if name in found]
    rest = sorted(set(found) - set(said), key=lambda name: (found[name], name))
    images, problems, total = {}, [], 0
    for name in (said + rest)[:_MOST_IMAGES]:
        try:
            data = _read(folder, name, limits.file_bytes)
            check_png(data, limits)
            name.encode()
        except (ValueError, OSError) as error:
            problems.append(f"{name.encode(errors='replace').decode()[:100]} is no image that can be used: {error}")
            continue
        total += len(data)
        if total > limits.total_bytes:
            problems.append(f"the images have more than {amount(limits.total_bytes)} in all")
            break
        images[name] = data
    if len(found) > _MOST_IMAGES:
        problems.append(f"it saved more than {_MOST_IMAGES} images")
    return images, problems


def check_png(data: bytes, limits: Limits) -> None:
    """Decodes an image.

    Raises:
        ValueError: if it is not one whole, still PNG image of at most `limits.max_pixels`.
    """
    if data[:8] != _SIGNATURE or data[12:16] != b"IHDR" or len(data) < 33 or not data.endswith(_END):
        raise ValueError("it is not a PNG file, or not a whole one")
    width, height = struct.unpack(">II", data[16:24])
    if not 0 < width * height <= limits.max_pixels:
        raise ValueError(f"it is {width} × {height} pixels; at most {limits.max_pixels:,} are allowed")
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            still = getattr(image, "n_frames", 1) == 1
            image.load()
    except Exception as error:  # whatever a decoder raises for bytes that somebody may have made to break it
        raise ValueError(f"it does not decode ({type(error).__name__})") from None
    if not still:
        raise ValueError("it is an animation")


def empty(folder: str) -> None:
    """Removes all there is in a folder, however deep, in which nothing is at work any more; links are not followed."""
    root = os.open(folder, _FOLDER)
    prefix, moved = f".{secrets.token_hex(8)}-", 0  # no name that the script can have taken
    try:
        while names := os.listdir(root):
            for name in names:
                if not _is_folder(name, root):
                    os.unlink(name, dir_fd=root)
                    continue
                inner = _open_folder(name, root)
                try:
                    for child in os.listdir(inner):
                        if _is_folder(child, inner):  # lifted, so that no path and no recursion grows with the depth
                            moved += 1
                            _open_up(child, inner)
                            os.rename(child, f"{prefix}{moved}", src_dir_fd=inner, dst_dir_fd=root)
                        else:
                            os.unlink(child, dir_fd=inner)
                finally:
                    os.close(inner)
                os.rmdir(name, dir_fd=root)
    finally:
        os.close(root)


def _walk(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """Every file and folder, with its path from `folder`; OSError beyond a depth that no script needs."""
    waiting = [("", 0)]
    while waiting:
        inside, depth = waiting.pop()
        if depth > _DEPTH:
            raise OSError("folders are nested too deeply")
        try:
            entries = os.scandir(os.path.join(folder, inside))
        except (FileNotFoundError, NotADirectoryError):  # gone between two looks, as below
            continue
        with entries:
            for entry in entries:
                place = os.path.join(inside, entry.name)
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                yield place, status
                if stat.S_ISDIR(status.st_mode):
                    waiting.append((place, depth + 1))


def _read(folder: str, name: str, most: int) -> bytes:
    """A plain file, opened from folder to folder so that no link is followed at any step."""
    *parts, last = name.split("/")
    current = os.open(folder, _FOLDER)
    try:
        for part in parts:
            inner = os.open(part, _FOLDER, dir_fd=current)
            os.close(current)
            current = inner
        descriptor = os.open(last, _FILE, dir_fd=current)
    finally:
        os.close(current)
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            raise ValueError("it is a link or a special file")
        data = file.read(most + 1)
    if len(data) > most:
        raise ValueError(f"it has more than {amount(most)}")
    return data


def _is_folder(name: str, parent: int) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)


def _open_folder(name: str, parent: int) -> int:
    _open_up(name, parent)
    return os.open(name, _FOLDER, dir_fd=parent)


def _open_up(name: str, parent: int) -> None:
    """Gives us the rights that a script may have made a folder without."""
    if os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode & 0o700 != 0o700:
        os.chmod(name, 0o700, dir_fd=parent)
