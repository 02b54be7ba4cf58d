"""Which record comes when."""

from collections import Counter

import pytest
from tiny_models import tiny_records

from trainers.mixture import EvaluationRecords, Stage, TrainingRecords


def named(name: str, count: int) -> list[dict]:
    return [{"id": f"{name}{i}", "image": None, "caption": f"{name} {i}"} for i in range(count)]


def order(stages: list[Stage], total: int = 400, batch: int = 8, seed: int = 0, length: int = 100) -> list[dict]:
    data = {"a": named("a", 60), "b": named("b", 40)}
    records = TrainingRecords(data, stages, "hard", length, total, batch, seed)
    found = []
    for position in range(total):
        records.set_epoch(position // len(records))
        found.append(records[position % len(records)])
    return found


def test_data_sets_are_drawn_by_weight():
    counts = Counter(record["id"][0] for record in order([Stage(mixture={"a": 3, "b": 1})], total=4000))
    assert 0.72 < counts["a"] / 4000 < 0.78


def test_without_weights_they_are_drawn_by_size():
    counts = Counter(record["id"][0] for record in order([Stage(), Stage()], total=4000))
    assert 0.57 < counts["a"] / 4000 < 0.63


def test_stages_follow_one_another_and_change_between_steps():
    stages = [Stage(0.31, "in_batch", {"a": 1}), Stage(0.69, "hybrid", {"b": 1})]
    found = order(stages, total=400, batch=16)
    kinds = [(record["id"][0], record["_candidates"]) for record in found]
    switch = kinds.index(("b", "hybrid"))
    assert switch == 128  # the step that is nearest to 124
    assert set(kinds[:switch]) == {("a", "in_batch")} and set(kinds[switch:]) == {("b", "hybrid")}


def test_a_last_stage_of_a_data_set_smaller_than_its_batches_is_reached():
    # Ten records in batches of eight: epochs that ended in half a batch would use up the steps before the last stage.
    data = {"a": named("a", 10)}
    stages = [Stage(0.75, "in_batch"), Stage(0.25, "hard")]
    records = TrainingRecords(data, stages, "hybrid", length=10, total=8 * 8, batch_size=8, seed=0)
    assert len(records) == 16
    steps = []
    for step in range(8):
        records.set_epoch(step // 2)
        batch = [records[(step % 2) * 8 + place]["_candidates"] for place in range(8)]
        assert len(set(batch)) == 1
        steps.append(batch[0])
    assert steps == ["in_batch"] * 6 + ["hard"] * 2


def test_a_stage_without_candidates_takes_those_of_the_training():
    found = order([Stage(1.0, None, {"a": 1}), Stage(1.0, "in_batch", {"a": 1})])
    assert found[0]["_candidates"] == "hard" and found[-1]["_candidates"] == "in_batch"


def test_every_record_comes_before_any_comes_twice():
    found = order([Stage(0.5, None, {"a": 1}), Stage(0.5, None, {"b": 1})], total=240, batch=4)
    first = [record["id"] for record in found[:120]]
    assert len(set(first[:60])) == 60 and len(set(first[60:])) == 60
    assert first[:60] != first[60:] != sorted(first[60:])


def test_the_same_seed_gives_the_same_order_and_another_another():
    stages = [Stage(mixture={"a": 1, "b": 1}), Stage()]
    first, again, other = ([record["id"] for record in order(stages, seed=seed)] for seed in (0, 0, 1))
    assert first == again != other


def test_records_say_their_place_for_seeded_choices():
    found = order([Stage(), Stage()])
    assert found[0]["_draw"] == (0, 0) and found[250]["_draw"] == (2, 42)  # epochs of 104, full batches of 8


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Stage(share=0), "share=0"),
        (lambda: Stage(share=float("inf")), "share=inf"),
        (lambda: Stage(candidates="some"), "some"),
        (lambda: Stage(mixture={"a": float("nan"), "b": 1}), "0 or more"),
        (lambda: Stage(mixture={"a": -1}), "0 or more"),
        (lambda: Stage(mixture={"a": 0}), "not all 0"),
        (lambda: order([Stage(mixture={"c": 1}), Stage()]), "'c'; the data sets are a, b"),
    ],
)
def test_what_cannot_be_right_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_random_negatives_are_other_captions_the_same_at_each_evaluation():
    records = tiny_records(30, num_texts=2)
    for record in records[:10]:
        record["caption"] = "a caption that many share"
    evaluation = EvaluationRecords(records, [r["caption"] for r in records], 8, seed=0)
    again = EvaluationRecords(records, [r["caption"] for r in records], 8, seed=0)
    for position, record in enumerate(records):
        found = evaluation[position]
        others = found["negative_captions"][2:]
        assert found["negative_captions"] == again[position]["negative_captions"]
        assert found["negative_captions"][:2] == record["negative_captions"]
        assert found["negative_caption_kinds"] == ["rule"] * 2 + ["random"] * 8
        assert len(set(others)) == 8 and record["caption"] not in others
    assert evaluation[12]["negative_captions"] != evaluation[13]["negative_captions"]


def test_there_are_as_many_random_negatives_as_other_captions():
    records = named("a", 4) + [{"id": "a4", "caption": "a 0"}]
    evaluation = EvaluationRecords(records, [r["caption"] for r in records], 10, seed=0)
    assert sorted(evaluation[4]["negative_captions"]) == ["a 1", "a 2", "a 3"]
    assert sorted(evaluation[1]["negative_captions"]) == ["a 0", "a 2", "a 3"]


def test_captions_that_none_may_have_are_no_random_negatives():
    captions = ["a 0", "a 1", "  ", None, 7, "AB \ud83d"]
    records = [{"caption": caption} for caption in captions]
    evaluation = EvaluationRecords(records, captions, 10, seed=0)
    assert evaluation[0]["negative_captions"] == ["a 1"]


def test_a_record_whose_negatives_are_no_list_is_left_to_the_collator():
    record = {"caption": "a 0", "negative_captions": "a 1"}
    assert EvaluationRecords([record], ["a 0", "a 2"], 10, seed=0)[0] == record
