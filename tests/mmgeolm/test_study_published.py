"""Studies by the library's own commands: what is run, in which order, what is taken up, and that it runs."""

import os
import signal
import sys
import threading
import time
from importlib import import_module
from pathlib import Path

import pytest
import yaml
from published_layouts import lines, png, written
from stage_runs import QUIET, save
from tiny_llms import tiny_llm
from tiny_models import noise_image, save_backbone

from dataset_builders.records import hard_negatives_dataset
from mmgeolm.scripts.study import main
from mmgeolm.studies.definitions import STUDIES
from mmgeolm.studies.published import FullSize, _run, command_line, commands, published_table, run_commands

KINDS = ("random", "retrieval", "rule", "image", "template", "letters")


@pytest.fixture(scope="module")
def size(tmp_path_factory) -> FullSize:
    """Tiny models and data in the layout that is asked for."""
    folder = tmp_path_factory.mktemp("full size")
    data, recipes = folder / "data", folder / "recipes"
    for kind in KINDS:
        records = [
            {
                "image": noise_image(n),
                "caption": f"AB is {n}",
                "negative_captions": [f"AB is {n + 10 + k}" for k in range(3)],
                "negative_caption_kinds": ["rule"] * 3,
                "negative_images": [noise_image(100 + 3 * n + k) for k in range(3)],
                "negative_image_captions": [f"AB is {n + 10 + k}" for k in range(3)],
            }
            for n in range(4)
        ]
        hard_negatives_dataset(records, "test")[0].save_to_disk(str(data / kind))
    for name in ("align", "sft"):
        save([([noise_image(n)], "How long is AB?", f"{n}") for n in range(4)], data / name)
    question = "How long is AB?\nChoices:\nA:5\nB:6\nC:7\nD:8"
    written(
        data / "geoqa" / "test_questions.jsonl",
        lines({"question_id": n, "image": f"{n}.png", "text": question} for n in range(3)),
    )
    written(data / "geoqa" / "test_answers.jsonl", lines({"question_id": n, "text": "A"} for n in range(3)))
    problem = {"question": "How long is AB?", "solution": "It is $\\boxed{5}$.", "year": "eight", "difficult": "easy"}
    knowledge = {"level_1": "Properties of Shapes", "level_2": "Triangle"}
    written(
        data / "mm_math" / "MM_Math.jsonl",
        lines({**problem, "file_name": f"{n}.png", "knowledge": knowledge} for n in range(3)),
    )
    for n in range(3):
        for place in ("geoqa", "mm_math"):
            written(data / place / f"{n}.png", png(32))
    recipes.mkdir()
    for name in ("align", "sft"):
        settings = {
            **QUIET,
            "max_steps": 1,
            "per_device_train_batch_size": 2,
            "output_dir": "elsewhere",
            "data": ["x"],
        }
        (recipes / f"{name}.yaml").write_text(yaml.safe_dump(settings))
    language_model, tokenizer = tiny_llm("qwen2")
    language_model.save_pretrained(folder / "llm")
    tokenizer.save_pretrained(folder / "llm")
    training = {**QUIET, "max_steps": 1, "per_device_train_batch_size": 2}
    options = tuple(part for name, value in training.items() for part in (f"--{name}", str(value)))
    encoder = save_backbone("clip", folder / "encoder")
    return FullSize(
        data, recipes, encoder, str(folder / "llm"), encoder_options=options,
        evaluate_options=("--max_new_tokens", "3", "--batch_size", "3"),
    )  # fmt: skip


def test_each_encoder_is_trained_once_and_after_the_one_it_begins_from(size, tmp_path):
    parts = commands(list(STUDIES.values()), size, tmp_path)
    results = [part.result for part in parts]
    assert len(results) == len(set(results))
    made: set[str] = {size.encoder, size.llm}
    for part in parts:
        for flag in ("--model_name_or_path", "--mmclip", "--model"):
            if flag in part.arguments:
                assert part.arguments[part.arguments.index(flag) + 1] in made, part
        made |= {str(part.result), str(part.result.parent)}
    number = next(part for part in parts if part.result.name == "retrieval30-0")
    assert number.arguments[number.arguments.index("--max_negatives") + 1] == "30"
    pairs = next(part for part in parts if part.result.name == "in_batch__random-0")
    assert "in_batch" in pairs.arguments and "--max_negatives" not in pairs.arguments


