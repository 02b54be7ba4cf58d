"""The model card of a trained encoder: data, hyperparameters, results beside what was forgotten, citation."""

from pathlib import Path
from typing import Any

import transformers
import yaml
from huggingface_hub import EvalResultEntry, ModelCard, ModelCardData, eval_result_entries_to_yaml

TEMPLATE = Path(__file__).with_name("model_card.jinja")

# What a reader needs to train the same model again; the rest is in training_args.bin.
HYPERPARAMETERS = (
    "loss", "candidates", "hardness", "stages", "mixture", "max_negatives", "negative_choice", "learning_rate",
    "vision_learning_rate", "text_learning_rate", "freeze_vision_tower", "freeze_text_tower", "lr_scheduler_type",
    "warmup_steps", "weight_decay", "num_train_epochs", "max_steps", "per_device_train_batch_size",
    "gradient_accumulation_steps", "gather_across_devices", "gradient_cache_chunk_size", "anchors_per_micro_batch",
    "bf16", "fp16", "seed",
)  # fmt: skip
MOST_ORIGINS = 8


def mmclip_model_card(
    trainer: Any,
    model_name: str | None = None,
    dataset: str | list[str] | None = None,
    license: str | None = None,
    tags: str | list[str] | None = None,
    **kwargs: Any,
) -> ModelCard:
    """The card of what a [`MMCLIPTrainer`] has trained so far.

    Args:
        trainer ([`MMCLIPTrainer`]): with its state, arguments and data.
        model_name (`str`, *optional*): defaults to the name of the output folder.
        dataset (`str` or `list[str]`, *optional*): names of data sets on the Hub.
        license (`str`, *optional*): defaults to none stated, as it follows from backbone and data.
        tags (`str` or `list[str]`, *optional*): further ones.
        kwargs: further metadata of the card.
    """
    args, state = trainer.args, trainer.state
    model = trainer.accelerator.unwrap_model(trainer.model)
    backbone = getattr(model.backbone, "name_or_path", "") or model.config.backbone_config._name_or_path
    # A folder of somebody's machine is no model on the Hub, and nobody else's business.
    base_model = backbone if backbone and not Path(backbone).exists() and backbone.count("/") == 1 else None
    first, last = evaluations(state.log_history, state.best_global_step if args.load_best_model_at_end else None)
    data = ModelCardData(
        base_model=base_model,
        datasets=[dataset] if isinstance(dataset, str) else dataset,
        license=license,
        library_name="transformers",
        pipeline_tag="zero-shot-image-classification",
        tags=sorted({*trainer._tag_names, *([tags] if isinstance(tags, str) else tags or [])}),
        **{name: value for name, value in kwargs.items() if value is not None},
    )
    return ModelCard.from_template(
        data,
        template_path=str(TEMPLATE),
        name=model_name or Path(args.output_dir).resolve().name,
        backbone_type=model.config.backbone_config.model_type,
        base_model=base_model,
        sources={
            name: (len(source) if hasattr(source, "__len__") else None, origins(source))
            for name, source in trainer.train_sources.items()
        },
        hyperparameters={
            name: getattr(getattr(args, name), "value", getattr(args, name))
            for name in HYPERPARAMETERS
            if getattr(args, name) is not None
        },
        steps=state.global_step,
        world_size=args.world_size,
        rows=result_rows(first, last),
        skipped=len(set(trainer.skipped)),
        repo=args.hub_model_id or (model_name or Path(args.output_dir).resolve().name),
        version=transformers.__version__,
    )


def origins(records: Any) -> str:
    """What the records' `source` says of their origin and licence; empty where they do not say."""
    if "source" not in (getattr(records, "column_names", None) or []) or not hasattr(records, "unique"):
        return ""
    found = sorted(str(source) for source in records.unique("source") if source)
    return "; ".join(found[:MOST_ORIGINS]) + ("; …" if len(found) > MOST_ORIGINS else "")


def eval_results(trainer: Any, dataset: str) -> str | None:
    """YAML for `.eval_results/retrieval.yaml` of a model repository: Hit@1 and MRR by kind of negative, in percent.

    Args:
        trainer ([`MMCLIPTrainer`]): after an evaluation.
        dataset (`str`): name on the Hub of the data set that was evaluated on.

    Returns:
        `None` where nothing was evaluated.
    """
    state = trainer.state
    best = state.best_global_step if trainer.args.load_best_model_at_end else None
    rows = result_rows(*evaluations(state.log_history, best))
    entries = [
        EvalResultEntry(
            dataset_id=dataset,
            task_id=f"{row['name']}_{figure}",
            value=round(row[name], 2),
            notes=f"{row['anchors']} anchors, chance {row['chance']:.1f}" if row["chance"] is not None else None,
        )
        for row in rows
        for figure, name in (("hit@1", "hit1"), ("mrr", "mrr"))
        if row[name] is not None
    ]
    return yaml.safe_dump(eval_result_entries_to_yaml(entries), sort_keys=False) if entries else None


def evaluations(
    log_history: list[dict[str, float]], best_step: int | None = None
) -> tuple[dict[str, float], dict[str, float]]:
    """The figures before training and those of the model as it is now.

    Args:
        log_history (`list[dict]`): of the Trainer's state; each evaluation set has an entry of its own.
        best_step (`int`, *optional*): the step whose model was loaded at the end of training.

    Returns:
        Two dictionaries of figures by name. The first has only what was evaluated more than once.
    """
    end = max((place for place, entry in enumerate(log_history) if "train_runtime" in entry), default=None)
    first, last = {}, {}
    for place, entry in enumerate(log_history):
        if not any(key.endswith("_hit@1") for key in entry):
            continue
        # What was evaluated after the best step and before it was loaded is of a model that is gone.
        gone = end is not None and place < end and best_step is not None and entry["step"] > best_step
        for key, value in ({} if gone else entry).items():
            if key in last:
                first.setdefault(key, last[key])
            last[key] = value
    return first, last


def result_rows(first: dict[str, float], last: dict[str, float]) -> list[dict[str, Any]]:
    """One row for each kind of negative: Hit@1 before and after, Hit@5, MRR, chance, all in percent but the count."""
    rows = []
    for key in last:
        if not key.endswith("_hit@1"):
            continue
        name = key.removesuffix("_hit@1")
        rows.append(
            {
                "name": name.removeprefix("eval_"),
                "before": percent(first, key),
                "hit1": percent(last, key),
                "hit5": percent(last, f"{name}_hit@5"),
                "mrr": percent(last, f"{name}_mrr"),
                "chance": percent(last, f"{name}_chance"),
                "anchors": last.get(f"{name}_anchors"),
            }
        )
    return rows


def percent(figures: dict[str, float], name: str) -> float | None:
    """A figure in percent; `None` where metrics of the user's own lack it."""
    return 100 * figures[name] if name in figures else None
