"""Raw records to the index form."""

import io
import logging

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_models import MAX_LENGTH, noise_image, tiny_mmclip, tiny_records

from trainers import BadRecord, DataCollatorForHardNegatives


@pytest.fixture(scope="module")
def processor():
    return tiny_mmclip("clip")[1]


def texts_of(batch: dict, processor) -> list[str]:
    return processor.tokenizer.batch_decode(batch["input_ids"], skip_special_tokens=True)


def record(number: int, **columns) -> dict:
    return {"id": f"r{number}", "image": noise_image(number), "caption": f"AB = {number}", **columns}


def test_each_anchor_has_its_candidates_the_positive_first(processor):
    records = [
        record(1, negative_captions=["x", "y", "z"]),
        record(2, negative_captions=["y"]),
        record(3),
        record(4, negative_images=[noise_image(40), noise_image(41)]),
    ]
    batch = DataCollatorForHardNegatives(processor)(records)
    texts = texts_of(batch, processor)
    rows = [[texts[i] for i in row if i >= 0] for row in batch["text_candidates"].tolist()]
    assert rows == [["AB = 1", "x", "y", "z"], ["AB = 2", "y"], ["AB = 3"]]
    assert texts[batch["text_anchors"][0]] == "AB = 4"
    pictures = [noise_image(i) for i in (4, 40, 41)]
    expected = processor.encode_images(pictures)["pixel_values"]
    assert torch.equal(batch["pixel_values"][batch["image_candidates"][0]], expected)
    assert torch.equal(
        batch["pixel_values"][batch["image_anchors"][1]], processor.encode_images([noise_image(2)])["pixel_values"][0]
    )
    assert batch["text_rows"].tolist() == [0, 1, 2, -1] and batch["image_rows"].tolist() == [-1, -1, -1, 0]
    assert batch["text_kinds"].tolist()[1] == [0, 3, -100, -100]


def test_a_record_with_both_sides_is_an_anchor_on_both(processor):
    batch = DataCollatorForHardNegatives(processor)(tiny_records(3, num_texts=2, num_images=1))
    assert batch["text_candidates"].shape == (3, 3) and batch["image_candidates"].shape == (3, 2)


def test_texts_and_images_that_occur_twice_are_encoded_once(processor):
    same = noise_image(7)
    records = [
        {"image": same, "caption": "AB", "negative_captions": ["CD", "EF"]},
        {"image": same.copy(), "caption": "CD", "negative_captions": ["AB", "EF"]},
    ]
    batch = DataCollatorForHardNegatives(processor)(records)
    assert len(batch["pixel_values"]) == 1 and len(batch["input_ids"]) == 3
    assert batch["text_candidates"].tolist() == [[0, 1, 2], [1, 0, 2]]


def as_forms(image: Image.Image, folder) -> dict:
    """One image in every form that a record may hold it in."""
    path = folder / "image.png"
    image.save(path)
    memory = io.BytesIO()
    image.save(memory, "PNG")
    return {
        "PIL": image,
        "array": np.asarray(image),
        "path": str(path),
        "Path": path,
        "bytes": {"bytes": memory.getvalue(), "path": None},
        "dict of path": {"bytes": None, "path": str(path)},
    }


def test_images_come_in_any_form_and_are_one_image(processor, tmp_path):
    forms = as_forms(noise_image(1), tmp_path)
    records = [{"image": image, "caption": name} for name, image in forms.items()]
    batch = DataCollatorForHardNegatives(processor)(records)
    assert len(batch["pixel_values"]) == 1 and len(batch["input_ids"]) == len(forms)
    assert not batch["skipped"]


def test_a_file_that_several_records_name_is_decoded_once(processor, tmp_path, monkeypatch):
    noise_image(1).save(tmp_path / "one.png")
    opened = []
    original = Image.open
    monkeypatch.setattr(Image, "open", lambda file, *rest: opened.append(file) or original(file, *rest))
    path = str(tmp_path / "one.png")
    records = [{"image": path, "caption": f"AB = {i}", "negative_images": [noise_image(i)]} for i in range(2, 6)]
    DataCollatorForHardNegatives(processor)(records)
    assert len(opened) == 1


def test_max_negatives_takes_the_first_or_draws_anew_for_each_epoch(processor):
    def chosen(choice: str, draw: tuple[int, int], seed: int = 0) -> tuple[str, ...]:
        collator = DataCollatorForHardNegatives(processor, max_negatives=3, negative_choice=choice, seed=seed)
        negatives = [f"n{i}" for i in range(12)]
        batch = collator([record(1, negative_captions=negatives, _draw=draw)])
        texts = texts_of(batch, processor)
        return tuple(texts[i] for i in batch["text_candidates"][0, 1:])

    assert chosen("first", (0, 0)) == chosen("first", (1, 5)) == ("n0", "n1", "n2")
    assert chosen("random", (0, 0)) == chosen("random", (0, 0))
    assert len({chosen("random", (epoch, 0)) for epoch in range(6)}) > 3
    assert len({chosen("random", (0, 0), seed) for seed in range(6)}) > 3
    assert {name for epoch in range(60) for name in chosen("random", (epoch, 0))} == {f"n{i}" for i in range(12)}


