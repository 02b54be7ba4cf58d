"""A vision tower, a new projector and a language model, put together into a plain LLaVA.

    >>> model, processor = assemble("geometry-clip", "Qwen/Qwen2.5-7B-Instruct", "mmgeolm-7b")

Nothing of the result is this project's: `LlavaForConditionalGeneration`, `LlavaProcessor` and the files of both, which
transformers, vLLM and evaluation harnesses load without it.
"""

import copy
import logging
import os
from pathlib import Path

import torch
from accelerate import init_empty_weights
from safetensors import SafetensorError
from torch import nn
from torch.nn import functional as F
from transformers import (
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    GenerationConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaImageProcessorPil,
    LlavaProcessor,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.conversion_mapping import get_model_conversion_mapping

from mmgeolm.chat_templates import IMAGE_TOKEN, chat_tokenizer
from mmgeolm.lmm_card import new_history, write_card
from mmgeolm.lmm_checkpoint import clear_unfinished, make_readable_everywhere, write_weights
from mmgeolm.lmm_parts import (
    LLM_CLASSES,
    LanguageModel,
    Weights,
    image_settings,
    open_encoder,
    open_llm,
    open_tokenizer,
)

logger = logging.getLogger(__name__)

FEATURE_LAYER = -2
SIGLIP = "siglip_vision_model"
_VOCABULARY_STEP = 64  # a vocabulary that has to grow, grows to a multiple of it
_PROBE = "In triangle ABC, AB = 6 and angle ABC = 60°. Find AC."
_UNUSED_BUFFERS = (".rotary_emb.inv_freq", ".embeddings.position_ids")  # old checkpoints keep what is computed today


def assemble(
    mmclip: str | os.PathLike | PreTrainedModel,
    llm: str | os.PathLike | PreTrainedModel,
    output_dir: str | os.PathLike | None = None,
    *,
    tokenizer: PreTrainedTokenizerBase | None = None,
    max_shard_size: int | str = "5GB",
    seed: int = 0,
) -> tuple[LlavaForConditionalGeneration, LlavaProcessor]:
    """Join a dual encoder's vision tower and a causal language model by a new 2-layer GELU projector (paper, §4).

    The tower's features are those of its last but one layer; CLIP's class token is left out. Pictures are padded to a
    square and never cropped. Everything has the language model's dtype; the tower is cast to it if it has another.

    With `output_dir` the language model's weights go from its files to the new ones one tensor at a time, and the
    model returned is read from there: no moment holds two copies. Without it, models in memory share their weights
    with the result.

    The result is checked before it is returned: features of the tower against those of the dual encoder, logits for a
    text against those of the language model, both bit by bit; on reading back, that no weight is missing or left over.

    Args:
        mmclip (`str`, `os.PathLike` or `PreTrainedModel`): an MMCLIP, or a CLIP, AltCLIP, Chinese-CLIP, MetaCLIP 2 or
            SigLIP: a name on the Hub, a folder, or a model in memory.
        llm (`str`, `os.PathLike` or `PreTrainedModel`): a causal language model of the families Qwen2 (and 2.5),
            Qwen3, Mistral (MAmmoTH2) or Llama.
        output_dir (`str` or `os.PathLike`, *optional*): an empty or new folder to write the model and processor to.
        tokenizer (`PreTrainedTokenizerBase`, *optional*): of the language model; by default the one beside it.
        max_shard_size (`int` or `str`, *optional*, defaults to `"5GB"`): of one file of weights.
        seed (`int`, *optional*, defaults to 0): of the projector's weights.

    Returns:
        The model in eval mode, and its processor, whose chat template has `{% generation %}` marks.

    Raises:
        ValueError: for parts that are missing, of another kind or do not fit together, a folder that is not empty, and
            when a check fails.
    """
    language = open_llm(llm)
    dtype, device = _placement(language)
    encoder = open_encoder(mmclip, dtype)
    if output_dir is not None:
        clear_unfinished(output_dir)
    tokenizer, end_ids = chat_tokenizer(tokenizer or open_tokenizer(language), language.config.model_type)
    text_ids = torch.tensor([tokenizer.encode(_PROBE, add_special_tokens=False)], device=device)

    # What the parts compute on their own
    tower, pixels, features = _tower(encoder, dtype, device)
    del encoder  # its text tower is not needed
    logits = _text_logits(language, llm, text_ids)
    attention = {"vision_config": tower.config._attn_implementation}
    if language.model is not None:
        attention["text_config"] = language.config._attn_implementation

    # The whole
    config = lmm_config(tower.config, language.config, tokenizer, dtype)
    generation_config = _generation_config(language.generation_config, tokenizer, end_ids)
    weights = _lmm_weights(tower, language, config, seed, dtype, device)
    processor = _processor(tower.config, tokenizer, image_settings(mmclip, tower.config.model_type != SIGLIP))
    empty = empty_lmm(config, dtype)
    _check_names(weights, empty)
    if output_dir is None:
        model = _fill(empty, weights)
    else:
        tied = {"lm_head.weight"} if config.tie_word_embeddings else set()
        shapes = {name: tensor for name, tensor in empty.state_dict().items() if name not in tied}
        write_weights(weights, shapes, output_dir, max_shard_size)
        save_processor(processor, output_dir)
        generation_config.save_pretrained(output_dir)
        config.architectures = [LlavaForConditionalGeneration.__name__]
        config.save_pretrained(output_dir)
        make_readable_everywhere(output_dir)
        write_card(output_dir, new_history(config, mmclip, llm))
        del weights, empty
        model = _read_back(output_dir).to(device)
    model.generation_config = generation_config
    model.set_attn_implementation(attention)
    check_features(model, pixels, features)
    check_text_logits(model, text_ids, logits)
    return model.eval(), processor


def lmm_config(
    vision: PreTrainedConfig, text: PreTrainedConfig, tokenizer: PreTrainedTokenizerBase, dtype: torch.dtype
) -> LlavaConfig:
    """The configuration of the whole, from those of its parts, which are left as they are.

    Args:
        vision, text (`PreTrainedConfig`): of the tower and the language model.
        tokenizer (`PreTrainedTokenizerBase`): from [`chat_tokenizer`].
        dtype (`torch.dtype`): of the weights.
    """
    vision, text = copy.deepcopy(vision), copy.deepcopy(text)
    vision._name_or_path = text._name_or_path = ""  # folders of this machine are nobody else's business
    text.architectures = [LLM_CLASSES[text.model_type]]
    needed = max(tokenizer.get_vocab().values()) + 1
    if needed > text.vocab_size:
        text.vocab_size = -(-needed // _VOCABULARY_STEP) * _VOCABULARY_STEP
    text.pad_token_id = tokenizer.pad_token_id
    side = vision.image_size // vision.patch_size
    if rest := vision.image_size % vision.patch_size:
        logger.warning(
            "The tower's pictures of %d pixels are no multiple of its patches of %d: the last %d pixels of each row "
            "and column are not seen.",
            vision.image_size,
            vision.patch_size,
            rest,
        )
    return LlavaConfig(
        vision_config=vision,
        text_config=text,
        image_token_index=tokenizer.convert_tokens_to_ids(IMAGE_TOKEN),
        image_seq_length=side * side,
        projector_hidden_act="gelu",
        vision_feature_layer=FEATURE_LAYER,
        # CLIP puts a class token before the patches; SigLIP has none.
        vision_feature_select_strategy="full" if vision.model_type == SIGLIP else "default",
        tie_word_embeddings=text.tie_word_embeddings,
        dtype=dtype,
    )


def empty_lmm(config: LlavaConfig, dtype: torch.dtype) -> LlavaForConditionalGeneration:
    """A model without memory: its parameters lie on the meta device."""
    with init_empty_weights():
        return AutoModelForImageTextToText.from_config(config, dtype=dtype)


def save_processor(processor: LlavaProcessor, folder: str | os.PathLike) -> None:
    """Save a processor so that transformers 4 and 5 both read it."""
    processor.save_pretrained(folder)
    make_readable_everywhere(folder)


def check_features(model: LlavaForConditionalGeneration, pixels: torch.Tensor, expected: torch.Tensor) -> None:
    """Raise `ValueError` unless the tower's features are bit by bit those of the dual encoder.

    Args:
        model (`LlavaForConditionalGeneration`): the whole.
        pixels (`torch.Tensor` of shape `(1, 3, H, W)`), expected (`torch.Tensor` of shape `(1, patches, D)`): a
            picture and the dual encoder's hidden states for it.
    """
    _check(_features(model.model.vision_tower, pixels), expected, "tower's features", "dual encoder's")


def check_text_logits(model: LlavaForConditionalGeneration, ids: torch.Tensor, expected: torch.Tensor) -> None:
    """Raise `ValueError` unless the logits for a text are bit by bit those of the language model.

    Args:
        model (`LlavaForConditionalGeneration`): the whole.
        ids (`torch.Tensor` of shape `(1, L)`), expected (`torch.Tensor` of shape `(1, L, V)`): a text and the language
            model's logits for it; columns that the vocabulary has grown by are not compared.
    """
    _check(_logits(model, ids, expected.shape[-1]), expected, "logits for a text", "language model's")


def _check(found: torch.Tensor, expected: torch.Tensor, what: str, whose: str) -> None:
    if found.shape != expected.shape or not torch.equal(found, expected):
        difference = "another shape" if found.shape != expected.shape else (found - expected).abs().max().item()
        raise ValueError(
            f"The assembled model is wrong: its {what} are not the {whose} (largest difference: {difference}); "
            "do not use it, and report this with the two models' names."
        )


def _placement(language: LanguageModel) -> tuple[torch.dtype, torch.device]:
    """Of the language model's weights."""
    for name, read in language.weights.items():
        if name.endswith("embed_tokens.weight"):
            embedding = read()
            if embedding.dtype not in (torch.float32, torch.float16, torch.bfloat16):
                raise ValueError(
                    f"The language model's weights are {embedding.dtype}; load them as bfloat16 or float32."
                )
            return embedding.dtype, embedding.device
    raise ValueError("The language model has no weight embed_tokens.weight; is its checkpoint complete?")


@torch.no_grad()
def _features(tower: nn.Module, pixels: torch.Tensor) -> torch.Tensor:
    return tower(pixels, output_hidden_states=True).hidden_states[FEATURE_LAYER]


@torch.no_grad()
def _logits(model: PreTrainedModel, ids: torch.Tensor, size: int) -> torch.Tensor:
    hidden = model.base_model(input_ids=ids, use_cache=False).last_hidden_state
    return F.linear(hidden, model.get_output_embeddings().weight[:size])


def _tower(
    encoder: PreTrainedModel, dtype: torch.dtype, device: torch.device
) -> tuple[PreTrainedModel, torch.Tensor, torch.Tensor]:
    """The tower that LLaVA takes, a picture of noise, and what the dual encoder's own tower makes of it."""
    own = encoder.backbone.vision_model
    if (encoder.dtype, encoder.device) != (dtype, device):
        own = copy.deepcopy(own).to(device=device, dtype=dtype)
    tower = encoder.export_vision_tower()
    if (tower.dtype, tower.device) != (dtype, device):
        tower = copy.deepcopy(tower).to(device=device, dtype=dtype)
    size = tower.config.image_size
    pixels = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0)).to(device, dtype)
    was_training = own.training
    features = _features(own.eval(), pixels)
    own.train(was_training)
    return tower, pixels, features


