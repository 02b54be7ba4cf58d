"""GeoQA's 754 questions from small folders in the published layouts, and the real ones."""

import json

import datasets
import pytest
from published_layouts import lines, png, written, zipped

from dataset_builders.questions import QUESTIONS
from dataset_builders.sources.geoqa import geoqa_free_form_questions, geoqa_questions, question_and_choices

TEXT = (
    "\nFirst perform reasoning, then finally select the answer from the choices in the following format: Answer: xxx."
    "\nQuestion:AB parallel CD, if angle 1 = 50.0, then angle 2 is ()\nChoices:\nA:40°\nB:50°\nC:130°\nD:140°"
)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def gllava(folder, count=3, answers="BCB", **changes):
    records = [{"question_id": i, "image": f"test/{i}.png", "text": TEXT} for i in range(count)]
    records[-1] |= changes
    written(folder / "test_questions.jsonl", lines(records))
    rows = [{"question_id": i, "text": letter} for i, letter in enumerate(answers)]
    written(folder / "test_answers.jsonl", lines(reversed(rows)))
    for i in range(count):
        written(folder / f"images/test/{i}.png", png(8 + i))
    return folder


def test_answers_are_joined_by_id_and_choices_split_off(tmp_path):
    dataset, bad = geoqa_questions(gllava(tmp_path))
    assert not bad and dataset.features == QUESTIONS and dataset["id"][:] == ["0", "1", "2"]
    row = dataset[1]
    assert row.pop("image").width == 9
    assert row == {
        "id": "1",
        "question": "AB parallel CD, if angle 1 = 50.0, then angle 2 is",
        "choices": ["40°", "50°", "130°", "140°"],
        "answer": "C",
        "answer_type": "choice",
        "category": [],
        "benchmark": "geoqa",
        "source": "GeoQA, G-LLaVA's test questions (no licence stated)",
    }


def test_images_may_be_elsewhere_in_a_zip_among_others_of_the_same_name(tmp_path):
    questions = gllava(tmp_path / "questions", count=1)
    zipped(tmp_path / "Geo170K/images.zip", {"images/test/0.png": png(20), "images/geoqa_plus/0.png": png(21)})
    dataset, bad = geoqa_questions(questions, images=tmp_path / "Geo170K")
    assert not bad and dataset[0]["image"].width == 20


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"text": "Question: no choices"}, "text"),
        ({"text": TEXT.replace("\nB:50°", "")}, "text"),
        ({"image": "test/9.png"}, "image"),
        ({"question_id": 7}, "question_id"),
        ({"question_id": 0}, "id"),
    ],
)
def test_a_bad_question_is_named(tmp_path, changes, field):
    dataset, bad = geoqa_questions(gllava(tmp_path, **changes))
    assert len(dataset) == 2 and [(b.index, b.field) for b in bad] == [(2, field)]


def test_an_answer_that_is_no_choice_is_named(tmp_path):
    _, bad = geoqa_questions(gllava(tmp_path, answers="BCE"))
    assert [b.field for b in bad] == ["answer"] and "'E'" in bad[0].problem


def test_a_missing_file_is_one_sentence(tmp_path):
    folder = gllava(tmp_path)
    (folder / "test_answers.jsonl").unlink()
    with pytest.raises(FileNotFoundError, match="has no test_answers.jsonl beside it"):
        geoqa_questions(folder)
    with pytest.raises(FileNotFoundError, match="has no test_questions.jsonl, which has the questions"):
        geoqa_questions(folder / "images")
    with pytest.raises(FileNotFoundError, match="has no geoqa_test_prompts.jsonl"):
        geoqa_free_form_questions(folder)


def test_r1vs_free_form_keeps_the_answer_as_written_and_finds_the_image(tmp_path):
    folder = gllava(tmp_path)
    record = {"image_path": "./Geo170K/images/test/2.png", "question": "AB is ()", "ground_truth": "2√{3}"}
    written(folder / "geoqa_test_prompts.jsonl", lines([record]))
    dataset, bad = geoqa_free_form_questions(folder)
    assert not bad and dataset["id"][:] == ["2"] and dataset[0]["image"].width == 10
    assert (dataset[0]["question"], dataset[0]["answer"], dataset[0]["answer_type"]) == ("AB is", "2√{3}", "math")


def test_the_real_questions_are_read_and_agree_with_the_free_form_ones(real_data):
    folder = real_data / "geoqa_gllava"
    dataset, bad = geoqa_questions(folder)
    assert len(dataset) + len(bad) == 754
    assert len(dataset) == len(list((folder / "images/test").iterdir()))
    assert {b.field for b in bad} <= {"image"}, "no fault but an image that is not in the sample"
    free, _ = geoqa_free_form_questions(real_data / "geoqa_r1v", images=folder)
    assert free["id"][:] == dataset["id"][:]
    for row, other in zip(dataset.remove_columns("image"), free.remove_columns("image"), strict=True):
        assert row["question"] == other["question"]
        assert row["choices"][ord(row["answer"]) - ord("A")] == other["answer"]


def test_every_real_question_has_four_choices(real_data):
    records = (real_data / "geoqa_gllava/test_questions.jsonl").read_text().splitlines()
    assert {len(question_and_choices(json.loads(record)["text"])[1]) for record in records} == {4}
