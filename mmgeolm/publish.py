"""A finished model or adapter on the Hub: weights, processor, card and results, and nothing else of its folder.

>>> publish("mmgeolm-7b", "me/mmgeolm-7b")
'https://huggingface.co/me/mmgeolm-7b'
"""

import json
import logging
import os
import re
from fnmatch import fnmatchcase
from pathlib import Path

import torch
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from peft import PeftConfig
from safetensors import SafetensorError, safe_open
from transformers import AutoConfig, LlavaConfig

from mmgeolm.answering import open_pil_processor
from mmgeolm.assembly import empty_lmm
from mmgeolm.lmm_card import CARD, HISTORY, RESULTS, card_to_publish, hub_name
from mmgeolm.lmm_checkpoint import legacy_name
from mmgeolm.stage_folder import is_finished

logger = logging.getLogger(__name__)

ADAPTER_CONFIG = "adapter_config.json"
ADAPTER = "adapter_model.safetensors"
WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
# What is published if it is there. `training_args.bin` is not: it is a pickle, and knows paths and tokens.
FILES = (
    "config.json", "generation_config.json", "processor_config.json", "preprocessor_config.json", "tokenizer.json",
    "tokenizer_config.json", "tokenizer.model", "vocab.json", "merges.txt", "special_tokens_map.json",
    "added_tokens.json", "chat_template.jinja",
)  # fmt: skip
# Left by an earlier version these would be loaded in place of, or on top of, what is published now.
_REPLACED = (
    "model*.safetensors",
    INDEX,
    "pytorch_model*.bin",
    ADAPTER,
    "adapter_model.bin",
    ADAPTER_CONFIG,
    HISTORY,
    *FILES,
)
_TOKEN = re.compile(r"\bhf_[A-Za-z0-9]{20,}")


def publish(
    folder: str | os.PathLike, name: str, private: bool = False, base: str | None = None, token: str | None = None
) -> str:
    """Put an LMM's or an adapter's folder on the Hub, in one commit.

    All is checked before anything is sent: the weights are whole and those of the configuration, the processor loads,
    there is a card, no text of it names this machine's folders or a token, one is logged in. The folder is not
    changed. An earlier version under the name is replaced.

    Args:
        folder (`str` or `os.PathLike`): written by `mmgeolm assemble`, `align`, `sft` or `merge`.
        name (`str`): `NAME` or `USER/NAME`.
        private (`bool`, *optional*, defaults to `False`): of a repository that is made for it.
        base (`str`, *optional*): of an adapter: its base's name on the Hub. Needed where it was trained on a folder.
        token (`str`, *optional*): in place of the one that one is logged in with.

    Returns:
        `str`: the address.

    Raises:
        ValueError: when the folder cannot be published, with the reason and the remedy.
        OSError: when one is not logged in, or the Hub cannot be reached or refuses.
    """
    folder = Path(folder)
    if name.count("/") > 1 or not name.strip("/"):
        raise ValueError(f"A name on the Hub is NAME or USER/NAME, not {name!r}.")
    if not folder.is_dir() or not is_finished(folder):
        raise ValueError(f"{folder} holds no finished model or adapter; name the folder of one.")
    is_adapter = not (folder / "config.json").exists()
    if base and not is_adapter:
        raise ValueError(f"{folder} holds a whole model, which has no base; leave `base` out.")
    weights = check_adapter(folder) if is_adapter else check_weights(folder)
    _check_processor(folder)
    config = _adapter_config(folder, base) if is_adapter else None
    _check_private_text(folder, _contents(folder, name, weights, config))

    api = HfApi(token=token)
    try:
        user = api.whoami()["name"]
    except Exception as error:  # the Hub's and the network's exceptions share no base class
        raise OSError(f"cannot publish {folder}: not logged in ({_line(error)}); run `hf auth login`.") from None
    name = name if "/" in name else f"{user}/{name}"
    if config is not None:
        _check_base(api, config["base_model_name_or_path"], folder)
    contents = _contents(folder, name, weights, config)
    try:
        url = api.create_repo(name, private=private, exist_ok=True)
        old = [file for file in api.list_repo_files(url.repo_id) if any(fnmatchcase(file, p) for p in _REPLACED)]
        api.create_commit(
            url.repo_id,
            [
                *(CommitOperationDelete(file) for file in old if file not in contents and "/" not in file),
                *(CommitOperationAdd(file, content) for file, content in contents.items()),
            ],
            commit_message=f"Publish {name.split('/')[-1]}",
        )
    except Exception as error:  # as above
        raise OSError(f"cannot publish to {name} ({_line(error)}); {folder} is as it was, try again.") from None
    logger.info("Published %s as %s.", folder, url)
    return str(url)


def _contents(folder: Path, name: str, weights: list[str], adapter_config: dict | None) -> dict[str, bytes | str]:
    """What is published: by its path on the Hub a text, or the path of a file here."""
    contents: dict[str, bytes | str] = {
        file: str(folder / file) for file in [*FILES, *weights] if (folder / file).exists()
    }
    for file in sorted((folder / RESULTS).glob("*.yaml")):
        contents[f"{RESULTS}/{file.name}"] = str(file)
    base = None
    if adapter_config is not None:
        base = adapter_config["base_model_name_or_path"]
        contents[ADAPTER_CONFIG] = json.dumps(adapter_config, indent=2).encode()
    card, history = card_to_publish(folder, name, base)
    contents[CARD] = card.encode()
    if history is not None:
        contents[HISTORY] = history.encode()
    return contents


