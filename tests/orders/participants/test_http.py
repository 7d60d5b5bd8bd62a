"""What each failure of transport means, against a participant that answers exactly what the test tells it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from config.local.ports import free_port
from orders.participants import carrier, http, payments, warehouse
from orders.participants.errors import AnswerLost
from sagas.errors import Refused, RetryAfter, Unavailable

IN_TIME = timedelta(seconds=5)


class Participant(ThreadingHTTPServer):
    """Gives one answer to everybody."""

    status = 200
    body = b"{}"
    headers: dict[str, str] = {}
    hangs_up = False


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Participant

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def do_GET(self) -> None:
        self.send_response(self.server.status)
        for name, value in {"Content-Length": str(len(self.server.body)), **self.server.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.server.body)
        self.close_connection = self.server.hangs_up

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: pytest shows what matters."""


@pytest.fixture
def participant(settings: Any) -> Iterator[Participant]:
    with Participant(("127.0.0.1", 0), Handler) as server:
        point_at(settings, f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        server.daemon_threads = True
        thread.start()
        yield server
        http.session().close()
        server.shutdown()
        thread.join()


def point_at(settings: Any, url: str) -> None:
    settings.STRIPE_API_KEY = "sk_test_local"
    settings.STRIPE_API_BASE = settings.WAREHOUSE_URL = settings.CARRIER_URL = url


def ask_payments() -> object:
    return payments.find_capture("pi_1", timeout=IN_TIME)


def ask_warehouse() -> object:
    return warehouse.reserve("S-1", [("mug", 1)], key="k", timeout=IN_TIME)


def ask_carrier() -> object:
    return carrier.book("S-1", key="k", timeout=IN_TIME)


everybody = pytest.mark.parametrize("ask", [ask_payments, ask_warehouse, ask_carrier])


@everybody
def test_a_refused_connection_was_surely_not_applied(settings: Any, ask: Callable[[], object]) -> None:
    point_at(settings, f"http://127.0.0.1:{free_port()}")
    with pytest.raises(Unavailable) as later:
        ask()
    assert later.value.delay == timedelta(seconds=2)
    assert later.value.reason.startswith(("payments: ", "warehouse: ", "carrier: "))


@everybody
@pytest.mark.parametrize("status", [429, 503])
def test_one_who_turns_us_away_is_asked_again_when_he_says(
    participant: Participant, ask: Callable[[], object], status: int
) -> None:
    participant.status, participant.body = status, b'{"error": {"message": "later"}}'
    participant.headers = {"Retry-After": "17"}
    with pytest.raises(Unavailable) as later:
        ask()
    assert later.value.delay == timedelta(seconds=17)


@everybody
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("value", ["²", "9" * 5000, "Fri, 31 Dec 9999 23:59:59 -2359"])
def test_a_call_that_was_turned_away_is_so_whatever_its_answer_says_of_the_wait(
    participant: Participant, ask: Callable[[], object], status: int, value: str
) -> None:
    participant.status, participant.headers = status, {"Retry-After": value}
    with pytest.raises(Unavailable):
        ask()


@everybody
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("headers", "body"),
    [({"Content-Length": "9"}, b"half"), ({"Content-Encoding": "gzip"}, b"no gzip"), ({}, b"<p>Too many</p>")],
)
def test_a_call_that_was_turned_away_is_so_though_the_rest_of_the_answer_never_comes(
    participant: Participant, ask: Callable[[], object], status: int, headers: dict[str, str], body: bytes
) -> None:
    participant.status, participant.headers, participant.body = status, headers, body
    participant.hangs_up = True
    with pytest.raises(Unavailable):
        ask()


@everybody
@pytest.mark.parametrize("status", [300, 304, 399, 600, 999])
def test_a_status_that_is_neither_yes_nor_no_leaves_the_call_in_doubt(
    participant: Participant, ask: Callable[[], object], status: int
) -> None:
    participant.status = status
    with pytest.raises(AnswerLost):
        ask()


@everybody
@pytest.mark.parametrize("body", [b"[" * 100_000, b"9" * 5000, b'{"id": ' + b"9" * 5000 + b"}", b'{"id": NaN', b"\xff"])
def test_json_that_cannot_be_read_leaves_the_call_in_doubt(
    participant: Participant, ask: Callable[[], object], body: bytes
) -> None:
    participant.body = body
    with pytest.raises(AnswerLost):
        ask()


@everybody
@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_server_error_leaves_the_call_in_doubt(
    participant: Participant, ask: Callable[[], object], status: int
) -> None:
    participant.status, participant.body = status, b'{"error": {"message": "oh"}}'
    with pytest.raises(AnswerLost):
        ask()


@pytest.mark.parametrize("ask", [ask_warehouse, ask_carrier])
@pytest.mark.parametrize("body", [b"<html>", b"[]"])
def test_an_answer_that_makes_no_sense_leaves_the_call_in_doubt(
    participant: Participant, ask: Callable[[], object], body: bytes
) -> None:
    participant.body = body
    with pytest.raises(AnswerLost):
        ask()


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_stripe_does_not_take_holds_the_payments_back_without_undoing_orders(
    participant: Participant, status: int
) -> None:
    participant.status, participant.body = status, b'{"error": {"message": "Invalid API Key provided"}}'
    with pytest.raises(RetryAfter, match="Invalid API Key"):
        ask_payments()


@pytest.mark.parametrize("ask", [ask_warehouse, ask_carrier])
def test_a_no_is_a_no_with_its_code(participant: Participant, ask: Callable[[], object]) -> None:
    participant.status, participant.body = 409, b'{"error": {"code": "not_today", "message": "Not today."}}'
    with pytest.raises(Refused) as refusal:
        ask()
    assert (refusal.value.code, refusal.value.text) == ("not_today", "Not today.")


@pytest.mark.parametrize("ask", [ask_warehouse, ask_carrier])
def test_a_redirect_is_not_followed(participant: Participant, ask: Callable[[], object]) -> None:
    participant.status, participant.headers = 302, {"Location": "/elsewhere"}
    with pytest.raises(AnswerLost, match="302"):
        ask()


@pytest.mark.parametrize(
    ("value", "delay"),
    [
        ("3", timedelta(seconds=3)),
        ("999999", timedelta(hours=1)),
        ("", timedelta(seconds=2)),
        ("soon", timedelta(seconds=2)),
        ("-1", timedelta(seconds=2)),
        ("²", timedelta(seconds=2)),
        ("٣", timedelta(seconds=2)),
        ("9" * 5000, timedelta(hours=1)),
        ("0" * 5000 + "3", timedelta(seconds=3)),
        ("Fri, 31 Dec 9999 23:59:59 -2359", timedelta(hours=1)),
        ("Mon, 01 Jan 0001 00:00:00 +2359", timedelta(0)),
        ("Wed, 21 Oct 2015 07:28:00 GMT", timedelta(0)),
    ],
)
def test_retry_after_names_the_wait_within_an_hour(value: str, delay: timedelta) -> None:
    assert http.retry_after({"Retry-After": value}) == delay


def test_retry_after_may_be_a_date() -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert timedelta(seconds=55) < http.retry_after({"Retry-After": at}) <= timedelta(seconds=60)
