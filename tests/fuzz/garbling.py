"""A gateway before the stand-ins that now and then answers garbage in their place, whether they did it or not."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests
from hypothesis import strategies as st

from .garbage import TEXTS, bodies, header_texts, mutated, values

TURNED_AWAY = (429, 503, 401, 403)
"""By these a company says that it surely did nothing."""
KEPT = ("Content-Type", "Idempotent-Replayed", "Request-Id", "Retry-After")


@dataclass(frozen=True)
class Garbage:
    """What the gateway answers to one call."""

    applied: bool
    """Whether the company is asked first, and its answer lost."""
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    ends: str
    """whole, cut, chunks, broken chunks, bytes or silence: how much of the answer comes, and in which frame."""


UNLIKE: tuple[Any, ...] = (
    {},
    {"object": "payment_intent"},
    {"id": "pi_x", "status": "banana"},
    {"key": "k"},
    {"lines": [{}]},
)
"""Objects that are no answer to any call."""
REFUSALS: tuple[Any, ...] = (
    {"error": {"code": "no\0", "message": "a\ud800"}},
    {"error": {"code": "x" * 5000, "message": "y" * 100_000}},
    {"error": {"code": {}, "message": []}},
    {"error": {"code": 7}},
    {"error": "no"},
    {"error": {"type": "card_error", "code": "card_declined", "decline_code": "\0", "message": 5}},
    {"error": {"type": "invalid_request_error", "code": None}},
)
unreadable = st.sampled_from(UNLIKE).flatmap(
    lambda one: mutated(one, st.sampled_from([*TEXTS, None, -1, 10**30, [], {}]))
)
said = unreadable.map(lambda value: json.dumps(value).encode()) | bodies.filter(lambda body: body != b"{}")
answered = st.builds(
    Garbage,
    applied=st.booleans(),
    status=st.sampled_from([200, 201, 202, 204, 206, 300, 304, 307, 500, 501, 502, 504, 599, 600, 999]),
    headers=st.lists(
        st.tuples(
            st.sampled_from(["Location", "Content-Type", "Content-Encoding", "Idempotent-Replayed"]), header_texts
        ),
        max_size=2,
    ).map(tuple),
    body=said,
    ends=st.sampled_from(["whole", "whole", "cut", "chunks", "broken chunks", "bytes", "silence"]),
)
turned_away = st.builds(
    Garbage,
    applied=st.just(False),
    status=st.sampled_from(TURNED_AWAY[:2]),
    headers=st.tuples(st.tuples(st.just("Retry-After"), header_texts)),
    body=said,
    ends=st.sampled_from(["whole", "cut"]),
)
refused = st.builds(
    Garbage,
    applied=st.just(False),
    status=st.sampled_from([400, 402, 404, 409, 418, 422, 499, 401, 403]),
    headers=st.just(()),
    body=st.sampled_from(REFUSALS).map(lambda value: json.dumps(value).encode()) | said,
    ends=st.just("whole"),
)
plans = st.dictionaries(
    st.integers(0, 9),
    answered | answered | answered | answered | answered | turned_away | refused,
    min_size=3,
    max_size=6,
)
"""Which calls of a run are answered with garbage."""
FIRST = -1
EACH_ONCE = {FIRST: Garbage(True, 200, (), b"{}", "whole")}
"""The first call to each address is carried out, and its answer says nothing of it."""


@dataclass
class Gateway:
    """Counts the calls of one run. One to look something up is never refused: that would be a lie, and no garbage."""

    behind: str
    plan: dict[int, Garbage] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)

    def begin(self, plan: dict[int, Garbage]) -> None:
        self.plan, self.calls, self.asked = plan, [], set()

    def next(self, method: str, path: str) -> Garbage | None:
        garbage = self.plan.get(len(self.calls))
        if f"{method} {path}" not in self.asked:
            garbage = garbage or self.plan.get(FIRST)
        self.asked.add(f"{method} {path}")
        if (
            method == "GET"
            and garbage is not None
            and 400 <= garbage.status < 500
            and garbage.status not in TURNED_AWAY
        ):
            garbage = None
        self.calls.append(f"{method} {path}{f' → {garbage}' if garbage else ''}")
        return garbage


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Any

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        garbage = self.server.gateway.next(self.command, self.path)
        if garbage is None or garbage.applied:
            answer = self.server.session.request(
                self.command,
                f"{self.server.gateway.behind}{self.path}",
                data=body,
                headers={name: value for name, value in self.headers.items() if name.lower() not in HOPS},
                allow_redirects=False,
                timeout=10,
            )
        if garbage is None:
            self._write(
                answer.status_code, [(n, answer.headers[n]) for n in KEPT if n in answer.headers], answer.content
            )
        else:
            self._garble(garbage)

    do_POST = do_GET  # noqa: N815 - http.server looks for these names
    do_DELETE = do_GET  # noqa: N815

    def _write(self, status: int, headers: Any, body: bytes, length: int | None = None) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def _garble(self, garbage: Garbage) -> None:
        self.close_connection = True
        match garbage.ends:
            case "silence":
                self.connection.shutdown(socket.SHUT_RDWR)
            case "bytes":
                self.wfile.write(garbage.body or b"\r\n")
            case "chunks" | "broken chunks":
                self.send_response(garbage.status)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for at in range(0, len(garbage.body), 1 + len(garbage.body) // 3):
                    part = garbage.body[at : at + 1 + len(garbage.body) // 3]
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
                self.wfile.write(b"0\r\n\r\n" if garbage.ends == "chunks" else b"zz\r\n")
            case _:
                more = 7 if garbage.ends == "cut" else 0
                self._write(garbage.status, garbage.headers, garbage.body, len(garbage.body) + more)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a failure prints the calls."""


HOPS = ("host", "content-length", "connection", "accept-encoding")


@contextmanager
def gateway(behind: str) -> Iterator[tuple[Gateway, str]]:
    """A gateway before the stand-ins at `behind`, and its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.gateway = Gateway(behind)  # type: ignore[attr-defined]
        server.session = requests.Session()  # type: ignore[attr-defined] # one call at a time: a run is carried by one thread
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.gateway, f"http://127.0.0.1:{server.server_address[1]}"  # type: ignore[attr-defined]
        finally:
            server.shutdown()
            thread.join()


__all__ = ["Garbage", "Gateway", "gateway", "plans", "values"]
