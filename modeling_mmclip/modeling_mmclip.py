"""MMCLIP: a dual encoder of transformers that can be trained with any number of hard negatives per anchor."""

import contextlib
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint
from transformers import AutoConfig, AutoModel, AutoTokenizer, CLIPVisionConfig, CLIPVisionModel, PreTrainedModel
from transformers import initialization as init
from transformers.utils import ModelOutput

from .candidates import CandidateIndex, at_least_float32, candidate_scores, diagonal_index
from .configuration_mmclip import BACKBONES, MMCLIPConfig, check_backbone
from .loss import check_loss, mmclip_loss

logger = logging.getLogger(__name__)

# Their vision towers are CLIP's under another name: same parameters, same arithmetic.
CLIP_LIKE_VISION = ("altclip", "chinese_clip", "metaclip_2")
REPORT_ALL = {"output_loading_info": True, "ignore_mismatched_sizes": True}
FIXED_LENGTH_TEXT = ("siglip", "siglip2")


@dataclass
class MMCLIPOutput(ModelOutput):
    """What [`MMCLIPModel`] returns. I and T are the numbers of distinct images and captions, D the embedding's width.

    Attributes:
        loss (`torch.FloatTensor`, scalar, *optional*): with `return_loss=True`.
        logits_per_image (`torch.FloatTensor` of shape `(I, T)`): temperature times cosine, plus the bias if the model
            has one in use.
        logits_per_text (`torch.FloatTensor` of shape `(T, I)`): the same, transposed.
        text_scores (`torch.FloatTensor` of shape `(A, 1 + K)`, *optional*): logits of each image anchor's candidates,
            the positive first; the lowest float where there is none.
        image_scores (`torch.FloatTensor` of shape `(B, 1 + K)`, *optional*): the same for caption anchors.
        image_embeds (`torch.FloatTensor` of shape `(I, D)`): of length 1.
        text_embeds (`torch.FloatTensor` of shape `(T, D)`): of length 1.
        logit_scale (`torch.FloatTensor`, scalar): the temperature's inverse.
        logit_bias (`torch.FloatTensor`, scalar, *optional*): the bias, if one is in use.
    """

    loss: torch.FloatTensor | None = None
    logits_per_image: torch.FloatTensor | None = None
    logits_per_text: torch.FloatTensor | None = None
    text_scores: torch.FloatTensor | None = None
    image_scores: torch.FloatTensor | None = None
    image_embeds: torch.FloatTensor | None = None
    text_embeds: torch.FloatTensor | None = None
    logit_scale: torch.FloatTensor | None = None
    logit_bias: torch.FloatTensor | None = None


