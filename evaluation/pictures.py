"""The pictures that questions are about: files in a folder, or images inside a parquet file or a saved data set.

find_pictures("Geo170K", ["test/12.png"])       # the file, under whichever part of its name the folder has it
stored_pictures("testmini.parquet")             # for each row its images, each decoded when it is opened
"""

import hashlib
import io
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow
import pyarrow.parquet
from datasets import Image as ImageFeature
from datasets import List, load_from_disk
from PIL import Image, ImageOps

from modeling_mmclip.processing_mmclip import as_rgb

PICTURE_FOLDERS = ("", "images", "MM_Math")
"""Where below a folder its pictures may lie: the benchmarks' archives unpack into these."""


@dataclass(frozen=True)
class StoredPicture:
    """An image inside a table.

    Attributes:
        name (`str`): the place of the image, and a fingerprint of the table; for messages and for telling runs apart.
        read (`Callable`): gives the encoded file.
    """

    name: str
    read: Callable[[], bytes] = field(repr=False)

    def __str__(self) -> str:
        return self.name


Picture = Image.Image | StoredPicture | str | os.PathLike


def open_picture(picture: Picture) -> Image.Image:
    """A picture in RGB, upright as in training; transparent parts become white.

    Raises:
        ValueError: if it is missing or broken; the message names it.
    """
    try:
        if isinstance(picture, StoredPicture):
            image = Image.open(io.BytesIO(picture.read()))
        else:
            image = picture if isinstance(picture, Image.Image) else Image.open(picture)
        return as_rgb(ImageOps.exif_transpose(image))
    except FileNotFoundError as problem:
        raise ValueError(f"there is no picture {picture}") from problem
    except Exception as problem:  # PIL's readers raise many types on a broken file
        raise ValueError(f"the picture {picture} cannot be read ({problem})") from problem


def find_pictures(folder: str | os.PathLike, names: Iterable[str]) -> list[Path]:
    """Files in a folder by the names that a data set gives them.

    Data sets name pictures from different heights: `./Geo170K/images/test/0.png`, `test/0.png`, `0.png`. The longest
    end of the name that exists below the folder, or its `images`, is taken.

    Returns:
        `list[Path]`: one for each name; where nothing is found, the path at which the whole name would lie.
    """
    folder = Path(folder)
    return [_find(folder, name) for name in names]


def stored_pictures(path: str | os.PathLike) -> list[list[StoredPicture]] | None:
    """The images of each row of a parquet file, or of a folder that `Dataset.save_to_disk` wrote.

    Nothing is decoded before it is opened. Where several columns hold images, the first does.

    Returns:
        `list[list[StoredPicture]]`, or `None` if `path` is no such file or folder, or has no images inside.
    """
    path = Path(path)
    if path.suffix.lower() == ".parquet" and path.is_file():
        return _in_parquet(path)
    if (path / "state.json").is_file():
        return _in_data_set(path)
    return None


def _find(folder: Path, name: str) -> Path:
    # Without a root and without "..": a data file has no say over what lies outside the folder.
    parts = [part for part in PurePosixPath(str(name).replace("\\", "/")).parts if part not in ("/", "..", ".")]
    for start in range(len(parts)):
        for below in PICTURE_FOLDERS:
            path = folder.joinpath(below, *parts[start:])
            if path.is_file():
                return path
    return folder.joinpath(*parts)


def _in_parquet(path: Path) -> list[list[StoredPicture]] | None:
    schema = pyarrow.parquet.read_schema(path)
    columns = [item.name for item in schema if _holds_images(item.type)]
    if not columns:
        return None
    with path.open("rb") as file:
        source = f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()[:16]}"
    column = pyarrow.parquet.read_table(path, columns=columns[:1]).column(0)
    counts = [1] * len(column)
    if not pyarrow.types.is_struct(column.type):
        counts = [len(images) if images.is_valid else 0 for images in column]
    return _stored(source, counts, lambda row: column[row].as_py(), path.parent)


def _in_data_set(path: Path) -> list[list[StoredPicture]] | None:
    data = load_from_disk(str(path))
    columns = [name for name, feature in data.features.items() if _is_image(feature)]
    if not columns:
        return None
    name, feature = columns[0], data.features[columns[0]]
    undecoded = ImageFeature(decode=False)
    several = isinstance(feature, List)
    data = data.select_columns([name]).cast_column(name, List(undecoded) if several else undecoded)
    counts = [len(row[name]) for row in data] if several else [1] * len(data)
    return _stored(f"{path.name} {data._fingerprint}", counts, lambda row: data[row][name], path)


def _stored(
    source: str, counts: Sequence[int], row_of: Callable[[int], Any], folder: Path
) -> list[list[StoredPicture]]:
    def reader(row: int, place: int) -> Callable[[], bytes]:
        def read() -> bytes:
            images = row_of(row)
            image = images[place] if isinstance(images, list) else images
            if image is None:
                raise ValueError("there is none")
            if image.get("bytes") is not None:
                return image["bytes"]
            return (folder / image["path"]).read_bytes()

        return read

    return [
        [StoredPicture(f"{place + 1} of row {row} of {source}", reader(row, place)) for place in range(count)]
        for row, count in enumerate(counts)
    ]


def _holds_images(kind: pyarrow.DataType) -> bool:
    if pyarrow.types.is_list(kind) or pyarrow.types.is_large_list(kind):
        return _holds_images(kind.value_type)
    if not pyarrow.types.is_struct(kind) or kind.get_field_index("bytes") < 0:
        return False
    inner = kind.field("bytes").type
    return pyarrow.types.is_binary(inner) or pyarrow.types.is_large_binary(inner)


def _is_image(feature: Any) -> bool:
    return isinstance(feature, ImageFeature) or (isinstance(feature, List) and _is_image(feature.feature))
