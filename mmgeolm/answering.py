"""Questions about diagrams, answered by an LMM in batches.

>>> model, processor = load_lmm("mmgeolm-7b")
>>> answer(model, processor, ["figures/7.png"], ["Is AB parallel to CD?"])
['Yes.']
"""

import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageOps
from transformers import (
    AutoImageProcessor,
    AutoModelForImageTextToText,
    AutoProcessor,
    PreTrainedModel,
    ProcessorMixin,
)

from modeling_mmclip.processing_mmclip import as_rgb

logger = logging.getLogger(__name__)

Picture = Image.Image | str | os.PathLike


def load_lmm(
    name: str | os.PathLike, dtype: str | torch.dtype = "auto", device: str | None = None
) -> tuple[PreTrainedModel, ProcessorMixin]:
    """An LMM and its processor, from a name on the Hub or a folder, which may be that of an adapter.

    Args:
        name (`str` or `os.PathLike`): of the model, or of an adapter, whose base is then loaded first.
        dtype (`str` or `torch.dtype`, *optional*, defaults to `"auto"`): of the weights; by default the checkpoint's.
        device (`str`, *optional*): by default a GPU if there is one.

    Raises:
        ValueError: when there is no such model, it takes no images, or an adapter's base cannot be found.
    """
    name = os.fspath(name)
    folder = Path(name)
    if not folder.is_dir() and (folder.is_absolute() or name.startswith(".") or name.count("/") > 1):
        raise ValueError(f"There is no folder {name}; pass the folder of an LMM or its name on the Hub.")
    if folder.is_dir() and not (folder / "config.json").exists():
        _check_adapter(folder)
    try:
        model = AutoModelForImageTextToText.from_pretrained(name, dtype=dtype)
        processor = open_pil_processor(name)
    except (OSError, ValueError) as problem:
        reason = str(problem).strip().split("\n")[0]
        raise ValueError(f"{name} cannot be loaded as a model that takes images: {reason}") from problem
    if not hasattr(processor, "image_processor"):
        raise ValueError(f"{name} has no processor for images; save the one that it was trained with beside it.")
    return model.eval().to(device or ("cuda" if torch.cuda.is_available() else "cpu")), processor


def open_pil_processor(name: str | os.PathLike) -> ProcessorMixin:
    """A processor whose images are prepared by PIL, as the tower was trained, where torchvision is there as well.

    Raises:
        OSError, ValueError: as of `from_pretrained`, when there is none.
    """
    processor = AutoProcessor.from_pretrained(name)
    if hasattr(processor, "image_processor"):
        # Given to AutoProcessor, `backend` would also become the tokenizer's, which then takes itself for a slow one
        # (transformers 5.24).
        processor.image_processor = AutoImageProcessor.from_pretrained(name, backend="pil")
    return processor


def _check_adapter(folder: Path) -> None:
    if not (folder / "adapter_config.json").exists():
        raise ValueError(f"{folder} holds neither a model (config.json) nor an adapter (adapter_config.json).")
    base = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8")).get("base_model_name_or_path")
    if not base:
        raise ValueError(
            f"The adapter in {folder} does not name its base; write the base's folder into its adapter_config.json as "
            "base_model_name_or_path."
        )
    if base.startswith(("/", ".")) and not Path(base).is_dir():
        raise ValueError(
            f"The adapter in {folder} belongs to {base}, which is not there; put it there or mend the path."
        )


