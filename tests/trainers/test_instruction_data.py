"""Instructions records on their way to the loss: what is trained on, and what is left out and said."""

import io
import logging
from functools import cache

import datasets
import pytest
import torch
from PIL import Image
from tiny_llms import tiny_lmm
from tiny_models import noise_image

from dataset_builders.instructions import INSTRUCTIONS
from trainers.instruction_data import InstructionReader, check_instructions, mixed
from trainers.sft_collator import IGNORED, InstructionCollator
from trainers.sft_sampler import ModalityLengthSampler


@cache
def lmm(llm: str, tower: str = "clip"):
    return tiny_lmm(tower, llm)


def png(number: int) -> bytes:
    buffer = io.BytesIO()
    noise_image(number).save(buffer, "PNG")
    return buffer.getvalue()


def talk(*texts: str, system: str | None = None) -> list[dict]:
    turns = [{"role": ("user", "assistant")[place % 2], "content": text} for place, text in enumerate(texts)]
    return [{"role": "system", "content": system}, *turns] if system else turns


def instructions(*rows: tuple[list, list]) -> datasets.Dataset:
    """A data set of (messages, images); an image is a number, bytes, or a path."""
    images = [
        [
            {"bytes": png(image) if isinstance(image, int) else image, "path": None}
            if not isinstance(image, str)
            else {"bytes": None, "path": image}
            for image in row[1]
        ]
        for row in rows
    ]
    columns = {
        "id": [f"r{number}" for number in range(len(rows))],
        "images": images,
        "messages": [row[0] for row in rows],
        "source": ["a test"] * len(rows),
    }
    return datasets.Dataset.from_dict(columns, features=INSTRUCTIONS)


def batch_of(source: datasets.Dataset, processor) -> dict[str, torch.Tensor]:
    plan, left_out = check_instructions({"own": source}, processor, 512)
    assert left_out == []
    data = plan.with_transform(InstructionReader({"own": source}, processor))
    return InstructionCollator(processor)([data[place] for place in range(len(data))])


FOUR = (
    (talk("How long is AB?", "5 red"), [1]),
    (talk("What is AB?", "5", "And CD?", "60 blue", system="Be brief."), [2]),
    (talk("Which is a segment?", "AB"), []),
    (talk("Which of both is red?", "the side CD"), [3, 4]),
)
ENDS = {"qwen2": "<|im_end|>", "mistral": "</s>", "llama": "<|eot_id|>"}


@pytest.mark.parametrize("llm", ENDS)
def test_loss_falls_on_answers_and_their_end_marks_alone(llm):
    _, processor = lmm(llm)
    rows = [(messages[1:] if llm == "mistral" and messages[0]["role"] == "system" else messages, images)
            for messages, images in FOUR]  # fmt: skip
    batch = batch_of(instructions(*rows), processor)
    trained = [processor.tokenizer.decode(row[row != IGNORED]).replace(" ", "") for row in batch["labels"]]
    end = ENDS[llm]
    assert trained == [f"5red{end}", f"5{end}60blue{end}", f"AB{end}", f"thesideCD{end}"]
    kept = batch["labels"] != IGNORED
    assert torch.equal(batch["labels"][kept], batch["input_ids"][kept])


@pytest.mark.parametrize(("llm", "tower"), [("qwen2", "clip"), ("mistral", "siglip")])
def test_lengths_are_those_of_the_batch(llm, tower):
    _, processor = lmm(llm, tower)
    rows = [row for row in FOUR if row[0][0]["role"] != "system"]
    source = instructions(*rows)
    plan, _ = check_instructions({"own": source}, processor, 512)
    batch = batch_of(source, processor)
    assert plan["length"][:] == batch["attention_mask"].sum(dim=1).tolist()
    image_tokens = (batch["input_ids"] == processor.image_token_id).sum(dim=1).tolist()
    assert image_tokens == [16, 0, 32]
    assert batch["pixel_values"].shape == (3, 3, 32, 32)


def test_marks_for_the_images_are_taken_out_of_questions():
    _, processor = lmm("qwen2")
    plain = batch_of(instructions((talk("How long is AB?", "5"), [1])), processor)
    for question in ("<image>\nHow long is AB?", "How long is AB?\n<image>"):
        marked = batch_of(instructions((talk(question, "5"), [1])), processor)
        assert torch.equal(marked["input_ids"], plain["input_ids"])


def test_what_cannot_be_trained_on_is_left_out_by_name_and_the_rest_is_kept(tmp_path, caplog):
    _, processor = lmm("qwen2")
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    source = instructions(
        (talk("AB?", "5"), [1]),
        (talk("AB?", "5 " * 600), [1]),
        (talk("<image> <image> AB?", "5"), [1]),
        (talk("What does <image> mean?", "5"), []),
        (talk("AB?", "<image>"), [1]),
        (talk("AB? <|im_end|>", "5"), [1]),
        (talk("AB?"), [1]),
        (talk("AB?", " "), [1]),
        ([{"role": "robot", "content": "AB?"}, {"role": "assistant", "content": "5"}], [1]),
        (talk("AB?", "5"), [str(tmp_path / "none.png")]),
        (talk("AB?", "5"), [str(broken)]),
        (talk("AB?", "5"), [b"no image"]),
        (talk("AB?", "5"), []),
    )
    with caplog.at_level(logging.WARNING):
        plan, left_out = check_instructions({"own": source}, processor, 512)
    assert plan["row"][:] == [0, 12]
    problems = {record.row: record.problem for record in left_out}
    assert "tokens with its images, 512 are the most" in problems[1]
    assert problems[2] == "it has 2 marks <image> for 1 images."
    assert problems[3] == "it has 1 marks <image> for 0 images."
    assert problems[4] == "turn 1 spells out '<image>', which is a mark of the chat template."
    assert "'<|im_end|>'" in problems[5]
    assert problems[6] == "its roles are ['user']; user and assistant must take turns, an answer last."
    assert problems[7] == "turn 1 has no text."
    assert "robot" in problems[8]
    assert problems[9] == f"there is no image file {tmp_path / 'none.png'}."
    assert problems[10] == f"{broken} cannot be opened as an image (UnidentifiedImageError)."
    assert "the image cannot be opened" in problems[11]
    assert f"Left out: own, record 1 (id 'r1'): {problems[1]}" in caplog.text
    assert "Left out 11 of 13 records (messages 5, image 3, image count 2, too long 1)." in caplog.text


