"""Hit@1, Hit@5 and MRR per kind, by hand."""

import numpy as np
import pytest
from transformers import EvalPrediction

from trainers.metrics import hard_negative_metrics

POSITIVE, RANDOM, RULE, IMAGE, NONE = 0, 1, 3, 4, -100


def test_each_kind_is_ranked_apart():
    scores = np.array([[0.5, 0.9, 0.1, 0.2], [0.5, 0.1, 0.6, NONE]])
    codes = np.array([[POSITIVE, RULE, RANDOM, RANDOM], [POSITIVE, RULE, RANDOM, NONE]])
    image_scores = np.array([[0.9, 0.1], [NONE, NONE]])
    image_codes = np.array([[POSITIVE, IMAGE], [NONE, NONE]])
    found = hard_negative_metrics(EvalPrediction((scores, image_scores), (codes, image_codes)))
    assert found["rule_hit@1"] == 0.5 and found["rule_mrr"] == pytest.approx((1 / 2 + 1) / 2)
    assert found["random_hit@1"] == 0.5 and found["random_hit@5"] == 1.0
    assert found["random_chance"] == pytest.approx((1 / 3 + 1 / 2) / 2) and found["random_anchors"] == 2
    assert found["image_hit@1"] == 1.0 and found["image_anchors"] == 1
    assert not any(name.startswith("retrieval") for name in found)


def test_captions_of_the_kind_image_do_not_mix_with_images():
    text = (np.array([[0.1, 0.9]]), np.array([[POSITIVE, IMAGE]]))
    image = (np.array([[0.9, 0.1]]), np.array([[POSITIVE, IMAGE]]))
    found = hard_negative_metrics(EvalPrediction((text[0], image[0]), (text[1], image[1])))
    assert found["image_caption_hit@1"] == 0.0 and found["image_hit@1"] == 1.0
