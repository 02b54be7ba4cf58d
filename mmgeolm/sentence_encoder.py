"""Sentences as vectors by a plain transformers encoder, pooled as its authors do.

    encoder = TransformersEncoder("princeton-nlp/sup-simcse-roberta-large", pooling="pooler")   # the paper's
    vectors = dataset_builders.negatives.embedding.embed(texts, encoder)

sentence-transformers takes the mean over tokens for checkpoints that do not say how they are pooled, such as SimCSE's.
"""

from typing import Any

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer

POOLINGS = ("pooler", "cls", "mean")
"""`pooler`: the first token through the checkpoint's own dense layer and tanh, which is what supervised SimCSE is
compared by; `cls`: the first token as it is, for unsupervised SimCSE; `mean`: over all tokens but padding."""


class TransformersEncoder:
    """Has the `encode` that [`~dataset_builders.negatives.embedding.embed`] asks for.

    Args:
        model (`str`): a checkpoint of an encoder (BERT, RoBERTa, …), by name on the Hub or folder.
        pooling (`str`): one of [`POOLINGS`].
        batch_size (`int`): texts at a time.
        device (`str`, *optional*): defaults to a GPU if there is one.

    Raises:
        ValueError: for another pooling, or `pooler` where the checkpoint has no weights for it.
    """

    def __init__(self, model: str, pooling: str, batch_size: int = 64, device: str | None = None):
        if pooling not in POOLINGS:
            raise ValueError(f"You set `pooling={pooling}`; it must be one of {', '.join(POOLINGS)}.")
        self.tokenizer = AutoTokenizer.from_pretrained(model)
        self.model, loading = AutoModel.from_pretrained(model, output_loading_info=True)
        if pooling == "pooler" and (
            getattr(self.model, "pooler", None) is None or any("pooler" in name for name in loading["missing_keys"])
        ):
            raise ValueError(f"{model} has no weights of a pooler; use the pooling `cls` or `mean`.")
        self.model.eval().to(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.pooling, self.batch_size = pooling, batch_size
        limits = (self.tokenizer.model_max_length, self.model.config.max_position_embeddings - 2)  # RoBERTa's offset
        self.max_length = min(*limits, 512)

    @torch.no_grad()
    def encode(self, sentences: list[str]) -> np.ndarray:
        """Vectors of N texts, shape `(N, d)`, float32, of any length."""
        order = sorted(range(len(sentences)), key=lambda place: len(sentences[place]))  # batches with little padding
        rows: list[np.ndarray | None] = [None] * len(sentences)
        for start in range(0, len(order), self.batch_size):
            places = order[start : start + self.batch_size]
            batch = self.tokenizer(
                [sentences[place] for place in places],
                padding=True,
                truncation=True,
                max_length=self.max_length,
                return_tensors="pt",
            ).to(self.model.device)
            pooled = self._pooled(self.model(**batch), batch["attention_mask"])
            for place, row in zip(places, pooled.float().cpu().numpy(), strict=True):
                rows[place] = row
        return np.stack(rows)

    def _pooled(self, output: Any, mask: torch.Tensor) -> torch.Tensor:
        if self.pooling == "pooler":
            return output.pooler_output  # (B, d)
        if self.pooling == "cls":
            return output.last_hidden_state[:, 0]
        weights = mask[..., None].to(output.last_hidden_state.dtype)  # (B, L, 1)
        return (output.last_hidden_state * weights).sum(1) / weights.sum(1)
