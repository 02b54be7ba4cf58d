"""Batches give what one by one gives, on every architecture; a run taken up again asks the same batches."""

import logging
import sys
from types import ModuleType, SimpleNamespace

import pytest
from tiny_models import noise_image
from tiny_other_lmms import KINDS, tiny_other_lmm

from evaluation.engines import TransformersEngine, VLLMEngine
from evaluation.generate import Request, generate, planned_batches
from evaluation.journal import Journal

SIZES = [(40, 20), (20, 40), (64, 64), (90, 30), (31, 33), (12, 70)]
WORDS = [
    "Is AB 5?",
    "In triangle ABC the side AB is 5 and ABC is 60. Which is parallel to CD?",
    "Which?",
    "What is CD?",
]


class Shouting:
    """An engine whose responses are the prompts in capitals; it keeps the batches that it was given."""

    def __init__(self):
        self.batches = []

    def length(self, request: Request) -> int:
        request.open()
        return len(request.prompt)

    def generate(self, requests) -> list[str]:
        self.batches.append([request.id for request in requests])
        return [request.prompt.upper() for request in requests]


def requests_with_pictures() -> list[Request]:
    pictures = [noise_image(number, size) for number, size in enumerate(SIZES)]
    requests = [Request(f"q{n}", WORDS[n % len(WORDS)], (picture,)) for n, picture in enumerate(pictures)]
    return [*requests, Request("none", WORDS[0]), Request("two", WORDS[1], tuple(pictures[:2]))]


def texts(count: int) -> list[Request]:
    return [Request(str(number), "why " * (number * 7 % 5) + str(number)) for number in range(count)]


@pytest.mark.parametrize("kind", KINDS)
def test_batches_on_other_architectures_give_the_responses_of_one_by_one(kind):
    engine = TransformersEngine(*tiny_other_lmm(kind), max_new_tokens=8)
    requests = requests_with_pictures()
    alone = {request.id: engine.generate([request])[0] for request in requests}
    assert len(set(alone.values())) > 6
    assert generate(engine, requests, batch_size=4).responses == alone


@pytest.mark.parametrize("kind", KINDS)
def test_a_length_is_that_of_what_the_model_sees(kind):
    engine = TransformersEngine(*tiny_other_lmm(kind))
    requests = requests_with_pictures()
    talks = [engine.chat.talk(request, request.open()) for request in requests]
    seen = [engine.chat.inputs([talk])["input_ids"].shape[1] for talk in talks]
    assert [engine.length(request) for request in requests] == seen
    assert len(set(seen[: len(SIZES)])) > 3  # as the pictures' sizes are


def test_longer_questions_come_first_and_batches_have_equally_many_pictures():
    image = noise_image(0)
    requests = [Request(str(n), "a", (image,) * (n % 2)) for n in range(7)]
    lengths = {str(n): 10 * n for n in range(7)}
    batches = [[request.id for request in batch] for batch in planned_batches(requests, lengths, 2)]
    assert batches == [["5", "3"], ["1"], ["6", "4"], ["2", "0"]]


@pytest.mark.parametrize("done", [1, 2, 4])
def test_a_run_taken_up_again_asks_the_batches_that_are_left_in_the_same_company(tmp_path, done):
    whole = Shouting()
    expected = generate(whole, texts(14), batch_size=3).responses
    assert list(expected) == [str(number) for number in range(14)]
    journal = Journal(tmp_path, {"model": "a"})
    for batch in whole.batches[:done]:
        journal.write({name: expected[name] for name in batch})
    half = whole.batches[done]
    Journal(tmp_path, {"model": "a"}, part=1).write({half[0]: expected[half[0]]})  # of a batch that was cut off
    resumed = Shouting()
    again = Journal(tmp_path, {"model": "a"})
    assert generate(resumed, texts(14), again, batch_size=3).responses == expected
    assert resumed.batches == whole.batches[done:]
    third = Shouting()
    assert generate(third, texts(14), Journal(tmp_path, {"model": "a"}), batch_size=3).responses == expected
    assert third.batches == []


def test_what_cannot_be_asked_has_an_empty_response_and_a_reason(tmp_path, caplog):
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nxx")
    requests = [*texts(2), Request("x", "a", (tmp_path / "none.png",)), Request("y", "b", (tmp_path / "broken.png",))]
    with caplog.at_level(logging.WARNING):
        generated = generate(Shouting(), requests)
    assert list(generated.responses.values()) == ["0", "WHY WHY 1", "", ""]
    assert list(generated.not_asked) == ["x", "y"]
    assert "there is no picture" in generated.not_asked["x"] and "cannot be read" in generated.not_asked["y"]
    assert "Question x cannot be asked: there is no picture" in caplog.text
    with pytest.raises(ValueError, match="Question x cannot be asked: there is no picture .* Nor can the 1 others"):
        generate(Shouting(), requests[2:])


