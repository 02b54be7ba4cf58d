"""Every benchmark's questions become requests with its wording and its pictures, as published files have them."""

import importlib
import os
from functools import partial

import numpy as np
import pytest
from tiny_models import noise_image

from evaluation.benchmark_requests import benchmark_requests, fingerprint
from evaluation.benchmarks import forkme, geoqa
from evaluation.robustness import DISTORTIONS


@pytest.fixture
def data(tmp_path):
    """Three records, two of them with a picture."""
    for number in range(2):
        noise_image(number, (40, 30)).save(tmp_path / f"{number}.png")
    return [
        {"id": str(n), "image": f"{n}.png", "question": f"Question {n}?", "choices": ["4", "5"], "answer": "A"}
        for n in range(3)
    ]


# What the sample of each benchmark holds: its file, the folder of pictures below it, questions, pictures.
SAMPLES = {
    "geoqa": ("geoqa_gllava/test_questions.jsonl", None, 754, 80),
    "geoqa free form": ("geoqa_r1v/geoqa_test_prompts.jsonl", "geoqa_gllava", 754, 80),
    "mathvista": ("mathvista/testmini_geo_alg_float_list.json", None, 335, 109),
    "we_math": ("wemath/testmini_sample.json", None, 85, 85),
    "mm_math": ("mm_math/MM_Math_sample.jsonl", None, 1, 1),
    "geometry3k": ("geometry3k/test", None, 64, 64),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_published_files_name_their_pictures(name, real_data):
    file, folder, count, pictures = SAMPLES[name]
    benchmark = importlib.import_module(f"evaluation.benchmarks.{name.split()[0]}")
    records = benchmark.load(real_data / file)
    requests = benchmark_requests(benchmark, records, real_data / file, folder and real_data / folder)
    assert len(requests) == count and all(len(request.pictures) == 1 for request in requests)
    assert sum(os.path.isfile(request.pictures[0]) for request in requests) == pictures
    assert len({request.prompt for request in requests}) > 0.8 * count
    assert [request.prompt for request in requests] == [benchmark.prompt(record) for record in records]
    shown = next(request for request in requests if os.path.isfile(request.pictures[0]))
    assert min(shown.open()[0].size) > 20


def test_another_wording_has_the_fields_and_the_benchmarks_own_wording(data, tmp_path):
    make = partial(benchmark_requests, forkme, data, tmp_path / "data.json")
    asked = make(template="{{ question }} Of {{ choices | length }}:\n{{ prompt.splitlines()[1] }}")
    assert asked[1].prompt == "Question 1? Of 2:\nA. 4"
    assert fingerprint(asked) != fingerprint(make())
    with pytest.raises(ValueError, match="fails at question '0': 'hint' is undefined; there are prompt, id, image"):
        make(template="{{ hint }}")
    with pytest.raises(ValueError, match="the template of --prompt is wrong"):
        make(template="{{ question")
    with pytest.raises(ValueError, match="unsafe"):
        make(template="{{ question.__class__.__mro__ }}")


def test_a_distortion_is_the_same_for_a_question_wherever_it_stands(data, tmp_path):
    distorted = benchmark_requests(forkme, data[:2], tmp_path / "data.json", distortions=["jitter", "jpeg"])
    turned_round = benchmark_requests(forkme, data[1::-1], tmp_path / "data.json", distortions=["jitter", "jpeg"])
    plain = benchmark_requests(forkme, data[:2], tmp_path / "data.json")
    pixels = [np.asarray(request.open()[0]) for request in (*distorted, turned_round[1], plain[0])]
    assert np.array_equal(pixels[0], pixels[2]) and not np.array_equal(pixels[0], pixels[3])
    for name in DISTORTIONS:
        benchmark_requests(forkme, data[:1], tmp_path / "data.json", distortions=[name])[0].open()
    with pytest.raises(ValueError, match="there is no distortion 'blur'; there are rotate30"):
        benchmark_requests(forkme, data, tmp_path / "data.json", distortions=["blur"])


def test_pictures_that_are_all_missing_are_a_sentence(data, tmp_path):
    with pytest.raises(ValueError, match="there is no folder .*none; --image_folder names"):
        benchmark_requests(forkme, data, tmp_path / "data.json", tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="none of the 3 pictures is in .*empty, such as .*0.png"):
        benchmark_requests(forkme, data, tmp_path / "data.json", tmp_path / "empty")
    assert len(benchmark_requests(forkme, data, tmp_path / "data.json")) == 3
    with pytest.raises(ValueError, match="question '7' names no picture: its record has no 'image'"):
        benchmark_requests(geoqa, [{"question_id": 7, "text": "a"}], tmp_path / "data.json")


def test_a_picture_that_is_put_there_later_is_no_other_question(data, tmp_path):
    before = fingerprint(benchmark_requests(forkme, data, tmp_path / "data.json"))
    noise_image(2).save(tmp_path / "2.png")
    assert fingerprint(benchmark_requests(forkme, data, tmp_path / "data.json")) == before
    others = [{**record, "image": "0.png"} for record in data]
    assert fingerprint(benchmark_requests(forkme, others, tmp_path / "data.json")) != before
