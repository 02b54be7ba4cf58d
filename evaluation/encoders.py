"""One way to load any encoder that is compared: MMCLIP checkpoints, and the plain dual encoders they are made from.

model, processor = load_encoder("runs/quickstart/grouped-0")
model, processor = load_encoder("openai/clip-vit-large-patch14-336")     # CLIP, AltCLIP, SigLIP … as they are
"""

import os
from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import AutoConfig

from modeling_mmclip import MMCLIPModel, MMCLIPProcessor


def load_encoder(
    name: str | os.PathLike, device: str | torch.device | None = None, dtype: torch.dtype | str | None = None
) -> tuple[MMCLIPModel, MMCLIPProcessor]:
    """An encoder in eval mode with its processor, whatever it is stored as.

    A plain dual encoder is wrapped, which changes none of its numbers. Its images are padded to a square rather than
    cropped, as MMCLIP's are, so that what is compared are encoders and not crops.

    Args:
        name (`str` or `os.PathLike`): a folder or a name on the Hub: an MMCLIP checkpoint, or AltCLIP, Chinese-CLIP,
            CLIP, MetaCLIP 2, SigLIP or SigLIP 2.
        device (`str` or `torch.device`, *optional*): where to; defaults to the GPU if there is one.
        dtype (`torch.dtype` or `str`, *optional*): of the weights; defaults to float32, since hard negatives lie close
            together.

    Raises:
        ValueError: when there is no such encoder, it is of another kind, or files of it are missing or broken.
    """
    name = os.fspath(name)
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    options = {"dtype": _as_dtype(dtype)}
    try:
        kind = AutoConfig.from_pretrained(name).model_type
        load_model = MMCLIPModel.from_pretrained if kind == "mmclip" else MMCLIPModel.from_backbone
        load_processor = MMCLIPProcessor.from_pretrained if kind == "mmclip" else MMCLIPProcessor.from_backbone
        model, processor = load_model(name, **options), load_processor(name)
    except OSError as problem:
        reason = " ".join(str(problem).split())[:300]
        raise ValueError(
            f"The encoder {name} cannot be loaded ({reason}); name a folder with weights, configuration and the files "
            "of its processor, or a model on the Hub."
        ) from None
    return model.eval().to(device), processor


def named_encoders(entries: Sequence[str]) -> dict[str, str]:
    """Encoders by the name they have in tables, from `NAME=ENCODER`; without a name, the last part of theirs.

    Raises:
        ValueError: where there is none, or two have one name.
    """
    if not entries:
        raise ValueError("name the encoders to compare: --encoders BAAI/AltCLIP ours=runs/mmclip.")
    named: dict[str, str] = {}
    for entry in entries:
        if "=" in entry and not Path(entry).exists():
            label, name = entry.split("=", 1)
        else:
            label, name = Path(entry).name or entry, entry
        if label in named:
            raise ValueError(f"two encoders are called {label}; give each a name of its own: NAME={name}.")
        named[label] = name
    return named


def fingerprint(name: str | os.PathLike) -> str:
    """Changes when the files of an encoder in a folder do; for one on the Hub, its name."""
    folder = Path(name)
    if not folder.is_dir():
        return os.fspath(name)
    files = sorted(path for path in folder.iterdir() if path.suffix in (".json", ".safetensors", ".bin", ".model"))
    return " ".join(f"{path.name}:{path.stat().st_size}:{path.stat().st_mtime_ns}" for path in files)


def _as_dtype(dtype: torch.dtype | str | None) -> torch.dtype:
    if dtype is None or isinstance(dtype, torch.dtype):
        return dtype or torch.float32
    found = getattr(torch, dtype, None)
    if not isinstance(found, torch.dtype) or not found.is_floating_point:
        raise ValueError(f"`dtype` is {dtype!r}; it must be float32, bfloat16 or float16.")
    return found
