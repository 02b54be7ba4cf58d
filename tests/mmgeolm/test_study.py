"""The paper's studies at a size that takes seconds: rows, columns and figures are right, and nothing is done twice."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmgeolm.scripts.study import NAMES, main, run_studies
from mmgeolm.studies.definitions import RANKED, STUDIES, Negatives
from mmgeolm.studies.generated import Found, tower_folder
from mmgeolm.studies.generated_data import negatives_of, read_scenes
from mmgeolm.studies.scales import SCALES
from mmgeolm.studies.tables import figures_of, study_table

MINI = replace(
    SCALES["tiny"], seeds=1, original_steps=2, steps=2, anchors=4, records=24, ranked=12, lmm_steps=6, asked=24
)
TEXT_STUDIES = set(NAMES) - set(STUDIES)


@pytest.fixture(scope="module")
def output(tmp_path_factory) -> Path:
    """One folder for all studies, so that what they share is trained once, by the first that needs it."""
    return tmp_path_factory.mktemp("studies")


def run(name: str, output: Path) -> None:
    run_studies([name], MINI, "mini", output, 1)


@pytest.mark.parametrize("name", sorted(STUDIES))
def test_a_study_has_the_papers_rows_and_columns(output, name):
    run(name, output)
    study = STUDIES[name]
    lines = [row for row in (output / name / "table.md").read_text().splitlines() if row.startswith("| ")]
    head, _, *body = [[cell.strip() for cell in row.strip("|").split("|")] for row in lines]
    rows = {cells[0]: cells for cells in body}
    assert [tower.name for tower in study.towers] == [name for name in rows if name != "*blind, or chance*"]
    assert ("closed" in head and "open" in head) == study.lmm
    for tower in study.towers:
        row = dict(zip(head, rows[tower.name], strict=True))
        for column, value in zip(study.paper_columns, study.paper.get(tower.name, ()), strict=False):
            assert row[f"paper: {column}"] == f"{value:.1f}"
        assert all("(" in row[column] for column in head if column.startswith(("closed", "open", "Hit@1")))
    figures = json.loads((output / name / "figures.json").read_text())
    assert set(RANKED) <= figures["rows"][study.towers[0].name].keys()
    assert all(f"closed {distortion}" in head for distortion in study.distortions)
    with Image.open(output / name / "plot.png") as plot:
        assert np.asarray(plot.convert("L")).std() > 5


@pytest.mark.parametrize("name", sorted(TEXT_STUDIES))
def test_a_study_of_texts_has_the_papers_thresholds(output, name):
    run(name, output)
    table = (output / name / "table.md").read_text()
    thresholds = ("0.90", "0.85", "0.70", "0.60") if name == "similarity" else ("0.995", "0.990", "0.980", "0.970")
    assert all(threshold in table for threshold in thresholds)
    json.loads((output / name / "figures.json").read_text())


def test_what_was_trained_is_taken_up(output, capsys):
    run("markings", output)
    encoder = tower_folder(output / "mini", "image10", 0) / "model.safetensors"
    before = encoder.stat().st_mtime_ns
    table = (output / "markings" / "table.md").read_text()
    capsys.readouterr()
    run("markings", output)
    assert encoder.stat().st_mtime_ns == before and (output / "markings" / "table.md").read_text() == table
    assert table in capsys.readouterr().out


def test_encoders_are_trained_on_what_their_rows_say(output):
    run("markings", output)
    scenes = output / "mini" / "scenes"
    singles, groups, letters = (read_scenes(scenes / f"{name}-0") for name in ("singles", "look_alikes", "letters"))

    def records(kind: str, number: int = 3, candidates: str = "hard", drawn=groups) -> list[dict]:
        data = negatives_of(Negatives(kind, number), singles, drawn, MINI.records, candidates, 0)
        return [data[i] for i in range(len(data))]

    for kind in ("random", "retrieval", "rule"):
        for record in records(kind):
            assert len(record["negative_captions"]) == 3 and not record["negative_images"]
            assert record["caption"] not in record["negative_captions"]
    for kind in ("image", "template"):
        for record in records(kind):
            assert len(record["negative_images"]) == len(record["negative_image_captions"]) == 3
            own = np.asarray(record["image"])
            assert all((np.asarray(image) != own).any() for image in record["negative_images"])
    pairs = records("random", 0, "in_batch")
    assert len(pairs) == len(singles.captions) and not any(record["negative_captions"] for record in pairs)
    # Letters only leave less ink than letters with numbers and marks.
    assert (letters.images < 128).mean() < (groups.images < 128).mean()


def test_figures_are_means_over_seeds_and_items():
    study = STUDIES["markings"]
    first, second = (tower.name for tower in study.towers)
    scores = np.zeros((2, 4, 11))
    scores[0, :2, 0] = scores[1, :1, 0] = 1.0  # two hits of four, then one; the rest are ties
    better = np.zeros((2, 4, 11))
    better[:, :, 0] = 1.0
    closed = np.array([True, True, False, False])
    right = {first: {"": np.array([[1, 0, 0, 0], [1, 0, 0, 0]])}, second: {"": np.array([[1, 1, 1, 0], [1, 1, 0, 0]])}}
    hits = {first: dict.fromkeys(RANKED, scores), second: dict.fromkeys(RANKED, better)}
    found = Found(hits, right, closed, {"closed": 0.5, "open": 0.1}, {first: 1.0, second: 2.0})
    figures = figures_of(study, found)
    tie = 100 / 11
    assert figures[first]["rule"]["mean"] == pytest.approx((2 * 100 + 2 * tie + 100 + 3 * tie) / 8)
    assert figures[first]["rule"]["seeds"] == pytest.approx([(200 + 2 * tie) / 4, (100 + 3 * tie) / 4], abs=0.01)
    assert figures[second]["closed"]["mean"] == 100 and figures[second]["open"]["mean"] == 25
    assert figures[second]["closed"]["over"]["mean"] == 50 and "over" not in figures[first]["closed"]
    assert figures[first]["open"]["low"] == figures[first]["open"]["high"] == 0
    table = study_table(study, found, figures, "mini")
    assert "| 50.0 (0.0–100.0) | 0.0 (0.0–0.0) |" in table and "| 54.9 | 29.0 | 1 |" in table
    assert "| *blind, or chance* | 50.0 | 10.0 | 9.1 |" in table


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--output_dir", "x"], "name a study: kinds"),
        (["kind", "--output_dir", "x"], "there is no study 'kind'"),
        (["kinds"], "pass --output_dir"),
        (
            ["kinds", "--output_dir", "x", "--scale", "huge"],
            "there is no scale 'huge'; there are tiny, small and paper",
        ),
        (["kinds", "--output_dir", "x", "--seeds", "0"], "`seeds=0`; it must be at least 1"),
        (["kinds", "--output_dir", "x", "--scale", "paper"], "pass --data_dir for the scale paper"),
    ],
)
def test_bad_options_are_told_in_one_sentence(options, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=sentence):
        main(options)
    assert not list(tmp_path.iterdir())
