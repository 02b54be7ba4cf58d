"""`mmgeolm negatives llm` and `rules --engine llm`, run as a user runs them, against an endpoint on the loopback."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import pytest
import transformers
import yaml
from chat_server import ChatServer
from datasets import load_from_disk
from figure_scripts import Model, fenced, problem_of, sampled_programs
from huggingface_hub import DatasetCard
from PIL import Image
from tiny_models import save_backbone

from dataset_builders.build import report
from dataset_builders.diagram.program import parse
from dataset_builders.negatives.verify import verified
from dataset_builders.records import HARD_NEGATIVES, as_hard_negatives
from dataset_builders.sources.authors_json import load_hard_negatives
from dataset_builders.sources.geometry3k.facts import read_problem
from dataset_builders.sources.geometry3k.programs import Translation, program_of
from mmgeolm.cli import main
from mmgeolm.scripts import negatives

ROOT = Path(__file__).parents[2]
KEY = "sk-very-secret-0123456789"
PROBLEMS = 10
FAULTS = ("", "429", "500", "cut", "malformed", "hollow", "slow", "empty", "refusing", "length", "uncounted")


@pytest.fixture
def here(monkeypatch, capsys):
    """The command in this process: `here(...)` is its exit code, what it printed, and its last words."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)

    def run(*arguments: object) -> tuple[int, str, str]:
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


@pytest.fixture(scope="module")
def model() -> Model:
    """Knows ten problems."""
    return Model({f"p{place}": program for place, program in enumerate(sampled_programs(PROBLEMS, seed=1))})


@pytest.fixture(scope="module")
def problems(tmp_path_factory) -> Path:
    """These problems, in MM-Math's format."""
    path = tmp_path_factory.mktemp("problems") / "problems.jsonl"
    rows = [{"question": f"Find x in [p{n}]. {{{{ 1 }}}}", "solution": f"x = {n}"} for n in range(PROBLEMS)]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def declared(model: Model) -> Callable[[str], str]:
    """The model's programs, every third one to be mended first, with their names in a comment."""

    def answer(text: str) -> str:
        mended = "<what_is_wrong>" in text
        name = re.findall(r"# (p\d+)", text)[-1] if mended else problem_of(text)
        if int(name[1:]) % 3 == 1 and not mended:
            return fenced(f"# {name} first\nsquare(A, B)\n")
        return fenced(f"# {name} {'mended' if mended else 'first'}\n{model.programs[name]}\n")

    return answer


def options(server: ChatServer, problems: Path, folder: Path, *more: object) -> list[str]:
    """Of `negatives llm`, for programs and the loopback."""
    ours = ["--data", problems, "--model", "m", "--base_url", server.url, "--output_dir", folder]
    few = ["--num_negatives", 3, "--size", 64, "--engine", "program", "--concurrency", 3]
    return list(map(str, ["llm", *ours, *few, *more]))


def rows(folder: Path):
    """All of a data set, to be compared."""
    return load_from_disk(folder).with_format("arrow")[:]


def by_chance(text: str, times: int) -> str:
    """A fault for two of three questions, once or twice, whatever the order in which they come."""
    draw = random.Random(text)
    passing = FAULTS[:7] if "cannot be used" in text else FAULTS  # an answer in a wrong form is forgiven once
    return draw.choice(passing) if times < draw.randint(0, 2) else ""


# Programs


