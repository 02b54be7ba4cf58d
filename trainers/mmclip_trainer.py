"""The Trainer of MMCLIP."""

import contextlib
import json
import logging
import math
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, Trainer, TrainerCallback, TrainerState
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR, TrainOutput

from modeling_mmclip import CandidateIndex, MMCLIPModel, MMCLIPOutput, MMCLIPProcessor, candidate_scores, mmclip_loss

from .cross_device import gather_batch, gathered_counts
from .data_collator import NO_CANDIDATE, DataCollatorForHardNegatives
from .metrics import hard_negative_metrics
from .micro_batches import split_by_anchors
from .mixture import TrainingRecords
from .mmclip_config import MMCLIPTrainingArguments
from .model_card import eval_results, mmclip_model_card
from .process_group import release_model
from .training_data import check_batch, check_columns, check_negatives, evaluation_records, named, training_records

logger = logging.getLogger(__name__)

INDEX = ("image_anchors", "text_candidates", "text_anchors", "image_candidates")
NOT_FOR_THE_MODEL = (
    "text_rows", "text_kinds", "image_rows", "image_kinds", "image_keys", "text_keys",
    "candidates", "skipped", "dropped", "anchor_share",
)  # fmt: skip


class MMCLIPTrainer(Trainer):
    """Train a [`~modeling_mmclip.MMCLIPModel`] on records with hard negatives.

    Args:
        model (`str` or [`~modeling_mmclip.MMCLIPModel`]):
            The model, a checkpoint of one, or the name or folder of a backbone to wrap.
        args ([`MMCLIPTrainingArguments`]):
            How to train.
        train_dataset (`Dataset`, `IterableDataset` or `dict[str, Dataset]`):
            HardNegatives records; several data sets by name are mixed as `args.mixture` or `args.stages` say.
        eval_dataset (`Dataset` or `dict[str, Dataset]`, *optional*):
            HardNegatives records to rank: Hit@1, Hit@5, MRR for each kind of negative, and the forgetting figure.
        processing_class ([`~modeling_mmclip.MMCLIPProcessor`], *optional*):
            Image processor and tokenizer; read from the checkpoint if `model` is a name.
        data_collator, compute_metrics, callbacks, optimizers and the rest:
            As in [`~transformers.Trainer`]; the first two have defaults of their own.

    Raises:
        ValueError: for data or settings that cannot be right, saying what would be.

        >>> trainer = MMCLIPTrainer("BAAI/AltCLIP", MMCLIPTrainingArguments("out"), train_dataset=records)
        >>> trainer.train()
    """

    _tag_names = ["mmclip", "hard-negatives", "geometry"]
    # The loss is a mean over the anchors of a batch, so accumulated gradients are averaged.
    loss_is_scaled_for_ga = False

    def __init__(
        self,
        model: str | os.PathLike | MMCLIPModel,
        args: MMCLIPTrainingArguments | None = None,
        data_collator: Any = None,
        train_dataset: Any = None,
        eval_dataset: Any = None,
        processing_class: MMCLIPProcessor | None = None,
        compute_metrics: Any = hard_negative_metrics,
        callbacks: list[TrainerCallback] | None = None,
        **kwargs: Any,
    ):
        # Args
        args = MMCLIPTrainingArguments("mmclip") if args is None else args
        if not isinstance(args, MMCLIPTrainingArguments):
            raise ValueError(f"`args` is a {type(args).__name__}; it must be MMCLIPTrainingArguments.")
        if args.n_gpu > 1:
            raise ValueError(
                f"{args.n_gpu} GPUs are visible to one process; start one process for each with `accelerate launch` "
                "or `torchrun`, or show it a single one with CUDA_VISIBLE_DEVICES."
            )
        if not args.label_names:
            args.label_names = ["text_kinds", "image_kinds"]
        if "trackio" in args.report_to and args.run_name is None:
            # transformers 5.24 ends trackio's run with the training; a later evaluation finds it by its name only.
            args.run_name = f"{Path(args.output_dir).resolve().name}-{time.strftime('%Y%m%d-%H%M%S')}"

        # Model
        if isinstance(model, os.PathLike):
            model = os.fspath(model)
        if not isinstance(model, str | MMCLIPModel):
            raise ValueError(
                f"`model` is a {type(model).__name__}; it must be an MMCLIPModel, or the name of one or of a "
                "backbone. `model_init` is not supported."
            )
        if isinstance(model, str):
            name, config = model, AutoConfig.from_pretrained(model)
            if processing_class is None:
                processing_class = load_processor(name)
            load = MMCLIPModel.from_pretrained if config.model_type == "mmclip" else MMCLIPModel.from_backbone
            model = load(name, dtype=torch.float32)
        model.config.loss, model.config.candidates, model.config.hardness = args.loss, args.candidates, args.hardness
        model.freeze_unused_bias()
        for tower, frozen in (("vision_model", args.freeze_vision_tower), ("text_model", args.freeze_text_tower)):
            if frozen:
                model.backbone.get_submodule(tower).requires_grad_(False)

        if args.max_logit_scale is None:
            max_log_scale = max(math.log(100), model.backbone.logit_scale.item())
        else:
            max_log_scale = math.log(args.max_logit_scale)

        # Processing class
        if processing_class is None:
            processing_class = getattr(data_collator, "processor", None)
        if processing_class is None and data_collator is None:
            raise ValueError("Pass `processing_class` (an MMCLIPProcessor) with a model in memory.")

        # Datasets
        if eval_dataset is None:
            args.eval_on_start = False
        self.train_sources = named(train_dataset)
        for name, source in self.train_sources.items():
            check_columns(name, source)
        check_negatives(self.train_sources, args)
        check_batch(args, model)
        train_dataset = training_records(self.train_sources, args)
        eval_dataset = evaluation_records(eval_dataset, args)
        # Each process collates its own part of a stream: slicing a batch along its first axis, as dispatching from the
        # first process does, would tear the index form apart.
        args.accelerator_config.dispatch_batches = False

        # Data collator
        if data_collator is None:
            data_collator = DataCollatorForHardNegatives(
                processing_class,
                candidates=args.candidates,
                max_negatives=args.max_negatives,
                negative_choice=args.negative_choice,
                seed=args.data_seed if args.data_seed is not None else args.seed,
            )
        # One of the user's own evaluates, too, where there is no processor to make the usual one of.
        self.eval_collator = (
            data_collator
            if processing_class is None
            else DataCollatorForHardNegatives(processing_class, candidates="hard")
        )

        self.skipped: list[str] = []
        self.dropped_negatives = 0
        self.usable_anchors = 0
        self._train_metrics: dict[str, list[float]] = defaultdict(list)
        super().__init__(
            model=model,
            args=args,
            data_collator=data_collator,
            train_dataset=train_dataset,
            eval_dataset=eval_dataset,
            processing_class=processing_class,
            compute_metrics=compute_metrics,
            callbacks=[*(callbacks or []), _EpochAndTemperature(max_log_scale)],
            **kwargs,
        )
        if hasattr(self.model, "add_model_tags"):
            self.model.add_model_tags(self._tag_names)

    # Data

    def _get_train_sampler(self, train_dataset: Any = None) -> torch.utils.data.Sampler | None:
        records = self.train_dataset if train_dataset is None else train_dataset
        if isinstance(records, TrainingRecords) and records.in_given_order:
            return torch.utils.data.SequentialSampler(records)
        return super()._get_train_sampler(train_dataset)

    def get_eval_dataloader(self, eval_dataset: Any = None) -> torch.utils.data.DataLoader:
        if not isinstance(eval_dataset, str | None):
            eval_dataset = evaluation_records(eval_dataset, self.args)
        with self._evaluation_collator():
            return super().get_eval_dataloader(eval_dataset)

    def get_test_dataloader(self, test_dataset: Any) -> torch.utils.data.DataLoader:
        with self._evaluation_collator():
            return super().get_test_dataloader(evaluation_records(test_dataset, self.args))

    @contextlib.contextmanager
    def _evaluation_collator(self) -> Iterator[None]:
        """All negatives of a record, whatever it is trained with."""
        collator, self.data_collator = self.data_collator, self.eval_collator
        try:
            yield
        finally:
            self.data_collator = collator

    # Optimizer

    def get_decay_parameter_names(self, model: nn.Module) -> list[str]:
        return [name for name in super().get_decay_parameter_names(model) if not name.endswith("logit_scale")]

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        """The parent's optimizer, its groups split by tower where the towers have a learning rate of their own."""
        if self.optimizer is not None:
            return super().create_optimizer(model)
        optimizer = super().create_optimizer(model)
        rates = {"vision_model": self.args.vision_learning_rate, "text_model": self.args.text_learning_rate}
        if any(rate is not None for rate in rates.values()):
            tower_of = {
                id(parameter): next((tower for tower in rates if f"{tower}." in name), None)
                for name, parameter in (self.model if model is None else model).named_parameters()
            }
            groups = []
            for group in optimizer.param_groups:
                for tower in (None, *rates):
                    parameters = [p for p in group["params"] if tower_of[id(p)] == tower]
                    rate = rates.get(tower)
                    if parameters:
                        groups.append(
                            {**group, "params": parameters, "lr": self.args.learning_rate if rate is None else rate}
                        )
            optimizer.param_groups[:] = groups
        return optimizer

    # Checkpoints

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        """The parent's, but by `from_pretrained`: AltCLIP's weights have other names on disk than in memory
        (transformers 5.24), and the parent would pass over those in silence."""
        if self.is_deepspeed_enabled or self.is_fsdp_enabled or not isinstance(self.model, MMCLIPModel):
            super()._load_from_checkpoint(resume_from_checkpoint, model)
            return
        target = self.accelerator.unwrap_model(self.model if model is None else model)
        saved = MMCLIPModel.from_pretrained(resume_from_checkpoint, dtype=target.dtype)
        target.load_state_dict(saved.state_dict(), strict=True)

    def _load_best_model(self) -> None:
        if self.is_deepspeed_enabled or self.is_fsdp_enabled or not isinstance(self.model, MMCLIPModel):
            super()._load_best_model()
        else:
            self._load_from_checkpoint(self.state.best_model_checkpoint)

    # Loss

    def training_step(
        self, model: nn.Module, inputs: dict[str, Any], num_items_in_batch: torch.Tensor | int | None = None
    ) -> torch.Tensor:
        self.skipped += inputs.get("skipped", ())
        self.dropped_negatives += inputs.get("dropped", 0)
        self.usable_anchors += len(inputs["image_anchors"]) + len(inputs["text_anchors"])
        if self.args.anchors_per_micro_batch is None:
            return super().training_step(model, inputs, num_items_in_batch)
        # The parent does so too, but only later: at the first step and after an evaluation an anchor's share would be
        # that of an evaluation, which leaves the other processes' anchors out.
        model.train()
        inputs = self._prepare_inputs(inputs)
        inputs["anchor_share"] = self._anchor_share(inputs)
        parts = split_by_anchors(inputs, self.args.anchors_per_micro_batch)
        if self.args.world_size > 1:
            # DDP expects the same number of backward passes from every process.
            most = max(gathered_counts(len(parts), self.args.device))
            parts += [empty_part(parts[0])] * (most - len(parts))
        shared = {"candidates": "hard", "anchor_share": inputs["anchor_share"]}
        loss = 0.0
        for number, part in enumerate(parts):
            last = number == len(parts) - 1
            with contextlib.nullcontext() if last else self.accelerator.no_sync(model=model):
                loss = loss + super().training_step(model, {**part, **shared}, num_items_in_batch)
        return loss

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> torch.Tensor | tuple[torch.Tensor, MMCLIPOutput]:
        """The loss over all anchors of the step, whichever process has them."""
        args = self.args
        candidates = inputs.get("candidates", args.candidates)
        for_model = {name: value for name, value in inputs.items() if name not in NOT_FOR_THE_MODEL}
        index = CandidateIndex(*(for_model.pop(name) for name in INDEX))
        outputs = model(**for_model, chunk_size=args.gradient_cache_chunk_size)
        images, texts = outputs.image_embeds, outputs.text_embeds
        share = inputs.get("anchor_share")
        if candidates == "hard":
            share = self._anchor_share({**inputs, **index._asdict()}) if share is None else share
        elif args.gather_across_devices and args.world_size > 1 and model.training:
            images, texts, index = gather_batch(images, texts, index, inputs["image_keys"], inputs["text_keys"])
        similarity = images @ texts.t()  # (I, T)
        if len(index.image_anchors) + len(index.text_anchors) == 0:
            # Through temperature and bias: DDP waits for the gradient of every parameter.
            loss = outputs.logits_per_image.sum() * 0.0 + similarity.sum() * 0.0
        else:
            loss = mmclip_loss(
                similarity,
                index,
                outputs.logit_scale,
                outputs.logit_bias,
                args.loss,
                candidates,
                args.hardness,
                reduction="sum" if candidates == "hard" else "mean",
            )
        if candidates == "hard":
            loss = loss * share
        if model.training:
            self._train_metrics["logit_scale"].append(outputs.logit_scale.detach())
        return (loss, outputs) if return_outputs else loss

    def _anchor_share(self, inputs: dict[str, Any]) -> float:
        """What one anchor counts: a mean over the anchors of all processes, after DDP's mean over processes."""
        anchors = len(inputs["image_anchors"]) + len(inputs["text_anchors"])
        if self.args.world_size == 1 or not self.model.training:
            return 1 / max(1, anchors)
        return self.args.world_size / max(1, sum(gathered_counts(anchors, self.args.device)))

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        if "loss" in logs and self._train_metrics:
            for name, values in self._train_metrics.items():
                logs[name] = torch.stack(values).float().mean().item()
            self._train_metrics.clear()
        for key in [key for key in logs if key.endswith("_random_hit@1")]:
            before = next((entry[key] for entry in self.state.log_history if key in entry), None)
            if before is not None:
                # Hit@1 on random captions lost since the first evaluation, in 0..1; negative where it was gained.
                logs[f"{key.removesuffix('random_hit@1')}forgetting"] = before - logs[key]
        super().log(logs, start_time)

    # Evaluation

    def prediction_step(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        prediction_loss_only: bool,
        ignore_keys: list[str] | None = None,
    ) -> tuple[Any, Any, Any]:
        """Scores and kinds of each record's candidates on either side, one row per record."""
        self.skipped += inputs.get("skipped", ())
        inputs = self._prepare_inputs(inputs)
        with torch.no_grad(), self.compute_loss_context_manager():
            loss, outputs = self.compute_loss(model, inputs, return_outputs=True)
        if prediction_loss_only:
            return loss, None, None
        logits = outputs.logits_per_image.float()
        sides = []
        for matrix, side, anchors, candidates in (
            (logits, "text", "image_anchors", "text_candidates"),
            (logits.t(), "image", "text_anchors", "image_candidates"),
        ):
            rows, kinds = inputs[f"{side}_rows"], inputs[f"{side}_kinds"]
            scores = torch.full(kinds.shape, float(NO_CANDIDATE), device=kinds.device)
            if len(inputs[anchors]):
                own = candidate_scores(matrix, inputs[anchors], inputs[candidates])[:, : kinds.shape[1]]
                there = rows >= 0
                scores[there, : own.shape[1]] = own[rows[there]]
            sides.append((scores, kinds))
        return loss.detach(), tuple(scores for scores, _ in sides), tuple(kinds for _, kinds in sides)

    def evaluate(
        self, eval_dataset: Any = None, ignore_keys: list[str] | None = None, metric_key_prefix: str = "eval"
    ) -> dict[str, float]:
        metrics = super().evaluate(eval_dataset, ignore_keys, metric_key_prefix)
        if not self.is_in_train:  # training reports at its end
            self.report_skipped()
        return metrics

    # Results

    def train(self, *args: Any, **kwargs: Any) -> TrainOutput:
        output = super().train(*args, **kwargs)
        self.report_skipped()
        # Of all processes: one alone may have met bad records only.
        usable = self.usable_anchors
        if self.args.world_size > 1:
            usable = sum(gathered_counts(usable, self.args.device))
        if usable == 0 and self.skipped:
            raise ValueError(
                f"None of the records could be used, so nothing was learnt; the first: {self.skipped[0]} All are in "
                "the skipped_records file of the output folder."
            )
        return output

    def end(self) -> None:
        """Finish the trackers and leave the process group; the last call of a script."""
        release_model(self)
        super().end()

    def report_skipped(self) -> None:
        """Name the records that were left out, in the log and in `skipped_records.json` of the output folder."""
        if self.dropped_negatives:
            logger.warning("%d negative captions equalled their positive and were dropped.", self.dropped_negatives)
        if not self.skipped:
            return
        distinct = sorted(set(self.skipped))
        name = (
            "skipped_records.json" if self.args.world_size == 1 else f"skipped_records-{self.args.process_index}.json"
        )
        path = Path(self.args.output_dir) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(distinct, indent=1, ensure_ascii=False))
        logger.warning("%d records were left out, %s; all are in %s.", len(distinct), distinct[0], path)

    def create_model_card(
        self, model_name: str | None = None, dataset: str | list[str] | None = None, **kwargs: Any
    ) -> None:
        """Write the card of the model: data, hyperparameters, results, what was forgotten, citation.

        With the name of one data set on the Hub, `.eval_results/retrieval.yaml` is written beside it.
        """
        if self.is_world_process_zero():
            folder = Path(self.args.output_dir)
            mmclip_model_card(self, model_name, dataset, **kwargs).save(folder / "README.md")
            results = eval_results(self, dataset) if isinstance(dataset, str) else None
            if results is not None:
                (folder / ".eval_results").mkdir(exist_ok=True)
                (folder / ".eval_results" / "retrieval.yaml").write_text(results, encoding="utf-8")

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        super()._save_checkpoint(model, trial)
        if self.is_world_process_zero():
            folder = Path(self._get_output_dir(trial=trial)) / f"{PREFIX_CHECKPOINT_DIR}-{self.state.global_step}"
            mmclip_model_card(self).save(folder / "README.md")


