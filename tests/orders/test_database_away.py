"""PostgreSQL is away, from the start or within a transaction: each door says so, and nothing happens twice."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import quote

import psycopg2
import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client

from config import worker_role
from orders.models import Order
from orders.webhooks.events import PaymentReported
from outbox.testing import published
from sagas.models import Run

from .doors import DOORS, Door, trips
from .webhooks import posting

pytestmark = pytest.mark.django_db(transaction=True)
NOBODY = "00000000-0000-0000-0000-000000000000"
FORM = {"token": "0" * 32, "email": "ann@example.com", "payment_method": "pm_card_visa"}


@pytest.fixture
def client() -> Client:
    """Gives what a server would answer to an error that no view caught."""
    return Client(raise_request_exception=False)


@pytest.fixture(params=DOORS, ids=lambda door: door.__name__)
def door(request: pytest.FixtureRequest) -> Door:
    made: Door = request.param()
    return made


@contextmanager
def away() -> Iterator[None]:
    """No server listens where PostgreSQL was."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        there = connection.settings_dict
        connection.close()
        connection.settings_dict = there | {"HOST": "127.0.0.1", "PORT": str(nobody.getsockname()[1])}
        try:
            yield
        finally:
            connection.close()
            connection.settings_dict = there


@contextmanager
def full() -> Iterator[None]:
    """PostgreSQL has no connection left for us."""
    there = connection.settings_dict
    connection.close()
    given = connection.get_connection_params()
    ours = {"USER": "settle_turned_away", "PASSWORD": "secret"}
    address = f"@{there['HOST']}:{there['PORT']}/{there['NAME']}"
    owner = f"postgres://{there['USER']}:{quote(str(given['password']))}{address}"
    worker_role.make(owner, f"postgres://{ours['USER']}:{ours['PASSWORD']}{address}", connections=0)
    connection.settings_dict = there | ours
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict = there


@contextmanager
def slow(table: str, patience: str) -> Iterator[None]:
    """Somebody else has the table for themselves, and our session has that patience."""
    given = connection.get_connection_params()
    login = {name: given[name] for name in ("host", "port", "user", "dbname", "password") if name in given}
    with closing(psycopg2.connect(**login)) as other:
        other.cursor().execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        with connection.cursor() as cursor:
            cursor.execute(f"SET {patience} = '100ms'")
        try:
            yield
        finally:
            connection.close()


