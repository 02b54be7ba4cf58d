"""Requests to a chat endpoint, against a server on the loopback that fails by a script."""

import asyncio
import logging
import sys
import time
from pathlib import Path

import pytest
from chat_server import ChatServer

from dataset_builders.chat import Answer, Budget, Chat, Endpoint, EndpointError, Journal, OutOfBudget, Request
from dataset_builders.chat import RequestError as OneRequestError
from dataset_builders.chat.budget import Limits

KEY = "sk-very-secret-0123456789"


def request(text: str, **fields) -> Request:
    return Request("stage", "m", ({"role": "user", "content": text},), max_output_tokens=50, **fields)


def ask(
    server: ChatServer, path: Path, texts: list[str], limits: Limits | None = None, **options
) -> list[Answer | Exception]:
    """The answers to texts asked all at once."""
    endpoint = Endpoint(server.url, KEY, **{"back_off": 0.01, "concurrency": 8, **options})

    async def run(journal: Journal) -> list:
        async with Chat(endpoint, journal, Budget(journal, limits)) as chat:
            return await asyncio.gather(*(chat.ask(request(text)) for text in texts), return_exceptions=True)

    with Journal(path / "j.jsonl") as journal:
        return asyncio.run(run(journal))


def echo(text: str) -> str:
    return f"said {text}"


def test_answers_are_paid_once_and_kept(tmp_path):
    with ChatServer(echo) as server:
        first = ask(server, tmp_path, ["a", "b"])
        assert first == ask(server, tmp_path, ["a", "b"])
        assert [each.text for each in first] == ["said a", "said b"] and server.answered == {"a": 1, "b": 1}
        assert first[0].finish == "stop" and first[0].output_tokens == 2
        body = server.bodies[0]
        assert body["max_tokens"] == 50 and "temperature" not in body and server.keys == {f"Bearer {KEY}"}


def test_the_same_question_at_once_is_asked_once(tmp_path):
    with ChatServer(echo, delay=0.05) as server:
        answers = ask(server, tmp_path, ["a"] * 20)
    assert {each.text for each in answers} == {"said a"} and server.answered == {"a": 1}


def test_other_settings_and_another_attempt_are_other_questions(tmp_path):
    with Journal(tmp_path / "j.jsonl") as journal:
        chat = Chat(Endpoint("http://127.0.0.1:9/v1"), journal, Budget(journal))
        seeded = Chat(Endpoint("http://127.0.0.1:9/v1", extra_body={"seed": 1}), journal, Budget(journal))
        plain = request("a")
        keys = [chat.key(each) for each in (plain, request("b"), request("a", attempt=1), request("a", temperature=0))]
        keys += [seeded.key(plain), chat.key(Request("other", "m", plain.messages, 50))]
        assert len(set(keys)) == len(keys) and chat.key(request("a", record="7")) == keys[0]


FAULTS = ["429", "500", "cut", "malformed", "hollow", "slow", "uncounted"]


def test_every_fault_that_passes_is_survived_in_order_and_nothing_is_paid_twice(tmp_path):
    texts = [f"{fault} {number}" for number in range(4) for fault in FAULTS]

    def faults(text: str, times: int) -> str:
        return text.split()[0] if times < 2 else ""

    with ChatServer(echo, faults) as server:
        answers = ask(server, tmp_path, texts)
        assert [each.text for each in answers] == [f"said {text}" for text in texts]
        assert set(server.answered.values()) == {1} and len(server.answered) == len(texts)
        assert server.asked["429 0"] == server.asked["cut 1"] == 3 and server.asked["slow 0"] == 1
        assert 1 < server.most <= 8
        with Journal(tmp_path / "j.jsonl") as journal:
            lost = [line for line in journal.path.read_text().splitlines() if '"lost"' in line]
        assert len(lost) == 4 * 2 * 3  # cut, malformed and hollow may have been paid


def test_retry_after_holds_back_everybody(tmp_path):
    with ChatServer(echo, lambda text, times: "429" if times == 0 else "", retry_after="0.4") as server:
        begun = time.monotonic()
        assert ask(server, tmp_path, ["a"])[0].text == "said a"
        assert time.monotonic() - begun >= 0.4
    with ChatServer(echo, lambda text, times: "429" if text == "c" and not times else "", retry_after="0.4") as server:
        begun = time.monotonic()
        texts = [each.text for each in ask(server, tmp_path, ["c", "d"], concurrency=1)]
        assert texts == ["said c", "said d"] and list(server.asked) == ["c", "d"]
        assert server.times[1] - begun >= 0.4  # the other one, that was not refused itself
    with ChatServer(echo, lambda text, times: "429" if times == 0 else "", retry_after="86400") as server:
        answer = ask(server, tmp_path, ["b"])[0]
        assert isinstance(answer, EndpointError) and "86,400 seconds" in str(answer)


def test_a_busy_endpoint_is_waited_for_as_long_as_others_get_through(tmp_path):
    with ChatServer(
        echo, lambda text, times: "429" if text == "a" and times < 3 else "", retry_after="0.01"
    ) as server:
        texts = ["a", *(f"b{i}" for i in range(40))]
        answers = ask(server, tmp_path, texts, max_retries=2, concurrency=2)
        assert answers[0].text == "said a"


