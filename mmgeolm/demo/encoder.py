"""An encoder with its processor and a name to show, and what it makes of a picture and candidate captions."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from transformers import AutoConfig

from evaluation.retrieval import embed_captions, embed_images
from modeling_mmclip import MMCLIPModel, MMCLIPProcessor
from trainers.mmclip_trainer import load_processor

MOST_CANDIDATES = 40
LONGEST_CANDIDATE = 1_000


class Encoder(NamedTuple):
    """A dual encoder in eval mode, its processor, and the name that the page shows."""

    name: str
    model: MMCLIPModel
    processor: MMCLIPProcessor


class Scores(NamedTuple):
    """What an encoder makes of candidates, both of shape `(C,)`: cosines with the picture, and the share of each, the
    softmax of the cosines at the model's own temperature."""

    cosines: np.ndarray
    shares: np.ndarray


def load_encoder(name: str, device: str | None = None) -> Encoder:
    """An MMCLIP checkpoint or a plain dual encoder.

    Args:
        name: a folder, or a name on the Hub.
        device: by default a GPU if there is one.

    Raises:
        ValueError: when there is none of that name, or it is no dual encoder.
    """
    folder = Path(name)
    if not (folder / "config.json").is_file() and (
        folder.exists() or folder.is_absolute() or name.startswith(".") or name.count("/") != 1
    ):
        raise ValueError(
            f"There is no encoder in {name}: `make quickstart` trains one in minutes, and any other is named by its "
            "folder or on the Hub, as in `mmgeolm demo --encoder BAAI/AltCLIP`."
        )
    try:
        config = AutoConfig.from_pretrained(name)
        load = MMCLIPModel.from_pretrained if config.model_type == "mmclip" else MMCLIPModel.from_backbone
        model, processor = load(name, dtype=torch.float32), load_processor(name)
    except OSError as problem:
        raise ValueError(f"{name} cannot be loaded as an encoder: {str(problem).splitlines()[0]}") from problem
    model = model.eval().requires_grad_(False).to(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    return Encoder(folder.name, model, processor)


def candidates_of(text: str) -> list[str]:
    """Candidate captions, one a line; blank lines do not count.

    Raises:
        ValueError: when there is none, one is given twice, or there are too many or too long ones.
    """
    candidates = [line.strip() for line in text.splitlines() if line.strip()]
    if not candidates:
        raise ValueError("Write at least one candidate caption, one a line.")
    if len(candidates) > MOST_CANDIDATES:
        raise ValueError(f"There are {len(candidates)} candidate captions; at most {MOST_CANDIDATES} are scored.")
    for number, candidate in enumerate(candidates, 1):
        if len(candidate) > LONGEST_CANDIDATE:
            raise ValueError(
                f"Candidate {number} has {len(candidate)} characters; a caption may have {LONGEST_CANDIDATE}."
            )
        if candidate in candidates[: number - 1]:
            first = candidates.index(candidate) + 1
            raise ValueError(f"Candidate {number} is candidate {first} again; leave one out.")
    return candidates


@torch.no_grad()
def score(encoder: Encoder, picture: Image.Image, candidates: list[str]) -> Scores:
    """Cosines and shares of the candidates, in their order."""
    texts = embed_captions(encoder.model, encoder.processor, candidates)  # (C, D)
    cosines = texts @ embed_images(encoder.model, encoder.processor, [picture])[0]  # (C,)
    shares = (cosines * encoder.model.backbone.logit_scale.float().exp().cpu()).softmax(dim=0)
    return Scores(cosines.numpy(), shares.numpy())


def remarks(encoder: Encoder, candidates: list[str]) -> list[str]:
    """What the text tower does not see of the candidates, in sentences: words it does not know, ends cut off."""
    tokenizer, limit, found = encoder.processor.tokenizer, encoder.processor.max_length, []
    cut, unknown = [], set()
    for number, candidate in enumerate(candidates, 1):
        # Longer ones are meant to be found: no warning.
        encoded = tokenizer(candidate, return_offsets_mapping=tokenizer.is_fast, verbose=False)
        if limit is not None and len(encoded["input_ids"]) > limit:
            cut.append(str(number))
        if tokenizer.is_fast and tokenizer.unk_token_id is not None:
            spans = zip(encoded["input_ids"], encoded["offset_mapping"], strict=True)
            unknown |= {candidate[start:end] for token, (start, end) in spans if token == tokenizer.unk_token_id}
    if cut:
        found.append(f"{encoder.name} reads {limit} tokens of a caption; it cuts off the ends of {', '.join(cut)}.")
    if unknown - {""}:
        words = ", ".join(sorted(unknown - {""}))
        found.append(f"{encoder.name} has never seen these words, and takes them all for the same: {words}.")
    return found
