"""A Hub on this machine's loopback: as much of the Hub's HTTP interface as pushing and loading a model takes.

with LoopbackHub() as hub:
    subprocess.run(..., env={**os.environ, **hub.environment(cache)})
    hub.files["me/model"]["config.json"]
"""

import base64
import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

LARGE = (".safetensors", ".bin")
COMMIT = "c0ffee" * 6 + "c0ff"
Answer = tuple[int, Any, dict[str, str]]


class LoopbackHub:
    """Model repositories in memory, served over HTTP.

    Attributes:
        files (`dict[str, dict[str, bytes]]`): contents by repository and path.
        unknown (`list[str]`): requests that it has no answer for.
    """

    def __init__(self):
        self.files: dict[str, dict[str, bytes]] = {}
        self.uploads: dict[str, bytes] = {}
        self.unknown: list[str] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> "LoopbackHub":
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *problem: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def environment(self, cache: Path) -> dict[str, str]:
        """Variables that send a process to this Hub, with a cache of its own."""
        return {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(cache),
            "HF_TOKEN": "hf_loopback",
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
        }

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: object) -> None:
                """Say nothing: tests read `unknown`."""

            def answer(self) -> None:
                path = unquote(urlsplit(self.path).path)
                status, body, headers = hub.answer(self.command, path, self._body())
                content = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            def _body(self) -> bytes:
                if self.headers.get("Transfer-Encoding") != "chunked":
                    return self.rfile.read(int(self.headers.get("Content-Length") or 0))
                parts = []
                while size := int(self.rfile.readline(), 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(parts)

            do_GET = do_HEAD = do_POST = do_PUT = answer

        return Handler

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        """Status, body and headers for a request."""
        if path == "/api/whoami-v2":
            return 200, {"name": "me", "type": "user", "orgs": [], "auth": {"accessToken": {"role": "write"}}}, {}
        if path == "/api/validate-yaml":
            return 200, {"errors": [], "warnings": []}, {}
        if path == "/api/repos/create":
            name = f"me/{json.loads(body)['name']}"
            self.files.setdefault(name, {})
            return 200, {"url": f"{self.url}/{name}", "name": name, "id": name}, {}
        if found := re.fullmatch(r"/upload/(\w+)", path):
            self.uploads[found[1]] = body
            return 200, {}, {}
        if path.endswith("/info/lfs/objects/batch"):
            return (
                200,
                {"transfer": "basic", "objects": [self._place(item) for item in json.loads(body)["objects"]]},
                {},
            )
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(/.*)?", path):
            return self._repository(found[1], (found[2] or "").strip("/"), body)
        if found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/[^/]+/(.+)", path):
            return self._file(found[1], found[2])
        self.unknown.append(f"{method} {path}")
        return 404, {"error": "unknown"}, {}

    def _place(self, item: dict[str, Any]) -> dict[str, Any]:
        upload = {"href": f"{self.url}/upload/{item['oid']}"}
        return {"oid": item["oid"], "size": item["size"], "actions": {"upload": upload}}

    def _repository(self, name: str, what: str, body: bytes) -> Answer:
        if name not in self.files:
            return 404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"}
        files = self.files[name]
        if what.startswith("preupload/"):
            modes = [
                {"path": item["path"], "uploadMode": "lfs" if item["path"].endswith(LARGE) else "regular"}
                for item in json.loads(body)["files"]
            ]
            return 200, {"files": [{**mode, "shouldIgnore": False} for mode in modes]}, {}
        if what.startswith("commit/"):
            for line in filter(None, body.splitlines()):
                entry = json.loads(line)
                value = entry["value"]
                if entry["key"] == "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                elif entry["key"] == "lfsFile":
                    files[value["path"]] = self.uploads[value["oid"]]
            return 200, {"commitUrl": f"{self.url}/{name}/commit/{COMMIT}", "commitOid": COMMIT}, {}
        if what.startswith("tree/"):
            return 200, [{"type": "file", "path": p, "size": len(c), "oid": etag(c)} for p, c in files.items()], {}
        siblings = [{"rfilename": path} for path in files]
        return 200, {"id": name, "sha": COMMIT, "siblings": siblings, "private": False, "tags": []}, {}

    def _file(self, name: str, path: str) -> Answer:
        if name not in self.files:
            return 404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"}
        if path not in self.files[name]:
            return 404, {"error": "Entry not found"}, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT}
        content = self.files[name][path]
        return 200, content, {"ETag": f'"{etag(content)}"', "X-Repo-Commit": COMMIT}


def etag(content: bytes) -> str:
    """What tells one version of a file from another."""
    return hashlib.sha1(content).hexdigest()
