import json

import pyarrow
import pyarrow.parquet
import pytest

from evaluation.benchmarks import we_math

ANSWER = {"answer": "A", "option": "A. 12;B. 14; C. Line B. D; D. No correct answer"}


@pytest.mark.parametrize(
    ("response", "letter"),
    [
        ("<Thought process>: <<so>> <Answer>: <<A>>", "A"),
        ("<Answer>: B\nno, <Answer>: <<A. 12>>", "A"),
        ("Answer :. A", "A"),
        ("A triangle has three sides", "A"),
        ("Based on the figure, 12", "B"),
        ("<Answer>: (A)", None),
        ("**Answer:** A", None),
        ("<Answer>: a", None),
        ("<Answer>: I", None),
        ("<Answer>:", None),
        ("", None),
    ],
)
def test_official_takes_the_first_sign_after_the_last_answer(response, letter):
    assert we_math.official(ANSWER, response) == (letter, letter == "A")


def test_official_scores_a_recorded_extraction_in_place_of_the_response():
    assert we_math.official(ANSWER, "Answer: A", extraction="B") == ("B", False)
    assert we_math.official(ANSWER, "", extraction="A") == ("A", True)


def test_fair_reads_what_official_misses():
    for response in ("**Answer:** A", "<Answer>: (A)", "Therefore, the correct answer is 12."):
        assert we_math.fair(ANSWER, response) == ("A", True), response


@pytest.mark.parametrize(
    ("option", "texts"),
    [
        ("A. 2.5;B. 2;  C. 6 ; D. No correct answer", ["2.5", "2", "6", "No correct answer"]),
        (ANSWER["option"], ["12", "14", "Line B. D", "No correct answer"]),
        ("left or right", [""] * 5),
        (None, [""] * 5),
    ],
)
def test_options_are_split_at_letters_in_their_turn(option, texts):
    assert we_math.options({"option": option}) == texts


def group(name, right):
    """Rows of a composed problem, of which `right` says step by step, and last for the whole, whether it is solved."""
    keys = we_math.PARTS[name.partition("_")[0]]
    return [
        {"ID": name, "key": key, "answer": "A", "response": "Answer: A" if good else "Answer: B"}
        for key, good in zip(keys, right, strict=True)
    ]


def test_each_outcome_of_a_group_counts_where_the_official_script_counts_it():
    rows = (
        group("2steps_1", [True, True, True])
        + group("2steps_2", [True, False, True])
        + group("2steps_3", [False, False, True])
        + group("3steps_1", [True, True, True, False])
        + group("3steps_2", [True, True, False, False])
    )
    scores = we_math.official_scores(rows)
    assert scores["counts"] == {
        "InadequateGeneralization": 1,
        "InsufficientKnowledge": 1,
        "CompleteMastery_loose": 2,
        "CompleteMastery_strict": 1,
        "RoteMemorization_loose": 1,
        "RoteMemorization_strict": 2,
    }
    assert scores["rates"]["RoteMemorization_strict_rate"] == pytest.approx(2 / 3)
    assert scores["rates"]["CompleteMastery_loose_rate"] == pytest.approx(2 / 5)
    assert scores["scores"] == pytest.approx({"strict": (5 - 0.5 - 2 - 1) / 5, "loose": (5 - 0.5 - 1 - 1) / 5})
    assert scores["accuracy"] == pytest.approx({"S1": 8 / 12, "S2": 1.0, "S3": 0.0})


def test_no_response_is_wrong_and_the_order_of_rows_does_not_matter():
    rows = group("2steps_1", [True, False, True]) + group("2steps_2", [True, True, True])
    empty = [
        {**row, "response": None} if row["key"] == "2steps_2" and row["ID"] == "2steps_1" else row for row in rows
    ]
    assert we_math.official_scores(empty[::-1]) == we_math.official_scores(rows)


def test_rote_memorization_without_a_solved_problem_has_no_rate():
    scores = we_math.official_scores(group("2steps_1", [True, True, False]))
    assert scores["rates"]["RoteMemorization_strict_rate"] is None
    assert scores["accuracy"]["S3"] is None
    assert we_math.printed(scores)["rates"]["RoteMemorization_strict_rate"] == "nan%"


def test_knowledge_is_a_mean_over_concepts():
    rows = group("2steps_1", [True, False, True]) + group("2steps_2", [True, True, True])
    for row, concept in zip(rows, ["circles", "rulers", "circles;rulers", "circles", "circles", "-"], strict=True):
        row["knowledge concept"] = concept
    nodes = [{"full node": f"Shapes_Length_{name}", "root2": "Length"} for name in ("circles", "rulers", "unused")]
    assert we_math.official_scores(rows, nodes)["accuracy"]["Length"] == pytest.approx((1 + 0) / 2)


