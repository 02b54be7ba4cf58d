"""Text negatives by a model (paper, section 2.2): edited captions of given records, checked by their words."""

from pathlib import Path
from typing import Any

from datasets import Dataset

from dataset_builders.build import TALLY
from dataset_builders.caption_records import stored_record
from dataset_builders.chat import RequestError
from dataset_builders.negatives.llm.asking import Desk
from dataset_builders.negatives.llm.outcomes import Outcome, read_outcome
from dataset_builders.negatives.llm.rewording import rewordings
from dataset_builders.records import BadRecord


async def caption_outcome(
    name: str, caption: str, desk: Desk, num_negatives: int, num_edits: tuple[int, int]
) -> Outcome:
    """Negative captions of a record, as many as pass the checks; none where the model has no usable answer."""
    try:
        found = await rewordings(desk, "rule_captions", name, caption, num_negatives, num_edits)
    except RequestError as error:
        return {"captions": [], "rejected": [], "shortfall": str(error)}
    return {
        "captions": list(found.captions),
        "rejected": list(found.rejected.elements()),
        "shortfall": found.shortfall,
    }


def caption_record(number: int, dataset: Dataset, folder: Path) -> dict[str, Any] | BadRecord:
    """The record with its outcome's captions as negatives, for [`~dataset_builders.build.build`]."""
    made = stored_record(number, dataset, num_negatives=0)
    if isinstance(made, BadRecord):
        return made
    outcome = read_outcome(folder, number)
    made["negative_captions"] = outcome["captions"]
    made["negative_caption_kinds"] = ["rule"] * len(outcome["captions"])
    made[TALLY] = {
        "rejected": outcome["rejected"],
        "shortfall": [outcome["shortfall"]] if outcome["shortfall"] else [],
    }
    return made
