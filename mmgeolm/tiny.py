"""A small encoder from scratch, for two cores: CLIP's classes, four vision and two text layers, words as tokens."""

from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors, trainers
from transformers import (
    CLIPConfig,
    CLIPImageProcessorPil,
    CLIPModel,
    MetaClip2Config,
    MetaClip2Model,
    PreTrainedTokenizerFast,
    SiglipConfig,
    SiglipModel,
)

from modeling_mmclip import MMCLIPModel, MMCLIPProcessor

# A vertex name such as ABC is three tokens, a number is one: the tower need not learn to spell.
WORDS = Regex(r"[A-Z](?![a-z])|[A-Za-z][a-z]*|\d+|[^\s\w]")


def tiny_tokenizer(captions: Iterable[str], max_length: int = 64) -> PreTrainedTokenizerFast:
    """A word tokenizer over the given captions; words it has not seen become `<unk>`."""
    tokenizer = Tokenizer(models.WordLevel(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(WORDS, behavior="removed", invert=True)
    special = ["<pad>", "<s>", "</s>", "<unk>"]
    tokenizer.train_from_iterator(captions, trainers.WordLevelTrainer(special_tokens=special))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
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
    captions: Iterable[str], image_size: int = 96, patch_size: int = 16, width: int = 128, max_length: int = 64,
    vision_layers: int = 4, text_layers: int = 2, kind: str = "clip",
) -> tuple[MMCLIPModel, MMCLIPProcessor]:
    tokenizer = tiny_tokenizer(captions, max_length)
    size = {"hidden_size": width, "intermediate_size": 4 * width, "num_attention_heads": 4}
    vision = {**size, "num_hidden_layers": vision_layers, "image_size": image_size, "patch_size": patch_size}
    text = {**size, "num_hidden_layers": text_layers, "vocab_size": len(tokenizer), "max_position_embeddings": max_length,
            "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    if kind == "clip":
        # eos_token_id 2 would select CLIP's old pooling (highest id); any other id pools at the first end token.
        backbone = CLIPModel(CLIPConfig(vision_config=vision, text_config=text, projection_dim=width))
    elif kind == "siglip":
        backbone = SiglipModel(SiglipConfig(vision_config=vision, text_config={**text, "projection_size": width}))
    image_processor = CLIPImageProcessorPil(
        size={"shortest_edge": image_size}, crop_size={"height": image_size, "width": image_size}
    )
    model = MMCLIPModel.from_backbone(backbone)
    return model, MMCLIPProcessor(image_processor, tokenizer, max_length=max_length)
