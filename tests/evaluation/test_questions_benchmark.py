"""The benchmark `questions`: both rules on each type of answer, and data sets as this project saves them."""

import json

import pytest
from datasets import DatasetDict
from tiny_models import noise_image

from dataset_builders.questions import ANSWER_TYPES, questions_dataset
from evaluation.benchmarks import questions


def record(kind: str, answer: str, **fields) -> dict:
    return {"id": "1", "question": "Which?", "choices": [], "answer": answer, "answer_type": kind, **fields}


CHOICES = {"choices": ["8", "16", "24"]}
RIGHT = True, True
FAIR = False, True
WRONG = False, False


@pytest.mark.parametrize(
    ("asked", "response", "verdicts"),
    [
        (record("choice", "B", **CHOICES), "B", RIGHT),
        (record("choice", "B", **CHOICES), " (B). ", RIGHT),
        (record("choice", "B", **CHOICES), "So x = 16, and the answer is B.", FAIR),
        (record("choice", "B", **CHOICES), "16", FAIR),
        (record("choice", "B", **CHOICES), "C", WRONG),
        (record("math", "2√3"), "2√3", RIGHT),
        (record("math", "2√3"), "Hence \\boxed{\\sqrt{12}}", FAIR),
        (record("math", "60"), "61", WRONG),
        (record("integer", "6"), "AB is 6.", FAIR),
        (record("yes_no", "yes"), "Yes.", RIGHT),
        (record("yes_no", "no"), "No, AB is not parallel to CD.", FAIR),
        (record("yes_no", "yes"), "They never meet, so the answer is yes.", FAIR),
        (record("yes_no", "yes"), "no", WRONG),
        (record("yes_no", "yes"), "AB is 5.", WRONG),
        (record("name", "M"), "M", RIGHT),
        (record("name", "M"), "m", WRONG),
        (record("name", "M"), "The midpoint of AB is M.", FAIR),
        (record("name", "AB"), "BA", FAIR),
        (record("name", "AB"), "The segment that is 5 long is AB.", FAIR),
        (record("name", "AB"), "AC", WRONG),
        (record("name", "isosceles"), "Isosceles", RIGHT),
        (record("name", "isosceles"), "It is an isosceles triangle.", FAIR),
        (record("name", "right"), "It is a scalene triangle.", WRONG),
        (record("math", "60"), "", WRONG),
        (record("name", "M"), "", WRONG),
        (record("choice", "B", **CHOICES), "", WRONG),
    ],
)
def test_the_official_rule_wants_the_answer_alone_and_the_fair_one_reads_it(asked, response, verdicts):
    assert (questions.official(asked, response).correct, questions.fair(asked, response).correct) == verdicts


def test_every_answer_type_of_the_schema_is_judged():
    answers = {"choice": "A", "yes_no": "yes", "name": "AB", "list": "1, 2"}
    for kind in ANSWER_TYPES:
        asked = record(kind, answers.get(kind, "5"), choices=["1", "2"] if kind == "choice" else [])
        assert questions.official(asked, asked["answer"]).correct and questions.fair(asked, asked["answer"]).correct
        assert not questions.official(asked, "§").correct and not questions.fair(asked, "§").correct


def test_choices_are_asked_under_letters_and_a_free_question_is_asked_as_it_is():
    assert questions.prompt(record("math", "5")) == "Which?"
    lines = questions.prompt(record("choice", "B", **CHOICES)).splitlines()
    assert lines[:4] == ["Which?", "A. 8", "B. 16", "C. 24"] and "letter" in lines[4]


@pytest.mark.parametrize("kind", ["folder", "parquet", "json"])
def test_data_sets_of_this_project_are_read(tmp_path, kind):
    rows = [
        {"id": f"t{n}", "image": noise_image(n), "question": f"Question {n}?", "answer": "5", "benchmark": "generated",
         "category": ["angle", "circle"][: n + 1]} for n in range(2)
    ]  # fmt: skip
    data, bad = questions_dataset(rows, "a test")
    assert not bad
    path = tmp_path / {"folder": "data", "parquet": "data.parquet", "json": "data.json"}[kind]
    if kind == "folder":
        data.save_to_disk(str(path))
    elif kind == "parquet":
        data.to_parquet(str(path))
    else:
        path.write_text(json.dumps([{**row, "image": "1.png"} for row in data.remove_columns("image")]))
    records = questions.load(path)
    assert [questions.record_id(each) for each in records] == ["t0", "t1"]
    assert [questions.categories(each) for each in records] == [["all", "angle"], ["all", "angle", "circle"]]
    assert records[0]["answer_type"] == "math" and records[0]["choices"] == []


def test_what_is_no_data_set_is_a_sentence(tmp_path):
    with pytest.raises(ValueError, match="is no folder that Dataset.save_to_disk wrote"):
        questions.load(tmp_path)
    row = {"image": noise_image(0), "question": "Which?", "answer": "5", "benchmark": "generated"}
    data, _ = questions_dataset([row], "a test")
    DatasetDict({"test": data, "train": data}).save_to_disk(str(tmp_path / "splits"))
    with pytest.raises(ValueError, match="holds several data sets; name one of them: .*splits/test, .*splits/train"):
        questions.load(tmp_path / "splits")
    for rows, sentence in (
        ([{"question": "a"}], "has no text in `answer`"),
        ([{"id": "1", "question": "a", "answer": "b"}] * 2, "the id '1' occurs twice"),
    ):
        (tmp_path / "bad.json").write_text(json.dumps(rows))
        with pytest.raises(ValueError, match=sentence):
            questions.load(tmp_path / "bad.json")
