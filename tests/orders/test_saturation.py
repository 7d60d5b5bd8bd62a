"""More orders than anybody carries: workers are stopped, their connections taken, and each order is still accepted."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import timedelta
from urllib.parse import urlsplit

import psycopg2
import pytest
from django.db import connection
from django.test import Client

from config import worker_role
from orders.models import Order
from orders.presentation import turn
from sagas.models import Run
from sagas.presentation.queue import queue
from tests.support.sagas.queued import take
from tests.support.workers import process_env

from .doors import DOORS, Door

pytestmark = pytest.mark.django_db(transaction=True)
BOUND = 5
WAITING = 200
SHOWN = "SELECT current_setting('lock_timeout'), current_setting('statement_timeout')"
ASK = f"""
import django
django.setup()
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute({SHOWN!r})
    print(*cursor.fetchone())
"""


@pytest.fixture
def door() -> Door:
    return DOORS[0]()


@pytest.fixture
def workers_url() -> Iterator[str]:
    """The address of a role for workers that may hold BOUND connections."""
    owner = process_env()["DATABASE_URL"]
    at = urlsplit(owner)
    url = f"postgres://bounded_workers:secret@{at.hostname}:{at.port}{at.path}"
    worker_role.make(owner, url, BOUND)
    yield url
    with connection.cursor() as cursor:
        cursor.execute("DROP ROLE bounded_workers")


@pytest.fixture
def workers_connections(workers_url: str) -> Iterator[ExitStack]:
    """All that workers may hold are busy, within transactions."""
    with ExitStack() as held:
        for _ in range(BOUND):
            held.enter_context(closing(psycopg2.connect(workers_url))).cursor().execute("SELECT 1")
        yield held


def run_of(order: Order) -> Run:
    return Run.objects.get(key=order.saga_key)


def post_form(client: Client, number: int) -> int:
    form = {"token": f"{number:032x}", "email": f"ann{number}@example.com", "payment_method": "pm_card_visa"}
    return client.post("/checkout", {**form, "quantity-mug": "1"}).status_code


def test_workers_get_no_more_connections_and_the_web_still_gets_one(
    client: Client, door: Door, workers_connections: ExitStack, workers_url: str
) -> None:
    with pytest.raises(psycopg2.OperationalError, match="too many connections for role"):
        psycopg2.connect(workers_url)
    connection.close()
    assert door.post(client).status_code == 201
    assert post_form(client, 1) == 302


def test_workers_act_as_the_owner_whose_tables_they_use(workers_url: str) -> None:
    with closing(psycopg2.connect(workers_url)) as session, session.cursor() as cursor:
        cursor.execute("SELECT session_user, current_user")
        assert cursor.fetchone() == ("bounded_workers", connection.settings_dict["USER"])


def test_the_bound_can_be_changed_by_making_the_role_again(workers_url: str) -> None:
    worker_role.make(process_env()["DATABASE_URL"], workers_url, 0)
    with pytest.raises(psycopg2.OperationalError, match="too many connections for role"):
        psycopg2.connect(workers_url)


@pytest.mark.parametrize("url", ["postgres://host/name", "postgres://alone@host/name", "the owner's"])
def test_workers_without_a_role_of_their_own_are_refused(url: str) -> None:
    owner = process_env()["DATABASE_URL"]
    with pytest.raises(worker_role.CannotMakeRoleError, match="a role of its own"):
        worker_role.make(owner, owner if url == "the owner's" else url)


def test_a_server_that_makes_no_role_says_why(workers_url: str) -> None:
    with closing(psycopg2.connect(process_env()["DATABASE_URL"])) as session, session, session.cursor() as cursor:
        cursor.execute("ALTER ROLE bounded_workers RESET role")  # itself again, which may make none
    with pytest.raises(worker_role.CannotMakeRoleError, match="permission denied"):
        worker_role.make(workers_url, workers_url.replace("bounded_", "other_"))


def test_orders_are_accepted_behind_a_long_queue_and_say_how_long_it_is(
    client: Client, door: Door, workers_connections: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "NOTICED", timedelta(0))
    assert {door.post(client, key=f"k{number}").status_code for number in range(WAITING)} == {201}
    queue.forget()
    made = door.post(client, key="the last").json()
    assert made["queue"] == {"ahead": WAITING, "seconds": None}
    assert post_form(client, 1) == 302
    order = Order.objects.get(email="ann1@example.com")
    queue.forget()
    assert f"{WAITING + 1} others are ahead of it." in client.get(f"/orders/{order.pk}/").content.decode()
    take(run_of(order))
    assert "ahead of it" not in client.get(f"/orders/{order.pk}/").content.decode()
    assert client.get(f"/api/orders/{order.pk}").json()["queue"] is None


@pytest.mark.parametrize(("process", "patience"), [("web", "5s 8s"), ("worker", "10s 0"), ("settle", "10s 0")])
def test_the_web_waits_no_longer_for_the_database_than_its_clients_do(process: str, patience: str) -> None:
    environment = {**process_env({"SETTLE_PROCESS": process}), "DJANGO_SETTINGS_MODULE": "config.settings"}
    done = subprocess.run([sys.executable, "-c", ASK], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == patience, done.stderr
