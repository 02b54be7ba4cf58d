"""The Trainer end to end on tiny models."""

import json
import math

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
        elif "vision_model.head" in name or "k_proj.bias" in name or "key.bias" in name:
            continue  # a key's bias cancels in attention, up to rounding
        elif name.endswith(
            ("embeddings.weight", "token_embedding.weight", "pooler.dense.weight", "pooler.dense.bias")
        ):
            continue  # rows of tokens that do not occur; a pooler that nothing reads
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
    assert not torch.equal(after["backbone.visual_projection.weight"], before["backbone.visual_projection.weight"])


def test_it_learns_what_it_is_shown(tmp_path):
    trainer = trained(tmp_path, tiny_records(4, num_images=0), max_steps=60, candidates="hybrid", logging_steps=20)
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert losses[-1] < 0.3 * losses[0]


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
    trainer = trained(tmp_path, max_logit_scale=5.0, learning_rate=1e-2)
    assert trainer.model.backbone.logit_scale.exp().item() <= 5.0 + 1e-5


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


def test_data_sets_by_name_are_mixed(tmp_path):
    data = {"a": tiny_records(8), "b": tiny_records(8, seed=1)}
    only_a = parameters(trained(tmp_path / "a", data, mixture={"a": 1.0}))
    only_b = parameters(trained(tmp_path / "b", data, mixture={"b": 1.0}))
    assert difference(only_a, only_b) > 1e-4


def test_stages_use_their_candidates(tmp_path):
    seen = []

    class Watched(MMCLIPTrainer):
        def compute_loss(self, model, inputs, **kwargs):
            seen.append(inputs["candidates"])
            return super().compute_loss(model, inputs, **kwargs)

    model, processor = tiny_mmclip()
    stages = [{"share": 0.5, "candidates": "in_batch"}, {"share": 0.25, "candidates": "hybrid"}, {"share": 0.25}]
    args = arguments(tmp_path, stages=stages, candidates="hard", max_steps=8)
    Watched(model, args, train_dataset=tiny_records(16), processing_class=processor).train()
    assert seen == ["in_batch"] * 4 + ["hybrid"] * 2 + ["hard"] * 2


def test_bad_records_are_left_out_and_named_at_the_end(tmp_path, caplog):
    records = tiny_records(16)
    records[3]["image"] = str(tmp_path / "missing.png")
    records[7]["caption"] = ""
    trained(tmp_path, records, max_steps=4)
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
