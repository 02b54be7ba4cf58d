"""Evaluation while and after training: hit rates per kind, forgetting, the best checkpoint."""

import pytest
import torch
from test_mmclip_trainer import arguments
from tiny_models import tiny_mmclip, tiny_records

from trainers import MMCLIPTrainer


@pytest.fixture
def trainer(tmp_path) -> MMCLIPTrainer:
    model, processor = tiny_mmclip()
    args = arguments(tmp_path, eval_strategy="steps", eval_steps=2, max_steps=4, eval_random_negatives=5)
    return MMCLIPTrainer(
        model,
        args,
        train_dataset=tiny_records(16),
        eval_dataset=tiny_records(12, seed=4),
        processing_class=processor,
    )


def test_each_kind_has_its_figures_and_what_was_forgotten_stands_beside(trainer):
    trainer.train()
    evaluations = [entry for entry in trainer.state.log_history if "eval_rule_hit@1" in entry]
    assert len(evaluations) == 3  # before the first step, and twice
    for kind, chance in (("rule", 1 / 4), ("random", 1 / 6), ("image", 1 / 3)):
        assert evaluations[-1][f"eval_{kind}_chance"] == pytest.approx(chance)
        assert evaluations[-1][f"eval_{kind}_anchors"] == 12
    forgotten = evaluations[0]["eval_random_hit@1"] - evaluations[-1]["eval_random_hit@1"]
    assert evaluations[-1]["eval_forgetting"] == pytest.approx(forgotten)


def test_figures_are_those_of_a_plain_loop(trainer):
    metrics = trainer.evaluate()
    model, processor = trainer.model.eval(), trainer.processing_class
    hits = []
    for record in tiny_records(12, seed=4):
        with torch.no_grad():
            batch = processor(images=[record["image"]], text=[record["caption"], *record["negative_captions"]])
            hits.append(int(model(**batch).logits_per_image[0].argmax()) == 0)
    assert metrics["eval_rule_hit@1"] == pytest.approx(sum(hits) / len(hits))


def test_the_batch_size_of_evaluation_does_not_matter(trainer):
    trainer.args.per_device_eval_batch_size = 12
    whole = trainer.evaluate()
    trainer.args.per_device_eval_batch_size = 5
    parts = trainer.evaluate()
    assert {k: v for k, v in whole.items() if "hit@" in k} == {k: v for k, v in parts.items() if "hit@" in k}


def test_the_best_checkpoint_is_loaded_by_a_hit_rate(tmp_path):
    model, processor = tiny_mmclip()
    args = arguments(
        tmp_path,
        max_steps=6,
        eval_strategy="steps",
        eval_steps=2,
        save_strategy="steps",
        save_steps=2,
        load_best_model_at_end=True,
        metric_for_best_model="rule_hit@1",
        greater_is_better=True,
    )
    trainer = MMCLIPTrainer(
        model, args, train_dataset=tiny_records(16), eval_dataset=tiny_records(8), processing_class=processor
    )
    trainer.train()
    best = max(e["eval_rule_hit@1"] for e in trainer.state.log_history if "eval_rule_hit@1" in e and e["step"])
    assert trainer.state.best_metric == pytest.approx(best)
    assert trainer.evaluate()["eval_rule_hit@1"] == pytest.approx(best)


def test_several_evaluation_sets_keep_their_names(tmp_path):
    model, processor = tiny_mmclip()
    sets = {"easy": tiny_records(6), "hard": tiny_records(6, seed=2)}
    trainer = MMCLIPTrainer(
        model, arguments(tmp_path), train_dataset=tiny_records(8), eval_dataset=sets, processing_class=processor
    )
    metrics = trainer.evaluate()
    assert {"eval_easy_rule_hit@1", "eval_hard_rule_hit@1"} <= set(metrics)
