"""`mmgeolm retrieval` and `mmgeolm probe` from options to files."""

import json
from pathlib import Path

import pytest
from tiny_models import save_backbone, tiny_mmclip, tiny_records

from dataset_builders.records import hard_negatives_dataset
from mmgeolm.scripts import probe, retrieval


@pytest.fixture(scope="module")
def encoders(tmp_path_factory) -> Path:
    """A plain backbone, and an MMCLIP checkpoint."""
    folder = tmp_path_factory.mktemp("encoders")
    save_backbone("siglip", folder / "plain")
    model, processor = tiny_mmclip("clip")
    model.save_pretrained(folder / "trained")
    processor.save_pretrained(folder / "trained")
    return folder


def test_encoders_are_ranked_on_generated_sets_and_a_second_run_computes_nothing_again(
    encoders, tmp_path, monkeypatch, capsys
):
    options = ["--encoders", str(encoders / "plain"), f"ours={encoders / 'trained'}", "--scenes", "simple"]
    options += ["--num_anchors", "12", "--num_negatives", "3", "--distort", "downscale0.5", "fonts"]
    options += ["--output_dir", str(tmp_path)]
    retrieval.main(options)
    found = json.loads((tmp_path / "results.json").read_text())
    assert list(found["encoders"]) == ["plain", "ours"] and len(found["sets"]) == 6
    assert found["sets"]["rule"]["anchors"] == 12 and found["sets"]["rule"]["chance"]["hit1"] == 25
    assert list(found["distortions"]) == ["downscale0.5", "fonts"]
    kinds = found["edit_kinds"]
    assert kinds["left_out"] == ["random", "retrieval"] and list(kinds["sets"]) == list(found["sets"])[2:]
    assert all(sum(each["pairs"].values()) == 36 for each in kinds["sets"].values())
    assert set(kinds["encoders"]["ours"]["rule"]) <= {"shape", "relation", "swap", "letter", "number", "place"}
    assert (tmp_path / "edit_kinds.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "heat_map.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "results.md").read_text().strip() in capsys.readouterr().out

    def never(*args):
        raise AssertionError("an encoder was loaded again")

    monkeypatch.setattr(retrieval, "load_encoder", never)
    retrieval.main(options)
    assert json.loads((tmp_path / "results.json").read_text()) == found
    with pytest.raises(AssertionError):
        retrieval.main([*options, "--seed", "1"])


def test_own_data_is_ranked_under_its_name(encoders, tmp_path):
    dataset, _ = hard_negatives_dataset(tiny_records(8), "test")
    dataset.save_to_disk(tmp_path / "pairs")
    retrieval.main(
        ["--encoders", str(encoders / "trained"), "--data", f"exams={tmp_path / 'pairs'}", "--output_dir",
         str(tmp_path / "out")]
    )  # fmt: skip
    found = json.loads((tmp_path / "out" / "results.json").read_text())
    assert list(found["sets"]) == ["exams/random", "exams/retrieval", "exams/rule", "exams/image"]
    assert found["sets"]["exams/image"]["chance"]["hit1"] == pytest.approx(100 / 3)
    assert list(found["edit_kinds"]["sets"]) == ["exams/rule", "exams/image"]


def test_data_without_edits_has_no_plot_of_them(encoders, tmp_path):
    rows = [{"image": row["image"], "caption": row["caption"]} for row in tiny_records(4)]
    hard_negatives_dataset(rows, "test")[0].save_to_disk(tmp_path / "pairs")
    retrieval.main(
        ["--encoders", str(encoders / "trained"), "--data", f"x={tmp_path / 'pairs'}", "--output_dir",
         str(tmp_path / "out")]
    )  # fmt: skip
    assert "there is no edit_kinds.png" in (tmp_path / "out" / "results.md").read_text()
    assert not (tmp_path / "out" / "edit_kinds.png").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "name the encoders"),
        (["--encoders", "a", "--distort", "blur"], "--distort has no 'blur'; there are rotate30"),
        (["--encoders", "a", "--distort", "fonts", "--data", "x=y"], "only generated ones"),
        (["--encoders", "a", "--data", "x=b", "x=c"], "two sets called x"),
        (["--encoders", "a", "--data", "x=/nowhere.json"], "/nowhere.json"),
    ],
)
def test_wrong_options_get_a_sentence(options, message, tmp_path):
    with pytest.raises((ValueError, OSError), match=message):
        retrieval.main([*options, "--output_dir", str(tmp_path)])


def test_towers_are_probed(encoders, tmp_path, capsys):
    probe.main(
        ["--encoders", str(encoders / "plain"), str(encoders / "trained"), "--scenes", "simple", "--num_scenes", "12",
         "--tasks", "parallel", "tangent", "--output_dir", str(tmp_path)]
    )  # fmt: skip
    found = json.loads((tmp_path / "probes.json").read_text())
    assert list(found["encoders"]) == ["plain", "trained"] and list(found["sets"]) == ["parallel", "tangent"]
    assert found["sets"]["parallel"]["train"] + found["sets"]["parallel"]["test"] == 24
    assert (tmp_path / "probes.md").read_text().strip() in capsys.readouterr().out
    with pytest.raises(ValueError, match="no probe 'colour'"):
        probe.main(["--encoders", "a", "--tasks", "colour", "--output_dir", str(tmp_path)])
    with pytest.raises(ValueError, match="`num_scenes=3`"):
        probe.main(["--encoders", "a", "--num_scenes", "3", "--output_dir", str(tmp_path)])
