"""A small encoder from scratch, for two cores: CLIP's classes, four vision and two text layers, words as tokens."""

from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors, trainers
from transformers import (
    CLIPConfig,
    CLIPImageProcessorPil,
    CLIPModel,
    PreTrainedTokenizerFast,
)

from modeling_mmclip import MMCLIPModel, MMCLIPProcessor

# A vertex name such as ABC is three tokens, a number is one: the tower need not learn to spell.
WORDS = Regex(r"[A-Z](?![a-z])|[A-Za-z][a-z]*|\d+|[^\s\w]")


def tiny_tokenizer(captions: Iterable[str], max_length: int = 64) -> PreTrainedTokenizerFast:
    """A word tokenizer over the given captions; words it has not seen become `<unk>`."""
    tokenizer = Tokenizer(models.WordLevel(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(WORDS, behavior="removed", invert=True)
    # CLIP pools at the end token, but takes the highest id instead if that token's id is 2 (a quirk kept for old
    # checkpoints); so it gets another.
    special = ["<pad>", "<s>", "<unk>", "</s>"]
    tokenizer.train_from_iterator(captions, trainers.WordLevelTrainer(special_tokens=special))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        model_max_length=max_length,
    )


def tiny_encoder(
    captions: Iterable[str], image_size: int = 96, patch_size: int = 16, width: int = 128, max_length: int = 64
) -> tuple[MMCLIPModel, MMCLIPProcessor]:
    """A CLIP model with random weights and the processor that goes with it.

    Args:
        captions (iterable of `str`): what the tokenizer gets its words from.
        image_size (`int`, *optional*, defaults to `96`), patch_size (`int`, *optional*, defaults to `16`): in pixels.
        width (`int`, *optional*, defaults to `128`): of both towers and of the embedding.
        max_length (`int`, *optional*, defaults to `64`): most words of a caption, counting letters and signs as words.
    """
    tokenizer = tiny_tokenizer(captions, max_length)
    # ReLU: a fifth of a step on a CPU goes into CLIP's own activation.
    size = {"hidden_size": width, "intermediate_size": 4 * width, "num_attention_heads": 4, "hidden_act": "relu"}
    vision = {**size, "num_hidden_layers": 4, "image_size": image_size, "patch_size": patch_size}
    text = {
        **size,
        "num_hidden_layers": 2,
        "vocab_size": len(tokenizer),
        "max_position_embeddings": tokenizer.model_max_length,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
    backbone = CLIPModel(CLIPConfig(vision_config=vision, text_config=text, projection_dim=width))
    image_processor = CLIPImageProcessorPil(
        size={"shortest_edge": image_size},
        crop_size={"height": image_size, "width": image_size},
        # White paper is 0: two thirds of a diagram's patches are blank, and should add nothing.
        image_mean=[1.0, 1.0, 1.0],
        image_std=[0.25, 0.25, 0.25],
    )
    model = MMCLIPModel.from_backbone(backbone)
    # In bfloat16 on a CPU, the backward pass of torch's fused attention takes two thirds of a step (torch 2.13).
    model.set_attn_implementation("eager")
    return model, MMCLIPProcessor(image_processor, tokenizer, max_length=tokenizer.model_max_length)
