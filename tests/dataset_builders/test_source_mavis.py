"""MAVIS from small folders in the two published layouts."""

import pyarrow as pa
import pyarrow.parquet
import pytest
from published_layouts import png, written

from dataset_builders.instructions import INSTRUCTIONS
from dataset_builders.records import HARD_NEGATIVES
from dataset_builders.sources.mavis import CAPTION_REQUESTS, mavis_alignment, mavis_caption, mavis_instruction


def row(**changes):
    text = {
        "diagram_generation": "…",
        "caption": "A square ABCD with AB = 6.",
        "text_dominant_question": "ABCD is a square, AB = 6. Find its area.",
        "text_lite_question": "AB = 6. Find the area.",
        "vision_dominant_question": "Find the area.",
        "CoT_reasoning": "6 · 6 = 36, so the answer is B.",
    }
    images = {
        f"image_{version}": {"bytes": png(width), "path": None}
        for version, width in (("text_dominant", 8), ("text_lite", 9), ("vision_dominant", 10))
    }
    chinese = {name: f"中文 {name}" for name in text}
    return {**images, "answer_index": 1, "choices": ["12", "36"], "text_en": text, "text_zh": chinese} | changes


def parquet(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    pa.parquet.write_table(pa.Table.from_pylist(rows), path)
    return path


def test_captions_go_with_the_diagram_that_has_every_number(tmp_path):
    parquet(tmp_path / "visualization.parquet", [row(), row()])
    parquet(tmp_path / "visualization.small.parquet", [row()])
    dataset, bad = mavis_caption(tmp_path)
    assert not bad and dataset.features == HARD_NEGATIVES and len(dataset) == 2
    assert dataset[0]["caption"] == "A square ABCD with AB = 6." and dataset[0]["image"].width == 10
    assert dataset[0]["negative_captions"] == [] and dataset[0]["source"] == "MAVIS (no licence stated)"
    assert mavis_caption(tmp_path, "zh")[0][0]["caption"] == "中文 caption"


def test_captions_serve_as_alignment_under_several_requests(tmp_path):
    dataset, bad = mavis_alignment(parquet(tmp_path / "visualization.parquet", [row()] * 4))
    assert not bad and dataset.features == INSTRUCTIONS
    assert [turns[0]["content"] for turns in dataset["messages"]] == list(CAPTION_REQUESTS)
    assert dataset[0]["messages"][1]["content"] == "A square ABCD with AB = 6."


def test_each_row_asks_in_three_versions_with_its_choices(tmp_path):
    dataset, bad = mavis_instruction(parquet(tmp_path / "visualization.parquet", [row(), row()]))
    assert not bad and len(dataset) == 6
    assert dataset["id"][:3] == ["0-text_dominant", "0-text_lite", "0-vision_dominant"]
    assert [record["images"][0].width for record in dataset][:3] == [8, 9, 10]
    assert dataset[2]["messages"] == [
        {"role": "user", "content": "Find the area.\nA. 12\nB. 36"},
        {"role": "assistant", "content": "6 · 6 = 36, so the answer is B."},
    ]


def test_rows_that_lack_something_are_named(tmp_path):
    rows = [row(), row(text_en=None), row(image_vision_dominant=None)]
    dataset, bad = mavis_caption(parquet(tmp_path / "visualization.parquet", rows))
    assert len(dataset) == 1 and [(b.index, b.field) for b in bad] == [(1, "text_en"), (2, "image")]


def conversation(picture):
    turns = [{"from": "human", "value": "<image>\nFind x."}, {"from": "gpt", "value": "x = 6"}]
    return {"id": "7", "image": picture, "conversations": turns, "data_source": "mavis"}


def test_the_mirror_is_read_with_all_its_configurations(tmp_path):
    embedded = conversation({"bytes": png(), "path": None})
    for name in ("mavis_math_rule_geo", "mavis_math_metagen"):
        parquet(tmp_path / name / "train-00000-of-00001.parquet", [embedded])
    parquet(tmp_path / "ai2d" / "train-00000-of-00001.parquet", [embedded])
    dataset, bad = mavis_instruction(tmp_path)
    assert not bad and len(dataset) == 2 and dataset[0]["messages"][1]["content"] == "x = 6"
    assert len(mavis_instruction(tmp_path / "mavis_math_metagen")[0]) == 1


def test_llavas_json_beside_its_images_is_read(tmp_path):
    written(tmp_path / "mavis.json", [conversation("geo/7.png")])
    written(tmp_path / "images/geo/7.png", png(12))
    dataset, bad = mavis_instruction(tmp_path)
    assert not bad and dataset[0]["images"][0].width == 12


def test_wrong_folders_files_and_languages_are_one_sentence_each(tmp_path):
    with pytest.raises(FileNotFoundError, match="has no visualization.parquet"):
        mavis_caption(tmp_path)
    with pytest.raises(ValueError, match="`language` is 'de'; it must be one of en, zh"):
        mavis_caption(tmp_path, "de")
    file = parquet(tmp_path / "visualization.parquet", [{"image": "x"}])
    with pytest.raises(ValueError, match="is not MAVIS's visualization.parquet.*no `image_vision_dominant`"):
        mavis_caption(file)
