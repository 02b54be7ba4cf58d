"""MM-Math-Align, whose column names are not published, from folders that may be its layout."""

import datasets
import pyarrow as pa
import pyarrow.parquet
import pytest
from published_layouts import lines, png, written, zipped

from dataset_builders.records import HARD_NEGATIVES
from dataset_builders.sources.mm_math_align import find_columns, mm_math_align


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def pictures(folder, names=("0.png", "1.png", "1_1.png", "1_2.png")):
    for width, name in enumerate(names, 8):
        written(folder / "images" / name, png(width))


TURNS = [{"from": "human", "value": "<image>\nDescribe."}, {"from": "gpt", "value": "A square."}]


def test_the_authors_training_format_is_read(tmp_path):
    pictures(tmp_path)
    record = {
        "positive_image_path": "1.png",
        "negative_image_path": ["1_1.png", "1_2.png"],
        "negative_captions": ["A rectangle.", "A rhombus."],
        "conversations": TURNS,
    }
    written(tmp_path / "train.json", [record])
    dataset, bad = mm_math_align(tmp_path)
    assert not bad and dataset.features == HARD_NEGATIVES
    row = dataset[0]
    assert row["caption"] == "A square." and row["image"].width == 9
    assert [image.width for image in row["negative_images"]] == [10, 11]
    assert row["negative_captions"] == row["negative_image_captions"] == ["A rectangle.", "A rhombus."]
    assert row["negative_caption_kinds"] == ["image", "image"]
    assert row["source"] == "MM-Math-Align (no licence stated)"


def test_numbered_columns_with_images_in_parquet_are_read_in_their_order(tmp_path):
    row = {name: {"bytes": png(width), "path": None} for name, width in (("image", 7), ("Positive Image", 8))}
    row |= {"caption": "A."}
    row |= {f"negative_image_{i}": {"bytes": png(20 + i), "path": None} for i in (10, 2, 1)}
    row |= {f"neg_caption_{i}": f"Not {i}." for i in (1, 2)}
    pa.parquet.write_table(pa.Table.from_pylist([row]), tmp_path / "train.parquet")
    dataset, bad = mm_math_align(tmp_path, columns={"negative_captions": "neg_caption_"})
    assert not bad
    assert dataset[0]["image"].width == 8, "the drawn image, not the original diagram"
    assert [image.width for image in dataset[0]["negative_images"]] == [21, 22, 30]
    assert dataset[0]["negative_captions"] == ["Not 1.", "Not 2."] and dataset[0]["negative_image_captions"] == []


def test_names_that_are_not_known_are_listed_with_the_remedy(tmp_path):
    pictures(tmp_path)
    record = {"orig": "0.png", "pic": "1.png", "text": "A.", "wrong": ["1_1.png"]}
    file = written(tmp_path / "train.jsonl", lines([record, record]))
    with pytest.raises(ValueError) as error:
        mm_math_align(file)
    assert str(error.value) == (
        f"{file}: cannot tell which column is image and which caption; it has orig, pic, text, wrong. Name it: "
        'columns={"image": "…", "caption": "…"}.'
    )
    with pytest.raises(ValueError, match="which column is negative_images"):
        mm_math_align(file, {"image": "pic", "caption": "text"})
    with pytest.raises(ValueError, match="has no column 'txt', which `columns` names; it has orig"):
        mm_math_align(file, {"caption": "txt"})
    with pytest.raises(ValueError, match="the key 'captions'; it must be one of id, image, caption"):
        mm_math_align(file, {"captions": "text"})
    dataset, bad = mm_math_align(file, {"image": "pic", "caption": "text", "negative_images": "wrong"})
    assert not bad and len(dataset) == 2 and len(dataset[0]["negative_images"]) == 1


def test_images_in_a_zip_are_found_and_missing_ones_named(tmp_path):
    zipped(tmp_path / "images.zip", {"images/1.png": png(), "images/1_1.png": png()})
    good = {"image": "1.png", "caption": "A.", "negative_images": ["1_1.png"]}
    written(tmp_path / "data.json", [good, good | {"negative_images": ["9_9.png"]}, good | {"caption": None}])
    dataset, bad = mm_math_align(tmp_path)
    assert len(dataset) == 1 and [(b.index, b.field) for b in bad] == [(1, "negative_images"), (2, "caption")]


def test_a_folder_without_records_is_one_sentence(tmp_path):
    with pytest.raises(FileNotFoundError, match="has no .parquet, .jsonl or .json file"):
        mm_math_align(tmp_path)


def test_the_likely_name_that_is_preferred_wins():
    record = {"image": 0, "image_caption": 0, "caption": 0, "negative_images": 0, "id": 0}
    found = find_columns(record, {}, "here")
    assert found == {
        "id": ("id",),
        "image": ("image",),
        "caption": ("caption",),
        "negative_images": ("negative_images",),
    }
