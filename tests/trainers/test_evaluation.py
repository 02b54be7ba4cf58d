"""Evaluation while and after training: hit rates per kind, forgetting, the best checkpoint."""

import json

import pytest
import torch
from safetensors.torch import load_file
from test_mmclip_trainer import arguments, stored
from tiny_models import tiny_mmclip, tiny_records
from transformers import EvalPrediction, TrainerCallback

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


@pytest.mark.parametrize("greater_is_better", [True, False])
def test_the_best_checkpoint_is_loaded_by_a_hit_rate(greater_is_better, tmp_path):
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
        greater_is_better=greater_is_better,
    )
    records = tiny_records(8)
    trainer = MMCLIPTrainer(model, args, train_dataset=records, eval_dataset=records, processing_class=processor)
    trainer.train()
    rates = [e["eval_rule_hit@1"] for e in trainer.state.log_history if "eval_rule_hit@1" in e and e["step"]]
    best = max(rates) if greater_is_better else min(rates)
    assert rates[0] < rates[-1]  # so that the least is not the latest
    assert trainer.state.best_metric == pytest.approx(best)
    assert trainer.evaluate()["eval_rule_hit@1"] == pytest.approx(best)
    kept = load_file(tmp_path / f"checkpoint-{trainer.state.best_global_step}" / "model.safetensors")
    assert all(torch.equal(value, kept[name]) for name, value in trainer.model.named_parameters())
    # The card, too, is of the model that was kept.
    trainer.state.log_history.pop()  # the evaluation above
    trainer.create_model_card()
    (row,) = (line for line in (tmp_path / "README.md").read_text().splitlines() if line.startswith("| rule |"))
    assert [cell.strip() for cell in row.split("|")][5] == f"{100 * best:.1f}"


def test_several_evaluation_sets_keep_their_names(tmp_path):
    model, processor = tiny_mmclip()
    sets = {"easy": tiny_records(6), "hard": tiny_records(6, seed=2)}
    trainer = MMCLIPTrainer(
        model, arguments(tmp_path), train_dataset=tiny_records(8), eval_dataset=sets, processing_class=processor
    )
    metrics = trainer.evaluate()
    assert {"eval_easy_rule_hit@1", "eval_hard_rule_hit@1"} <= set(metrics)
    assert not any("forgetting" in name for name in metrics)  # there is nothing to compare with yet
    again = trainer.evaluate()
    assert again["eval_easy_forgetting"] == again["eval_hard_forgetting"] == 0.0


def hit_rates(metrics: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if "hit@" in name}


def test_workers_and_a_stored_data_set_give_the_same_figures(trainer, tmp_path):
    records = tiny_records(12, seed=4)
    expected = trainer.evaluate(records)
    trainer.args.dataloader_num_workers = 2
    again = trainer.evaluate(stored(records, tmp_path))
    assert expected["eval_loss"] == pytest.approx(again["eval_loss"])
    assert hit_rates(expected) == hit_rates(again)


def test_a_stream_is_ranked_without_random_captions(trainer, tmp_path):
    records = tiny_records(12, seed=4)
    expected, streamed = trainer.evaluate(), trainer.evaluate(stored(records, tmp_path).to_iterable_dataset())
    assert hit_rates(streamed) == {name: rate for name, rate in hit_rates(expected).items() if "random" not in name}


@pytest.mark.parametrize("candidates", ["hard", "in_batch", "hybrid"])
def test_all_negatives_are_ranked_whatever_training_uses(candidates, tmp_path):
    model, processor = tiny_mmclip()
    args = arguments(tmp_path, candidates=candidates, max_negatives=1, eval_random_negatives=5)
    trainer = MMCLIPTrainer(model, args, train_dataset=tiny_records(8), processing_class=processor)
    evaluated = trainer.evaluate(tiny_records(12, seed=4))
    predicted = trainer.predict(tiny_records(12, seed=4), metric_key_prefix="eval").metrics
    assert evaluated["eval_rule_chance"] == pytest.approx(1 / 4)
    assert evaluated["eval_image_chance"] == pytest.approx(1 / 3)
    assert hit_rates(evaluated) == hit_rates(predicted) and len(hit_rates(evaluated)) == 6


def test_a_bad_record_is_left_out_alone_and_named(trainer, tmp_path, caplog):
    records = tiny_records(12, seed=4)
    records[3]["caption"], records[4]["caption"], records[5]["image"] = "  ", None, str(tmp_path / "missing.png")
    del records[6]["caption"]
    metrics = trainer.evaluate(records)
    assert metrics["eval_rule_anchors"] == metrics["eval_random_anchors"] == 8
    names = json.loads((tmp_path / "skipped_records.json").read_text())
    assert [name.split("'")[1] for name in names] == ["r3", "r4", "r5", "r6"]
    assert any("4 records were left out" in entry.getMessage() for entry in caplog.records)


def test_other_metrics_can_be_computed(tmp_path):
    def margin(prediction: EvalPrediction) -> dict[str, float]:
        scores, kinds = prediction.predictions[0], prediction.label_ids[0]
        assert scores.shape == kinds.shape == (12, 4)
        return {"margin": float((scores[:, :1] - scores[:, 1:]).mean())}

    model, processor = tiny_mmclip()
    args = arguments(tmp_path, eval_strategy="steps", eval_steps=2, max_steps=4, eval_random_negatives=0)
    trainer = MMCLIPTrainer(
        model,
        args,
        train_dataset=tiny_records(16),
        eval_dataset=tiny_records(12, seed=4),
        processing_class=processor,
        compute_metrics=margin,
    )
    trainer.train()
    margins = [entry["eval_margin"] for entry in trainer.state.log_history if "eval_margin" in entry]
    assert len(margins) == 3 and len(set(margins)) == 3


def test_trackers_are_told_what_was_forgotten(trainer):
    class Tracker(TrainerCallback):
        def __init__(self):
            self.logs = []

        def on_log(self, args, state, control, logs=None, **kwargs):
            self.logs.append(dict(logs))

    tracker = Tracker()
    trainer.add_callback(tracker)
    trainer.train()
    told = [logs.get("eval_forgetting") for logs in tracker.logs if "eval_random_hit@1" in logs]
    assert len(told) == 3 and told[0] is None and told[1] is not None


def test_forgetting_is_measured_from_before_training_by_default(tmp_path):
    model, processor = tiny_mmclip()
    args = arguments(tmp_path, learning_rate=1e-2, max_steps=6)
    assert args.eval_strategy == "no"
    records = tiny_records(12)
    trainer = MMCLIPTrainer(model, args, train_dataset=records, eval_dataset=records, processing_class=processor)
    before = trainer.evaluate()["eval_random_hit@1"]
    trainer.train()
    after = trainer.evaluate()
    assert after["eval_forgetting"] == pytest.approx(before - after["eval_random_hit@1"])


def test_in_half_precision_close_candidates_do_not_tie(tmp_path):
    model, processor = tiny_mmclip()
    records = tiny_records(24, num_texts=8, num_images=0)
    args = arguments(tmp_path, bf16=True, eval_random_negatives=0)
    trainer = MMCLIPTrainer(model, args, train_dataset=records, eval_dataset=records, processing_class=processor)
    scores = trainer.predict(records).predictions[0]
    assert all(len(set(row)) == len(row) for row in scores.tolist())
