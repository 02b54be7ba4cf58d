"""Requests to an endpoint that speaks the OpenAI chat API: many at once, tried again where that helps, journaled.

async with Chat(Endpoint(base_url="http://127.0.0.1:8000/v1"), journal, Budget(journal)) as chat:
    answer = await chat.ask(Request("caption", "my-model", ({"role": "user", "content": "Describe …"},)))
"""

import asyncio
import email.utils
import hashlib
import json
import logging
import random
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NoReturn

from dataset_builders.chat.budget import Budget, OutOfBudget
from dataset_builders.chat.journal import Entry, Journal
from dataset_builders.chat.tokens import most_tokens

logger = logging.getLogger(__name__)

_LONGEST_BACK_OFF = 60.0  # seconds
_LONGEST_WAIT = 600.0  # that an endpoint may ask for; more is a quota of the day
_NEVER_SENT = ("ConnectError", "ConnectTimeout", "PoolTimeout")
_ONE_REQUEST = ("context_length", "context length", "too long", "too large", "content_filter", "content management")


class EndpointError(OSError):
    """The endpoint cannot be used, or not now: the run ends, and can go on later."""


class RequestError(ValueError):
    """This one request has no answer; others have."""


@dataclass(frozen=True)
class Endpoint:
    """Where requests go and how.

    Attributes:
        base_url: Such as `http://127.0.0.1:8000/v1`; `None` for the openai package's own (`OPENAI_BASE_URL`).
        api_key: Empty for none. It is in no message, log or file.
        concurrency: Requests under way at once.
        timeout: Seconds for one request.
        max_retries: Of a request, after its first try.
        back_off: Seconds before the first retry, about; doubled each time, up to a minute.
        limit_field: `max_tokens`, or `max_completion_tokens` where the endpoint wants that.
        extra_body: Further fields of every request, such as `{"seed": 0}`.
    """

    base_url: str | None = None
    api_key: str = field(default="", repr=False)
    concurrency: int = 16
    timeout: float = 300.0
    max_retries: int = 6
    back_off: float = 1.0
    limit_field: str = "max_tokens"
    extra_body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """One question. `record` names what it is about in the journal; `attempt` tells a second asking from the first."""

    stage: str
    model: str
    messages: tuple[Mapping[str, Any], ...]
    max_output_tokens: int = 4_096
    temperature: float | None = None
    record: str = ""
    attempt: int = 0


@dataclass(frozen=True)
class Answer:
    """The text, why it ended (`stop`, `length`, …), and its tokens."""

    text: str
    finish: str
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True)
class _Again:
    """A try that failed and may succeed later. `asked` is the wait that the endpoint asks for, in seconds; `busy` is a
    429; `heard` says that the endpoint had the request and failed on it."""

    why: str
    asked: float | None = None
    busy: bool = False
    heard: bool = False
    perhaps_paid: bool = False


