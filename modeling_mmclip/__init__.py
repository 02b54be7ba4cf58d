"""MMCLIP: a dual encoder trained with any number of hard negatives per anchor."""

from transformers import AutoConfig, AutoModel, AutoModelForZeroShotImageClassification, AutoProcessor

from .candidates import CandidateIndex, candidate_scores
from .configuration_mmclip import MMCLIPConfig
from .loss import mmclip_loss
from .modeling_mmclip import MMCLIPModel, MMCLIPOutput
from .processing_mmclip import MMCLIPProcessor
from .ranking import Ranks, positive_ranks

__all__ = [
    "CandidateIndex",
    "MMCLIPConfig",
    "MMCLIPModel",
    "MMCLIPOutput",
    "MMCLIPProcessor",
    "Ranks",
    "candidate_scores",
    "mmclip_loss",
    "positive_ranks",
]

AutoConfig.register("mmclip", MMCLIPConfig)
AutoModel.register(MMCLIPConfig, MMCLIPModel)
AutoModelForZeroShotImageClassification.register(MMCLIPConfig, MMCLIPModel)
AutoProcessor.register(MMCLIPConfig, MMCLIPProcessor)

# Checkpoints carry these files, so that `trust_remote_code=True` loads them where this library is not installed.
MMCLIPConfig.register_for_auto_class()
MMCLIPModel.register_for_auto_class("AutoModel")
MMCLIPProcessor.register_for_auto_class()