def test_alignment_takes_no_records_without_an_image():
    _, processor = lmm("qwen2")
    source = instructions((talk("AB?", "5"), [1]), (talk("AB?", "5"), []))
    plan, left_out = check_instructions({"own": source}, processor, 512, text_only=False)
    assert plan["row"][:] == [0]
    assert str(left_out[0]) == ("own, record 1 (id 'r1'): it has no image, from which alone the projector learns.")


def test_no_record_left_is_an_error():
    _, processor = lmm("qwen2")
    with pytest.raises(ValueError, match="No record is left to train on, of 1 in own. The first: own, record 0"):
        check_instructions({"own": instructions((talk("AB?", "5 " * 600), [1]))}, processor, 512)


def test_columns_of_another_form_are_named():
    _, processor = lmm("qwen2")
    source = instructions((talk("AB?", "5"), [1]))
    with pytest.raises(ValueError, match="own: the column `messages` is missing; the data set has"):
        check_instructions({"own": source.remove_columns("messages")}, processor, 512)
    with pytest.raises(ValueError, match="own: it has the column `image`; Instructions records have `images`"):
        check_instructions({"own": source.rename_column("images", "image")}, processor, 512)


def test_a_broken_image_is_found_at_its_use_and_the_batch_goes_on_without_its_record(caplog):
    _, processor = lmm("qwen2")
    cut = png(7)[:-700]
    source = instructions((talk("AB?", "5"), [cut]), (talk("CD?", "6"), [2]))
    plan, left_out = check_instructions({"own": source}, processor, 512)
    assert left_out == []  # its header is whole
    rows = plan.with_transform(InstructionReader({"own": source}, processor))
    collator = InstructionCollator(processor)
    batch = collator([rows[0], rows[1]])
    assert processor.tokenizer.decode(batch["labels"][batch["labels"] != IGNORED]) == "6<|im_end|>"
    assert "Left out during training: own, record 0: its image cannot be decoded" in caplog.text
    alone = collator([rows[0]])
    assert (alone["labels"] == IGNORED).all()
    assert alone["pixel_values"].shape == (1, 3, 32, 32)
    assert collator.left_out == 2


def test_passes_repeat_a_data_set_or_draw_a_part_of_it():
    _, processor = lmm("qwen2")
    sources = {name: instructions(*[(talk(f"{name} {n}?", "5"), [n]) for n in range(8)]) for name in ("a", "b", "c")}
    plan, _ = check_instructions(sources, processor, 512)
    epoch = mixed(plan, list(sources), {"a": 2, "b": 0.5, "c": 0}, seed=3)
    drawn = [(data, row) for data, row in zip(epoch["data"][:], epoch["row"][:], strict=True)]
    assert sorted(drawn[:16]) == sorted([(0, row) for row in range(8)] * 2)
    assert len(set(drawn[16:])) == 4 and {data for data, _ in drawn[16:]} == {1}
    with pytest.raises(ValueError, match="`passes` names the data set 'd'; the data sets are a, b, c."):
        mixed(plan, list(sources), {"d": 1}, seed=3)


def test_no_step_mixes_records_with_and_without_images():
    lengths = list(range(100))
    with_images = [number % 3 > 0 for number in lengths]
    sampler = ModalityLengthSampler(lengths, with_images, step_size=8, seed=0)
    order = list(sampler)
    assert len(order) == len(sampler) == 72 + 40
    assert set(order) == set(lengths)
    steps = [order[start : start + 8] for start in range(0, len(order), 8)]
    assert all(len({with_images[record] for record in step}) == 1 for step in steps)
    spread = [max(step) - min(step) for step in steps]
    assert sorted(spread)[len(spread) // 2] < 30  # of 100, were they not grouped it would be about 80
    assert order == list(ModalityLengthSampler(lengths, with_images, step_size=8, seed=0))
    sampler.set_epoch(1)
    assert list(sampler) != order


def test_images_are_seen_upright_and_on_white():
    _, processor = lmm("qwen2")
    from trainers.sft_collator import opened

    buffer = io.BytesIO()
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(buffer, "PNG")
    assert opened({"bytes": buffer.getvalue(), "path": None}).getpixel((0, 0)) == (255, 255, 255)
    turned = Image.new("RGB", (4, 8), "red")
    exif = turned.getexif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    turned.save(buffer, "JPEG", exif=exif)
    assert opened({"bytes": buffer.getvalue(), "path": None}).size == (8, 4)
