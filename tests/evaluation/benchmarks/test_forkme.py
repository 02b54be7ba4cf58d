"""The benchmark to copy works, and so does a copy of it."""

import json
import shutil
import sys

import pytest

from evaluation.benchmarks import forkme

RECORD = {
    "id": "3",
    "image": "3.png",
    "question": "AB is parallel to CD. How large is angle 1?",
    "choices": ["40°", "60°", "120°"],
    "answer": "B",
    "topic": "angles",
}


@pytest.mark.parametrize(
    ("response", "official", "fair"),
    [
        ("Answer: B", True, True),
        ("Answer:B", False, True),
        ("So angle 1 is 60 degrees.", False, True),
        ("Answer: B. No, rather:\nAnswer: C", True, False),
        ("Point B is on AC.", False, False),
        ("", False, False),
    ],
)
def test_the_rules_differ_where_they_say_so(response, official, fair):
    assert forkme.official(RECORD, response).correct is official
    assert forkme.fair(RECORD, response).correct is fair


def test_a_recorded_extraction_is_compared_only():
    assert forkme.official(RECORD, "Answer: C", extraction="B").correct


def test_records_have_an_id_categories_and_a_prompt():
    assert forkme.record_id(RECORD) == "3"
    assert forkme.categories(RECORD) == ["all", "angles"] and forkme.categories({**RECORD, "topic": ""}) == ["all"]
    assert forkme.prompt(RECORD).splitlines() == [
        RECORD["question"],
        "A. 40°",
        "B. 60°",
        "C. 120°",
        "End with: Answer: X",
    ]


def test_a_bad_record_is_named(tmp_path):
    path = tmp_path / "data.jsonl"
    for lines, message in (
        ([RECORD, {**RECORD, "choices": "A"}], "data.jsonl, line 2 has no `choices`, which should be a list"),
        (["x"], "line 1 is no object of fields"),
        ([], "has no entries"),
    ):
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        with pytest.raises(ValueError, match=message):
            forkme.load(path)
    path.write_text("{")
    with pytest.raises(ValueError, match="line 1 is not JSON"):
        forkme.load(path)


def test_a_copy_elsewhere_is_a_benchmark(tmp_path, monkeypatch):
    from mmgeolm.scripts import evaluate

    (tmp_path / "my_package").mkdir()
    shutil.copy(forkme.__file__, tmp_path / "my_package" / "my_benchmark.py")
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "data.jsonl").write_text(json.dumps(RECORD))
    (tmp_path / "out.jsonl").write_text(json.dumps({"id": "3", "response": "Answer: B"}))
    settings = {
        "benchmark": "my_package.my_benchmark",
        "data": tmp_path / "data.jsonl",
        "responses": tmp_path / "out.jsonl",
        "output_dir": tmp_path / "out",
    }
    evaluate.main([part for name, value in settings.items() for part in (f"--{name}", str(value))])
    scores = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert scores["scores"]["angles"]["official"]["correct"] == 1
    assert scores["rules"]["official"].startswith("The benchmark's own rule")
    assert not (tmp_path / "out" / ".eval_results").exists()
    sys.modules.pop("my_package.my_benchmark")
