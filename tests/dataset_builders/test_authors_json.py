"""The two formats of the MMGeoLM release, our own field names, and files that are neither."""

import json
import logging

import pytest
from datasets import Dataset
from PIL import Image

from dataset_builders.records import HARD_NEGATIVES
from dataset_builders.sources.authors_json import load_hard_negatives


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "pictures").mkdir()
    for name in ("1", "1_1", "1_2"):
        Image.new("L", (4, 4)).save(tmp_path / "pictures" / f"{name}.png")
    return tmp_path


def _turns(caption):
    return [{"from": "human", "value": "<image>\nDescribe."}, {"from": "gpt", "value": caption}]


TEXT = {
    "positive_image_path": "pictures/1.png",
    "negative_captions": ["AB ⟂ CD.", "AC ∥ BD."],
    "conversations": _turns("AB ∥ CD."),
}
IMAGES = {
    "positive_image_path": "pictures/1.png",
    "negative_image_path": ["pictures/1_1.png", "pictures/1_2.png"],
    "conversations": _turns("AB ∥ CD."),
}


def _written(folder, records, name="negatives.json"):
    path = folder / name
    text = "\n".join(map(json.dumps, records)) if name.endswith("l") else json.dumps(records)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["negatives.json", "negatives.jsonl"])
def test_both_formats_of_the_release_may_be_mixed_in_one_file(folder, name):
    dataset = load_hard_negatives(_written(folder, [TEXT, IMAGES], name), kind="retrieval")
    assert dataset.features == HARD_NEGATIVES
    assert dataset["caption"][:] == ["AB ∥ CD."] * 2
    assert dataset[0]["negative_captions"] == TEXT["negative_captions"]
    assert dataset[0]["negative_caption_kinds"] == ["retrieval"] * 2
    assert dataset[0]["negative_images"] == []
    assert [image.size for image in dataset[1]["negative_images"]] == [(4, 4)] * 2
    assert dataset[1]["negative_captions"] == []
    assert dataset["source"][:] == [name] * 2


def test_images_are_relative_to_the_file_or_to_the_image_folder(folder, tmp_path):
    (folder / "annotations").mkdir()
    path = _written(folder / "annotations", [TEXT])
    with pytest.raises(ValueError, match="no file .*annotations/pictures/1.png"):
        load_hard_negatives(path)
    stored = load_hard_negatives(path, image_folder=folder).with_format("arrow")[0].to_pylist()[0]
    assert stored["image"] == {"bytes": None, "path": str(folder / "pictures/1.png")}


def test_a_record_without_negatives_is_a_record(folder):
    bare = {"positive_image_path": "pictures/1.png", "conversations": _turns("AB = 6.")}
    dataset = load_hard_negatives(_written(folder, [bare]))
    assert dataset[0]["negative_captions"] == [] and dataset[0]["caption"] == "AB = 6."


def test_the_second_turn_is_the_caption_where_the_roles_have_other_names(folder):
    record = TEXT | {"conversations": [{"from": "humam", "value": "?"}, {"from": "model", "value": "AB = 6."}]}
    assert load_hard_negatives(_written(folder, [record]))[0]["caption"] == "AB = 6."


def test_records_with_our_own_names_keep_their_kinds(folder):
    own = {
        "id": "seven",
        "image": "pictures/1.png",
        "caption": "AB = 6.",
        "negative_captions": ["AB = 7.", "AB = 8."],
        "negative_caption_kinds": ["rule", "random"],
        "negative_images": ["pictures/1_1.png"],
        "negative_image_captions": ["AB = 9."],
        "program": "segment(A, B)",
    }
    row = load_hard_negatives(_written(folder, [own]))[0]
    assert [image.size for image in row.pop("negative_images")] == [(4, 4)]
    assert row.pop("image").size == (4, 4) and row.pop("source") == ""
    assert row == {name: own[name] for name in row}


def test_bad_records_are_left_out_and_the_rest_is_read(folder, caplog):
    no_reply = TEXT | {"conversations": _turns("x")[:1]}
    no_picture = TEXT | {"positive_image_path": "pictures/2.png"}
    with caplog.at_level(logging.WARNING):
        dataset = load_hard_negatives(_written(folder, [no_reply, TEXT, no_picture, {"a": 1}, 7]))
    assert len(dataset) == 1
    assert "record 0, field `conversations`: 0 turns are from 'gpt'" in caplog.text
    assert "record 2, field `image`: there is no file" in caplog.text
    assert "record 3, field `record`: its keys ['a'] are of no known format" in caplog.text
    assert "record 4, field `record`: it is a int" in caplog.text
    assert "left out 4 of 5 records" in caplog.text


