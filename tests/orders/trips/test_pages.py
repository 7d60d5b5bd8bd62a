"""The pages of trips, without a browser."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction
from django.test import Client

from orders.trips import offers as offers_module
from orders.trips import status
from orders.trips.models import FlightOffer, Trip
from orders.trips.sagas import trip as trip_saga
from orders.trips.timeline import Timeline
from sagas.branches.start import start_branches
from sagas.models import Run, Step

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("offers", "production_static")]


@pytest.fixture(autouse=True)
def nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The offers of the test stand."""
    monkeypatch.setattr(offers_module, "refresh", lambda: None)


def filled(client: Client, **changes: str) -> dict[str, str]:
    """The form as a browser would send it."""
    page = client.get("/trips/").content.decode()
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page))
    chosen = {"flight": "SA105", "hotel": "azul", "nights": "2"}
    return hidden | chosen | {"email": "ann@example.com", "payment_method": "pm_card_visa"} | changes


def test_the_page_shows_what_is_left_and_the_shop_links_it(client: Client) -> None:
    page = client.get("/trips/").content.decode()
    for words in ("SA 105", "129.00", "Seats available", "Casa Azul", "4 rooms", "Pensão Mirante", "Full when we last"):
        assert words in page
    assert "Fjord House" not in page
    assert 'href="/trips/"' in client.get("/").content.decode()
    FlightOffer.objects.update(left=1)
    assert "One seat left" in client.get("/trips/").content.decode()


def test_a_traveller_books_and_lands_on_the_trips_page(client: Client) -> None:
    answer = client.post("/trips/book", filled(client), follow=True)
    trip = Trip.objects.get()
    assert answer.redirect_chain == [(f"/trips/{trip.pk}/", 302)]
    page = answer.content.decode()
    for words in (trip.number, "Casa Azul", "297.00 EUR", "Authorising your payment", "Booking your seat"):
        assert words in page


def test_no_card_is_offered_whose_refunds_fail_since_nothing_of_a_trip_is_sent_back(client: Client) -> None:
    card = "pm_card_refundFail"
    assert card in client.get("/").content.decode()
    assert card not in client.get("/trips/").content.decode()


def test_a_double_click_makes_one_trip(client: Client) -> None:
    form = filled(client)
    first, second = (client.post("/trips/book", form) for _ in range(2))
    assert (first["Location"], Trip.objects.count()) == (second["Location"], 1)
    answer = client.post("/trips/book", form | {"nights": "3"})
    assert answer.status_code == 422
    assert "This page has booked a trip already." in answer.content.decode()
    assert Trip.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"email": "nobody"}, "Enter an e-mail address such as"),
        ({"payment_method": ""}, "Choose a payment method."),
        ({"flight": ""}, "Choose a flight."),
        ({"hotel": "none"}, "This hotel is not on offer any more."),
        ({"hotel": "fjord"}, "The flight goes to Lisbon, and this hotel is in Oslo."),
        ({"nights": "9"}, "Stay 1 to 3 nights."),
        ({"nights": "two"}, "Stay 1 to 3 nights."),
        ({"price-SA105": "119.00"}, "The price has changed to 297.00 EUR. Nothing was booked."),
        ({"price-SA105": "much"}, "Give the price that you saw"),
        ({"price-SA105": "9e999999"}, "Give the price that you saw"),
        ({"price-azul": "sNaN"}, "Give the price that you saw"),
        ({"price-azul": "Infinity"}, "Give the price that you saw"),
        ({"flight": "gone", "city": "\0"}, "This flight is not on offer any more."),
        ({"flight": "gone", "departs": "9999-12-31"}, "This flight is not on offer any more."),
        ({"departs": "soon"}, None),
    ],
)
def test_bad_input_stands_on_the_page(client: Client, changes: dict[str, str], message: str | None) -> None:
    form = filled(client, **changes)
    answer = client.post("/trips/book", form)
    if message is None:  # of use to the page alone; what is booked does not hang on it
        assert answer.status_code == 302
        return
    assert (answer.status_code, Trip.objects.count()) == (400, 0)
    assert message in answer.content.decode()
    assert form["token"] in answer.content.decode()


