"""The model card of an LMM or an adapter: its parts, stage by stage what it was trained on and how, results, citation.

What the card tells is kept beside it, so that the next stage, merging and publishing can tell it again:

    lmm_history.json   {"tower": {...}, "llm": {...}, "stages": [{"stage": "align", "data": [...], ...}], "card": ...}
    README.md          the card
    .eval_results/     results, as `mmgeolm evaluate` writes them
"""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import datasets
import numpy as np
import yaml
from huggingface_hub import (
    EvalResultEntry,
    ModelCard,
    ModelCardData,
    hf_hub_download,
    parse_eval_result_entries,
)
from huggingface_hub.errors import EntryNotFoundError, HFValidationError
from transformers import LlavaConfig

if TYPE_CHECKING:
    from trainers.sft_config import InstructionConfig

HISTORY = "lmm_history.json"
CARD = "README.md"
RESULTS = ".eval_results"
TEMPLATE = Path(__file__).with_name("lmm_card.md.jinja")
# What a reader needs to train the same model again.
SETTINGS = (
    "learning_rate", "lr_scheduler_type", "warmup_steps", "weight_decay", "num_train_epochs", "max_steps",
    "per_device_train_batch_size", "gradient_accumulation_steps", "max_length", "train_sampling_strategy", "bf16",
    "fp16", "seed",
)  # fmt: skip
_SOURCES = 20  # different sources of a data set that are named

History = dict[str, Any]


def new_history(config: LlavaConfig, tower: Any = "", llm: Any = "") -> History:
    """The history of an LMM that no stage has trained yet.

    Args:
        config (`LlavaConfig`): tells the kinds of its parts.
        tower, llm (`str`, `os.PathLike` or `PreTrainedModel`, *optional*): what they were read from. Names on the Hub
            are told, folders of this machine are not.
    """
    return {
        "tower": {"type": config.vision_config.model_type, "name": hub_name(tower)},
        "llm": {"type": config.text_config.model_type, "name": hub_name(llm)},
        "stages": [],
    }


def hub_name(part: Any) -> str | None:
    """The name on the Hub of a model or of what it was loaded from, or `None` where it is a folder or unknown."""
    name = part if isinstance(part, str | os.PathLike) else getattr(part, "name_or_path", "")
    name = os.fspath(name)
    return name if re.fullmatch(r"\w[\w.-]*/[\w.-]+", name) and not Path(name).exists() else None


def read_history(name: str | os.PathLike) -> History | None:
    """The history beside a model or adapter, in a folder or on the Hub; `None` if there is none, or no way to it.

    Raises:
        ValueError: when there is one and it cannot be read.
    """
    path = Path(name) / HISTORY
    if not Path(name).is_dir():
        try:
            path = Path(hf_hub_download(os.fspath(name), HISTORY))
        except (OSError, EntryNotFoundError, HFValidationError):
            return None
    if not path.is_file():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as problem:
        raise ValueError(f"{path} is no JSON ({problem}); take it away, and the card starts anew.") from problem


def stage_facts(
    stage: str,
    trained: str,
    sources: Mapping[str, datasets.Dataset],
    plan: datasets.Dataset,
    passes: Mapping[str, float],
    args: "InstructionConfig",
    **settings: Any,
) -> dict[str, Any]:
    """What the card tells of a stage.

    Args:
        stage (`str`): `align` or `sft`.
        trained (`str`): what of the model is trained, as `--train` names it; `projector` in alignment.
        sources (`dict[str, Dataset]`): Instructions data sets by name.
        plan (`Dataset`): of [`~trainers.instruction_data.mixed`]: the records of one epoch.
        passes (`dict[str, float]`): through each data set in an epoch, 1 where it is not named.
        args ([`InstructionConfig`]): how it is trained.
        settings: further ones, as `lora_r=128`.
    """
    counts = np.bincount(np.asarray(plan.with_format(None)["data"][:]), minlength=len(sources))
    values = {name: getattr(args, name) for name in SETTINGS}
    values = {name: getattr(value, "value", value) for name, value in values.items()}
    return {
        "stage": stage,
        "trained": trained,
        "data": [
            {"name": name, "records": int(count), "passes": passes.get(name, 1), "sources": origins(source)}
            for (name, source), count in zip(sources.items(), counts, strict=True)
        ],
        "settings": {name: value for name, value in {**values, **settings}.items() if value is not None},
        "processes": args.world_size,
    }


