"""`mmgeolm evaluate --model`: responses are scored; a run that is killed, shared or repeated gives the same file."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from stage_runs import saved_lmm
from tiny_models import noise_image
from tiny_other_lmms import tiny_other_lmm

from dataset_builders.questions import questions_dataset
from evaluation.benchmarks import questions
from evaluation.robustness import distort
from mmgeolm.answering import answer, load_lmm
from mmgeolm.cli import main

ROOT = Path(__file__).parents[2]
TWO_CPUS = ROOT / "examples" / "accelerate_configs" / "two_cpus.yaml"
TOKENS = 6


@pytest.fixture(scope="module")
def lmm(tmp_path_factory) -> Path:
    """The folder of a tiny LMM whose answers depend on picture and question."""
    folder = tmp_path_factory.mktemp("lmm")
    saved_lmm(folder)
    model, _ = load_lmm(folder, device="cpu")
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.15 * torch.randn(parameter.shape, generator=generator))
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory, lmm) -> Path:
    """24 questions as a saved data set, of which the model answers the first eight rightly."""
    images = [noise_image(number, (40 + number, 30)) for number in range(24)]
    asked = [f"Question {number}? " + "AB " * (number % 5) for number in range(24)]
    said = answer(*load_lmm(lmm, device="cpu"), images, asked, max_new_tokens=TOKENS)
    assert len(set(said)) > 20
    rows = [
        {"id": f"q{n}", "image": images[n], "question": asked[n], "answer": said[n] if n < 8 else "§",
         "benchmark": "generated", "answer_type": "name", "category": ["even", "odd"][n % 2 : n % 2 + 1]}
        for n in range(24)
    ]  # fmt: skip
    folder = tmp_path_factory.mktemp("data") / "questions"
    found, bad = questions_dataset(rows, "a test")
    assert not bad
    found.save_to_disk(str(folder))
    return folder


def arguments(lmm, data, output_dir, **settings) -> list[str]:
    shared = {"benchmark": "questions", "data": data, "model": lmm, "output_dir": output_dir, "batch_size": 4}
    parts = ["evaluate"]
    for name, value in {**shared, "max_new_tokens": TOKENS, **settings}.items():
        parts += [f"--{name}", *map(str, value if isinstance(value, list) else [value])]
    return parts


@pytest.fixture
def here(monkeypatch, capsys):
    """The command in this process: what it printed, or the sentence that it ended with."""

    def run(*given: str) -> str:
        monkeypatch.setattr(sys, "argv", ["mmgeolm", *given])
        try:
            main()
        except SystemExit as end:
            assert isinstance(end.code, str)
            return end.code
        return capsys.readouterr().out

    return run


LAUNCHERS = {
    "none": ["-m"],
    "torchrun": ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m"],
    "accelerate": ["-m", "accelerate.commands.launch", "--config_file", str(TWO_CPUS), "-m"],
}


def start(given: list[str], launcher: str = "none") -> subprocess.Popen:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}
    return subprocess.Popen(
        [sys.executable, *LAUNCHERS[launcher], "mmgeolm", *given],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Where tests run in the background of a shell, an interrupt would be ignored by what they start, too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_models_responses_are_scored_as_if_they_were_read_from_a_file(lmm, data, here, tmp_path):
    printed = here(*arguments(lmm, data, tmp_path / "asked"))
    assert "| even | 12 | 33.3 " in printed and "| odd | 12 | 33.3 " in printed
    rows = lines(tmp_path / "asked" / "responses.jsonl")
    assert [row["id"] for row in rows] == [f"q{number}" for number in range(24)]
    read = ["evaluate", "--benchmark", "questions", "--data", str(data), "--output_dir", str(tmp_path / "read")]
    here(*read, "--responses", str(tmp_path / "asked" / "responses.jsonl"))
    asked, read = (json.loads((tmp_path / name / "scores.json").read_text()) for name in ("asked", "read"))
    assert asked["scores"] == read["scores"] and asked["scores"]["all"]["official"]["correct"] == 8
    assert asked["generation"]["max_new_tokens"] == TOKENS and asked["not_asked"] == {}
    verdicts = [(tmp_path / name / "verdicts.jsonl").read_text() for name in ("asked", "read")]
    assert verdicts[0] == verdicts[1]


STOPPED = "Stopped. Run the same command again: responses of a model in --output_dir are kept."


@pytest.mark.parametrize(
    ("stop", "code", "sentence"), [(signal.SIGKILL, -signal.SIGKILL, ""), (signal.SIGINT, 130, STOPPED)]
)
def test_a_run_that_is_killed_or_interrupted_goes_on_and_gives_the_same_file(
    stop, code, sentence, lmm, data, here, tmp_path
):
    long = {"max_new_tokens": 50, "batch_size": 2}
    process = start(arguments(lmm, data, tmp_path / "killed", **long))
    part = tmp_path / "killed" / "responses-part-0.jsonl"
    while process.poll() is None and (not part.exists() or len(part.read_bytes().splitlines()) < 4):
        time.sleep(0.02)
    process.send_signal(stop)
    said = process.communicate(timeout=60)[0]
    assert process.returncode == code and "Traceback" not in said, said[-2000:]
    assert said.strip().endswith(sentence), said[-2000:]
    written = part.read_bytes()
    assert 4 <= len(written.splitlines()) < 24 and not (tmp_path / "killed" / "scores.json").exists()
    here(*arguments(lmm, data, tmp_path / "killed", **long))
    here(*arguments(lmm, data, tmp_path / "whole", **long))
    killed, whole = ((tmp_path / name / "responses.jsonl").read_bytes() for name in ("killed", "whole"))
    assert killed == whole
    kept = [json.loads(line) for line in written.splitlines() if line.endswith(b"}")]
    assert all(row in lines(tmp_path / "killed" / "responses.jsonl") for row in kept)


@pytest.mark.parametrize("launcher", ["torchrun", "accelerate"])
def test_two_processes_give_the_file_of_one(launcher, lmm, data, here, tmp_path):
    process = start(arguments(lmm, data, tmp_path / "two"), launcher)
    said = process.communicate(timeout=120)[0]
    assert process.returncode == 0, said[-3000:]
    assert said.count("Written to") == 1
    here(*arguments(lmm, data, tmp_path / "one"))
    for name in ("responses.jsonl", "verdicts.jsonl"):
        assert (tmp_path / "two" / name).read_text() == (tmp_path / "one" / name).read_text()
    assert not list((tmp_path / "two").glob("responses-part-*"))


def test_a_finished_run_is_scored_again_without_the_model(lmm, data, here, tmp_path, monkeypatch):
    here(*arguments(lmm, data, tmp_path))
    before = (tmp_path / "responses.jsonl").read_bytes()

    def never(*_):
        raise AssertionError("the model was loaded")

    monkeypatch.setattr("mmgeolm.benchmark_responses.load_lmm", never)
    assert "| all | 24 | 33.3 " in here(*arguments(lmm, data, tmp_path))
    assert (tmp_path / "responses.jsonl").read_bytes() == before


def test_other_settings_do_not_mix_with_what_is_there(lmm, data, here, tmp_path):
    here(*arguments(lmm, data, tmp_path))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    (tmp_path / "short.txt").write_text("{{ question }} Be short.")
    for change, named in (
        ({"max_new_tokens": 7}, "max_new_tokens was 6 and is 7"),
        ({"distort": ["rotate30"]}, "distort was"),
        ({"prompt": tmp_path / "short.txt"}, 'prompt was "the benchmark\'s own" and is'),
    ):
        assert named in here(*arguments(lmm, data, tmp_path, **change))
    os.utime(lmm / "model.safetensors")
    assert "model files (fingerprint) was" in here(*arguments(lmm, data, tmp_path))
    assert {name: (tmp_path / name).read_bytes() for name in before} == before


def test_a_distortion_and_a_wording_reach_the_model(lmm, data, here, tmp_path):
    (tmp_path / "short.txt").write_text("{{ question }} Be short.\n")
    changes = {"plain": {}, "turned": {"distort": ["rotate30"]}, "worded": {"prompt": tmp_path / "short.txt"}}
    for name, change in changes.items():
        here(*arguments(lmm, data, tmp_path / name, **change))
    said = [tuple(row["response"] for row in lines(tmp_path / name / "responses.jsonl")) for name in changes]
    assert len(set(said)) == 3
    turned = [distort(noise_image(number, (40 + number, 30)), "rotate30", 0) for number in range(24)]
    asked = [record["question"] for record in questions.load(data)]
    assert said[1] == tuple(answer(*load_lmm(lmm, device="cpu"), turned, asked, max_new_tokens=TOKENS))
    assert json.loads((tmp_path / "turned" / "scores.json").read_text())["generation"]["distort"] == ["rotate30"]


def test_any_architecture_is_asked(data, here, tmp_path):
    model, processor = tiny_other_lmm("idefics3")
    model.save_pretrained(tmp_path / "other")
    processor.save_pretrained(tmp_path / "other")
    assert "| all | 24 |" in here(*arguments(tmp_path / "other", data, tmp_path / "out"))
    records = questions.load(data)
    images = [noise_image(number, (40 + number, 30)) for number in range(24)]
    expected = answer(model, processor, images[:3], [record["question"] for record in records[:3]], max_new_tokens=6)
    assert [row["response"] for row in lines(tmp_path / "out" / "responses.jsonl")][:3] == expected


@pytest.fixture
def files(tmp_path) -> Path:
    """Three questions in JSON with their pictures in a folder."""
    rows = [
        {"id": str(n), "image": f"{n}.png", "question": f"Question {n}?", "answer": "AB", "answer_type": "name"}
        for n in range(3)
    ]
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "data.json").write_text(json.dumps(rows))
    for number in range(3):
        noise_image(number, (40, 30)).save(tmp_path / "files" / f"{number}.png")
    return tmp_path / "files"


def test_a_bad_picture_costs_its_question_only_and_is_asked_when_it_is_mended(lmm, files, here, tmp_path):
    (files / "1.png").write_bytes(b"no picture")
    printed = here(*arguments(lmm, files / "data.json", tmp_path / "out"))
    assert "1 questions could not be asked and count as wrong, such as '1': the picture" in printed
    scores = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert list(scores["not_asked"]) == ["1"] and scores["missing"] == [] and scores["questions"] == 3
    assert lines(tmp_path / "out" / "responses.jsonl")[1]["response"] == ""
    noise_image(1, (40, 30)).save(files / "1.png")
    assert "could not be asked" not in here(*arguments(lmm, files / "data.json", tmp_path / "out"))
    here(*arguments(lmm, files / "data.json", tmp_path / "whole"))
    mended, whole = ((tmp_path / name / "responses.jsonl").read_bytes() for name in ("out", "whole"))
    assert mended == whole


def test_what_could_not_be_asked_gets_the_same_scores_when_its_file_is_read(lmm, here, tmp_path):
    # An empty response is the shortest choice to MathVista's rule, and here that is the right one.
    record = {"question": "How long is AB?", "answer": "5", "choices": ["500", "5", "5000"], "unit": None,
              "precision": None, "question_type": "multi_choice", "answer_type": "text",
              "metadata": {"skills": ["geometry reasoning"], "task": "geometry problem solving"}}  # fmt: skip
    records = {str(n): {"pid": str(n), "image": f"images/{n}.png", **record} for n in range(3)}
    (tmp_path / "images").mkdir()
    (tmp_path / "testmini.json").write_text(json.dumps(records))
    for number in (0, 2):
        noise_image(number, (40, 30)).save(tmp_path / "images" / f"{number}.png")
    (tmp_path / "images" / "1.png").write_bytes(b"no picture")
    asked, read = tmp_path / "asked", tmp_path / "read"
    here(*arguments(lmm, tmp_path / "testmini.json", asked, benchmark="mathvista"))
    shared = ["--benchmark", "mathvista", "--data", str(tmp_path / "testmini.json"), "--output_dir", str(read)]
    printed = here("evaluate", *shared, "--responses", str(asked / "responses.jsonl"))
    assert "1 questions could not be asked and count as wrong, such as '1': the picture" in printed
    found = [json.loads((folder / "scores.json").read_text()) for folder in (asked, read)]
    assert list(found[1]["not_asked"]) == ["1"] and found[1]["missing"] == []
    assert {*found[0]} - {*found[1]} == {"generation"}
    assert all(found[0][name] == value for name, value in found[1].items() if name != "versions")
    verdicts = [lines(folder / "verdicts.jsonl") for folder in (asked, read)]
    assert verdicts[0] == verdicts[1]
    assert verdicts[1][1] == {"id": "1", "extracted": None, "official": False, "fair": False}


def test_what_is_wrong_from_the_start_is_one_sentence_and_leaves_nothing(lmm, files, here, tmp_path):
    for change, sentence in (
        ({"image_folder": tmp_path / "none"}, "there is no folder"),
        ({"image_folder": lmm}, "none of the 3 pictures is in"),
        ({"model": tmp_path / "none"}, "There is no folder"),
        ({"engine": "llama.cpp"}, "--engine is 'llama.cpp'; it must be one of transformers, vllm"),
        ({"engine": "vllm"}, "the engine vllm needs the package vllm"),
        ({"batch_size": 0}, "--batch_size must be at least 1"),
        ({"dtype": "float33"}, "--dtype is 'float33'"),
        ({"distort": ["blur"]}, "there is no distortion 'blur'"),
        ({"prompt": tmp_path / "none.txt"}, "--prompt"),
        ({"responses": files / "data.json"}, "pass not both --model and --responses"),
        ({"benchmark": "question"}, "did you mean questions?"),
    ):
        words = here(*arguments(lmm, files / "data.json", tmp_path / "out", **change))
        assert words.startswith("mmgeolm evaluate: ") and sentence in words and "\n" not in words.strip()
        assert not (tmp_path / "out").exists()