def check_weights(folder: Path) -> list[str]:
    """The files of a model's weights, all of which are whole and together are those of its configuration.

    Only the files' heads are read.

    Raises:
        ValueError: when a file is missing or cut, or a weight is missing, left over or of another shape.
    """
    if (folder / WEIGHTS).exists():
        files = [WEIGHTS]
    elif (folder / INDEX).exists():
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        files = sorted(set(index["weight_map"].values()))
    else:
        raise ValueError(f"{folder} has no weights ({WEIGHTS} or {INDEX}); save the model again.")
    found = {}
    for file in files:
        found.update(_shapes(folder / file))
    try:
        config = AutoConfig.from_pretrained(folder)
    except (OSError, ValueError) as problem:
        raise ValueError(f"The config.json of {folder} cannot be read: {_line(problem)}") from problem
    if not isinstance(config, LlavaConfig):
        raise ValueError(
            f"{folder} holds a {config.model_type}, no LMM; an encoder is published by `mmgeolm mmclip --push_to_hub`."
        )
    tied = {"lm_head.weight"} if config.tie_word_embeddings else set()
    state = empty_lmm(config, torch.float32).state_dict()
    wanted = {legacy_name(own): tuple(tensor.shape) for own, tensor in state.items() if own not in tied}
    found = {legacy_name(own): shape for own, shape in found.items() if own not in tied}
    found = {own: shape for own, shape in found.items() if own in wanted or own != legacy_name("lm_head.weight")}
    for names, what in (
        (wanted.keys() - found.keys(), "lacks weights"),
        (found.keys() - wanted.keys(), "has weights that its configuration does not know"),
        ({own for own in wanted.keys() & found.keys() if wanted[own] != found[own]}, "has weights of a wrong shape"),
    ):
        if names:
            raise ValueError(f"{folder} {what} ({len(names)}, as {min(names)}); save the model again.")
    return [*files, *([] if files == [WEIGHTS] else [INDEX])]


def check_adapter(folder: Path) -> list[str]:
    """The files of an adapter's weights, which are whole. Raises `ValueError` when they are not."""
    if not (folder / ADAPTER).exists():
        raise ValueError(f"{folder} has no weights ({ADAPTER}); save the adapter again.")
    names = _shapes(folder / ADAPTER)
    rows = {name.replace(".lora_B.", ".lora_A.") for name in names if ".lora_B." in name}
    if not rows or rows != {name for name in names if ".lora_A." in name}:
        raise ValueError(f"The weights in {folder} are not those of a whole LoRA adapter; save it again.")
    return [ADAPTER]


def _shapes(file: Path) -> dict[str, tuple[int, ...]]:
    try:
        with safe_open(file, "pt") as weights:
            return {name: tuple(weights.get_slice(name).get_shape()) for name in weights.keys()}  # noqa: SIM118
    except FileNotFoundError as problem:
        raise ValueError(f"{file.parent} lacks {file.name}, which its index names; save the model again.") from problem
    except (SafetensorError, OSError) as problem:
        raise ValueError(f"{file} is cut or broken ({_line(problem)}); save the model again.") from problem


def _check_processor(folder: Path) -> None:
    try:
        processor = open_pil_processor(folder)
    except (OSError, ValueError) as problem:
        raise ValueError(
            f"{folder} has no processor that can be loaded: {_line(problem)} Save the one it was "
            "trained with beside it."
        ) from problem
    if not hasattr(processor, "image_processor") or not getattr(processor, "chat_template", None):
        raise ValueError(f"The processor of {folder} has no image processor or no chat template; save the right one.")


def _adapter_config(folder: Path, base: str | None) -> dict:
    """An adapter's configuration with a base that others can load."""
    try:
        PeftConfig.from_pretrained(str(folder))
        config = json.loads((folder / ADAPTER_CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError) as problem:
        raise ValueError(f"The {ADAPTER_CONFIG} of {folder} cannot be read: {_line(problem)}") from problem
    base = base or config.get("base_model_name_or_path") or ""
    if not hub_name(base):
        raise ValueError(
            f"The base of the adapter in {folder} is {base or 'not named'}, which nobody else can load; publish it, "
            "and pass its name on the Hub as `base`, or merge the adapter and publish the whole."
        )
    return {**config, "base_model_name_or_path": base}


def _check_base(api: HfApi, base: str, folder: Path) -> None:
    try:
        api.model_info(base)
    except Exception as error:  # as in `publish`
        raise OSError(
            f"cannot publish {folder}: the Hub does not give its base {base} ({_line(error)}); publish the base first."
        ) from None


def _check_private_text(folder: Path, contents: dict[str, bytes | str]) -> None:
    """Raises `ValueError` where a text that is to be published holds a token or names a folder of this machine."""
    own = [str(folder.resolve()), *([f"{Path.home()}/"] if len(Path.home().parts) > 1 else [])]
    for file, content in contents.items():
        if not file.endswith((".md", ".json", ".jinja", ".yaml")) or file in ("tokenizer.json", "vocab.json", INDEX):
            continue
        text = content.decode() if isinstance(content, bytes) else Path(content).read_text(encoding="utf-8")
        if _TOKEN.search(text):
            raise ValueError(f"{file} in {folder} holds what looks like a token of the Hub; take it out.")
        if named := [path for path in own if path in text]:
            raise ValueError(f"{file} in {folder} names {named[0]}, a folder of this machine; take it out.")


def _line(problem: Exception) -> str:
    return " ".join(str(problem).split())[:200] or type(problem).__name__
