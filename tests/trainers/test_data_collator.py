"""Raw records to the index form."""

import io
import logging
import re

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from tiny_models import MAX_LENGTH, noise_image, tiny_mmclip, tiny_records

from trainers import BadRecord, DataCollatorForHardNegatives
from trainers.mixture import Stage, TrainingRecords


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
    records = tiny_records(3, num_texts=2, num_images=1)
    batch = DataCollatorForHardNegatives(processor)(records)
    texts = texts_of(batch, processor)
    images = [processor.encode_images([r["image"], *r["negative_images"]])["pixel_values"] for r in records]
    assert batch["text_rows"].tolist() == batch["image_rows"].tolist() == [0, 1, 2]
    for row, single in enumerate(records):
        assert torch.equal(batch["pixel_values"][batch["image_anchors"][row]], images[row][0])
        assert [texts[i] for i in batch["text_candidates"][row]] == [single["caption"], *single["negative_captions"]]
        assert texts[batch["text_anchors"][row]] == single["caption"]
        assert torch.equal(batch["pixel_values"][batch["image_candidates"][row]], images[row])
    assert batch["image_kinds"].tolist() == [[0, 4]] * 3


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


@pytest.mark.parametrize("form", ["path", "Path", "bytes", "dict of path"])
def test_a_file_that_several_records_have_is_decoded_once_a_batch(form, processor, tmp_path, monkeypatch):
    opened = []
    original = Image.open
    monkeypatch.setattr(Image, "open", lambda file, *rest: opened.append(file) or original(file, *rest))
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    one, other = as_forms(noise_image(1), first)[form], as_forms(noise_image(2), second)[form]
    records = [{"image": one, "caption": f"AB = {i}", "negative_images": [other]} for i in range(4)]
    records.append({"image": other, "caption": "CD", "negative_images": [one]})
    collator = DataCollatorForHardNegatives(processor)
    batch = collator(records)
    assert len(opened) == 2 and len(batch["pixel_values"]) == 2
    assert batch["image_candidates"].tolist() == [[0, 1]] * 4 + [[1, 0]]
    collator(records)
    assert len(opened) == 4  # nothing is kept beyond the batch


def line_drawing(colour: str, mode: str) -> Image.Image:
    image = Image.new("RGB", (32, 32), "white")
    ImageDraw.Draw(image).line((2, 2, 30, 30), fill=colour)
    return image.convert(mode, palette=Image.Palette.ADAPTIVE)


def test_images_that_differ_in_their_palette_only_are_two(processor):
    red, blue = line_drawing("red", "P"), line_drawing("blue", "P")
    assert red.tobytes() == blue.tobytes()
    batch = DataCollatorForHardNegatives(processor)([record(1, image=red, negative_images=[blue])])
    assert batch["image_candidates"].tolist() == [[0, 1]]
    assert not torch.equal(*batch["pixel_values"]) and len(set(batch["image_keys"].tolist())) == 2


def test_images_that_look_alike_are_one_whatever_their_mode(processor):
    modes = [line_drawing("black", mode) for mode in ("1", "L", "P", "RGB", "RGBA")]
    batch = DataCollatorForHardNegatives(processor)([record(i, image=image) for i, image in enumerate(modes)])
    assert len(batch["pixel_values"]) == 1 and not batch["skipped"]


def test_sixteen_bit_greys_keep_their_shades(processor, tmp_path):
    greys = np.asarray(noise_image(1).convert("L"))
    Image.fromarray(greys.astype(np.uint16) * 257).save(tmp_path / "deep.png")
    records = [record(1, image=str(tmp_path / "deep.png")), record(2, image=greys)]
    assert len(DataCollatorForHardNegatives(processor)(records)["pixel_values"]) == 1


def test_columns_may_be_arrays(processor):
    lists = record(1, negative_captions=["x", "y"], negative_caption_kinds=["rule", "random"])
    lists["negative_images"] = [np.asarray(noise_image(number)) for number in (2, 3)]
    arrays = {name: np.stack(value) if isinstance(value, list) else value for name, value in lists.items()}
    collator = DataCollatorForHardNegatives(processor)
    expected, found = collator([lists]), collator([arrays])
    assert not found["skipped"] and found["text_kinds"].tolist() == [[0, 3, 1]]
    for name, value in expected.items():
        assert torch.equal(value, found[name]) if isinstance(value, torch.Tensor) else value == found[name], name


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


