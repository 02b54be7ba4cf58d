import json
import time

import pytest

from evaluation.auto_scoring_judge import judge, prepared
from evaluation.benchmarks import mm_math


def official(gold, answer):
    return mm_math.official({"solution": f"So $x=\\boxed{{{gold}}}$."}, f"Hence \\boxed{{{answer}}}.").correct


@pytest.mark.parametrize(
    ("gold", "answer", "correct"),
    [
        # units, signs, wrappers
        ("7cm", "7", True),
        (r"7\mathrm{~cm}", "7", True),
        (r"7\ \text{m}", "7", True),
        (r"7\text{米}", "7", True),
        ("7m", "7", False),
        (r"7\text{m}", "7", False),
        ("12cm^{2}", "144", True),
        (r"40^\circ", r"40^{\circ}", True),
        (r"40^\circ", "40°", False),
        ("是", "是", True),
        ("是", "否", False),
        # numbers: by 1.01 hundredths, and a hundred times as much
        ("2", "2.0101", True),
        ("2", "2.0102", False),
        ("2", "200", True),
        ("2", "0.02", True),
        ("200", "2.005", True),
        ("0.001", "0", True),
        # expressions
        (r"\frac{3}{4}", "0.76", True),
        (r"\frac{3}{4}", "75", False),
        (r"3\sqrt{2}", r"\sqrt{18}", True),
        (r"\sqrt{2}", r"\sqrt2", False),
        (r"6\pi", "18.85", True),
        (r"1\frac{1}{2}", "1.5", False),
        ("(a-1)^{2}", "a^2-2a+1", True),
        ("a+1", "a+1.0005", True),
        ("a+1", "a+1.002", False),
        ("a", "3", False),
        ("x=3", "3", True),
        (r"\sin30", "0.5", True),
        (r"\sin 30", "0.5", False),
        ("1:3", r"\frac{1}{3}", True),
        # equations: by whole multiples
        ("y=x+1", "3y=3x+3", True),
        ("2y=2x+2", "y-x=1", True),
        ("2y=2x+2", "3y=3x+3", False),
        ("x=3", "y=3", False),
        ("1=1", "2=2", False),
        # several answers
        ("1, 4", "4,1", True),
        ("1, 1", "1, 4", False),
        ("1, 4", "1", False),
        (r"\pm 3", "-3, 3", True),
        (r"1\pm\sqrt{2}", r"1-\sqrt{2}, 1+\sqrt{2}", True),
        ("1或4", "14", True),
        # intervals and points
        ("0<x<2", "(0, 2)", True),
        ("0<x<2", "[0, 2]", False),
        ("(1,2)", "(2,1)", False),
        ("(1,2)", "(1,2,9)", True),
        (r"[0,1)\cup(2,3)", r"[0,1)\cup (2,3)", False),
        (r"[0,1)\cup(2,3)", r"[0,1.0)\cup(2,3)", True),
    ],
)
def test_official_judges_bug_for_bug(gold, answer, correct):
    assert official(gold, answer) == correct


def test_official_joins_all_boxes_and_wants_one_on_both_sides():
    record = {"solution": r"(1) $\boxed{2}$ (2) $\boxed{5}$"}
    assert mm_math.official(record, r"\boxed{5, 2}").correct
    assert not mm_math.official(record, r"\boxed{7}, then \boxed{2} and \boxed{5}").correct
    assert mm_math.official(record, "2, 5") == (None, False)
    assert not mm_math.official({"solution": "2"}, r"\boxed{2}").correct
    assert not mm_math.official(record, r"\boxed{2, \boxed{5}").correct


def test_official_judges_a_recorded_extraction_without_a_box():
    record = {"solution": r"\boxed{2}"}
    assert mm_math.official(record, r"\boxed{9}", extraction="2.0") == ("2.0", True)
    assert not mm_math.official(record, r"\boxed{2}", extraction="3").correct
    assert judge("2", "first $7$\nso $2$")


def test_extracted_is_what_is_compared():
    assert mm_math.official({"solution": r"\boxed{7}"}, r"\boxed{7\text{cm}}.") == ("7", True)
    assert prepared(r"\boxed{1}\boxed{2}") == "1,2"
    assert prepared(r"\boxed{1") is None
    assert prepared(r"\boxed{\boxed{3}}") == r"\boxed{3},3"


