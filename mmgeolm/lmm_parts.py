"""The parts of an LMM, from wherever they are: a dual encoder for its vision tower, and a language model.

A language model that is given by name is not loaded: its weights are read from its files, each when it is needed, so
that no machine has to hold it in memory to assemble with it.
"""

import copy
import json
import logging
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError
from safetensors import SafetensorError, safe_open
from tokenizers import Tokenizer
from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoTokenizer,
    GenerationConfig,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.image_utils import IMAGENET_STANDARD_MEAN, IMAGENET_STANDARD_STD, OPENAI_CLIP_MEAN, OPENAI_CLIP_STD

from modeling_mmclip import MMCLIPModel

logger = logging.getLogger(__name__)

Weights = dict[str, Callable[[], torch.Tensor]]
"""Weights by name, each read when it is called for."""

LLM_CLASSES = {
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
}
_FILES = ["*.json", "*.safetensors", "*.jinja", "*.model", "*.txt"]
_PROBE = "Is AB parallel to CD"
_OTHER_LAYOUTS = ["consolidated*", "original/*", "onnx/*"]  # the same weights again, under other names


class LanguageModel(NamedTuple):
    """A language model: what it is, its weights, and where its tokenizer may be found."""

    config: PreTrainedConfig
    generation_config: GenerationConfig
    weights: Weights
    folder: Path | None
    model: PreTrainedModel | None


def open_encoder(mmclip: str | os.PathLike | PreTrainedModel, dtype: torch.dtype) -> MMCLIPModel:
    """A dual encoder, loaded in `dtype` where it is given by name; a model in memory keeps its own.

    Raises:
        ValueError: when it is no dual encoder that LLaVA can take the tower of, or there is nothing of that name.
    """
    if isinstance(mmclip, MMCLIPModel):
        encoder = mmclip
    elif isinstance(mmclip, PreTrainedModel):
        encoder = MMCLIPModel.from_backbone(mmclip)
    else:
        name = os.fspath(mmclip)
        _check_folder(name, "an MMCLIP, CLIP, AltCLIP or SigLIP checkpoint")
        model_type = _config(name, "dual encoder").model_type
        load = MMCLIPModel.from_pretrained if model_type == "mmclip" else MMCLIPModel.from_backbone
        encoder = load(name, dtype=dtype)
    if encoder.config.backbone_config.model_type == "siglip2":
        raise ValueError(
            "The tower of SigLIP 2 NaFlex takes patches of pictures of any shape, which LLaVA cannot feed it; take a "
            "SigLIP 2 of a fixed resolution, whose checkpoints are of type siglip."
        )
    return encoder


def image_settings(mmclip: str | os.PathLike | PreTrainedModel, clip: bool) -> dict:
    """Mean, standard deviation and resampling that a dual encoder sees its pictures with.

    They are read from the checkpoint if it has an image processor; else, and for a model in memory, they are those of
    CLIP or SigLIP.
    """
    settings = {
        "image_mean": OPENAI_CLIP_MEAN if clip else IMAGENET_STANDARD_MEAN,
        "image_std": OPENAI_CLIP_STD if clip else IMAGENET_STANDARD_STD,
        "resample": 3,  # bicubic, as in both
    }
    if isinstance(mmclip, PreTrainedModel):
        return settings
    try:
        processor = AutoImageProcessor.from_pretrained(os.fspath(mmclip), backend="pil")
    except OSError:
        logger.warning("%s has no image processor: pictures are normalised as for CLIP or SigLIP.", mmclip)
        return settings
    return {name: getattr(processor, name, None) or value for name, value in settings.items()}


def open_llm(llm: str | os.PathLike | PreTrainedModel) -> LanguageModel:
    """A language model; see [`LLM_CLASSES`] for the families.

    Args:
        llm (`str`, `os.PathLike` or `PreTrainedModel`): a name on the Hub (downloaded), a folder, or a model in memory
            (whose weights are shared).

    Raises:
        ValueError: when it is no causal language model of these families, an adapter, quantised, or its files are
            missing, broken or not safetensors.
    """
    if not isinstance(llm, str | os.PathLike):
        if hasattr(llm, "peft_config"):
            raise ValueError("The language model has an adapter on it: call its merge_and_unload() first.")
        if not isinstance(llm, PreTrainedModel):
            raise ValueError(f"The language model is a {type(llm).__name__}; pass a name, a folder or a causal LM.")
        _check_llm(llm.config, type(llm).__name__, "The language model")
        if any(name.endswith("inv_freq") and buffer.dtype != torch.float32 for name, buffer in llm.named_buffers()):
            raise ValueError(
                "The language model was cast after loading, which rounded the frequencies of its rotary embedding; "
                "load it with from_pretrained(..., dtype=...) instead."
            )
        tensors = llm.state_dict()
        return LanguageModel(
            copy.deepcopy(llm.config),
            llm.generation_config,
            {name: partial(tensors.__getitem__, name) for name in tensors},
            Path(llm.config._name_or_path) if llm.config._name_or_path else None,
            llm,
        )
    name = os.fspath(llm)
    _check_folder(name, "a causal language model")
    folder = Path(name) if Path(name).is_dir() else _download(name)
    config = _config(folder, "language model", name)
    _check_llm(config, (config.architectures or [""])[0], name)
    try:
        generation_config = GenerationConfig.from_pretrained(folder)
    except OSError:
        generation_config = GenerationConfig.from_model_config(config)
    return LanguageModel(config, generation_config, _file_weights(folder, name), folder, None)


