"""The journal of paid answers, and the budget that it is counted against."""

import asyncio
import json
import os
import signal
import threading
from multiprocessing import get_context

import pytest

from dataset_builders.chat import Budget, Journal, OutOfBudget
from dataset_builders.chat.budget import Limits
from dataset_builders.chat.tokens import about, counted, most_tokens

ENTRY = {"key": "a", "stage": "s", "model": "m", "record": "1", "attempt": 0, "text": "∠ABC", "finish": "stop"}


def entry(key: str, tokens: int = 10) -> dict:
    return {**ENTRY, "key": key, "input": tokens, "output": 1}


def test_what_was_added_is_there_again(tmp_path):
    with Journal(tmp_path / "j.jsonl") as journal:
        journal.add(entry("a"))
        journal.add({"lost": True, "stage": "s", "model": "m", "record": "2", "input": 5, "output": 7})
        journal.add({**entry("b"), "text": "half of a pair: \ud800"})
        journal.add({"failed": True, "key": "c", "stage": "s", "record": "3", "input": 0, "output": 0})
    with Journal(tmp_path / "j.jsonl") as journal:
        assert journal.answers["a"] == entry("a") and journal.answers["b"]["text"] == "half of a pair: \ud800"
        assert set(journal.answers) == {"a", "b"} and journal.failed == {"c"}
        assert (journal.input_tokens, journal.output_tokens) == (25, 9)


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_torn_last_line_is_cut_off_and_written_over(cut, tmp_path):
    path = tmp_path / "j.jsonl"
    with Journal(path) as journal:
        for key in "abc":
            journal.add(entry(key))
    path.write_bytes(path.read_bytes()[:-cut])
    with Journal(path) as journal:
        assert set(journal.answers) == {"a", "b"}
        journal.add(entry("d"))
    with Journal(path) as journal:
        assert set(journal.answers) == {"a", "b", "d"}
    assert len(path.read_text().splitlines()) == 3


def test_a_broken_line_in_the_middle_is_named(tmp_path):
    (tmp_path / "j.jsonl").write_text(json.dumps(entry("a")) + "\nwhat?\n" + json.dumps(entry("b")) + "\n")
    with pytest.raises(ValueError, match="j.jsonl, line 2: not an entry of a journal"):
        Journal(tmp_path / "j.jsonl")
    (tmp_path / "j.jsonl").write_text(json.dumps(entry("a")) + "\n")
    with Journal(tmp_path / "j.jsonl") as journal:  # the lock was let go
        assert set(journal.answers) == {"a"}


def test_two_at_once_are_refused(tmp_path):
    with Journal(tmp_path / "j.jsonl"):
        with pytest.raises(OSError, match="being written by another process"):
            Journal(tmp_path / "j.jsonl")


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="cannot be written"):
        Journal(tmp_path / "file" / "j.jsonl")


def test_threads_add_whole_lines(tmp_path):
    with Journal(tmp_path / "j.jsonl") as journal:
        threads = [
            threading.Thread(target=lambda start=start: [journal.add(entry(f"{start}-{i}")) for i in range(40)])
            for start in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert journal.input_tokens == 3_200
    with Journal(tmp_path / "j.jsonl") as journal:
        assert len(journal.answers) == 320 and journal.input_tokens == 3_200


def _add_and_die(path: str) -> None:
    journal = Journal(path)
    journal.add(entry("kept"))
    os.kill(os.getpid(), signal.SIGKILL)


def test_what_was_added_survives_a_kill(tmp_path):
    process = get_context("spawn").Process(target=_add_and_die, args=(str(tmp_path / "j.jsonl"),))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    with Journal(tmp_path / "j.jsonl") as journal:
        assert set(journal.answers) == {"kept"}


# Budget


def test_a_request_waits_for_those_under_way_and_then_has_room(tmp_path):
    async def run(journal: Journal) -> list[str]:
        budget, order = Budget(journal, Limits(max_tokens=100)), []

        async def second() -> None:
            await budget.reserve(30, 30)
            order.append("second")
            await budget.give_back(30, 30)

        await budget.reserve(30, 30)
        waiting = asyncio.ensure_future(second())
        await asyncio.sleep(0.01)
        order.append("first used 20 of its 60")
        journal.add(entry("a", 19))
        await budget.give_back(30, 30)
        await waiting
        return order

    with Journal(tmp_path / "j.jsonl") as journal:
        assert asyncio.run(run(journal)) == ["first used 20 of its 60", "second"]


def test_what_could_exceed_the_limit_is_refused_with_the_figures(tmp_path):
    with Journal(tmp_path / "j.jsonl") as journal:
        journal.add(entry("a", 89))
        with pytest.raises(OutOfBudget, match="90 of 100 tokens are spent, and the next request may take 11"):
            asyncio.run(Budget(journal, Limits(max_tokens=100)).reserve(1, 10))
        asyncio.run(Budget(journal, Limits(max_tokens=100)).reserve(1, 9))
        limits = Limits(max_cost=1.0, price_input=10_000, price_output=100_000)  # 0.89 + 0.1 spent
        with pytest.raises(OutOfBudget, match="0.9900 of 1.0000 is spent, and the next request may cost 0.1100"):
            asyncio.run(Budget(journal, limits).reserve(1, 1))


def test_the_bound_on_tokens_is_above_every_tokenizer_of_bytes():
    text = "在△ABC中，∠A = 30°, AB ∥ CD."
    messages = [{"role": "user", "content": text}]
    assert most_tokens(messages) >= len(text.encode()) > counted(messages) == about(text)
    assert about("abcdefgh") == 2 and about("在△") == 2 and about("") == 0
    picture = [{"role": "user", "content": [{"type": "text", "text": text}, {"type": "image_url", "image_url": {}}]}]
    assert most_tokens(picture) > most_tokens(messages) + 1_000
