"""A server for one local page: a table of files and of answers in JSON, on 127.0.0.1 alone.

A page on the open web must not be able to use it. The server binds the loopback interface, refuses
requests whose ``Host`` is not its own address (so a name that an attacker points at 127.0.0.1
reaches nothing), refuses answers to other sites' pages, and knows no path that is not in its
tables. It reads GET requests, changes nothing and keeps nothing.
"""

from __future__ import annotations

import errno
import json
import sys
import threading
import traceback
import webbrowser
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from modcog.errors import InvalidArgument
from modcog.system.output import say

ADDRESS = "127.0.0.1"
PORT = 8168
"""Port of the playgrounds, unless another is asked for; 0 is any free one."""

MAX_TARGET = 4096
"""Longest path with its query, in bytes: a page's state is far shorter."""

MAX_FIELDS = 64

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
}

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}

Query = Mapping[str, str]
Answer = Callable[[Query], Any]


@dataclass(frozen=True)
class Site:
    """What a server serves, and nothing else.

    Attributes:
        files: File of each path; its suffix is one of `TYPES`.
        answers: Function of each path: it takes the fields of the query and returns JSON types.
        refusals: Errors that are the visitor's mistakes: the page gets their text.
        name: Of the program, for its messages.
    """

    files: Mapping[str, Path]
    answers: Mapping[str, Answer]
    refusals: tuple[type[Exception], ...]
    name: str = "modcog explore"


class LocalServer(ThreadingHTTPServer):
    """Serve a site on the loopback interface.

    Args:
        site: What is served.
        port: The port; 0 is any free one.

    Attributes:
        url: Where the page is.

    Raises:
        InvalidArgument: The port is out of range, in use or not allowed.
    """

    daemon_threads = True
    block_on_close = False
    # A page opens several connections at once, and several pages may be open: with the five that
    # the base class lets wait, the next one is asked to come back after a second.
    request_queue_size = 128

    def __init__(self, site: Site, port: int = PORT) -> None:
        if not 0 <= port <= 65535:
            raise InvalidArgument("--port", port, "a whole number from 0 to 65535")
        try:
            super().__init__((ADDRESS, port), _Handler)
        except OSError as error:
            raise _port_error(error, port) from None
        self.site = site
        number = int(self.server_address[1])
        self.url = f"http://{ADDRESS}:{number}/"
        self.hosts = {f"{ADDRESS}:{number}", f"localhost:{number}"}

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of visitors who hang up; show what else goes wrong."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


def serve(site: Site, port: int = PORT, *, browser: bool = True, query: str = "") -> None:
    """Serve a site until Ctrl-C.

    Args:
        site: What is served.
        port: The port; 0 is any free one.
        browser: Whether the page is opened in the visitor's browser.
        query: What the page shows first, such as "?task=DlyGo".

    Raises:
        InvalidArgument: The port cannot be had.
    """
    try:
        with LocalServer(site, port) as server:
            address = server.url + query
            say(f"{site.name}: {address} (on this machine only; Ctrl-C ends it)")
            if browser:
                # A browser in the terminal would not return before its visitor leaves.
                threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
            server.serve_forever()
    except KeyboardInterrupt:
        say(f"\n{site.name}: ended.")


def _port_error(error: OSError, port: int) -> InvalidArgument:
    if error.errno == errno.EADDRINUSE:
        remedy = (
            "Another program has it, perhaps a playground of before. --port 0 takes a free one."
        )
        return InvalidArgument("--port", port, "a port that is free", remedy)
    if error.errno == errno.EACCES:
        return InvalidArgument("--port", port, "a port that you may use, such as 1024 and above")
    return InvalidArgument("--port", port, f"a port that can be used ({error.strerror})")


class _Refused(Exception):
    """A request that is not served."""

    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    server: LocalServer  # pyright: ignore[reportIncompatibleVariableOverride] - who makes these
    protocol_version = "HTTP/1.1"
    server_version = "modcog"
    sys_version = ""
    wbufsize = -1  # head and body go out together: apart, the second waits for 40 ms
    disable_nagle_algorithm = True
    timeout = 60  # seconds, after which an idle connection is closed

    def do_GET(self) -> None:
        """Serve a file or an answer."""
        try:
            kind, body = self._found()
            self._send(HTTPStatus.OK, kind, body)
        except _Refused as refusal:
            self._send_problem(refusal.status, str(refusal))
        except self.server.site.refusals as refusal:
            argument = getattr(refusal, "argument", None)
            if argument == "field":  # one that there is not: the page leaves it out of its address
                argument = str(getattr(refusal, "value", argument))
            self._send_problem(HTTPStatus.BAD_REQUEST, str(refusal), argument)
        except ConnectionError:
            raise
        except Exception:  # A mistake of ours ends one answer, not the server.
            traceback.print_exc()
            text = "This should not have happened. The terminal of the playground says more."
            self._send_problem(HTTPStatus.INTERNAL_SERVER_ERROR, text)

    do_HEAD = do_GET  # noqa: N815 - the base class looks for this name

    def _found(self) -> tuple[str, bytes]:
        self._check_visitor()
        path, _, query = self.path.partition("?")
        site = self.server.site
        if path in site.files:
            file = site.files[path]
            return TYPES[file.suffix], file.read_bytes()
        if path not in site.answers:
            raise _Refused(HTTPStatus.NOT_FOUND, "There is no such page.")
        # Only pages of this server ask for answers; browsers say whose page asks.
        if self.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            raise _Refused(HTTPStatus.FORBIDDEN, "Another site's page asked for this.")
        answer = site.answers[path](_fields(query))
        return TYPES[".json"], json.dumps(answer, allow_nan=False).encode()

    def _check_visitor(self) -> None:
        if self.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in self.headers:
            self.close_connection = True  # what follows is not a request
            raise _Refused(HTTPStatus.BAD_REQUEST, "A request here has no content.")
        hosts = self.headers.get_all("Host", [])
        if len(hosts) != 1 or hosts[0].lower() not in self.server.hosts:
            raise _Refused(HTTPStatus.FORBIDDEN, f"This page is at {self.server.url} only.")
        if len(self.path) > MAX_TARGET:
            raise _Refused(HTTPStatus.REQUEST_URI_TOO_LONG, "The address is too long.")

    def _send_problem(self, status: HTTPStatus, text: str, argument: str | None = None) -> None:
        body = json.dumps({"error": text, "argument": argument}).encode()
        self._send(status, TYPES[".json"], body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what the base class cannot read, such as another method, and hang up."""
        del explain
        self.close_connection = True
        status = HTTPStatus(code)
        self._send_problem(status, message or status.phrase)

    def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in HEADERS.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: the terminal is the visitor's."""


def _fields(query: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError:
        raise _Refused(HTTPStatus.BAD_REQUEST, "The address cannot be read.") from None
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise _Refused(HTTPStatus.BAD_REQUEST, "The address gives a setting twice.")
    return fields
