"""The Questions schema: what gets in, and what is left out and named."""

import pytest
from PIL import Image

from dataset_builders.questions import QUESTIONS, questions_dataset


@pytest.fixture
def good(tmp_path):
    path = tmp_path / "figure.png"
    Image.new("RGB", (8, 6), "white").save(path)
    return {"image": str(path), "question": "Find x.", "answer": "6", "benchmark": "mine"}


def test_missing_optional_fields_become_empty(good):
    dataset, bad = questions_dataset([good], "mine.json")
    assert not bad and dataset.features == QUESTIONS
    stored = dataset.with_format("arrow")[0].to_pylist()[0]
    assert stored.pop("image") == {"bytes": None, "path": good["image"]}
    assert stored == {
        "id": "0",
        "question": "Find x.",
        "choices": [],
        "answer": "6",
        "answer_type": "math",
        "category": [],
        "benchmark": "mine",
        "source": "",
    }


def test_with_choices_the_answer_is_a_letter(good):
    dataset, bad = questions_dataset([good | {"choices": ["4", "6"], "answer": "B"}], "mine.json")
    assert not bad and dataset[0]["answer_type"] == "choice"


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"image": None}, "image", "missing"),
        ({"image": "nowhere.png"}, "image", "no file"),
        ({"question": " "}, "question", "empty"),
        ({"answer": None}, "answer", "missing"),
        ({"answer": 6}, "answer", "must be text"),
        ({"choices": ["4", "6"]}, "answer", "letter from A to B"),
        ({"choices": ["4", "6"], "answer": "C"}, "answer", "letter from A to B"),
        ({"choices": ["4", 6], "answer": "A"}, "choices", "list of texts"),
        ({"choices": ["4", "6"], "answer": "A", "answer_type": "math"}, "answer_type", "there are choices"),
        ({"answer_type": "number"}, "answer_type", "must be one of"),
        ({"answer_type": "yes_no"}, "answer", "`yes` or `no`"),
        ({"category": "GEO"}, "category", "list of texts"),
        ({"categroy": ["GEO"]}, "categroy", "did you mean `category`"),
        ({"id": "2"}, "id", "an earlier record's"),
    ],
)
def test_a_bad_record_is_left_out_and_named(good, change, field, words):
    dataset, bad = questions_dataset([good | {"id": "2"}, good | {"id": "3"} | change], "mine.json")
    assert dataset["id"][:] == ["2"]
    assert [(record.index, record.field) for record in bad] == [(1, field)] and words in bad[0].problem