def test_siglip_captions_have_the_fixed_length_and_no_mask():
    processor = tiny_mmclip("siglip")[1]
    batch = DataCollatorForHardNegatives(processor)(tiny_records(2))
    assert batch["input_ids"].shape[1] == MAX_LENGTH and "attention_mask" not in batch


def test_a_negative_that_equals_its_positive_after_the_limit_is_dropped_counted_and_warned_about(processor, caplog):
    long = "A" + "B" * (2 * MAX_LENGTH)
    collator = DataCollatorForHardNegatives(processor)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            batch = collator([record(1, caption=long, negative_captions=[long + "C", "other"])])
    assert batch["dropped"] == 1
    texts = texts_of(batch, processor)
    assert [texts[i] for i in batch["text_candidates"][0].tolist()[1:] if i >= 0] == ["other"]
    warnings = [entry for entry in caplog.records if "equals its positive" in entry.getMessage()]
    assert len(warnings) == 1 and str(MAX_LENGTH) in warnings[0].getMessage()


def test_a_negative_drawn_as_the_positive_is_none(processor):
    batch = DataCollatorForHardNegatives(processor)(
        [record(1, negative_images=[noise_image(1), noise_image(2), noise_image(2)])]
    )
    assert batch["image_candidates"].tolist() == [[0, 1]]


BAD = {
    "no image": ({"image": None}, "image"),
    "no caption": ({"caption": None}, "caption"),
    "blank caption": ({"caption": "  "}, "blank"),
    "missing file": ({"image": "/nowhere/figure.png"}, "figure.png"),
    "broken file": ({"image": {"bytes": b"not a picture", "path": None}}, "cannot be read"),
    "kinds of another number": (
        {"negative_captions": ["x"], "negative_caption_kinds": ["rule", "rule"]},
        "2 negative_caption_kinds",
    ),
    "unknown kind": ({"negative_captions": ["x"], "negative_caption_kinds": ["wild"]}, "wild"),
    "a negative that is no text": ({"negative_captions": [7]}, "int"),
    "captions of another number": (
        {"negative_images": [noise_image(3)], "negative_image_captions": ["x", "y"]},
        "2 negative_image_captions",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_record_is_left_out_and_named(name, processor):
    columns, named = BAD[name]
    records = [record(1, negative_captions=["x"]), {**record(2), **columns}, record(3, negative_captions=["x"])]
    batch = DataCollatorForHardNegatives(processor)(records)
    assert len(batch["image_anchors"]) == 2
    assert len(batch["skipped"]) == 1 and "r2" in batch["skipped"][0] and named in batch["skipped"][0]
    with pytest.raises(BadRecord, match=named):
        DataCollatorForHardNegatives(processor, skip_bad_records=False)(records)


def test_a_batch_of_bad_records_is_still_a_batch(processor):
    batch = DataCollatorForHardNegatives(processor)([record(1, caption=""), record(2, caption="")])
    assert len(batch["skipped"]) == 2 and len(batch["image_anchors"]) == len(batch["text_anchors"]) == 0
    assert len(batch["pixel_values"]) == len(batch["input_ids"]) == 1


def test_in_batch_takes_look_alike_images_as_pairs_and_leaves_out_what_has_no_partner(processor):
    both = record(1, negative_captions=["x"], negative_images=[noise_image(10)], negative_image_captions=["AB = 10"])
    alone = record(2, negative_images=[noise_image(20)])
    batch = DataCollatorForHardNegatives(processor, candidates="in_batch")([both, alone])
    texts = texts_of(batch, processor)
    pairs = {
        (int(i), texts[row[0]])
        for i, row in zip(batch["image_anchors"], batch["text_candidates"].tolist(), strict=True)
    }
    assert pairs == {(1, "AB = 10"), (2, "AB = 2")} and texts[batch["text_anchors"][0]] == "AB = 1"
    assert len(batch["pixel_values"]) == 3 and "x" not in texts
    hybrid = DataCollatorForHardNegatives(processor, candidates="hybrid")([both, alone])
    assert len(hybrid["pixel_values"]) == 4 and "x" in texts_of(hybrid, processor)


def test_a_records_own_candidates_come_first(processor):
    records = [record(1, negative_captions=["x"], _candidates="in_batch")]
    batch = DataCollatorForHardNegatives(processor, candidates="hard")(records)
    assert batch["candidates"] == "in_batch" and len(batch["input_ids"]) == 1


def test_keys_are_equal_exactly_where_captions_and_images_are(processor):
    collator = DataCollatorForHardNegatives(processor)
    first = collator([record(1, negative_captions=["a longer caption", "x"])])
    second = collator([record(1, negative_captions=["y"])])
    assert first["text_keys"][0] == second["text_keys"][0] and first["image_keys"] == second["image_keys"]
    assert len({*first["text_keys"].tolist(), *second["text_keys"].tolist()}) == 4


@pytest.mark.parametrize(
    ("settings", "named"), [({"negative_choice": "last"}, "last"), ({"max_negatives": 0}, "max_negatives=0")]
)
def test_settings_that_cannot_be_right_are_named(settings, named, processor):
    with pytest.raises(ValueError, match=named):
        DataCollatorForHardNegatives(processor, **settings)