def test_problems_become_verified_image_negatives_with_a_card(here, model, problems, tmp_path):
    folder = tmp_path / "exam"
    with ChatServer(declared(model)) as server:
        code, printed, words = here("negatives", *options(server, problems, folder))
        assert code == 0 and f"Wrote {PROBLEMS} records" in printed, words
        assert server.keys == {f"Bearer {KEY}"} and server.most <= 3
    dataset = load_from_disk(folder)
    assert dataset.features == HARD_NEGATIVES and not as_hard_negatives(dataset, "exam")[1]
    assert dataset["id"][:] == [str(number) for number in range(PROBLEMS)]
    for number, row in enumerate(dataset):
        assert row["program"].split("\n---\n")[0] == str(parse(model.programs[f"p{number}"]))
        assert row["image"].size == (64, 64) and len(row["negative_images"]) >= 1
        assert verified(row) == [True] * len(row["negative_images"])
    card = DatasetCard.load(folder / "README.md")
    assert "without running any code" in " ".join(card.text.split()) and "| `model` | m |" in card.text
    everything = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert KEY.encode() not in everything and server.url.encode() not in everything
    assert not (folder / ".build").exists() and len((folder / "journal.jsonl").read_text().splitlines()) == 13


def test_a_journal_pays_for_another_data_set(here, model, problems, tmp_path):
    with ChatServer(declared(model)) as server:
        shared = ("--journal", tmp_path / "paid.jsonl")
        assert here("negatives", *options(server, problems, tmp_path / "a", *shared))[0] == 0
        paid = server.answered.total()
        code, _, words = here("negatives", *options(server, problems, tmp_path / "b", *shared, "--seed", 1))
        assert code == 0 and server.answered.total() == paid, words
    assert not rows(tmp_path / "a").equals(rows(tmp_path / "b"))


def test_an_endpoint_that_fails_by_a_script_gives_the_same_data_set(here, model, problems, tmp_path):
    with ChatServer(declared(model)) as server:
        assert here("negatives", *options(server, problems, tmp_path / "plain"))[0] == 0
    with ChatServer(declared(model), by_chance) as server:
        code, _, words = here("negatives", *options(server, problems, tmp_path / "failing", "--concurrency", 8))
        assert code == 0, words
        assert server.asked.total() > server.answered.total() >= 13
        assert set(server.answered.values()) == {1}  # nothing is paid twice
    assert rows(tmp_path / "plain").equals(rows(tmp_path / "failing"))


def test_what_cannot_be_made_is_counted_by_reason_and_stops_nothing(here, model, problems, tmp_path):
    def answer(text: str) -> str:
        name = re.findall(r"\[?(p\d+)", text)[-1]
        said = {"p0": "I can't help with that.", "p1": fenced("import os\nos.system('id')\n")}
        said["p2"] = fenced("# p2\nsquare(A, B, C, D, size=2)\n")
        return said.get(name) or declared(model)(text)

    with ChatServer(lambda text: answer(text) if "p1" not in text else fenced("import os  # p1\n")) as server:
        code, printed, words = here("negatives", *options(server, problems, tmp_path / "exam"))
        assert code == 0 and f"Wrote {PROBLEMS - 3} records" in printed, words
    left_out = report(tmp_path / "exam").tally["left out"]
    assert left_out == {
        "`program`: no fenced code block in the answer": 1,
        "`program`: cannot be read": 1,
        "`program`: cannot be drawn": 1,
    }
    assert "3 records were left out" in printed
    assert load_from_disk(tmp_path / "exam")["id"][:] == [str(number) for number in range(3, PROBLEMS)]


def test_shards_are_merged_to_what_one_run_makes(here, model, problems, tmp_path):
    with ChatServer(declared(model)) as server:
        assert here("negatives", *options(server, problems, tmp_path / "whole"))[0] == 0
        for index in range(2):
            part = options(server, problems, tmp_path / str(index), "--shard", f"{index}/2")
            assert here("negatives", *part)[0] == 0
    code, _, words = here("negatives", "merge", tmp_path / "1", tmp_path / "0", "--output_dir", tmp_path / "joined")
    assert code == 0 and rows(tmp_path / "whole").equals(rows(tmp_path / "joined")), words


# Budget