class _EpochAndTemperature(TrainerCallback):
    """Tells the training records which epoch it is, and keeps the temperature in its bounds."""

    def __init__(self, max_log_scale: float):
        self.max_log_scale = max_log_scale

    def on_epoch_begin(
        self, args: Any, state: TrainerState, control: Any, train_dataloader: Any = None, **kwargs: Any
    ) -> None:
        records = getattr(train_dataloader, "dataset", None)
        if isinstance(records, TrainingRecords):
            records.set_epoch(int(round(state.epoch or 0, 6)))

    def on_optimizer_step(
        self, args: Any, state: TrainerState, control: Any, model: Any = None, **kwargs: Any
    ) -> None:
        backbone = getattr(model, "module", model).backbone
        with torch.no_grad():
            backbone.logit_scale.clamp_(max=self.max_log_scale)


def load_processor(name: str) -> MMCLIPProcessor:
    """The processor of an MMCLIP checkpoint or of a backbone."""
    config = AutoConfig.from_pretrained(name)
    if config.model_type == "mmclip":
        return MMCLIPProcessor.from_pretrained(name)
    return MMCLIPProcessor.from_backbone(name, config)


def empty_part(part: dict[str, Any]) -> dict[str, Any]:
    """A part without anchors, for a process that has fewer than the others."""
    return {**part, **{name: part[name][:0] for name in INDEX}}