@contextmanager
def cut_off(at: str, *, after: bool = False) -> Iterator[None]:
    """PostgreSQL ends our session just before, or after, the first statement in which `at` stands."""
    left = [at]

    def kill(pid: int) -> None:
        given = connection.get_connection_params()
        with psycopg2.connect(
            **{k: given[k] for k in ("host", "port", "user", "dbname", "password") if k in given}
        ) as c:
            c.cursor().execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

    def wrapper(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        hit = bool(left) and at in sql
        if hit:
            left.clear()
        done = execute(sql, *rest) if after or not hit else None
        if hit:
            kill(connection.connection.info.backend_pid)
        return done if after or not hit else execute(sql, *rest)

    with connection.execute_wrapper(wrapper):
        yield
    assert not left, f"nobody executed {at}"


def said(answer: Any) -> str:
    """What a 503 says."""
    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    assert answer["Cache-Control"] == "no-store"
    return str(answer.content.decode())


@pytest.mark.parametrize(
    "ask",
    [
        lambda c: c.get("/api/products"),
        lambda c: trips_body(c),
        lambda c: c.get(f"/api/orders/{NOBODY}"),
        lambda c: c.post(f"/api/orders/{NOBODY}/cancel"),
        lambda c: c.post(f"/api/orders/{NOBODY}/returns"),
        lambda c: c.post(f"/api/trips/{NOBODY}/cancel"),
        lambda c: c.get(f"/api/returns/{NOBODY}"),
        lambda _: posting.post(posting.event("payment_intent.succeeded")),
    ],
    ids=range(8),
)
def test_a_program_is_told_in_json(client: Client, ask: Callable[[Client], Any]) -> None:
    with away():
        body = json.loads(said(ask(client)))
    assert "with the same Idempotency-Key" in body["errors"]["database"][0]


def trips_body(client: Client) -> Any:
    body = {**FORM, "flight": "SA105", "hotel": "azul", "nights": 2}
    del body["token"]
    return client.post("/api/trips", body, content_type="application/json", headers={"Idempotency-Key": "k"})


@pytest.mark.parametrize("path", ["/", "/trips/", f"/orders/{NOBODY}/", f"/trips/{NOBODY}/", "/admin/"])
def test_a_person_who_looks_sees_a_page_that_asks_again(client: Client, path: str) -> None:
    client.force_login(get_user_model().objects.create_superuser("op"))
    with away():
        page = said(client.get(path))
    assert '<meta http-equiv="refresh" content="5">' in page


@pytest.mark.parametrize(
    "path",
    [
        "/checkout",
        "/trips/book",
        f"/orders/{NOBODY}/cancel",
        f"/orders/{NOBODY}/return",
        f"/trips/{NOBODY}/cancel",
        "/admin/login/",
        "/admin/sagas/run/desk/retry/",
    ],
)
def test_a_person_who_sends_something_is_asked_to_reload(client: Client, path: str) -> None:
    client.force_login(get_user_model().objects.create_superuser("op"))
    form = {**FORM, "quantity-mug": "2", "flight": "SA105", "hotel": "azul", "nights": "2", "username": "a"}
    with away():
        page = said(client.post(path, form | {"password": "b"}))
    assert "Reload this page" in page
    assert "http-equiv" not in page


def test_a_session_that_cannot_be_written_is_no_error_of_ours(client: Client) -> None:
    """It is written by a middleware, after the view: no other middleware sees that fail."""
    get_user_model().objects.create_superuser("op", password="op")
    with cut_off('INSERT INTO "django_session"'):
        said(client.post("/admin/login/?next=/admin/", {"username": "op", "password": "op"}))
    assert client.post("/admin/login/?next=/admin/", {"username": "op", "password": "op"}).status_code == 302


def test_another_error_is_answered_as_ever(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("orders.web.views.show", broken)
    answer = client.get("/")
    assert answer.status_code == 500
    assert "Something went wrong on our side" in answer.content.decode()


def test_the_same_request_is_carried_out_once_the_database_is_back(client: Client, door: Door) -> None:
    with away():
        assert door.post(client).status_code == 503
    answer = door.post(client)
    assert (answer.status_code, answer.get("Idempotent-Replayed")) == (201, None)


def test_no_connection_left_is_said_and_the_same_request_is_carried_out_once_there_is_one(
    client: Client, door: Door
) -> None:
    with full():
        body = json.loads(said(door.post(client)))
    assert "with the same Idempotency-Key" in body["errors"]["database"][0]
    assert [door.post(client).get("Idempotent-Replayed") for _ in range(2)] == [None, "true"]


def test_a_customer_for_whom_no_connection_is_left_reloads_the_page(client: Client) -> None:
    DOORS[0]()
    form = FORM | {"quantity-mug": "2"}
    with full():
        assert "Reload this page" in said(client.post("/checkout", form))
    assert client.post("/checkout", form).status_code == 302
    assert Order.objects.count() == 1


@pytest.mark.parametrize("patience", ["lock_timeout", "statement_timeout"])
@pytest.mark.parametrize("table", ["orders_order", "outbox_message", "saga_step"])
def test_a_database_that_is_too_slow_has_done_nothing_and_does_it_once_it_is_asked_again(
    client: Client, patience: str, table: str
) -> None:
    door = DOORS[0]()
    with slow(table, patience):
        said(door.post(client))
    assert (Order.objects.count(), Run.objects.count()) == (0, 0)
    assert [door.post(client).get("Idempotent-Replayed") for _ in range(2)] == [None, "true"]
    assert (Order.objects.count(), Run.objects.count()) == (1, 1)


@pytest.mark.parametrize(
    ("at", "after"), [("pg_try_advisory_xact_lock", False), ("outbox_message", False), ("saga_run", True)]
)
def test_a_transaction_that_breaks_off_has_done_nothing(client: Client, at: str, after: bool) -> None:
    door = trips()
    with cut_off(at, after=after):
        said(door.post(client))
    assert not Run.objects.exists()
    assert door.post(client).status_code == 201
    assert (door.model.objects.count(), Run.objects.count()) == (1, 1)  # type: ignore[attr-defined]


def test_a_server_that_became_a_standby_takes_nothing_yet(client: Client) -> None:
    door = trips()
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
    said(door.post(client))
    connection.close()
    assert door.post(client).status_code == 201


def test_a_form_is_sent_again_and_is_one_order(client: Client) -> None:
    DOORS[0]()
    form = FORM | {"quantity-mug": "2"}
    with cut_off('INSERT INTO "orders_orderline"'):
        said(client.post("/checkout", form))
    assert client.post("/checkout", form).status_code == 302
    assert Order.objects.count() == 1


def test_a_report_comes_again_and_is_taken_once(client: Client) -> None:
    report = posting.event("payment_intent.succeeded", id_="evt_1")
    with cut_off("outbox_message"):
        said(posting.post(report))
    assert [posting.post(report).status_code for _ in range(2)] == [200, 200]
    assert len(published(PaymentReported)) == 1