@pytest.mark.parametrize("status", ["400", "401", "403", "404", "quota"])
def test_a_refusal_of_all_ends_the_run_with_one_sentence(status, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    with ChatServer(echo, lambda text, times: status) as server:
        answers = ask(server, tmp_path, [f"text {i}" for i in range(30)], concurrency=2)
        assert all(isinstance(each, EndpointError) for each in answers) and "\n" not in str(answers[0])
        assert len(server.bodies) <= 4  # nobody asks on
    assert KEY not in caplog.text and KEY not in str(answers) and KEY not in (tmp_path / "j.jsonl").read_text()


@pytest.mark.parametrize("fault", ["400", "context", "500", "malformed"])
def test_a_fault_of_one_request_leaves_the_others(fault, tmp_path):
    def faults(text: str, times: int) -> str:
        return fault if text == "bad" else ""

    with ChatServer(echo, faults, delay=0.01) as server:
        answers = ask(server, tmp_path, ["a", "b", "bad", *(f"c{i}" for i in range(20))], concurrency=2, max_retries=2)
        assert isinstance(answers[2], OneRequestError)
        assert [type(each) for each in answers[:2] + answers[3:]] == [Answer] * 22
        assert server.asked["bad"] == (1 if fault in ("400", "context") else 3)


def test_a_request_that_fails_alone_ends_one_run_and_is_given_up_in_the_next(tmp_path):
    with ChatServer(echo, lambda text, times: "500") as server:
        first, second = (ask(server, tmp_path, ["bad"], max_retries=1)[0] for _ in range(2))
    assert isinstance(first, EndpointError) and "HTTP 500, 2 times in a row" in str(first)
    assert isinstance(second, OneRequestError)


def test_no_server_and_a_timeout_end_the_run(tmp_path):
    with ChatServer(echo) as server:
        pass
    answer = ask(server, tmp_path, ["a"], max_retries=1)[0]
    assert isinstance(answer, EndpointError) and "connection failed" in str(answer)
    assert not (tmp_path / "j.jsonl").read_text()  # nothing was sent, so nothing was paid
    with ChatServer(echo, delay=0.5) as server:
        answer = ask(server, tmp_path, ["a"], max_retries=1, timeout=0.1)[0]
    assert isinstance(answer, EndpointError) and "within 0.1 seconds" in str(answer)
    assert (tmp_path / "j.jsonl").read_text().count('"lost"') == 2


def test_the_budget_stops_before_the_request_that_could_exceed_it(tmp_path):
    with ChatServer(echo) as server:
        limits = Limits(max_tokens=1_000)
        answers = ask(server, tmp_path, [f"text {i}" for i in range(200)], limits, concurrency=4)
        done = [each for each in answers if isinstance(each, Answer)]
        spent = sum(each.input_tokens + each.output_tokens for each in done)
        assert all(isinstance(each, OutOfBudget) for each in answers if each not in done)
        assert len(done) > 100 and len(done) == server.answered.total() and spent <= 1_000
        assert spent > 1_000 - 128 - 8 - 50 - 8  # as far as the worst case of one more request allows
        again = ask(server, tmp_path, [f"text {i}" for i in range(200)], limits)
        assert len([each for each in again if isinstance(each, Answer)]) == len(done) == server.answered.total()
        assert all(isinstance(each, Answer) for each in ask(server, tmp_path, [f"text {i}" for i in range(200)]))
        assert set(server.answered.values()) == {1}


def test_a_stop_reaches_those_that_wait_for_the_budget(tmp_path):
    """One request at a time fits the budget; those that wait for it give nothing away when they are stopped."""

    async def run(journal: Journal, url: str) -> list:
        budget = Budget(journal, Limits(max_tokens=250))
        async with Chat(Endpoint(url), journal, budget) as chat:
            asked = [asyncio.ensure_future(chat.ask(request(text))) for text in "abc"]
            await asyncio.sleep(0.2)
            chat.stop(RuntimeError("stopped"))
            return await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 10)

    with ChatServer(echo, delay=0.5) as server, Journal(tmp_path / "j.jsonl") as journal:
        answers = asyncio.run(run(journal, server.url))
    assert answers[0].text == "said a" and [str(each) for each in answers[1:]] == ["stopped", "stopped"]
    assert server.answered.total() == 1


def test_usage_that_is_not_told_is_counted_by_the_bound(tmp_path):
    with ChatServer(echo, lambda text, times: "uncounted") as server:
        answer = ask(server, tmp_path, ["a"])[0]
    assert answer.input_tokens > 100 and answer.output_tokens == len("said a") + 1


def test_a_refusal_in_its_own_field_is_text(tmp_path):
    with ChatServer(echo, lambda text, times: "refusing") as server:
        assert "can't help" in ask(server, tmp_path, ["a"])[0].text


def test_half_of_a_surrogate_pair_does_not_get_through(tmp_path):
    with ChatServer(lambda text: "half \ud800") as server:
        assert ask(server, tmp_path, ["a"])[0].text == ask(server, tmp_path, ["a"])[0].text == "half ?"


def test_without_the_package_the_remedy_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "openai", None)
    with Journal(tmp_path / "j.jsonl") as journal:
        with pytest.raises(ImportError, match=r"pip install 'mmgeolm\[llm\]'"):
            Chat(Endpoint(), journal, Budget(journal))


def test_a_key_is_not_in_the_words_of_an_endpoint():
    assert KEY not in repr(Endpoint(api_key=KEY))
