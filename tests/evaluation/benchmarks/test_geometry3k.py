"""Geometry3K: the nearest choice is the official rule, the named or equal one the fair rule."""

import json
import time

import pyarrow
import pyarrow.parquet
import pytest

from evaluation.benchmarks.geometry3k import categories, fair, load, official, prompt, record_id

RECORD = {
    "id": 2999,
    "problem_text": "Find x.",
    "choices": ["8", "8 \\sqrt { 2 }", "8 \\sqrt { 3 }", "16"],
    "answer": "B",
    "precise_value": [8.0, 11.313708498984761, 13.856406460551018, 16.0],
    "problem_type_graph": ["Triangle", "Rhombus", "Square"],
    "problem_type_goal": ["Length", "Other"],
}
PLAIN = {"problem": "<image>Find x.", "answer": "8 \\sqrt { 2 }", "images": [{"bytes": b"left out"}]}


@pytest.mark.parametrize(
    ("response", "by_value", "by_name"),
    [
        ("Answer: B", True, True),
        ("So the correct option is (C).", False, False),
        ("In triangle ABC, AC = 8√2.", True, True),
        ("Thus $x = \\boxed{8\\sqrt{2}}$", True, True),
        ("Therefore x is 11.3.", True, True),
        ("Therefore x is 12.5.", True, False),
        ("Therefore x is 12.7.", False, False),
        ("A triangle with the vertices A, B, C.", False, False),
        ("", False, False),
        ("Hence x is infinite: \\boxed{\\infty}", False, False),
    ],
)
def test_the_nearest_value_is_official_and_an_equal_one_is_fair(response, by_value, by_name):
    assert official(RECORD, response).correct is by_value
    assert fair(RECORD, response).correct is by_name


def test_a_tie_with_the_right_choice_is_officially_right():
    record = {**RECORD, "choices": ["1", "2", "3", "4"], "precise_value": [1.0, 2.0, 3.0, 4.0]}
    assert official(record, "x = 2.5").correct and official({**record, "answer": "C"}, "x = 2.5").correct
    assert not official({**record, "answer": "D"}, "x = 2.5").correct


def test_a_choice_of_unknown_value_leaves_only_letters_officially():
    record = {**RECORD, "precise_value": [8.0, 11.313708498984761, None, 16.0]}
    assert not official(record, "x = 8√2").correct and fair(record, "x = 8√2").correct
    assert official(record, "Answer: B").correct


@pytest.mark.parametrize(
    ("extraction", "correct"), [("B", True), ("(B)", True), ("A", False), ("11", True), ("", False)]
)
def test_a_recorded_extraction_is_taken_for_the_text(extraction, correct):
    assert official(RECORD, "Answer: D", extraction).correct is correct


def test_records_without_choices_are_compared_by_value():
    for rule in (official, fair):
        assert rule(PLAIN, "x = 8√2").correct and not rule(PLAIN, "x = 8").correct
    assert official(PLAIN, "x = 8", extraction="\\sqrt{128}").correct


def test_categories_are_the_columns_of_the_paper():
    assert categories(RECORD) == ["all", "Length", "Triangle", "Quad"]
    assert categories({**RECORD, "problem_type_graph": ["Other"], "problem_type_goal": ["Other"]}) == ["all", "Other"]
    assert categories(PLAIN) == ["all"]


def test_prompts_show_the_choices():
    assert prompt(RECORD).startswith("Find x.\nChoices:\nA. 8\nB. 8 \\sqrt { 2 }\n")
    assert "Choices" not in prompt(PLAIN) and prompt(PLAIN).startswith("Find x.\n")


@pytest.mark.parametrize("response", ["9^{9^{9^9}}", "\\frac{1}{0}", "{" * 10_000, "1" * 10_000, "x = 10000!!!!"])
def test_hostile_responses_are_wrong_and_quick(response):
    start = time.perf_counter()
    assert not official(RECORD, response).correct and not fair(RECORD, response).correct
    assert time.perf_counter() - start < 1


def test_each_published_layout_is_read(tmp_path):
    for number in (2401, 999):
        (tmp_path / "test" / str(number)).mkdir(parents=True)
        (tmp_path / "test" / str(number) / "data.json").write_text(json.dumps({**RECORD, "id": number}))
    assert [record_id(record) for record in load(tmp_path / "test")] == ["999", "2401"]
    (tmp_path / "data.jsonl").write_text(f"{json.dumps(RECORD)}\n\n{json.dumps({**RECORD, 'id': 1})}\n")
    assert [record_id(record) for record in load(tmp_path / "data.jsonl")] == ["2999", "1"]
    (tmp_path / "data.json").write_text(json.dumps([{**PLAIN, "images": []}] * 2))
    assert [record_id(record) for record in load(tmp_path / "data.json")] == ["0", "1"]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([PLAIN, PLAIN]), tmp_path / "data.parquet")
    assert load(tmp_path / "data.parquet")[1] == {"id": 1, "problem": PLAIN["problem"], "answer": PLAIN["answer"]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([{**RECORD, "answer": ""}], "entry 0 has no `answer`"),
        ([{**RECORD, "answer": "E"}], "entry 0: `answer` is 'E'; with choices it should be a letter"),
        ([RECORD, {**RECORD, "choices": ["1"]}], "entry 1: `choices` is ['1']; it should be four texts"),
        (
            [{**RECORD, "precise_value": ["8"] * 4}],
            "`precise_value` is ['8', '8', '8', '8']; it should be four numbers",
        ),
        (["A"], "entry 0 is no object of fields"),
        ([], "has no entries"),
    ],
)
def test_bad_records_are_named(content, message, tmp_path):
    (tmp_path / "data.json").write_text(json.dumps(content))
    with pytest.raises(ValueError) as raised:
        load(tmp_path / "data.json")
    assert message in str(raised.value) and "data.json" in str(raised.value)


def test_bad_files_are_named(tmp_path):
    (tmp_path / "data.jsonl").write_text('{"answer": "8"}\n{"answer')
    (tmp_path / "data.parquet").write_text("no")
    for name, message in (
        ("data.jsonl", "data.jsonl, line 2 is not JSON"),
        ("data.parquet", "is not a parquet file"),
        ("none.json", "There is no file"),
        ("", "has no folders with a data.json in them"),
    ):
        with pytest.raises(ValueError, match=message):
            load(tmp_path / name)


def test_each_real_choice_is_understood_by_letter_and_by_value(real_data):
    records = load(real_data / "geometry3k" / "test")
    assert len(records) == 64
    for record in records:
        for letter, choice in zip("ABCD", record["choices"], strict=True):
            right = letter == record["answer"]
            for response in (f"So the answer is {choice}.", f"\\boxed{{{choice}}}", f"Answer: {letter}"):
                assert official(record, response).correct is right, (record["id"], response)
                assert fair(record, response).correct is right, (record["id"], response)
