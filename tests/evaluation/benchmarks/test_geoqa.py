"""GeoQA: G-LLaVA's letters, R1-V's math-verify, and our reading of the same responses."""

import json
import threading

import pytest

from evaluation.benchmarks.geoqa import (
    categories,
    choices,
    fair,
    load,
    official,
    official_free_form,
    prompt,
    record_id,
)

TEXT = (
    "\nFirst perform reasoning, then finally select the answer from the choices in the following format: Answer: xxx."
    "\nQuestion:As shown in the figure, AB parallel  CD, angle 1 = 50.0, then angle 2 is ()\n"
    "Choices:\nA:40°\nB:50°\nC:130°\nD:140°"
)
CHOICE = {"question_id": 2001, "image": "test/2001.png", "text": TEXT, "answer": "B"}
FREE = {"image_path": "./Geo170K/images/test/2001.png", "question": "Find angle 2.", "ground_truth": "50°"}


@pytest.mark.parametrize(
    ("response", "letter"),
    [
        ("so angle 2 is 50.\nAnswer:B", "B"),
        ("Answer:B ... Answer:C", "B"),  # the first
        ("the correct answer is option A. Answer:D", "D"),  # the wording counts more than the place
        ("option A is selected, as the correct answer is option C", "C"),
        ("the answer is option B, so option C is selected", "C"),
        ("the answer is (A), that is, the answer is option D", "D"),
        ("Therefore, the answer is (D) 140°.", "D"),
        ("Angle 1 is B. Hence angle 2 is C. ", "C"),
        ("Hence angle 2 is C", None),  # no full stop
        ("Hence the answer is B. I am done. ", None),  # not the last sentence
        ("Hence the base is CD.", "C"),  # a vertex
        ("Hence it is B or 50.0", "B"),  # a decimal point for a full stop
        ("Hence it is 50.0 degrees and B.", None),
        ("Answer: B", None),  # a blank
        ("The correct answer is option E.", None),
        ("answer:B", None),
        ("", None),
    ],
)
def test_the_first_official_wording_gives_the_letter(response, letter):
    assert official(CHOICE, response) == (letter, letter == "B")


def test_a_recorded_letter_is_compared_as_it_is():
    assert official(CHOICE, "Answer:A", "B") == ("B", True)
    assert official(CHOICE, "Answer:B", "b") == ("b", False)


def test_choices_are_read_below_their_heading():
    assert choices(CHOICE) == ["40°", "50°", "130°", "140°"]
    assert choices({"text": "Choices: none?\nChoices:\nA: 1\n(B) 2\nC. \n"}) == ["1", "2", ""]
    assert choices({"text": "Find x."}) == choices(FREE) == []


@pytest.mark.parametrize(
    ("response", "letter"),
    [
        ("Answer: B", "B"),
        ("Since AB is parallel to CD, angle 2 is 50 degrees.", "B"),
        ("Hence, angle 2 is equal to angle C.\nAnswer:C", "C"),
        ("I cannot tell.", None),
    ],
)
def test_the_fair_rule_reads_what_the_response_settles_on(response, letter):
    assert fair(CHOICE, response) == (letter, letter == "B")


@pytest.mark.parametrize(
    ("truth", "response", "correct"),
    [
        ("50°", "<think>It is 50</think>\n<answer>51</answer>", True),  # a number after ">" is not seen
        ("50°", "<think>It is 51</think>\n<answer> 50</answer>", True),
        ("50°", r"It is $\frac{100}{2}$", True),
        ("50°", "It is 51", False),
        ("50°", "no number", False),
        ("2√{3}", "It is 2", True),  # officially: the root is not seen
        ("2√{3}", r"It is $2\sqrt{3}$", False),
        ("π", "It is π", False),  # and nothing is read here
    ],
)
def test_free_form_is_what_math_verify_says(truth, response, correct):
    record = {**FREE, "ground_truth": truth}
    assert official_free_form(record, response).correct is correct
    assert official(record, response) == official_free_form(record, response)


def test_a_recorded_free_form_extraction_is_parsed_in_place_of_the_response():
    assert official(FREE, "It is 51", "50") == ("50", True)


@pytest.mark.parametrize(
    ("truth", "response", "correct"),
    [
        ("2√{3}", r"The answer is $2\sqrt{3}$", True),
        ("2√{3}", "The answer is 2", False),
        ("50°", "<answer>50</answer>", True),
        ("50°", "no idea", False),
    ],
)
def test_the_fair_rule_of_free_form_knows_roots(truth, response, correct):
    assert fair({**FREE, "ground_truth": truth}, response).correct is correct


def test_prompts_are_the_published_ones():
    assert prompt(CHOICE) == TEXT
    assert prompt(FREE) == (
        "Find angle 2. Output the thinking process in <think> </think> and final answer (number) in <answer> </answer>"
        " tags."
    )


def test_a_question_has_one_name_in_every_file():
    names = [CHOICE, FREE, {"index": 2001, "ground_truth": "50°"}, {"image": "test/2001.png"}]
    assert {record_id(record) for record in names} == {"2001"}


