"""A chat endpoint on this machine's loopback: answers by what it is asked, and fails by a script.

with ChatServer(lambda text: f"You said {text}.", faults=lambda text, time: "500" if time == 0 else "") as server:
    ...  # base_url=server.url
    server.answered[text]  # how often a whole answer was sent for these words

A fault is one of `429` (with Retry-After), `500`, `cut` (the connection breaks within the answer), `malformed` (an
answer that is not JSON), `hollow` (JSON without an answer), `context`, `quota`, or a status such as `401`; `slow`
answers late; `empty`, `refusing`, `length` (cut off) and `uncounted` (without usage) are answers, too. It depends on
the words asked and on how often they were asked before, so that the order in which requests arrive does not matter.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

REFUSAL = "I'm sorry, but I can't help with that."
STATUSES = {"400": "bad request", "403": "forbidden", "404": "no such model", "500": "broken"}


class ChatServer:
    """`/v1/chat/completions`, without streams.

    Attributes:
        asked (`Counter[str]`): requests by the words of their messages.
        answered (`Counter[str]`): answers that were sent whole, which is what an endpoint charges for.
        bodies (`list[dict]`): all requests.
        keys (`set[str]`): `Authorization` headers seen.
        times (`list[float]`): when requests came, by the monotonic clock.
        most (`int`): requests under way at once, at most.
    """

    def __init__(
        self,
        answer: Callable[[str], str],
        faults: Callable[[str, int], str] = lambda text, times: "",
        delay: float = 0.0,
        retry_after: str = "0.05",
    ):
        self.answer, self.faults, self.delay, self.retry_after = answer, faults, delay, retry_after
        self.asked: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.bodies: list[dict[str, Any]] = []
        self.keys: set[str] = set()
        self.times: list[float] = []
        self.most = self.under_way = 0
        self.lock = threading.Lock()
        self.server = _Server(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"

    def __enter__(self) -> "ChatServer":
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *problem: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        chat = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: object) -> None:
                """Say nothing."""

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with chat.lock:
                    chat.keys.add(self.headers.get("Authorization", ""))
                    chat.bodies.append(body)
                    chat.times.append(time.monotonic())
                    chat.under_way += 1
                    chat.most = max(chat.most, chat.under_way)
                try:
                    chat.respond(self, body)
                except OSError:  # the other side is gone
                    self.close_connection = True
                finally:
                    with chat.lock:
                        chat.under_way -= 1

        return Handler

    def respond(self, handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        """One request, by the script."""
        text = words(body)
        with self.lock:
            fault = self.faults(text, self.asked[text]) if handler.path == "/v1/chat/completions" else "404"
            self.asked[text] += 1
        time.sleep(self.delay + 0.3 * (fault == "slow"))
        if fault == "429":
            return send(handler, 429, {"error": {"message": "slow down"}}, {"Retry-After": self.retry_after})
        if fault == "401":  # some endpoints repeat the key
            key = handler.headers.get("Authorization", "")
            return send(handler, 401, {"error": {"message": f"no such key: {key}"}})
        if fault in STATUSES:
            return send(handler, int(fault), {"error": {"message": STATUSES[fault]}})
        if fault == "context":
            return send(handler, 400, {"error": {"code": "context_length_exceeded", "message": "too long"}})
        if fault == "quota":
            return send(handler, 429, {"error": {"code": "insufficient_quota", "message": "insufficient_quota"}})
        if fault == "hollow":
            return send(handler, 200, {"choices": []})
        said = {"empty": "", "refusing": REFUSAL}.get(fault)
        said = self.answer(text) if said is None else said
        finish = "length" if fault == "length" else "stop"
        if fault == "length":
            said = said[: len(said) // 2]
        content = json.dumps(completion(body, said, finish, with_usage=fault != "uncounted")).encode()
        if fault == "malformed":
            content = content[: len(content) // 2]
        sent = content[: len(content) // 2] if fault == "cut" else content
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        if fault not in ("cut", "malformed"):
            with self.lock:
                self.answered[text] += 1
        handler.wfile.write(sent)
        if fault == "cut":
            handler.close_connection = True


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *args: object) -> None:
        """Say nothing of connections that clients broke."""


def words(body: dict[str, Any]) -> str:
    """All that the messages of a request say."""
    texts = []
    for message in body["messages"]:
        content = message["content"]
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        texts += [part.get("text", "") for part in parts]
    return "\n".join(texts)


def completion(body: dict[str, Any], said: str, finish: str, with_usage: bool = True) -> dict[str, Any]:
    """A response of the chat API; a token is four characters here."""
    choice = {"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": finish}
    head = {"id": "chat-1", "object": "chat.completion", "created": 0, "model": body["model"]}
    usage = {"prompt_tokens": len(words(body)) // 4, "completion_tokens": 1 + len(said) // 4}
    return {**head, "choices": [choice], **({"usage": usage} if with_usage else {})}


def send(handler: BaseHTTPRequestHandler, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
    """An answer in JSON."""
    content = json.dumps(body).encode()
    handler.send_response(status)
    for name, value in {"Content-Type": "application/json", "Content-Length": len(content), **(headers or {})}.items():
        handler.send_header(name, str(value))
    handler.end_headers()
    handler.wfile.write(content)
