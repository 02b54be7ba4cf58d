"""Ctrl-C, which a terminal sends to all processes of the verb: one sentence says how to go on.

The stops of `negatives`, `align`, `evaluate` and of studies at full size are tested beside these verbs.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import transformers
from tiny_models import noise_image, save_backbone

from mmgeolm.cli import GOES_ON, VERBS, main

ROOT = Path(__file__).parents[2]


def start(*arguments: object) -> subprocess.Popen:
    """The command line in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "mmgeolm", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Where tests run in the background of a shell, an interrupt would be ignored by what they start, too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def stopped(process: subprocess.Popen, ready: Callable[[], bool]) -> str:
    """Interrupt the group once it is `ready`; the last line of what it said, after the checks that hold for all."""
    end = time.monotonic() + 120
    while not ready():
        assert process.poll() is None and time.monotonic() < end, process.communicate()[1]
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    words = process.communicate(timeout=60)[1]
    assert process.returncode == 130 and "Traceback" not in words, words
    return words.strip().splitlines()[-1]


@pytest.fixture
def run(monkeypatch) -> Iterator[Callable]:
    """The command line in this process, to its end."""

    def to_the_end(*arguments: object) -> None:
        monkeypatch.setattr(sys, "argv", ["mmgeolm", *map(str, arguments)])
        main()

    verbosity = transformers.utils.logging.get_verbosity()
    yield to_the_end
    transformers.utils.logging.set_verbosity(verbosity)


@pytest.fixture(scope="module")
def training(tmp_path_factory) -> list[object]:
    """The command line of a training that saves every second step."""
    folder = tmp_path_factory.mktemp("training")
    save_backbone("clip", folder / "backbone")
    records = []
    for number in range(8):
        noise_image(number).save(folder / f"{number}.png")
        turns = [{"from": "human", "value": "<image>\nDescribe."}, {"from": "gpt", "value": f"AB = {number}."}]
        negatives = [f"AB = {number + 10}."]
        records.append(
            {"positive_image_path": f"{number}.png", "conversations": turns, "negative_captions": negatives}
        )
    (folder / "text.json").write_text(json.dumps(records))
    return [
        *("mmclip", "--model_name_or_path", folder / "backbone", "--train_file", folder / "text.json"),
        *("--output_dir", folder / "out", "--per_device_train_batch_size", 4, "--use_cpu", "true"),
        *("--save_steps", 2, "--save_total_limit", 3, "--lr_scheduler_type", "constant", "--disable_tqdm", "true"),
    ]


def test_a_training_goes_on_from_its_last_checkpoint(training, run):
    out = Path(training[training.index("--output_dir") + 1])

    def steps() -> list[int]:
        return sorted(int(path.parent.name.split("-")[1]) for path in out.glob("checkpoint-*/trainer_state.json"))

    said = stopped(start(*training, "--max_steps", 5000), lambda: len(steps()) > 1)
    last = steps()[-1]
    assert said.startswith("Stopped at step ")
    assert said.endswith(f"; go on from checkpoint-{last} with the same command and --resume_from_checkpoint true.")
    kept = (out / f"checkpoint-{last}" / "trainer_state.json").stat().st_mtime_ns
    run(*training, "--max_steps", last + 2, "--resume_from_checkpoint", "true")
    assert steps()[-1] == last + 2
    # A run from the beginning would have come by, and written it anew.
    assert (out / f"checkpoint-{last}" / "trainer_state.json").stat().st_mtime_ns == kept


def test_to_resume_before_the_first_checkpoint_is_to_begin(training, run, tmp_path):
    command = [tmp_path if part == training[training.index("--output_dir") + 1] else part for part in training]
    run(*command, "--max_steps", 1, "--resume_from_checkpoint", "true")
    assert (tmp_path / "model.safetensors").exists()


def test_parts_that_are_finished_are_kept(training, run, tmp_path):
    backbone, data = (training[training.index(name) + 1] for name in ("--model_name_or_path", "--train_file"))
    encoders = [f"{number}={backbone}" for number in range(12)]
    command = ("retrieval", "--encoders", *encoders, "--data", data, "--device", "cpu", "--output_dir", tmp_path)

    def written() -> dict[str, int]:
        return {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("scores/[0-9]*-cut.npz")}

    said = stopped(start(*command), lambda: len(written()) > 1)
    assert (
        said
        == "Stopped. Run the same command again: scores of each encoder that are finished in --output_dir are kept."
    )
    kept = written()
    assert 1 < len(kept) < 12 and not (tmp_path / "results.md").exists()
    run(*command)
    assert len(written()) == 12 and written().items() >= kept.items()
    assert (tmp_path / "results.md").exists()


def test_processes_of_a_quickstart_end_with_it_and_say_nothing(tmp_path):
    process = start("quickstart", "--steps", 400, "--scenes", 1000, "--output_dir", tmp_path)

    def processes() -> int:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        return sum(b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes() for child in children)

    said = stopped(process, lambda: processes() == 2)
    assert said.startswith("Stopped. Run the same command again")


def test_a_verb_that_loads_its_libraries_stops_with_a_sentence():
    process = start("ask", "model", "a.png", "What?")
    said = stopped(process, lambda: "/libtorch" in Path(f"/proc/{process.pid}/maps").read_text())
    assert said == "Stopped. Nothing of it is kept: the same command begins again."


COMMANDS = [(verb,) for verb in VERBS] + [("negatives", "audit"), ("negatives", "code")]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_verb_says_how_to_go_on_wherever_it_is_stopped(command, run, monkeypatch, capsys):
    def stop(arguments: list[str]) -> None:
        assert arguments == list(command[1:])
        raise KeyboardInterrupt

    monkeypatch.setattr(f"mmgeolm.scripts.{command[0]}.main", stop)
    with pytest.raises(SystemExit) as end:
        run(*command)
    assert end.value.code == 130
    sentence = GOES_ON.get(" ".join(command), GOES_ON[command[0]])
    assert capsys.readouterr().err == f"\nStopped. {sentence}\n"


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_verb_has_the_options_that_its_sentence_names(command, run, capsys):
    named = re.findall(r"--\w+", GOES_ON.get(" ".join(command), GOES_ON[command[0]]))
    if command == ("negatives",):  # its options are those of its verbs
        command = ("negatives", "code")
    try:
        run(*command, "--help")
    except SystemExit as end:
        assert not end.code
    shown = capsys.readouterr().out
    assert shown.startswith("usage: ") and all(f"{option} " in shown for option in named), named


def test_workers_that_are_still_loading_say_nothing(tmp_path):
    command = ("negatives", "code", "--num_records", 4000, "--num_negatives", 3, "--num_proc", 2)
    process = start(*command, "--output_dir", tmp_path)

    def workers() -> int:
        found = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        lines = [Path(f"/proc/{number}/cmdline").read_text() for number in found]
        return sum("spawn_main" in line for line in lines)

    said = stopped(process, lambda: workers() == 2)
    assert said.startswith("Stopped before the first records; what is made is kept. Run the same command again")
