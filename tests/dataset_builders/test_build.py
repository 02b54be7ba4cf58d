"""Writing data sets: the same for any processes and shards, whole after a kill, and drawn when read as when stored."""

import hashlib
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from datasets import Image, load_from_disk

from dataset_builders.build import TALLY, WORK, begin, build, merge, report
from dataset_builders.caption_records import rule_record, undecoded
from dataset_builders.code_records import code_record, load_built, png
from dataset_builders.negatives.verify import verified
from dataset_builders.records import HARD_NEGATIVES, BadRecord, as_hard_negatives

# Run by itself, so that it can be killed: records that take their time.
SLOW_RUN = """
import sys
from functools import partial
from dataset_builders.build import build
from test_build import small_record
if __name__ == "__main__":
    build(partial(small_record, seconds=0.02), 60, sys.argv[1], num_proc=2, chunk=5)
"""


def small_record(number: int, seconds: float = 0.0, bad: tuple[int, ...] = ()) -> dict | BadRecord:
    """A record without geometry; those numbered in `bad` cannot be made."""
    time.sleep(seconds)
    if number in bad:
        return BadRecord("here", number, "image", "it is blank.")
    image = png(np.full((4, 4), number % 256, dtype=np.uint8))
    return {
        "id": str(number),
        "image": image,
        "caption": f"AB = {number}.",
        "negative_captions": [f"AB = {number + place}." for place in range(1, 1 + number % 3)],
        "negative_caption_kinds": ["rule"] * (number % 3),
        "negative_images": [image],
        "negative_image_captions": ["AB = 0."],
        "program": "",
        "source": "here",
        TALLY: {"shortfall": ["too short"] if number % 3 == 0 else []},
    }


def failing_record(number: int, fails_at: int) -> dict:
    """A record, or an error in the middle of the run."""
    if number == fails_at:
        raise RuntimeError("broken")
    return small_record(number)


def deadly_record(number: int) -> dict:
    """Ends its process, as the system does when memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)


def content(folder: Path) -> str:
    """A digest of every value of a data set, images as the bytes they are stored as."""
    dataset = load_from_disk(folder).cast_column("image", Image(decode=False))
    digest = hashlib.sha256()
    for row in dataset.remove_columns("negative_images"):
        digest.update(repr(row).encode())
    for batch in dataset.with_format("arrow").iter(10):
        digest.update(repr(batch["negative_images"].to_pylist()).encode())
    return digest.hexdigest()


def test_processes_chunks_and_shards_change_nothing(tmp_path):
    whole = build(small_record, 23, tmp_path / "whole")
    other = build(small_record, 23, tmp_path / "two", num_proc=2, chunk=3)
    parts = [tmp_path / f"part-{index}" for index in range(3)]
    for index, part in enumerate(parts):
        build(small_record, 23, part, shard=(index, 3), chunk=4)
    joined = merge([parts[2], parts[0], parts[1]], tmp_path / "joined")  # in the order of shards, not of names
    assert content(tmp_path / "whole") == content(tmp_path / "two") == content(tmp_path / "joined")
    assert whole.tally == other.tally == joined.tally and whole.options == joined.options
    assert load_from_disk(tmp_path / "joined")["id"][:] == [str(number) for number in range(23)]
    assert not (tmp_path / "two" / WORK).exists() and not (tmp_path / "joined" / WORK).exists()


def test_generated_diagrams_are_the_same_for_any_number_of_processes(tmp_path):
    record = partial(code_record, seed=3, num_negatives=2, size=96)
    for name, num_proc in (("one", 1), ("two", 2)):
        build(record, 6, tmp_path / name, num_proc=num_proc, chunk=2)
    assert content(tmp_path / "one") == content(tmp_path / "two")


def test_the_folder_has_the_schema_and_counts_what_is_in_it(tmp_path):
    made = build(small_record, 12, tmp_path / "set", chunk=5)
    dataset = load_from_disk(tmp_path / "set")
    assert dataset.features == HARD_NEGATIVES and len(dataset) == made.records == 12
    good, bad = as_hard_negatives(dataset, "the set")
    assert not bad and len(good) == 12
    assert dataset[7]["image"].getpixel((0, 0)) == 7
    assert made.tally["kinds"] == {"rule": 12, "image": 12}
    assert made.tally["shortfall"] == {"too short": 4}
    assert made.tally["candidates"] == {"1": 4, "2": 4, "3": 4}


def test_records_that_cannot_be_made_are_left_out_and_counted(tmp_path):
    before = BadRecord("there", 0, "caption", "it is empty.")
    made = build(partial(small_record, bad=(0, 1, 7)), 8, tmp_path / "set", chunk=2, left_out=[before])
    assert made.records == 5 and load_from_disk(tmp_path / "set")["id"][:] == ["2", "3", "4", "5", "6"]
    assert made.tally["left out"] == {"`image`: it is blank.": 3, "`caption`: it is empty.": 1}


def test_not_one_usable_record_is_an_error_with_the_reason(tmp_path):
    with pytest.raises(ValueError, match="not one of 3 records can be used.*it is blank"):
        build(partial(small_record, bad=(0, 1, 2)), 3, tmp_path / "set")
    with pytest.raises(ValueError, match="is not finished"):
        report(tmp_path / "set")


def children(pid: int) -> list[int]:
    """Processes started by a process, by its threads or by one of those."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found += [child, *children(child)]
    return found