def test_a_form_from_another_site_is_refused() -> None:
    client = Client(enforce_csrf_checks=True)
    form = filled(client)
    del form["csrfmiddlewaretoken"]
    assert client.post("/trips/book", form).status_code == 403


def test_a_page_without_offers_says_so(client: Client) -> None:
    FlightOffer.objects.all().delete()
    assert "The airline offers no flight just now" in client.get("/trips/?city=Rome&departs=x").content.decode()


def test_the_page_asks_again_until_the_trip_is_settled(client: Client, trip: Trip) -> None:
    address = f"/trips/{trip.pk}/progress"
    page = client.get(address).content.decode()
    seen = re.search(r"seen=([0-9a-f]+)", page)
    assert seen
    assert client.get(address, {"seen": seen[1]}).status_code == 204
    status.confirm_trip(trip.pk, "TKT-1", "H-1")
    final = client.get(address, {"seen": seen[1]}).content.decode()
    assert ("TKT-1" in final, "H-1" in final, "hx-get" in final) == (True, True, False)


def change(run: dict[str, Any], **steps: dict[str, object]) -> None:
    """Set columns of the trip's run, and of its steps by name."""
    Run.objects.update(**run)
    for name, values in steps.items():
        assert Step.objects.filter(name=name).update(**values) == 1


def start_sides() -> None:
    """The flight and the hotel are being booked, each in a run of its own."""
    with transaction.atomic():
        start_branches(Run.objects.get(), trip_saga.named("book_flight+book_hotel"), [0, 1])


def test_a_cancelled_trip_says_why_and_that_nothing_was_charged(client: Client, trip: Trip) -> None:
    undone: dict[str, object] = {"status": "undone"}
    refused: dict[str, object] = {"status": "refused", "error_code": "no_rooms"}
    start_sides()
    change({"status": "compensated"}, authorize_payment=undone, book_flight=undone, book_hotel=refused)
    status.mark_cancelled(trip.pk, "no_rooms")
    page = client.get(f"/trips/{trip.pk}/").content.decode()
    assert "The hotel is full in at least one of these nights. Your card was not charged." in page
    trip.refresh_from_db()
    steps = Timeline.of(trip).steps
    assert steps[2].note == "The hotel is full in at least one of these nights."
    assert [(step.title, step.label) for step in steps[:4]] == [
        ("Any hold on your card released", "undone"),
        ("Seat given back", "undone"),
        ("Booking your room", "refused"),
        ("Taking the payment", "not needed"),
    ]


def test_a_trip_that_waits_says_for_whom(trip: Trip) -> None:
    start_sides()
    change({"wake_at": None, "ready_at": None})
    Run.objects.filter(is_branch=False).update(position=1)
    Run.objects.filter(name="trip.book_hotel").update(waits_for="hotel")
    timeline = Timeline.of(trip)
    assert timeline.headline == "Your trip waits for the hotel."
    assert "we cancel the trip and charge nothing" in timeline.reason


def test_a_traveller_cancels_from_the_page_until_the_payment_is_taken(client: Client, trip: Trip) -> None:
    assert "Cancel this trip" in client.get(f"/trips/{trip.pk}/").content.decode()
    page = client.post(f"/trips/{trip.pk}/cancel", follow=True).content.decode()
    assert "Your trip is cancelled." in page
    assert "Cancel this trip" not in page


def test_a_late_cancel_is_told_that_it_is_too_late(client: Client, trip: Trip) -> None:
    change({"position": 3}, capture_payment={"status": "done"})
    page = client.post(f"/trips/{trip.pk}/cancel", follow=True).content.decode()
    assert "It is too late to cancel this trip." in page
    assert "Your card was charged 297.00 EUR, once." in page


