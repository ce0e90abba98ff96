"""A small Hugging Face hub on this machine, as huggingface_hub's real client speaks with it.

Small files come from the hub itself through a redirect, large ones from another host, as the real one has it. Faults
are switched on by setting an attribute.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

LARGE_BYTES = 1_000_000
"""From this size on a file is in LFS."""


class Hub(ThreadingHTTPServer):
    """Repositories by name, each a list of commits: (40 hex digits, folder), newest last."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repositories: dict[str, list[tuple[str, Path]]] = {}
        self.gated: set[str] = set()
        self.requests: list[tuple[str, str, str | None, str | None]] = []
        """Host, path, range and authorization of every request."""
        self.stop_after: int | None = None
        """Bytes of a large file after which the connection hangs."""
        self.break_after: int | None = None
        """Bytes of a large file after which the connection breaks."""
        self.damage = False
        """Whether a byte of large files is flipped."""
        self.names: dict[Path, str] = {}
        """More files of every commit, by the name that is claimed for them."""
        self.status: int | None = None
        """What every request is answered with."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def large_requests(self) -> list[str | None]:
        """The ranges that were asked for of large files."""
        return [wanted for _host, path, wanted, _authorization in self.requests if path.startswith("/cdn/")]


class _Handler(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments: Any) -> None: ...

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        host = (self.headers["Host"] or "").partition(":")[0]
        self.server.requests.append((host, path, self.headers["Range"], self.headers["Authorization"]))
        if self.server.status is not None:
            self._answer(self.server.status)
        elif path.startswith("/api/models/"):
            self._describe(path.removeprefix("/api/models/"))
        elif path.startswith("/cdn/"):
            self._send(Path(path.removeprefix("/cdn")))
        elif path.startswith("/resolve-cache/"):
            self._send(Path(path.removeprefix("/resolve-cache")))
        else:
            self._resolve(path.strip("/"))

    do_HEAD = do_GET

    def _describe(self, path: str) -> None:
        name, _, revision = path.partition("/revision/")
        found = self._find(name, revision or "main")
        if found is None:
            return
        commit, folder = found
        files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
        siblings = [_sibling(file, file.relative_to(folder).as_posix()) for file in files]
        siblings += [_sibling(file, name) for file, name in self.server.names.items()]
        self._answer(200, json.dumps({"id": name, "modelId": name, "sha": commit, "siblings": siblings}).encode())

    def _resolve(self, path: str) -> None:
        name, _, rest = path.partition("/resolve/")
        revision, _, file = rest.partition("/")
        found = self._find(name, revision)
        if found is None:
            return
        source = found[1] / file
        if not source.is_file():
            self._answer(404, code="EntryNotFound")
        elif name in self.server.gated:
            self._answer(403, code="GatedRepo")
        elif source.stat().st_size >= LARGE_BYTES:
            self._answer(302, location=f"http://localhost:{self.server.server_port}/cdn{source}", commit=found[0])
        else:
            self._answer(307, location=f"/resolve-cache{source}", commit=found[0])

    def _find(self, name: str, revision: str) -> tuple[str, Path] | None:
        """The commit and its folder; None: an error was answered."""
        commits = self.server.repositories.get(name)
        if commits is None:
            self._answer(401, code="RepoNotFound")
            return None
        found = commits[-1:] if revision == "main" else [commit for commit in commits if commit[0] == revision]
        if not found:
            self._answer(404, code="RevisionNotFound")
            return None
        return found[0]

    def _send(self, source: Path) -> None:
        content = bytearray(source.read_bytes())
        large = len(content) >= LARGE_BYTES
        if large and self.server.damage:
            content[len(content) // 2] ^= 1
        start = int(self.headers["Range"].removeprefix("bytes=").rstrip("-")) if self.headers["Range"] else 0
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        end = min((n for n in (self.server.stop_after, self.server.break_after) if large and n), default=len(content))
        try:
            self.wfile.write(content[start:end])
            self.wfile.flush()
            if large and self.server.stop_after:
                threading.Event().wait(60)
            if end < len(content):
                self.close_connection = True
        except OSError:
            self.close_connection = True  # the client was killed

    def _answer(self, status: int, body: bytes = b"", *, code: str = "", location: str = "", commit: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "application/json")
        for name, value in (("X-Error-Code", code), ("Location", location), ("X-Repo-Commit", commit)):
            if value:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _sibling(file: Path, name: str) -> dict[str, Any]:
    content = file.read_bytes()
    git = hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()
    found: dict[str, Any] = {"rfilename": name, "size": len(content), "blobId": git}
    if len(content) >= LARGE_BYTES:
        sha256 = hashlib.sha256(content).hexdigest()
        found["lfs"] = {"sha256": sha256, "size": len(content), "pointerSize": 134}
    return found


@contextmanager
def running_hub() -> Iterator[Hub]:
    """A hub that serves until the block ends."""
    hub = Hub()
    thread = threading.Thread(target=hub.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()
