"""`mmgeolm contamination`: files in, reports and lists out; SimCSE's pooling."""

import json

import numpy as np
import pytest
import torch
from datasets import Dataset
from PIL import Image, ImageDraw
from tiny_models import byte_tokenizer
from transformers import RobertaConfig, RobertaForMaskedLM, RobertaModel

from mmgeolm.contamination_data import question_of, read_items
from mmgeolm.scripts.contamination import main
from mmgeolm.sentence_encoder import TransformersEncoder

TEST = "As shown in the figure, PA and PB are tangent to circle O at A and B, AC is the diameter, ∠P = 40.0, find ∠B."
CLONE = "Given ∠Q = 65°, XZ is the diameter. QX and QY are tangent to ⊙M at X and Y, find ∠Y."
OTHER = "In rectangle ABCD, fold D onto the diagonal AC at F; AB = 6, AD = 8. How long is ED, if CE is the crease?"


def figure(path, tilt: int):
    image = Image.new("L", (120, 90), 255)
    ImageDraw.Draw(image).line([(10, 80), (60, 10 + tilt), (110, 80), (10, 80)], width=2)
    image.save(path)
    return path.name


def roberta(folder, kind=RobertaModel):
    tokenizer = byte_tokenizer(64)
    config = RobertaConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=80, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    kind(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_clone_is_dropped_and_the_rest_kept(tmp_path, capsys):
    name = figure(tmp_path / "1.png", 0)
    figure(tmp_path / "2.png", 60)
    test = [{"pid": "7", "question": TEST}, {"pid": "8", "question": "Find x.", "image": name}]
    (tmp_path / "test.json").write_text(json.dumps(test))
    train = [
        {"id": "a", "messages": [{"role": "user", "content": CLONE}, {"role": "assistant", "content": "57.5"}]},
        {"id": "b", "messages": [{"role": "user", "content": OTHER}], "images": ["2.png"]},
        {"id": "c", "messages": [{"role": "user", "content": "How long is AB?"}], "images": [name]},
        {"id": "d", "conversations": [{"from": "human", "value": f"<image>\n{TEST}"}], "images": ["gone.png"]},
        {"id": "e", "messages": []},
    ]
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in train))
    output = tmp_path / "out"
    files = ["--train", str(tmp_path / "train.jsonl"), "--test", str(tmp_path / "test.json")]
    main([*files, "--output_dir", str(output)])
    printed = capsys.readouterr().out
    assert "4 questions, 2 with a figure, 0 with facts; 1 figures not found; 1 records without a question" in printed
    assert [(row["id"], row["by"]) for row in lines(output / "dropped.jsonl")] == [
        ("a", ["ours"]), ("c", ["ours"]), ("d", ["paper", "ours"]),
    ]  # fmt: skip
    assert [row["id"] for row in lines(output / "kept.jsonl")] == ["b"]
    shown = {row["train"]["id"]: row for row in lines(output / "near_clones.jsonl")}
    assert shown["a"]["names"] == {"P": "Q", "A": "X", "B": "Y", "C": "Z", "O": "M"}
    assert (shown["a"]["test"]["id"], shown["a"]["signals"]) == ("7", ["structure"])
    assert shown["c"]["signals"] == ["image"] and shown["c"]["image_bits"] == 0
    report = json.loads((output / "report.json").read_text())
    assert (report["paper"]["dropped"], report["ours"]["dropped"], report["both"]) == (1, 3, 1)
    assert [match["top"][0]["id"] for match in lines(output / "matches.jsonl")][0] == "d"
    assert "| ours: near-clones | 3 (75.00%) |" in (output / "report.md").read_text()


def test_folders_and_parquet_bring_their_pictures_and_facts(tmp_path):
    figure(tmp_path / "1.png", 0)
    data = Dataset.from_dict(
        {"question": [TEST], "image": [Image.open(tmp_path / "1.png")], "program": ["triangle(A, B, C)\nmark(A)"]}
    )
    data.save_to_disk(tmp_path / "saved")
    data.to_parquet(tmp_path / "data.parquet")
    for path in (tmp_path / "saved", tmp_path / "data.parquet"):
        (item,) = read_items(path).items
        assert item.text == TEST and item.image_hash.any() and item.facts == ("triangle(A, B, C)", "mark(A)")


def test_what_cannot_be_compared_is_said(tmp_path):
    (tmp_path / "empty.json").write_text('[{"id": 1}]')
    with pytest.raises(ValueError, match="no record with a question"):
        read_items(tmp_path / "empty.json")
    with pytest.raises(ValueError, match="There is no file"):
        read_items(tmp_path / "none.json")
    with pytest.raises(ValueError, match="pass --train, --test"):
        main(["--train", "a.json"])
    assert question_of(
        {"messages": [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Hm?"}]}]}
    )


def test_poolings_are_those_of_the_model(tmp_path):
    folder = roberta(tmp_path / "simcse")
    texts = ["AB = 5.", "In triangle ABC the side AB is 5 and the angle ABC is 60."]
    model = RobertaModel.from_pretrained(folder).eval()
    tokenizer = byte_tokenizer(64)
    for place, text in enumerate(texts):
        with torch.no_grad():
            output = model(**tokenizer(text, return_tensors="pt"))
        expected = {
            "pooler": output.pooler_output[0],
            "cls": output.last_hidden_state[0, 0],
            "mean": output.last_hidden_state[0].mean(0),
        }
        for pooling, row in expected.items():
            found = TransformersEncoder(folder, pooling).encode(texts)[place]
            np.testing.assert_allclose(found, row.numpy(), atol=1e-5)


def test_a_pooler_without_weights_is_refused(tmp_path):
    folder = roberta(tmp_path / "mlm", RobertaForMaskedLM)
    assert TransformersEncoder(folder, "cls").encode(["AB"]).shape == (1, 16)
    with pytest.raises(ValueError, match="no weights of a pooler"):
        TransformersEncoder(folder, "pooler")
    with pytest.raises(ValueError, match="must be one of"):
        TransformersEncoder(folder, "max")
