"""One connection of a browser: what is asked, whether it may be, and the answer."""

from __future__ import annotations

import json
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from ..desk import RefusedError
from ..people import pseudonym
from .page import GUARDS, NOTHING, page

if TYPE_CHECKING:
    from .server import AlignServer

_MOST_BODY_BYTES: Final = 16 * 1024
_TYPES: Final = {".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}
_PAGES: Final = {"/": "choose", "/overview": "overview"}


class AnswerError(Exception):
    """A request that is answered with an error; the text is for the person."""

    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status = status


class Requests(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    server: AlignServer
    protocol_version = "HTTP/1.1"
    server_version = "taskpaint"
    sys_version = ""
    timeout = 60
    wbufsize = -1  # an answer leaves in one piece, or the other side waits for the second
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Pages, pictures and what to show."""
        self._answered(self._get)

    def do_POST(self) -> None:
        """Entering, leaving and answers."""
        self._answered(self._post)

    def _get(self) -> None:
        path = urlsplit(self.path).path
        if path in _PAGES:
            self._page(_PAGES[path])
        elif path.startswith("/image/"):
            self._image(path.removeprefix("/image/"))
        elif path == "/api/state":
            self._json(self.server.desk.state(self._person()))
        elif path == "/api/run":
            self._json(self.server.about())
        elif path == "/api/overview":
            if not self.server.access.opens_admin(self._header("Authorization")):
                raise AnswerError(
                    HTTPStatus.UNAUTHORIZED, "the overview opens with the address that the terminal shows"
                )
            self._json(self.server.overview())
        else:
            raise AnswerError(HTTPStatus.NOT_FOUND, "there is nothing at this address")

    def _post(self) -> None:
        path = urlsplit(self.path).path
        body = self._body()
        if path == "/api/choice":
            self._json(self._act(self._person(), body))
        elif path == "/api/enter":
            self._enter(body)
        elif path == "/api/leave":
            self._json({}, {"Set-Cookie": self.server.access.cookie(None)})
        else:
            raise AnswerError(HTTPStatus.NOT_FOUND, "there is nothing at this address")

    def _answered(self, answer: Any) -> None:
        try:
            self._check_origin()
            answer()
        except AnswerError as fault:
            self._fail(fault.status, str(fault))
        except RefusedError as fault:
            self._fail(HTTPStatus.UNPROCESSABLE_ENTITY, str(fault))
        except (ConnectionError, TimeoutError):
            self.close_connection = True  # nobody is there to be answered

    def _check_origin(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        if not self.server.access.knows_host(headers.get("host", ""), self.server.server_port):
            raise AnswerError(HTTPStatus.MISDIRECTED_REQUEST, "this server does not answer under that name")
        if not self.server.access.same_origin(headers):
            raise AnswerError(HTTPStatus.FORBIDDEN, "this request comes from another web page")

    def _person(self) -> str:
        person = self.server.access.person(self._header("Cookie"))
        if person is None:
            raise AnswerError(HTTPStatus.UNAUTHORIZED, "say who you are first")
        return person

    def _enter(self, body: dict[str, Any]) -> None:
        access = self.server.access
        if not access.opens(body.get("token")):
            raise AnswerError(HTTPStatus.FORBIDDEN, "this is not the token that the terminal shows; ask for the link")
        try:
            person = pseudonym(access.secret, str(body.get("name", "")))
        except ValueError as fault:
            raise AnswerError(HTTPStatus.UNPROCESSABLE_ENTITY, str(fault)) from fault
        self._json(self.server.desk.state(person), {"Set-Cookie": access.cookie(person)})

    def _act(self, person: str, body: dict[str, Any]) -> dict[str, Any]:
        try:
            return self.server.desk.act(person, body)
        except OSError as fault:
            self.server.note(f"a choice could not be written: {fault.strerror}; it was not counted")
            raise AnswerError(
                HTTPStatus.INSUFFICIENT_STORAGE, f"the choice could not be saved ({fault.strerror})"
            ) from fault

    def _body(self) -> dict[str, Any]:
        """The JSON object that was sent."""
        self.close_connection = True  # until the body is read, the rest of the connection means nothing
        length = self._header("Content-Length")
        if not (length.isascii() and length.isdecimal()) or self._header("Transfer-Encoding"):
            raise AnswerError(HTTPStatus.LENGTH_REQUIRED, "the request must say its length")
        if len(length) > 9 or int(length) > _MOST_BODY_BYTES:
            raise AnswerError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {_MOST_BODY_BYTES} bytes can be sent")
        data = self.rfile.read(int(length))
        if len(data) < int(length):
            raise ConnectionError("the body was cut off")
        self.close_connection = self._header("Connection").lower() == "close"
        if self._header("Content-Type").partition(";")[0].strip().lower() != "application/json":
            raise AnswerError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the request must be JSON")
        try:
            value = json.loads(data)
        except (ValueError, RecursionError) as fault:
            raise AnswerError(HTTPStatus.BAD_REQUEST, "the request is no valid JSON") from fault
        if not isinstance(value, dict):
            raise AnswerError(HTTPStatus.BAD_REQUEST, "the request is no JSON object")
        return value

    def _page(self, name: str) -> None:
        data, policy = page(name)
        self._send(HTTPStatus.OK, "text/html; charset=utf-8", data, {"Content-Security-Policy": policy})

    def _image(self, name: str) -> None:
        self._person()
        file = self.server.desk.image(name)
        if file is None:
            raise AnswerError(HTTPStatus.NOT_FOUND, "there is no such picture")
        kept = {"Cache-Control": "private, max-age=604800, immutable"}
        self._send(HTTPStatus.OK, _TYPES[file.suffix], _read(file), kept)

    def _json(self, value: Any, headers: dict[str, str] | None = None, status: HTTPStatus = HTTPStatus.OK) -> None:
        self._send(status, "application/json", json.dumps(value, ensure_ascii=False).encode(), headers or {})

    def _fail(self, status: HTTPStatus, text: str) -> None:
        self._json({"error": text}, {"Connection": "close"} if self.close_connection else {}, status)

    def _send(self, status: HTTPStatus, kind: str, data: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        usual = {"Content-Type": kind, "Content-Length": str(len(data)), "Cache-Control": "no-store"}
        for name, value in {**usual, **GUARDS, "Content-Security-Policy": NOTHING, **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What http.server itself refuses: broken request lines, unknown methods, too many headers."""
        self.close_connection = True
        self.request_version = self.protocol_version  # of a request that was not understood it says 0.9, without a head
        self._fail(HTTPStatus(code), message or HTTPStatus(code).phrase)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: requests may carry what nobody should read in a log."""

    def _header(self, name: str) -> str:
        return str(self.headers.get(name) or "")


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as fault:
        raise AnswerError(HTTPStatus.NOT_FOUND, "the picture's file is gone") from fault