def _text_logits(language: LanguageModel, llm: PreTrainedModel, ids: torch.Tensor) -> torch.Tensor:
    """What the language model says of a text; one that is on the disk is mapped for it and let go."""
    model = language.model
    if model is None:
        try:
            model, info = AutoModelForCausalLM.from_pretrained(language.folder, dtype="auto", output_loading_info=True)
        except SafetensorError as problem:
            raise ValueError(f"A file of weights of {llm} is broken ({problem}); download it again.") from problem
        if info["missing_keys"]:
            raise ValueError(f"{llm} lacks weights: {', '.join(sorted(info['missing_keys'])[:4])}; is it complete?")
    was_training = model.training
    logits = _logits(model.eval(), ids, model.config.vocab_size)
    model.train(was_training)
    return logits


def _lmm_weights(
    tower: PreTrainedModel,
    language: LanguageModel,
    config: LlavaConfig,
    seed: int,
    dtype: torch.dtype,
    device: torch.device,
) -> Weights:
    """Readers of all weights, by the names that they have in the whole."""
    weights: Weights = {}
    for name, tensor in tower.state_dict().items():
        weights[f"model.vision_tower.{name.removeprefix('vision_model.')}"] = lambda tensor=tensor: tensor
    for name, tensor in _projector(config, seed).items():
        weights[f"model.multi_modal_projector.{name}"] = lambda tensor=tensor: tensor.to(device, dtype)
    for name, read in language.weights.items():
        whole = f"model.language_model.{name.removeprefix('model.')}" if name.startswith("model.") else name
        if name.endswith(("embed_tokens.weight", "lm_head.weight")):
            weights[whole] = lambda read=read: _grown(read(), config.text_config.vocab_size)
        else:
            weights[whole] = read
    if config.tie_word_embeddings:
        weights["lm_head.weight"] = weights["model.language_model.embed_tokens.weight"]
    return {name: read for name, read in weights.items() if not name.endswith(_UNUSED_BUFFERS)}


