"""The Trainer end to end on tiny models."""

import json
import math
from collections.abc import Iterator
from pathlib import Path

import datasets
import pytest
import torch
from tiny_models import BACKBONES, save_backbone, tiny_mmclip, tiny_records

from dataset_builders.records import hard_negatives_dataset
from modeling_mmclip import MMCLIPModel
from trainers import MMCLIPTrainer, MMCLIPTrainingArguments


class Records(torch.utils.data.Dataset):
    """A plain torch data set."""

    def __init__(self, records: list[dict]):
        self.records = records

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, position: int) -> dict:
        return self.records[position]


class Stream(torch.utils.data.IterableDataset):
    """A plain torch stream."""

    def __init__(self, records: list[dict]):
        self.records = records

    def __iter__(self) -> Iterator[dict]:
        return iter(self.records)


def arguments(folder, **settings) -> MMCLIPTrainingArguments:
    return MMCLIPTrainingArguments(
        str(folder),
        **{
            "max_steps": 3,
            "per_device_train_batch_size": 4,
            "learning_rate": 1e-3,
            "use_cpu": True,
            "disable_tqdm": True,
            "report_to": "none",
            "save_strategy": "no",
            "seed": 5,
            **settings,
        },
    )


def trained(folder, data=None, kind: str = "clip", **settings) -> MMCLIPTrainer:
    model, processor = tiny_mmclip(kind)
    data = tiny_records(16) if data is None else data
    trainer = MMCLIPTrainer(model, arguments(folder, **settings), train_dataset=data, processing_class=processor)
    trainer.train()
    return trainer


def parameters(trainer: MMCLIPTrainer) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in trainer.model.named_parameters()}


