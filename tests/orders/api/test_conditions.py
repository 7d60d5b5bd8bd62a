"""ETag, If-Match and If-None-Match: what holds for orders (test_preconditions.py) holds for trips and returns."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from orders.participants.payments import Action
from orders.returns import status as return_status
from orders.returns.models import Return
from orders.trips import status as trip_status
from orders.trips.models import Trip
from sagas.models import Run, Step

from ..doors import DOORS, Door, returns, trips

pytestmark = pytest.mark.django_db
HASH = "0123456789abcdef"


@pytest.fixture(params=DOORS, ids=lambda door: door.__name__)
def made(client: Client, request: pytest.FixtureRequest) -> tuple[Door, Any]:
    """The door, and the answer to what was made there."""
    door = request.param()
    return door, door.post(client)


@pytest.fixture
def trip(client: Client) -> Trip:
    trips().post(client)
    return Trip.objects.get()


def cancel(client: Client, trip: Trip, if_match: str | None = None) -> Any:
    headers = {} if if_match is None else {"If-Match": if_match}
    return client.post(f"/api/trips/{trip.pk}/cancel", headers=headers)


def test_what_the_client_has_is_not_sent_again(client: Client, made: tuple[Door, Any]) -> None:
    where, tag = made[1]["Location"], made[1]["ETag"]
    assert tag.startswith('"1-')
    for field in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        answer = client.get(where, headers={"If-None-Match": field})
        assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", tag)
    assert client.get(where, headers={"If-None-Match": '"x"'}).status_code == 200
    assert client.get(where, headers={"If-None-Match": "x"}).status_code == 400


def test_what_is_not_as_the_client_says_comes_as_it_is(client: Client, made: tuple[Door, Any]) -> None:
    door, answer = made
    where, tag = answer["Location"], answer["ETag"]
    assert client.get(where, headers={"If-Match": tag}).status_code == 200
    for field in (f"W/{tag}", '"x"', ""):
        stale = client.get(where, headers={"If-Match": field})
        assert (stale.status_code, stale["ETag"], stale.json()[door.thing]) == (412, tag, answer.json())
        assert f"The {door.thing} is not as If-Match says" in stale.json()["errors"]["If-Match"][0]


def test_an_unknown_one_is_not_found_in_json(client: Client, made: tuple[Door, Any]) -> None:
    door, answer = made
    collection = answer["Location"].rpartition("/")[0]
    for name in ("00000000-0000-0000-0000-000000000000", "S-1", "x" * 500):
        missing = client.get(f"{collection}/{name}")
        assert missing.status_code == 404
        assert missing.json() == {"errors": {door.thing: [f"There is no such {door.thing}."]}}


def test_the_tag_of_a_return_names_its_version(client: Client) -> None:
    answer = returns().post(client)
    return_status.mark_needs_attention(Return.objects.get().pk, "?")
    assert client.get(answer["Location"])["ETag"].startswith('"2-')


def test_progress_alone_and_the_hold_on_the_card_do_not_refuse_a_cancel(client: Client, trip: Trip) -> None:
    tag = client.get(f"/api/trips/{trip.pk}")["ETag"]
    Step.objects.filter(position=0).update(status="done", attempts=1)
    Run.objects.update(position=1)
    trip_status.note_hold(trip.pk, "pi_1")
    assert client.get(f"/api/trips/{trip.pk}")["ETag"] != tag
    answer = cancel(client, trip, tag)
    assert (answer.status_code, answer["Content-Location"]) == (200, f"/api/trips/{trip.pk}")
    assert answer["ETag"] == client.get(f"/api/trips/{trip.pk}")["ETag"]


@pytest.mark.parametrize("field", [f'W/"1-{HASH}"', f'"2-{HASH}"', '"1"', ""])
def test_a_cancel_that_names_another_trip_than_it_is_changes_nothing(client: Client, trip: Trip, field: str) -> None:
    answer = cancel(client, trip, field)
    assert (answer.status_code, answer["ETag"]) == (412, client.get(f"/api/trips/{trip.pk}")["ETag"])
    trip.refresh_from_db()
    assert (trip.status, trip.version, Run.objects.get().status) == ("processing", 1, "running")


def test_a_cancel_that_comes_again_goes_through_whatever_it_names(client: Client, trip: Trip) -> None:
    tag = client.get(f"/api/trips/{trip.pk}")["ETag"]
    assert [cancel(client, trip, tag).status_code for _ in range(2)] == [200, 200]
    assert cancel(client, trip, "x").status_code == 400


def test_a_trip_that_cannot_be_cancelled_is_a_conflict_whatever_the_client_names(client: Client, trip: Trip) -> None:
    Step.objects.filter(position__lte=3).update(status="done")
    Run.objects.update(position=4)
    answer = cancel(client, trip, '"9-x"')
    assert (answer.status_code, answer.json()["errors"]) == (409, {"trip": ["It is too late to cancel this trip."]})


def test_the_page_asks_again_when_the_trip_is_not_as_it_was_shown(client: Client, trip: Trip) -> None:
    assert 'name="version" value="1"' in client.get(f"/trips/{trip.pk}/").content.decode()
    stale = client.post(f"/trips/{trip.pk}/cancel", {"version": "9"}, follow=True)
    assert "Your trip changed after this page was shown, and was not cancelled." in stale.content.decode()
    trip.refresh_from_db()
    assert trip.status == "processing"
    client.post(f"/trips/{trip.pk}/cancel", {"version": "1"})
    trip.refresh_from_db()
    assert trip.status in ("cancelling", "cancelled")


def test_a_trip_says_where_its_traveller_confirms_the_payment(client: Client, trip: Trip) -> None:
    where = f"/api/trips/{trip.pk}"
    assert client.get(where).json()["action_url"] == ""
    asked = "https://bank.example/3ds"
    trip_status.ask_to_confirm(trip.pk, Action("pi_1", asked, trip.created_at))
    assert client.get(where).json()["action_url"] == asked
    trip_status.note_hold(trip.pk, "pi_1")
    assert client.get(where).json()["action_url"] == ""