def answer(
    model: PreTrainedModel,
    processor: ProcessorMixin,
    images: Sequence[Picture | Sequence[Picture] | None],
    questions: Sequence[str],
    *,
    batch_size: int = 8,
    max_new_tokens: int = 512,
    **generation: Any,
) -> list[str]:
    """The model's answers, in the order of the questions.

    Questions of like length share a batch, the longest first, padded on the left, so that each is answered as it would
    be alone. By default the likeliest token is taken at every step.

    Args:
        model (`PreTrainedModel`), processor (`ProcessorMixin`): as from [`load_lmm`] or [`~mmgeolm.assemble`].
        images (sequence): for each question a picture (`PIL.Image.Image` or a path), several, or `None`.
        questions (sequence of `str`): `<image>` in them is left out: it would stand for a picture.
        batch_size (`int`, *optional*, defaults to 8): questions at a time.
        max_new_tokens (`int`, *optional*, defaults to 512): most tokens of an answer.
        generation: further arguments of `generate`, as `do_sample=True, temperature=0.7`.

    Returns:
        `list[str]`: without special tokens. A question that cannot be asked (its picture is missing or broken, it is
        longer than the model's context) has the answer `""`, and a warning says why.

    Raises:
        ValueError: when there are not as many images as questions, or none of the questions can be asked.
    """
    if len(images) != len(questions):
        raise ValueError(f"There are {len(images)} images for {len(questions)} questions; pass one for each, or None.")
    if batch_size < 1 or max_new_tokens < 1:
        raise ValueError(f"`batch_size` and `max_new_tokens` must be at least 1, got {batch_size}, {max_new_tokens}.")
    context = model.config.get_text_config().max_position_embeddings
    lengths, problems = {}, []
    for number, (pictures, question) in enumerate(zip(images, questions, strict=True)):
        try:
            length = _prompt_length(processor, _open(pictures), question, model.config.image_seq_length)
            if length >= context:
                raise ValueError(f"it has {length} tokens with its pictures, and the model's context {context}")
            lengths[number] = length
        except ValueError as problem:
            problems.append(f"Question {number} cannot be asked: {problem}.")
    if problems and not lengths:
        raise ValueError(
            problems[0] if len(problems) == 1 else f"{problems[0]} Nor can the {len(problems) - 1} others."
        )
    for problem in problems:
        logger.warning("%s Its answer is left empty.", problem)
    order = sorted(lengths, key=lambda number: (-lengths[number], number))
    answers = [""] * len(questions)
    options = {**_greedy(model), **generation}
    for start in range(0, len(order), batch_size):
        batch = order[start : start + batch_size]
        talks = [_talk(_open(images[number]), _plain(processor, questions[number])) for number in batch]
        inputs = _inputs(model, processor, talks)
        room = min(max_new_tokens, context - inputs["input_ids"].shape[1])
        with torch.inference_mode():
            tokens = model.generate(**inputs, max_new_tokens=room, **options)
        new = tokens[:, inputs["input_ids"].shape[1] :]
        for number, text in zip(batch, processor.batch_decode(new, skip_special_tokens=True), strict=True):
            answers[number] = text.strip()
    return answers


def _greedy(model: PreTrainedModel) -> dict[str, Any]:
    """Options that make generation deterministic, whatever the checkpoint's own are."""
    own = model.generation_config
    changed = {"do_sample": False, "num_beams": 1, "repetition_penalty": 1.0, "no_repeat_ngram_size": 0}
    unset = {name: None for name in ("temperature", "top_p", "top_k", "min_p") if getattr(own, name, None) is not None}
    return {**changed, **unset}


def _open(pictures: Picture | Sequence[Picture] | None) -> list[Image.Image]:
    """A question's pictures in RGB, upright as in training. Raises `ValueError` for one that is missing or broken."""
    if pictures is None:
        return []
    if isinstance(pictures, Image.Image | str | os.PathLike):
        pictures = [pictures]
    opened = []
    for picture in pictures:
        try:
            image = picture if isinstance(picture, Image.Image) else Image.open(picture)
            opened.append(as_rgb(ImageOps.exif_transpose(image)))
        except FileNotFoundError as problem:
            raise ValueError(f"there is no picture {picture}") from problem
        except Exception as problem:  # PIL's readers raise many types on a broken file
            raise ValueError(f"the picture {picture} cannot be read ({problem})") from problem
    return opened


def _plain(processor: ProcessorMixin, question: str) -> str:
    return question.replace(processor.image_token, "").strip()


def _talk(pictures: list[Image.Image], question: str) -> list[dict[str, Any]]:
    parts = [{"type": "image", "image": picture} for picture in pictures]
    return [{"role": "user", "content": [*parts, {"type": "text", "text": question}]}]


def _prompt_length(processor: ProcessorMixin, pictures: list[Image.Image], question: str, image_length: int) -> int:
    """Tokens of a question with its pictures, as the model will see it."""
    talk = _talk(pictures, _plain(processor, question))
    prompt = processor.apply_chat_template(talk, add_generation_prompt=True, tokenize=False)
    return len(processor.tokenizer(prompt)["input_ids"]) + len(pictures) * (image_length - 1)


def _inputs(model: PreTrainedModel, processor: ProcessorMixin, talks: list[list[dict[str, Any]]]) -> dict[str, Any]:
    inputs = processor.apply_chat_template(
        talks,
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
        processor_kwargs={"padding": True, "padding_side": "left"},
    )
    return inputs.to(model.device, model.dtype)
