# /// script
# dependencies = ["mmgeolm"]
# ///
"""
Train an encoder on diagrams and hard negatives of your own, from a CSV file.

python examples/scripts/own_negatives.py \
    --model_name_or_path BAAI/AltCLIP \
    --train_csv pairs.csv \
    --eval_csv held_out.csv \
    --candidates hybrid \
    --num_train_epochs 3 \
    --output_dir AltCLIP-own

pairs.csv has a diagram and its caption in each row, and any number of captions that are almost right, either a column
each (empty where a row has fewer) or all in one column `negatives`, as a JSON list:

    image,caption,negative_1,negative_2
    figures/1.png,AB is parallel to CD.,AB is perpendicular to CD.,AC is parallel to BD.
    figures/2.png,AB = 6 and BC = 8.,AB = 8 and BC = 6.,

    image,caption,negatives
    figures/1.png,AB is parallel to CD.,"[""AB is perpendicular to CD."", ""AC is parallel to BD.""]"

Rows that cannot be used are left out, counted and named in the log with their line.
"""

import csv
import json
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from trl import TrlParser

from dataset_builders.records import BadRecord, hard_negatives_dataset
from modeling_mmclip import MMCLIPModel, MMCLIPProcessor
from trainers import MMCLIPTrainer, MMCLIPTrainingArguments

LIST = "negatives"
ONE_EACH = re.compile(r"negative_\d+")


@dataclass
class OwnNegativesArguments:
    """What to train, and on which files."""

    model_name_or_path: str = field(metadata={"help": "Backbone: a name on the Hub or a folder."})
    train_csv: str = field(metadata={"help": "CSV with `image`, `caption` and the negatives of each."})
    eval_csv: str | None = field(default=None, metadata={"help": "Rows to evaluate on, in the same form."})
    image_folder: str | None = field(default=None, metadata={"help": "Where image paths start; by default the file."})


def load_csv(path: str | Path, image_folder: str | Path | None = None) -> tuple[Dataset, list[BadRecord]]:
    """HardNegatives records from a CSV file, and the rows that were left out.

    Raises:
        ValueError: if the columns are not those of the head of this script, or not one row can be used.
    """
    path = Path(path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        columns = reader.fieldnames or []
        lists = [name for name in columns if name == LIST or ONE_EACH.fullmatch(name)]
        if not {"image", "caption"} <= set(columns) or not lists:
            raise ValueError(
                f"{path} has the columns {', '.join(columns) or 'of an empty file'}; it needs image, caption, and "
                f"{LIST} or negative_1, negative_2, …"
            )
        return hard_negatives_dataset(records(reader, path, Path(image_folder or path.parent)), str(path))


def records(reader: csv.DictReader, path: Path, folder: Path) -> Iterator[dict[str, Any] | BadRecord]:
    """A record for each row; in place of a row that is none, what is wrong with it."""
    for index, row in enumerate(reader):
        try:
            negatives = negatives_of(row)
            if None in row:
                raise ValueError("it has more fields than the file has columns; put texts with commas into quotes")
            if not row["image"]:
                raise ValueError("it names no image")
        except ValueError as problem:
            yield BadRecord(str(path), index, "row", f"line {reader.line_num}: {problem}.")
            continue
        yield {
            "id": row.get("id") or f"line {reader.line_num}",
            "image": str(folder / row["image"]),
            "caption": row["caption"] or "",
            "negative_captions": negatives,
            "negative_caption_kinds": ["rule"] * len(negatives),
            "source": path.name,
        }


def negatives_of(row: dict[str, Any]) -> list[str]:
    """The captions of a row that are almost right; none is a proper number of them."""
    found = [text for name, text in row.items() if name and ONE_EACH.fullmatch(name) and (text or "").strip()]
    if (row.get(LIST) or "").strip():
        try:
            more = json.loads(row[LIST])
        except json.JSONDecodeError as error:
            raise ValueError(f"`{LIST}` is no JSON ({error.msg})") from None
        if not isinstance(more, list):
            raise ValueError(f"`{LIST}` is a JSON {type(more).__name__}; it must be a list of captions")
        found += more
    return found


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)  # names the rows that are left out
    parser = TrlParser((OwnNegativesArguments, MMCLIPTrainingArguments))
    script_args, training_args = parser.parse_args_and_config()

    ################
    # Model & processor
    ################
    model = MMCLIPModel.from_backbone(script_args.model_name_or_path, dtype=torch.float32)
    processor = MMCLIPProcessor.from_backbone(script_args.model_name_or_path)

    ################
    # Dataset
    ################
    train_dataset, left_out = load_csv(script_args.train_csv, script_args.image_folder)
    eval_dataset = load_csv(script_args.eval_csv, script_args.image_folder)[0] if script_args.eval_csv else None
    print(f"{len(train_dataset)} records to train on; {len(left_out)} rows left out.")

    ################
    # Training
    ################
    trainer = MMCLIPTrainer(
        model,
        training_args,
        train_dataset=train_dataset,
        eval_dataset=eval_dataset,
        processing_class=processor,
    )
    trainer.train(resume_from_checkpoint=training_args.resume_from_checkpoint)
    if eval_dataset is not None:
        trainer.log_metrics("eval", trainer.evaluate())

    trainer.save_model()
    trainer.create_model_card()
    if training_args.push_to_hub:
        trainer.push_to_hub()
    trainer.end()
