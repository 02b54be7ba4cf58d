"""Answering in batches gives what answering one by one gives; questions that cannot be asked do not stop the rest."""

import json
import logging

import pytest
import torch
from peft import LoraConfig, get_peft_model
from PIL import Image
from tiny_llms import tiny_llm, tiny_lmm
from tiny_models import noise_image, tiny_mmclip

from mmgeolm import assemble
from mmgeolm.answering import answer, load_lmm
from mmgeolm.scripts.ask import main as ask

QUESTIONS = [
    "Is AB 5?",
    "In triangle ABC the side AB is 5 and the angle ABC is 60. Which segment is parallel to CD?",
    "Which?",
    "Is the angle ABC red or is it blue, and which side is parallel to AB?",
    "What is CD?",
]


@pytest.fixture(params=["clip-qwen2", "siglip-llama", "altclip-mistral"])
def lmm(request):
    """A model whose answers depend on the picture and the question."""
    model, processor = tiny_lmm(*request.param.split("-"))
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.15 * torch.randn(parameter.shape, generator=generator))
    return model, processor


def pictures():
    sizes = [(40, 20), (20, 40), (32, 32), (90, 30), (64, 64)]
    return [noise_image(number, size) for number, size in enumerate(sizes)]


def test_a_batch_answers_as_each_question_alone_and_keeps_the_order(lmm):
    images = [*pictures()[:3], None, pictures()[:2]]
    alone = [answer(*lmm, [image], [text], max_new_tokens=8)[0] for image, text in zip(images, QUESTIONS, strict=True)]
    assert len(set(alone)) > 3
    for batch_size in (2, 5):
        assert answer(*lmm, images, QUESTIONS, batch_size=batch_size, max_new_tokens=8) == alone


def test_the_answer_depends_on_the_picture(lmm):
    first, second = answer(*lmm, pictures()[:2], ["Is AB 5?"] * 2, max_new_tokens=8)
    assert first != second


def test_answers_are_the_same_every_time_whatever_the_checkpoint_samples(lmm):
    model, processor = lmm
    once = answer(model, processor, pictures(), QUESTIONS, max_new_tokens=8)
    model.generation_config.update(do_sample=True, temperature=5.0, top_k=50, repetition_penalty=3.0)
    assert answer(model, processor, pictures(), QUESTIONS, max_new_tokens=8) == once
    sampled = answer(model, processor, pictures(), QUESTIONS, max_new_tokens=8, do_sample=True, temperature=9.0)
    assert sampled != once


def test_a_photograph_is_turned_upright_as_in_training(lmm, tmp_path):
    upright = noise_image(4, (48, 24))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "photo.png", exif=exif)
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "lying.png")
    images = [upright, tmp_path / "photo.png", Image.open(tmp_path / "photo.png"), tmp_path / "lying.png"]
    expected, from_file, from_image, lying = answer(*lmm, images, ["Is AB 5?"] * 4, max_new_tokens=8)
    assert from_file == from_image == expected != lying


def test_the_processor_prepares_by_pil_and_its_tokenizer_is_a_fast_one(tmp_path):
    language, tokenizer = tiny_llm("qwen2")
    assemble(tiny_mmclip()[0], language, tmp_path / "lmm", tokenizer=tokenizer)
    _, processor = load_lmm(tmp_path / "lmm", device="cpu")
    assert type(processor.image_processor).__name__.endswith("Pil")
    assert processor.tokenizer.is_fast and processor.tokenizer.backend == "tokenizers"


def test_an_image_mark_typed_in_a_question_is_left_out(lmm):
    images = pictures()[:1]
    plain = answer(*lmm, images, ["Is AB 5?"], max_new_tokens=8)
    assert answer(*lmm, images, ["<image>\nIs AB 5?"], max_new_tokens=8) == plain
    assert answer(*lmm, [None], ["<image>Is AB 5?"], max_new_tokens=8) != plain


