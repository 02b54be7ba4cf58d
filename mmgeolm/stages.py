"""Alignment and SFT from options to a saved model: what `mmgeolm align` and `mmgeolm sft` share."""

import logging
import os
from collections.abc import Iterable
from pathlib import Path

import torch
from datasets import Dataset
from transformers import LlavaForConditionalGeneration, ProcessorMixin
from transformers.trainer_utils import HubStrategy
from trl.chat_template_utils import has_generation_markers

from mmgeolm.answering import open_pil_processor
from mmgeolm.lmm_card import History, hub_name, new_history, read_history, stage_facts, write_card
from mmgeolm.lmm_checkpoint import make_readable_everywhere
from mmgeolm.sft_options import AlignArguments, SFTArguments, StageArguments, load_data
from mmgeolm.stage_folder import check_free, forget, how_to_go_on, kept_plan, starting_point
from trainers.instruction_data import InstructionReader, LeftOut, check_instructions, mixed
from trainers.sft_collator import InstructionCollator
from trainers.sft_config import InstructionConfig
from trainers.sft_trainer import InstructionTrainer
from trainers.trainable import lora_config, train_all, train_projector, trainable_in_float32

logger = logging.getLogger(__name__)

ASSEMBLED = "_assembled"
LORA = ("lora_r", "lora_alpha", "lora_dropout")


class StageTrainer(InstructionTrainer):
    """[`InstructionTrainer`] whose card tells what the model was trained on, and that publishes what [`save`] wrote.

    trl's own `push_to_hub` would save once more, as only transformers 5 reads it, and send paths of this machine.
    """

    history: History

    def create_model_card(self, model_name: str | None = None, **unused: object) -> None:
        """Write the card to the output folder, with the steps and the loss so far."""
        if self.is_world_process_zero():
            *earlier, last = self.history["stages"]
            last = {**last, "steps": self.state.global_step}
            losses = [entry["train_loss"] for entry in self.state.log_history if "train_loss" in entry]
            stages = [*earlier, {**last, "loss": losses[-1]} if losses else last]
            write_card(self.args.output_dir, {**self.history, "stages": stages}, model_name)

    def push_to_hub(self, commit_message: str | None = None, **unused: object) -> None:
        """Publish the output folder; see [`~mmgeolm.publish.publish`]."""
        from mmgeolm.publish import publish

        if self.is_world_process_zero():
            args, name = self.args, _hub_name(self.args)
            try:
                publish(args.output_dir, name, private=bool(args.hub_private_repo), token=args.hub_token)
            except KeyboardInterrupt:
                raise KeyboardInterrupt(
                    f"Stopped while it was published: the model is finished, in {args.output_dir}; publish it with "
                    f"mmgeolm.publish.publish({args.output_dir!r}, {name!r})."
                ) from None


def run_stage(script: AlignArguments | SFTArguments, args: InstructionConfig) -> InstructionTrainer:
    """Train as the options say, and save model and processor to `args.output_dir`.

    Args:
        script ([`AlignArguments`] or [`SFTArguments`]): model and data.
        args ([`InstructionConfig`]): how to train.

    Raises:
        ValueError: for options or data that cannot be right, in one sentence.
        KeyboardInterrupt: when it is stopped by Ctrl-C, with the sentence that says how to go on.
    """
    folder = check_free(args.output_dir, "the trained model", script.overwrite)
    checkpoint = starting_point(folder, args.resume_from_checkpoint, script.overwrite)
    with args.main_process_first(local=False, desc="output folder"):
        if script.overwrite and checkpoint is None and args.process_index == 0:
            forget(folder)
    trainer = stage_trainer(script, args, resuming=checkpoint is not None)
    try:
        trainer.train(resume_from_checkpoint=checkpoint)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(how_to_go_on(folder, trainer.state.global_step)) from None
    broken = trainer.accelerator.reduce(trainer.data_collator.left_out.to(trainer.accelerator.device)).item()
    if broken:
        logger.warning("Broken images left out a record %d times during training.", broken)
    save(trainer)
    return trainer


