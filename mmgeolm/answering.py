"""Questions about diagrams, answered by an LMM in batches.

>>> model, processor = load_lmm("mmgeolm-7b")
>>> answer(model, processor, ["figures/7.png"], ["Is AB parallel to CD?"])
['Yes.']
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoImageProcessor,
    AutoModelForImageTextToText,
    AutoProcessor,
    PreTrainedModel,
    ProcessorMixin,
)

from evaluation.engines import TransformersEngine
from evaluation.generate import Request, generate
from evaluation.pictures import Picture


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
    requests = [
        Request(str(number), question, _several(pictures))
        for number, (pictures, question) in enumerate(zip(images, questions, strict=True))
    ]
    engine = TransformersEngine(model, processor, max_new_tokens, **generation)
    return list(generate(engine, requests, batch_size=batch_size).responses.values())


def _several(pictures: Picture | Sequence[Picture] | None) -> tuple[Picture, ...]:
    if pictures is None:
        return ()
    return (pictures,) if isinstance(pictures, Picture) else tuple(pictures)