def test_what_cannot_be_asked_is_said_and_the_rest_is_answered(lmm, tmp_path, caplog):
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nxx")
    Image.new("RGB", (8, 8)).save(tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:-30])
    good = pictures()[0]
    images = [tmp_path / "none.png", good, tmp_path / "broken.png", good, tmp_path / "cut.png"]
    questions = ["a", "Is AB 5?", "b", "why " * 600, "c"]
    with caplog.at_level(logging.WARNING):
        answers = answer(*lmm, images, questions, max_new_tokens=8)
    assert answers == ["", answer(*lmm, [good], ["Is AB 5?"], max_new_tokens=8)[0], "", "", ""]
    for sentence in ("Question 0 cannot be asked: there is no picture", "Question 2 cannot be asked: the picture"):
        assert sentence in caplog.text
    assert "Question 3 cannot be asked: it has" in caplog.text and "context 512" in caplog.text
    with pytest.raises(ValueError, match="Question 0 cannot be asked: there is no picture"):
        answer(*lmm, images[:1], questions[:1])
    with pytest.raises(ValueError, match="2 images for 1 questions"):
        answer(*lmm, images[:2], questions[:1])


def test_an_answer_ends_where_the_context_ends():
    model, processor = tiny_lmm()
    model.generation_config.eos_token_id = None
    question = "why " * 100
    talk = [{"role": "user", "content": question.strip()}]
    inputs = processor.apply_chat_template(
        talk, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
    )
    room = 512 - inputs["input_ids"].shape[1]
    tokens = model.generate(**inputs, max_new_tokens=room)[0, -room:]
    expected = processor.decode(tokens, skip_special_tokens=True).strip()
    assert answer(model, processor, [None], [question], max_new_tokens=10_000) == [expected]


def test_ask_prints_the_answer_of_a_folder_and_of_an_adapter(tmp_path, capsys):
    language, tokenizer = tiny_llm("qwen2")
    model, processor = assemble(tiny_mmclip()[0], language, tmp_path / "lmm", tokenizer=tokenizer)
    noise_image(1, (50, 20)).save(tmp_path / "figure.png")
    arguments = [str(tmp_path / "figure.png"), "Is AB 5?", "--max_new_tokens", "8", "--device", "cpu"]
    expected = answer(model, processor, [tmp_path / "figure.png"], ["Is AB 5?"], max_new_tokens=8)
    ask([str(tmp_path / "lmm"), *arguments])
    assert capsys.readouterr().out.strip("\n") == expected[0]

    base, _ = load_lmm(tmp_path / "lmm", device="cpu")
    layers = r".*language_model.*\.(q_proj|v_proj)"
    adapted = get_peft_model(base, LoraConfig(target_modules=layers, modules_to_save=["multi_modal_projector"]))
    with torch.no_grad():
        for parameter in adapted.parameters():
            if parameter.requires_grad:
                parameter.add_(0.5 * torch.randn_like(parameter))
    adapted.save_pretrained(tmp_path / "adapter")
    processor.save_pretrained(tmp_path / "adapter")
    expected_adapted = answer(adapted.eval(), processor, [tmp_path / "figure.png"], ["Is AB 5?"], max_new_tokens=8)
    assert expected_adapted != expected
    ask([str(tmp_path / "adapter"), *arguments])
    assert capsys.readouterr().out.strip("\n") == expected_adapted[0]

    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    (tmp_path / "adapter" / "adapter_config.json").write_text(json.dumps({**config, "base_model_name_or_path": None}))
    with pytest.raises(ValueError, match="does not name its base"):
        ask([str(tmp_path / "adapter"), *arguments])


def test_what_is_no_lmm_is_refused_in_one_sentence(tmp_path):
    with pytest.raises(ValueError, match="There is no folder"):
        load_lmm(tmp_path / "none")
    with pytest.raises(ValueError, match="holds neither a model"):
        load_lmm(tmp_path)
    tiny_llm("qwen2")[0].save_pretrained(tmp_path / "llm")
    with pytest.raises(ValueError, match="cannot be loaded as a model that takes images"):
        load_lmm(tmp_path / "llm")
