"""The command line, run as a user runs it."""

import json
import os
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import load_file
from tiny_models import noise_image, save_backbone, tiny_backbone

from mmgeolm.cli import VERBS, main
from modeling_mmclip import MMCLIPModel

ROOT = Path(__file__).parents[2]


def mmgeolm(*arguments: str, program: tuple[str, ...] = ("-m", "mmgeolm")) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, *program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)


@pytest.fixture
def here(monkeypatch, capsys):
    """The same command in this process, which need not load torch again: `here(...)` is its exit code, what it
    printed, and its last words."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["mmgeolm", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        printed = capsys.readouterr()
        words = code if isinstance(code, str) else printed.err
        return (1 if isinstance(code, str) else code), printed.out, words

    verbosity = transformers.utils.logging.get_verbosity()
    yield run
    transformers.utils.logging.set_verbosity(verbosity)


def conversation(caption: str) -> list[dict]:
    return [{"from": "human", "value": "<image>\nDescribe."}, {"from": "gpt", "value": caption}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A backbone, and a file in each of the authors' two formats with its images."""
    folder = tmp_path_factory.mktemp("cli")
    save_backbone("clip", folder / "backbone")
    text, image = [], []
    for number in range(8):
        for place in range(3):
            noise_image(10 * number + place).save(folder / f"{number}-{place}.png")
        shared = {"positive_image_path": f"{number}-0.png", "conversations": conversation(f"AB = {number}.")}
        text.append({**shared, "negative_captions": [f"AB = {number + 10}.", f"BC = {number}."]})
        image.append({**shared, "negative_image_path": [f"{number}-1.png", f"{number}-2.png"]})
    (folder / "text.json").write_text(json.dumps(text))
    (folder / "image.json").write_text(json.dumps(image))
    (folder / "cut.json").write_text('[{"image": ')
    (folder / "empty.json").write_text("[]")
    (folder / "cut.yaml").write_text("stages: [1\nmax_steps")
    (folder / "list.yaml").write_text("- max_steps")
    return folder


def options(folder: Path, output: Path) -> list[str]:
    settings = {
        "model_name_or_path": folder / "backbone",
        "output_dir": output,
        "max_steps": 2,
        "per_device_train_batch_size": 4,
        "learning_rate": 1e-3,
        "use_cpu": "true",
        "report_to": "none",
    }
    return [part for name, value in settings.items() for part in (f"--{name}", str(value))]


def moved(output: Path) -> bool:
    """Whether the saved weights load, and differ from the backbone's."""
    weights = MMCLIPModel.from_pretrained(output).state_dict()
    start = tiny_backbone("clip")[0].state_dict()
    return any(not torch.equal(weights[f"backbone.{name}"], value) for name, value in start.items())


@pytest.mark.parametrize("name", ["text", "image"])
def test_mmclip_trains_on_either_of_the_authors_formats(name, folder, tmp_path):
    data = ["--train_file", folder / f"{name}.json", "--eval_file", folder / f"{name}.json", "--candidates", "hard"]
    done = mmgeolm("mmclip", *options(folder, tmp_path), *data)
    assert done.returncode == 0, done.stderr[-3000:]
    assert moved(tmp_path)
    results = json.loads((tmp_path / "eval_results.json").read_text())
    assert f"eval_{'rule' if name == 'text' else 'image'}_hit@1" in results and "eval_random_hit@1" in results
    assert "2505.20152" in (tmp_path / "README.md").read_text()
    assert str(tmp_path) in done.stdout


def test_mmclip_reads_yaml_with_several_files_and_stages(folder, tmp_path):
    config = tmp_path / "recipe.yaml"
    config.write_text(
        f"""
train_file: [text={folder / "text.json"}, image={folder / "image.json"}]
stages:
  - {{share: 0.5, candidates: in_batch, mixture: {{text: 1}}}}
  - {{share: 0.5, candidates: hybrid, mixture: {{image: 1}}}}
max_negatives: 1
"""
    )
    done = mmgeolm("mmclip", "--config", config, *options(folder, tmp_path / "out"))
    assert done.returncode == 0, done.stderr[-3000:]
    card = (tmp_path / "out" / "README.md").read_text()
    assert moved(tmp_path / "out") and "| text | 8 |" in card and "| image | 8 |" in card