def test_questions_count_into_their_category_too():
    assert categories(CHOICE) == ["all"] and categories({**CHOICE, "category": "angle"}) == ["all", "angle"]


def write(path, rows) -> None:
    path.write_text("".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows), encoding="utf-8")


QUESTION = {name: value for name, value in CHOICE.items() if name != "answer"}
ANSWER = {"question_id": 2001, "text": "B"}


def test_questions_get_the_answers_that_lie_beside_them(tmp_path):
    write(tmp_path / "test_questions.jsonl", [QUESTION, {**QUESTION, "question_id": 0}])
    write(tmp_path / "test_answers.jsonl", [{"question_id": 0, "text": "D"}, ANSWER, {"question_id": 3, "text": "A"}])
    records = load(tmp_path)
    assert records == [CHOICE, {**CHOICE, "question_id": 0, "answer": "D"}]
    assert load(tmp_path / "test_questions.jsonl") == records


def test_records_that_have_answers_need_no_other_file(tmp_path):
    write(tmp_path / "joined.jsonl", [CHOICE, "\n"])
    write(tmp_path / "geoqa_prompts.jsonl", [FREE])
    assert load(tmp_path / "joined.jsonl") == [CHOICE]
    assert load(tmp_path) == [FREE]


@pytest.mark.parametrize(
    ("questions", "answers", "message"),
    [
        ([QUESTION], None, "there is no test_answers.jsonl beside it"),
        ([QUESTION], [{"question_id": 5, "text": "B"}], "has no answer to question 2001"),
        ([QUESTION], [ANSWER, ANSWER], "test_answers.jsonl, line 2: question 2001 occurs twice"),
        ([QUESTION, QUESTION], [ANSWER], "test_questions.jsonl, line 2: question 2001 occurs twice"),
        ([QUESTION], [{"question_id": 2001, "text": "E"}], "the answer 'E' of question 2001 is none of its 4"),
        ([QUESTION], [{"question_id": 2001, "text": ["B"]}], "is none of its 4 choices"),
        ([QUESTION, "{\n"], [ANSWER], "test_questions.jsonl, line 2 is not JSON"),
        (["[]\n"], [ANSWER], "line 1 is no object of fields"),
        ([], [ANSWER], "has no entries"),
        ([{"question_id": 2001}], [ANSWER], "the record has no `text`"),
        ([{**QUESTION, "text": "Find x."}], [ANSWER], "has no lines such as `A:40°`"),
        ([{**FREE, "question": None}], None, "the record has no `question`"),
        ([{"question": "Find x.", "ground_truth": "5"}], None, "neither `image_path` nor `index`"),
    ],
)
def test_bad_files_are_named_with_the_line(tmp_path, questions, answers, message):
    write(tmp_path / "test_questions.jsonl", questions)
    if answers is not None:
        write(tmp_path / "test_answers.jsonl", answers)
    with pytest.raises(ValueError, match=message) as caught:
        load(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_a_folder_without_questions_or_with_several_is_refused(tmp_path):
    with pytest.raises(ValueError, match="holds no test_questions.jsonl"):
        load(tmp_path)
    write(tmp_path / "a_questions.jsonl", [QUESTION])
    write(tmp_path / "b_questions.jsonl", [QUESTION])
    with pytest.raises(ValueError, match="several files of questions .a_questions.jsonl, b_questions.jsonl"):
        load(tmp_path)


def rows_of(path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_real_letters_and_verdicts_are_reproduced(real_data):
    records = {record["question_id"]: record for record in load(real_data / "geoqa_gllava")}
    assert len(records) == 754 and all(len(choices(record)) == 4 for record in records.values())
    rows = rows_of(real_data / "geoqa_gllava" / "responses.jsonl")
    assert len(rows) == 377
    for row in rows:
        wanted = (row["official_choice"], row["official_correct"])
        assert official(records[row["question_id"]], row["text"]) == wanted, row["question_id"]


def test_fair_letters_are_those_that_real_responses_state(real_data):
    records = {record["question_id"]: record for record in load(real_data / "geoqa_gllava")}
    rows = [row for row in rows_of(real_data / "geoqa_gllava" / "responses.jsonl") if row["official_choice"]]
    same = [fair(records[row["question_id"]], row["text"]).extracted == row["official_choice"] for row in rows]
    assert sum(same) >= 0.97 * len(same)


def test_real_free_form_verdicts_are_reproduced_in_a_thread(real_data):
    records = {record_id(record): record for record in load(real_data / "geoqa_r1v" / "geoqa_test_prompts.jsonl")}
    rows = rows_of(real_data / "geoqa_r1v" / "qwen2vl_7b_instruct.jsonl")
    said: list[bool] = []

    def judge() -> None:
        said.extend(official(records[record_id(row)], row["model_output"]).correct for row in rows)

    thread = threading.Thread(target=judge)
    thread.start()
    thread.join()
    assert len(rows) == 754 and said == [row["is_correct"] for row in rows]
