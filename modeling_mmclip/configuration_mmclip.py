"""Configuration of MMCLIP: which backbone it wraps and which loss it was trained with."""

from typing import Any

from transformers import CONFIG_MAPPING, AutoConfig, PreTrainedConfig

BACKBONES = ("altclip", "chinese_clip", "clip", "metaclip_2", "siglip", "siglip2")


class MMCLIPConfig(PreTrainedConfig):
    r"""Configuration of a [`MMCLIPModel`].

    Parameters:
        backbone_config (`PreTrainedConfig` or `dict`, *optional*):
            Configuration of the wrapped dual encoder: AltCLIP, Chinese-CLIP, CLIP, MetaCLIP 2, SigLIP or SigLIP 2.
            Defaults to that of CLIP ViT-B/32.
        loss (`str`, *optional*, defaults to `"softmax"`):
            How candidates are judged: `"softmax"` or `"sigmoid"`.
        candidates (`str`, *optional*, defaults to `"hard"`):
            Whom an anchor competes with: `"hard"`, `"in_batch"` or `"hybrid"`.
        hardness (`float`, *optional*, defaults to `0.0`):
            Strength of the hardness weighting; 0 is off.
        logit_bias_init_value (`float`, *optional*, defaults to `-10.0`):
            Where the bias of the sigmoid loss starts, for backbones that bring none.
        text_length (`int`, *optional*):
            Number of tokens that every caption is padded to, for backbones trained that way (SigLIP). `None`: captions
            keep their length.
        text_pad_token_id (`int`, *optional*):
            Token to pad with, needed together with `text_length`.

    Raises:
        ValueError: for a backbone that is not a dual encoder of the list above.
    """

    model_type = "mmclip"
    sub_configs = {"backbone_config": AutoConfig}

    backbone_config: dict | PreTrainedConfig | None = None
    loss: str = "softmax"
    candidates: str = "hard"
    hardness: float = 0.0
    logit_bias_init_value: float = -10.0
    text_length: int | None = None
    text_pad_token_id: int | None = None

    def __post_init__(self, **kwargs: Any) -> None:
        backbone = {} if self.backbone_config is None else self.backbone_config
        if isinstance(backbone, dict):
            model_type = backbone.get("model_type", "clip")
            check_backbone(model_type)
            backbone = CONFIG_MAPPING[model_type](**{k: v for k, v in backbone.items() if k != "model_type"})
        check_backbone(backbone.model_type)
        self.backbone_config = backbone
        super().__post_init__(**kwargs)

    @property
    def vision_config(self) -> PreTrainedConfig:
        """Configuration of the backbone's vision tower."""
        return self.backbone_config.vision_config

    @property
    def text_config(self) -> PreTrainedConfig:
        """Configuration of the backbone's text tower."""
        return self.backbone_config.text_config


def check_backbone(model_type: str) -> None:
    """Raise `ValueError` unless `model_type` is a dual encoder that MMCLIP wraps."""
    if model_type not in BACKBONES:
        raise ValueError(f"MMCLIP cannot wrap a model of type {model_type!r}; it wraps {', '.join(BACKBONES)}.")
