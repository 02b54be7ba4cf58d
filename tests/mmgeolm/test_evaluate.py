"""`mmgeolm evaluate`: each benchmark and each layout of responses, made up and real; and what it says of bad input."""

import csv
import json
import logging
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from evaluation.benchmarks import we_math
from mmgeolm.cli import main

ROOT = Path(__file__).parents[2]


@pytest.fixture
def here(monkeypatch, capsys):
    """The command in this process: `here(...)` is its exit code, what it printed, and its last words."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["mmgeolm", "evaluate", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        printed = capsys.readouterr()
        words = code if isinstance(code, str) else printed.err
        return (1 if isinstance(code, str) else code), printed.out, words

    return run


def options(**settings) -> list[str]:
    return [part for name, value in settings.items() for part in (f"--{name}", str(value))]


def write(path: Path, content) -> Path:
    if path.suffix == ".jsonl":
        text = "".join(json.dumps(row) + "\n" for row in content)
    else:
        text = json.dumps(content)
    path.write_text(text, encoding="utf-8")
    return path


def mathvista_record(pid: str, answer: str, skills: list[str], task: str, **fields) -> dict:
    shared = {
        "pid": pid,
        "question": f"Question {pid}?",
        "image": f"images/{pid}.jpg",
        "unit": None,
        "precision": None,
    }
    metadata = {"skills": skills, "task": task, "category": "math-targeted-vqa", "source": "made up"}
    return {**shared, "answer": answer, **fields, "metadata": {"split": "testmini", **metadata}}


CHOICE = {"question_type": "multi_choice", "answer_type": "text"}
INTEGER = {"question_type": "free_form", "answer_type": "integer", "choices": None}
GEOMETRY = (["geometry reasoning", "algebraic reasoning"], "geometry problem solving")
MATHVISTA = {
    "1": mathvista_record("1", "145°", *GEOMETRY, choices=["135°", "140°", "145°", "150°"], **CHOICE),
    "2": mathvista_record("2", "6", ["statistical reasoning"], "figure question answering", **INTEGER),
    "3": mathvista_record(
        "3", "Yes", ["geometry reasoning"], "textbook question answering", choices=["Yes", "No"], **CHOICE
    ),
}
MATHVISTA_OUTPUT = {
    "1": {"response": "So ∠BOC = 145°, which is (C).", "extraction": "C"},
    "2": {"response": "There are 5.", "extraction": "5"},
    "3": {"response": "No.", "extraction": "(A)"},
}

GEOQA = [
    {
        "question_id": number,
        "image": f"test/{number}.png",
        "text": "\nFirst perform reasoning, then finally select the answer from the choices in the following format: "
        f"Answer: xxx.\nQuestion:Made up, no. {number}: angle {number} is ()\nChoices:\nA:40°\nB:60°\nC:120°\nD:140°",
    }
    for number in range(3)
]
GEOQA_ANSWERS = [{"question_id": number, "text": letter} for number, letter in enumerate("DBA")]
GEOQA_OUTPUT = [
    {"question_id": 0, "prompt": GEOQA[0]["text"], "text": "Hence it is 140°.\nAnswer:D", "model_id": "m"},
    {"question_id": 1, "prompt": GEOQA[1]["text"], "text": "Hence it is 60°.\nAnswer: B", "model_id": "m"},
    {"question_id": 2, "prompt": GEOQA[2]["text"], "text": "Hence it is 60°.\nAnswer:B", "model_id": "m"},
]
R1V = [
    {"image_path": f"./Geo170K/images/test/{n}.png", "question": f"Question {n}?", "ground_truth": truth}
    for n, truth in enumerate(["140°", "5", "2√{3}"])
]
R1V_OUTPUT = [
    {"index": 0, "ground_truth": "140°", "model_output": "<think>The angle is 140°.</think>\n<answer>140</answer>"},
    {"index": 1, "ground_truth": "5", "model_output": "<answer>4</answer>"},
    {"index": 2, "ground_truth": "2√{3}", "model_output": "<answer>$2\\sqrt{3}$</answer>"},
]


def we_math_record(key: str, group: str, answer: str) -> dict:
    return {
        "ID": group,
        "split": "testmini",
        "knowledge concept": "Understanding Triangles",
        "question": f"Made up: {group}, {key}?",
        "option": "A. 1; B. 2; C. 3; D. 4; E. No correct answer",
        "answer": answer,
        "image_path": f"{group}-{key}.png",
        "key": key,
        "question number": int(group.split("_")[1]),
        "knowledge concept description": "",
    }


WE_MATH = [
    *(we_math_record(key, "2steps_1", "C") for key in ("2steps_1", "2steps_2", "2steps_multi")),
    *(we_math_record(key, "3steps_1", "B") for key in ("3steps_1", "3steps_2", "3steps_3", "3steps_multi")),
]
WE_MATH_OUTPUT = [
    {**record, "response": f"<Thought process>: so it is. <Answer>: {letter}"}
    for record, letter in zip(WE_MATH, "CCCBBBA", strict=True)
]
MM_MATH = [
    {
        "question": f"Made up, number {number}: how long is AB?",
        "file_name": f"1000000{number}.png",
        "solution": f"Hence $AB=\\boxed{{{answer}}}$.",
        "year": "eight",
        "difficult": difficult,
        "knowledge": {"level_1": "Properties of Shapes", "level_2": "Triangle"},
    }
    for number, (answer, difficult) in enumerate([("3", "easy"), ("2\\sqrt{3}", "medium"), ("50", "hard")])
]
MM_MATH_OUTPUT = [
    {**record, "response": text}
    for record, text in zip(MM_MATH, ["So $\\boxed{3}$", "So AB is $2\\sqrt{3}$.", "So $\\boxed{0.5}$"], strict=True)
]
GEOMETRY3K = [
    {
        "id": number,
        "problem_text": f"Made up, number {number}: find x.",
        "choices": ["2", "4", "8", "16"],
        "precise_value": [2.0, 4.0, 8.0, 16.0],
        "answer": "C",
        "problem_type_graph": ["Square"],
        "problem_type_goal": ["Length"],
    }
    for number in range(2)
]
GEOMETRY3K_OUTPUT = [{"id": 0, "response": "x = 8"}, {"id": 1, "response": "x = 9"}]

CASES = {
    "mathvista": ("mathvista", "testmini.json", MATHVISTA, "out.json", MATHVISTA_OUTPUT),
    "geoqa": ("geoqa", "test_questions.jsonl", GEOQA, "out.jsonl", GEOQA_OUTPUT),
    "geoqa free form": ("geoqa", "prompts.jsonl", R1V, "out.jsonl", R1V_OUTPUT),
    "we_math": ("we_math", "testmini.json", WE_MATH, "out.json", WE_MATH_OUTPUT),
    "mm_math": ("mm_math", "MM_Math.jsonl", MM_MATH, "out.jsonl", MM_MATH_OUTPUT),
    "geometry3k": ("geometry3k", "test.json", GEOMETRY3K, "out.json", GEOMETRY3K_OUTPUT),
}
CORRECT = {  # of all questions, by either rule
    "mathvista": (2, 1),
    "geoqa": (1, 2),
    "geoqa free form": (1, 2),
    "we_math": (6, 6),
    "mm_math": (2, 2),
    "geometry3k": (2, 1),
}


@pytest.fixture
def case(tmp_path):
    """Files of a case, as options of the command; `case(name, rows)` writes other responses."""

    def files(name: str, rows=None, **more) -> list[str]:
        benchmark, data_name, data, responses_name, own = CASES[name]
        write(tmp_path / "test_answers.jsonl", GEOQA_ANSWERS)
        settings = {
            "benchmark": benchmark,
            "data": write(tmp_path / data_name, data),
            "responses": write(tmp_path / responses_name, own if rows is None else rows),
            "output_dir": tmp_path / "scores",
        }
        return options(**{**settings, **more})

    return files


def scores_of(folder: Path) -> dict:
    return json.loads((folder / "scores" / "scores.json").read_text(encoding="utf-8"))


def verdicts_of(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "scores" / "verdicts.jsonl").open(encoding="utf-8")]


@pytest.mark.parametrize("name", CASES)
def test_each_benchmark_is_scored_by_both_rules(name, here, case, tmp_path):
    code, printed, words = here(*case(name))
    assert code == 0, words
    scores, verdicts = scores_of(tmp_path), verdicts_of(tmp_path)
    every = scores["scores"]["all"]
    assert (every["official"]["correct"], every["fair"]["correct"]) == CORRECT[name]
    assert every["n"] == len(CASES[name][2]) == len(verdicts)
    for rule in ("official", "fair"):
        assert every[rule]["correct"] == sum(verdict[rule] for verdict in verdicts)
        assert every[rule]["low"] <= every[rule]["accuracy"] <= every[rule]["high"]
        assert scores["rules"][rule]
    assert all(list(verdict) == ["id", "extracted", "official", "fair"] for verdict in verdicts)
    assert {"mmgeolm", "math-verify", "sympy"} < scores["versions"].keys() and scores["bootstrap"]["seed"] == 0
    assert "| all |" in printed and (tmp_path / "scores" / "scores.md").read_text(encoding="utf-8") in printed
    [entry, *_] = yaml.safe_load((tmp_path / "scores" / ".eval_results" / f"{scores['benchmark']}.yaml").read_text())
    assert entry["value"] == pytest.approx(every["official"]["accuracy"], abs=0.01)


def test_mathvista_has_a_row_for_each_skill_and_task(here, case, tmp_path):
    here(*case("mathvista"))
    table = scores_of(tmp_path)["scores"]
    assert {name: table[name]["n"] for name in ("all", "GEO", "ALG", "GPS")} == {
        "all": 3,
        "GEO": 2,
        "ALG": 1,
        "GPS": 1,
    }
    assert [verdict["extracted"] for verdict in verdicts_of(tmp_path)] == ["145°", "5", "Yes"]
    assert scores_of(tmp_path)["recorded_extractions"] == 3


def test_an_extraction_without_its_text_is_not_held_against_the_fair_rule(here, case, tmp_path):
    rows = {**MATHVISTA_OUTPUT, "3": {"extraction": "(A)"}}
    code, printed, words = here(*case("mathvista", rows))
    assert code == 0, words
    scores = scores_of(tmp_path)
    assert scores["without_text"] == ["3"] and "1 responses are recorded as an extraction without text" in printed
    assert (scores["scores"]["all"]["official"]["n"], scores["scores"]["all"]["fair"]["n"]) == (3, 2)
    assert verdicts_of(tmp_path)[2] == {"id": "3", "extracted": "Yes", "official": True, "fair": False}


def test_we_math_has_the_four_dimensional_metric(here, case, tmp_path):
    code, printed, words = here(*case("we_math"))
    scores = scores_of(tmp_path)
    assert {"S1", "S2", "S3"} < scores["scores"].keys()
    # One of the two groups is mastered; all parts of the other are right, and the whole is not.
    counts = scores["official_scores"]["counts"]
    assert (counts["CompleteMastery_strict"], counts["InadequateGeneralization"], sum(counts.values())) == (1, 1, 3)
    assert scores["official_scores"]["scores"] == {"strict": 0.75, "loose": 0.75} == scores["fair_scores"]["scores"]
    assert "| scores strict | 0.7500 | 0.7500 |" in printed


def test_we_math_of_half_a_group_has_the_other_figures(here, case, tmp_path):
    arguments = case("we_math", WE_MATH_OUTPUT[:2])
    write(tmp_path / "testmini.json", WE_MATH[:2])
    code, printed, words = here(*arguments)
    assert code == 0, words
    assert scores_of(tmp_path)["scores"]["S1"]["n"] == 2 and "official_scores" not in scores_of(tmp_path)
    assert "left out: There is no row of 2steps_1 2steps_multi" in printed


def test_mm_math_may_have_two_questions_on_one_picture(here, case, tmp_path):
    data = [{**record, "file_name": "10000000.png"} for record in MM_MATH]
    arguments = case("mm_math", [{**record, "response": record["solution"]} for record in data])
    write(tmp_path / "MM_Math.jsonl", data)
    code, _, words = here(*arguments)
    assert code == 0, words
    assert [verdict["id"] for verdict in verdicts_of(tmp_path)] == ["10000000", "10000000-2", "10000000-3"]
    assert all(verdict["official"] and verdict["fair"] for verdict in verdicts_of(tmp_path))


def as_table(path: Path) -> None:
    rows = [{"index": n, "question": row["prompt"], "prediction": row["text"]} for n, row in enumerate(GEOQA_OUTPUT)]
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, rows[0], delimiter="\t" if path.suffix == ".tsv" else ",")
        table.writeheader()
        table.writerows(rows)


@pytest.mark.parametrize(
    "name", ["VLMEvalKit.tsv", "VLMEvalKit.csv", "VLMEvalKit.json", "samples_geoqa.jsonl", "journal.jsonl"]
)
def test_other_systems_files_give_the_same_verdicts(name, here, case, tmp_path):
    here(*case("geoqa"))
    expected = verdicts_of(tmp_path)
    if name.endswith("sv"):
        as_table(tmp_path / name)
    elif name.startswith("samples"):
        rows = [{"doc_id": n, "doc": GEOQA[n], "resps": [[row["text"]]]} for n, row in enumerate(GEOQA_OUTPUT)]
        write(tmp_path / name, rows)
    elif name.startswith("journal"):
        write(tmp_path / name, [{"id": str(row["question_id"]), "response": row["text"]} for row in GEOQA_OUTPUT])
    else:
        write(tmp_path / name, [{"index": n, "prediction": row["text"]} for n, row in enumerate(GEOQA_OUTPUT)])
    shutil.rmtree(tmp_path / "scores")
    code, _, words = here(*case("geoqa", responses=tmp_path / name))
    assert code == 0, words
    assert verdicts_of(tmp_path) == expected


def test_options_come_from_yaml_too(here, case, tmp_path):
    settings = dict(zip(*[iter(case("geoqa", seed=3))] * 2, strict=True))
    path = tmp_path / "evaluate.yaml"
    path.write_text(yaml.safe_dump({name.removeprefix("--"): value for name, value in settings.items()}))
    code, _, words = here("--config", path)
    assert code == 0, words
    assert scores_of(tmp_path)["bootstrap"] == {"samples": 10_000, "seed": 3, "interval": "95%"}


def test_the_same_command_gives_the_same_files(here, case, tmp_path):
    here(*case("geoqa"))
    first = {path.name: path.read_bytes() for path in (tmp_path / "scores").rglob("*.*") if path.is_file()}
    here(*case("geoqa"))
    assert first == {path.name: path.read_bytes() for path in (tmp_path / "scores").rglob("*.*") if path.is_file()}
    assert set(first) == {"scores.json", "scores.md", "verdicts.jsonl", "geoqa.yaml"}


def test_missing_responses_are_wrong_if_allowed(here, case, tmp_path):
    code, printed, words = here(*case("geoqa", GEOQA_OUTPUT[:2], allow_missing="true"))
    assert code == 0, words
    assert scores_of(tmp_path)["missing"] == ["2"] and "1 questions have no response" in printed
    assert verdicts_of(tmp_path)[2] == {"id": "2", "extracted": None, "official": False, "fair": False}


def test_unknown_responses_are_passed_over_if_allowed(here, case, tmp_path):
    more = [*GEOQA_OUTPUT, {**GEOQA_OUTPUT[0], "question_id": 99}]
    code, _, words = here(*case("geoqa", more, allow_unknown="true"))
    assert code == 0, words
    assert scores_of(tmp_path)["scores"]["all"]["n"] == 3


HOSTILE = [
    "",
    "\x00",
    "\ud800",
    "x" * 10_000,
    "{" * 10_000,
    "9^{9^{9^9}}",
    "\\frac{1}{0}",
    "\\boxed{",
    "10000!!!!",
    "答案：丙",
]


@pytest.mark.parametrize("name", CASES)
def test_no_response_kills_the_run(name, here, case, tmp_path):
    for text in HOSTILE:
        output = CASES[name][4]
        fields = {"response", "text", "model_output"} & set(output["1"] if name == "mathvista" else output[0])
        changed = {field: text for field in fields}
        if name == "mathvista":
            responses = {pid: {**row, **changed, "extraction": text} for pid, row in output.items()}
        else:
            responses = [{**row, **changed} for row in output]
        code, _, words = here(*case(name, responses))
        assert code == 0 and scores_of(tmp_path)["failures"] == [], (text[:20], words)


def test_a_rule_that_raises_costs_one_response_and_is_named(here, case, tmp_path, monkeypatch, caplog):
    from evaluation.benchmarks import geometry3k

    whole = geometry3k.fair

    def breaks(record, response):
        if record["id"] == 0:
            raise ZeroDivisionError("oh")
        return whole(record, response)

    monkeypatch.setattr(geometry3k, "fair", breaks)
    with caplog.at_level(logging.WARNING):
        code, printed, _ = here(*case("geometry3k"))
    assert code == 0 and scores_of(tmp_path)["failures"] == ["0"]
    assert "fair rule failed at the response to '0'" in caplog.text and "At 1 responses a rule failed" in printed
    assert [verdict["official"] for verdict in verdicts_of(tmp_path)] == [True, True]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"benchmark": ""}, "pass --benchmark"),
        ({"data": ""}, "pass --data"),
        ({"responses": ""}, "pass --model, to ask a model, or --responses"),
        ({"output_dir": ""}, "pass --output_dir"),
        (
            {"benchmark": "mathvisa"},
            "there is no benchmark 'mathvisa'; there are geoqa, mathvista, we_math, mm_math, geom",
        ),
        ({"benchmark": "no.such.module"}, "there is no module no.such.module for --benchmark"),
        ({"benchmark": "evaluation.verdict"}, "the module evaluation.verdict has no official, fair, record_id, cat"),
        ({"data": "missing.jsonl"}, "There is no file missing.jsonl; --data names the questions and answers of geoqa"),
        ({"responses": "missing.jsonl"}, "There is no file missing.jsonl."),
        ({"output_dir": "{folder}/out.jsonl/scores"}, "out.jsonl is a file; name a folder"),
        ({"fly": "high"}, "--fly"),
    ],
)
def test_bad_options_are_a_sentence_and_leave_nothing(change, message, here, case, tmp_path):
    change = {name: str(value).format(folder=tmp_path) for name, value in change.items()}
    code, _, words = here(*case("geoqa", **change))
    assert code == 1 and words.startswith("mmgeolm evaluate: ") and message in words, words
    assert not (tmp_path / "scores").exists()


@pytest.mark.parametrize(
    ("responses", "message"),
    [
        (GEOQA_OUTPUT[:2], "has no response to 1 of 3 questions: '2' (allow_missing scores them as wrong)"),
        ([*GEOQA_OUTPUT, GEOQA_OUTPUT[1]], "has 1 id twice: '1' at line 2 and line 4"),
        ([*GEOQA_OUTPUT, {"question_id": 7, "text": ""}], "has 1 id that the data does not have: '7'"),
        ([{**row, "question_id": row["question_id"] + 500} for row in GEOQA_OUTPUT], "another split or benchmark"),
        ([{**row, "prompt": "Unlike all of them"} for row in GEOQA_OUTPUT], "another split or benchmark"),
        ([{"question_id": 0, "answer": "D"}], "has no field with what the system wrote"),
        ([{"text": "D"}], "have no id"),
        ([], "has no entries"),
        ([3], "line 1 is no object of fields"),
    ],
)
def test_bad_responses_are_a_sentence_and_leave_nothing(responses, message, here, case, tmp_path):
    code, _, words = here(*case("geoqa", responses))
    assert code == 1 and words.startswith("mmgeolm evaluate: ") and message in words and "\n" not in words, words
    assert not (tmp_path / "scores").exists()


def test_a_line_that_was_cut_off_is_named(here, case, tmp_path):
    arguments = case("geoqa")
    with (tmp_path / "out.jsonl").open("a") as file:
        file.write('{"question_id": 3, "te')
    code, _, words = here(*arguments)
    assert code == 1 and "out.jsonl, line 4 is not JSON" in words and not (tmp_path / "scores").exists()


def test_bad_data_is_a_sentence(here, case, tmp_path):
    arguments = case("geoqa")
    (tmp_path / "test_questions.jsonl").write_text('{"question_id"')
    code, _, words = here(*arguments)
    assert code == 1 and "test_questions.jsonl, line 1" in words and "\n" not in words


def test_old_scores_stay_whole_when_new_ones_cannot_be_written(here, case, tmp_path, monkeypatch):
    here(*case("geoqa"))
    before = scores_of(tmp_path)
    whole = Path.write_text

    def full_disk(path, text, **options):
        if "verdicts" in path.name:
            raise OSError(28, "No space left on device")
        return whole(path, text, **options)

    arguments = case("geoqa", seed=1)
    monkeypatch.setattr(Path, "write_text", full_disk)
    code, _, words = here(*arguments)
    monkeypatch.undo()
    assert code == 1 and "No space left" in words
    assert scores_of(tmp_path) == before
    assert not list((tmp_path / "scores").rglob("*.tmp"))


def test_the_command_runs_from_a_shell_and_prints_the_table(case, tmp_path):
    command = [sys.executable, "-m", "mmgeolm", "evaluate", *case("geometry3k")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "| Quad | 2 | 100.0 [15.8, 100.0] | 50.0 [0.0, 100.0] |" in done.stdout
    assert "Traceback" not in done.stderr and scores_of(tmp_path)["benchmark"] == "geometry3k"


@pytest.mark.parametrize("model", ["llavar", "gpt4_2shot_solution"])
def test_mathvistas_published_scores_are_reproduced(model, here, real_data, tmp_path):
    folder = real_data / "mathvista"
    data, responses = folder / "testmini_scoring_fields_1000.json", folder / "outputs" / f"{model}.json"
    settings = {"benchmark": "mathvista", "data": data, "responses": responses, "output_dir": tmp_path / "scores"}
    code, _, words = here(*options(**settings))
    assert code == 0, words
    published = json.loads((folder / "outputs" / f"{model}.scores.json").read_text())
    table = scores_of(tmp_path)["scores"]
    assert table["all"]["official"]["correct"] == published["average"]["correct"]
    recorded = json.loads(responses.read_text())
    told = sum("response" in row for row in recorded.values())
    assert table["all"]["fair"]["n"] == told and len(scores_of(tmp_path)["without_text"]) == len(recorded) - told
    assert {v["id"]: v["official"] for v in verdicts_of(tmp_path)} == {
        pid: row["true_false"] for pid, row in recorded.items()
    }
    summed = json.loads((folder / "expected_current_skills.json").read_text())[model]
    for name, label in (("ALL", "all"), ("GPS(task)", "GPS"), ("GEO(skill)", "GEO"), ("ALG(skill)", "ALG")):
        assert [table[label]["official"]["correct"], table[label]["n"]] == summed[name][:2]


def test_geoqas_published_choices_are_reproduced(here, real_data, tmp_path):
    folder = real_data / "geoqa_gllava"
    recorded = [json.loads(line) for line in (folder / "responses.jsonl").open(encoding="utf-8")]
    settings = {"data": folder / "test_questions.jsonl", "responses": folder / "responses.jsonl"}
    settings |= {"benchmark": "geoqa", "output_dir": tmp_path / "scores"}
    code, _, words = here(*options(**settings))
    assert code == 1 and "has no response to 377 of 754 questions" in words
    code, _, words = here(*options(**settings, allow_missing="true"))
    assert code == 0, words
    verdicts = {int(verdict["id"]): verdict for verdict in verdicts_of(tmp_path)}
    for row in recorded:
        assert verdicts[row["question_id"]]["official"] is row["official_correct"]
    expected = json.loads((folder / "expected.json").read_text())
    assert scores_of(tmp_path)["scores"]["all"]["official"]["correct"] == expected["correct"]


def test_r1vs_published_verdicts_are_reproduced(here, real_data, tmp_path):
    folder = real_data / "geoqa_r1v"
    responses = folder / "qwen2vl_7b_instruct.jsonl"
    settings = {"benchmark": "geoqa", "data": folder / "geoqa_test_prompts.jsonl", "responses": responses}
    code, _, words = here(*options(**settings, output_dir=tmp_path / "scores"))
    assert code == 0, words
    recorded = [json.loads(line)["is_correct"] for line in responses.open(encoding="utf-8")]
    assert [verdict["official"] for verdict in verdicts_of(tmp_path)] == recorded and len(recorded) == 754


def test_we_maths_published_figures_are_reproduced(here, real_data, tmp_path):
    folder = real_data / "wemath"
    responses = folder / "oracle_synthetic_responses_a.json"
    keys = [json.loads(line) for line in (folder / "testmini_keys_1740.jsonl").open(encoding="utf-8")]
    settings = {"benchmark": "we_math", "data": write(tmp_path / "testmini.json", keys), "responses": responses}
    code, _, words = here(*options(**settings, output_dir=tmp_path / "scores"))
    assert code == 0, words
    expected = json.loads((folder / "oracle_expected.json").read_text())["a"]
    said = we_math.printed(scores_of(tmp_path)["official_scores"], "a")
    assert said["counts"] == expected["counts"] and said["rates"] == expected["rates"]
    assert said["four_dim"] == expected["four_dim"]
    table = scores_of(tmp_path)["scores"]
    for name, label in (("S1", "One-step(S1)"), ("S2", "Two-step(S2)"), ("S3", "Three-step(S3)")):
        assert f"{table[name]['official']['accuracy']:.2f}%" == expected["accuracy"][label]
