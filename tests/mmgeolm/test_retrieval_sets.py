"""Retrieval sets: candidates that are distinct and false of their anchor, from generated diagrams and from records."""

import io
from functools import partial

import numpy as np
import pytest
from PIL import Image
from tiny_models import noise_image, tiny_records

from dataset_builders.build import build
from dataset_builders.code_records import code_record, load_built
from dataset_builders.diagram.facts import facts_of, refuted
from dataset_builders.diagram.figure import solve
from dataset_builders.diagram.program import parse
from dataset_builders.negatives.image import SIMPLE_DIAGRAMS
from dataset_builders.records import hard_negatives_dataset
from dataset_builders.sources.geometry3k import load_geometry3k
from evaluation import hits_of
from mmgeolm.retrieval_sets import DrawnImages, blind_scores, generated_sets, joined, record_sets

NAMES = ["random", "retrieval", "rule", "image", "rule_exchangeable", "image_exchangeable"]


@pytest.fixture(scope="module")
def generated():
    return generated_sets(24, 4, seed=3, scenes="simple")


def test_there_are_six_sets_of_distinct_candidates(generated):
    assert list(generated.sets) == NAMES
    for name, part in generated.sets.items():
        assert part.of_images == name.startswith("image") and part.kind == name.removesuffix("_exchangeable")
        assert len(part.anchors) == len(part.candidates) == 24
        assert all(len(row) == len(set(row)) == 5 for row in part.candidates)


def test_no_negative_of_generated_sets_is_true(generated):
    def figure(program):
        return solve(parse(program), SIMPLE_DIAGRAMS.limits)

    images, rule = generated.sets["image"], generated.sets["rule"]
    program_of = dict(zip((text for row in rule.candidates for text in row), sum(images.candidates, []), strict=True))
    program_of |= {row[0]: program for row, program in zip(rule.candidates, rule.anchors, strict=True)}
    exchangeable = zip(
        sum(generated.sets["rule_exchangeable"].candidates, []),
        sum(generated.sets["image_exchangeable"].candidates, []),
        strict=True,
    )
    program_of |= dict(exchangeable)
    for name, part in generated.sets.items():
        for anchor, row in zip(part.anchors, part.candidates, strict=True):
            for negative in row[1:]:
                picture, text = (negative, anchor) if part.of_images else (anchor, negative)
                facts = facts_of(parse(program_of[text]))
                assert any(refuted(figure(picture), fact) for fact in facts), (name, text)


def test_sets_depend_on_the_seed_alone(generated):
    again, other = (generated_sets(24, 4, seed, "simple") for seed in (3, 4))
    assert again.sets == generated.sets != other.sets
    program = generated.sets["image"].candidates[0][1]
    assert again.images[program].tobytes() == generated.images[program].tobytes()
    # Of more anchors the first ones are the same.
    assert generated_sets(30, 4, 3, "simple").sets["rule"].candidates[:24] == generated.sets["rule"].candidates


def test_other_fonts_change_the_letters_and_nothing_else_is_named_anew(generated):
    other = generated.images.in_other_fonts()
    assert isinstance(other, DrawnImages) and list(other) == list(generated.images)
    for program in generated.sets["image"].candidates[0]:
        before, after = (np.asarray(images[program], dtype=int) for images in (generated.images, other))
        assert before.shape == after.shape and 0.001 < (np.abs(before - after) > 64).mean() < 0.2


def test_the_blind_baseline_finds_the_centre_and_not_the_exchangeable_positive():
    data = generated_sets(60, 6, seed=0, scenes="simple")
    found = {name: hits_of(scores) for name, scores in blind_scores(data).items()}
    assert found["rule"].hit1 > 60 and found["image"].hit1 > 40
    for name in ("rule_exchangeable", "image_exchangeable"):
        assert found[name].hit1 < found[name].chance + 16


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="`scenes` is 'photo'"):
        generated_sets(4, 2, scenes="photo")
    with pytest.raises(ValueError, match="`num_negatives` is 0"):
        generated_sets(4, 0)
    with pytest.raises(ValueError, match="fewer than 10 different captions to offer as random negatives"):
        generated_sets(3, 10, scenes="simple")


def encoded(number: int) -> dict:
    file = io.BytesIO()
    noise_image(number).save(file, "PNG")
    return {"bytes": file.getvalue(), "path": None}


