"""What an Idempotency-Key means is the same at each door: orders, trips and returns."""

from __future__ import annotations

import pytest
from django.db import connection, transaction
from django.test import Client

from orders.placing import idempotency
from tests.concurrency.meanwhile import Meanwhile

from ..doors import DOORS, Door

pytestmark = pytest.mark.django_db


@pytest.fixture(params=DOORS, ids=lambda door: door.__name__)
def door(request: pytest.FixtureRequest) -> Door:
    made: Door = request.param()
    return made


def test_a_repeated_request_is_answered_as_the_first_and_says_so(client: Client, door: Door) -> None:
    first, again = door.post(client), door.post(client)
    assert (first.status_code, again.status_code) == (201, 201)
    assert (first.get("Idempotent-Replayed"), again.get("Idempotent-Replayed")) == (None, "true")
    assert (again.json(), again["Location"], again["ETag"]) == (first.json(), first["Location"], first["ETag"])
    assert client.get(first["Location"]).json() == first.json()
    assert door.model.objects.count() == 1  # type: ignore[attr-defined]


def test_another_body_under_the_same_key_is_refused(client: Client, door: Door) -> None:
    door.post(client)
    answer = door.post(client, door.other)
    assert answer.status_code == 422
    assert "belongs to another request" in answer.json()["errors"]["Idempotency-Key"][0]
    assert door.post(client, door.other, key="k2").status_code == 201


def test_a_refused_request_spends_no_key(client: Client, door: Door) -> None:
    assert door.post(client, {}).status_code == 400
    answer = door.post(client)
    assert (answer.status_code, answer.get("Idempotent-Replayed")) == (201, None)


@pytest.mark.django_db(transaction=True)
def test_a_request_whose_first_try_is_under_way_is_told_to_come_again(client: Client, door: Door) -> None:
    second = Meanwhile(lambda: door.post(Client()))
    with transaction.atomic():
        first = door.post(client)
        answer = second.does_not_wait()
    assert (first.status_code, answer.status_code, answer["Retry-After"]) == (201, 409, "1")
    assert "still under way" in answer.json()["errors"]["Idempotency-Key"][0]
    third = door.post(client)
    assert (third.status_code, third["Idempotent-Replayed"], third.json()["id"]) == (201, "true", first.json()["id"])


@pytest.mark.django_db(transaction=True)
def test_two_repetitions_at_once_are_both_answered(client: Client, door: Door) -> None:
    door.post(client)
    second = Meanwhile(lambda: door.post(Client()))
    with transaction.atomic():
        assert door.post(client)["Idempotent-Replayed"] == "true"
        assert second.does_not_wait()["Idempotent-Replayed"] == "true"


@pytest.mark.django_db(transaction=True)
def test_whoever_waits_is_given_what_the_first_one_made() -> None:
    made: list[str] = []

    def ask(name: str) -> tuple[str, bool]:
        def make() -> str:
            made.append(name)
            return name

        return idempotency.once("test", "k1", find=lambda: made[-1] if made else None, make=make, wait=True)

    second = Meanwhile(lambda: ask("second"))
    with transaction.atomic():
        assert ask("first") == ("first", True)
        second.waits()
    assert second.ends() == ("first", False)


def test_without_a_key_nothing_is_remembered() -> None:
    with transaction.atomic():
        assert idempotency.once("test", "", find=lambda: "old", make=lambda: "new", wait=False) == ("new", True)
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
            assert cursor.fetchone() == (0,)
