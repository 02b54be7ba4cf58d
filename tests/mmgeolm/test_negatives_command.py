"""`mmgeolm negatives`, run as a user runs it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from datasets import load_dataset, load_from_disk
from huggingface_hub import DatasetCard
from loopback_hub import Answer, LoopbackHub
from PIL import Image

from dataset_builders.build import report
from dataset_builders.code_records import load_built
from dataset_builders.negatives.verify import verified
from dataset_builders.records import HARD_NEGATIVES, as_hard_negatives
from mmgeolm.cli import main

ROOT = Path(__file__).parents[2]
FEW = ("--num_negatives", "2", "--size", "96")
CAPTIONS = [
    "In triangle ABC, AB = 6 and DE ∥ BC.",
    "In triangle ABC, AB = 7 and DE ∥ BC.",
    "Circle O has the chord PQ, and ∠POQ = 80°.",
    "Circle O has the chord PR, and ∠POR = 70°.",
    "ABCD is a square with AB = 5.",
    "ABCD is a rhombus with BC = 9.",
]


@pytest.fixture
def here(monkeypatch, capsys):
    """The command in this process: `here(...)` is its exit code, what it printed, and its last words."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["mmgeolm", "negatives", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        printed = capsys.readouterr()
        words = code if isinstance(code, str) else printed.err
        return (1 if isinstance(code, str) else code), printed.out, words

    return run


@pytest.fixture
def captions(tmp_path) -> Path:
    """Captions with drawings, and one without anything to edit, in our own JSON format."""
    records = []
    for number, caption in enumerate([*CAPTIONS, "A drawing."]):
        Image.new("L", (8, 8), number).save(tmp_path / f"{number}.png")
        records.append({"image": f"{number}.png", "caption": caption, "negative_captions": ["Nothing."]})
    (tmp_path / "captions.json").write_text(json.dumps(records))
    return tmp_path / "captions.json"


def card_of(folder: Path) -> DatasetCard:
    return DatasetCard.load(folder / "README.md")


def test_code_writes_images_of_edited_programs_with_a_card(here, tmp_path):
    folder = tmp_path / "set"
    code, printed, words = here("code", "--num_records", 5, *FEW, "--seed", 4, "--output_dir", folder)
    assert code == 0 and "Wrote 5 records" in printed, words
    dataset = load_from_disk(folder)
    assert dataset.features == HARD_NEGATIVES and not as_hard_negatives(dataset, "set")[1]
    for row in dataset:
        assert len(row["negative_images"]) == len(row["negative_image_captions"]) == 2
        assert row["image"].size == (96, 96) and verified(row) == [True, True]
    card = card_of(folder)
    assert card.data.license == "apache-2.0" and card.data.size_categories == "n<1K"
    assert "hard-negatives" in card.data.tags and "2505.20152" in card.text
    assert "| image | 10 |" in card.text and "| `seed` | 4 |" in card.text and "--seed 4" in card.text
    assert str(tmp_path) not in card.content  # paths of this machine are nobody's business
    pictures = sorted((folder / "images").glob("*.png"))
    assert len(pictures) == 3 and all(f"({path.relative_to(folder)})" in card.text for path in pictures)
    width, height = Image.open(pictures[0]).size
    assert width == 3 * height


def test_yaml_gives_options_and_flags_win(here, tmp_path):
    options = {"num_records": 50, "num_negatives": 2, "size": 96, "images": "programs", "styles": True}
    (tmp_path / "options.yaml").write_text(yaml.safe_dump({**options, "output_dir": str(tmp_path / "set")}))
    code, printed, words = here("code", "--config", tmp_path / "options.yaml", "--num_records", 3)
    assert code == 0 and "load_built" in printed, words
    assert load_from_disk(tmp_path / "set")[0]["image"] is None
    row = load_built(tmp_path / "set")[0]
    assert row["image"].size == (96, 96) and len(row["negative_images"]) == 2
    assert "drawn from `program`" in card_of(tmp_path / "set").text