def test_a_budget_stops_the_run_and_a_larger_one_goes_on(here, model, problems, tmp_path):
    with ChatServer(declared(model)) as server:
        assert here("negatives", *options(server, problems, tmp_path / "plain"))[0] == 0
    with ChatServer(declared(model)) as server:
        budget = ("--max_output_tokens", 500, "--price_input", 1, "--price_output", 4)
        begun = options(server, problems, tmp_path / "exam", *budget)
        code, _, words = here("negatives", *begun, "--max_tokens", 20_000)
        assert code == 1 and words.startswith("Stopped: ") and "of 20,000 tokens are spent" in words
        assert "What is done is kept. Run the same command with a larger budget to go on: mmgeolm neg" in words
        first = server.answered.total()
        code, _, words = here("negatives", *begun, "--max_cost", 0.025)
        assert code == 1 and "of 0.0250 is spent, and the next request may cost" in words
        assert 0 < first < server.answered.total() < 13 and not list((tmp_path / "exam").glob("*.arrow"))
        code, _, words = here("negatives", *begun, "--max_cost", 1)
        assert code == 0 and set(server.answered.values()) == {1} and len(server.answered) == 13, words
    load_from_disk(tmp_path / "exam")
    assert load_from_disk(tmp_path / "plain")["caption"][:] == load_from_disk(tmp_path / "exam")["caption"][:]


