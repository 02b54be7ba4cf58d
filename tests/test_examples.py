"""Every example script does what its head says, with tiny models and the options of a user; and the notebooks run."""

import csv
import json
import os
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from loopback_hub import LoopbackHub
from safetensors.torch import load_file
from stage_runs import changed, options, saved_lmm, shapes, weights
from tiny_models import noise_image, save_backbone

from dataset_builders.diagram.questions import question_records

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "examples" / "scripts"
NOTEBOOKS = sorted((ROOT / "examples" / "notebooks").glob("*.ipynb"))
QUICK = {"max_steps": 2, "learning_rate": 1e-2, "per_device_train_batch_size": 4}


@pytest.fixture
def script(monkeypatch, tmp_path):
    """Runs an example script as `python examples/scripts/NAME.py` does, but without importing torch anew."""
    monkeypatch.chdir(tmp_path)  # what it writes elsewhere than to its output folder goes with the test

    def run(name: str, *arguments: object) -> None:
        monkeypatch.setattr(sys, "argv", [f"{name}.py", *map(str, arguments)])
        runpy.run_path(str(SCRIPTS / f"{name}.py"), run_name="__main__")

    return run


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A tiny LMM, instructions and questions with their diagrams, a backbone."""
    folder = tmp_path_factory.mktemp("made")
    saved_lmm(folder / "lmm")
    shapes(folder / "instructions")
    question_records(0, seed=1, held_out=6)["questions"].save_to_disk(str(folder / "questions"))
    save_backbone("clip", folder / "backbone")
    for number in range(6):
        noise_image(number).save(folder / f"{number}.png")
    return folder


def test_every_script_is_run_here_or_with_its_command():
    # mmclip.py is run beside its verb, by tests/mmgeolm/test_cli.py.
    tried = {"align", "sft", "sft_lora", "evaluate", "publish", "own_negatives", "mmclip"}
    assert {path.stem for path in SCRIPTS.glob("*.py")} == tried


@pytest.mark.parametrize(
    ("name", "more", "part"),
    [
        ("align", {}, "multi_modal_projector"),
        ("sft", {"passes": {"shapes": 2}}, "language_model"),
        ("sft_lora", {"lora_r": 4}, "lora"),
    ],
)
def test_the_scripts_of_the_stages_train_their_part_and_save_it(script, made, tmp_path, name, more, part):
    data = [f"shapes={made / 'instructions'}"]
    script(name, *options({"model": made / "lmm", "data": data, "output_dir": tmp_path / "out", **QUICK, **more}))
    after = weights(tmp_path / "out")
    if name == "sft_lora":
        assert any("lora_B" in tensor and after[tensor].any() for tensor in after)
        return
    moved = changed(weights(made / "lmm"), after)
    assert any(part in tensor for tensor in moved)
    assert name == "sft" or all(part in tensor for tensor in moved)


def test_evaluate_asks_the_model_every_question_and_writes_the_figures(script, made, tmp_path, capsys):
    script(
        "evaluate", "--model", made / "lmm", "--benchmark", "questions", "--data", made / "questions", "--output_file",
        tmp_path / "scores.json", "--max_new_tokens", 4,
    )  # fmt: skip
    figures = json.loads((tmp_path / "scores.json").read_text())
    assert figures["scores"]["all"]["n"] == 6
    assert "| all | 6 |" in capsys.readouterr().out


def test_publish_puts_the_model_on_the_hub(made, tmp_path):
    # In a process of its own: the address of the Hub is read when its library is imported.
    with LoopbackHub() as hub:
        environment = {**os.environ, **hub.environment(tmp_path / "cache"), "PYTHONPATH": str(ROOT)}
        command = [sys.executable, str(SCRIPTS / "publish.py"), "--folder", str(made / "lmm"), "--name", "me/tiny"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Published:" in done.stdout and "me/tiny" in done.stdout
    assert {"config.json", "model.safetensors", "README.md"} <= set(hub.files["me/tiny"])


def write_csv(path: Path, *rows: list[str]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


def columns(made: Path, tmp_path: Path) -> Path:
    rows = [[f"{n}.png", f"AB is {n}.", f"AB is {n + 1}.", "" if n % 2 else f"CD is {n}."] for n in range(6)]
    return write_csv(tmp_path / "pairs.csv", ["image", "caption", "negative_1", "negative_2"], *rows)


def test_own_negatives_trains_on_a_csv_and_evaluates(script, made, tmp_path, capsys):
    pairs = columns(made, tmp_path)
    files = {"train_csv": pairs, "eval_csv": pairs, "image_folder": made, "model_name_or_path": made / "backbone"}
    script("own_negatives", *options({**files, "output_dir": tmp_path / "out", **QUICK}))
    said = capsys.readouterr().out
    assert "6 records to train on; 0 rows left out." in said and "eval_rule_hit@1" in said
    tensors = load_file(tmp_path / "out" / "model.safetensors")
    before = load_file(made / "backbone" / "model.safetensors")
    moved = [name for name in before if not tensors[f"backbone.{name}"].equal(before[name])]
    assert len(moved) > len(before) / 2


@pytest.fixture(scope="module")
def load_csv():
    return runpy.run_path(str(SCRIPTS / "own_negatives.py"))["load_csv"]


def test_a_csv_has_a_column_for_each_negative_or_a_list(load_csv, made, tmp_path):
    records, bad = load_csv(columns(made, tmp_path), made)
    assert bad == [] and [len(row) for row in records["negative_captions"]] == [2, 1, 2, 1, 2, 1]
    assert records[0]["id"] == "line 2" and records[0]["negative_caption_kinds"] == ["rule", "rule"]
    listed = write_csv(
        tmp_path / "listed.csv", ["image", "caption", "negatives"],
        ["0.png", "AB is 6, BC is 8.", '["AB is 8, BC is 6.", "AB is 6."]'], ["1.png", "AB ∥ CD.", ""],
    )  # fmt: skip
    records, bad = load_csv(listed, made)
    assert bad == [] and list(records["negative_captions"]) == [["AB is 8, BC is 6.", "AB is 6."], []]


def test_rows_of_a_csv_that_cannot_be_used_are_named(load_csv, made, tmp_path):
    file = write_csv(
        tmp_path / "bad.csv", ["image", "caption", "negatives"],
        ["0.png", "AB is 1.", '["AB is 2."]'],
        ["1.png", "AB is 1.", "[AB is 2.]"],
        ["2.png", "AB is 1.", '"AB is 2."'],
        ["3.png", "AB is 1.", "[]", "one more"],
        ["", "AB is 1.", "[]"],
        ["missing.png", "AB is 1.", "[]"],
        ["4.png", "", "[]"],
        ["5.png", "AB is 1.", '["AB is 2.", 3]'],
    )  # fmt: skip
    records, bad = load_csv(file, made)
    assert [row["id"] for row in records] == ["line 2"]
    told = [str(problem) for problem in bad]
    wanted = (
        "line 3: `negatives` is no JSON", "line 4: `negatives` is a JSON str", "line 5: it has more fields",
        "line 6: it names no image", "there is no file", "field `caption`: it is empty", "entry 1 is 3",
    )  # fmt: skip
    assert len(told) == len(wanted)
    for sentence, part in zip(told, wanted, strict=True):
        assert part in sentence and "bad.csv" in sentence


def test_a_csv_with_other_columns_is_refused(load_csv, tmp_path):
    file = write_csv(tmp_path / "other.csv", ["picture", "caption", "negatives"], ["0.png", "AB is 1.", "[]"])
    with pytest.raises(ValueError, match="other.csv has the columns picture, caption, negatives; it needs image"):
        load_csv(file)


def code_cells(notebook: Path) -> list[str]:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def test_there_are_two_notebooks():
    assert [path.stem for path in NOTEBOOKS] == ["hard_negatives", "tower_to_lmm"]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_top_to_bottom(notebook, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MMGEOLM_NOTEBOOK_SIZE", "tiny")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)  # so that TMPDIR is looked at again
    # A namespace of its own, as in a kernel: a name that no cell has imported is an error.
    names = {"__name__": "__main__"}
    for number, code in enumerate(code_cells(notebook)):
        exec(compile(code, f"{notebook.name}, code cell {number}", "exec"), names)
    said = capsys.readouterr().out
    assert ("| rule_exchangeable |" if notebook.stem == "hard_negatives" else "right before blank paper:") in said


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_outputs(notebook):
    stored = json.loads(notebook.read_text(encoding="utf-8"))
    assert stored["nbformat"] == 4
    for cell in stored["cells"]:
        assert cell["metadata"] == {} and len({other["id"] for other in stored["cells"]}) == len(stored["cells"])
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None