def test_a_broken_line_of_json_lines_does_not_stop_the_rest(folder, caplog):
    path = _written(folder, [TEXT, TEXT], "negatives.jsonl")
    path.write_text(path.read_text() + '\n{"positive_image_path": "pic')
    with caplog.at_level(logging.WARNING):
        assert len(load_hard_negatives(path)) == 2
    assert "record 2, field `record`: line 3 is not JSON" in caplog.text


def test_a_file_that_is_no_json_is_named_with_line_and_column(folder):
    path = folder / "broken.json"
    path.write_text('[\n  {"positive_image_path": "1.png",}\n]')
    with pytest.raises(ValueError, match=r"broken.json is not JSON: .* at line 2, column \d+"):
        load_hard_negatives(path)


def test_an_unknown_format_is_named_by_its_keys(folder):
    with pytest.raises(ValueError, match=r"record 0: its keys \['picture', 'text'\] are of no known format"):
        load_hard_negatives(_written(folder, [{"picture": "1.png", "text": "AB = 6."}]))
    (folder / "object.json").write_text("{}")
    with pytest.raises(ValueError, match="holds a dict at its top; a list of records is needed"):
        load_hard_negatives(folder / "object.json")


def test_what_was_saved_is_loaded_again_from_disk_and_from_parquet(folder):
    dataset = load_hard_negatives(_written(folder, [TEXT, IMAGES]))
    dataset.save_to_disk(folder / "saved")
    dataset.to_parquet(folder / "saved.parquet")
    for path in (folder / "saved", folder / "saved.parquet"):
        again = load_hard_negatives(path)
        assert again.features == HARD_NEGATIVES
        assert again["negative_captions"][:] == dataset["negative_captions"][:]
        assert again[1]["negative_images"][0].size == (4, 4)


def test_paths_of_another_make_are_refused(folder):
    with pytest.raises(FileNotFoundError, match="no file or folder"):
        load_hard_negatives(folder / "nowhere.json")
    with pytest.raises(ValueError, match="`Dataset.save_to_disk` did not write"):
        load_hard_negatives(folder / "pictures")
    with pytest.raises(ValueError, match="ends in '.png'"):
        load_hard_negatives(folder / "pictures" / "1.png")
    (folder / "broken.parquet").write_text("no parquet")
    with pytest.raises(ValueError, match="broken.parquet cannot be read as Parquet"):
        load_hard_negatives(folder / "broken.parquet")
    with pytest.raises(ValueError, match="`kind` is 'rules'"):
        load_hard_negatives(_written(folder, [TEXT]), kind="rules")


@pytest.mark.parametrize(
    ("record", "field"),
    [
        (
            {**{k: v for k, v in TEXT.items() if k != "negative_captions"}, "negative_caption": ["x"]},
            "negative_caption",
        ),
        ({**TEXT, "negative_captions": ["AB \ud800"]}, "negative_captions"),
    ],
    ids=["misspelt field", "half a surrogate pair"],
)
def test_one_bad_record_is_named_and_the_others_are_read(record, field, folder, caplog):
    (folder / "a.json").write_text(json.dumps([record, TEXT]))
    with caplog.at_level(logging.WARNING):
        assert len(load_hard_negatives(folder / "a.json")) == 1
    assert f"record 0, field `{field}`" in caplog.text


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.JSON"])
def test_a_byte_order_mark_is_no_part_of_the_file(name, folder):
    text = json.dumps(TEXT) if name.endswith("l") else json.dumps([TEXT])
    (folder / name).write_text(text, encoding="utf-8-sig")
    assert load_hard_negatives(folder / name)["caption"] == ["AB ∥ CD."]


def test_a_line_in_another_encoding_is_named_and_not_garbled(folder, caplog):
    latin = json.dumps({**TEXT, "conversations": _turns("∠A = 30°".replace("∠", "angle "))}, ensure_ascii=False)
    (folder / "a.jsonl").write_bytes(latin.encode("latin-1", "ignore") + b"\n" + json.dumps(TEXT).encode())
    with caplog.at_level(logging.WARNING):
        assert load_hard_negatives(folder / "a.jsonl")["caption"] == ["AB ∥ CD."]
    assert "not UTF-8" in caplog.text


def test_parquet_may_lack_kinds_and_have_numbers_for_ids(folder):
    columns = {"id": [7], "image": [{"path": None, "bytes": (folder / "pictures" / "1.png").read_bytes()}]}
    columns |= {"caption": ["AB ∥ CD."], "negative_captions": [["AB ⟂ CD.", "AC ∥ BD."]], "source": [None]}
    Dataset.from_dict(columns).to_parquet(folder / "a.parquet")
    (record,) = load_hard_negatives(folder / "a.parquet", kind="retrieval")
    assert record["id"] == "7" and record["negative_caption_kinds"] == ["retrieval"] * 2 and record["source"] == ""
