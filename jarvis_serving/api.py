"""The HTTP API: endpoints around one Suggester, and the server that listens on loopback.

Who may ask is decided in ``gate`` before anything here runs; what is answered is the Suggester's. Every error is JSON
with one sentence, and no text of a message reaches a log, an error or an exception's report.
"""

from __future__ import annotations

import errno
import logging
import socket
import threading
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.exceptions import HTTPException

from jarvis_resources.errors import BusyError, JarvisError, ReleaseError, SettingsError
from jarvis_resources.settings import Settings
from jarvis_serving import feedback
from jarvis_serving.gate import SECURITY_HEADERS, Gate, access_token, is_loopback
from jarvis_serving.generation import Line

if TYPE_CHECKING:
    from jarvis_serving.suggester import Suggester

MESSAGE_CHARACTERS = 4000
"""Longest message: iMessage splits longer ones on most devices."""
HISTORY_MESSAGES = 50
"""Most earlier messages in a request: as many as a pair's context holds."""
REMEMBERED_SUGGESTIONS = 10_000
"""Suggestions that feedback can still name: days of use, at about 200 bytes each."""
CONCURRENT_REQUESTS = 32
"""More at once are turned away with 503: one owner, one page, a few programs."""

_PAGE = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/page/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/page/connection.js": ("connection.js", "text/javascript; charset=utf-8"),
    "/page/elements.js": ("elements.js", "text/javascript; charset=utf-8"),
}

Message = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MESSAGE_CHARACTERS)]


class HistoryLine(BaseModel):
    """One earlier message."""

    model_config = ConfigDict(extra="forbid")
    text: Message
    is_from_me: bool


class SmartReplyRequest(BaseModel):
    """Body of ``POST /drafts/smart-reply``."""

    model_config = ConfigDict(extra="forbid")
    message: Message
    contact: Annotated[str, StringConstraints(strip_whitespace=True, max_length=256)] | None = None
    """A handle, a person_id or a name; left out: nobody in particular."""
    history: Annotated[list[HistoryLine], Field(max_length=HISTORY_MESSAGES)] | None = None
    """Earlier messages, oldest first; left out: JARVIS looks for itself."""
    is_group: bool = False


class FeedbackRequest(BaseModel):
    """Body of ``POST /drafts/{id}/feedback``."""

    model_config = ConfigDict(extra="forbid")
    action: feedback.Action
    option: Annotated[int, Field(ge=feedback.NO_OPTION, le=2)] = feedback.NO_OPTION
    """The option chosen, from 0; −1: none of them, or the draft."""


class _Given:
    """Suggestions given lately: id → (suggestion's id, route, number of options). Ids only, no text."""

    def __init__(self) -> None:
        self._given: OrderedDict[str, tuple[str, str, int]] = OrderedDict()
        self._lock = threading.Lock()

    def remember(self, ids: tuple[str | None, ...], suggestion_id: str, route: str, options: int) -> None:
        with self._lock:
            for each in ids:
                if each is not None:
                    self._given[each] = (suggestion_id, route, options)
            while len(self._given) > REMEMBERED_SUGGESTIONS:
                self._given.popitem(last=False)

    def find(self, given_id: str) -> tuple[str, str, int] | None:
        with self._lock:
            return self._given.get(given_id)


def create_app(suggester: Suggester, *, token: str, settings: Settings) -> FastAPI:
    """The app around ``suggester``; ``token`` is the bearer token that every request but the page's must carry."""
    app = FastAPI(title="JARVIS", docs_url=None, redoc_url=None)  # Their pages load scripts from elsewhere.
    app.add_middleware(Gate, token=token, open_paths=frozenset(_PAGE))
    given = _Given()
    one_at_a_time = threading.Lock()

    @app.get("/health")
    def health() -> dict[str, Any]:
        """That the server answers, and from which release."""
        return {
            "status": "ok",
            "release": suggester.release_name,
            "drafts": suggester.drafts is not None,
            "cold_start_messages": settings.cold_start_messages,
        }

    @app.get("/conversations")
    def conversations() -> dict[str, Any]:
        """Conversations and whom they are with, most recent first."""
        with one_at_a_time:
            return {"conversations": [conversation.to_json() for conversation in suggester.conversations()]}

    @app.post("/drafts/smart-reply")
    def smart_reply(body: SmartReplyRequest, response: Response) -> dict[str, Any]:
        """Options for one incoming message, at once; a draft, where one is being written, follows under its id."""
        history = None if body.history is None else [Line(line.text, line.is_from_me) for line in body.history]
        began = time.perf_counter()
        with one_at_a_time:
            suggestion = suggester.suggest(
                body.message, contact=body.contact or None, history=history, is_group=body.is_group
            )
        answer: dict[str, Any] = suggestion.to_json()
        response.headers["Server-Timing"] = f"suggest;dur={(time.perf_counter() - began) * 1000:.1f}"
        given.remember(
            (suggestion.id, suggestion.draft_id), suggestion.id, suggestion.route.value, len(suggestion.options)
        )
        return answer

    @app.get("/drafts/{draft_id}")
    def draft(draft_id: str) -> dict[str, str]:
        """How far the draft is."""
        try:
            found: dict[str, str] = suggester.draft(draft_id).to_json()
        except KeyError as error:
            raise HTTPException(404, "There is no such draft; ask for a new suggestion.") from error
        return found

    @app.post("/drafts/{suggestion_id}/feedback", status_code=201)
    def judge(suggestion_id: str, body: FeedbackRequest) -> dict[str, str]:
        """What the owner did with a suggestion of the last while."""
        if (suggested := given.find(suggestion_id)) is None:
            raise HTTPException(404, "There is no such suggestion; feedback is for recent ones.")
        own_id, route, options = suggested
        if body.option >= options:
            raise HTTPException(422, f"That suggestion had {options} options; they count from 0.")
        feedback.record(settings.home, suggestion_id=own_id, action=body.action, option=body.option, route=route)
        return {"status": "recorded"}

    _add_page(app)
    _add_error_handlers(app)
    return app


