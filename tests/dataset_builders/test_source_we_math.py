"""We-Math's testmini from small folders in the published layout, and the real sample."""

import datasets
import pyarrow as pa
import pyarrow.parquet
import pytest
from published_layouts import png, written, zipped

from dataset_builders.questions import QUESTIONS
from dataset_builders.sources.we_math import options, we_math_questions


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def record(key="2steps_1", image="7-1.png", **changes):
    return {
        "ID": f"{key[:6]}_7",
        "split": "testmini",
        "knowledge concept": "Circles",
        "question": "The radius is 2 cm. What is the circumference?",
        "option": "A. 4π;B. 2π; C. No correct answer",
        "answer": "A",
        "image_path": f"{key[:6]}/image/{image}",
        "key": key,
        "question number": 7,
    } | changes


GROUP = [
    record(),
    record("2steps_2", "7-2.png"),
    record("2steps_multi", "7-multi.png"),
    record("3steps_3", "7-3.png"),
    record("3steps_multi", "7-multi.png"),
]


def folder_of(folder, records, zip_images=False):
    written(folder / "testmini.json", records)
    members = {row["image_path"]: png(8 + place) for place, row in enumerate(records)}
    if zip_images:
        zipped(folder / "testmini.zip", members)
    else:
        for name, content in members.items():
            written(folder / name, content)
    return folder


@pytest.mark.parametrize("zip_images", [False, True])
def test_composed_problems_and_their_steps_are_told_apart(tmp_path, zip_images):
    dataset, bad = we_math_questions(folder_of(tmp_path / "set", GROUP, zip_images))
    assert not bad and dataset.features == QUESTIONS
    assert dataset["id"][:] == ["2steps_7-1", "2steps_7-2", "2steps_7-multi", "3steps_7-3", "3steps_7-multi"]
    assert dataset["category"][:] == [["S1"], ["S1"], ["S2"], ["S1"], ["S3"]]
    assert [image.width for image in dataset["image"]] == [8, 9, 10, 11, 12], "7-multi.png is there twice"
    assert dataset[0]["choices"] == ["4π", "2π", "No correct answer"] and dataset[0]["answer"] == "A"
    assert dataset[0]["source"] == "We-Math (CC BY-NC 4.0)"


def test_options_that_cannot_be_split_stay_in_the_question(tmp_path):
    text = "A. Line A;B and C. 2; C. Both"
    dataset, bad = we_math_questions(folder_of(tmp_path, [record(option=text, answer="C")]))
    assert not bad
    assert dataset[0]["choices"] == [] and dataset[0]["answer"] == "C" and dataset[0]["answer_type"] == "choice"
    assert dataset[0]["question"].endswith(f"circumference?\n{text}")


@pytest.mark.parametrize(
    ("text", "answer", "found"),
    [
        ("A. 2.5;B. 2;C. 6;D. 4; E. No correct answer", "B", ["2.5", "2", "6", "4", "No correct answer"]),
        ("A. 1 B. 2 C. 3", "A", ["1", "2", "3"]),
        ("A. x; y;B. z", "B", ["x; y", "z"]),
        ("A. 1;C. 2", "A", []),
        ("A. 1;B. ;C. 2", "A", []),
        ("A. 1;B. 2", "C", []),
        ("1 or 2", "A", []),
    ],
)
def test_only_certain_splits_count(text, answer, found):
    assert options(text, answer) == found


def test_the_hubs_parquet_with_images_in_it_is_read(tmp_path):
    rows = [record() | {"image_path": {"bytes": png(9), "path": "7-1.png"}}]
    (tmp_path / "data").mkdir()
    pa.parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "data/testmini-00000-of-00001.parquet")
    dataset, bad = we_math_questions(tmp_path)
    assert not bad and dataset[0]["image"].width == 9


def test_bad_records_and_wrong_files_are_named(tmp_path):
    records = [record(), record("2steps_4", "7-4.png"), record("2steps_2", "7-2.png", answer="?"), record()]
    dataset, bad = we_math_questions(folder_of(tmp_path / "set", records))
    assert len(dataset) == 1
    assert [(b.index, b.field) for b in bad] == [(1, "key"), (2, "answer"), (3, "id")]
    with pytest.raises(FileNotFoundError, match="has no testmini.json nor"):
        we_math_questions(tmp_path)
    written(tmp_path / "bare/testmini.json", GROUP)
    with pytest.raises(FileNotFoundError, match="has no images, nor testmini.zip"):
        we_math_questions(tmp_path / "bare")
    with pytest.raises(ValueError, match="its records have no `ID`; they have question"):
        written(tmp_path / "set/testmini.json", [{"question": "x"}])
        we_math_questions(tmp_path / "set")


def test_the_real_sample_is_read(real_data):
    dataset, bad = we_math_questions(real_data / "wemath")
    assert not bad and len(dataset) == 85
    assert [sum([name] == row for row in dataset["category"]) for name in ("S1", "S2", "S3")] == [60, 15, 10]
    assert all(row["choices"] for row in dataset.remove_columns("image"))
