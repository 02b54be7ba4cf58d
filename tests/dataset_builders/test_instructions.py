"""The Instructions schema: what gets in, what is left out, and that trl takes what comes out."""

import pytest
from PIL import Image

from dataset_builders.instructions import INSTRUCTIONS, from_llava, instructions_dataset
from dataset_builders.records import BadRecord, Problem

TURNS = [{"role": "user", "content": "How long is AB?"}, {"role": "assistant", "content": "6"}]


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "figure.png"
    Image.new("RGB", (8, 6), "white").save(path)
    return str(path)


def test_a_record_keeps_its_turns_and_its_image_stays_a_path(picture):
    dataset, bad = instructions_dataset([{"images": [picture], "messages": TURNS}], "mine.json")
    assert not bad and dataset.features == INSTRUCTIONS
    stored = dataset.with_format("arrow")[0].to_pylist()[0]
    assert stored == {"id": "0", "images": [{"bytes": None, "path": picture}], "messages": TURNS, "source": ""}
    assert dataset[0]["images"][0].size == (8, 6)


def test_text_only_two_images_system_and_further_turns_are_fine(picture):
    system = {"role": "system", "content": "Be short."}
    records = [
        {"messages": TURNS},
        {"images": [picture, picture], "messages": TURNS},
        {"images": [picture], "messages": [system, *TURNS, *TURNS]},
    ]
    dataset, bad = instructions_dataset(records, "mine.json")
    assert not bad
    assert [len(row["images"]) for row in dataset] == [0, 2, 1]
    assert len(dataset[2]["messages"]) == 5


def test_content_lists_become_text(picture):
    parts = [{"type": "image"}, {"type": "text", "text": "How long is AB?"}]
    record = {"images": [picture], "messages": [{"role": "user", "content": parts}, TURNS[1]]}
    dataset, bad = instructions_dataset([record], "mine.json")
    assert not bad and dataset[0]["messages"] == TURNS


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"images": ["nowhere.png"]}, "images", "no file nowhere.png"),
        ({"images": [b"no image"]}, "images", "cannot be opened"),
        ({"images": "one.png"}, "images", "must be a list"),
        ({"image": []}, "image", "did you mean `images`"),
        ({"messages": None}, "messages", "missing"),
        ({"messages": "How long?"}, "messages", "list of turns"),
        ({"messages": []}, "messages", "take turns"),
        ({"messages": TURNS[:1]}, "messages", "an answer last"),
        ({"messages": TURNS[::-1]}, "messages", "take turns"),
        ({"messages": [{"role": "human", "content": "x"}, TURNS[1]]}, "messages", "human"),
        ({"messages": [TURNS[0], {"role": "assistant", "content": " "}]}, "messages", "turn 1"),
        ({"messages": [{"role": "user", "content": "<image>\nHow?"}, TURNS[1]]}, "messages", "take it out"),
        ({"messages": [{"role": "user", "content": [{"type": "image"}] * 2}, TURNS[1]]}, "messages", "2 image parts"),
        ({"source": 7}, "source", "must be text"),
    ],
)
def test_a_bad_record_is_left_out_and_named(picture, change, field, words):
    good = {"images": [picture], "messages": TURNS}
    record = {name: value for name, value in (good | change).items() if not (name == "images" and "image" in change)}
    dataset, bad = instructions_dataset([good, record, good], "mine.json")
    assert dataset["id"][:] == ["0", "2"]
    assert [(b.index, b.field) for b in bad] == [(1, field)] and words in bad[0].problem


def test_a_file_of_only_bad_records_raises():
    with pytest.raises(ValueError, match="mine.json: not one of its 1 records"):
        instructions_dataset([BadRecord("mine.json", 0, "record", "it is broken.")], "mine.json")


@pytest.mark.parametrize("question", ["<image>\nHow long is AB?", "How long is AB?\n<image>", "How long is AB?"])
def test_llavas_mark_is_taken_out_wherever_it_stands(question):
    turns = [{"from": "human", "value": question}, {"from": "gpt", "value": "6"}]
    record = from_llava(turns, ["1.png"], "7", "mine")
    assert record == {"id": "7", "images": ["1.png"], "messages": TURNS, "source": "mine"}


def test_words_around_a_mark_do_not_run_together():
    turns = [{"from": "human", "value": "Compare <image> with <image>."}, {"from": "gpt", "value": "6"}]
    assert from_llava(turns, ["1.png", "2.png"])["messages"][0]["content"] == "Compare\nwith\n."


@pytest.mark.parametrize(
    ("turns", "images", "words"),
    [
        ([{"from": "human", "value": "<image><image>?"}, {"from": "gpt", "value": "6"}], ["1.png"], "2 marks"),
        ([{"from": "human", "value": "<image>?"}, {"from": "gpt", "value": "6"}], [], "1 marks"),
        ([{"from": "robot", "value": "?"}], ["1.png"], "'robot'"),
        ("?", ["1.png"], "list of turns"),
        ([], ["1.png"], "list of turns"),
    ],
)
def test_what_is_no_conversation_of_llavas_is_refused(turns, images, words):
    with pytest.raises(Problem) as error:
        from_llava(turns, images)
    assert words in error.value.problem


def test_trl_puts_the_images_before_the_first_question(picture):
    from trl.data_utils import prepare_multimodal_messages

    record = {"images": [picture, picture], "messages": [*TURNS, *TURNS]}
    row = instructions_dataset([record], "mine.json")[0][0]
    prepared = prepare_multimodal_messages(row["messages"], row["images"])
    assert [part["type"] for part in prepared[0]["content"]] == ["image", "image", "text"]
    assert prepared[0]["content"][0]["image"].size == (8, 6)
    assert [part["type"] for part in prepared[2]["content"]] == ["text"]