class Chat:
    """A session with an endpoint. Not for several event loops.

    Attributes:
        paid: Answers paid for in this session.
    """

    def __init__(self, endpoint: Endpoint, journal: Journal, budget: Budget):
        openai = _openai()
        self.endpoint, self.journal, self.budget = endpoint, journal, budget
        self.paid = 0
        self._openai = openai
        self._client = openai.AsyncOpenAI(
            base_url=endpoint.base_url,
            api_key=endpoint.api_key or "none",
            timeout=endpoint.timeout,
            max_retries=0,  # counted here, once
        )
        # Threads of its own: the loop's may all be busy with long work, and an answer is not to wait for it.
        self._writers = ThreadPoolExecutor(4, "journal")
        self._slots = asyncio.Semaphore(endpoint.concurrency)
        self._under_way: dict[str, asyncio.Future[Answer]] = {}
        self._not_before = 0.0
        self._stop: Exception | None = None
        self._stopping = asyncio.Event()

    async def __aenter__(self) -> "Chat":
        return self

    async def __aexit__(self, *problem: object) -> None:
        await self._client.close()
        self._writers.shutdown()

    def stop(self, why: Exception) -> None:
        """Sends nothing more: what asks from now on gets `why`; requests under way are waited for and journaled."""
        if self._stop is None:
            self._stop = why
            self._stopping.set()

    @property
    def stopped(self) -> Exception | None:
        """Why nothing more is sent; `None` while it is."""
        return self._stop

    def key(self, request: Request) -> str:
        """What an answer is found by in the journal: a digest of all that it depends on."""
        endpoint = self.endpoint
        content = [
            request.stage,
            request.model,
            list(request.messages),
            [request.max_output_tokens, request.temperature, dict(endpoint.extra_body)],
            request.attempt,
        ]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    async def ask(self, request: Request) -> Answer:
        """The answer: the journal's, or that of the same request under way, or a new one, journaled before this
        returns.

        Raises:
            RequestError: if this request is refused, or fails again and again while others succeed.
            EndpointError: if the endpoint refuses all requests, or does not answer.
            OutOfBudget: before a request that could exceed the budget.
        """
        key = self.key(request)
        if (entry := self.journal.answers.get(key)) is not None:
            return _answer(entry)
        if key not in self._under_way:
            self._under_way[key] = asyncio.ensure_future(self._new(request, key))
            self._under_way[key].add_done_callback(lambda _: self._under_way.pop(key))
        return await asyncio.shield(self._under_way[key])

    async def _new(self, request: Request, key: str) -> Answer:
        most = most_tokens(request.messages), request.max_output_tokens
        paid, tries = self.paid, 0
        while True:
            async with self._slots:
                await self._turn()
                try:
                    await self.budget.reserve(*most)
                except OutOfBudget as error:
                    self.stop(error)
                    raise
                try:
                    self._check()
                    outcome = await self._try(request, most)
                    entry = {"stage": request.stage, "model": request.model, "record": request.record}
                    if isinstance(outcome, Answer):
                        entry = {"key": key, **entry, "attempt": request.attempt, **_fields(outcome)}
                        await self._write(entry)
                        self.paid += 1
                        return outcome
                    if outcome.perhaps_paid:
                        entry = {"lost": True, **entry, "input": most[0], "output": most[1]}
                        await self._write(entry)
                except EndpointError as error:
                    self.stop(error)
                    raise
                finally:
                    await self.budget.give_back(*most)
            if outcome.busy and self.paid > paid:
                paid, tries = self.paid, 0  # others get through: this one waits its turn
            tries += 1
            if tries > self.endpoint.max_retries:
                await self._give_up(request, key, outcome, self.paid > paid)
            await self._wait(outcome, tries, request)

    async def _give_up(self, request: Request, key: str, outcome: _Again, others_succeed: bool) -> NoReturn:
        """Raises `RequestError` if the fault is the request's: others succeed, or an earlier run failed on it too."""
        if others_succeed or key in self.journal.failed:
            raise RequestError(f"the endpoint fails on it ({outcome.why})")
        if outcome.heard:
            entry = {"failed": True, "key": key, "stage": request.stage, "record": request.record}
            await self._write({**entry, "input": 0, "output": 0})
        tries = self.endpoint.max_retries + 1
        error = EndpointError(f"the endpoint does not answer ({outcome.why}, {tries} times in a row).")
        self.stop(error)
        raise error

    async def _write(self, entry: Entry) -> None:
        await asyncio.get_running_loop().run_in_executor(self._writers, self.journal.add, entry)

    def _check(self) -> None:
        if self._stop is not None:
            raise self._stop

    async def _turn(self) -> None:
        """Waits while the endpoint has asked everybody to wait."""
        while (left := self._not_before - time.monotonic()) > 0 and not self._stopping.is_set():
            await self._sleep(left)
        self._check()

    async def _wait(self, outcome: _Again, tries: int, request: Request) -> None:
        if outcome.asked is not None:
            if outcome.asked > _LONGEST_WAIT:
                error = EndpointError(f"the endpoint asks to wait for {outcome.asked:,.0f} seconds ({outcome.why}).")
                self.stop(error)
                raise error
            self._not_before = max(self._not_before, time.monotonic() + outcome.asked)
        # Spread, so that requests that failed together do not come back together.
        seconds = min(self.endpoint.back_off * 2 ** (tries - 1), _LONGEST_BACK_OFF) * random.uniform(0.5, 1)
        logger.info("Record %s, %s: %s; tried again.", request.record, request.stage, outcome.why)
        await self._sleep(max(seconds, outcome.asked or 0.0))
        self._check()

    async def _sleep(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            pass

    async def _try(self, request: Request, most: tuple[int, int]) -> Answer | _Again:
        """One request. Raises `RequestError` or `EndpointError` where another try would end the same."""
        openai, endpoint = self._openai, self.endpoint
        optional = {} if request.temperature is None else {"temperature": request.temperature}
        try:
            response = await self._client.chat.completions.create(
                model=request.model,
                messages=list(request.messages),
                extra_body={endpoint.limit_field: request.max_output_tokens, **endpoint.extra_body},
                **optional,
            )
        except openai.APITimeoutError as error:
            return _Again(f"no answer within {endpoint.timeout:g} seconds", perhaps_paid=_sent(error))
        except openai.APIConnectionError as error:
            return _Again(f"the connection failed ({self._line(error.__cause__ or error)})", perhaps_paid=_sent(error))
        except openai.APIStatusError as error:
            return self._status(error)
        except (openai.APIError, ValueError) as error:
            return _Again(f"the response is not JSON ({type(error).__name__})", heard=True, perhaps_paid=True)
        return _read(response, most)

    def _status(self, error: Any) -> _Again:
        """What an HTTP status means: another try, the end of this request, or the end of the run."""
        status, words = error.status_code, self._line(error)
        if status in (408, 409, 429) or status >= 500:
            if "insufficient_quota" in words:
                raise EndpointError(f"the account has no credit left ({words}).")
            return _Again(f"HTTP {status}", _asked(error.response.headers), status == 429, status >= 500)
        if status in (400, 413, 422):
            if self.journal.answers or any(sign in words.lower() for sign in _ONE_REQUEST):
                logger.warning("The endpoint refuses one request (HTTP %d): %s", status, words)
                raise RequestError(f"the endpoint refuses it (HTTP {status})")
            raise EndpointError(f"the endpoint refuses the request (HTTP {status}): {words}")
        what = {401: "the key is not accepted", 403: "access is denied", 404: "the model or the address is not there"}
        raise EndpointError(f"{what.get(status, 'the endpoint refuses')} (HTTP {status}): {words}")

    def _line(self, error: BaseException) -> str:
        """A message as one line that does not hold the key."""
        words = " ".join(str(error).split())
        return (words.replace(self.endpoint.api_key, "***") if self.endpoint.api_key else words)[:300]


def _openai() -> Any:
    try:
        import openai
    except ImportError as error:
        raise ImportError(
            "speaking to a language model needs the package openai: pip install 'mmgeolm[llm]'."
        ) from error
    return openai


def _read(response: Any, most: tuple[int, int]) -> Answer | _Again:
    try:
        choice = response.choices[0]
        text = choice.message.content or getattr(choice.message, "refusal", None) or ""
        finish = str(choice.finish_reason or "")
        if not isinstance(text, str):
            raise TypeError
        text = text.encode("utf-8", "replace").decode()  # half of a surrogate pair can be written nowhere
    except (AttributeError, TypeError, IndexError):
        return _Again("the response has no answer in it", heard=True, perhaps_paid=True)
    usage = getattr(response, "usage", None)
    counts = [getattr(usage, name, None) for name in ("prompt_tokens", "completion_tokens")]
    if not all(isinstance(count, int) and count >= 0 for count in counts):
        counts = [most[0], min(most[1], len(text.encode("utf-8", "replace")) + 1)]  # the bound, where nothing is said
    return Answer(text, finish, *counts)


def _sent(error: BaseException) -> bool:
    return type(error.__cause__).__name__ not in _NEVER_SENT


def _asked(headers: Mapping[str, str]) -> float | None:
    """Seconds that `Retry-After` asks for, a number or a date."""
    try:
        if milliseconds := headers.get("retry-after-ms"):
            return float(milliseconds) / 1000
        value = headers.get("retry-after")
        if value is None:
            return None
        if value.strip().replace(".", "", 1).isdigit():
            return float(value)
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError):
        return None


def _answer(entry: Entry) -> Answer:
    return Answer(entry["text"], entry["finish"], entry["input"], entry["output"])


def _fields(answer: Answer) -> Entry:
    return {
        "text": answer.text,
        "finish": answer.finish,
        "input": answer.input_tokens,
        "output": answer.output_tokens,
    }
