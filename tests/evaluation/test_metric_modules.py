"""The metrics load by their path as 🤗 Evaluate loads any, and say what the functions below them say."""

import json

import evaluate
import numpy as np
import pytest

import evaluation.metrics
from evaluation.benchmarks import geometry3k, geoqa
from modeling_mmclip import positive_ranks

NAMES = ["geometry3k", "geoqa", "hit_at_k", "mathvista", "mm_math", "questions", "we_math"]
GEOQA = [
    {
        "question_id": number,
        "image": f"test/{number}.png",
        "text": f"Question:How large is angle {number}?\nChoices:\nA:40°\nB:60°\nC:120°\nD:140°",
        "answer": answer,
    }
    for number, answer in enumerate("DBA")
]
MATHVISTA = {
    "pid": "1",
    "question": "How large is the angle?",
    "choices": ["135°", "145°"],
    "answer": "145°",
    "precision": None,
    "question_type": "multi_choice",
    "answer_type": "text",
    "metadata": {"skills": ["geometry reasoning"], "task": "geometry problem solving", "source": "made up"},
}
MM_MATH = {
    "file_name": "10000001.png",
    "question": "How long is AB?",
    "solution": "$AB=\\boxed{3}$",
    "difficult": "easy",
    "year": "eight",
    "knowledge": {"level_1": "Properties of Shapes", "level_2": "Triangle"},
}
WE_MATH = [
    {
        "ID": "2steps_1",
        "key": key,
        "question number": 1,
        "answer": "C",
        "option": "A. 1; B. 2; C. 3; D. 4",
        "knowledge concept": "Understanding Triangles",
    }
    for key in ("2steps_1", "2steps_2", "2steps_multi")
]


def load(name: str) -> evaluate.Metric:
    return evaluate.load(evaluation.metrics.path(name), keep_in_memory=True)


@pytest.mark.parametrize("name", NAMES)
def test_each_metric_loads_by_folder_and_by_file(name):
    folder = evaluation.metrics.path(name)
    for path in (folder, f"{folder}/{name}.py"):
        metric = evaluate.load(path, keep_in_memory=True)
        assert (
            isinstance(metric, evaluate.Metric) and metric.description and "predictions" in metric.inputs_description
        )


def test_another_name_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match=f"no metric 'geoqua'; there are {', '.join(NAMES)}"):
        evaluation.metrics.path("geoqua")


def test_geoqa_counts_by_both_rules():
    found = load("geoqa").compute(predictions=["Answer:D", "Answer: B", "Answer:B"], references=GEOQA, samples=100)
    assert found["official"] == pytest.approx(100 / 3) and found["fair"] == pytest.approx(200 / 3)
    assert found["scores"]["all"]["official"]["correct"] == 1
    assert json.loads(json.dumps(found)) == found


def test_batches_add_up():
    metric = load("geoqa")
    metric.add(prediction="Answer:D", reference=GEOQA[0])
    metric.add_batch(predictions=["Answer:A", None], references=GEOQA[1:])
    assert metric.compute()["scores"]["all"]["fair"] | {"low": 0, "high": 0} == {
        "n": 3,
        "correct": 1,
        "accuracy": 100 / 3,
        "low": 0,
        "high": 0,
    }


def test_extractions_take_the_place_of_the_texts():
    metric = load("geoqa")
    inputs = {"predictions": ["Answer:A"] * 3, "references": GEOQA}
    found = metric.compute(**inputs, extractions=["D", "B", None])
    assert found["scores"]["all"]["official"]["correct"] == 3 and found["scores"]["all"]["fair"]["correct"] == 1
    with pytest.raises(ValueError, match="There are 1 extractions for 3 predictions"):
        load("geoqa").compute(**inputs, extractions=["D"])


@pytest.mark.parametrize(
    ("name", "records", "right", "wrong"),
    [
        ("mathvista", [MATHVISTA], "The answer is (B).", "The answer is (A)."),
        ("mm_math", [MM_MATH], "So $AB=\\boxed{3}$", "So $AB=\\boxed{4}$"),
        ("we_math", WE_MATH, "<Answer>: C", "<Answer>: D"),
        ("questions", [{"id": "1", "question": "Which?", "answer": "AB", "answer_type": "name"}], "AB", "AC"),
        (
            "geometry3k",
            [{"id": 1, "choices": ["1", "2", "4", "8"], "precise_value": [1, 2, 4, 8], "answer": "B"}],
            "2",
            "8",
        ),
    ],
)
def test_each_benchmark_tells_right_from_wrong(name, records, right, wrong):
    for text, percent in ((right, 100), (wrong, 0)):
        found = load(name).compute(predictions=[text] * len(records), references=records)
        assert (found["fair"], found["scores"]["all"]["n"]) == (percent, len(records))
        if name != "mathvista":  # whose rule compares what somebody else has extracted
            assert found["official"] == percent
        assert ("official_scores" in found) == (name == "we_math")


def test_modules_and_metrics_are_of_one_mind():
    texts = ["It is 60°.", "Answer:B", "none"]
    found = load("geoqa").compute(predictions=texts, references=GEOQA)
    for rule in (geoqa.official, geoqa.fair):
        right = sum(rule(record, text).correct for record, text in zip(GEOQA, texts, strict=True))
        assert found["scores"]["all"][rule.__name__]["correct"] == right
    assert geometry3k.NAME == "geometry3k"


def test_hit_at_k_is_that_of_the_ranks_wherever_the_positive_is():
    rng = np.random.default_rng(0)
    scores = rng.integers(6, size=(50, 8)).astype(float)  # many ties
    places = rng.integers(8, size=50)
    moved = scores.copy()
    for row, place in enumerate(places):
        moved[row, [0, place]] = moved[row, [place, 0]]
    found = load("hit_at_k").compute(predictions=moved.tolist(), references=places.tolist(), k=[1, 3])
    ranks = positive_ranks(scores)
    assert found == {
        "hit@1": pytest.approx(ranks.hit_at(1).mean()),
        "hit@3": pytest.approx(ranks.hit_at(3).mean()),
        "mrr": pytest.approx(ranks.reciprocal().mean()),
        "chance": pytest.approx(1 / 8),
    }


def test_hit_at_k_takes_any_number_of_candidates():
    predictions = [[0.9, 0.2, 0.4], [0.1, 0.3], [float("nan"), -5.0], [2.0]]
    found = load("hit_at_k").compute(predictions=predictions, references=[0, 0, 1, 0])
    assert found["hit@1"] == 0.75 and found["hit@5"] == 1.0 and found["mrr"] == 0.875
    assert found["chance"] == pytest.approx((1 / 3 + 1 / 2 + 1 / 2 + 1) / 4)


@pytest.mark.parametrize("positive", [2, -1])
def test_a_positive_that_is_no_candidate_is_named(positive):
    with pytest.raises(ValueError, match=f"Anchor 1 has 2 candidates, of which its positive {positive} is none"):
        load("hit_at_k").compute(predictions=[[1.0], [1.0, 2.0]], references=[0, positive])