class MMCLIPModel(PreTrainedModel):
    """A dual encoder with the losses of MMCLIP.

    Without index tensors it is an ordinary CLIP model: `logits_per_image`, `logits_per_text`, `get_image_features`,
    `get_text_features`, zero-shot pipelines. With them (see `candidates`) it also scores each anchor's candidates.

        >>> model = MMCLIPModel.from_backbone("BAAI/AltCLIP")
        >>> model.save_pretrained("geometry-clip")
        >>> model = MMCLIPModel.from_pretrained("geometry-clip")
    """

    config: MMCLIPConfig
    base_model_prefix = "mmclip"
    input_modalities = ("image", "text")
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _supports_flash_attn = True

    def __init__(self, config: MMCLIPConfig):
        super().__init__(config)
        self.backbone = AutoModel.from_config(config.backbone_config)
        if not hasattr(self.backbone, "logit_bias"):
            self.logit_bias = nn.Parameter(torch.tensor(config.logit_bias_init_value))
        self.post_init()
        self.freeze_unused_bias()

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        # from_pretrained builds on the meta device: what a checkpoint lacks is garbage unless it is set here.
        if isinstance(module, MMCLIPModel) and "logit_bias" in module._parameters:
            init.constant_(module.logit_bias, self.config.logit_bias_init_value)

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, *args: Any, **kwargs: Any) -> "MMCLIPModel":
        """Load a checkpoint saved by MMCLIP; see [`~transformers.PreTrainedModel.from_pretrained`].

        Raises:
            ValueError: when the checkpoint lacks weights of the model, has others, or has them in another shape.
        """
        name = pretrained_model_name_or_path
        wants_info = kwargs.pop("output_loading_info", False)
        if kwargs.get("config") is None and name is not None:
            found, _ = MMCLIPConfig.get_config_dict(name, **hub_options(kwargs))
            if found.get("model_type") in BACKBONES:
                raise ValueError(
                    f"{name} is a plain {found['model_type']} checkpoint: wrap it with MMCLIPModel.from_backbone."
                )
        with naming_broken_files(name):
            # So that a weight of another shape is reported below, by name; the parent's error names none.
            model, info = super().from_pretrained(name, *args, **{**kwargs, **REPORT_ALL})
        check_loading(name, info, strict=True)
        model.freeze_unused_bias()
        return (model, info) if wants_info else model

    @classmethod
    def from_backbone(
        cls, backbone: str | os.PathLike | PreTrainedModel, loss: str = "softmax", **kwargs: Any
    ) -> "MMCLIPModel":
        """Wrap a dual encoder: a name on the Hub, a folder, or a model in memory (whose weights are shared, not
        copied).

        Args:
            backbone (`str`, `os.PathLike` or `PreTrainedModel`): AltCLIP, Chinese-CLIP, CLIP, MetaCLIP 2, SigLIP or
                SigLIP 2.
            loss (`str`, *optional*, defaults to `"softmax"`): the loss it is to be trained with.
            kwargs: for a name or folder, passed to [`~transformers.AutoModel.from_pretrained`] (`dtype`, `revision`,
                ...). Weights are loaded as float32 unless `dtype` says otherwise.

        Raises:
            ValueError: when the model is no such dual encoder, or when the checkpoint lacks weights.
        """
        check_loss(loss, "hard", 0.0)
        pad_token_id = None
        if isinstance(backbone, os.PathLike):
            backbone = os.fspath(backbone)
        if isinstance(backbone, str):
            config = AutoConfig.from_pretrained(backbone, **hub_options(kwargs))
            if config.model_type == "mmclip":
                raise ValueError(
                    f"{backbone} is an MMCLIP checkpoint already: load it with MMCLIPModel.from_pretrained."
                )
            check_backbone(config.model_type)
            if config.model_type in FIXED_LENGTH_TEXT and has_tokenizer(backbone):
                # The configurations of SigLIP 2 checkpoints do not name the padding token of their tokenizer.
                pad_token_id = AutoTokenizer.from_pretrained(backbone, **hub_options(kwargs)).pad_token_id
            with naming_broken_files(backbone):
                model, info = AutoModel.from_pretrained(backbone, **{"dtype": torch.float32, **kwargs, **REPORT_ALL})
            check_loading(backbone, info, strict=False)
            backbone = model
        elif kwargs:
            raise ValueError(
                f"`from_backbone` was given {', '.join(kwargs)} with a model in memory; these options are for loading "
                "one by its name or folder."
            )
        check_backbone(backbone.config.model_type)
        if Path(backbone.config._name_or_path).is_dir():
            # It is saved with every checkpoint, and a folder of this machine is nobody else's business.
            backbone.config._name_or_path = ""
        text_config = backbone.config.text_config
        fixed_length = backbone.config.model_type in FIXED_LENGTH_TEXT
        config = MMCLIPConfig(
            backbone_config=backbone.config,
            loss=loss,
            text_length=text_config.max_position_embeddings if fixed_length else None,
            text_pad_token_id=(text_config.pad_token_id if pad_token_id is None else pad_token_id)
            if fixed_length
            else None,
        )
        with torch.device("meta"):
            model = cls(config)
        model.backbone = backbone
        if "logit_bias" in model._parameters:
            model.logit_bias = nn.Parameter(
                torch.tensor(config.logit_bias_init_value, dtype=backbone.dtype, device=backbone.device)
            )
        model.freeze_unused_bias()
        return model

    def save_pretrained(self, save_directory: str | os.PathLike, *args: Any, **kwargs: Any) -> None:
        """Save weights, configuration and the files of this package that load them; see
        [`~transformers.PreTrainedModel.save_pretrained`]."""
        if self._auto_class is not None:
            # `register_for_auto_class` keeps one name, and zero-shot pipelines ask for another.
            names = {"AutoModelForZeroShotImageClassification": f"{__name__.split('.')[-1]}.{type(self).__name__}"}
            self.config.auto_map = {**(getattr(self.config, "auto_map", None) or {}), **names}
        super().save_pretrained(save_directory, *args, **kwargs)

    def freeze_unused_bias(self) -> None:
        """Train the bias only where the loss uses it: in a softmax it cancels, and a parameter without a gradient
        breaks distributed training."""
        self.bias_parameter.requires_grad_(self.config.loss == "sigmoid")

    @property
    def bias_parameter(self) -> nn.Parameter:
        """The bias of the sigmoid loss: the backbone's if it has one, else MMCLIP's own."""
        return self._parameters.get("logit_bias") if "logit_bias" in self._parameters else self.backbone.logit_bias

    def export_backbone(self) -> PreTrainedModel:
        """The plain dual encoder of transformers, sharing its weights with this model."""
        return self.backbone

    def export_vision_tower(self) -> PreTrainedModel:
        """A plain vision model for LLaVA: `CLIPVisionModel`, `SiglipVisionModel` or `Siglip2VisionModel`.

        The towers of AltCLIP, Chinese-CLIP and MetaCLIP 2 are rewritten as `CLIPVisionModel`, which LLaVA and vLLM
        know, with bit-equal outputs. The others share their weights with this model.

        Raises:
            RuntimeError: when a tower's parameters are not those of CLIP (names are in the message).
        """
        tower = self.backbone.vision_model
        if self.config.backbone_config.model_type not in CLIP_LIKE_VISION:
            return tower
        # In memory, not over the disk: AltCLIP saves its vision layers under names that CLIPVisionModel reads as
        # missing (transformers 5.23), which leaves the tower random without an error.
        settings = tower.config.to_dict()
        for key in ("model_type", "transformers_version", "architectures", "dtype", "_name_or_path"):
            settings.pop(key, None)
        config = CLIPVisionConfig(**settings)
        config._attn_implementation = tower.config._attn_implementation
        clip_tower = CLIPVisionModel(config).to(dtype=tower.dtype, device=tower.device)
        clip_tower.load_state_dict(tower.state_dict(), strict=True)
        return clip_tower.train(tower.training)

    def get_input_embeddings(self) -> nn.Module:
        """The words' embeddings, of the text tower: CLIP and AltCLIP as a whole have none (transformers 5.24)."""
        return self.backbone.text_model.get_input_embeddings()

    def set_input_embeddings(self, value: nn.Module) -> None:
        self.backbone.text_model.set_input_embeddings(value)

    def get_image_features(self, pixel_values: torch.Tensor, **kwargs: Any) -> ModelOutput:
        """The backbone's output; its `pooler_output`, of shape `(I, D)`, is the projected embedding."""
        return self.backbone.get_image_features(pixel_values=pixel_values, **kwargs)

    def get_text_features(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None, **kwargs: Any
    ) -> ModelOutput:
        """The backbone's output; its `pooler_output`, of shape `(T, D)`, is the projected embedding.

        A SigLIP tower sees what it was trained on whatever padding the caller chose: captions shorter than
        `config.text_length` are padded to it, and a mask is not used, as its padding was never masked.
        """
        if self.config.text_length is not None:
            missing = self.config.text_length - input_ids.shape[1]
            input_ids = F.pad(input_ids, (0, max(0, missing)), value=self.config.text_pad_token_id)
            attention_mask = None
        return self.backbone.get_text_features(input_ids=input_ids, attention_mask=attention_mask, **kwargs)

    def forward(
        self,
        input_ids: torch.LongTensor,
        pixel_values: torch.FloatTensor,
        attention_mask: torch.Tensor | None = None,
        image_anchors: torch.LongTensor | None = None,
        text_candidates: torch.LongTensor | None = None,
        text_anchors: torch.LongTensor | None = None,
        image_candidates: torch.LongTensor | None = None,
        return_loss: bool = False,
        chunk_size: int | None = None,
        **kwargs: Any,
    ) -> MMCLIPOutput:
        """Embed the batch's distinct images and captions, compare them, score each anchor's candidates.

        Args:
            input_ids (`torch.LongTensor` of shape `(T, L)`): distinct captions.
            pixel_values (`torch.FloatTensor` of shape `(I, 3, H, W)`): distinct images. (SigLIP 2: patches, with
                `pixel_attention_mask` and `spatial_shapes` among `kwargs`.)
            attention_mask (`torch.Tensor` of shape `(T, L)`, *optional*): 1 for tokens, 0 for padding.
            image_anchors, text_candidates, text_anchors, image_candidates (*optional*): see `candidates`.
            return_loss (`bool`, *optional*, defaults to `False`): compute the loss that the configuration names;
                without index tensors image i belongs to caption i.
            chunk_size (`int`, *optional*): the gradient cache. Embed at most so many images or captions at a time and
                keep no activations; the backward pass takes the loss gradient at the embeddings and embeds chunk by
                chunk again. Memory depends on the chunk, not on the batch; gradients are the same to rounding.
            kwargs: further arguments of the vision tower.

        Returns:
            [`MMCLIPOutput`]
        """
        image_embeds = self.embed_images(pixel_values, chunk_size, **kwargs)  # (I, D)
        text_embeds = self.embed_texts(input_ids, attention_mask, chunk_size)  # (T, D)
        # Hard negatives lie close together: in half precision, which autocast would choose, many would tie.
        with torch.autocast(image_embeds.device.type, enabled=False):
            similarity = at_least_float32(image_embeds) @ at_least_float32(text_embeds).t()  # (I, T)
        logit_scale = self.backbone.logit_scale.exp()
        logit_bias = (
            self.bias_parameter if self.config.loss == "sigmoid" or hasattr(self.backbone, "logit_bias") else None
        )
        logits = similarity * logit_scale if logit_bias is None else similarity * logit_scale + logit_bias
        index = CandidateIndex(image_anchors, text_candidates, text_anchors, image_candidates)
        if any(part is not None for part in index):
            index.check()
        loss = None
        if return_loss:
            no_index = all(part is None for part in index)
            loss = mmclip_loss(
                similarity,
                diagonal_index(*similarity.shape, similarity.device) if no_index else index,
                logit_scale,
                logit_bias,
                self.config.loss,
                # Without index tensors nothing is known to be a hard negative.
                "in_batch" if no_index else self.config.candidates,
                self.config.hardness,
            )
        return MMCLIPOutput(
            loss=loss,
            logits_per_image=logits,
            logits_per_text=logits.t(),
            text_scores=None if image_anchors is None else candidate_scores(logits, image_anchors, text_candidates),
            image_scores=None
            if text_anchors is None
            else candidate_scores(logits.t(), text_anchors, image_candidates),
            image_embeds=image_embeds,
            text_embeds=text_embeds,
            logit_scale=logit_scale,
            logit_bias=logit_bias,
        )

    def embed_images(self, pixel_values: torch.Tensor, chunk_size: int | None = None, **kwargs: Any) -> torch.Tensor:
        """Embeddings of length 1, shape `(I, D)`; arguments as in [`MMCLIPModel.forward`]."""

        def embed(rows: slice | torch.Tensor) -> torch.Tensor:
            per_image = {k: v[rows] if torch.is_tensor(v) else v for k, v in kwargs.items()}
            return F.normalize(self.get_image_features(pixel_values[rows], **per_image).pooler_output, dim=-1)

        if chunk_size is None or len(pixel_values) <= chunk_size:
            return embed(slice(None))
        return torch.cat([self._embed_chunk(embed, rows) for rows in chunks(len(pixel_values), chunk_size)])

    def embed_texts(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None, chunk_size: int | None = None
    ) -> torch.Tensor:
        """Embeddings of length 1, shape `(T, D)`; arguments as in [`MMCLIPModel.forward`].

        In chunks, captions of like length go together and each chunk is cut to its longest.
        """
        if chunk_size is None or len(input_ids) <= chunk_size:
            return F.normalize(self.get_text_features(input_ids, attention_mask).pooler_output, dim=-1)
        if attention_mask is None or self.config.text_length is not None:
            order = torch.arange(len(input_ids), device=input_ids.device)
            lengths = [input_ids.shape[1]] * len(input_ids)
        else:
            positions = torch.arange(1, input_ids.shape[1] + 1, device=input_ids.device)
            last = (attention_mask.long() * positions).amax(dim=1)  # (T,): right for padding on either side
            order = last.argsort(stable=True)
            lengths = last[order].tolist()

        def embed(rows: slice, length: int) -> torch.Tensor:
            mask = None if attention_mask is None else attention_mask[order[rows], :length]
            return F.normalize(self.get_text_features(input_ids[order[rows], :length], mask).pooler_output, dim=-1)

        embeds = torch.cat(
            [
                self._embed_chunk(embed, rows, max(1, lengths[min(rows.stop, len(lengths)) - 1]))
                for rows in chunks(len(input_ids), chunk_size)
            ]
        )
        return embeds[order.argsort()]

    def _embed_chunk(self, embed: Callable[..., torch.Tensor], *args: torch.Tensor | None) -> torch.Tensor:
        """Embed now, drop the activations, embed again in the backward pass with the same dropout."""
        if not torch.is_grad_enabled():
            return embed(*args)
        return checkpoint(embed, *args, use_reentrant=False)