def test_fair_scores_use_the_fair_rule():
    rows = [dict(row, response="**Answer:** A") for row in group("2steps_1", [True, True, True])]
    assert we_math.official_scores(rows)["counts"]["InsufficientKnowledge"] == 1
    assert we_math.fair_scores(rows)["counts"]["CompleteMastery_strict"] == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows[:-1], "no row of 2steps_1 2steps_multi"),
        (lambda rows: rows + rows[:1], "more than one row of 2steps_1 2steps_1"),
        (lambda rows: [{**rows[0], "key": "4steps_1"}, *rows[1:]], "4steps_1"),
        (lambda rows: [{**rows[0], "response": 3}, *rows[1:]], "no text as response"),
        (lambda rows: [{"ID": "2steps_1", "key": "2steps_1", "answer": "A"}, *rows[1:]], "no text as response"),
        (lambda rows: [], "no rows"),
    ],
)
def test_rows_that_cannot_be_scored_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        we_math.official_scores(change(group("2steps_1", [True, True, True])))


def test_records_of_a_group_differ_in_id_and_category():
    rows = group("3steps_9", [True] * 4)
    assert [we_math.record_id(row) for row in rows] == ["3steps_9-1", "3steps_9-2", "3steps_9-3", "3steps_9-multi"]
    assert [we_math.categories(row) for row in rows] == [["all", "S1"]] * 3 + [["all", "S3"]]


def test_prompt_holds_question_and_option():
    text = we_math.prompt({"question": "How long?", "option": "A. 1;B. 2"})
    assert "Question: How long?\nOption: A. 1;B. 2\n" in text
    assert text.endswith("<Thought process>: <<your thought process>> <Answer>: <<your option>>")


def test_the_data_sets_parquet_file_is_read_without_its_images(tmp_path):
    rows = group("2steps_1", [True] * 3)
    images = [{**row, "image_path": {"bytes": b"", "path": "1-1.png"}} for row in rows]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(images), tmp_path / "testmini.parquet")
    assert we_math.load(tmp_path / "testmini.parquet") == rows


@pytest.mark.parametrize("name", ["testmini.json", "testmini.jsonl"])
def test_load_reads_a_list_or_lines(tmp_path, name):
    rows = group("2steps_1", [True] * 3)
    text = json.dumps(rows) if name.endswith("json") else "\n".join(map(json.dumps, rows)) + "\n"
    (tmp_path / name).write_text(text)
    assert we_math.load(tmp_path / name) == rows


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", "{", "is not JSON"),
        ("a.json", "{}", "no entries"),
        ("a.json", "[]", "no entries"),
        ("a.jsonl", '{"ID": "1"}\n', "line 1 is no record"),
        ("a.jsonl", '{"ID": "1", "key": "2steps_1", "answer": "A"}\n{', "line 2 is not JSON"),
        ("a.jsonl", '{"ID": "1", "key": "x", "answer": "A"}', "the key 'x'"),
        ("a.jsonl", '{"ID": "1", "key": "2steps_1", "answer": "A"}\n' * 2, "1-1 more than once"),
    ],
)
def test_load_names_file_and_place_of_what_is_wrong(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=f"{name}.*{message}"):
        we_math.load(tmp_path / name)


def test_every_figure_of_the_official_scripts_is_reproduced(real_data):
    folder = real_data / "wemath"
    rows = json.loads((folder / "oracle_synthetic_responses_a.json").read_text())
    nodes = json.loads((folder / "knowledge_structure_nodes.json").read_text())
    expected = json.loads((folder / "oracle_expected.json").read_text())["a"]
    printed = we_math.printed(we_math.official_scores(rows, nodes), "a")
    assert printed == {name: expected[name] for name in ("counts", "rates", "four_dim", "accuracy")}
    verdicts = [we_math.official(row, row["response"]) for row in rows]
    assert sum(verdict.correct for verdict in verdicts) == expected["n_correct_items"]
    assert sum(verdict.extracted is None for verdict in verdicts) == expected["n_unextracted"]


def test_real_records_load_and_have_distinct_ids(real_data):
    records = we_math.load(real_data / "wemath" / "testmini_sample.json")
    records += we_math.load(real_data / "wemath" / "testmini_keys_1740.jsonl")
    assert len({we_math.record_id(record) for record in records}) == 1740