def _projector(config: LlavaConfig, seed: int) -> dict[str, torch.Tensor]:
    """Two linear layers as PyTorch begins them, as LLaVA's were."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        width, text_width = config.vision_config.hidden_size, config.text_config.hidden_size
        layers = nn.ModuleDict(
            {"linear_1": nn.Linear(width, text_width), "linear_2": nn.Linear(text_width, text_width)}
        )
    return {name: parameter.detach() for name, parameter in layers.named_parameters()}


def _grown(table: torch.Tensor, size: int) -> torch.Tensor:
    """A table of one row for each token with more rows, which are the mean of the others: no new token stands out."""
    if table.shape[0] >= size:
        return table
    mean = table.float().mean(dim=0, keepdim=True).to(table.dtype)
    return torch.cat([table, mean.expand(size - table.shape[0], -1)])


def _check_names(weights: Weights, empty: nn.Module) -> None:
    wanted = set(empty.state_dict())
    for names, what in ((wanted - set(weights), "lack"), (set(weights) - wanted, "have besides what the whole needs")):
        if names:
            raise ValueError(f"The tower and the language model {what} {', '.join(sorted(names)[:4])}.")


def _fill(empty: LlavaForConditionalGeneration, weights: Weights) -> LlavaForConditionalGeneration:
    """Give an empty model its weights, without a copy."""
    empty.load_state_dict({name: read() for name, read in weights.items()}, strict=True, assign=True)
    empty.tie_weights()
    # As after from_pretrained of the legacy layout: save_pretrained then writes that layout (transformers 5.24 keeps
    # it in this attribute only, and writes towers that 4.57 finds no weights for where it is missing).
    empty._weight_conversions = get_model_conversion_mapping(empty, add_legacy=False)
    return empty


def _read_back(folder: str | os.PathLike) -> LlavaForConditionalGeneration:
    model, info = LlavaForConditionalGeneration.from_pretrained(
        Path(folder), output_loading_info=True, dtype="auto", ignore_mismatched_sizes=True
    )
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if names := sorted(map(str, info.get(kind, ()))):
            raise ValueError(
                f"The assembled model is wrong: {folder} reads back with {len(names)} {kind.replace('_', ' ')}, "
                f"{', '.join(names[:4])}; do not use it, and report this."
            )
    return model


def _generation_config(
    own: GenerationConfig, tokenizer: PreTrainedTokenizerBase, end_ids: list[int]
) -> GenerationConfig:
    """Greedy, whatever the language model's was: a penalty on repetition spoils what is copied from the question."""
    ends = own.eos_token_id if isinstance(own.eos_token_id, list) else [own.eos_token_id]
    ends = [*end_ids, *(token for token in [*ends, tokenizer.eos_token_id] if token is not None)]
    return GenerationConfig(
        bos_token_id=own.bos_token_id,
        eos_token_id=list(dict.fromkeys(ends)),
        pad_token_id=tokenizer.pad_token_id,
        suppress_tokens=[tokenizer.convert_tokens_to_ids(IMAGE_TOKEN)],
    )


def _processor(vision: PreTrainedConfig, tokenizer: PreTrainedTokenizerBase, settings: dict) -> LlavaProcessor:
    square = {"height": vision.image_size, "width": vision.image_size}
    images = LlavaImageProcessorPil(do_pad=True, size=square, crop_size=square, do_center_crop=False, **settings)
    siglip = vision.model_type == SIGLIP
    return LlavaProcessor(
        image_processor=images,
        tokenizer=tokenizer,
        patch_size=vision.patch_size,
        vision_feature_select_strategy="full" if siglip else "default",
        num_additional_image_tokens=0 if siglip else 1,
        chat_template=tokenizer.chat_template,
    )