def chunks(size: int, chunk_size: int) -> list[slice]:
    """Consecutive slices of at most `chunk_size` that cover `range(size)`."""
    if chunk_size < 1:
        raise ValueError(f"`chunk_size` must be at least 1, got {chunk_size}.")
    return [slice(start, start + chunk_size) for start in range(0, size, chunk_size)]


def check_loading(name: Any, info: dict[str, Any], strict: bool) -> None:
    """Raise `ValueError` when loading left weights random, naming them.

    Args:
        name: the checkpoint, for the message.
        info (`dict`): what `from_pretrained(..., output_loading_info=True)` reports.
        strict (`bool`): whether weights in the checkpoint that the model lacks are an error too, or only a warning.
    """
    for kind, consequence in (("missing_keys", "would be random"), ("mismatched_keys", "have another shape")):
        if keys := sorted(key if isinstance(key, str) else key[0] for key in info.get(kind, ())):
            raise ValueError(
                f"{name} does not fit: {len(keys)} weights {consequence}: {some_of(keys)}. Is it the right checkpoint "
                "for this class, and complete?"
            )
    if keys := sorted(map(str, info.get("unexpected_keys", ()))):
        message = f"{name} has {len(keys)} weights that the model has no place for: {some_of(keys)}."
        if strict:
            raise ValueError(f"{message} Is it the right checkpoint for this class?")
        logger.warning("%s They are left out.", message)


def some_of(names: list[str], most: int = 8) -> str:
    """The first names of a list, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


@contextlib.contextmanager
def naming_broken_files(name: Any) -> Iterator[None]:
    """Raise `ValueError` with the checkpoint's name where a file of weights cannot be read."""
    try:
        yield
    except SafetensorError as problem:
        raise ValueError(
            f"A file of weights in {name} is broken ({problem}); it may be cut short: download or save it again."
        ) from problem


def hub_options(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Of the options of a load those that say where on the Hub to look."""
    names = ("revision", "token", "cache_dir", "local_files_only", "force_download", "subfolder")
    return {name: kwargs[name] for name in names if name in kwargs}


def has_tokenizer(name: str) -> bool:
    """Whether a folder has a tokenizer; assumed of names on the Hub."""
    folder = Path(name)
    return not folder.is_dir() or any(
        (folder / file).exists() for file in ("tokenizer.json", "tokenizer_config.json", "spiece.model")
    )
