"""What the Trainer makes of the data sets it is given: checks with a remedy, mixtures, images left undecoded."""

import math
from collections.abc import Sized
from typing import Any

import datasets
import pyarrow.compute as pc
import torch

from modeling_mmclip import MMCLIPModel

from .mixture import EvaluationRecords, TrainingRecords
from .mmclip_config import MMCLIPTrainingArguments

REQUIRED = ("image", "caption")
IMAGE_COLUMNS = ("image", "negative_images")


def named(source: Any) -> dict[str, Any]:
    """Data sets by name; a single one is called `train`."""
    if source is None:
        return {}
    return dict(source) if isinstance(source, dict) else {"train": source}


def is_stream(source: Any) -> bool:
    """Whether records come one after the other only, without positions and perhaps without a known number."""
    return isinstance(source, torch.utils.data.IterableDataset | datasets.IterableDataset)


def column_names(source: Any) -> list[str] | None:
    """Columns of a data set, or those of its first records; `None` where only iterating would tell."""
    if is_stream(source):
        return getattr(source, "column_names", None)
    if isinstance(source, datasets.Dataset) and source.format["type"] != "custom":
        return source.column_names
    # Those that a transform makes are known from its records alone. A first record without caption is only one bad
    # record, so some more are looked at.
    names: dict[str, None] = {}
    for place in range(min(len(source), 100)):
        names |= dict.fromkeys(source[place])
        if set(REQUIRED) <= set(names):
            break
    return list(names)


def check_columns(name: str, source: Any) -> None:
    """Raise `ValueError` unless a data set has records with `image` and `caption`."""
    if hasattr(source, "__len__") and len(source) == 0:
        raise ValueError(f"The data set {name!r} is empty; look at what it was read from, or leave it out.")
    columns = column_names(source)
    missing = [column for column in REQUIRED if columns is not None and column not in columns]
    if missing:
        raise ValueError(
            f"The data set {name!r} has no column {missing[0]!r}, only {', '.join(columns)}; rename the one that "
            f"holds the {missing[0]}s with `rename_column`."
        )


def check_negatives(sources: dict[str, Any], args: MMCLIPTrainingArguments) -> None:
    """Raise `ValueError` when a stage with `hard` candidates draws only from data without any negative."""
    empty = {name for name, source in sources.items() if not may_have_negatives(source)}
    for stage in args.stage_list():
        used = {name for name, weight in stage.mixture.items() if weight > 0} or set(sources)
        if (stage.candidates or args.candidates) == "hard" and used and used <= empty:
            raise ValueError(
                f"No record of {', '.join(sorted(used))} has a hard negative, so `candidates='hard'` has nothing to "
                "learn from. Add negative_captions or negative_images, or set `candidates='in_batch'`."
            )


def may_have_negatives(source: Any) -> bool:
    """Whether any record has a negative; assumed of streams, which cannot be looked through."""
    if isinstance(source, datasets.Dataset) and source.format["type"] != "custom":
        # A column of another type is no list of negatives: the collator names its records.
        columns = [
            name
            for name in ("negative_captions", "negative_images")
            if isinstance(source.features.get(name), datasets.List)
        ]
        source = source.select_columns(columns).with_format("arrow") if columns else None
        if source is None:
            return False
        return any(
            (pc.sum(pc.list_value_length(batch[name])).as_py() or 0) > 0
            for batch in source.iter(10_000)
            for name in columns
        )
    if is_stream(source):
        return True
    # The collator names a column that is no list; here it only has to be there.
    lists = (source[i].get(column) for i in range(len(source)) for column in ("negative_captions", "negative_images"))
    return any(values is not None and (not isinstance(values, Sized) or len(values) > 0) for values in lists)


def check_batch(args: MMCLIPTrainingArguments, model: MMCLIPModel) -> None:
    """Raise `ValueError` for a batch that has nothing to contrast, or a model with nothing to train."""
    alone = args.per_device_train_batch_size * (args.world_size if args.gather_across_devices else 1) == 1
    if alone and any((stage.candidates or args.candidates) == "in_batch" for stage in args.stage_list()):
        raise ValueError(
            "`candidates='in_batch'` with one record per batch has nothing to tell it from: raise "
            "`per_device_train_batch_size`, or start more processes with `gather_across_devices=True`."
        )
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ValueError("Nothing is left to train: unfreeze a tower.")


def training_records(sources: dict[str, Any], args: MMCLIPTrainingArguments) -> Any:
    """The training data set in the order of `args.mixture` or `args.stages`; a single stream stays one."""
    sources = {name: undecoded(source) for name, source in sources.items()}
    if not sources:
        return None
    streams = [name for name, source in sources.items() if is_stream(source)]
    if streams:
        if len(sources) > 1 or args.stages is not None or args.mixture is not None:
            raise ValueError(
                f"The data set {streams[0]!r} is a stream; mixtures and stages need data sets of known length. Mix "
                "streams with `datasets.interleave_datasets`, and train the stages one after the other."
            )
        return sources[streams[0]]
    length = sum(len(source) for source in sources.values())
    batch = args.per_device_train_batch_size * args.world_size * args.gradient_accumulation_steps
    steps = args.max_steps if args.max_steps > 0 else math.ceil(args.num_train_epochs * math.ceil(length / batch))
    total = steps * batch
    seed = args.data_seed if args.data_seed is not None else args.seed
    return TrainingRecords(sources, args.stage_list(), args.candidates, length, total, batch, seed)


def evaluation_records(source: Any, args: MMCLIPTrainingArguments, name: str = "eval") -> Any:
    """Evaluation data with random captions added; a dict of data sets stays one. Raises as [`check_columns`]."""
    if isinstance(source, dict):
        return {name: evaluation_records(part, args, name) for name, part in source.items()}
    if source is None or isinstance(source, EvaluationRecords):
        return source
    check_columns(name, source)
    if is_stream(source):
        return undecoded(source)
    if isinstance(source, datasets.Dataset) and source.format["type"] != "custom":
        captions = source["caption"]
    else:
        captions = [source[position].get("caption") for position in range(len(source))]
    return EvaluationRecords(undecoded(source), captions, args.eval_random_negatives, args.seed)


def undecoded(source: Any) -> Any:
    """A data set whose images are decoded by the collator: only those that are used, and a bad one can be left out."""
    if isinstance(source, datasets.Dataset) and source.format["type"] != "custom":
        return StoredRows(source)
    if isinstance(source, datasets.IterableDataset) and source.features:
        for name in set(IMAGE_COLUMNS) & set(source.features):
            raw = datasets.Image(decode=False)
            source = source.cast_column(name, raw if name == "image" else datasets.List(raw))
    return source


class StoredRows(torch.utils.data.Dataset):
    """The rows of a `datasets.Dataset` as they are stored: images as `{"bytes", "path"}`.

    `cast_column` to `List(Image(decode=False))` would say the same, but copies the whole table.
    """

    def __init__(self, source: datasets.Dataset):
        self.rows = source.with_format("arrow")

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, position: int) -> dict[str, Any]:
        return self.rows[position].to_pylist()[0]