def test_a_prompt_that_leaves_no_room_is_not_asked():
    engine = TransformersEngine(*tiny_other_lmm("idefics3"), max_new_tokens=4)
    generated = generate(engine, [Request("long", "why " * 600), Request("short", "why?")])
    assert "the model's context 512" in generated.not_asked["long"]
    assert list(generated.not_asked) == ["long"] and generated.responses["short"]


def test_pictures_are_changed_before_the_model_sees_them():
    engine = TransformersEngine(*tiny_other_lmm("llava_next"), max_new_tokens=8)
    image = noise_image(1, (60, 20))
    turned = Request("turned", WORDS[0], (image,), lambda picture: picture.rotate(90, expand=True))
    plain = Request("plain", WORDS[0], (image,))
    by_hand = Request("by hand", WORDS[0], (image.rotate(90, expand=True),))
    found = generate(engine, [turned, plain, by_hand], batch_size=1).responses
    assert found["turned"] == found["by hand"] != found["plain"]
    assert engine.length(turned) == engine.length(by_hand)


def test_wrong_settings_are_a_sentence():
    with pytest.raises(ValueError, match="same id"):
        generate(Shouting(), [Request("1", "a"), Request("1", "b")])
    with pytest.raises(ValueError, match="`batch_size` must be at least 1"):
        generate(Shouting(), texts(2), batch_size=0)
    model, processor = tiny_other_lmm("idefics3")
    with pytest.raises(ValueError, match="`max_new_tokens` must be at least 1"):
        TransformersEngine(model, processor, max_new_tokens=0)
    processor.chat_template = None
    processor.tokenizer.chat_template = None
    with pytest.raises(ValueError, match="has no chat template"):
        TransformersEngine(model, processor)


def test_vllm_that_is_not_installed_is_a_sentence():
    try:
        import vllm  # noqa: F401
    except ImportError:
        with pytest.raises(ValueError, match="the engine vllm needs the package vllm .*pip install vllm"):
            VLLMEngine("a-model", tiny_other_lmm("idefics3")[1])
    else:
        pytest.skip("vllm is installed")


class RecordedLLM:
    """What `vllm.LLM` shows of itself to the engine; it keeps what it is made of and asked."""

    def __init__(self, **options):
        self.options, self.asked = options, []
        self.llm_engine = SimpleNamespace(model_config=SimpleNamespace(max_model_len=300))

    def generate(self, prompts, sampling, use_tqdm):
        self.asked.append((prompts, sampling, use_tqdm))
        return [SimpleNamespace(outputs=[SimpleNamespace(text=f" response {n}\n")]) for n in range(len(prompts))]


def test_vllm_is_given_the_tokens_of_the_template_and_the_pictures(monkeypatch):
    # A stand-in: it tells what reaches vLLM, and not that vLLM takes it.
    stand_in = ModuleType("vllm")
    stand_in.LLM, stand_in.SamplingParams = RecordedLLM, lambda **options: options
    monkeypatch.setitem(sys.modules, "vllm", stand_in)
    model, processor = tiny_other_lmm("idefics3")
    engine = VLLMEngine("a-model", processor, max_new_tokens=7, pictures=2, tensor_parallel_size=2)
    assert engine.llm.options == {
        "model": "a-model",
        "dtype": "auto",
        "seed": 0,
        "limit_mm_per_prompt": {"image": 2},
        "tensor_parallel_size": 2,
    }
    requests = [*requests_with_pictures()[:2], Request("none", WORDS[0])]
    assert engine.generate(requests) == ["response 0", "response 1", "response 2"]
    ((prompts, sampling, _),) = engine.llm.asked
    assert sampling == {"temperature": 0.0, "max_tokens": 7}
    assert ["multi_modal_data" in prompt for prompt in prompts] == [True, True, False]
    assert prompts[0]["multi_modal_data"]["image"][0].size == SIZES[0]
    text = processor.tokenizer.decode(prompts[2]["prompt_token_ids"])
    assert WORDS[0] in text and text != WORDS[0]
    assert engine.length(requests[0]) == TransformersEngine(model, processor).length(requests[0])
    with pytest.raises(ValueError, match="and the model's context 300"):
        engine.length(Request("long", "why " * 400))
