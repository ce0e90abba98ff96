"""Who may speak to the HTTP API: this machine, under a loopback name, with the token, in small requests.

An ASGI layer that looks at every request before any of it is parsed, and the token's file. A web page elsewhere cannot
get through: no CORS header is ever sent, a foreign Origin is refused, and a name that was rebound to 127.0.0.1 fails
the Host check. What the endpoints do belongs to ``api``.
"""

from __future__ import annotations

import asyncio
import fcntl
import hmac
import ipaddress
import json
import os
import secrets
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from jarvis_resources.errors import SettingsError
from jarvis_resources.files import write_private
from jarvis_resources.settings import Settings

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 65_536
"""Largest request: fifty messages of history and one to answer fit several times over."""
BODY_SECONDS = 10.0
"""Longest that a client may take to send its body."""
TOKEN_BYTES = 32
"""Randomness of a token: 256 bits cannot be guessed, so no attempt needs counting."""

SECURITY_HEADERS: dict[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""On every answer: the page loads nothing from elsewhere, nothing elsewhere frames or keeps it."""


class Refused(Exception):
    """A request that goes no further: its HTTP status, and one sentence for the caller."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


class Gate:
    """ASGI layer around the app. ``open_paths`` (the page and its files, which hold no data) need no token."""

    def __init__(self, app: ASGIApp, *, token: str, open_paths: frozenset[str]) -> None:
        if not token:
            raise SettingsError("The API needs a token; `jarvis serve` makes one.")
        self._app = app
        self._token = token.encode()
        self._open_paths = open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        guarded = _with_headers(send)
        try:
            self._check(scope)
            body = await _whole_body(scope, receive)
        except Refused as refused:
            await _refuse(refused, guarded)
            return
        await self._app(scope, _replay(body, receive), guarded)

    def _check(self, scope: Scope) -> None:
        """Raise ``Refused`` unless the request comes from here, under our name, and with the token."""
        if (client := scope.get("client")) is not None and not is_loopback(client[0]):
            raise Refused(403, "JARVIS answers this machine only.")
        host = _only(scope, b"host")
        if host is None or not is_loopback(_host_name(host)):
            raise Refused(421, "Ask JARVIS under 127.0.0.1 or localhost.")
        origin = _only(scope, b"origin")
        if origin is not None and origin != f"{scope.get('scheme', 'http')}://{host}":
            raise Refused(403, "Pages of other sites may not ask JARVIS.")
        if scope["path"] in self._open_paths and scope["method"] in ("GET", "HEAD"):
            return
        kind, _, given = (_only(scope, b"authorization") or "").partition(" ")
        # compare_digest takes equally long wherever two tokens first differ.
        if kind.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), self._token):
            raise Refused(401, "The token is missing or wrong; `jarvis serve` prints the address that carries it.")


def is_loopback(host: str) -> bool:
    """Whether ``host`` (a name or an address, no port) can only mean this machine."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _host_name(header: str) -> str:
    """The name in a Host header, without port and brackets; empty when it is not one."""
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""


def _only(scope: Scope, name: bytes) -> str | None:
    """The value of a header that may come once; None when it did not come. Raises ``Refused`` when it came twice."""
    values = [value for key, value in scope["headers"] if key == name]
    if len(values) > 1:
        raise Refused(400, f"The request has more than one {name.decode().title()} header.")
    return values[0].decode("latin-1") if values else None


async def _whole_body(scope: Scope, receive: Receive) -> bytes:
    """The request's body. Raises ``Refused`` when it is too large, too slow, or broken off."""
    if (length := _only(scope, b"content-length")) is not None and (
        not length.isdecimal() or int(length) > MAX_BODY_BYTES
    ):
        raise Refused(413, f"A request may have {MAX_BODY_BYTES // 1024} KiB.")
    body = bytearray()
    more = True
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Refused(400, "The request broke off.")
                body += message.get("body", b"")
                more = message.get("more_body", False)
                if len(body) > MAX_BODY_BYTES:
                    raise Refused(413, f"A request may have {MAX_BODY_BYTES // 1024} KiB.")
    except TimeoutError as error:
        raise Refused(408, "The request took too long to arrive.") from error
    return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    """A ``receive`` that hands out ``body`` once, then what really comes (a disconnect)."""
    handed_out = False

    async def replay() -> Message:
        nonlocal handed_out
        if handed_out:
            return await receive()
        handed_out = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _with_headers(send: Send) -> Send:
    """A ``send`` that puts the security headers on every answer."""
    extra = [(name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]

    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *extra]}
        await send(message)

    return guarded


async def _refuse(refused: Refused, send: Send) -> None:
    body = json.dumps({"error": refused.sentence}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if refused.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def access_token(settings: Settings) -> str:
    """The API's token, from ``$JARVIS_HOME/token`` (mode 0600), made at the first call.

    A file that others could read is replaced: its token may be known. Raises ``SettingsError`` when the file can be
    neither read nor written.
    """
    path = settings.home / "token"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The lock makes servers that start at once agree; closing the file gives it back.
        with os.fdopen(os.open(path.with_name(".token.lock"), os.O_CREAT | os.O_RDWR, 0o600), "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if path.is_file() and path.stat().st_mode & 0o077 == 0 and (token := path.read_text("ascii").strip()):
                return token
            token = secrets.token_urlsafe(TOKEN_BYTES)
            write_private(path, token + "\n")
            return token
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The token at {path} cannot be used ({type(error).__name__}); remove it.") from error