HOSTILE = [
    "9^{9^{9}}",
    r"\pi+9^{9^{9^{9}}}",
    "x<9^{9^{9}}",
    "100000!",
    r"\frac{1}{0}",
    "x" * 190,
    "x{" * 12 + "x" + "}" * 12,
    r"x\sqrt{x" * 15 + "}" * 15,
    r"\sin " * 30 + "x",
    "|x" * 60,
    r"\int " * 20,
    "(" * 5000,
    r"\boxed{" * 1400,
    r"\boxed{" * 1200 + "}" * 1200,
    "9" * 10000,
    "m" * 10000,
    "1," * 5000,
    "(x+1)^{1000}",
    "\x00\ud800",
]


@pytest.mark.parametrize("answer", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_answers_cost_under_a_second_of_cpu_and_are_wrong(answer):
    judge("2", "3")  # loads the parser
    for gold in ("x+2", r"2\sqrt{3}", "y=2x+1"):
        start = time.process_time()
        assert not official(gold, answer)
        # CPU time, so that a busy machine does not matter; three times the limit, so that a slow one does not either
        assert time.process_time() - start < 3


@pytest.mark.parametrize(
    ("solution", "response", "correct"),
    [
        (r"\boxed{2\sqrt{3}}", "Answer: 2√3", True),
        (r"\boxed{50^\circ}", r"\boxed{0.5}", False),
        (r"\boxed{5}", r"First \boxed{3}. So the answer is \boxed{5}.", True),
        (r"(1) $\boxed{2}$ (2) $\boxed{5}$", r"(1) \boxed{5} (2) \boxed{2}", True),
        (r"(1) $\boxed{2}$ (2) $\boxed{5}$", r"\boxed{2, 5}", True),
        (r"(1) $\boxed{2}$ (2) $\boxed{5}$", r"\boxed{2}", False),
        (r"\boxed{5}", "", False),
    ],
)
def test_fair_wants_every_gold_answer_in_any_order(solution, response, correct):
    assert mm_math.fair({"solution": solution}, response).correct == correct


def test_categories_are_english_in_every_layout():
    ours = {"difficult": "hard", "year": "nine", "knowledge": {"level_1": "Functions", "level_2": "Circle"}}
    theirs = {"difficulty": "困难", "year": "九年级上学期", "knowledge_l1": "Functions"}
    assert mm_math.categories(ours) == mm_math.categories(theirs) == ["all", "hard", "nine", "Functions"]
    assert mm_math.categories({"solution": ""}) == ["all"]


def record(**changes):
    return {"question": "How long?", "file_name": "10000001.png", "solution": r"\boxed{1}"} | changes


def test_load_tells_two_questions_on_one_picture_apart(tmp_path):
    path = tmp_path / "MM_Math.jsonl"
    rows = [record(), record(question="How wide?"), record(file_name="10000002.png")]
    path.write_text("\n".join(map(json.dumps, rows)))
    assert [mm_math.record_id(row) for row in mm_math.load(path)] == ["10000001", "10000001-2", "10000002"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no entries"),
        ("{", "line 1 is not JSON"),
        ('\n{"question": "?"}', "line 2 is no record"),
        ("3", "line 1 is"),
    ],
)
def test_load_names_file_and_line_of_what_is_wrong(tmp_path, text, message):
    path = tmp_path / "MM_Math.jsonl"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"MM_Math.jsonl.*{message}"):
        mm_math.load(path)


def test_prompt_asks_for_a_box():
    assert mm_math.prompt(record()).startswith("How long?\n")
    assert r"\boxed{}" in mm_math.prompt(record())


def test_every_verdict_of_the_official_judge_is_reproduced(real_data):
    pairs = json.loads((real_data / "mm_math" / "official_judge_oracle.json").read_text())
    verdicts = [mm_math.official({"solution": pair["gt"]}, pair["pred"]).correct for pair in pairs]
    assert verdicts == [pair["script_correct"] for pair in pairs]
    assert [judge(pair["gt"], pair["pred"]) for pair in pairs] == [pair["judge_p1e-2"] for pair in pairs]


def test_the_real_record_loads(real_data):
    (only,) = mm_math.load(real_data / "mm_math" / "MM_Math_sample.jsonl")
    assert mm_math.categories(only) == ["all", "medium", "eight", "Transformations of Shapes"]
    assert mm_math.official(only, r"\boxed{3}").correct
    assert mm_math.fair(only, r"So ED = 3.").correct
