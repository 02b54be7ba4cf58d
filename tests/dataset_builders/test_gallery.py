"""The gallery page: one file, what was changed marked, and nothing that a browser would run or load."""

import html
import re
import shutil
import subprocess
import time

import numpy as np
import pytest
from PIL import Image

from dataset_builders.code_records import code_record
from dataset_builders.gallery import changed_strokes, compare_captions, gallery
from dataset_builders.records import HARD_NEGATIVES, hard_negatives_dataset

COLUMNS = list(HARD_NEGATIVES)


def records(count, num_negatives=4, kind="image"):
    made = [code_record(number, 0, num_negatives, kind, size=96) for number in range(count)]
    return hard_negatives_dataset([{name: row[name] for name in COLUMNS} for row in made], "generated")[0]


def page(dataset, folder, **options):
    return gallery(dataset, folder / "gallery.html", **options).read_text(encoding="utf-8")


def white(size=(40, 40)):
    return Image.new("L", size, 255)


def test_each_chosen_record_is_shown_with_its_negatives_and_its_program(tmp_path):
    dataset = records(3)
    text = page(dataset, tmp_path)
    for row in dataset:
        assert row["id"] in text and row["program"].split("\n")[0] in html.unescape(text)
        assert row["caption"] in html.unescape(re.sub("<[^>]+>", "", text))
    assert text.count('class="card"') == 12


def test_the_page_loads_nothing_from_elsewhere(tmp_path):
    text = page(records(2), tmp_path)
    sources = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert sources and all(source.startswith(("data:image/png;base64,", "#")) for source in sources)


def test_a_caption_cannot_bring_markup(tmp_path):
    row = {"image": white(), "caption": "<script>alert(1)</script> AB = 6", "negative_captions": ["<b>AB</b> = 8"]}
    row["negative_caption_kinds"] = ["rule"]
    text = page(hard_negatives_dataset([row], "here")[0], tmp_path)
    assert "<script>alert" not in text and "<b>AB" not in text and "&lt;script&gt;alert" in text


def test_changed_words_and_letters_are_marked():
    parts = compare_captions("ABCD is a square. AB = 6.", "CBAD is a square. AB = 8.").parts
    deleted = ["".join(text for text, _ in part.pieces).strip() for part in parts if part.change == "delete"]
    inserted = ["".join(text for text, _ in part.pieces).strip() for part in parts if part.change == "insert"]
    assert deleted == ["ABCD", "6"] and inserted == ["CBAD", "8"]
    letters = [piece for part in parts if part.change == "insert" for piece in part.pieces if piece[1]]
    assert [text.strip() for text, _ in letters] == ["C", "A"] or "".join(text for text, _ in letters).startswith("C")


def test_strokes_removed_and_added_are_told_apart():
    positive, negative = np.full((20, 20), 255, np.uint8), np.full((20, 20), 255, np.uint8)
    positive[5, 2:18] = 0
    negative[12, 2:18] = 0
    strokes = changed_strokes(*(Image.fromarray(image).convert("RGB") for image in (positive, negative)))
    assert strokes.removed[5, 10] and not strokes.removed[12, 10]
    assert strokes.added[12, 10] and not strokes.added[5, 10]


def test_a_broken_picture_and_another_size_get_a_note(tmp_path):
    file = tmp_path / "broken.png"
    Image.new("L", (60, 60), 255).save(file)
    whole = file.read_bytes()
    row = {"image": white(), "caption": "AB = 6", "negative_images": [{"bytes": whole, "path": None}, white((80, 40))]}
    dataset = hard_negatives_dataset([{**row, "negative_image_captions": ["AB = 7", "AB = 8"]}], "here")[0]
    broken = dataset.map(
        lambda row: {"negative_images": [{"bytes": whole[:40], "path": None}, row["negative_images"][1]]},
        features=HARD_NEGATIVES,
    )
    text = html.unescape(page(broken, tmp_path))
    assert text.count('class="missing note"') == 1
    assert "80" in text and 'class="note' in text


def test_an_empty_data_set_and_records_without_negatives_make_a_page(tmp_path):
    assert "the data set is empty" in page(records(1).select([]), tmp_path)
    row = {"image": white(), "caption": "△ABC 等腰三角形"}
    text = page(hard_negatives_dataset([row], "here")[0], tmp_path)
    assert "no negatives" in text and "等腰三角形" in text


def test_a_long_caption_is_folded(tmp_path):
    row = {"image": white(), "caption": "AB = 6. " * 1300}
    assert "10,400 characters" in page(hard_negatives_dataset([row], "here")[0], tmp_path)


def test_the_same_seed_chooses_the_same_records(tmp_path):
    dataset = records(8, 1)
    first, again, other = (page(dataset, tmp_path, num_records=3, seed=seed) for seed in (0, 0, 1))
    assert first == again != other


@pytest.mark.parametrize("options", [{"num_records": 0}, {"max_negatives": 0}])
def test_numbers_below_one_are_refused(tmp_path, options):
    with pytest.raises(ValueError, match="must be at least 1"):
        gallery(records(1), tmp_path / "gallery.html", **options)


def test_a_page_of_many_negatives_takes_seconds(tmp_path):
    dataset = records(6, 10)
    start = time.perf_counter()
    path = gallery(dataset, tmp_path / "gallery.html")
    assert time.perf_counter() - start < 10 and path.stat().st_size < 15e6


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium on this machine")
def test_a_browser_shows_it(tmp_path):
    path = gallery(records(2), tmp_path / "gallery.html")
    options = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    options += "--disable-component-update --disable-sync --window-size=1000,900"
    base = ["chromium", *options.split(), f"--user-data-dir={tmp_path / 'profile'}"]
    shot = tmp_path / "shot.png"
    subprocess.run([*base, f"--screenshot={shot}", path.as_uri()], check=True, capture_output=True, timeout=120)
    pixels = np.asarray(Image.open(shot).convert("RGB"))
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 50  # text, strokes, and marks in two colours
    dom = subprocess.run([*base, "--dump-dom", path.as_uri()], check=True, capture_output=True, timeout=120, text=True)
    assert "<ins>" in dom.stdout and dom.stdout.count('class="marks"') >= 8