@pytest.fixture(scope="module")
def records():
    """Twelve records: three negative captions and two negative images, but for the first two."""
    rows = tiny_records(12)
    rows[0] |= {"negative_captions": ["only one"], "negative_caption_kinds": ["rule"]}
    rows[1] |= {"negative_images": [], "negative_image_captions": []}
    return hard_negatives_dataset(rows, "test")[0]


def test_records_give_a_set_for_each_kind_with_any_number_of_negatives(records):
    data = record_sets(records, "exams", num_anchors=500, num_negatives=2)
    assert list(data.sets) == ["exams/random", "exams/retrieval", "exams/rule", "exams/image"]
    rule, image = data.sets["exams/rule"], data.sets["exams/image"]
    assert sorted(map(len, rule.candidates)) == [2, *[3] * 11]
    assert len(image.anchors) == 11 and image.of_images
    caption_of = {names["caption"]: names for names in records.select_columns(["caption"])}
    assert set(image.anchors) < set(caption_of)
    for anchor, row in zip(rule.anchors, rule.candidates, strict=True):
        number = records["caption"][:].index(row[0])
        assert data.images[anchor].tobytes() == records[number]["image"].tobytes()
    for anchor, row in zip(image.anchors, image.candidates, strict=True):
        record = records[records["caption"][:].index(anchor)]
        assert [data.images[name].tobytes() for name in row] == [
            picture.tobytes() for picture in (record["image"], *record["negative_images"])
        ]


def test_equal_images_have_one_name_and_repeated_negatives_count_once():
    rows = [
        {
            "image": encoded(1),
            "caption": "a",
            "negative_captions": ["b", "b", "a"],
            "negative_caption_kinds": ["rule"] * 3,
        },
        {"image": encoded(1), "caption": "c", "negative_captions": ["d"], "negative_caption_kinds": ["rule"]},
    ]
    data = record_sets(hard_negatives_dataset(rows, "test")[0], "twice")
    rule = data.sets["twice/rule"]
    assert len(set(rule.anchors)) == len(data.images) == 1
    assert sorted(rule.candidates) == [["a", "b"], ["c", "d"]]


def test_records_with_unreadable_images_are_left_out_and_logged(caplog):
    rows = [{"image": encoded(i), "caption": f"caption {i}"} for i in range(4)]
    rows[2]["image"] = {"bytes": rows[2]["image"]["bytes"][:200], "path": None}
    data = record_sets(hard_negatives_dataset(rows, "test")[0], "cut")
    assert len(data.sets["cut/random"].anchors) == 3
    assert "Record 2 is left out" in caplog.text


def test_data_without_two_anchors_is_refused():
    dataset = hard_negatives_dataset([{"image": encoded(0), "caption": "alone"}], "test")[0]
    with pytest.raises(ValueError, match="lonely has no two records to rank"):
        record_sets(dataset, "lonely")


def test_sets_without_pixels_are_drawn_from_their_programs(tmp_path):
    options = {"seed": 0, "num_negatives": 2, "images": "programs", "size": 96, "styles": False, "with_markings": True}
    build(partial(code_record, **options), 4, tmp_path / "built", options=options)
    data = record_sets(load_built(tmp_path / "built"), "mine", num_negatives=2)
    part = data.sets["mine/image"]
    assert len(part.anchors) == 4 and all(len(row) == 3 for row in part.candidates)
    stored = code_record(0, **{**options, "images": "embed"})
    row = part.candidates[part.anchors.index(stored["caption"])]
    pictures = [Image.open(io.BytesIO(image["bytes"])) for image in (stored["image"], *stored["negative_images"])]
    assert [data.images[name].tobytes() for name in row] == [picture.tobytes() for picture in pictures]


def test_real_diagrams_are_ranked_among_rule_negatives_of_any_number(real_data):
    problems = load_geometry3k(real_data / "geometry3k" / "test", 10, 0).select(range(20))
    data = record_sets(problems, "g3k", num_negatives=10)
    own = dict(zip(problems["caption"], problems["negative_captions"], strict=True))
    for row in data.sets["g3k/rule"].candidates:
        assert row[1:] == own[row[0]][:10]
    blind = blind_scores(data)
    assert blind["g3k/random"].shape == (20, 11) and np.isfinite(blind["g3k/random"]).all()


def test_several_data_sets_are_joined(records):
    parts = [record_sets(records.select(range(start, start + 6)), name) for start, name in ((0, "a"), (6, "b"))]
    data = joined(parts)
    assert {name.split("/")[0] for name in data.sets} == {"a", "b"}
    for part in data.sets.values():
        assert all(name in data.images for name in (sum(part.candidates, []) if part.of_images else part.anchors))