def difference(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> float:
    return max((first[name] - second[name]).abs().max().item() for name in first)


@pytest.mark.parametrize("candidates", ["hard", "in_batch", "hybrid"])
@pytest.mark.parametrize("loss", ["softmax", "sigmoid"])
@pytest.mark.parametrize("kind", BACKBONES)
def test_every_parameter_that_is_to_train_does(kind, loss, candidates, tmp_path):
    before = dict(tiny_mmclip(kind)[0].named_parameters())
    trainer = trained(tmp_path, kind=kind, loss=loss, candidates=candidates)
    for name, parameter in trainer.model.named_parameters():
        if not parameter.requires_grad:
            assert name.endswith("logit_bias") and loss == "softmax"
            assert torch.equal(parameter, before[name])
        elif "k_proj.bias" in name or "key.bias" in name:
            continue  # a key's bias cancels in attention, up to rounding
        else:
            assert not torch.equal(parameter, before[name]), name
    assert all(math.isfinite(entry["loss"]) for entry in trainer.state.log_history if "loss" in entry)


@pytest.mark.parametrize("tower", ["vision", "text"])
def test_a_frozen_tower_stays_as_it_is(tower, tmp_path):
    before = dict(tiny_mmclip()[0].named_parameters())
    after = parameters(trained(tmp_path, **{f"freeze_{tower}_tower": True}))
    for name in after:
        if f"{tower}_model." in name:
            assert torch.equal(after[name], before[name]), name
    other = "text" if tower == "vision" else "vision"
    for name in (
        "visual_projection.weight",
        "text_projection.weight",
        f"{other}_model.encoder.layers.0.mlp.fc1.weight",
    ):
        assert not torch.equal(after[f"backbone.{name}"], before[f"backbone.{name}"]), name


@pytest.mark.parametrize(
    ("loss", "candidates"),
    [("softmax", "hard"), ("softmax", "in_batch"), ("softmax", "hybrid"), ("sigmoid", "hard"), ("sigmoid", "hybrid")],
)
def test_it_learns_what_it_is_shown(loss, candidates, tmp_path):
    records = tiny_records(4, num_images=0)
    settings = {"loss": loss, "candidates": candidates, "max_steps": 60, "logging_steps": 20}
    trainer = trained(tmp_path, records, **settings)
    entries = [entry for entry in trainer.state.log_history if "loss" in entry]
    assert entries[-1]["loss"] < 0.3 * entries[0]["loss"]
    assert entries[-1]["logit_scale"] == pytest.approx(trainer.model.backbone.logit_scale.exp().item(), rel=0.05)
    if candidates != "in_batch":  # which never sees a negative caption
        assert trainer.evaluate(records)["eval_rule_hit@1"] == 1.0


def test_towers_have_their_own_learning_rates(tmp_path):
    trainer = trained(tmp_path, vision_learning_rate=1e-4, text_learning_rate=2e-4, lr_scheduler_type="constant")
    names = {id(p): name for name, p in trainer.model.named_parameters()}
    groups = trainer.optimizer.param_groups
    rates = {names[id(p)]: group["lr"] for group in groups for p in group["params"]}
    trained_names = {name for name, p in trainer.model.named_parameters() if p.requires_grad}
    assert set(rates) == trained_names
    for name, rate in rates.items():
        assert rate == (1e-4 if "vision_model." in name else 2e-4 if "text_model." in name else 1e-3), name
    decay = {names[id(p)]: group["weight_decay"] for group in groups for p in group["params"]}
    assert decay["backbone.logit_scale"] == 0.0


def test_the_temperature_keeps_its_bound(tmp_path):
    assert tiny_mmclip()[0].backbone.logit_scale.exp().item() > 10
    assert trained(tmp_path / "5", max_logit_scale=5.0).model.backbone.logit_scale.exp().item() <= 5.0 + 1e-5
    assert trained(tmp_path / "default").model.backbone.logit_scale.exp().item() > 10


@pytest.mark.parametrize("candidates", ["hard", "in_batch", "hybrid"])
def test_the_gradient_cache_trains_the_same_parameters(candidates, tmp_path):
    settings = {"candidates": candidates, "optim": "sgd", "learning_rate": 0.1}
    plain = parameters(trained(tmp_path / "plain", **settings))
    cached = parameters(trained(tmp_path / "cached", gradient_cache_chunk_size=3, **settings))
    assert difference(plain, cached) < 1e-5 < difference(plain, dict(tiny_mmclip()[0].named_parameters()))


def test_micro_batches_by_anchors_train_the_same_parameters(tmp_path):
    settings = {"candidates": "hard", "optim": "sgd", "learning_rate": 0.1}
    plain = parameters(trained(tmp_path / "plain", **settings))
    parts = parameters(trained(tmp_path / "parts", anchors_per_micro_batch=3, **settings))
    assert difference(plain, parts) < 1e-5


def test_accumulated_gradients_are_averaged(tmp_path):
    settings = {"candidates": "hard", "optim": "sgd", "learning_rate": 0.1}
    whole = trained(tmp_path / "whole", **settings)
    halves = trained(tmp_path / "halves", per_device_train_batch_size=2, gradient_accumulation_steps=2, **settings)
    assert difference(parameters(whole), parameters(halves)) < 1e-5
    first, second = (t.state.log_history[-1]["train_loss"] for t in (whole, halves))
    assert first == pytest.approx(second, rel=1e-4)


def test_workers_train_the_same_parameters(tmp_path):
    settings = {
        "max_negatives": 1,
        "stages": [{"share": 0.5, "candidates": "in_batch"}, {"share": 0.5}],
        "max_steps": 6,
    }
    alone = parameters(trained(tmp_path / "alone", Records(tiny_records(16)), **settings))
    workers = parameters(
        trained(tmp_path / "workers", Records(tiny_records(16)), dataloader_num_workers=2, **settings)
    )
    assert difference(alone, workers) == 0.0


class Watched(MMCLIPTrainer):
    """Keeps what the batches held."""

    def compute_loss(self, model, inputs, **kwargs):
        self.seen = [*getattr(self, "seen", []), (inputs["candidates"], inputs["text_keys"].tolist())]
        return super().compute_loss(model, inputs, **kwargs)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_each_epoch_draws_negatives_anew(num_workers, tmp_path):
    model, processor = tiny_mmclip()
    args = arguments(
        tmp_path,
        max_negatives=1,
        max_steps=6,
        dataloader_num_workers=num_workers,
        dataloader_persistent_workers=num_workers > 0,
    )
    records = tiny_records(4, num_texts=6, num_images=0)
    trainer = Watched(model, args, train_dataset=records, processing_class=processor)
    trainer.train()
    assert all(len(texts) == 8 for _, texts in trainer.seen)
    assert len({text for _, texts in trainer.seen for text in texts}) > 2 * 8


def test_workers_that_outlive_an_epoch_train_the_same_parameters(tmp_path):
    settings = {"max_negatives": 1, "max_steps": 9, "candidates": "hard"}
    data = Records(tiny_records(8, num_texts=6, num_images=0))
    alone = parameters(trained(tmp_path / "alone", data, **settings))
    workers = {"dataloader_num_workers": 2, "dataloader_persistent_workers": True}
    assert difference(alone, parameters(trained(tmp_path / "workers", data, **settings, **workers))) == 0.0
    always_first = trained(tmp_path / "first", data, negative_choice="first", **settings)
    assert difference(alone, parameters(always_first)) > 1e-4


def stored(records: list[dict], folder) -> datasets.Dataset:
    """The records as a `datasets.Dataset` with image files."""
    rows = []
    for record in records:
        path = folder / f"{record['id']}.png"
        record["image"].save(path)
        negatives = []
        for number, image in enumerate(record["negative_images"]):
            image.save(folder / f"{record['id']}-{number}.png")
            negatives.append(str(folder / f"{record['id']}-{number}.png"))
        rows.append({**record, "image": str(path), "negative_images": negatives})
    return hard_negatives_dataset(rows, "rows")[0]


def test_a_stored_data_set_a_torch_data_set_and_a_list_train_alike(tmp_path):
    records = tiny_records(16)
    results = [
        parameters(trained(tmp_path / str(number), data))
        for number, data in enumerate((records, Records(records), stored(records, tmp_path)))
    ]
    assert difference(results[0], results[1]) == 0.0 == difference(results[0], results[2])


def test_a_stream_is_trained_on(tmp_path):
    stream = stored(tiny_records(16), tmp_path).to_iterable_dataset()
    after = parameters(trained(tmp_path / "out", stream))
    assert difference(after, dict(tiny_mmclip()[0].named_parameters())) > 1e-4


def test_a_stream_whose_columns_only_iterating_tells_trains_alike(tmp_path):
    records = tiny_records(16)
    known = parameters(trained(tmp_path / "known", stored(records, tmp_path).to_iterable_dataset()))
    for unknown in (Stream(records), datasets.IterableDataset.from_generator(lambda: iter(records))):
        assert difference(known, parameters(trained(tmp_path / "unknown", unknown))) < 1e-6


def test_data_sets_by_name_are_mixed(tmp_path):
    data = {"a": tiny_records(8), "b": tiny_records(8, seed=1)}
    only_a = parameters(trained(tmp_path / "a", data, mixture={"a": 1.0}))
    only_b = parameters(trained(tmp_path / "b", data, mixture={"b": 1.0}))
    assert difference(only_a, only_b) > 1e-4


def test_stages_use_their_candidates(tmp_path):
    model, processor = tiny_mmclip()
    stages = [{"share": 0.5, "candidates": "in_batch"}, {"share": 0.25, "candidates": "hybrid"}, {"share": 0.25}]
    args = arguments(tmp_path, stages=stages, candidates="hard", max_steps=8)
    trainer = Watched(model, args, train_dataset=tiny_records(16), processing_class=processor)
    trainer.train()
    assert [candidates for candidates, _ in trainer.seen] == ["in_batch"] * 4 + ["hybrid"] * 2 + ["hard"] * 2
    # By epochs with accumulation: 2 epochs of 16 records are 4 steps of 2 batches, and stages change between steps.
    args = arguments(
        tmp_path, stages=stages, candidates="hard", max_steps=-1, num_train_epochs=2, gradient_accumulation_steps=2
    )
    trainer = Watched(model, args, train_dataset=tiny_records(16), processing_class=processor)
    trainer.train()
    assert [candidates for candidates, _ in trainer.seen] == ["in_batch"] * 4 + ["hybrid"] * 2 + ["hard"] * 2


@pytest.mark.parametrize("candidates", ["hard", "in_batch", "hybrid"])
def test_a_stage_trains_as_its_candidates_do(candidates, tmp_path):
    other = "hybrid" if candidates == "hard" else "hard"
    staged = trained(tmp_path / "staged", candidates=other, stages=[{"share": 1.0, "candidates": candidates}])
    plain = trained(tmp_path / "plain", candidates=candidates)
    assert difference(parameters(staged), parameters(plain)) == 0.0
    assert difference(parameters(staged), parameters(trained(tmp_path / "other", candidates=other))) > 1e-5


@pytest.mark.parametrize("num_workers", [0, 2])
def test_bad_records_are_left_out_and_named_at_the_end(num_workers, tmp_path, caplog):
    records = tiny_records(16)
    records[3]["image"] = str(tmp_path / "missing.png")
    records[7]["caption"] = ""
    trained(tmp_path, records, max_steps=8, dataloader_num_workers=num_workers)
    names = json.loads((tmp_path / "skipped_records.json").read_text())
    assert len(names) == 2 and any("missing.png" in name for name in names) and any("r7" in name for name in names)
    assert any("2 records were left out" in entry.getMessage() for entry in caplog.records)


def test_a_backbone_by_folder_brings_its_processor(tmp_path):
    folder = save_backbone("clip", tmp_path / "backbone")
    trainer = MMCLIPTrainer(folder, arguments(tmp_path / "out"), train_dataset=tiny_records(8))
    trainer.train()
    trainer.save_model()
    again = MMCLIPTrainer(str(tmp_path / "out"), arguments(tmp_path / "again"), train_dataset=tiny_records(8))
    assert isinstance(again.model, MMCLIPModel)
    assert difference(parameters(again), parameters(trainer)) == 0.0


def test_epochs_end_where_they_should(tmp_path):
    trainer = trained(tmp_path, tiny_records(10), max_steps=-1, num_train_epochs=2)
    assert trainer.state.global_step == 6
    two_sets = {"a": tiny_records(6), "b": tiny_records(4, seed=1)}
    trainer = trained(tmp_path, two_sets, max_steps=-1, num_train_epochs=1.5, mixture={"a": 0.5, "b": 0.5})
    assert trainer.state.global_step == 5
    assert trained(tmp_path, tiny_records(10), max_steps=5, num_train_epochs=1).state.global_step == 5


def test_a_stream_needs_a_number_of_steps(tmp_path):
    with pytest.raises(ValueError, match="max_steps"):
        trained(tmp_path, Stream(tiny_records(4)), max_steps=-1)


def test_a_batch_of_bad_records_alone_does_not_stop_training(tmp_path):
    records = tiny_records(8)
    for record in records[:4]:
        record["caption"] = ""
    trainer = trained(tmp_path, records, per_device_train_batch_size=1, max_steps=8, candidates="hybrid")
    assert trainer.state.global_step == 8
    assert all(torch.isfinite(value).all() for value in parameters(trainer).values())
    assert difference(parameters(trainer), dict(tiny_mmclip()[0].named_parameters())) > 1e-4


@pytest.mark.parametrize("kind", BACKBONES)
def test_a_checkpoint_is_loaded_whole_on_resume_and_as_the_best(kind, tmp_path):
    # AltCLIP's weights have other names on disk than in memory.
    records = tiny_records(8)
    settings = {"save_strategy": "steps", "save_steps": 1, "eval_strategy": "steps", "eval_steps": 1}
    settings |= {"load_best_model_at_end": True, "metric_for_best_model": "eval_loss", "greater_is_better": True}

    def trainer(steps: int) -> MMCLIPTrainer:
        model, processor = tiny_mmclip(kind)
        args = arguments(tmp_path, max_steps=steps, learning_rate=1e-2, **settings)
        return MMCLIPTrainer(model, args, train_dataset=records, eval_dataset=records, processing_class=processor)

    first = trainer(3)
    first.train()
    best = MMCLIPModel.from_pretrained(first.state.best_model_checkpoint).state_dict()
    assert all(torch.equal(best[name], value) for name, value in first.model.state_dict().items())
    resumed = trainer(3)
    resumed._load_from_checkpoint(str(tmp_path / "checkpoint-2"))
    saved = MMCLIPModel.from_pretrained(tmp_path / "checkpoint-2").state_dict()
    assert all(torch.equal(saved[name], value) for name, value in resumed.model.state_dict().items())


def test_a_temperature_that_the_model_came_with_is_kept(tmp_path):
    model, processor = tiny_mmclip("siglip")
    with torch.no_grad():
        model.backbone.logit_scale.fill_(math.log(117))
    args = arguments(tmp_path, max_steps=1, learning_rate=0.0)
    MMCLIPTrainer(model, args, train_dataset=tiny_records(4), processing_class=processor).train()
    assert model.backbone.logit_scale.exp().item() == pytest.approx(117, rel=1e-4)


def test_data_without_a_usable_record_is_an_error_with_the_reason(tmp_path):
    records = [{**record, "image": "missing.png"} for record in tiny_records(8)]
    model, processor = tiny_mmclip()
    trainer = MMCLIPTrainer(model, arguments(tmp_path), train_dataset=records, processing_class=processor)
    with pytest.raises(ValueError, match="None of the records could be used.*missing.png"):
        trainer.train()


def test_training_data_is_checked_when_there_is_evaluation_data_too(tmp_path):
    model, processor = tiny_mmclip()
    records = [{"image": record["image"], "text": record["caption"]} for record in tiny_records(4)]
    with pytest.raises(ValueError, match="'train' has no column 'caption'"):
        MMCLIPTrainer(
            model,
            arguments(tmp_path),
            train_dataset=records,
            eval_dataset=tiny_records(4),
            processing_class=processor,
        )
    with pytest.raises(ValueError, match="'easy' has no column 'caption'"):
        MMCLIPTrainer(
            model,
            arguments(tmp_path),
            train_dataset=tiny_records(4),
            eval_dataset={"easy": records},
            processing_class=processor,
        )


def test_a_folder_may_be_a_path(tmp_path):
    folder = Path(save_backbone("siglip", tmp_path / "backbone"))
    trainer = MMCLIPTrainer(folder, arguments(tmp_path / "out"), train_dataset=tiny_records(4))
    assert trainer.model.config.backbone_config.model_type == "siglip"


def test_columns_made_by_a_transform_are_seen(tmp_path):
    rows = tiny_records(4)
    source = datasets.Dataset.from_dict({"place": list(range(4))}).with_transform(
        lambda batch: {
            name: [rows[i][name] for i in batch["place"]] for name in ("image", "caption", "negative_captions")
        }
    )
    model, processor = tiny_mmclip()
    args = arguments(tmp_path, candidates="hard")
    assert MMCLIPTrainer(model, args, train_dataset=source, processing_class=processor).train().global_step == 3