def stage_trainer(
    script: AlignArguments | SFTArguments,
    args: InstructionConfig,
    resuming: bool = False,
    trainer_class: type[StageTrainer] = StageTrainer,
) -> InstructionTrainer:
    """Model, data and trainer of a stage, ready to `train()`."""
    # Model
    model_folder = _model_folder(script, args)
    if args.push_to_hub:
        _check_pushable(script, args, model_folder)
    processor = open_processor(model_folder)
    model = open_model(model_folder, args)
    peft_config = None
    if isinstance(script, AlignArguments):
        train_projector(model)
    elif script.train == "lora":
        train_projector(model)  # for its precision; peft freezes what it does not train
        peft_config = lora_config(model, script.lora_r, script.lora_alpha, script.lora_dropout)
    else:
        train_all(model, tower=script.train == "full")
    if sharding(args) is None:
        trainable_in_float32(model)

    # Data
    sources = load_data(script)
    context = model.config.text_config.max_position_embeddings
    max_length = min(args.max_length or context, context)
    text_only = not isinstance(script, AlignArguments)
    seed = args.data_seed if args.data_seed is not None else args.seed
    options = {
        "data": {name: len(source) for name, source in sources.items()},
        "passes": script.passes,
        "max_length": max_length,
        "seed": seed,
    }

    def make() -> tuple[Dataset, Iterable[LeftOut]]:
        plan, left_out = check_instructions(sources, processor, max_length, text_only, args.dataset_num_proc)
        return mixed(plan, list(sources), script.passes, seed), left_out

    with args.main_process_first(local=False, desc="checking the records"):
        plan = kept_plan(Path(args.output_dir), options, resuming or args.process_index > 0, make)

    # Trainer
    trainer = trainer_class(
        model,
        args,
        data_collator=InstructionCollator(processor),
        train_dataset=plan.with_transform(InstructionReader(sources, processor)),
        processing_class=processor,
        peft_config=peft_config,
    )
    history = read_history(model_folder) or new_history(model.config)
    base = hub_name(model_folder) or (history.get("base") if peft_config is None else None)
    trained = "projector" if isinstance(script, AlignArguments) else script.train
    lora = {} if peft_config is None else {name: getattr(script, name) for name in LORA}
    stage = "align" if isinstance(script, AlignArguments) else "sft"
    facts = stage_facts(stage, trained, sources, plan, script.passes, args, **lora)
    for entry, path in zip(facts["data"], script.data, strict=True):
        entry["hub"] = hub_name(path.partition("=")[2] or path)
    trainer.history = {**history, "base": base, "stages": [*history["stages"], facts]}
    return trainer


def open_processor(folder: str) -> ProcessorMixin:
    """The processor of an LMM. Raises `ValueError` where there is none, or its template does not mark the answers."""
    try:
        processor = open_pil_processor(folder)
    except (OSError, ValueError) as problem:
        raise ValueError(f"{folder} has no processor that can be loaded: {_first_line(problem)}") from problem
    template = getattr(processor, "chat_template", None)
    if not template or not hasattr(processor, "image_processor") or not has_generation_markers(template):
        raise ValueError(
            f"The processor of {folder} has no chat template with generation marks, from which the loss knows the "
            "answers; make the model with `mmgeolm assemble`."
        )
    processor.tokenizer.padding_side = "left"  # as saved; the collator pads on the right by itself
    return processor


