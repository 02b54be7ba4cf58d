"""Geometry3K as questions: its official folders, its Parquet on the Hub, and the real sample."""

import pyarrow as pa
import pyarrow.parquet
import pytest
from published_layouts import png, written

from dataset_builders.questions import QUESTIONS
from dataset_builders.sources.geometry3k.questions import geometry3k_questions


def problem(folder, number, **changes):
    record = {
        "id": number,
        "problem_text": "Find x.",
        "choices": ["8", "8 \\sqrt { 2 }", "16", "4"],
        "answer": "B",
        "problem_type_graph": ["Rectangle", "Square", "Circle"],
        "problem_type_goal": ["Length"],
    } | changes
    written(folder / str(number) / "data.json", record)
    written(folder / str(number) / "img_diagram.png", png(8))
    written(folder / str(number) / "img_diagram_point.png", png(9))


def test_official_folders_are_read_in_the_order_of_their_numbers(tmp_path):
    for number in (2410, 2402, 999):
        problem(tmp_path / "test", number)
    for path in (tmp_path, tmp_path / "test"):
        dataset, bad = geometry3k_questions(path)
        assert not bad and dataset.features == QUESTIONS and dataset["id"][:] == ["999", "2402", "2410"]
    row = dataset[0]
    assert row.pop("image").width == 8
    assert row == {
        "id": "999",
        "question": "Find x.",
        "choices": ["8", "8 \\sqrt { 2 }", "16", "4"],
        "answer": "B",
        "answer_type": "choice",
        "category": ["Length", "Quad", "Circle"],
        "benchmark": "geometry3k",
        "source": "Geometry3K (MIT)",
    }
    assert geometry3k_questions(tmp_path, "img_diagram_point.png")[0][0]["image"].width == 9


def test_bad_problems_are_named(tmp_path):
    problem(tmp_path, 1)
    problem(tmp_path, 2, answer="E")
    problem(tmp_path, 3)
    (tmp_path / "3/img_diagram.png").unlink()
    problem(tmp_path, 4)
    written(tmp_path / "4/data.json", "{")
    problem(tmp_path, 5, problem_text=None)
    dataset, bad = geometry3k_questions(tmp_path)
    assert dataset["id"][:] == ["1"]
    assert [(b.index, b.field) for b in bad] == [(1, "answer"), (2, "image"), (3, "record"), (4, "problem_text")]


def test_the_hubs_parquet_has_free_answers(tmp_path):
    image = {"bytes": png(10), "path": None}
    rows = [
        {"images": [image], "problem": "<image>Find x.", "answer": "8 \\sqrt { 2 }"},
        {"images": [image, image], "problem": "<image>Find y.", "answer": "3"},
    ]
    (tmp_path / "data").mkdir()
    for split, part in (("test", rows), ("train", rows * 3)):
        pa.parquet.write_table(pa.Table.from_pylist(part), tmp_path / f"data/{split}-00000-of-00001.parquet")
    dataset, bad = geometry3k_questions(tmp_path)
    assert len(dataset) == 1 and [(b.index, b.field) for b in bad] == [(1, "images")]
    row = dataset[0]
    assert (row["question"], row["answer"], row["answer_type"]) == ("Find x.", "8 \\sqrt { 2 }", "math")
    assert row["image"].width == 10 and row["choices"] == []


def test_a_wrong_folder_is_one_sentence(tmp_path):
    with pytest.raises(FileNotFoundError, match="has no folders of problems, such as 2401/data.json"):
        geometry3k_questions(tmp_path)


def test_the_real_sample_is_read(real_data):
    dataset, bad = geometry3k_questions(real_data / "geometry3k")
    assert not bad and len(dataset) == 64
    assert all(len(row["choices"]) == 4 and row["category"] for row in dataset.remove_columns("image"))