def test_a_study_runs_from_encoder_to_table(size, tmp_path):
    study = STUDIES["markings"]
    parts = commands([study], size, tmp_path)
    ran: list[str] = []

    def here(line: list[str]) -> None:
        verb, *arguments = line[line.index("mmgeolm") + 1 :]
        ran.append(verb)
        import_module(f"mmgeolm.scripts.{verb}").main(arguments)

    run_commands(parts, None, here)
    assert ran == ["mmclip", "mmclip", *["align", "sft", "evaluate", "evaluate"] * 2]
    assert all(part.finished() for part in parts)
    table = published_table(study, size, tmp_path)
    assert "| letters only | 0.0 (0.0–" in table and "| 51.7 | 28.6 |" in table
    # What is there is not done again; what was lost is.
    run_commands(parts, None, here)
    assert len(ran) == 10
    parts[-1].result.unlink()
    run_commands(parts, None, here)
    assert ran[10:] == ["evaluate"]


def test_a_training_that_was_stopped_goes_on(size, tmp_path):
    part = commands([STUDIES["markings"]], size, tmp_path)[0]
    assert "--resume_from_checkpoint" not in command_line(part)
    state = written(part.result / "checkpoint-5" / "trainer_state.json", "{}")
    line = command_line(part, "accelerate launch -m")
    assert line[:4] == ["accelerate", "launch", "-m", "mmgeolm"]
    assert line[-2:] == ["--resume_from_checkpoint", str(state.parent)]


def test_the_commands_can_be_looked_at_first(size, tmp_path, capsys):
    options = ["--data_dir", str(size.data), "--recipes", str(size.recipes), "--encoder", size.encoder]
    main(["in_batch", "--scale", "paper", *options, "--output_dir", str(tmp_path / "out"), "--dry_run", "true"])
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 3 + 3 * 4 and not (tmp_path / "out").exists()
    assert sum(" mmgeolm mmclip " in line for line in printed) == 3


def test_what_is_missing_is_named(size, tmp_path):
    lacking = FullSize(tmp_path / "data", size.recipes)
    with pytest.raises(ValueError, match="lack .*data/align, .*data/geoqa, .*data/image, .*docs/studies.md"):
        commands([STUDIES["in_batch"]], lacking, tmp_path)


SLOW_TO_END = """
import os, signal, sys, time
from pathlib import Path

def end(*_):
    time.sleep(1)  # as a launcher does that ends what it has started
    Path("ended").touch()
    sys.exit(130)

signal.signal(signal.SIGINT, end)
Path("unnamed").write_text(str(os.getpid()))
Path("unnamed").rename("pid")
time.sleep(60)
"""


def test_an_interrupted_command_has_the_time_to_end(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def interrupt() -> None:
        """What a terminal does: the study and its command at once."""
        end = time.monotonic() + 30
        while not Path("pid").exists() and time.monotonic() < end:
            time.sleep(0.02)
        os.kill(int(Path("pid").read_text()), signal.SIGINT)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        threading.Thread(target=interrupt).start()
        with pytest.raises(KeyboardInterrupt):
            _run([sys.executable, "-c", SLOW_TO_END])
    finally:
        signal.signal(signal.SIGINT, before)
    assert Path("ended").exists()


def test_a_failing_command_ends_the_run_with_its_line(size, tmp_path):
    part = commands([STUDIES["markings"]], size, tmp_path)[0]
    broken = part.__class__(("no_such_verb",), Path(tmp_path / "nowhere"), trains=False)
    with pytest.raises(RuntimeError, match="this command ended with 1; run the study again to go on: .* no_such_verb"):
        run_commands([broken], None)
