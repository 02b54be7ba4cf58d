"""Training arguments of MMCLIP."""

import json
from dataclasses import dataclass, field
from typing import Any

from transformers import TrainingArguments

from modeling_mmclip.loss import check_loss

from .mixture import Stage


@dataclass
class MMCLIPTrainingArguments(TrainingArguments):
    r"""Arguments of the [`MMCLIPTrainer`]; everything of [`~transformers.TrainingArguments`] keeps working.

    Parameters:
        > Parameters that control the loss

        loss (`str`, *optional*, defaults to `"softmax"`):
            How candidates are judged: `"softmax"` (Eq. 1 and 2 of the paper) or `"sigmoid"`.
        candidates (`str`, *optional*, defaults to `"hybrid"`):
            Whom an anchor competes with: its own `"hard"` negatives, the other pairs `"in_batch"`, or both
            (`"hybrid"`).
        hardness (`float`, *optional*, defaults to `0.0`):
            Strength of the hardness weighting of negatives; 0 is off.
        gather_across_devices (`bool`, *optional*, defaults to `True`):
            Take in-batch candidates from all processes, with gradients.
        max_logit_scale (`float`, *optional*):
            Highest value of the learned temperature's inverse. If not set, 100 as in CLIP, or what the model came with
            if that is more, as with released SigLIP models.

        > Parameters that control the model

        vision_learning_rate (`float`, *optional*):
            Learning rate of the vision tower; `learning_rate` if absent.
        text_learning_rate (`float`, *optional*):
            Learning rate of the text tower; `learning_rate` if absent. Projections and temperature take
            `learning_rate`.
        freeze_vision_tower (`bool`, *optional*, defaults to `False`):
            Do not train the vision tower.
        freeze_text_tower (`bool`, *optional*, defaults to `False`):
            Do not train the text tower.

        > Parameters that control the data

        max_negatives (`int`, *optional*):
            Most hard negatives per record and side; all if absent.
        negative_choice (`str`, *optional*, defaults to `"random"`):
            Which of them: the `"first"`, or a `"random"` choice that is drawn anew for each epoch.
        mixture (`dict[str, float]`, *optional*):
            Weights of the training data sets, by name; by size if absent.
        stages (`list[dict]`, *optional*):
            Parts of the training, one after the other, each with `share` and optionally `candidates` and `mixture`, as
            in `[{"share": 0.8, "candidates": "in_batch"}, {"share": 0.2, "candidates": "hard"}]`.
        eval_random_negatives (`int`, *optional*, defaults to `10`):
            How many captions of other records each evaluation record gets as negatives of kind `random`, to see what
            is forgotten.

        > Parameters that control memory

        gradient_cache_chunk_size (`int`, *optional*):
            Embed so many images or captions at a time, without keeping activations, and once more in the backward
            pass. Memory then depends on the chunk, not on batch or number of negatives; gradients are the same to
            rounding.
        anchors_per_micro_batch (`int`, *optional*):
            Go forward and backward over so many anchors at a time. Exact for `candidates="hard"`, which needs no
            second forward pass; refused for the others, which contrast the whole batch.

    > [!NOTE]
    > Defaults that differ from [`~transformers.TrainingArguments`]: `learning_rate` 2e-5, `lr_scheduler_type` cosine,
    > `warmup_steps` 0.03 (a share of all steps), `logging_steps` 10, `remove_unused_columns` False,
    > `eval_on_start` True (the forgetting figure needs to know what was there).
    """

    learning_rate: float = field(default=2e-5, metadata={"help": "Initial learning rate."})
    lr_scheduler_type: str = field(default="cosine", metadata={"help": "Learning rate schedule."})
    warmup_steps: float = field(
        default=0.03, metadata={"help": "Warm-up: a number of steps, or below 1 a share of them."}
    )
    logging_steps: float = field(default=10, metadata={"help": "Log every so many steps."})
    remove_unused_columns: bool = field(
        default=False, metadata={"help": "Must stay False: the collator reads columns."}
    )
    eval_on_start: bool = field(default=True, metadata={"help": "Evaluate before the first step."})

    loss: str = field(default="softmax", metadata={"help": "How candidates are judged: softmax or sigmoid."})
    candidates: str = field(
        default="hybrid", metadata={"help": "Whom an anchor competes with: hard, in_batch or hybrid."}
    )
    hardness: float = field(default=0.0, metadata={"help": "Strength of the hardness weighting; 0 is off."})
    gather_across_devices: bool = field(
        default=True, metadata={"help": "Take in-batch candidates from all processes, with gradients."}
    )
    max_logit_scale: float | None = field(
        default=None, metadata={"help": "Highest inverse temperature; if not set 100, or the model's if it is higher."}
    )

    vision_learning_rate: float | None = field(default=None, metadata={"help": "Learning rate of the vision tower."})
    text_learning_rate: float | None = field(default=None, metadata={"help": "Learning rate of the text tower."})
    freeze_vision_tower: bool = field(default=False, metadata={"help": "Do not train the vision tower."})
    freeze_text_tower: bool = field(default=False, metadata={"help": "Do not train the text tower."})

    max_negatives: int | None = field(default=None, metadata={"help": "Most hard negatives per record and side."})
    negative_choice: str = field(default="random", metadata={"help": "Which negatives: first, or random per epoch."})
    mixture: dict | str | None = field(default=None, metadata={"help": "Weights of the training data sets, as JSON."})
    stages: list | str | None = field(default=None, metadata={"help": "Parts of the training, as a JSON list."})
    eval_random_negatives: int = field(default=10, metadata={"help": "Random captions added to evaluation records."})

    gradient_cache_chunk_size: int | None = field(
        default=None, metadata={"help": "Images or captions embedded at a time; bounds memory."}
    )
    anchors_per_micro_batch: int | None = field(
        default=None, metadata={"help": "Anchors per forward and backward pass; candidates=hard only."}
    )

    def __post_init__(self) -> None:
        for name in ("stages", "mixture"):
            setattr(self, name, read_json(name, getattr(self, name)))
        super().__post_init__()
        check_loss(self.loss, self.candidates, self.hardness)
        if self.stages is not None and self.mixture is not None:
            raise ValueError("You set both `mixture` and `stages`; give each stage its own `mixture` instead.")
        for name in ("gradient_cache_chunk_size", "anchors_per_micro_batch", "max_negatives"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"You set `{name}={value}`; it must be at least 1, or absent.")
        if self.eval_random_negatives < 0:
            raise ValueError(f"You set `eval_random_negatives={self.eval_random_negatives}`; it must be 0 or more.")
        if self.max_logit_scale is not None and not self.max_logit_scale > 0:
            raise ValueError(f"You set `max_logit_scale={self.max_logit_scale}`; it must be positive.")
        if self.remove_unused_columns:
            raise ValueError(
                "You set `remove_unused_columns=True`; it must stay False, as images and captions are columns that "
                "the model's own arguments do not name."
            )
        candidates = {stage.candidates or self.candidates for stage in self.stage_list()}
        if self.anchors_per_micro_batch is not None and candidates != {"hard"}:
            raise ValueError(
                f"You set `anchors_per_micro_batch` with `candidates` {', '.join(sorted(candidates))}; only `hard` "
                "can be split by anchors. Use `gradient_cache_chunk_size` to bound memory for the others."
            )
        if self.anchors_per_micro_batch is not None and self.deepspeed:
            raise ValueError(
                "`anchors_per_micro_batch` does not work with DeepSpeed; use `gradient_cache_chunk_size`."
            )

    def stage_list(self) -> list[Stage]:
        """The stages of the training; one that takes all if none are named."""
        if self.stages is None:
            return [Stage(mixture=self.mixture or {})]
        if not self.stages:
            raise ValueError("You set `stages` to an empty list; name at least one stage, or leave it out.")
        stages: Any = self.stages
        try:
            return [stage if isinstance(stage, Stage) else Stage(**stage) for stage in stages]
        except TypeError as problem:
            raise ValueError(
                f"`stages` must be a list of objects with share, candidates and mixture; got {self.stages!r}."
            ) from problem


def read_json(name: str, value: Any) -> Any:
    """The value of an argument that may come as JSON; raises `ValueError` naming it if it is other text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError as problem:
        raise ValueError(
            f"You set `{name}={value}`, which is not JSON: {problem}. Names and words need double quotes."
        ) from None