def test_the_recipe_has_only_options_that_there_are(here, tmp_path):
    recipe = ROOT / "examples" / "recipes" / "negatives-code.yaml"
    code, _, words = here(
        "code", "--config", recipe, *FEW, "--num_records", 2, "--output_dir", tmp_path, "--num_proc", 1
    )
    assert code == 0, words
    assert len(load_from_disk(tmp_path)) == 2


def test_rules_edit_captions_that_are_there(here, captions, tmp_path):
    options = ("--data", captions, "--num_negatives", 3, "--license", "cc-by-4.0", "--output_dir", tmp_path / "set")
    code, printed, words = here("rules", *options)
    assert code == 0, words
    dataset = load_from_disk(tmp_path / "set")
    assert dataset["caption"][:6] == CAPTIONS
    for row in dataset.select(range(6)):
        assert len({row["caption"], *row["negative_captions"]}) == 4
        assert row["negative_caption_kinds"] == ["rule"] * 3
    assert dataset[6]["negative_captions"] == [] and dataset[6]["image"].getpixel((0, 0)) == 6
    assert "1 have fewer negatives than wanted" in printed
    card = card_of(tmp_path / "set")
    assert card.data.license == "cc-by-4.0" and "nothing that could be edited (1)" in card.text


def test_rules_of_generated_diagrams_are_verified(here, tmp_path):
    code, _, words = here("rules", "--num_records", 4, *FEW, "--output_dir", tmp_path / "set")
    assert code == 0, words
    for row in load_from_disk(tmp_path / "set"):
        assert len(row["negative_captions"]) == 2 and verified(row) == [True, True] and not row["negative_images"]


def test_rules_of_geometry3k_carry_its_licence(here, tmp_path):
    folder = tmp_path / "test" / "7"
    folder.mkdir(parents=True)
    annotations = {
        "diagram_logic_form": ["Equals(LengthOf(Line(A, B)), 40)", "Equals(LengthOf(Line(A, C)), 30)"],
        "line_instances": ["AB", "AC", "BC"],
        "point_positions": {"A": [0, 0], "B": [400, 0], "C": [0, 300]},
    }
    (folder / "logic_form.json").write_text(json.dumps(annotations))
    Image.new("L", (8, 8)).save(folder / "img_diagram_point.png")
    options = ("--num_negatives", 2, "--output_dir", tmp_path / "set")
    code, _, words = here("rules", "--geometry3k", tmp_path / "test", *options)
    assert code == 0, words
    dataset = load_from_disk(tmp_path / "set")
    assert len(dataset) == 1 and len(dataset[0]["negative_captions"]) == 2
    (folder / "img_diagram_point.png").unlink()
    assert load_from_disk(tmp_path / "set")[0]["image"].size == (8, 8)  # stored, not pointed to
    assert card_of(tmp_path / "set").data.license == "mit"


def test_retrieval_takes_captions_of_other_records(here, captions, tmp_path):
    options = ("--num_negatives", 2, "--pool", 3, "--candidates", "centred", "--output_dir", tmp_path / "set")
    code, _, words = here("retrieval", "--data", captions, *options)
    assert code == 0, words
    dataset = load_from_disk(tmp_path / "set")
    for row in dataset:
        assert set(row["negative_captions"]) <= {*CAPTIONS, "A drawing."} - {row["caption"]}
        assert row["negative_caption_kinds"] == ["retrieval"] * 2
    assert CAPTIONS[1] in dataset[0]["negative_captions"]


@pytest.mark.parametrize("images", ["embed", "programs"])
def test_retrieval_among_generated_diagrams_is_verified(images, here, tmp_path):
    options = ("--num_records", 30, "--images", images, *FEW, "--output_dir", tmp_path / "set")
    code, _, words = here("retrieval", *options)
    assert code == 0, words
    for row in load_built(tmp_path / "set"):
        assert len(row["negative_captions"]) == 2 and verified(row) == [True, True]
        assert row["image"].size == (96, 96)
    assert not (tmp_path / "set" / ".build").exists()


