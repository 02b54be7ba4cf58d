"""The options that `mmgeolm align` and `mmgeolm sft` add to trl's, and what they read from them."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import datasets
import huggingface_hub.errors

from dataset_builders.instructions import from_llava, instructions_dataset
from dataset_builders.sources.published import converted, read_records, records_with

TRAIN = ("full", "frozen_tower", "lora")


@dataclass
class StageArguments:
    """Which model, on which data."""

    model: str = field(default="", metadata={"help": "LMM to train: the folder of `mmgeolm assemble` or `align`."})
    mmclip: str = field(default="", metadata={"help": "In place of --model, with --llm: encoder to assemble from."})
    llm: str = field(default="", metadata={"help": "In place of --model, with --mmclip: language model."})
    data: list[str] = field(
        default_factory=list,
        metadata={
            "help": "Instructions: save_to_disk folder, JSON, JSONL, parquet, name on the Hub, or LOADER:PATH for a "
            "published data set; several as NAME=PATH."
        },
    )
    passes: dict | str | None = field(
        default=None, metadata={"help": 'Passes through a data set in an epoch, as JSON: {"own": 2}; 1 otherwise.'}
    )
    image_folder: str | None = field(
        default=None, metadata={"help": "Where relative image paths of JSON start; the file's folder by default."}
    )
    overwrite: bool = field(default=False, metadata={"help": "Train anew where --output_dir holds a model."})

    def __post_init__(self) -> None:
        if isinstance(self.passes, str):
            try:
                self.passes = json.loads(self.passes)
            except json.JSONDecodeError as error:
                raise ValueError(f"`passes` is {self.passes!r}, which is not JSON: {error.msg}.") from None
        self.passes = self.passes or {}
        if not isinstance(self.passes, dict):
            raise ValueError(f'`passes` is {self.passes!r}; it must be a mapping such as {{"own": 2}}.')


@dataclass
class AlignArguments(StageArguments):
    """Which model to align, on which data."""


@dataclass
class SFTArguments(StageArguments):
    """Which model to tune, what of it, on which data."""

    train: str = field(
        default="full", metadata={"help": "full, frozen_tower (all but the tower), or lora (and the projector)."}
    )
    lora_r: int = field(default=128, metadata={"help": "Rank of the adapters."})
    lora_alpha: int = field(default=256, metadata={"help": "The adapters' update is scaled by lora_alpha / lora_r."})
    lora_dropout: float = field(default=0.05, metadata={"help": "Dropout of the adapters' input."})

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.train not in TRAIN:
            raise ValueError(f"You set `train={self.train!r}`; it must be one of {', '.join(TRAIN)}.")
        if self.lora_r < 1:
            raise ValueError(f"You set `lora_r={self.lora_r}`; it must be at least 1.")


def load_data(script: StageArguments) -> dict[str, datasets.Dataset]:
    """The data sets of `--data` by name, a single one under its file's or folder's.

    Raises:
        ValueError: when there is none, two have one name, or one cannot be read.
        FileNotFoundError: when there is nothing at a path.
    """
    if not script.data:
        raise ValueError("pass --data with Instructions records: a folder, a JSON file, or a name on the Hub.")
    sources = {}
    for entry in script.data:
        name, equals, path = entry.partition("=")
        if not equals or Path(entry).exists():
            loader = entry.partition(":")[0]
            name, path = loader if loader in published_loaders() else Path(entry).stem, entry
        if name in sources:
            raise ValueError(
                f"two data sets are called {name!r}; give each a name: --data first=a.json second=b.json."
            )
        sources[name] = load_instructions(path, script.image_folder)
    return sources


def load_instructions(path: str, image_folder: str | Path | None = None) -> datasets.Dataset:
    """Instructions from a folder of `save_to_disk`, a JSON, JSON Lines or Parquet file, the Hub, or `LOADER:PATH`.

    JSON records have `messages` and `images`, or LLaVA's `conversations` and `image`.

    Args:
        path (`str`): where they are; of a data set on the Hub the split `train` is taken.
        image_folder (`str` or `Path`, *optional*): what image paths in JSON are relative to; the file's folder if not
            given.

    Raises:
        ValueError: when it cannot be read as what it claims to be.
        FileNotFoundError: when there is nothing of that name.
    """
    loader, colon, rest = path.partition(":")
    if colon and loader in published_loaders():
        return published_loaders()[loader](*([rest] if rest else []))[0]
    place = Path(path)
    if place.is_dir():
        return _from_folder(place)
    if place.suffix.lower() in (".json", ".jsonl"):
        if not place.is_file():
            raise FileNotFoundError(f"There is no file {path} to read instructions from.")
        return _from_json(place, Path(image_folder) if image_folder else place.parent)
    if place.suffix.lower() == ".parquet" and place.is_file():
        try:
            return datasets.Dataset.from_parquet(path)
        except Exception as error:  # pyarrow's and the builder's own exceptions share no base class
            raise ValueError(f"{path} cannot be read as Parquet ({error.__cause__ or error}).") from None
    if place.exists() or path.count("/") != 1 or path.startswith((".", "~")):
        raise FileNotFoundError(
            f"There are no instructions at {path}: name a folder written by save_to_disk, a .json, .jsonl or .parquet "
            f"file, a data set on the Hub, or LOADER:PATH with one of {', '.join(published_loaders())}."
        )
    try:
        return datasets.load_dataset(path, split="train")
    except (OSError, ValueError, huggingface_hub.errors.HfHubHTTPError) as error:
        reason = " ".join(str(error).split())[:200]
        raise FileNotFoundError(
            f"There is no folder {path}, and the Hub gives no data set of that name ({reason})."
        ) from None


def published_loaders() -> dict[str, Callable]:
    """Readers of published data sets, by the name that stands before the colon of `--data`."""
    from dataset_builders.sources import gllava, mavis, mm_math

    return {
        "gllava_alignment": gllava.gllava_alignment,
        "gllava_instruction": gllava.gllava_instruction,
        "mavis_alignment": mavis.mavis_alignment,
        "mavis_instruction": mavis.mavis_instruction,
        "mm_math_instruction": mm_math.mm_math_instruction,
    }


def _from_folder(folder: Path) -> datasets.Dataset:
    try:
        loaded = datasets.load_from_disk(str(folder))
    except FileNotFoundError:
        raise ValueError(f"{folder} is a folder that `save_to_disk` did not write; name the file in it.") from None
    if isinstance(loaded, datasets.DatasetDict):
        if "train" not in loaded:
            raise ValueError(f"{folder} holds the splits {sorted(loaded)}; name the folder of one of them.")
        return loaded["train"]
    return loaded


def _from_json(file: Path, base: Path) -> datasets.Dataset:
    first = next(iter(read_records(file)), None)
    ours = isinstance(first, dict) and "messages" in first

    def placed(images: list) -> list:
        return [str(base / image) if isinstance(image, str) else image for image in images]

    def own(record: dict, index: int) -> dict:
        images = record.get("images")
        return {**record, "images": placed(images) if isinstance(images, list) else images}

    def llava(record: dict, index: int) -> dict:
        image = record.get("image", record.get("images"))
        images = [] if image is None else image if isinstance(image, list) else [image]
        return from_llava(record.get("conversations"), placed(images), record.get("id"), record.get("source") or "")

    name = "messages" if ours else "conversations"
    records = records_with(file, [name], "a file of Instructions (`messages`) or of LLaVA's `conversations`")
    return instructions_dataset(converted(records, str(file), own if ours else llava), str(file))[0]
