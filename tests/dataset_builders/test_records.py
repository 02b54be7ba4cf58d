"""The HardNegatives schema: what gets in, what is left out, and what is said about it."""

import logging

import pytest
from datasets import Dataset, List, Value
from PIL import Image

from dataset_builders.records import (
    HARD_NEGATIVES,
    BadRecord,
    as_hard_negatives,
    check_columns,
    hard_negatives_dataset,
)


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "figure.png"
    Image.new("RGB", (8, 6), "white").save(path)
    return str(path)


def test_missing_optional_fields_become_empty(picture):
    dataset, bad = hard_negatives_dataset([{"image": picture, "caption": "AB = 6."}], "figures.json")
    assert not bad
    assert dataset.features == HARD_NEGATIVES
    row = dataset[0]
    assert row.pop("image").size == (8, 6)
    assert row == {
        "id": "0",
        "caption": "AB = 6.",
        "negative_captions": [],
        "negative_caption_kinds": [],
        "negative_images": [],
        "negative_image_captions": [],
        "program": "",
        "source": "",
    }


def test_a_path_stays_a_path_and_is_not_read_into_the_data_set(picture):
    record = {"image": picture, "caption": "AB = 6.", "negative_images": [picture]}
    dataset, _ = hard_negatives_dataset([record], "figures.json")
    stored = dataset.with_format("arrow")[0].to_pylist()[0]
    assert stored["image"] == {"bytes": None, "path": picture}
    assert stored["negative_images"] == [{"bytes": None, "path": picture}]


def test_images_may_be_pil_images_or_bytes(picture):
    encoded = open(picture, "rb").read()
    records = [{"image": image, "caption": "A"} for image in (Image.open(picture), encoded, {"bytes": encoded})]
    dataset, bad = hard_negatives_dataset(records, "memory")
    assert not bad
    assert [row["image"].size for row in dataset] == [(8, 6)] * 3


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"caption": "  "}, "caption", "empty"),
        ({"caption": None}, "caption", "missing"),
        ({"caption": 7}, "caption", "must be text"),
        ({"image": "nowhere.png"}, "image", "no file nowhere.png"),
        ({"image": b"no image"}, "image", "cannot be opened"),
        ({"negative_captions": ["x", ""]}, "negative_captions", "entry 1"),
        ({"negative_captions": "x"}, "negative_captions", "list of texts"),
        ({"negative_captions": ["x"]}, "negative_caption_kinds", "0 kinds for 1"),
        ({"negative_captions": ["x"], "negative_caption_kinds": ["rules"]}, "negative_caption_kinds", "'rules'"),
        ({"negative_images": ["nowhere.png"]}, "negative_images", "no file"),
        ({"negative_image_captions": ["x"]}, "negative_image_captions", "1 captions for 0"),
        ({"negative_caption": ["x"]}, "negative_caption", "did you mean `negative_captions`"),
    ],
)
def test_a_bad_record_is_left_out_and_named(picture, caplog, change, field, words):
    good = {"image": picture, "caption": "AB = 6."}
    with caplog.at_level(logging.WARNING):
        dataset, bad = hard_negatives_dataset([good, good | change, good], "figures.json")
    assert dataset["id"][:] == ["0", "2"]
    (record,) = bad
    assert (record.origin, record.index, record.field) == ("figures.json", 1, field)
    assert words in record.problem
    assert str(record) in caplog.text
    assert "left out 1 of 3 records" in caplog.text


def test_a_file_that_is_no_image_is_left_out(tmp_path, picture):
    broken = tmp_path / "broken.png"
    broken.write_text("not a picture")
    records = [{"image": str(broken), "caption": "A"}, {"image": picture, "caption": "A"}]
    _, bad = hard_negatives_dataset(records, "figures.json")
    assert [record.index for record in bad] == [0]
    assert "broken.png cannot be opened as an image" in bad[0].problem


def test_a_file_of_only_bad_records_raises():
    with pytest.raises(ValueError, match="figures.json: not one of its 2 records can be used.*record 0.*caption"):
        hard_negatives_dataset([{"image": "x"}, {"image": "y"}], "figures.json")


def test_what_a_reader_found_bad_is_counted_with_the_rest(picture):
    unread = BadRecord("figures.jsonl", 0, "record", "line 1 is not JSON.")
    dataset, bad = hard_negatives_dataset([unread, {"image": picture, "caption": "A"}], "figures.jsonl")
    assert bad == [unread]
    assert dataset["id"][:] == ["1"]


def test_no_records_make_an_empty_data_set_of_the_schema():
    dataset, bad = hard_negatives_dataset([], "nothing")
    assert len(dataset) == 0 and not bad and dataset.features == HARD_NEGATIVES


def test_many_records_keep_their_order_over_chunks(picture):
    dataset, _ = hard_negatives_dataset(({"image": picture, "caption": str(i)} for i in range(10_001)), "many")
    assert dataset["caption"][:] == [str(i) for i in range(10_001)]


def test_a_data_set_from_elsewhere_gets_the_schema_and_loses_bad_rows(picture):
    foreign = Dataset.from_dict(
        {
            "caption": ["A", "", "C", "D"],
            "image": [picture] * 3 + [None],
            "negative_captions": [["x", "y"], [], [], []],
            "negative_caption_kinds": [["rule", "random"], [], ["rule"], []],
            "level": [1, 2, 3, 4],
        }
    )
    dataset, bad = as_hard_negatives(foreign, "foreign")
    assert dataset.features == HARD_NEGATIVES
    assert dataset["id"][:] == ["0"]
    assert dataset[0]["image"].size == (8, 6)
    found = [(record.index, record.field) for record in bad]
    assert found == [(1, "caption"), (2, "negative_caption_kinds"), (3, "image")]


def test_columns_are_checked_by_name_and_type(picture):
    good = {"image": [picture], "caption": ["A"]}
    check_columns(Dataset.from_dict(good), "good")
    with pytest.raises(ValueError, match="unknown column `negative_caption`; did you mean `negative_captions`"):
        check_columns(Dataset.from_dict(good | {"negative_caption": [["x"]]}), "slip")
    with pytest.raises(ValueError, match="the column `caption` is missing.*Rename `text_caption`"):
        check_columns(Dataset.from_dict({"image": [picture], "text_caption": ["A"]}), "other name")
    with pytest.raises(ValueError, match="column `negative_captions` is .*where .*List"):
        check_columns(Dataset.from_dict(good | {"negative_captions": ["x"]}), "one text")
    with pytest.raises(ValueError, match="column `caption` is"):
        check_columns(Dataset.from_dict({"image": [picture], "caption": [3]}), "numbers")


def test_the_schema_is_the_documented_one():
    assert list(HARD_NEGATIVES) == [
        "id",
        "image",
        "caption",
        "negative_captions",
        "negative_caption_kinds",
        "negative_images",
        "negative_image_captions",
        "program",
        "source",
    ]
    assert HARD_NEGATIVES["negative_captions"] == List(Value("string"))
