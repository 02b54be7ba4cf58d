"""Hit@1, Hit@5 and MRR per kind of negative, in `compute_metrics` style."""

import numpy as np
from transformers import EvalPrediction

from modeling_mmclip import positive_ranks

from .data_collator import KIND_CODES, NO_CANDIDATE


def hard_negative_metrics(prediction: EvalPrediction) -> dict[str, float]:
    """How often the positive beats its candidates, for each kind of negative that occurs.

    Args:
        prediction (`EvalPrediction`): `predictions` and `label_ids` are pairs (text side, image side) of arrays of
            shape `(R, 1 + K)`: scores, and kind codes with −100 where there is no candidate.

    Returns:
        `dict[str, float]`: for each kind `{kind}_hit@1`, `{kind}_hit@5`, `{kind}_mrr` in 0..1, `{kind}_anchors` (how
        many records have such negatives) and `{kind}_chance` (Hit@1 of guessing). `image` ranks diagrams;
        `image_caption` the captions of the kind `image`.
    """
    metrics = {}
    sides = zip(("text", "image"), prediction.predictions, prediction.label_ids, strict=True)
    for side, scores, codes in sides:
        for kind, code in KIND_CODES.items():
            rows = (codes == code).any(axis=1)
            if kind == "positive" or not rows.any():
                continue
            mask = (codes[rows] == code) | (codes[rows] == KIND_CODES["positive"])
            ranks = positive_ranks(np.where(codes[rows] == NO_CANDIDATE, -np.inf, scores[rows]), mask)
            # Captions of negative images are told from the image, not from the caption.
            name = "image_caption" if (side, kind) == ("text", "image") else kind
            metrics[f"{name}_hit@1"] = float(ranks.hit_at(1).mean())
            metrics[f"{name}_hit@5"] = float(ranks.hit_at(5).mean())
            metrics[f"{name}_mrr"] = float(ranks.reciprocal().mean())
            metrics[f"{name}_anchors"] = int(rows.sum())
            metrics[f"{name}_chance"] = float((1 / mask.sum(axis=1)).mean())
    return metrics
