"""MathVista: the official comparison number for number and text for text, and the reading of ours."""

import json

import pytest

from evaluation.benchmarks.mathvista import (
    categories,
    fair,
    load,
    official,
    official_extraction,
    prompt,
    record_id,
    scores,
)
from evaluation.verdict import Verdict

MODELS = ["llavar", "gpt4_2shot_solution"]


def record(answer: str, answer_type: str = "text", **fields) -> dict:
    choices = ["35°", "70°", "110°", "145°"] if answer_type == "text" else None
    return {
        "pid": "2001",
        "question": "Find angle 2.",
        "choices": choices,
        "unit": None,
        "precision": None,
        "answer": answer,
        "question_type": "multi_choice" if choices else "free_form",
        "answer_type": answer_type,
        "metadata": {"task": "geometry problem solving", "skills": ["geometry reasoning", "algebraic reasoning"]},
    } | fields


CHOICE = record("110°")


@pytest.mark.parametrize(
    ("extraction", "prediction"),
    [
        ("C", "110°"),
        (" C ", "110°"),
        ("(c) 110", "110°"),
        ("(B) or (C)", "70°"),  # the first letter in brackets
        ("110 degrees", "110°"),
        ("145", "145°"),
        ("c", "35°"),  # a small letter is no letter: all options are as far, the first is taken
        ("", "35°"),  # so is nothing
        ("E", "35°"),
        ("(H)", "35°"),
        ("The answer is not given.", "35°"),
        (110, "110°"),  # not every recorded extraction is text
        (["C"], "35°"),
    ],
)
def test_an_extraction_stands_for_its_option_or_the_nearest(extraction, prediction):
    assert official(CHOICE, "unused", extraction) == (prediction, prediction == "110°")


def test_of_options_as_near_the_first_is_taken():
    assert official(record("cat", choices=["cut", "cat"]), "", "cot").extracted == "cut"
    assert official(record("cat", choices=["cat", "cut"]), "", "cot").extracted == "cat"


@pytest.mark.parametrize(
    ("answer_type", "precision", "extraction", "prediction"),
    [
        ("integer", None, "5", "5"),
        ("integer", None, "5.0", "5"),
        ("integer", None, "3.9", "3"),  # cut, not rounded
        ("integer", None, "-3.9", "-3"),
        ("integer", None, 5.7, "5"),
        ("integer", None, "5 cm", None),
        ("integer", None, "1,000", None),
        ("integer", None, "", None),
        ("integer", None, "inf", None),
        ("integer", None, "nan", None),
        ("integer", None, [5], None),
        ("float", 1, "1.25", "1.2"),
        ("float", 1, "1", "1.0"),
        ("float", 2.0, "1.234", "1.23"),  # the Hub's column holds floats
        ("float", 1, "nan", "nan"),
        ("float", 1, "about 1.2", None),
        ("float", None, "1.2", None),
        ("list", None, "[1, 2]", "[1, 2]"),
        ("list", None, [1, 2], "[1, 2]"),
        ("list", None, "[1,2]", "[1,2]"),
    ],
)
def test_numbers_are_normalised_by_type(answer_type, precision, extraction, prediction):
    question = record("1.2", answer_type, precision=precision)
    assert official(question, "unused", extraction) == (prediction, prediction == "1.2")
    if prediction is not None:
        assert official({**question, "answer": prediction}, "unused", extraction).correct


@pytest.mark.parametrize(
    ("question", "response", "extraction"),
    [
        (CHOICE, "", ""),
        (CHOICE, "110°", "110°"),
        (CHOICE, "C", None),
        (CHOICE, 'So 2x = 220. The answer is "(C) 110°".', "(C) 110°"),
        (CHOICE, 'The answer is "C"', None),
        (CHOICE, "The answer is C.", None),
        (record("7", "integer"), " 7\n", "7"),
        (record("7", "integer"), "7.0", None),
        (record("7.5", "float", precision=1), "7.50", "7.5"),
        (record("7.5", "float", precision=1), "7.5 cm", None),
        (record("[1, 2]", "list"), "[1, 2]", None),
    ],
)
def test_without_an_extraction_only_what_needs_no_language_model_is_read(question, response, extraction):
    assert official_extraction(question, response) == extraction
    expected = Verdict(None, False) if extraction is None else official(question, "unused", extraction)
    assert official(question, response) == expected


def test_an_empty_response_still_gets_the_nearest_option():
    assert official(record("35°"), "") == ("35°", True)


