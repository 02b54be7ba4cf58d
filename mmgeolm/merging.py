"""An adapter and its base, made into one plain model."""

import logging
from pathlib import Path

from peft import PeftConfig, PeftModel
from transformers import LlavaForConditionalGeneration

from mmgeolm.answering import open_pil_processor
from mmgeolm.lmm_card import read_history, write_card
from mmgeolm.lmm_checkpoint import make_readable_everywhere
from mmgeolm.stage_folder import check_free

logger = logging.getLogger(__name__)


def merge(adapter: str, output_dir: str, base: str | None = None, overwrite: bool = False) -> None:
    """Adds an adapter's updates to the weights of its base, takes over the projector that was trained with it, and
    writes a LLaVA that needs neither peft nor this library.

    Args:
        adapter (`str`): folder or name on the Hub of what `mmgeolm sft --train lora` has written.
        output_dir (`str`): folder for the model.
        base (`str`, *optional*): the base; by default the one that the adapter names.
        overwrite (`bool`, *optional*, defaults to `False`): whether `output_dir` may hold a model.

    Raises:
        ValueError: when the folder is no adapter, its base cannot be found or is another model, or `output_dir` holds
            a model.
    """
    folder = check_free(output_dir, "the merged model", overwrite)
    if Path(adapter).is_dir() and not (Path(adapter) / "adapter_config.json").exists():
        raise ValueError(f"{adapter} is no adapter: it has no adapter_config.json.")
    try:
        base = base or PeftConfig.from_pretrained(adapter).base_model_name_or_path
    except (OSError, ValueError) as problem:
        raise ValueError(f"There is no adapter {adapter}: {str(problem).splitlines()[0]}") from problem
    if not base:
        raise ValueError(f"The adapter {adapter} does not name its base model; pass it as --base.")
    if Path(base).is_absolute() and not Path(base).is_dir():
        raise ValueError(f"The base of the adapter, {base}, is not there any more; pass where it is as --base.")
    try:
        model, info = LlavaForConditionalGeneration.from_pretrained(base, dtype="auto", output_loading_info=True)
        if missing := sorted(info["missing_keys"]):
            raise ValueError(f"it lacks {len(missing)} weights, as {missing[0]}.")
        adapted = PeftModel.from_pretrained(model, adapter)
    except (OSError, ValueError, RuntimeError) as problem:
        reason = str(problem).strip().splitlines()[0]
        raise ValueError(f"The adapter {adapter} does not fit {base}: {reason}") from problem
    # The projector was trained in float32; the whole has one precision, that of the base.
    adapted.merge_and_unload(safe_merge=True).to(model.dtype).save_pretrained(folder)
    open_pil_processor(adapter).save_pretrained(folder)
    make_readable_everywhere(folder)
    # Without a history nobody knows what the adapter was trained on, and a card would only pretend to.
    if history := read_history(adapter):
        *earlier, last = history["stages"]
        write_card(folder, {**history, "stages": [*earlier, {**last, "merged": True}]})
    logger.info("Merged %s into %s.", adapter, base)
