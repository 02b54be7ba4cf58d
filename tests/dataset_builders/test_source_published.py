"""Files of published data sets: found in folders, in zips, and on the Hub."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import datasets
import pytest
from loopback_hub import LoopbackHub
from PIL import Image
from published_layouts import png, zipped

from dataset_builders.records import BadRecord, Problem
from dataset_builders.sources.published import PublishedImages, published, read_records, records_with, unpacked

MAIN = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", folder)
    return folder


def test_an_image_is_found_by_the_end_of_its_path(tmp_path):
    for name, width in (("images/a/1.png", 8), ("images/b/1.png", 9)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(png(width))
    images = PublishedImages(tmp_path)
    assert images.find("b/1.png") == images.find("./images/b/1.png") == str(tmp_path / "images/b/1.png")
    with pytest.raises(Problem, match="several images"):
        images.find("1.png")
    with pytest.raises(Problem, match="no image 2.png"):
        images.find("2.png")
    with pytest.raises(Problem, match="must be the name"):
        images.find(None)


def test_a_file_of_the_very_name_goes_before_one_that_ends_in_it(tmp_path):
    for name in ("1.png", "a/1.png", "b/1.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(png())
    assert PublishedImages(tmp_path).find("1.png") == str(tmp_path / "1.png")


def test_a_zip_is_unpacked_once_and_only_for_what_the_folder_lacks(tmp_path, cache):
    folder = tmp_path / "set"
    zipped(folder / "images.zip", {"images/1.png": png(8), "images/2.png": png(9)})
    (folder / "2.png").write_bytes(png(10))
    images = PublishedImages(folder, ["images.zip"])
    assert images.find("2.png") == str(folder / "2.png") and not cache.exists()
    assert Image.open(images.find("images/1.png")).width == 8
    assert not list(folder.glob("images")), "nothing is written beside the zip"
    first = Path(images.find("images/1.png"))
    before = first.stat().st_mtime_ns
    assert PublishedImages(folder, ["images.zip"]).find("1.png") == str(first)
    assert first.stat().st_mtime_ns == before


def test_another_zip_at_the_same_place_is_unpacked_anew(tmp_path):
    file = zipped(tmp_path / "images.zip", {"1.png": png(8)})
    old = unpacked(file)
    zipped(file, {"1.png": png(8), "2.png": png(9)})
    assert unpacked(file) != old and (unpacked(file) / "2.png").exists()


def test_a_broken_zip_is_named_and_leaves_nothing(tmp_path, cache):
    file = zipped(tmp_path / "images.zip", {"1.png": png()})
    file.write_bytes(file.read_bytes()[:-30])
    with pytest.raises(ValueError, match="images.zip cannot be unpacked.*download it again"):
        unpacked(file)
    assert not list((cache / "unpacked").iterdir())


def test_members_that_climb_out_of_a_zip_stay_below_the_cache(tmp_path, cache):
    folder = unpacked(zipped(tmp_path / "images.zip", {"../../../outside.png": png()}))
    assert (folder / "outside.png").exists() and not (tmp_path / "outside.png").exists()


def test_neither_images_nor_zip_is_one_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="has no images, nor images.zip; put them there"):
        PublishedImages(tmp_path, ["images.zip"])


@pytest.mark.parametrize("path", ["nowhere/at/all", "nowhere", Path("a/b")])
def test_what_is_neither_here_nor_a_name_on_the_hub_is_refused(path):
    with pytest.raises(FileNotFoundError, match="There is no .*owner/name"):
        published(path)


def test_a_name_that_the_hub_cannot_be_asked_about_is_one_sentence():
    with pytest.raises(FileNotFoundError, match="no folder me/absent here, and the Hub gives no data set"):
        published("me/absent")


def test_lines_and_entries_that_are_no_objects_become_bad_records(tmp_path):
    lines = tmp_path / "a.jsonl"
    lines.write_bytes(b'{"a": 1}\nno json\n\n\xff\n[1]\n')
    good, *bad = read_records(lines)
    assert good == {"a": 1} and all(isinstance(record, BadRecord) for record in bad)
    assert [record.index for record in bad] == [1, 2, 3] and "line 2" in bad[0].problem
    (tmp_path / "a.json").write_text("[{}, 3]")
    assert [type(record) for record in read_records(tmp_path / "a.json")] == [dict, BadRecord]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.json", '{"a": 1}', "a list of records is needed"),
        ("a.json", "[1,", "not JSON: .* line 1"),
        ("a.parquet", "no", "cannot be read as Parquet"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_error(tmp_path, name, content, words):
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=words):
        list(read_records(tmp_path / name))


def test_a_file_of_another_kind_is_one_error_that_lists_its_columns(tmp_path):
    (tmp_path / "a.json").write_text('[{"text": "x", "url": "y"}]')
    with pytest.raises(ValueError, match="not a file of captions: its records have no `caption`; they have text, url"):
        list(records_with(tmp_path / "a.json", ["caption"], "a file of captions"))


class DatasetHub(LoopbackHub):
    """The loopback Hub with data sets in place of models."""

    def answer(self, method, path, body):
        path = path.replace("/api/datasets/", "/api/models/")
        return super().answer(method, re.sub(r"^/datasets/", "/", path), body)


def test_a_name_on_the_hub_is_read_as_its_folder_would_be(tmp_path):
    row = {"question": "Find x.", "file_name": "1.png", "solution": "$\\boxed{5}$", "difficult": "easy"}
    archive = zipped(tmp_path / "MM_Math.zip", {"MM_Math/1.png": png()}).read_bytes()
    code = (
        "from dataset_builders.sources.mm_math import mm_math_questions\n"
        "dataset, bad = mm_math_questions('me/MM_Math')\n"
        "row = dataset[0]\n"
        "print(row['id'], row['answer'], row['image'].size, bad)\n"
        "try:\n    mm_math_questions('me/absent')\n"
        "except FileNotFoundError as error:\n    print(error)\n"
    )
    with DatasetHub() as hub:
        hub.files["me/MM_Math"] = {
            "MM_Math/MM_Math.jsonl": json.dumps(row).encode(),
            "MM_Math/MM_Math.zip": archive,
            "README.md": b"not wanted",
        }
        environment = {**os.environ, **hub.environment(tmp_path / "home"), "HF_DATASETS_OFFLINE": "0"}
        run = subprocess.run(
            [sys.executable, "-c", code], cwd=MAIN, env=environment, capture_output=True, text=True, timeout=120
        )
    assert run.returncode == 0, run.stderr
    good, refused = run.stdout.strip().splitlines()
    assert good == "1 5 (8, 6) []"
    assert refused.startswith("There is no folder me/absent here, and the Hub gives no data set of that name")
    assert not hub.unknown
    assert not list((tmp_path / "home").rglob("README.md"))