@pytest.mark.parametrize(
    ("question", "response", "verdict"),
    [
        (CHOICE, "Triangle ABC is isosceles with apex A, so angle 2 = 110°. The answer is C.", ("110°", True)),
        (CHOICE, "Therefore, angle 2 is 70 degrees.", ("70°", False)),
        (CHOICE, "I cannot see the figure.", (None, False)),
        (CHOICE, "", (None, False)),
        (record("3", "integer"), "There are 3.9 of them. Answer: 3.9", ("3.9", False)),
        (record("3", "integer"), "The answer is 3.", ("3", True)),
        (record("1500", "integer", unit="$"), "The answer is $1,500.", ("1,500", True)),
        (record("20", "integer", unit="%"), "Answer: 20%", ("20%", True)),
        (record("1.3", "float", precision=1), "x = 1.28, so the answer is 1.28", ("1.28", True)),
        (record("1.2", "float", precision=1), "The answer is 1.28", ("1.28", False)),
        (record("0.5", "float", precision=1), r"The answer is $\frac{1}{2}$", (r"\frac{1}{2}", True)),
        (record("100", "integer"), "The answer is 1e2x", ("1e2x", False)),
        (record("[2014, 2016]", "list"), "The years are [2014,2016].", ("[2014,2016]", True)),
        (record("[2014, 2016]", "list"), "[2014, 2015], no: [2016, 2014]", ("[2016, 2014]", False)),
        (record("[2014, 2016]", "list"), "[2014]", ("[2014]", False)),
        (record("[2014, 2016]", "list"), "[]", ("[]", False)),
    ],
)
def test_the_fair_rule_reads_what_the_response_settles_on(question, response, verdict):
    assert fair(question, response) == verdict


@pytest.mark.parametrize(
    "response", ["[" * 10_000, "9" * 10_000, "answer " * 2000, r"\boxed{9^{9^{9^9}}}", r"\frac{1}{0}"]
)
@pytest.mark.parametrize("question", [CHOICE, record("3", "integer"), record("[1, 2]", "list")])
def test_hostile_responses_are_wrong(question, response):
    assert not fair(question, response).correct and not official(question, response).correct
    official(question, "", response)


def test_rows_of_the_table_follow_the_labels_of_the_record():
    assert categories(CHOICE) == ["all", "GEO", "ALG", "GPS"]
    assert categories({**CHOICE, "metadata": {"task": "math word problem", "skills": ["algebraic reasoning"]}}) == [
        "all",
        "ALG",
    ]
    assert categories({"pid": "1"}) == ["all"]


def test_prompts_have_the_official_wording():
    assert prompt(CHOICE) == (
        "Hint: Please answer the question and provide the correct option letter, e.g., A, B, C, D, at the end.\n"
        "Question: Find angle 2.\nChoices:\n(A) 35°\n(B) 70°\n(C) 110°\n(D) 145°"
    )
    text = prompt(record("5", "integer", unit="cm"))
    assert text.endswith("\nQuestion: Find angle 2. (Unit: cm)") and "an integer answer" in text
    assert "two decimal places" in prompt(record("5.00", "float", precision=2.0))
    assert prompt({**CHOICE, "query": "As published."}) == "As published."


def test_scores_have_the_layout_of_the_official_file():
    other = record("7", "integer", metadata={"task": "math word problem", "skills": ["arithmetic reasoning"]})
    found = scores([CHOICE, CHOICE, other], [Verdict("110°", True), Verdict(None, False), Verdict("7", True)])
    assert found["average"] == {"accuracy": pytest.approx(2 / 3), "correct": 2, "total": 3}
    assert list(found["task"]) == ["math word problem", "geometry problem solving"]  # best first
    assert found["skills"]["geometry reasoning"] == {"accuracy": 0.5, "correct": 1, "total": 2}
    assert found["answer_type"]["integer"]["correct"] == found["question_type"]["free_form"]["total"] == 1
    assert found["grade"] == {}
    with pytest.raises(ValueError, match="1 records and 0 verdicts"):
        scores([CHOICE], [])