@pytest.mark.parametrize("engine", ["program", "python"])
def test_a_dry_run_asks_nobody_and_writes_nothing(engine, here, problems, tmp_path, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    prices = ("--price_input", 1, "--price_output", 4, "--engine", engine)
    code, printed, words = here("negatives", "llm", "--data", problems, "--dry_run", *prices)
    assert code == 0 and "in all" in printed and "For 1,000 such:" in printed and "estimates" in printed, words
    code, more, _ = here("negatives", "llm", "--data", problems, "--dry_run", *prices, "--thinking_tokens", 2000)
    assert code == 0 and more != printed
    code, few, _ = here("negatives", "llm", "--data", problems, "--dry_run", *prices, "--num_records", 2)
    assert "2 records." in few
    assert os.listdir(tmp_path) == []


# Being stopped


def test_ctrl_c_waits_for_what_is_being_paid_for(model, problems, tmp_path):
    with ChatServer(declared(model), delay=0.6) as server:
        command = options(server, problems, tmp_path / "exam", "--api_key_env", "")
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        run = subprocess.Popen(
            [sys.executable, "-m", "mmgeolm", "negatives", *command],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        end = time.monotonic() + 120
        while server.answered.total() < 2:
            assert run.poll() is None and time.monotonic() < end
            time.sleep(0.02)
        time.sleep(0.2)
        run.send_signal(signal.SIGINT)
        words = run.communicate(timeout=60)[1]
        paid = server.answered.total()
        kept = (tmp_path / "exam" / "journal.jsonl").read_text().splitlines()
    assert run.returncode == 130 and "Traceback" not in words
    assert words.strip().splitlines()[-1].startswith("Stopped after"), words
    assert paid < 13 and len(kept) == paid  # no answer was thrown away


def killed(arguments: list[str], seconds: float) -> bool:
    """Runs the command in a process of its own, and kills it after so long; whether that was before its end."""
    # A server with the library loaded forks it: twenty starts of Python would take minutes.
    context = get_context("forkserver")
    context.set_forkserver_preload(["mmgeolm.scripts.negatives"])
    process = context.Process(target=negatives.main, args=(arguments,))
    process.start()
    process.join(seconds)
    dead = process.exitcode is None
    process.kill()
    process.join()
    assert dead or process.exitcode == 0
    return dead


def journaled(folder: Path) -> set[str]:
    """The names in the comments of the answers in a journal, without a torn last line."""
    path = folder / "journal.jsonl"
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return {name for line in lines for name in re.findall(r"# (p\d+ \w+)", json.loads(line).get("text", ""))}


def test_twenty_kills_at_random_moments_give_the_same_data_set_and_pay_nothing_twice(model, problems, tmp_path):
    rng = random.Random(0)
    with ChatServer(declared(model), delay=0.05) as server:
        whole = options(server, problems, tmp_path / "whole", "--api_key_env", "", "--concurrency", 2)
        killed(whole, 60)  # and the fork server is there
        begun = time.monotonic()
        assert not killed([*whole[:-1], "2", "--output_dir", str(tmp_path / "again")], 60)
        length = time.monotonic() - begun
        wanted = rows(tmp_path / "whole")
        kills = finished = 0
        while kills < 20:
            folder = tmp_path / f"set-{finished}"
            server.answered.clear()
            arguments = [*whole, "--output_dir", str(folder)]
            in_flight = 0
            while True:
                kept = journaled(folder)
                asked = server.asked.copy()
                if not killed(arguments, rng.uniform(0.2, 0.9) * length if kills < 20 else 60):
                    break
                kills, in_flight = kills + 1, in_flight + 2
                for text, times in server.asked.items():  # what the journal had was not asked for again
                    mended = "mended" if "<what_is_wrong>" in text else "first"
                    name = re.findall(r"# (p\d+)", text)[-1] if mended == "mended" else problem_of(text)
                    assert times == asked[text] or f"{name} {mended}" not in kept
            assert server.answered.total() <= 13 + in_flight and len(server.answered) == 13
            assert rows(folder).equals(wanted)
            assert report(folder).tally == report(tmp_path / "whole").tally
            finished += 1


def test_two_at_once_in_one_folder_are_refused(here, model, problems, tmp_path):
    with ChatServer(declared(model), delay=0.3) as server:
        arguments = options(server, problems, tmp_path / "exam", "--api_key_env", "")
        context = get_context("forkserver")
        process = context.Process(target=negatives.main, args=(arguments,))
        process.start()
        end = time.monotonic() + 60
        while not server.asked and time.monotonic() < end:
            time.sleep(0.02)
        code, _, words = here("negatives", *arguments)
        assert code == 1 and "is being written by another process" in words
        process.join(60)
        assert process.exitcode == 0
    assert len(load_from_disk(tmp_path / "exam")) == PROBLEMS


# Scripts


def scripted(server: ChatServer, problems: Path, folder: Path, *more: object) -> list[str]:
    """Options for drawing scripts, of four problems."""
    ours = ["--data", problems, "--model", "m", "--base_url", server.url, "--output_dir", folder]
    return list(map(str, ["llm", *ours, "--num_negatives", 3, "--num_records", 4, "--num_proc", 2, *more]))


def test_scripts_run_in_the_sandbox_and_lie_beside_the_data(here, model, problems, tmp_path):
    def answer(text: str) -> str:  # the second problem's script is hostile, and is mended
        if "<problem>" in text and "[p1]" in text:
            return fenced("# figure p1\nimport os\nos.system('touch /tmp/owned')\nopen('/etc/passwd').read()\n")
        return model.answer(text)

    with ChatServer(answer, by_chance) as server:
        code, printed, words = here("negatives", *scripted(server, problems, tmp_path / "exam"))
        assert code == 0 and "Wrote 4 records" in printed, words
        assert set(server.answered.values()) == {1}
    dataset = load_from_disk(tmp_path / "exam")
    assert dataset["caption"][:] == [model.captions[f"p{number}"] for number in range(4)]
    assert dataset["program"][:] == [""] * 4 and all(
        verified(row) == [None] * len(row["negative_images"]) for row in dataset
    )
    assert sum(map(len, dataset["negative_images"][:])) >= 6 and dataset[0]["image"].size == (400, 400)
    scripts = [json.loads(line) for line in (tmp_path / "exam" / "scripts.jsonl").read_text().splitlines()]
    assert [each["id"] for each in scripts] == dataset["id"][:] and scripts[1]["scripts"][0] == model.scripts["p1"]
    for row, each in zip(dataset, scripts, strict=True):
        assert len(each["scripts"]) == 1 + len(row["negative_images"])
        assert set(row["negative_image_captions"]) <= set(model.negatives[f"p{row['id']}"])
    assert "scripts.jsonl" in DatasetCard.load(tmp_path / "exam" / "README.md").text
    code, printed, words = here("negatives", "audit", tmp_path / "exam")
    assert code in (0, 1) and "image" in printed, words


def test_kills_of_a_run_with_scripts_give_the_same_data_set(model, problems, tmp_path):
    with ChatServer(model.answer, delay=0.02) as server:
        none = ("--api_key_env", "")
        begun = time.monotonic()
        assert not killed(scripted(server, problems, tmp_path / "whole", *none), 90)
        length = time.monotonic() - begun
        server.answered.clear()
        arguments = scripted(server, problems, tmp_path / "exam", *none)
        kills = sum(killed(arguments, share * length) for share in (0.5, 0.7, 0.6))
        assert kills >= 1 and not killed(arguments, 90)
    assert rows(tmp_path / "whole").equals(rows(tmp_path / "exam"))
    first, second = ((tmp_path / name / "scripts.jsonl").read_text() for name in ("whole", "exam"))
    assert first == second


# Captions


def test_rules_by_a_model_edit_captions_that_are_there(here, tmp_path):
    positives = ["In △ABC, AB = 6 and DE ∥ BC.", "ABCD is a square with AB = 5.", "In △PQR, PQ = 7 and ∠P = 50°."]
    records = []
    for number, caption in enumerate(positives):
        Image.new("L", (8, 8), number).save(tmp_path / f"{number}.png")
        records.append({"image": f"{number}.png", "caption": caption, "negative_captions": ["Nothing."]})
    (tmp_path / "captions.json").write_text(json.dumps(records))

    def answer(text: str) -> str:
        caption = re.search(r"<description>\n(.*)\n</description>", text)[1]
        if "square" in caption:
            return "I'd rather not."
        number = re.search(r"= (\d)", caption)[1]
        wanted = int(re.search(r"exactly (\d+) descriptions", text)[1])
        others = [str(n) for n in range(1, 10) if str(n) != number and f"= {n}" not in text.split("<description>")[0]]
        rows = [caption.replace(f"= {number}", f"= {other}") for other in others]
        if "turned down" not in text:
            rows.insert(0, caption)
        return "\n".join(f"{place}. {edit}" for place, edit in enumerate(rows[:wanted], 1))

    with ChatServer(answer) as server:
        model_options = ("--engine", "llm", "--model", "m", "--base_url", server.url, "--num_negatives", 3)
        where = ("--data", tmp_path / "captions.json", "--output_dir", tmp_path / "set")
        code, printed, words = here("negatives", "rules", *where, *model_options)
        assert code == 0, words
    dataset = load_from_disk(tmp_path / "set")
    assert dataset["caption"][:] == positives and dataset[1]["image"].getpixel((0, 0)) == 1
    assert [len(each) for each in dataset["negative_captions"][:]] == [3, 0, 3]
    assert dataset[0]["negative_caption_kinds"] == ["rule"] * 3 and "AB = 1" in dataset[0]["negative_captions"][0]
    assert report(tmp_path / "set").tally["rejected"] == {"says the same as the positive": 2}
    text = " ".join(DatasetCard.load(tmp_path / "set" / "README.md").text.split())
    assert "Turned down: says the same as the positive (2)" in text and "captions in the wrong form (1)" in text
    code, printed, _ = here("negatives", "rules", *where, "--engine", "llm", "--dry_run")
    assert code == 0 and "rule_captions" in printed


# Real problems


def test_real_problems_end_in_a_data_set_that_trains(here, real_data, tmp_path):
    rows_, programs = [], {}
    for folder in sorted((real_data / "geometry3k" / "test").iterdir()):
        problem = json.loads((folder / "data.json").read_text())
        logic = json.loads((folder / "logic_form.json").read_text())
        read = read_problem(
            folder.name, logic["diagram_logic_form"], logic["line_instances"], logic["point_positions"]
        )
        translated = program_of(read)
        if isinstance(translated, Translation):
            programs[f"g{folder.name}"] = str(translated.program)
        text = f"{problem['problem_text']} [g{folder.name}]"
        rows_.append({"question": text, "solution": problem["answer"], "id": folder.name})
    for line in (real_data / "mm_math" / "MM_Math_sample.jsonl").read_text().splitlines():
        problem = json.loads(line)
        rows_.append({"question": problem["question"] + " [mm]", "solution": problem["solution"], "id": "mm"})
    programs["mm"] = (
        "rectangle(A, B, C, D, ratio=0.75, size=84)\nE = point_on(D, A, ratio=0.4)\nsegment(A, C)\nsegment(C, E)\n"
        "mark_length(A, B, 6)\nmark_length(A, D, 8)"
    )
    (tmp_path / "real.jsonl").write_text("\n".join(map(json.dumps, rows_)))

    def answer(text: str) -> str:
        if "<what_is_wrong>" in text:  # the marks of a figure that is not to scale are left out
            program = re.search(r"<program>\n(.*?)\n</program>", text, re.DOTALL)[1]
            return fenced("\n".join(line for line in program.splitlines() if not line.startswith("mark_")) + "\n")
        name = problem_of(text)
        return fenced(programs[name] + "\n") if name in programs else "There is no figure to draw."

    with ChatServer(answer) as server:
        more = ("--id_column", "id", "--num_proc", 1)
        code, printed, words = here("negatives", *options(server, tmp_path / "real.jsonl", tmp_path / "exam", *more))
    assert code == 0, words
    dataset = load_hard_negatives(tmp_path / "exam")
    made = report(tmp_path / "exam")
    assert len(dataset) >= 40 and len(dataset) + made.tally["left out"].total() == len(rows_) == 65
    assert "mm" in dataset["id"][:] and all(all(verified(row)) for row in load_from_disk(tmp_path / "exam"))
    save_backbone("clip", tmp_path / "backbone")
    few = ("--max_steps", 2, "--per_device_train_batch_size", 4, "--report_to", "none", "--use_cpu", "true")
    code, printed, words = here(
        "mmclip", "--model_name_or_path", tmp_path / "backbone", "--train_file", tmp_path / "exam",
        "--output_dir", tmp_path / "trained", *few,
    )  # fmt: skip
    assert code == 0 and "Saved to" in printed, words
    assert (tmp_path / "trained" / "model.safetensors").is_file()


# Options


@pytest.mark.parametrize("name", ["negatives-llm-hosted.yaml", "negatives-llm-vllm.yaml"])
def test_the_recipes_have_only_options_that_there_are(name, here, model, problems, tmp_path, monkeypatch):
    recipe = ROOT / "examples" / "recipes" / name
    wanted = yaml.safe_load(recipe.read_text())
    monkeypatch.setenv(wanted.get("api_key_env") or "UNUSED", KEY)
    with ChatServer(declared(model)) as server:
        ours = ("--data", problems, "--base_url", server.url, "--output_dir", tmp_path / "set", "--image_column", "")
        few = ("--num_negatives", 2, "--engine", "program", "--id_column", "", "--num_proc", 1)
        code, _, words = here("negatives", "llm", "--config", recipe, *ours, *few)
        assert code == 0, words
        assert server.bodies[0]["model"] == wanted["model"]
    assert len(load_from_disk(tmp_path / "set")) == PROBLEMS


COMMON = ("llm", "--data", "{data}", "--output_dir", "{folder}/set")
ASKING = (*COMMON, "--model", "m", "--base_url", "http://127.0.0.1:9/v1")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("llm", "--model", "m", "--output_dir", "x"), "pass --num_records"),
        (("llm", "--model", "m", "--output_dir", "x", "--num_records", "3"), "pass --data, the problems to draw"),
        (COMMON, "pass --model"),
        ((*COMMON, "--model", "m", "--base_url", "example"), "it must be a URL such as"),
        ((*COMMON, "--model", "m", "--base_url", "http://me:pw@127.0.0.1/v1"), "into the variable of --api_key_env"),
        ((*ASKING, "--engine", "grammar"), "--engine is 'grammar'; it must be python or program"),
        ((*ASKING, "--max_cost", "3"), "--max_cost needs --price_input"),
        ((*ASKING, "--max_tokens", "0"), "--max_tokens is 0; it must be more than 0"),
        ((*ASKING, "--concurrency", "0"), "--concurrency is 0; it must be at least 1"),
        ((*ASKING, "--extra_body", "[1]"), "must be a JSON object"),
        ((*ASKING, "--extra_body", '{"model": "x"}'), "has 'model', which is not for it to set"),
        ((*ASKING, "--limit_field", "length"), "max_tokens or max_completion_tokens"),
        ((*ASKING, "--size", "64"), "--size is for --engine program"),
        ((*ASKING, "--candidates", "exchangeable"), "for --engine program only"),
        ((*ASKING, "--confinement", "none"), "--confinement is 'none'"),
        ((*ASKING, "--question_column", "text"), "no column 'text'"),
        ((*ASKING, "--image_column", "file"), "no column 'file'"),
        ((*ASKING, "--num_records", "99"), "has only 10; lower it"),
        ((*ASKING, "--prompts", "{folder}/none"), "which is no folder"),
        ((*ASKING, "--api_key_env", "NOT_SET_AT_ALL"), "the environment variable NOT_SET_AT_ALL is not set"),
        (("llm", "--data", "none.json", "--model", "m", "--output_dir", "{folder}/set"), "There is no file or folder"),
        (("rules", "--data", "{data}", "--model", "m", "--output_dir", "x"), "pass --engine llm as well"),
        (
            ("rules", "--num_records", "3", "--engine", "llm", "--model", "m", "--output_dir", "x"),
            "the captions to edit",
        ),
    ],
)
def test_bad_input_is_a_sentence_and_leaves_no_folder(arguments, message, here, problems, tmp_path):
    places = {"{folder}": str(tmp_path), "{data}": str(problems)}
    for name, place in places.items():
        arguments = [part.replace(name, place) for part in arguments]
    code, _, words = here("negatives", *arguments)
    assert code == 1 and words.startswith("mmgeolm negatives: ") and message in words, words
    assert "\n" not in words and not (tmp_path / "set").exists()


@pytest.mark.parametrize(
    ("fault", "message"), [("401", "the key is not accepted (HTTP 401)"), ("404", "HTTP 404"), ("400", "HTTP 400")]
)
def test_an_endpoint_that_refuses_ends_the_run_with_a_sentence(fault, message, here, model, problems, tmp_path):
    with ChatServer(declared(model), lambda text, times: fault) as server:
        code, _, words = here("negatives", *options(server, problems, tmp_path / "exam"))
        assert code == 1 and words.startswith("Stopped: ") and message in words and KEY not in words
    with ChatServer(declared(model)) as server:  # and goes on when that is mended
        code, _, words = here("negatives", *options(server, problems, tmp_path / "exam"))
        assert code == 0, words


def test_help_shows_every_option_and_rules_hides_what_is_for_a_model(here):
    code, printed, _ = here("negatives", "llm", "--help")
    assert code == 0 and "--max_cost" in printed and max(map(len, printed.splitlines())) <= 120
    code, printed, _ = here("negatives", "rules", "--help")
    assert code == 0 and "--engine" in printed and "--max_cost" not in printed
