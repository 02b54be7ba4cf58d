"""G-LLaVA's training data from small folders in the published layouts."""

import datasets
import pyarrow as pa
import pyarrow.parquet
import pytest
from published_layouts import png, written, zipped

from dataset_builders.instructions import INSTRUCTIONS
from dataset_builders.sources.gllava import gllava_alignment, gllava_instruction

NAME = "geo3k/train/74/img_diagram.png"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def conversation(question="<image>\nDescribe the diagram.", answer="A triangle ABC."):
    return [{"from": "human", "value": question}, {"from": "gpt", "value": answer}]


def record(image=NAME, **turns):
    return {"image": image, "conversations": conversation(**turns)}


def geo170k(folder, zip_images=True):
    written(folder / "alignment.json", [record(), record(question="Describe it.\n<image>")])
    written(folder / "qa_tuning.json", [record(question="<image>\nHow long is AB?", answer="AB = 6. Answer: 6")])
    members = {f"images/{NAME}": png(8), "images/geo3k/train/75/img_diagram.png": png(9)}
    if zip_images:
        zipped(folder / "images.zip", members)
    else:
        for name, content in members.items():
            written(folder / name, content)
    return folder


@pytest.mark.parametrize("zip_images", [True, False])
def test_both_files_are_read_with_images_in_the_zip_or_unpacked(tmp_path, zip_images):
    folder = geo170k(tmp_path / "Geo170K", zip_images)
    dataset, bad = gllava_alignment(folder)
    assert not bad and dataset.features == INSTRUCTIONS
    assert [row["messages"][0]["content"] for row in dataset] == ["Describe the diagram.", "Describe it."]
    assert dataset[0]["images"][0].width == 8
    assert dataset[0]["source"] == "Geo170K (no licence stated)"
    dataset, bad = gllava_instruction(str(folder))
    assert not bad
    assert dataset[0]["messages"] == [
        {"role": "user", "content": "How long is AB?"},
        {"role": "assistant", "content": "AB = 6. Answer: 6"},
    ]


def test_images_stay_paths(tmp_path):
    dataset, _ = gllava_alignment(geo170k(tmp_path / "Geo170K", zip_images=False))
    (image,) = dataset.with_format("arrow")[0].to_pylist()[0]["images"]
    assert image == {"bytes": None, "path": str(tmp_path / "Geo170K/images" / NAME)}


def test_one_diagram_is_not_taken_for_another_of_the_same_file_name(tmp_path):
    folder = geo170k(tmp_path / "Geo170K")
    written(folder / "alignment.json", [record(), record("geo3k/train/99/img_diagram.png")])
    dataset, bad = gllava_alignment(folder)
    assert len(dataset) == 1
    assert [(b.index, b.field) for b in bad] == [(1, "image")]
    assert "no image geo3k/train/99/img_diagram.png" in bad[0].problem


def test_bad_records_are_left_out_and_named(tmp_path):
    folder = geo170k(tmp_path / "Geo170K")
    twice = record(question="<image><image>\nDescribe.")
    silent = record(answer=" ")
    no_turns = {"image": NAME, "conversations": "none"}
    text_only = {"conversations": conversation(question="What is 2 + 2?", answer="4")}
    written(folder / "alignment.json", [record(), twice, silent, no_turns, "a text", text_only])
    dataset, bad = gllava_alignment(folder)
    assert dataset["id"][:] == ["0", "5"] and dataset[1]["images"] == []
    assert [(b.index, b.field) for b in bad] == [
        (1, "conversations"),
        (2, "messages"),
        (3, "conversations"),
        (4, "record"),
    ]


def test_the_mirrors_parquet_with_images_in_it_is_read(tmp_path):
    rows = [{"id": "7", "image": {"bytes": png(11), "path": None}, "conversations": conversation()}]
    pa.parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "train-00000-of-00001.parquet")
    dataset, bad = gllava_alignment(tmp_path)
    assert not bad and dataset["id"][:] == ["7"] and dataset[0]["images"][0].width == 11


def test_a_wrong_folder_a_missing_zip_and_a_wrong_file_are_one_sentence_each(tmp_path):
    with pytest.raises(FileNotFoundError, match="has no alignment.json, which has the conversations"):
        gllava_alignment(written(tmp_path / "other/readme.txt", "x").parent)
    written(tmp_path / "bare/alignment.json", [record()])
    with pytest.raises(FileNotFoundError, match="has no images, nor images.zip"):
        gllava_alignment(tmp_path / "bare")
    written(tmp_path / "wrong/alignment.json", [{"caption": "x"}])
    written(tmp_path / "wrong/1.png", png())
    with pytest.raises(ValueError, match="its records have no `conversations`; they have caption"):
        gllava_alignment(tmp_path / "wrong")