def test_records_are_read_from_either_layout(tmp_path):
    path = tmp_path / "testmini.json"
    without_pid = {name: value for name, value in CHOICE.items() if name != "pid"}
    path.write_text(json.dumps({"2001": CHOICE, "2002": without_pid}))
    assert [record_id(row) for row in load(path)] == ["2001", "2002"]
    path.write_text(json.dumps([CHOICE]))
    assert load(path) == [CHOICE]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "has no entries"),
        ("3", "holds a int"),
        ("[3]", "entry 0 is no object of fields"),
        ({"7": CHOICE}, "key '7' says that its `pid` is '2001'"),
        ([CHOICE, CHOICE], "question 2001 occurs twice"),
        ([{**CHOICE, "answer": None}], "has no text in `answer`"),
        ([{**CHOICE, "choices": []}], "no list of texts in `choices`"),
        ([{**CHOICE, "answer_type": "integer"}], "'multi_choice' with `answer_type` 'integer'"),
        ([record("1.2", "float")], "no number in `precision`"),
    ],
)
def test_bad_files_are_named_with_the_place(tmp_path, content, message):
    path = tmp_path / "testmini.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(ValueError, match=message) as caught:
        load(path)
    assert str(path) in str(caught.value)


@pytest.fixture
def labelled(real_data) -> dict[str, dict]:
    """The scoring fields of all 1,000 records."""
    return json.loads((real_data / "mathvista" / "testmini_scoring_fields_1000.json").read_text(encoding="utf-8"))


def recorded(real_data, name: str) -> dict:
    return json.loads((real_data / "mathvista" / "outputs" / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("model", MODELS)
def test_recorded_predictions_and_verdicts_are_reproduced(real_data, labelled, model):
    outputs = recorded(real_data, f"{model}.json")
    assert len(outputs) == 1000
    for pid, output in outputs.items():
        said = official(labelled[pid], output.get("response", ""), output["extraction"])
        assert said == (output["prediction"], output["true_false"]), pid


@pytest.mark.parametrize("model", MODELS)
def test_official_score_files_are_reproduced(real_data, labelled, model):
    outputs, wanted = recorded(real_data, f"{model}.json"), recorded(real_data, f"{model}.scores.json")
    found = scores(
        list(labelled.values()), [official(labelled[pid], "", outputs[pid]["extraction"]) for pid in labelled]
    )
    assert set(found) == set(wanted)
    # This label of the same 381 questions was renamed after the files were written.
    wanted["grade"]["not applicable"] = wanted["grade"].pop("daily life")
    for group in wanted:
        rows = [(found[group], wanted[group])]
        if group != "average":
            assert set(found[group]) == set(wanted[group])
            rows = [(found[group][value], wanted[group][value]) for value in wanted[group]]
        for ours, theirs in rows:
            assert (ours["correct"], ours["total"]) == (theirs["correct"], theirs["total"])
            assert 100 * ours["accuracy"] == pytest.approx(float(theirs["accuracy"]), abs=0.00501)


@pytest.mark.parametrize("model", MODELS)
def test_official_counts_of_geometry_are_reproduced(real_data, labelled, model):
    wanted = json.loads((real_data / "mathvista" / "expected_current_skills.json").read_text())[model]
    outputs = recorded(real_data, f"{model}.json")
    for name, row in {"all": "ALL", "GEO": "GEO(skill)", "ALG": "ALG(skill)", "GPS": "GPS(task)"}.items():
        pids = [pid for pid in labelled if name in categories(labelled[pid])]
        right = sum(official(labelled[pid], "", outputs[pid]["extraction"]).correct for pid in pids)
        assert [right, len(pids)] == wanted[row][:2]


def test_published_queries_are_what_prompts_say(real_data):
    records = load(real_data / "mathvista" / "testmini_geo_alg_float_list.json")
    assert len(records) == 335
    for row in records:
        assert prompt({**row, "query": None}) == row["query"].strip(), row["pid"]


def test_the_fair_reading_agrees_with_recorded_extractions(real_data):
    """On geometry with choices, where GPT extracted something."""
    records = [row for row in load(real_data / "mathvista" / "testmini_geo_alg_float_list.json") if row["choices"]]
    for model in MODELS:
        outputs = recorded(real_data, f"{model}.json")
        rows = [row for row in records if outputs[row["pid"]].get("response") and outputs[row["pid"]]["extraction"]]
        letters = [row for row in rows if outputs[row["pid"]]["extraction"].strip("() .") in ["A", "B", "C", "D"]]
        assert len(letters) > 100
        same = [
            fair(row, outputs[row["pid"]]["response"]).extracted == outputs[row["pid"]]["prediction"]
            for row in letters
        ]
        assert sum(same) >= 0.85 * len(same)
