"""Data sets by the workers of Ray: the same as by one process. Without Ray only the sentence about it is tested."""

import importlib
import sys
from functools import partial

import pytest
from datasets import Image, load_from_disk

from dataset_builders.build import build
from dataset_builders.code_records import code_record
from dataset_builders.ray_data import on_ray


def test_without_ray_there_is_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError, match=r"pip install 'mmgeolm\[ray\]' on every machine"):
        build(partial(code_record, num_negatives=1, size=32), 1, tmp_path / "set", ray=True)


def test_two_workers_make_what_one_process_makes(tmp_path, monkeypatch):
    pytest.importorskip("ray", reason="Ray is not installed (pip install 'mmgeolm[ray]')")
    monkeypatch.chdir(tmp_path)
    record = partial(code_record, seed=3, num_negatives=2, size=48)
    one = build(record, 8, "one", chunk=2)
    seen = []
    two = build(record, 8, "two", chunk=2, num_proc=2, ray=True, progress=lambda made, done, total: seen.append(done))
    assert seen == [2, 4, 6, 8] and one.tally == two.tally
    rows = [load_from_disk(folder).cast_column("image", Image(decode=False)) for folder in ("one", "two")]
    assert rows[0].remove_columns("negative_images")[:] == rows[1].remove_columns("negative_images")[:]
    images = [each.with_format("arrow")["negative_images"].to_pylist() for each in rows]
    assert images[0] == images[1]
    assert (tmp_path / "one" / "data-00003-of-00004.arrow").read_bytes() == (
        tmp_path / "two" / "data-00003-of-00004.arrow"
    ).read_bytes()


def test_what_goes_wrong_in_a_worker_is_raised_here():
    pytest.importorskip("ray", reason="Ray is not installed (pip install 'mmgeolm[ray]')")
    with pytest.raises(ValueError, match="invalid literal for int.*'three'"):
        list(on_ray(int, ["1", "2", "three"], 2))


def test_a_worker_that_lacks_a_package_is_a_sentence(tmp_path, monkeypatch):
    pytest.importorskip("ray", reason="Ray is not installed (pip install 'mmgeolm[ray]')")
    (tmp_path / "only_here.py").write_text("def work(item):\n    return item\n")
    monkeypatch.syspath_prepend(tmp_path)
    work = importlib.import_module("only_here").work
    monkeypatch.delenv("PYTHONPATH", raising=False)
    with pytest.raises(OSError, match="No module named 'only_here'.*; each machine needs the same packages"):
        list(on_ray(work, [1, 2], 2))
