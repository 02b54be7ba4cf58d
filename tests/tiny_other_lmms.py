"""Tiny LMMs of other architectures than LLaVA's, with random weights, whose pictures take tokens by their size."""

import torch
from tiny_llms import SIZE, qwen_tokenizer
from transformers import (
    CLIPVisionConfig,
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    Idefics3ImageProcessorPil,
    Idefics3Processor,
    LlamaConfig,
    LlavaNextConfig,
    LlavaNextForConditionalGeneration,
    LlavaNextImageProcessorPil,
    LlavaNextProcessor,
    PreTrainedModel,
    ProcessorMixin,
    Qwen2Config,
    Qwen2TokenizerFast,
)

KINDS = ("idefics3", "llava_next")
TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}{% for part in message['content'] %}"
    "{{ '<image>' if part['type'] == 'image' else part['text'] }}{% endfor %}{{ '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def tiny_other_lmm(kind: str, seed: int = 0) -> tuple[PreTrainedModel, ProcessorMixin]:
    """An LMM (`idefics3` or `llava_next`) whose answers depend on picture and question, and its processor.

    Idefics3 cuts a picture into tiles with marks around them, LLaVA-NeXT pads it to a grid and drops the padding.
    """
    torch.manual_seed(seed)
    model, processor = {"idefics3": _idefics3, "llava_next": _llava_next}[kind]()
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.15 * torch.randn(parameter.shape, generator=generator))
    return model.eval(), processor


def _idefics3() -> tuple[PreTrainedModel, ProcessorMixin]:
    tokenizer = _tokenizer()
    images = Idefics3ImageProcessorPil(size={"longest_edge": 64}, max_image_size={"longest_edge": 32})
    processor = Idefics3Processor(images, tokenizer, image_seq_len=4, chat_template=TEMPLATE)
    vision = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = Idefics3Config(
        vision_config={**vision, "image_size": 32, "patch_size": 8},
        text_config=LlamaConfig(**{**SIZE, "vocab_size": 384}, **_marks(tokenizer)).to_dict(),
        image_token_id=processor.image_token_id,
        scale_factor=2,
        pad_token_id=tokenizer.pad_token_id,
    )
    return Idefics3ForConditionalGeneration(config), processor


def _llava_next() -> tuple[PreTrainedModel, ProcessorMixin]:
    tokenizer = _tokenizer()
    grids = [[32, 64], [64, 32], [64, 64]]
    images = LlavaNextImageProcessorPil(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}, image_grid_pinpoints=grids
    )
    processor = LlavaNextProcessor(
        images,
        tokenizer,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=TEMPLATE,
    )
    sizes = {name: value for name, value in SIZE.items() if name != "head_dim"}
    config = LlavaNextConfig(
        vision_config=CLIPVisionConfig(
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            image_size=32,
            patch_size=8,
        ),
        text_config=Qwen2Config(**{**sizes, "vocab_size": 384}, **_marks(tokenizer)),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_grid_pinpoints=grids,
    )
    return LlavaNextForConditionalGeneration(config), processor


def _tokenizer() -> Qwen2TokenizerFast:
    tokenizer = qwen_tokenizer()
    tokenizer.add_special_tokens({"additional_special_tokens": ["<image>"]})
    tokenizer.image_token = "<image>"
    return tokenizer


def _marks(tokenizer: Qwen2TokenizerFast) -> dict[str, int]:
    return {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