def _add_page(app: FastAPI) -> None:
    folder = files("jarvis_serving.page")

    def serve_file(body: bytes, media_type: str) -> Callable[[], Response]:
        return lambda: Response(body, media_type=media_type)

    for path, (name, media_type) in _PAGE.items():
        body = folder.joinpath(name).read_bytes()
        app.add_api_route(path, serve_file(body, media_type), methods=["GET"], include_in_schema=False)


_STATUS: dict[type[JarvisError], int] = {ReleaseError: 503, BusyError: 503, SettingsError: 400}
"""HTTP status of an error that the owner can mend; 500 for the rest."""


def _add_error_handlers(app: FastAPI) -> None:
    @app.exception_handler(JarvisError)
    def known(_request: Request, error: JarvisError) -> JSONResponse:
        return JSONResponse({"error": str(error)}, status_code=_STATUS.get(type(error), 500))

    @app.exception_handler(HTTPException)
    def http(_request: Request, error: HTTPException) -> JSONResponse:
        sentence = error.detail.rstrip(".") + "."  # The framework's own details are bare phrases.
        return JSONResponse({"error": sentence}, status_code=error.status_code, headers=error.headers)

    @app.exception_handler(RequestValidationError)
    def malformed(_request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        # Where and what, never the value: pydantic's own report quotes it.
        field = ".".join(str(part) for part in first["loc"][1:] if part != "body") or "body"
        rule = "is not valid JSON" if first["type"] == "json_invalid" else first["msg"][:1].lower() + first["msg"][1:]
        return JSONResponse({"error": f"The request cannot be read: {field}: {rule}."}, status_code=422)

    @app.exception_handler(Exception)
    def unforeseen(_request: Request, _error: Exception) -> JSONResponse:
        sentence = "JARVIS broke off on this request; its log names the place."
        return JSONResponse({"error": sentence}, status_code=500, headers=SECURITY_HEADERS)


class PlaceOnly(logging.Formatter):
    """A log line whose traceback keeps the places and the error's type, and drops its words: they may quote a text."""

    def formatException(self, ei: Any) -> str:
        """Frames and the exception's type."""
        kind, _, trace = ei
        places = [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(trace)]
        return "\n".join([*places[-8:], kind.__name__ if kind else "error"])


_LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"place": {"()": PlaceOnly, "format": "%(asctime)s %(levelname)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "place", "stream": "ext://sys.stderr"}},
    "loggers": {"uvicorn": {"handlers": ["stderr"], "level": "WARNING", "propagate": False}},
}


def serve(
    settings: Settings, suggester: Suggester | None = None, *, announce: Callable[[str], None] | None = None
) -> None:
    """Answer on ``settings.host:settings.port`` until interrupted, from ``suggester`` or the latest release.

    ``announce`` gets the page's address once the server can answer (default: it is printed). The address carries the
    token in its fragment, which browsers never send. Port 0 takes a free one. Raises ``SettingsError`` when the host
    is not this machine's, ``BusyError`` when the port is taken, and what ``Suggester.load`` raises.
    """
    import uvicorn

    listener = _listen(settings.host, settings.port)
    try:
        if suggester is None:
            from jarvis_serving.suggester import Suggester

            suggester = Suggester.load(settings)
        token = access_token(settings)
        app = create_app(suggester, token=token, settings=settings)
        config = uvicorn.Config(
            app,
            log_config=_LOGGING,
            access_log=False,
            server_header=False,
            ws="none",
            http="h11",
            limit_concurrency=CONCURRENT_REQUESTS,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=5,
            proxy_headers=False,
        )
        host, port = listener.getsockname()[:2]
        (announce or _print_address)(f"http://{f'[{host}]' if ':' in host else host}:{port}/#token={token}")
        uvicorn.Server(config).run(sockets=[listener])
    except KeyboardInterrupt:
        pass  # uvicorn has shut down and hands the interrupt on.
    finally:
        listener.close()


def _print_address(address: str) -> None:
    print(f"JARVIS answers at {address}\nOpen that address in a browser; Ctrl+C ends it.", flush=True)


def _listen(host: str, port: int) -> socket.socket:
    if not is_loopback(host):
        raise SettingsError(f"JARVIS listens on this machine only; set host to 127.0.0.1, not {host!r}.")
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise BusyError(
                f"Port {port} is taken, perhaps by another `jarvis serve`; choose one with --port."
            ) from error
        raise SettingsError(f"JARVIS cannot listen on {host}:{port}; choose another port with --port.") from error
    return listener