def test_shards_are_merged_to_what_one_run_makes(here, tmp_path):
    options = ("code", "--num_records", 5, *FEW)
    assert here(*options, "--output_dir", tmp_path / "whole")[0] == 0
    for index in range(2):
        assert here(*options, "--shard", f"{index}/2", "--output_dir", tmp_path / str(index))[0] == 0
    code, _, words = here("merge", tmp_path / "1", tmp_path / "0", "--output_dir", tmp_path / "joined")
    assert code == 0, words
    whole, joined = (load_from_disk(tmp_path / name).with_format("arrow")[:] for name in ("whole", "joined"))
    assert whole.equals(joined)
    assert report(tmp_path / "whole").tally == report(tmp_path / "joined").tally
    assert "| image | 10 |" in card_of(tmp_path / "joined").text


def test_other_options_for_the_same_folder_are_refused(here, captions, tmp_path):
    options = ("rules", "--data", captions, "--num_negatives", 2, "--output_dir", tmp_path / "set")
    assert here(*options)[0] == 0
    assert here(*options)[0] == 0  # it is there already
    code, _, words = here(*options, "--seed", 1)
    assert code == 1 and "seed=0, where this run has 1" in words
    captions.write_text(captions.read_text().replace("AB = 6", "AB = 8"))
    code, _, words = here(*options)
    assert code == 1 and "data_digest" in words  # other data under the same name


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "mmgeolm", "negatives", *map(str, arguments)]


def test_stopping_says_how_to_go_on(tmp_path):
    options = ("code", "--num_records", 400, "--output_dir", tmp_path / "set", *FEW, "--num_proc", 2)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    # A group of its own, which is interrupted as a whole, as by Ctrl-C on a terminal.
    run = subprocess.Popen(
        command(*options), env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    end = time.monotonic() + 120
    while not list((tmp_path / "set").glob("data-*.arrow")):
        assert run.poll() is None and time.monotonic() < end
        time.sleep(0.02)
    os.killpg(run.pid, signal.SIGINT)
    words = run.communicate(timeout=60)[1]
    last = words.strip().splitlines()[-1]
    assert run.returncode == 130 and last.startswith("Stopped "), words
    assert "Run the same command again to go on: mmgeolm negatives code --num_records 400" in last
    assert "Traceback" not in words
    kept = len(list((tmp_path / "set").glob("data-*.arrow")))
    assert kept >= 1 and not (tmp_path / "set" / "README.md").exists()


GENERATED = ("code", "--num_records", "3", "--output_dir", "{folder}/set")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fly"], "there is no 'fly'; there are code, rules, retrieval, llm, merge and audit"),
        (["code", "--num_records", "0", "--output_dir", "{folder}/set"], "--num_records is 0; it must be at least 1"),
        (["code", "--output_dir", "{folder}/set"], "pass --num_records"),
        (["code", "--num_records", "3"], "pass --output_dir"),
        ([*GENERATED, "--num_negatives", "-1"], "--num_negatives is -1; it must be at least 1"),
        ([*GENERATED, "--shard", "2/2"], "2 shards are 0/2 to 1/2"),
        ([*GENERATED, "--shard", "half"], "not of the form i/n"),
        ([*GENERATED, "--images", "gif"], "--images is 'gif'; it must be embed or programs"),
        ([*GENERATED, "--candidates", "all"], "--candidates is 'all'"),
        ([*GENERATED, "--difficulty", "9"], "--difficulty is 9; it must be 1 to 8"),
        ([*GENERATED, "--num_edits", "3"], "--num_edits is [3]"),
        ([*GENERATED, "--fly", "high"], "there is no option --fly"),
        ([*GENERATED, "--config"], "--config needs a YAML file"),
        (["code", "--num_records", "3", "--output_dir", "{folder}"], "holds something else"),
        (["code", "--num_records", "3", "--output_dir", "{folder}/captions.json/set"], "cannot be written"),
        (["rules", "--data", "{folder}/none.json", "--output_dir", "{folder}/set"], "There is no file or folder"),
        (
            ["rules", "--data", "{folder}/captions.json", "--num_records", "9", "--output_dir", "{folder}/set"],
            "only 7",
        ),
        (["rules", "--data", "{folder}/captions.json", "--styles", "true", "--output_dir", "x"], "generated diagrams"),
        (["rules", "--geometry3k", "{folder}", "--data", "x", "--output_dir", "x"], "name one"),
        (["rules", "--geometry3k", "{folder}", "--output_dir", "{folder}/set"], "no <problem>/logic_form.json"),
        (["retrieval", "--num_records", "3", "--pool", "5", "--output_dir", "{folder}/set"], "pool=5 is smaller"),
        (["merge", "{folder}", "--output_dir", "{folder}/set"], "no folder that `mmgeolm negatives` has written"),
        (["merge", "--output_dir", "{folder}/set"], "name the folders"),
    ],
)
def test_bad_input_is_a_sentence_and_leaves_no_folder(arguments, message, here, captions):
    code, _, words = here(*(part.format(folder=captions.parent) for part in arguments))
    assert code == 1 and words.startswith("mmgeolm negatives: ") and message in words, words
    assert "\n" not in words and not (captions.parent / "set").exists()