def test_stages_and_mixture_are_flags_too(here, folder, tmp_path):
    data = ["--train_file", f"a={folder / 'text.json'}", f"b={folder / 'image.json'}"]
    stages = '[{"share": 0.5, "candidates": "in_batch"}, {"share": 0.5, "mixture": {"b": 1.0}}]'
    for name, value in (("stages", stages), ("mixture", '{"a": 1.0}')):
        code, _, words = here("mmclip", *options(folder, tmp_path / name), *data, f"--{name}", value)
        assert code == 0, words
        assert moved(tmp_path / name)
        assert f"| `{name}` |" in (tmp_path / name / "README.md").read_text()


def test_the_example_script_does_the_same(folder, tmp_path):
    program = (str(ROOT / "examples" / "scripts" / "mmclip.py"),)
    done = mmgeolm(*options(folder, tmp_path), "--train_file", folder / "text.json", program=program)
    assert done.returncode == 0, done.stderr[-3000:]
    assert moved(tmp_path) and load_file(tmp_path / "model.safetensors")


def test_accelerate_launches_two_processes_on_a_cpu(folder, tmp_path):
    config = str(ROOT / "examples" / "accelerate_configs" / "two_cpus.yaml")
    program = ("-m", "accelerate.commands.launch", "--config_file", config, "-m", "mmgeolm")
    data = ("--train_file", folder / "text.json", "--eval_file", folder / "text.json")
    done = mmgeolm("mmclip", *options(folder, tmp_path), *data, program=program)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Total train batch size (w. parallel, distributed & accumulation) = 8" in done.stderr
    assert done.stdout.count("Saved to") == 1 and moved(tmp_path)


def test_figures_go_to_tensorboard(here, folder, tmp_path):
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    data = ["--train_file", folder / "text.json", "--eval_file", folder / "text.json", "--logging_steps", 1]
    code, _, words = here("mmclip", *options(folder, tmp_path), *data, "--report_to", "tensorboard")
    assert code == 0, words
    scalars: dict[tuple[str, int], float] = {}
    for path in tmp_path.glob("runs/*/events.out.tfevents.*"):  # one of the training, one of the evaluation after it
        events = reader.EventAccumulator(str(path)).Reload()
        for name in events.Tags()["scalars"]:
            scalars |= {(name, event.step): event.value for event in events.Scalars(name)}
    logged = json.loads((tmp_path / "checkpoint-2" / "trainer_state.json").read_text())["log_history"]
    losses = {("train/loss", entry["step"]): entry["loss"] for entry in logged if "loss" in entry}
    assert {key: value for key, value in scalars.items() if key[0] == "train/loss"} == pytest.approx(losses)
    assert len(losses) == 2
    results = json.loads((tmp_path / "eval_results.json").read_text())
    assert scalars["eval/rule_hit@1", 2] == pytest.approx(results["eval_rule_hit@1"])


def test_an_evaluation_after_the_training_belongs_to_the_run_of_trackio(folder, tmp_path, monkeypatch):
    pytest.importorskip("trackio")
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    data = ("--train_file", folder / "text.json", "--eval_file", folder / "text.json", "--logging_steps", 1)
    done = mmgeolm("mmclip", *options(folder, tmp_path / "out"), *data, "--report_to", "trackio")
    assert done.returncode == 0, done.stderr[-3000:]
    assert "* Resumed existing run: out-" in done.stdout


def test_the_recipe_has_only_options_that_there_are(here, folder, tmp_path):
    # Its data is not here, so it ends with a sentence about that; an unknown option would end it before.
    recipe = ROOT / "examples" / "recipes" / "mmclip.yaml"
    code, _, words = here("mmclip", "--config", recipe, *options(folder, tmp_path), "--bf16", "false")
    assert code == 1 and "mavis.json" in words