def origins(source: datasets.Dataset) -> list[str]:
    """What a data set's records say they come from, licences included; of paths only the last part."""
    if "source" not in source.column_names:
        return []
    found = sorted({text.strip() for text in source.unique("source") if text and text.strip()})
    found = [Path(text).name if Path(text).is_absolute() else text for text in found]
    more = len(found) - _SOURCES
    return [*found[:_SOURCES], f"and {more} more"] if more > 0 else found


def write_card(folder: str | os.PathLike, history: History, name: str | None = None) -> None:
    """Write card and history to a model's or adapter's folder.

    Args:
        folder (`str` or `os.PathLike`): with the results, if there are any.
        history (`dict`): of the model; the card's digest is put into the one that is written.
        name (`str`, *optional*): of the model on the Hub; by default the folder's.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    card = str(lmm_card(folder, history, name or folder.resolve().name))
    (folder / CARD).write_text(card, encoding="utf-8")
    history = {**history, "card": _digest(card)}
    (folder / HISTORY).write_text(_json(history), encoding="utf-8")


def card_to_publish(folder: Path, name: str, base: str | None = None) -> tuple[str, str | None]:
    """Card and history with the name that the model gets. The card is written anew, with the results of today, unless
    somebody has edited it: then it is kept but for the base in its head.

    Args:
        folder (`Path`): of the model or adapter.
        name (`str`): that it gets on the Hub.
        base (`str`, *optional*): of an adapter, the name of its base on the Hub.

    Returns:
        The texts of both files, `None` for a history that is not there.

    Raises:
        ValueError: when there is neither a history nor a card, or what is there cannot be read.
    """
    history = read_history(folder)
    text = (folder / CARD).read_text(encoding="utf-8") if (folder / CARD).is_file() else None
    if history is not None:
        history = {**history, "base": base} if base else history
        if text is None or _digest(text) == history.get("card"):
            text = str(lmm_card(folder, history, name))
            history = {**history, "card": _digest(text)}
        elif base:
            text = _with_base(text, base)
        return text, _json(history)
    if text is None:
        raise ValueError(f"{folder} has no card; write a {CARD} that says what the model was trained from and on.")
    return _with_base(text, base) if base else text, None


def _with_base(text: str, base: str) -> str:
    card = ModelCard(text)
    card.data.base_model = base
    return str(card)


def lmm_card(folder: Path, history: History, name: str) -> ModelCard:
    """The card of an LMM or adapter.

    Args:
        folder (`Path`): whose results it tells, and where an adapter is told from a model.
        history (`dict`): of the model.
        name (`str`): of the model.
    """
    stages = history["stages"]
    adapter = bool(stages) and stages[-1]["trained"] == "lora" and not stages[-1].get("merged")
    base = history.get("base")
    parts = [part["name"] for part in (history["llm"], history["tower"]) if part["name"]]
    data = ModelCardData(
        base_model=base or parts or None,
        base_model_relation=("adapter" if adapter else "finetune") if base else None,
        datasets=sorted({entry["hub"] for stage in stages for entry in stage["data"] if entry.get("hub")}) or None,
        library_name="peft" if adapter else "transformers",
        pipeline_tag="image-text-to-text",
        tags=["geometry", "mmgeolm"],
    )
    return ModelCard.from_template(
        data,
        template_path=str(TEMPLATE),
        name=name.split("/")[-1],
        repo=name,
        adapter=adapter,
        base=base,
        tower=history["tower"],
        llm=history["llm"],
        stages=stages,
        results=results(folder),
    )


def results(folder: Path) -> list[EvalResultEntry]:
    """The entries of the folder's `.eval_results/*.yaml`.

    Raises:
        ValueError: for a file that is none of that form.
    """
    entries = []
    for file in sorted((folder / RESULTS).glob("*.yaml")):
        try:
            entries += parse_eval_result_entries(yaml.safe_load(file.read_text(encoding="utf-8")))
        except (yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError) as problem:
            raise ValueError(
                f"{file} holds no results in the Hub's form ({type(problem).__name__}: {problem}); write it with "
                "`mmgeolm evaluate`, or take it away."
            ) from problem
    return entries


def _json(history: History) -> str:
    return json.dumps(history, indent=1, ensure_ascii=False) + "\n"


def _digest(card: str) -> str:
    return hashlib.sha256(card.encode("utf-8")).hexdigest()