@pytest.mark.parametrize("verb", ["code", "rules", "retrieval", "merge"])
def test_help_fits_a_screen_and_has_an_example(verb, here):
    code, printed, _ = here(verb, "--help")
    assert code == 0 and f"mmgeolm negatives {verb} " in printed and "--output_dir" in printed
    lines = printed.splitlines()
    assert len(lines) <= 40 and max(map(len, lines)) <= 120


def test_help_lists_the_sub_verbs(here):
    for arguments in ((), ("--help",)):
        code, printed, _ = here(*arguments)
        assert code == 0 and all(verb in printed for verb in ("code", "rules", "retrieval", "merge", "audit"))


def test_audit_is_handed_on(here, tmp_path):
    code, _, words = here("audit", tmp_path / "none.json")
    assert code == 2 and words.startswith("mmgeolm negatives audit: ") and "none.json" in words


class DataHub(LoopbackHub):
    """The same Hub for data sets, whose files it keeps under their names alone."""

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        path = path.replace("/api/datasets/", "/api/models/").removeprefix("/datasets")
        if "/preupload/" in path:
            # Parquet goes the way of large files, which leaves no Base64 of them in the commit.
            files = [
                {"path": item["path"], "uploadMode": "lfs" if item["path"].endswith(".parquet") else "regular"}
                for item in json.loads(body)["files"]
            ]
            return 200, {"files": [{**entry, "shouldIgnore": False} for entry in files]}, {}
        if "/paths-info/" in path:
            return 200, [], {}
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/tree/[^/]+/(.+)", path):
            if not any(name.startswith(f"{found[2]}/") for name in self.files[found[1]]):
                return 404, {"error": "Entry not found"}, {"X-Error-Code": "EntryNotFound"}
        return super().answer(method, path, body)


def test_push_uploads_data_card_and_pictures(tmp_path):
    options = ("code", "--num_records", 3, *FEW, "--output_dir", tmp_path / "set", "--push_to_hub", "me/negatives")
    with DataHub() as hub:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **hub.environment(tmp_path / "cache")}
        done = subprocess.run(command(*options), env=environment, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0 and "Pushed to me/negatives" in done.stdout, done.stderr[-3000:]
        files = hub.files["me/negatives"]
    assert not hub.unknown
    parquet = next(name for name in files if name.endswith(".parquet"))
    (tmp_path / "pulled.parquet").write_bytes(files[parquet])
    pulled = load_dataset("parquet", data_files=str(tmp_path / "pulled.parquet"), split="train", cache_dir=tmp_path)
    assert pulled["caption"][:] == load_from_disk(tmp_path / "set")["caption"][:]
    assert pulled[0]["negative_images"][1].size == (96, 96)
    assert {f"images/example-{number}.png" for number in range(3)} <= set(files)
    card = files["README.md"].decode()
    head = yaml.safe_load(card.split("---")[1])
    assert head["license"] == "apache-2.0" and head["configs"] and head["dataset_info"]
    assert "## Citation" in card and 'load_dataset("me/negatives"' in card


def test_pushing_without_a_login_fails_before_the_work(tmp_path):
    options = ("code", "--num_records", 3, *FEW, "--output_dir", tmp_path / "set", "--push_to_hub", "me/negatives")
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "HF_HOME": str(tmp_path),
        "HF_ENDPOINT": "http://127.0.0.1:9",
    }
    done = subprocess.run(command(*options), env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 1 and "cannot push to the Hub" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "set").exists()