MODEL = ["--model_name_or_path", "{folder}/backbone"]
TEXT = ["--train_file", "{folder}/text.json"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--model_name_or_path and --train_file"),
        ([*MODEL, "--train_file", "missing.json"], "There is no file or folder missing.json"),
        ([*MODEL, "--train_file", "{folder}/cut.json"], "cut.json is not JSON"),
        ([*MODEL, "--train_file", "{folder}/empty.json"], "'train' is empty"),
        ([*MODEL, "--train_file", "{folder}/text.json", "{folder}/image.json"], "give each a name"),
        ([*MODEL, *TEXT, "--candidates", "all"], "candidates='all'"),
        ([*MODEL, *TEXT, "--stages", "[{share: 1}]"], "`stages=[{share: 1}]`, which is not JSON"),
        ([*MODEL, *TEXT, "--mixture", '{"books": 1}'], "'books'; the data sets are train"),
        ([*MODEL, *TEXT, "--negative_kind", "easy"], "'easy'"),
        ([*MODEL, *TEXT, "--fly", "high"], "--fly"),
        (["--model_name_or_path", "{folder}/no-model", *TEXT], "no-model"),
        (["--config", "{folder}/missing.yaml"], "missing.yaml"),
        (["--config", "{folder}/cut.yaml"], "cut.yaml"),
        (["--config", "{folder}/list.yaml"], "list.yaml must contain a YAML mapping"),
        (["--config"], "--config needs a YAML file"),
    ],
)
def test_bad_input_is_a_sentence(arguments, message, here, folder, tmp_path):
    end = [] if arguments[-1:] == ["--config"] else ["--output_dir", tmp_path, "--use_cpu", "true"]
    code, _, words = here(
        "mmclip", *(part.format(folder=folder) if "{folder}" in part else part for part in arguments), *end
    )
    assert code == 1 and words.startswith("mmgeolm mmclip: ") and message in words, words


def test_bad_input_leaves_no_trace(tmp_path):
    done = mmgeolm("mmclip", "--model_name_or_path", "x", "--train_file", "missing.json", "--output_dir", tmp_path)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("mmgeolm mmclip: There is no file or folder missing.json")


def test_an_unknown_verb_is_named_with_the_near_one_or_those_there_are(here):
    assert here("evalute") == (1, "", "mmgeolm has no verb 'evalute'; did you mean evaluate?")
    assert here("fly") == (1, "", f"mmgeolm has no verb 'fly'; it has {', '.join(VERBS)}.")
    code, _, words = here("negatives", "cod")
    assert code == 1 and words == "mmgeolm negatives: there is no 'cod'; did you mean code?"


SUB_VERBS = ("code", "rules", "retrieval", "llm", "merge", "audit")
COMMANDS = [(verb,) for verb in VERBS] + [("negatives", verb) for verb in SUB_VERBS]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_there(verb):
    assert find_spec(f"mmgeolm.scripts.{verb}") is not None


@pytest.mark.parametrize("words", [(), *COMMANDS], ids=" ".join)
def test_help_fits_one_screen_and_has_an_example(words, here):
    code, printed, _ = here(*words, "--help")
    lines = printed.splitlines()
    assert code == 0 and len(lines) <= 40 and max(map(len, lines)) <= 100, printed
    command = " ".join(["mmgeolm", *words])
    assert lines[0].startswith(f"usage: {command} ")
    assert not words or any(line.strip().startswith(f"{command} ") for line in lines[1:]), printed


@pytest.mark.parametrize("words", [words for words in COMMANDS if words != ("negatives",)], ids=" ".join)
def test_an_unknown_option_is_answered_with_the_near_one(words, here):
    needed = ("model", "a.png", "What?") if words == ("ask",) else ()
    code, _, said = here(*words, *needed, "--hlep")
    assert code == 1 and said.endswith("there is no option --hlep; did you mean --help?"), said


def test_help_lists_the_verbs(here):
    for arguments in ((), ("--help",)):
        code, printed, _ = here(*arguments)
        assert code == 0 and all(f"  {verb} " in printed for verb in VERBS)


def test_help_of_training_shows_our_options_and_all_help_the_rest(here):
    for verb in ("mmclip", "align", "sft"):
        printed = here(verb, "--help")[1]
        assert "--learning_rate X" in printed and "--adam_beta1" not in printed
        assert "--adam_beta1 X" in here(verb, "--help_all")[1]
    assert "--gradient_cache_chunk_size X" in here("mmclip", "--help")[1]


def test_the_version_is_that_of_the_package(here):
    assert here("--version") == (0, f"mmgeolm {version('mmgeolm')}\n", "")


def test_a_reader_that_has_seen_enough_is_no_error():
    command = f"{sys.executable} -m mmgeolm --help | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_package_that_is_missing_is_a_sentence():
    # Without site-packages, and so without whatever is installed.
    done = subprocess.run(
        [sys.executable, "-S", "-m", "mmgeolm", "mmclip"], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert done.stderr.endswith(" is not installed; `mmgeolm doctor` tells what is missing and how to install it.\n")
