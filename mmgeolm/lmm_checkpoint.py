"""How an LMM lies on the disk, so that transformers 5 and 4.57, vLLM and evaluation harnesses all read the same model.

Three things would go wrong in silence otherwise. Transformers 5 names a tower's weights as 4.57 and vLLM do not look
for them, who then start from a random tower. It writes the base of the rotary embedding where they do not look, who
take 10,000 for Qwen's million. And it writes a tokenizer class that they do not have.

    language_model.model.…   language_model.lm_head.weight   vision_tower.vision_model.…   multi_modal_projector.…
"""

import json
import os
import re
from collections.abc import Iterable
from pathlib import Path

import torch
from huggingface_hub import split_torch_state_dict_into_shards

from mmgeolm.lmm_parts import Weights

_LEGACY = (
    (r"^model\.language_model\.", "language_model.model."),
    (r"^lm_head\.", "language_model.lm_head."),
    (r"^model\.vision_tower\.(?:vision_model\.)?", "vision_tower.vision_model."),
    (r"^model\.multi_modal_projector\.", "multi_modal_projector."),
)
_DTYPES = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}
_ALIGNMENT = 64  # bytes: where the first tensor starts, so that a mapped file can be computed on at full speed


def legacy_name(name: str) -> str:
    """The name of a weight on the disk, from its name in a `LlavaForConditionalGeneration` of transformers 5."""
    for pattern, replacement in _LEGACY:
        name = re.sub(pattern, replacement, name)
    return name


def write_weights(
    weights: Weights, shapes: dict[str, torch.Tensor], folder: str | os.PathLike, max_shard_size: int | str
) -> None:
    """Write an LMM's weights, one at a time, in the legacy layout.

    At any moment one tensor is in memory (and its source, if it had to be cast). A file appears under its name when it
    is whole.

    Args:
        weights (`dict`): readers, by the model's own names.
        shapes (`dict[str, torch.Tensor]`): tensors of the same names with the shapes and dtypes to be written; they
            may lie on the meta device.
        folder (`str` or `os.PathLike`): it exists.
        max_shard_size (`int` or `str`): bytes in a file, or as `"5GB"`; a single larger tensor gets a file of its own.

    Raises:
        ValueError: when a weight has another shape than it should.
    """
    folder = Path(folder)
    own_names = {legacy_name(name): name for name in shapes}
    split = split_torch_state_dict_into_shards(
        {legacy: shapes[name] for legacy, name in own_names.items()},
        filename_pattern="model{suffix}.safetensors",
        max_shard_size=max_shard_size,
    )
    for file, names in split.filename_to_tensors.items():
        partial = folder / f"{file}.partial"
        with open(partial, "wb") as out:
            out.write(_header({name: shapes[own_names[name]] for name in names}))
            for name in names:
                out.write(_bytes(weights[own_names[name]](), shapes[own_names[name]], name))
        partial.rename(folder / file)
    if split.is_sharded:
        index = {"metadata": split.metadata, "weight_map": split.tensor_to_filename}
        _write_json(folder / "model.safetensors.index.json", index)


def _header(shapes: dict[str, torch.Tensor]) -> bytes:
    """The head of a safetensors file: its length, then JSON that tells where each tensor lies."""
    header, start = {"__metadata__": {"format": "pt"}}, 0
    for name, tensor in shapes.items():
        end = start + tensor.numel() * tensor.element_size()
        header[name] = {"dtype": _DTYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [start, end]}
        start = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % _ALIGNMENT)
    return len(text).to_bytes(8, "little") + text


def _bytes(tensor: torch.Tensor, like: torch.Tensor, name: str) -> memoryview:
    """A tensor as it lies in the file."""
    if tensor.shape != like.shape:
        raise ValueError(f"The weight {name} has the shape {tuple(tensor.shape)}; it should be {tuple(like.shape)}.")
    flat = tensor.detach().to("cpu", like.dtype).contiguous().view(-1)
    return memoryview(flat.view(torch.uint8).numpy())


def make_readable_everywhere(folder: str | os.PathLike) -> None:
    """Mend the JSON files of a saved LMM for readers of transformers 4; transformers 5 reads them as before.

    To be called after every `save_pretrained` or `save_model` of an LMM (`assemble` does). Adapter folders, which have
    no `config.json`, get the processor's files mended.

    - `config.json`: `rope_theta` and `rope_scaling` beside `rope_parameters`.
    - `tokenizer_config.json`: a class that both have, `additional_special_tokens`, `model_input_names`.
    - `preprocessor_config.json`: the image processor, a second time.
    """
    folder = Path(folder)
    if (folder / "config.json").exists():
        config = _read_json(folder / "config.json")
        rope = dict((config.get("text_config") or {}).get("rope_parameters") or {})
        if "rope_theta" in rope:
            config["text_config"]["rope_theta"] = rope.pop("rope_theta")
            config["text_config"]["rope_scaling"] = None if rope.get("rope_type", "default") == "default" else rope
            _write_json(folder / "config.json", config)
    if (folder / "tokenizer_config.json").exists():
        config = _read_json(folder / "tokenizer_config.json")
        extra = config.pop("extra_special_tokens", None)
        if isinstance(extra, list):
            config["additional_special_tokens"] = [*config.get("additional_special_tokens", []), *extra]
        config["tokenizer_class"] = "PreTrainedTokenizerFast"
        config["model_input_names"] = ["input_ids", "attention_mask"]
        _write_json(folder / "tokenizer_config.json", config)
    if (folder / "processor_config.json").exists():
        images = _read_json(folder / "processor_config.json").get("image_processor")
        if images:
            _write_json(folder / "preprocessor_config.json", images)


def clear_unfinished(folder: str | os.PathLike) -> None:
    """Make the folder, or empty it of what an assembly that was stopped had left.

    Raises:
        ValueError: when it holds anything else.
    """
    folder = Path(folder)
    if folder.is_file():
        raise ValueError(f"{folder} is a file; name a folder to write the model to.")
    folder.mkdir(parents=True, exist_ok=True)
    found = sorted(folder.iterdir())
    # The configuration is written last: weights without one are unfinished.
    foreign = [
        path.name for path in found if not re.fullmatch(r"model.*\.safetensors(\.partial|\.index\.json)?", path.name)
    ]
    if foreign:
        raise ValueError(f"{folder} already holds {_some(foreign)}; name another folder, or empty it.")
    for path in found:
        path.unlink()


def _some(names: Iterable[str]) -> str:
    return ", ".join(list(names)[:4])


def _read_json(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def _write_json(path: Path, content: dict) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