def test_a_trip_is_still_shown_when_its_run_is_pruned(client: Client, trip: Trip) -> None:
    status.note_charge(trip.pk, "pi_1", 29700)
    status.confirm_trip(trip.pk, "TKT-1", "H-1")
    Run.objects.all().delete()
    page = client.get(f"/trips/{trip.pk}/").content.decode()
    assert ("Your trip is booked." in page, "Your card was charged 297.00 EUR" in page) == (True, True)


def test_an_operator_finds_the_trip_and_its_run_and_changes_neither(admin_client: Client, trip: Trip) -> None:
    run = Run.objects.get()
    listed = admin_client.get("/admin/trips/trip/").content.decode()
    assert trip.number in listed
    shown = admin_client.get(f"/admin/trips/trip/{trip.pk}/change/").content.decode()
    for words in (f"/admin/sagas/run/{run.pk}/change/", f"?state=all&amp;q={trip.number}", "0.00 EUR"):
        assert words in shown
    assert (
        f"/admin/trips/trip/{trip.pk}/change/"
        in admin_client.get(f"/admin/sagas/run/{run.pk}/change/").content.decode()
    )
    assert admin_client.get("/admin/trips/trip/add/").status_code == 403
    for page in ("flightoffer", "hoteloffer"):
        assert admin_client.get(f"/admin/trips/{page}/").status_code == 200
    assert get_user_model().objects.count() == 1


# --- The same by JSON ----------------------------------------------------------------------------------------------


def post(client: Client, body: object, key: str = "k-api") -> Any:
    return client.post("/api/trips", body, content_type="application/json", headers={"Idempotency-Key": key})


BODY = {"email": "ann@example.com", "payment_method": "pm_card_visa", "flight": "SA105", "hotel": "azul", "nights": 2}


def test_a_trip_is_placed_read_and_cancelled_by_json(client: Client) -> None:
    made = post(client, BODY)
    again = post(client, BODY)
    assert (made.status_code, again.status_code, made.json()["id"]) == (201, 201, again.json()["id"])
    where = made["Location"]
    shown = client.get(where).json()
    assert (shown["status"], shown["total"], shown["steps"][2]["name"]) == ("processing", "297.00", "book_hotel")
    assert client.post(f"{where}/cancel").json()["status"] in {"cancelling", "cancelled"}


def test_json_that_does_not_fit_is_refused_with_words(client: Client) -> None:
    assert post(client, {**BODY, "nights": 8}).json() == {"errors": {"nights": ["Stay 1 to 3 nights."]}}
    assert post(client, {**BODY, "total": "1.00"}).status_code == 400
    post(client, BODY)
    assert post(client, {**BODY, "nights": 1}).status_code == 422
    unknown = "/api/trips/00000000-0000-0000-0000-000000000000"
    assert client.get(unknown).json() == {"errors": {"trip": ["There is no such trip."]}}
    assert client.post(f"{unknown}/cancel").status_code == 404


def test_a_late_cancel_by_json_is_a_conflict(client: Client, trip: Trip) -> None:
    change({"position": 4}, capture_payment={"status": "done"})
    answer = client.post(f"/api/trips/{trip.pk}/cancel")
    assert (answer.status_code, answer.json()["errors"]) == (409, {"trip": ["It is too late to cancel this trip."]})


def test_the_offers_by_json(client: Client, friday: date) -> None:
    shown = client.get("/api/trips/offers").json()
    assert shown["flights"][0] == {
        "code": "SA105",
        "name": "SA 105",
        "city": "Lisbon",
        "currency": "EUR",
        "left": 9,
        "departs": friday.isoformat(),
        "price": "129.00",
    }
    assert {hotel["code"] for hotel in shown["hotels"]} == {"azul", "mirante", "fjord"}
