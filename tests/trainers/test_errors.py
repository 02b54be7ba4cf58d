"""Inputs that cannot be right get one sentence with the remedy, before any training."""

import datasets
import numpy as np
import pytest
from test_mmclip_trainer import arguments, stored
from tiny_models import tiny_mmclip, tiny_records

from trainers import MMCLIPTrainer, MMCLIPTrainingArguments

PLAIN = tiny_records(4, num_texts=0, num_images=0)


def trainer(folder, data, **settings) -> MMCLIPTrainer:
    model, processor = tiny_mmclip()
    return MMCLIPTrainer(model, arguments(folder, **settings), train_dataset=data, processing_class=processor)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"candidates": "all"}, r"candidates='all'.*hard, in_batch, hybrid"),
        ({"loss": "hinge"}, r"loss='hinge'.*softmax, sigmoid"),
        ({"hardness": -2.0}, r"hardness=-2.0"),
        ({"mixture": {"train": 1.0}, "stages": [{"share": 1.0}]}, r"both `mixture` and `stages`"),
        ({"stages": [{"part": 1.0}]}, r"`stages` must be a list"),
        ({"stages": [{"share": 0.0}]}, r"share=0.0.*positive"),
        ({"mixture": {"train": -1.0}}, r"0 or more"),
        ({"anchors_per_micro_batch": 2, "candidates": "hybrid"}, r"only `hard`.*gradient_cache_chunk_size"),
        ({"gradient_cache_chunk_size": 0}, r"gradient_cache_chunk_size=0.*at least 1"),
        ({"max_negatives": 0}, r"max_negatives=0"),
        ({"negative_choice": "last"}, r"negative_choice='last'"),
        ({"mixture": {"other": 1.0}}, r"'other'.*data sets are train"),
        ({"candidates": "in_batch", "per_device_train_batch_size": 1}, r"per_device_train_batch_size"),
        ({"freeze_vision_tower": True, "freeze_text_tower": True}, None),
    ],
)
def test_settings(settings, message, tmp_path):
    if message is None:  # projections and temperature are left to train
        trainer(tmp_path, tiny_records(4), **settings).train()
        return
    with pytest.raises(ValueError, match=message):
        trainer(tmp_path, tiny_records(4), **settings)


def test_hard_without_any_negative(tmp_path):
    with pytest.raises(ValueError, match="No record of train has a hard negative.*in_batch"):
        trainer(tmp_path, PLAIN, candidates="hard")
    stored = datasets.Dataset.from_dict({"image": ["a.png"], "caption": ["AB"], "negative_captions": [[]]})
    with pytest.raises(ValueError, match="has a hard negative"):
        trainer(tmp_path, stored, candidates="hard")
    trainer(tmp_path, PLAIN, candidates="in_batch").train()


def test_a_missing_column(tmp_path):
    with pytest.raises(ValueError, match="'train' has no column 'caption', only image, text.*rename_column"):
        trainer(tmp_path, datasets.Dataset.from_dict({"image": ["a.png"], "text": ["AB"]}))


def test_an_empty_data_set(tmp_path):
    with pytest.raises(ValueError, match="'exams' is empty; look at what it was read from"):
        trainer(tmp_path, {"train": tiny_records(4), "exams": []})


def test_a_model_in_memory_without_its_processor(tmp_path):
    with pytest.raises(ValueError, match="processing_class"):
        MMCLIPTrainer(tiny_mmclip()[0], arguments(tmp_path), train_dataset=tiny_records(4))


def test_nothing_left_to_train(tmp_path):
    model, processor = tiny_mmclip()
    model.requires_grad_(False)
    with pytest.raises(ValueError, match="Nothing is left to train"):
        MMCLIPTrainer(model, arguments(tmp_path), train_dataset=tiny_records(4), processing_class=processor)


def test_two_streams(tmp_path):
    stream = datasets.Dataset.from_list([{"image": "a.png", "caption": "AB"}]).to_iterable_dataset()
    with pytest.raises(ValueError, match="stream.*interleave_datasets"):
        trainer(tmp_path, {"a": stream, "b": stream})


@pytest.mark.parametrize(
    "settings", [{"stages": [{"share": 1.0, "candidates": "hard"}]}, {"mixture": {"other": 1.0}}], ids=["stage", "mix"]
)
def test_stages_and_mixtures_of_a_stream_are_not_ignored(settings, tmp_path):
    stream = datasets.Dataset.from_list([{"image": "a.png", "caption": "AB"}]).to_iterable_dataset()
    with pytest.raises(ValueError, match="'train' is a stream; mixtures and stages need data sets of known length"):
        trainer(tmp_path, stream, **settings)


def test_an_unreadable_image_is_named_and_training_goes_on(tmp_path, caplog):
    records = tiny_records(4)
    records[2]["image"] = str(tmp_path / "gone.png")
    trained = trainer(tmp_path, records, max_steps=2)
    trained.train()
    assert trained.state.global_step == 2
    (named,) = set(trained.skipped)
    assert "'r2'" in named and "image cannot be read" in named and "gone.png" in named
    assert any("1 records were left out" in entry.getMessage() for entry in caplog.records)


@pytest.mark.parametrize("form", ["numpy", "torch"])
def test_formatted_data_sets_are_read_as_they_are_stored(form, tmp_path):
    plain = stored(tiny_records(4), tmp_path)
    trained = trainer(tmp_path, plain.with_format(form), candidates="hard", eval_random_negatives=2)
    trained.train()
    assert trained.evaluate(plain.with_format(form)) and not trained.skipped


def test_negatives_that_are_arrays_are_seen(tmp_path):
    records = [
        {**record, "negative_captions": np.array(record["negative_captions"])}
        for record in tiny_records(4, num_images=0)
    ]
    assert not trainer(tmp_path, records, candidates="hard").skipped


def test_stages_and_mixture_come_as_json_too(tmp_path):
    args = MMCLIPTrainingArguments(
        str(tmp_path), use_cpu=True, stages='[{"share": 0.5, "candidates": "in_batch"}, {"share": 0.5}]'
    )
    assert [stage.candidates for stage in args.stage_list()] == ["in_batch", None]
    assert MMCLIPTrainingArguments(str(tmp_path), use_cpu=True, mixture='{"a": 2}').mixture == {"a": 2}
