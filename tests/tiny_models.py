"""Tiny dual encoders with random weights, one for each architecture that can be wrapped, and records to feed them."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    AltCLIPConfig,
    AltCLIPModel,
    AltCLIPProcessor,
    CLIPConfig,
    CLIPImageProcessorPil,
    CLIPModel,
    CLIPProcessor,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    ProcessorMixin,
    SiglipConfig,
    SiglipImageProcessorPil,
    SiglipModel,
    SiglipProcessor,
)

from modeling_mmclip import MMCLIPModel, MMCLIPProcessor

SIZE = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
VISION = {**SIZE, "image_size": 32, "patch_size": 8}
BACKBONES = ("clip", "altclip", "siglip")
MAX_LENGTH = 24


def byte_tokenizer(max_length: int = MAX_LENGTH) -> PreTrainedTokenizerFast:
    """A byte-level tokenizer: every text has its own ids, and none is unknown."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        ["in triangle ABC the side AB is 5"] * 3,
        trainers.BpeTrainer(
            vocab_size=300,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            special_tokens=["<s>", "<pad>", "</s>"],
            show_progress=False,
        ),
    )
    # The end token has the highest id, which is where CLIP's legacy pooling looks.
    tokenizer.add_special_tokens(["<end>"])
    end = tokenizer.token_to_id("<end>")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A <end>", special_tokens=[("<s>", 0), ("<end>", end)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="<end>", pad_token="<pad>", model_max_length=max_length
    )


def tiny_backbone(kind: str, seed: int = 0) -> tuple[PreTrainedModel, ProcessorMixin]:
    """A plain dual encoder of transformers (`clip`, `altclip` or `siglip`) in eval mode, and its own processor."""
    tokenizer = byte_tokenizer()
    ids = {
        "vocab_size": len(tokenizer),
        "bos_token_id": 0,
        "pad_token_id": 1,
        "eos_token_id": tokenizer.eos_token_id,
    }
    torch.manual_seed(seed)
    if kind == "siglip":
        text = {**SIZE, **ids, "max_position_embeddings": MAX_LENGTH, "projection_size": 32}
        model = SiglipModel(SiglipConfig(vision_config=VISION, text_config=text))
        images = SiglipImageProcessorPil(size={"height": 32, "width": 32})
        return model.eval(), SiglipProcessor(images, tokenizer)
    images = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    if kind == "altclip":
        text = {**SIZE, **ids, "project_dim": 32, "max_position_embeddings": MAX_LENGTH + 2}
        config = AltCLIPConfig(vision_config=VISION, text_config=text, projection_dim=16)
        return AltCLIPModel(config).eval(), AltCLIPProcessor(images, tokenizer)
    text = {**SIZE, **ids, "max_position_embeddings": MAX_LENGTH}
    config = CLIPConfig(vision_config=VISION, text_config=text, projection_dim=16)
    return CLIPModel(config).eval(), CLIPProcessor(images, tokenizer)


def tiny_mmclip(kind: str = "clip", seed: int = 0) -> tuple[MMCLIPModel, MMCLIPProcessor]:
    """The same, wrapped, in eval mode."""
    backbone, processor = tiny_backbone(kind, seed)
    model = MMCLIPModel.from_backbone(backbone).eval()
    return model, MMCLIPProcessor.from_backbone(processor, backbone.config)


def save_backbone(kind: str, folder: Path) -> str:
    """A folder as a model on the Hub is: weights, configuration, processor."""
    model, processor = tiny_backbone(kind)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return str(folder)


def noise_image(number: int, size: tuple[int, int] = (32, 32)) -> Image.Image:
    """A picture that no other number has."""
    rng = np.random.default_rng(number)
    return Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))


def tiny_records(count: int, num_texts: int = 3, num_images: int = 2, seed: int = 0) -> list[dict]:
    """HardNegatives records whose captions, negatives and images are all distinct."""
    records = []
    for number in range(count):
        own = 1000 * (seed + 1) + 20 * number
        records.append(
            {
                "id": f"r{number}",
                "image": noise_image(own),
                "caption": f"AB is {own}",
                "negative_captions": [f"AB is {own + 1 + k}" for k in range(num_texts)],
                "negative_caption_kinds": ["rule"] * num_texts,
                "negative_images": [noise_image(own + 1 + k) for k in range(num_images)],
                "negative_image_captions": [f"CD is {own + 1 + k}" for k in range(num_images)],
            }
        )
    return records
