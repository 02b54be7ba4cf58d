r"""MM-Math from small folders in the published layout, and the real sample."""

import datasets
import pytest
from published_layouts import lines, png, written, zipped

from dataset_builders.instructions import INSTRUCTIONS
from dataset_builders.questions import QUESTIONS
from dataset_builders.sources.mm_math import REQUEST, boxed_contents, mm_math_instruction, mm_math_questions


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def record(name="51234567.png", **changes):
    return {
        "question": "What is the length of AB?",
        "file_name": name,
        "solution": r"By Pythagoras, $AB=\boxed{\frac{5}{2}}$.",
        "year": "eight",
        "difficult": "easy",
        "knowledge": {"level_1": "Properties of Shapes", "level_2": "Triangle"},
    } | changes


def hub_layout(folder, records, zip_images=True, names=("51234567.png", "51234568.png")):
    written(folder / "MM_Math/MM_Math.jsonl", lines(records))
    if zip_images:
        zipped(folder / "MM_Math/MM_Math.zip", {f"MM_Math/{name}": png() for name in names})
    else:
        for name in names:
            written(folder / "MM_Math/MM_Math" / name, png())
    return folder


@pytest.mark.parametrize("zip_images", [True, False])
def test_the_text_is_read_from_the_jsonl_beside_the_images(tmp_path, zip_images):
    folder = hub_layout(tmp_path / "hub", [record(), record("51234568.png", difficult="hard")], zip_images)
    for path in (folder, folder / "MM_Math", folder / "MM_Math/MM_Math.jsonl"):
        dataset, bad = mm_math_questions(path)
        assert not bad and dataset.features == QUESTIONS and len(dataset) == 2
    row = dataset[0]
    assert row.pop("image").size == (8, 6)
    assert row == {
        "id": "51234567",
        "question": "What is the length of AB?",
        "choices": [],
        "answer": r"\frac{5}{2}",
        "answer_type": "math",
        "category": ["easy", "eight", "Properties of Shapes"],
        "benchmark": "mm_math",
        "source": "MM-Math (MIT)",
    }


def test_as_instructions_the_question_asks_for_a_box_and_the_solution_has_it(tmp_path):
    dataset, bad = mm_math_instruction(hub_layout(tmp_path / "hub", [record()]))
    assert not bad and dataset.features == INSTRUCTIONS
    question, solution = dataset[0]["messages"]
    assert question["content"] == f"What is the length of AB?\n{REQUEST}"
    assert solution["content"] == r"By Pythagoras, $AB=\boxed{\frac{5}{2}}$."


def test_all_boxes_are_the_answer_and_none_is_a_bad_record(tmp_path):
    two = record(solution=r"$\boxed{3}$ or $\boxed{x^{2}}$")
    none = record("51234568.png", solution="AB is 5.")
    unclosed = record("51234568.png", solution=r"\boxed{5")
    dataset, bad = mm_math_questions(hub_layout(tmp_path / "hub", [two, none, unclosed]))
    assert dataset["answer"][:] == ["3, x^{2}"]
    assert [(b.index, b.field) for b in bad] == [(1, "solution"), (2, "solution")]


def test_the_old_chinese_labels_are_the_english_ones(tmp_path):
    old = record(difficult="困难", year="七年级上学期")
    dataset, _ = mm_math_questions(hub_layout(tmp_path / "hub", [old]))
    assert dataset[0]["category"] == ["hard", "seven", "Properties of Shapes"]


def test_a_second_question_on_a_picture_has_an_id_of_its_own(tmp_path):
    records = [record(), record(question="And of BC?"), record("51234568.png")]
    folder = hub_layout(tmp_path / "hub", records)
    assert mm_math_questions(folder)[0]["id"][:] == ["51234567", "51234567-2", "51234568"]
    assert mm_math_questions(folder, without=["51234567"])[0]["id"][:] == ["51234568"]
    assert mm_math_instruction(folder, without=["51234568"])[0]["id"][:] == ["51234567", "51234567-2"]


def test_missing_images_and_fields_are_named(tmp_path):
    records = [record(), record("50000000.png"), record("51234568.png", question=" ")]
    dataset, bad = mm_math_questions(hub_layout(tmp_path / "hub", records))
    assert len(dataset) == 1
    assert [(b.index, b.field) for b in bad] == [(1, "file_name"), (2, "question")]
    assert "no image 50000000.png" in bad[0].problem


def test_without_zip_and_in_the_wrong_folder_it_is_one_sentence(tmp_path):
    file = written(tmp_path / "bare/MM_Math.jsonl", lines([record()]))
    with pytest.raises(FileNotFoundError, match="has no images, nor MM_Math.zip"):
        mm_math_questions(file.parent)
    with pytest.raises(FileNotFoundError, match="has no MM_Math/MM_Math.jsonl nor MM_Math.jsonl, which has the prob"):
        mm_math_questions(tmp_path)
    written(file, lines([{"image": "1.png"}]))
    written(tmp_path / "bare/1.png", png())
    with pytest.raises(ValueError, match="is not MM_Math.jsonl: its records have no `question`; they have image"):
        mm_math_questions(file)


def test_boxes_are_matched_by_their_braces():
    assert boxed_contents(r"\boxed{\frac{1}{2}}, \boxed{3}") == [r"\frac{1}{2}", "3"]
    assert boxed_contents(r"\boxed{\{1, 2\}}") == [r"\{1, 2\}"]
    assert boxed_contents(r"\boxed{3 and \boxed{4}") == ["4"]
    assert boxed_contents("nothing") == []


def test_the_real_record_is_read(real_data):
    dataset, bad = mm_math_questions(real_data / "mm_math" / "MM_Math_sample.jsonl")
    assert not bad and dataset[0]["answer"] == "3"
    assert dataset[0]["category"] == ["medium", "eight", "Transformations of Shapes"]
    dataset[0]["image"].load()
