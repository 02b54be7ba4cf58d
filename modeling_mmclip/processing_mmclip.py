"""Diagrams and captions to tensors: images are padded to a square, never cropped; captions are cut at the text
limit."""

import os
from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers import AutoConfig, AutoProcessor, BatchFeature, PreTrainedConfig, ProcessorMixin

FIXED_LENGTH_TEXT = ("siglip", "siglip2")


class MMCLIPProcessor(ProcessorMixin):
    """Image processor and tokenizer of a [`MMCLIPModel`].

    It differs from the backbone's own processor in two ways. A diagram that is not square is padded with the mean
    colour, as LLaVA does, instead of losing its outer letters to a centre crop. And captions come as the text tower
    was trained to see them: SigLIP's padded to a fixed length without a mask, the others' to the longest with a mask,
    all cut at the tower's limit.

    Args:
        image_processor, tokenizer: those of the backbone.
        max_length (`int`): most tokens that the text tower takes.
        fixed_length (`bool`, *optional*, defaults to `False`): pad every caption to `max_length`, return no mask.
        pad_to_square (`bool`, *optional*, defaults to `True`): `False` leaves images to the backbone's processor.
    """

    def __init__(
        self,
        image_processor: Any = None,
        tokenizer: Any = None,
        max_length: int | None = None,
        fixed_length: bool = False,
        pad_to_square: bool = True,
        **kwargs: Any,
    ):
        self.max_length = max_length
        self.fixed_length = fixed_length
        self.pad_to_square = pad_to_square
        super().__init__(image_processor, tokenizer)

    @classmethod
    def from_backbone(
        cls, backbone: str | os.PathLike | ProcessorMixin, config: PreTrainedConfig | None = None, **kwargs: Any
    ) -> "MMCLIPProcessor":
        """The processor for a wrapped backbone.

        Args:
            backbone (`str`, `os.PathLike` or `ProcessorMixin`): a name on the Hub, a folder, or the backbone's
                processor.
            config (`PreTrainedConfig`, *optional*): the backbone's configuration, or that of its MMCLIP model; read
                from the name or folder if not given, and required with a processor in memory.
            kwargs: passed to [`~transformers.AutoProcessor.from_pretrained`].
        """
        if isinstance(backbone, os.PathLike):
            backbone = os.fspath(backbone)
        if config is None:
            if not isinstance(backbone, str):
                raise ValueError("Pass `config` (the backbone's configuration) together with a processor in memory.")
            config = AutoConfig.from_pretrained(backbone, **kwargs)
        config = getattr(config, "backbone_config", config)
        processor = AutoProcessor.from_pretrained(backbone, **kwargs) if isinstance(backbone, str) else backbone
        return cls(
            processor.image_processor,
            processor.tokenizer,
            max_length=text_limit(config),
            fixed_length=config.model_type in FIXED_LENGTH_TEXT,
            # SigLIP 2 takes any aspect ratio: it cuts images into patches without cropping.
            pad_to_square=config.model_type != "siglip2",
        )

    def __call__(
        self,
        images: Image.Image | list[Image.Image] | None = None,
        text: str | list[str] | None = None,
        return_tensors: str = "pt",
        **kwargs: Any,
    ) -> BatchFeature:
        """Tensors for [`MMCLIPModel`].

        Args:
            images (`PIL.Image.Image` or list of them, *optional*): any mode; transparent parts become white.
            text (`str` or `list[str]`, *optional*): captions.
            return_tensors (`str`, *optional*, defaults to `"pt"`): only PyTorch tensors are made.
            kwargs: accepted so that callers of other processors work; padding and truncation are the model's business.

        Returns:
            `BatchFeature`: `pixel_values` of shape `(I, 3, H, W)`, float32; `input_ids` of shape `(T, L)` and, unless
            the length is fixed, `attention_mask`.
        """
        if return_tensors != "pt":
            raise ValueError(f"MMCLIPProcessor makes PyTorch tensors only; got return_tensors={return_tensors!r}.")
        features = {}
        if text is not None:
            features.update(self.encode_texts([text] if isinstance(text, str) else list(text)))
        if images is not None:
            features.update(self.encode_images(list(images) if isinstance(images, list | tuple) else [images]))
        return BatchFeature(features, tensor_type="pt")

    def encode_texts(self, texts: list[str]) -> dict[str, torch.Tensor]:
        """`input_ids` and, unless the length is fixed, `attention_mask`; both int64 of shape `(T, L)`."""
        encoded = self.tokenizer(
            texts,
            padding="max_length" if self.fixed_length else "longest",
            truncation=self.max_length is not None,
            max_length=self.max_length,
            return_attention_mask=not self.fixed_length,
            return_tensors="pt",
        )
        return {name: encoded[name] for name in ("input_ids", "attention_mask") if name in encoded}

    def encode_images(self, images: list[Image.Image]) -> dict[str, torch.Tensor]:
        """`pixel_values`, float32 of shape `(I, 3, H, W)`, and what else a SigLIP 2 tower takes."""
        if not self.pad_to_square:
            return dict(self.image_processor([as_rgb(image) for image in images], return_tensors="pt"))
        processor = self.image_processor
        size = target_size(processor)
        background = tuple(int(255 * mean) for mean in processor.image_mean)
        resample = Image.Resampling(int(processor.resample))
        pixels = np.stack([square_pixels(image, size, background, resample) for image in images])  # (I, H, W, 3)
        # One pass over the whole batch: x / 255, − mean, ÷ std as a single multiply and add.
        mean, std = (
            torch.tensor(v, dtype=torch.float32)[:, None, None] for v in (processor.image_mean, processor.image_std)
        )
        values = torch.from_numpy(pixels).permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.contiguous_format)
        return {"pixel_values": values.mul_(processor.rescale_factor / std).sub_(mean / std)}

    @property
    def model_input_names(self) -> list[str]:
        names = ["input_ids", "pixel_values"] if self.fixed_length else ["input_ids", "attention_mask", "pixel_values"]
        return names if self.pad_to_square else [*names, "pixel_attention_mask", "spatial_shapes"]


def text_limit(config: PreTrainedConfig) -> int:
    """Most tokens that a backbone's text tower takes."""
    limit = config.text_config.max_position_embeddings
    # AltCLIP's XLM-R counts positions from the one after its padding token's id.
    return limit - (config.text_config.pad_token_id + 1) if config.model_type == "altclip" else limit


def target_size(image_processor: Any) -> int:
    """Side, in pixels, of the square that a vision tower takes."""
    crop, size = getattr(image_processor, "crop_size", None), image_processor.size
    if getattr(image_processor, "do_center_crop", False) and crop:
        return int(crop["height"])
    return int(size["height"] if "height" in size else size["shortest_edge"])


def as_rgb(image: Image.Image) -> Image.Image:
    """RGB, with transparent parts on white: diagrams are drawn for white paper."""
    if image.mode.startswith("I;16"):
        # Pillow would clip all but the darkest 256 of 65,536 greys to white.
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        paper = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(paper, image).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def square_pixels(
    image: Image.Image, size: int, background: tuple[int, int, int], resample: Image.Resampling
) -> np.ndarray:
    """The image centred on a square and resized: uint8 of shape `(size, size, 3)`."""
    image = as_rgb(image)
    width, height = image.size
    if width != height:
        side = max(width, height)
        square = Image.new("RGB", (side, side), background)
        square.paste(image, ((side - width) // 2, (side - height) // 2))
        image = square
    if image.size != (size, size):
        image = image.resize((size, size), resample)
    return np.asarray(image)