def alive(pid: int) -> bool:
    """Whether a process is there and has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def wait_for(what, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="looks for processes in /proc")
def test_a_killed_run_goes_on_where_it_was_and_leaves_no_process(tmp_path):
    folder, script = tmp_path / "set", tmp_path / "run.py"
    script.write_text(SLOW_RUN)
    path = os.pathsep.join([str(Path(__file__).parents[2]), str(Path(__file__).parent)])
    run = subprocess.Popen([sys.executable, script, folder], env={**os.environ, "PYTHONPATH": path})
    try:
        wait_for(lambda: len(list(folder.glob("data-*.arrow"))) >= 3)
        workers = children(run.pid)
        with pytest.raises(OSError, match="being written by another process"):
            build(small_record, 60, folder)
    finally:
        run.kill()
        run.wait()
    assert len(workers) >= 2
    wait_for(lambda: not any(map(alive, workers)), 10)
    with pytest.raises(FileNotFoundError):
        load_from_disk(folder)  # half a data set is none
    kept = {file.name: file.stat().st_mtime_ns for file in folder.glob("data-*.arrow")}
    assert 3 <= len(kept) < 12
    made_again = []

    def progress(made: int, done: int, total: int) -> None:
        made_again.append((made, done, total))

    build(small_record, 60, folder, progress=progress)
    assert made_again[-1] == (60 - 5 * len(kept), 60, 60)
    assert all((folder / name).stat().st_mtime_ns == at for name, at in kept.items())
    build(small_record, 60, tmp_path / "at once")
    assert content(folder) == content(tmp_path / "at once")


def test_an_error_in_a_record_keeps_what_was_made(tmp_path):
    with pytest.raises(RuntimeError, match="broken"):
        build(partial(failing_record, fails_at=7), 10, tmp_path / "set", chunk=2)
    assert len(list((tmp_path / "set").glob("data-*.arrow"))) == 3
    assert build(small_record, 10, tmp_path / "set").records == 10


def test_stopping_with_several_processes_ends_them_within_a_record(tmp_path):
    def stop(made: int, done: int, total: int) -> None:
        raise KeyboardInterrupt

    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        build(partial(small_record, seconds=0.05), 4_000, tmp_path / "set", num_proc=2, chunk=50, progress=stop)
    # One of the two is then in the midst of a chunk of 2.5 seconds; all of them would take 100.
    assert time.monotonic() - start < 60
    assert 1 <= len(list((tmp_path / "set").glob("data-*.arrow"))) <= 3


def test_a_killed_process_is_a_sentence(tmp_path):
    with pytest.raises(OSError, match="was killed, perhaps for want of memory"):
        build(deadly_record, 4, tmp_path / "set", num_proc=2, chunk=1)


def test_other_options_are_refused_and_named(tmp_path):
    options = {"seed": 0, "size": 96}
    build(small_record, 4, tmp_path / "set", options=options)
    with pytest.raises(ValueError, match="seed=0, where this run has 1; size=96, where this run has null"):
        build(small_record, 4, tmp_path / "set", options={"seed": 1})
    with pytest.raises(ValueError, match="num_records=4, where this run has 5"):
        build(small_record, 5, tmp_path / "set", options=options)
    made = build(partial(failing_record, fails_at=0), 4, tmp_path / "set", options=options)  # is there: none is made
    assert made.records == 4 and made.options["seed"] == 0


def test_options_of_a_run_that_made_nothing_may_be_changed(tmp_path):
    with pytest.raises(ValueError, match="can be used"):
        build(partial(small_record, bad=(0, 1)), 2, tmp_path / "set", chunk=2, options={"seed": 0})
    for file in (tmp_path / "set").glob("*.arrow"):
        file.unlink()  # as if it had not come so far
    assert build(small_record, 3, tmp_path / "set", options={"seed": 1}).options["seed"] == 1


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "photo.png").write_text("x")
    with pytest.raises(ValueError, match=r"holds something else \(photo.png\)"):
        build(small_record, 4, tmp_path / "theirs")
    with pytest.raises(ValueError, match="is a file"):
        build(small_record, 4, tmp_path / "theirs" / "photo.png")
    with pytest.raises(OSError, match="cannot be written"):
        build(small_record, 4, tmp_path / "theirs" / "photo.png" / "below")
    assert [path.name for path in (tmp_path / "theirs").iterdir()] == ["photo.png"]


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"num_records": 0}, "num_records=0"),
        ({"num_records": 4, "num_proc": 0}, "num_proc=0"),
        ({"num_records": 4, "chunk": 0}, "chunk=0"),
        ({"num_records": 4, "shard": (2, 2)}, "shard 2/2 is not there; 2 shards are 0/2 to 1/2"),
    ],
)
def test_numbers_out_of_range_are_named_and_leave_no_folder(numbers, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        build(small_record, output_dir=tmp_path / "set", **numbers)
    assert not (tmp_path / "set").exists()


def test_more_shards_than_records_leave_some_empty(tmp_path):
    parts = [tmp_path / str(index) for index in range(3)]
    for index, part in enumerate(parts):
        build(small_record, 2, part, shard=(index, 3))
    assert sorted(len(load_from_disk(part)) for part in parts) == [0, 1, 1]
    assert load_from_disk(merge(parts, tmp_path / "joined").folder)["id"][:] == ["0", "1"]


def test_only_all_shards_of_one_data_set_are_merged(tmp_path):
    for index in range(3):
        build(small_record, 6, tmp_path / str(index), shard=(index, 3), options={"seed": 0})
    build(small_record, 6, tmp_path / "other", shard=(2, 3), options={"seed": 1})
    begin(tmp_path / "begun", 6, (2, 3), {"seed": 0})
    for names, message in (
        (["0", "1"], "shard 2/3 is missing"),
        (["0", "1", "2", "1"], "shard 1/3 is named twice"),
        (["0", "1", "other"], "seed=1, where .* has 0"),
        (["0", "1", "begun"], "is not finished"),
        (["0", "nowhere"], "no folder that `mmgeolm negatives` has written"),
        ([], "name the folders"),
    ):
        with pytest.raises(ValueError, match=message):
            merge([tmp_path / name for name in names], tmp_path / "joined")
    assert not (tmp_path / "joined").exists()


# Records of diagrams


@pytest.mark.parametrize("kind", ["image", "rule"])
@pytest.mark.parametrize("candidates", ["exchangeable", "centred"])
def test_a_record_has_all_its_negatives_and_they_are_verified(kind, candidates):
    for number in range(4):
        record = code_record(number, 5, 4, kind, candidates, size=96)
        assert len(record["negative_images"]) == len(record["negative_image_captions"]) == 4 * (kind == "image")
        assert record["negative_caption_kinds"] == ["rule"] * len(record["negative_captions"])
        assert len(record["negative_captions"]) == 4 * (kind == "rule")
        assert verified(record) == [True] * 4
        assert record == code_record(number, 5, 4, kind, candidates, size=96)
        assert record != code_record(number, 6, 4, kind, candidates, size=96)


def test_what_no_diagram_has_is_a_bad_record_with_the_reason(monkeypatch):
    monkeypatch.setattr("dataset_builders.negatives.image.MOST_BASES", 1)  # fifty take half a minute
    bad = code_record(0, 0, num_negatives=100, difficulty=1, size=96)
    assert isinstance(bad, BadRecord) and "look-alikes; ask for fewer" in bad.problem
    assert bad.field == "negative_images"


@pytest.mark.parametrize("drawing", [{}, {"styles": True}, {"with_markings": False}])
def test_pictures_drawn_when_read_are_those_that_would_be_stored(drawing, tmp_path):
    options = {"size": 96, "styles": False, "with_markings": True, **drawing}
    for images in ("embed", "programs"):
        record = partial(code_record, seed=1, num_negatives=2, images=images, **options)
        build(record, 3, tmp_path / images, options={**options, "images": images})
    assert load_from_disk(tmp_path / "programs")[0]["image"] is None
    stored = load_built(tmp_path / "embed")
    for drawn in (load_built(tmp_path / "programs"), pickle.loads(pickle.dumps(load_built(tmp_path / "programs")))):
        for one, other in zip(stored, drawn, strict=True):
            for first, second in zip(
                [one["image"], *one["negative_images"]], [other["image"], *other["negative_images"]], strict=True
            ):
                assert np.array_equal(first, second)
    drawn = load_built(tmp_path / "programs").select_columns(["image", "program"])
    assert np.array_equal(drawn[1]["image"], stored[1]["image"])
    assert load_built(tmp_path / "programs").select_columns(["caption"])[2]["caption"] == stored[2]["caption"]


def test_styles_differ_from_record_to_record_and_not_within_one():
    plain, styled = (code_record(2, 0, 2, styles=styles, size=96) for styles in (False, True))
    assert plain["image"] != styled["image"] and plain["program"] == styled["program"]
    assert plain["caption"] == styled["caption"]


def test_without_markings_no_negative_image_looks_like_another():
    for number in range(6):
        record = code_record(number, 0, 5, with_markings=False, size=96)
        pictures = [image["bytes"] for image in (record["image"], *record["negative_images"])]
        assert len(set(pictures)) == 6


def test_an_image_that_has_gone_is_a_bad_record(tmp_path):
    build(small_record, 2, tmp_path / "set")
    dataset = undecoded(load_from_disk(tmp_path / "set"))
    gone = dataset.map(lambda row: {"image": {"bytes": None, "path": str(tmp_path / "gone.png")}})
    bad = rule_record(0, gone)
    assert isinstance(bad, BadRecord) and "cannot be read" in bad.problem


def test_the_build_file_is_readable_json(tmp_path):
    build(small_record, 4, tmp_path / "set", options={"seed": 0})
    stored = json.loads((tmp_path / "set" / "build.json").read_text())
    assert stored["options"] == {"seed": 0, "num_records": 4, "shard": [0, 1]} and "datasets" in stored["versions"]
