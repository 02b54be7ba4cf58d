"""Hit@1, Hit@5 and MRR per kind, by hand, and what is forgotten."""

import numpy as np
import pytest
from test_mmclip_trainer import arguments
from tiny_models import tiny_mmclip, tiny_records
from transformers import EvalPrediction

from trainers import MMCLIPTrainer
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


def test_figures_by_hand():
    codes = np.array([[POSITIVE] + [RULE] * 6] * 3 + [[POSITIVE, RULE, RULE] + [NONE] * 4])
    scores = np.array(
        [
            [0.9, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6],  # rank 1
            [0.5, 0.9, 0.8, 0.7, 0.6, 0.1, 0.2],  # rank 5
            [0.1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.2],  # rank 7
            [0.5, 0.9, 0.1] + [NONE] * 4,  # rank 2
        ]
    )
    nothing = np.full((4, 1), NONE)
    found = hard_negative_metrics(EvalPrediction((scores, nothing), (codes, nothing)))
    assert found == {
        "rule_hit@1": 1 / 4,
        "rule_hit@5": 3 / 4,
        "rule_mrr": pytest.approx((1 + 1 / 5 + 1 / 7 + 1 / 2) / 4),
        "rule_anchors": 4,
        "rule_chance": pytest.approx((3 / 7 + 1 / 3) / 4),
    }


def test_what_is_forgotten_since_the_first_evaluation_is_logged_after_training(tmp_path):
    model, processor = tiny_mmclip()
    records = tiny_records(24)
    args = arguments(tmp_path, eval_strategy="steps", eval_steps=2, max_steps=2, eval_random_negatives=3)
    trainer = MMCLIPTrainer(model, args, train_dataset=records, eval_dataset=records, processing_class=processor)
    trainer.train()
    model.load_state_dict(tiny_mmclip(seed=3)[0].state_dict())
    metrics = trainer.evaluate()
    before = next(entry for entry in trainer.state.log_history if "eval_random_hit@1" in entry)
    lost = before["eval_random_hit@1"] - metrics["eval_random_hit@1"]
    assert before["step"] == 0 and lost != 0
    assert trainer.state.log_history[-1]["eval_forgetting"] == pytest.approx(lost)
