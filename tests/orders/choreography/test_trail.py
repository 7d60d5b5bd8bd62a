"""The trail of an order: every message of it, what led to what, and what is wrong; and the page that draws it."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import transaction
from django.test import Client

from orders.choreography import asking, journeys, turning
from orders.choreography.trail.messages import trail_of
from orders.choreography.trail.page import TrailPage
from orders.desk.advice import TOO_LATE
from orders.lifecycle import payment, status
from orders.models import JourneyStep, Order
from orders.placing.place import place_order
from orders.placing.validation import OrderedLine, PlaceOrder
from orders.returns.models import Return
from orders.returns.services import request_return
from orders.returns.validation import ReturnWish
from orders.sagas import book_shipment, capture_payment, commit_stock
from outbox.declare.events import registry
from outbox.models import DeadLetter, Delivery, PublishedMessage
from outbox.testing import drain

from .driver import deliver, relayed
from .story import EventStory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production_static")]


def titles(order: Order) -> list[str]:
    return [row.title for row in TrailPage.of(order).rows]


def causes(order: Order) -> dict[str, str]:
    return {row.title: row.cause for row in TrailPage.of(order).rows}


@pytest.fixture
def operator(client: Client) -> Client:
    get_user_model().objects.create_superuser("olga", password="olga")
    assert client.login(username="olga", password="olga")
    return client


def test_each_message_names_the_one_that_led_to_it(order: Order, story: EventStory) -> None:
    story.expect_completed()
    assert causes(order) == {
        "Order placed": "",
        "Checkout opened": "Order placed",
        "Payment authorized": "Checkout opened",
        "Stock reserved": "Payment authorized",
        "Shipment booked": "Stock reserved",
        "Payment captured": "Shipment booked",
        "Stock committed": "Payment captured",
        "Parcel dispatched": "Stock committed",
        "Order confirmed": "Parcel dispatched",
    }


def test_a_refused_order_branches_where_it_turned(order: Order, story: EventStory) -> None:
    story.when(book_shipment).refuses("no_capacity").journey  # noqa: B018 - plays the story
    named = causes(order)
    assert (named["Payment released"], named["Stock released"]) == ("Shipment refused", "Shipment refused")
    assert named["Order cancelled"] in ("Payment released", "Stock released")
    refused = next(row for row in TrailPage.of(order).rows if row.title == "Shipment refused")
    assert refused.face.text == "turned the order"
    assert len(refused.svg.bends) == 1


def test_a_message_waits_for_the_relay_is_then_on_its_way_and_then_handled(order: Order, story: EventStory) -> None:
    assert [one.state for one in trail_of(order.saga_key)] == ["waiting", "waiting"]
    sent = relayed()
    placed, opened = trail_of(order.saga_key)
    assert (placed.state, opened.state) == ("open", "open")
    with story.stage.set():
        deliver(next(one for one in sent if "payments.authorize_payment" in one.to), "payments.authorize_payment")
    assert trail_of(order.saga_key)[1].state == "done"


def test_an_event_that_no_subscriber_heard_is_marked(order: Order, story: EventStory, monkeypatch: Any) -> None:
    subscribers = {one: of for one, of in registry.subscribers.items() if one != "warehouse.reserve_stock"}
    monkeypatch.setattr(registry, "subscribers", subscribers)
    assert story.journey.state == "open"
    assert [row.face.text for row in TrailPage.of(order).rows] == ["handled", "handled", "nobody heard it"]


def test_an_attempt_that_failed_says_so_with_its_error(order: Order, story: EventStory) -> None:
    story.when(commit_stock).fails()
    story.before(commit_stock, lambda: None)
    with story.stage.set():
        for _ in range(6):
            for one in relayed():
                for subscriber in one.to:
                    deliver(one, subscriber)
    captured = next(row for row in TrailPage.of(order).rows if row.title == "Payment captured")
    assert captured.face.text == "on its way"
    (receiver,) = captured.receivers
    assert receiver.name == "warehouse.commit_stock"
    assert receiver.text.startswith("1 attempt so far · due in")
    assert "NoAnswer: no answer" in receiver.text


def test_an_attempt_that_goes_on_is_not_said_to_have_failed(order: Order, story: EventStory) -> None:
    seen: list[str] = []

    def ask(*_: object, **__: object) -> None:
        opened = next(row for row in TrailPage.of(order).rows if row.title == "Checkout opened")
        seen.extend(receiver.text for receiver in opened.receivers)

    with story.stage.set(), patch.object(asking, "call", ask):
        for one in relayed():
            for subscriber in one.to:
                deliver(one, subscriber)
    assert seen
    assert "failed" not in seen[0]


def test_a_dead_letter_is_marked_and_linked(operator: Client, order: Order, story: EventStory) -> None:
    story.when(capture_payment).fails(times=4).when_probing(capture_payment).fails().expect_stuck()
    page = operator.get(f"/admin/orders/order/{order.pk}/trail/").content.decode()
    dead = DeadLetter.objects.get()
    for words in ("1 dead letter", "payments.capture_payment", "4 failed attempts", f"/deadletter/{dead.pk}/change/"):
        assert words in page


def test_an_order_that_a_saga_carries_has_a_trail_too(operator: Client, wish: PlaceOrder) -> None:
    order = place_order(wish, idempotency_key="k1").order
    drain()
    assert titles(order) == ["Order placed", "Run ready"]
    page = operator.get(f"/admin/orders/order/{order.pk}/trail/").content.decode()
    assert "its run</a> says what each step did" in page
    assert "Publish again" not in page


def test_a_delivery_that_is_handled_and_not_yet_closed_counts_as_handled(order: Order, story: EventStory) -> None:
    story.expect_completed()
    last = PublishedMessage.objects.get(type="orders.order_confirmed")
    Delivery.objects.create(
        message_id=last.message_id,
        subscriber="orders.email_confirmation",
        destination="tasks",
        day=last.day,
        key=last.key,
        position=last.pk,
        due_at=last.created_at,
    )
    assert trail_of(order.saga_key)[-1].state == "done"


def test_an_old_order_whose_history_is_pruned_says_so(operator: Client, order: Order, story: EventStory) -> None:
    story.expect_completed()
    PublishedMessage.objects.all().delete()
    page = operator.get(f"/admin/orders/order/{order.pk}/trail/").content.decode()
    assert "The outbox keeps nothing of this order any more" in page


def test_the_orders_page_in_the_admin_links_its_trail(operator: Client, order: Order) -> None:
    page = operator.get(f"/admin/orders/order/{order.pk}/change/").content.decode()
    assert f'href="/admin/orders/order/{order.pk}/trail/"' in page


def test_an_operator_publishes_an_event_again_and_is_recorded(operator: Client, order: Order) -> None:
    relayed()
    Delivery.objects.all().delete()  # a subscriber that was missing
    page = operator.post(f"/admin/orders/order/{order.pk}/again/", follow=True).content.decode()
    assert "Published orders.choreography.checkout_opened again: look again in a moment." in page
    assert LogEntry.objects.get().get_change_message() == "Published orders.choreography.checkout_opened again"
    assert [one.to for one in relayed()] == [("payments.authorize_payment",)]


def test_of_an_order_that_has_ended_nothing_is_published_again(operator: Client, order: Order, story: Any) -> None:
    story.expect_completed()
    page = operator.post(f"/admin/orders/order/{order.pk}/again/", follow=True).content.decode()
    assert "Published nothing" in page
    assert not LogEntry.objects.exists()
    assert operator.get(f"/admin/orders/order/{order.pk}/again/").status_code == 405


def test_the_trail_is_for_staff_who_may_see_orders_and_messages(client: Client, order: Order) -> None:
    address = f"/admin/orders/order/{order.pk}/trail/"
    assert client.get(address).status_code == 302
    ann = get_user_model().objects.create_user("ann", password="ann", is_staff=True)
    client.login(username="ann", password="ann")
    assert client.get(address).status_code == 403
    ann.user_permissions.add(*Permission.objects.filter(codename__in=["view_order", "view_publishedmessage"]))
    page = client.get(address)
    assert page.status_code == 200
    assert "Publish again" not in page.content.decode()
    assert client.post(f"/admin/orders/order/{order.pk}/again/").status_code == 403


def test_an_operator_has_an_order_undone_that_stands_on_the_desk_before_the_capture(
    operator: Client, order: Order, story: EventStory
) -> None:
    status.mark_needs_attention(order.pk, "No event came.")
    address = f"/admin/orders/order/{order.pk}/undo/"
    assert "give a reason" in operator.post(address, {"reason": " "}, follow=True).content.decode()
    page = operator.post(address, {"reason": "ann: the customer telephoned"}, follow=True).content.decode()
    assert "undo it: look again in a moment" in page
    assert LogEntry.objects.get().get_change_message() == "Had the order undone: ann: the customer telephoned"
    story.expect_undone()
    assert order.status_reason == "compensated_by_hand"


def test_an_order_whose_capture_was_asked_for_is_not_undone_by_hand(operator: Client, order: Order) -> None:
    JourneyStep.objects.filter(position__lt=3).update(status="done", attempts=1)
    journeys.begin(order.pk, capture_payment)
    page = operator.get(f"/admin/orders/order/{order.pk}/trail/").content.decode()
    assert "Undo this order" not in page
    page = operator.post(f"/admin/orders/order/{order.pk}/undo/", {"reason": "no"}, follow=True).content.decode()
    assert "Nothing was done: the capture was asked for" in page
    assert not LogEntry.objects.exists()


def test_the_front_page_counts_the_orders_that_need_a_person(operator: Client, order: Order) -> None:
    assert "order by events" not in operator.get("/admin/").content.decode()
    status.mark_needs_attention(order.pk, "No event came.")
    assert "order by events" in operator.get("/admin/").content.decode()


def test_the_trail_says_to_an_operator_who_turned_the_order(order: Order) -> None:
    assert turning.cancel(order.pk)
    order.refresh_from_db()
    assert TrailPage.of(order).why == "The customer cancelled the order. (cancelled)"


def test_an_operator_closes_an_order_that_is_settled_outside(operator: Client, order: Order, story: EventStory) -> None:
    story.when_undoing(book_shipment).refuses("too_late").when(capture_payment).refuses("card_declined")
    assert story.journey.state == "undoing"
    order.refresh_from_db()
    assert order.status == "needs_attention"
    assert order.status_reason.startswith("Undoing book_shipment failed: too_late")
    assert order.status_reason.endswith(f"carrier.cancel_shipment_on_capture_refused. {TOO_LATE}")
    address = f"/admin/orders/order/{order.pk}/close/"
    assert "give a reason" in operator.post(address, {"reason": " "}, follow=True).content.decode()
    assert "counts as undone" in operator.post(address, {"reason": "recalled"}, follow=True).content.decode()
    order.refresh_from_db()
    assert (order.status, order.journey.state) == ("cancelled", "ended")
    assert LogEntry.objects.get().get_change_message() == "Closed it as undone, it was needs_attention: recalled"


def test_an_operator_takes_back_a_confirmed_order_and_nothing_else_does(operator: Client, order: Order) -> None:
    address = f"/admin/orders/order/{order.pk}/close/"
    assert "Nothing was done" in operator.post(address, {"reason": "no"}, follow=True).content.decode()
    status.confirm_order(order.pk, "T")
    assert "Close as undone" in operator.get(f"/admin/orders/order/{order.pk}/trail/").content.decode()
    line = ReturnWish((OrderedLine("mug", 1),))
    with transaction.atomic():
        payment.note_charge(order.pk, "pi_1", 16600)
    returned = request_return(order.pk, line, idempotency_key="r1").returned
    assert "being returned" in operator.post(address, {"reason": "twice"}, follow=True).content.decode()
    Return.objects.filter(pk=returned.pk).update(status="done")
    operator.post(address, {"reason": "the parcel came back"})
    order.refresh_from_db()
    assert (order.status, order.status_reason) == ("cancelled", "compensated_by_hand")
