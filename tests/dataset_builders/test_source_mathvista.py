"""MathVista's testmini from small folders in the published layouts, and the real records."""

import json
from collections import Counter

import datasets
import pyarrow as pa
import pyarrow.parquet
import pytest
from published_layouts import png, written, zipped

from dataset_builders.questions import QUESTIONS
from dataset_builders.sources.mathvista import categories, mathvista_questions


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def record(pid="17", skills=("geometry reasoning", "algebraic reasoning"), **changes):
    return {
        "pid": pid,
        "question": "AB is parallel to CD. Find angle 2.",
        "image": f"images/{pid}.jpg",
        "choices": ["70°", "110°", "110°"],
        "unit": None,
        "precision": None,
        "answer": "110°",
        "question_type": "multi_choice",
        "answer_type": "text",
        "metadata": {"skills": list(skills), "task": "geometry problem solving"},
    } | changes


FLOAT = {
    "choices": None,
    "question_type": "free_form",
    "answer_type": "float",
    "answer": "1.2",
    "unit": "cm",
    "precision": 1.0,
    "metadata": {"skills": ["scientific reasoning"], "task": "textbook question answering"},
}


def local(folder, *records):
    written(folder / "testmini.json", {row["pid"]: row for row in records})
    for row in records:
        written(folder / row["image"], png())
    return folder


def test_choices_become_letters_the_first_of_equal_ones(tmp_path):
    dataset, bad = mathvista_questions(local(tmp_path, record()))
    assert not bad and dataset.features == QUESTIONS
    row = dataset[0]
    row.pop("image").load()
    assert row == {
        "id": "17",
        "question": "AB is parallel to CD. Find angle 2.",
        "choices": ["70°", "110°", "110°"],
        "answer": "B",
        "answer_type": "choice",
        "category": ["GEO", "ALG", "GPS"],
        "benchmark": "mathvista",
        "source": "MathVista (CC BY-SA 4.0; for testing only)",
    }


def test_unit_and_decimals_are_asked_for(tmp_path):
    dataset, bad = mathvista_questions(local(tmp_path, record("1", question="How far?", **FLOAT)))
    assert not bad
    assert dataset[0]["question"] == "How far? (Unit: cm) (Give 1 decimal.)"
    assert (dataset[0]["answer"], dataset[0]["answer_type"], dataset[0]["category"]) == ("1.2", "float", [])


def test_the_hubs_parquet_with_decoded_images_is_read(tmp_path):
    rows = [record() | {"decoded_image": {"bytes": png(9), "path": None}}]
    (tmp_path / "data").mkdir()
    pa.parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "data/testmini-00000-of-00001-abc.parquet")
    dataset, bad = mathvista_questions(tmp_path)
    assert not bad and dataset[0]["image"].width == 9


def test_images_may_be_in_the_zip(tmp_path):
    written(tmp_path / "testmini.json", {"17": record()})
    zipped(tmp_path / "images.zip", {"images/17.jpg": png(9)})
    assert mathvista_questions(tmp_path)[0][0]["image"].width == 9


def test_the_older_labels_of_an_output_file_may_count_instead(tmp_path):
    folder = local(tmp_path / "data", record("17"), record("18", skills=()))
    old = {"17": record("17", skills=("geometry reasoning",)), "18": record("18", skills=("algebraic reasoning",))}
    labels = written(tmp_path / "output_bard.json", old)
    assert mathvista_questions(folder)[0]["category"][:] == [["GEO", "ALG", "GPS"], ["GPS"]]
    assert mathvista_questions(folder, labels)[0]["category"][:] == [["GEO", "GPS"], ["ALG", "GPS"]]
    written(labels, {"17": old["17"]})
    dataset, bad = mathvista_questions(folder, labels)
    assert len(dataset) == 1 and [(b.index, b.field) for b in bad] == [(1, "metadata")]
    with pytest.raises(ValueError, match="has no records with `metadata`"):
        mathvista_questions(folder, written(tmp_path / "scores.json", {"average": {"accuracy": 1}}))


def test_bad_records_are_named(tmp_path):
    records = [record("1"), record("2", answer="120°"), record("3"), record("4", question_type="free_form")]
    folder = local(tmp_path, *records)
    (folder / "images/3.jpg").unlink()
    dataset, bad = mathvista_questions(folder)
    assert dataset["id"][:] == ["1"]
    assert [(b.index, b.field) for b in bad] == [(1, "answer"), (2, "image"), (3, "answer_type")]


def test_a_wrong_folder_or_file_is_one_sentence(tmp_path):
    with pytest.raises(FileNotFoundError, match="has no testmini.json nor data/testmini.json"):
        mathvista_questions(tmp_path)
    file = written(tmp_path / "other.json", {"1": {"question": "x"}})
    written(tmp_path / "1.png", png())
    with pytest.raises(ValueError, match="is not MathVista's testmini.json"):
        mathvista_questions(file)


def test_the_real_records_are_read(real_data):
    dataset, bad = mathvista_questions(real_data / "mathvista/testmini_geo_alg_float_list.json")
    assert len(dataset) == len(list((real_data / "mathvista/images").iterdir()))
    assert {b.field for b in bad} == {"image"}, "no fault but an image that is not in the sample"


def test_the_real_labels_are_counted_as_published(real_data):
    records = json.loads((real_data / "mathvista/testmini_scoring_fields_1000.json").read_text())
    counts = Counter(name for row in records.values() for name in categories(row["metadata"]))
    assert counts == {"GEO": 239, "ALG": 281, "GPS": 208}