def open_model(folder: str, args: InstructionConfig) -> LlavaForConditionalGeneration:
    """The LMM, in the precision that the way of training wants.

    With DeepSpeed bfloat16 is enough, since the engine keeps float32 copies of what it trains; FSDP casts on its own
    from uniform float32. Else what is frozen stays under `bf16` as it is stored, so that none of it is rounded, and
    what trains is turned to float32 later.

    Raises:
        ValueError: when there is no such model, or weights of it are missing.
    """
    place = Path(folder)
    stored = "auto" if sharding(args) is None else torch.bfloat16
    dtype = stored if args.bf16 and sharding(args) != "fsdp" else torch.float32
    # An adapter that is trained names its base by this path, and has to find it from any working directory.
    name = str(place.resolve()) if place.is_dir() else folder
    if place.is_dir() and not (place / "config.json").exists():
        raise ValueError(
            f"{folder} holds no model (config.json); name the folder that `mmgeolm assemble` has written."
        )
    try:
        model, info = LlavaForConditionalGeneration.from_pretrained(name, dtype=dtype, output_loading_info=True)
    except (OSError, ValueError) as problem:
        raise ValueError(f"{folder} cannot be loaded as an LMM: {_first_line(problem)}") from problem
    if missing := sorted(info["missing_keys"]):
        raise ValueError(f"{folder} lacks {len(missing)} weights, as {missing[0]}; assemble or copy it again.")
    return model


def sharding(args: InstructionConfig) -> str | None:
    """What cuts the model in parts, if anything: `deepspeed` or `fsdp`, by the arguments or by `accelerate launch`."""
    if args.deepspeed or args.distributed_state.distributed_type == "DEEPSPEED":
        return "deepspeed"
    # accelerate says so in the environment only, until the Trainer is made.
    return "fsdp" if args.fsdp or os.environ.get("ACCELERATE_USE_FSDP", "").lower() == "true" else None


def save(trainer: InstructionTrainer) -> None:
    """Save model (or adapter) and processor to the output folder, readable by transformers 4 and 5.

    A whole model gets one precision again, the one it was loaded in. Trainer had switched the cache of generation off
    in the configuration.
    """
    model = trainer.model
    model.config.use_cache = True
    if isinstance(model, LlavaForConditionalGeneration) and sharding(trainer.args) is None:
        dtype = model.config.dtype  # a name, once the configuration has been written
        model.to(getattr(torch, dtype) if isinstance(dtype, str) else dtype)
    trainer.save_model(_internal_call=True)  # else it would push what is not ready yet
    if trainer.is_world_process_zero():
        make_readable_everywhere(trainer.args.output_dir)
    trainer.create_model_card(_hub_name(trainer.args))
    trainer.accelerator.wait_for_everyone()


def _hub_name(args: InstructionConfig) -> str:
    return args.hub_model_id or Path(args.output_dir).resolve().name


def _check_pushable(script: StageArguments, args: InstructionConfig, model_folder: str) -> None:
    """Fails before hours of training, and not after them; and sees to it that only the finished model is pushed."""
    if getattr(script, "train", "") == "lora" and not hub_name(model_folder):
        raise ValueError(
            f"--push_to_hub would publish an adapter whose base, {model_folder}, nobody else has: publish the base "
            "and pass its name as --model, or publish the adapter later; see docs/publishing.md."
        )
    if args.hub_strategy != HubStrategy.END:
        logger.info("Checkpoints are not pushed: the model is, when it is finished.")
        args.hub_strategy = HubStrategy.END


def _model_folder(script: StageArguments, args: InstructionConfig) -> str:
    if script.model and (script.mmclip or script.llm):
        raise ValueError("pass --model, or --mmclip and --llm to assemble one, not both.")
    if script.model:
        return script.model
    if not (script.mmclip and script.llm):
        raise ValueError("pass --model with a folder of `mmgeolm assemble`, or both --mmclip and --llm.")
    folder = Path(args.output_dir) / ASSEMBLED
    with args.main_process_first(local=False, desc="assembling"):
        if not (folder / "config.json").exists():
            from mmgeolm.assembly import assemble

            model, _ = assemble(script.mmclip, script.llm, folder, seed=args.seed)
            write_card(folder, new_history(model.config, script.mmclip, script.llm))
            logger.info("Assembled %s and %s in %s.", script.mmclip, script.llm, folder)
    return str(folder)


def _first_line(problem: Exception) -> str:
    return str(problem).strip().split("\n")[0]