def open_tokenizer(llm: LanguageModel) -> PreTrainedTokenizerBase:
    """The tokenizer beside a language model.

    Raises:
        ValueError: where there is none, or AutoTokenizer takes it for another kind than it is.
    """
    if llm.folder is None:
        raise ValueError("Pass `tokenizer` together with a language model in memory that was not loaded from a name.")
    lacks = f"{llm.folder} has no tokenizer that can be loaded; pass one as `tokenizer`, or add its tokenizer.json."
    files = ("tokenizer.json", "tokenizer.model", "vocab.json")
    if llm.folder.is_dir() and not any((llm.folder / file).exists() for file in files):
        # AutoTokenizer would make one without a vocabulary (transformers 5.24).
        raise ValueError(lacks)
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(llm.folder))
    except (OSError, ValueError, TypeError) as problem:
        raise ValueError(lacks) from problem
    _check_read_back(tokenizer, llm.folder)
    return tokenizer


def _check_read_back(tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """That text survives the tokenizer if it survives the file that it was read from: for a Qwen2 or Llama folder
    AutoTokenizer builds its family's tokenizer around whatever vocabulary it finds (transformers 5.24)."""
    file = folder / "tokenizer.json"
    if not file.is_file():
        return
    saved = Tokenizer.from_file(str(file))
    as_saved = saved.decode(saved.encode(_PROBE, add_special_tokens=False).ids).strip()
    as_read = tokenizer.decode(tokenizer(_PROBE, add_special_tokens=False)["input_ids"]).strip()
    if as_saved == _PROBE != as_read:
        raise ValueError(
            f"AutoTokenizer reads {file} as a {type(tokenizer).__name__}, which makes {as_read!r} of {_PROBE!r}; load "
            "it with PreTrainedTokenizerFast.from_pretrained and pass it as `tokenizer`."
        )


def _check_llm(config: PreTrainedConfig, class_name: str, name: str) -> None:
    wanted = LLM_CLASSES.get(config.model_type)
    if wanted is None or class_name not in ("", wanted):
        families = ", ".join(LLM_CLASSES.values())
        raise ValueError(
            f"{name} is a {class_name or config.model_type}; the language model must be one of {families}."
        )
    if getattr(config, "quantization_config", None) is not None:
        raise ValueError(f"{name} is quantised; assemble with the full weights and quantise the result.")


def _check_folder(name: str, what: str) -> None:
    """Say what is wrong with a folder before a loader does, at length."""
    folder = Path(name)
    if not folder.exists() and (folder.is_absolute() or name.startswith((".", "~")) or name.count("/") > 1):
        raise ValueError(f"There is no folder {name}; pass the folder of {what} or its name on the Hub.")
    if folder.is_file():
        raise ValueError(f"{name} is a file; pass the folder of {what}.")
    if not folder.is_dir() or (folder / "config.json").exists():
        return
    if (folder / "adapter_config.json").exists():
        raise ValueError(f"{name} is a LoRA adapter, not {what}; merge it into its base model first.")
    found = sorted(path.name for path in folder.iterdir())[:4]
    raise ValueError(f"{name} has no config.json, so it is not {what}; it holds {', '.join(found) or 'nothing'}.")


def _config(place: str | Path, what: str, name: str | None = None) -> PreTrainedConfig:
    try:
        return AutoConfig.from_pretrained(place)
    except (OSError, ValueError) as problem:
        raise ValueError(
            f"The configuration of the {what} {name or place} cannot be read: {_first_sentence(problem)}"
        ) from problem


def _first_sentence(problem: Exception) -> str:
    """Of a library's long message."""
    return str(problem).strip().split("\n")[0].split(". ")[0].rstrip(".") + "."


def _download(name: str) -> Path:
    """The files of a repository that are needed, from the Hub or its cache."""
    try:
        files = snapshot_download(name, allow_patterns=["*.json"])
        if (Path(files) / "adapter_config.json").exists() and not (Path(files) / "config.json").exists():
            raise ValueError(f"{name} is a LoRA adapter, not a language model; merge it into its base model first.")
        return Path(snapshot_download(name, allow_patterns=_FILES, ignore_patterns=_OTHER_LAYOUTS))
    except (OSError, HfHubHTTPError) as problem:
        raise ValueError(
            f"There is no language model {name}: it is not a folder, and the Hub could not be asked or has no such "
            f"name ({_first_sentence(problem)})"
        ) from problem


def _file_weights(folder: Path, name: str) -> Weights:
    """Readers of the weights in a folder's safetensors, one file or several."""
    index = folder / "model.safetensors.index.json"
    if index.exists():
        files = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        for file in sorted(set(files.values())):
            if not (folder / file).exists():
                raise ValueError(f"{name} lacks {file}, which its index names; download or save it again.")
    elif (folder / "model.safetensors").exists():
        try:
            with safe_open(folder / "model.safetensors", "pt") as opened:
                files = dict.fromkeys(opened.keys(), "model.safetensors")
        except SafetensorError as problem:
            raise ValueError(
                f"{name}/model.safetensors is broken ({problem}); download or save it again."
            ) from problem
    else:
        raise ValueError(
            f"{name} has no model.safetensors; where it has pytorch_model.bin, load it with AutoModelForCausalLM and "
            "save_pretrained it once."
        )
    return {key: partial(_read, folder / file, key) for key, file in files.items()}


def _read(file: Path, key: str) -> torch.Tensor:
    # Opened for one tensor only: its pages leave the memory together with it.
    try:
        with safe_open(file, "pt") as opened:
            return opened.get_tensor(key)
    except SafetensorError as problem:
        raise ValueError(f"{file} is broken ({problem}); download or save it again.") from problem