def test_records_of_a_stream_do_not_all_draw_the_same_places(processor):
    collator = DataCollatorForHardNegatives(processor, max_negatives=2, negative_choice="random")
    records = [record(number, negative_captions=[f"n{i}" for i in range(12)]) for number in range(8)]
    batch, again = collator(records), collator(records[:1])
    texts = texts_of(batch, processor)
    drawn = [tuple(texts[i] for i in row[1:]) for row in batch["text_candidates"]]
    assert len(set(drawn)) > 4
    assert drawn[0] == tuple(texts_of(again, processor)[i] for i in again["text_candidates"][0, 1:])


@pytest.mark.parametrize("workers", [1, 2])
def test_random_negatives_are_the_same_for_any_number_of_workers(workers, processor):
    negatives = [f"n{i}" for i in range(12)]
    data = {"train": [record(number, negative_captions=negatives) for number in range(8)]}
    records = TrainingRecords(data, [Stage()], "hard", length=8, total=16, batch_size=2, seed=0)
    collator = DataCollatorForHardNegatives(processor, max_negatives=3, negative_choice="random")

    def drawn(num_workers: int) -> list[list[str]]:
        found = []
        for epoch in range(2):
            records.set_epoch(epoch)
            loader = torch.utils.data.DataLoader(records, 2, collate_fn=collator, num_workers=num_workers)
            for batch in loader:
                texts = texts_of(batch, processor)
                found += [[texts[i] for i in row] for row in batch["text_candidates"].tolist()]
        return found

    alone = drawn(0)
    assert drawn(workers) == alone
    assert alone[:8] != alone[8:] and len({tuple(row[1:]) for row in alone}) > 8


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


def test_a_negative_with_the_words_of_its_positive_is_dropped_and_counted_too(processor):
    batch = DataCollatorForHardNegatives(processor)([record(1, negative_captions=["AB = 1", "x", "AB = 1"])])
    assert batch["dropped"] == 2 and batch["text_candidates"].tolist() == [[0, 1]]
    alone = DataCollatorForHardNegatives(processor)([record(1, negative_captions=["AB = 1"])])
    assert alone["dropped"] == 1 and alone["text_candidates"].tolist() == [[0]]


def test_a_negative_drawn_as_the_positive_is_none(processor):
    batch = DataCollatorForHardNegatives(processor)(
        [record(1, negative_images=[noise_image(1), noise_image(2), noise_image(2)])]
    )
    assert batch["image_candidates"].tolist() == [[0, 1]]


def cut_file() -> bytes:
    memory = io.BytesIO()
    noise_image(5, (256, 256)).save(memory, "PNG")
    return memory.getvalue()[:2000]


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
    "the kind of a positive": (
        {"negative_captions": ["x"], "negative_caption_kinds": ["positive"]},
        "'positive' is none of random, retrieval, rule, image",
    ),
    "a kind that is no text": ({"negative_captions": ["x", "y"], "negative_caption_kinds": [None, "wild"]}, "None"),
    "negatives that are no list": ({"negative_captions": "AB = 7"}, "negative_captions is str, not a list"),
    "one negative image": ({"negative_images": noise_image(3)}, "negative_images is Image, not a list"),
    "missing negative image": (
        {"negative_images": ["/nowhere/other.png"]},
        "negative image cannot be read.*other.png",
    ),
    "blank caption of a negative image": (
        {"negative_images": [noise_image(3)], "negative_image_captions": [" "]},
        "negative image's caption is blank",
    ),
    "cut file": ({"image": {"bytes": cut_file(), "path": None}}, "image cannot be read.*truncated"),
    "array of floats": ({"image": np.zeros((8, 8), np.float32)}, "uint8 values from 0 to 255, not float32"),
    "half a character": ({"caption": "AB \ud83d"}, "half of a surrogate pair"),
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
    assert len(batch["skipped"]) == 1 and re.search(f"record 'r2': .*{named}", batch["skipped"][0])
    assert batch["text_rows"].tolist() == [0, -1, 1] and batch["text_kinds"].tolist()[1] == [-100, -100]
    with pytest.raises(BadRecord, match=named):
        DataCollatorForHardNegatives(processor, skip_bad_records=False)(records)


def test_a_batch_of_bad_records_is_still_a_batch(processor):
    batch = DataCollatorForHardNegatives(processor)([record(1, caption=""), record(2, caption="")])
    assert len(batch["skipped"]) == 2 and len(batch["image_anchors"]) == len(batch["text_anchors"]) == 0
    assert len(batch["pixel_values"]) == len(batch["input_ids"]) == 1
    assert batch["text_rows"].tolist() == batch["image_rows"].tolist() == [-1, -1]
    model = tiny_mmclip("clip")[0]
    model(**{name: batch[name] for name in ("pixel_values", "input_ids", "attention_mask")})


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
