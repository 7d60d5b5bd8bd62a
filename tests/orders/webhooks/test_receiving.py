"""What is let in: signed by one of our secrets, a moment ago, and each report once."""

from __future__ import annotations

import json
import time

import pytest
import stripe

from orders.models import Order
from orders.webhooks.events import PaymentReported
from outbox.models import InboxEntry, OutboxMessage
from outbox.testing import published
from tests.support.sagas.together import together

from .posting import event, post

pytestmark = pytest.mark.django_db


def test_a_signed_report_is_taken_and_told_of_once_however_often_it_comes(order: Order) -> None:
    report = event("payment_intent.succeeded", order.number)
    first = post(report)
    assert (first.status_code, first.content) == (200, b"taken\n")
    for _ in range(3):
        again = post(report)
        assert (again.status_code, again.content) == (200, b"taken before\n")
    assert published(PaymentReported) == [
        PaymentReported(report["id"], "payment_intent.succeeded", "pi_1", order.number)
    ]
    assert OutboxMessage.objects.get(type="webhooks.payment_reported").key == order.saga_key


def test_a_refused_report_is_not_remembered_as_taken(order: Order) -> None:
    report = event("payment_intent.succeeded", order.number)
    assert post(report, secret="whsec_forged").status_code == 400
    assert post(report).content == b"taken\n"


@pytest.mark.parametrize("signature", ["", "t=1", "nonsense", "t=1,v1=0", "t=x,v1=0", "v1=00", "t=1,v1=é"])
def test_a_forged_signature_is_refused_in_words(signature: str) -> None:
    answer = post(event("payment_intent.succeeded"), signature=signature)
    assert answer.status_code == 400
    assert answer.content.startswith(b"The signature does not fit: ")
    assert not InboxEntry.objects.exists()


def test_a_signature_of_this_moment_that_is_no_ascii_is_refused_in_words() -> None:
    answer = post(event("payment_intent.succeeded"), signature=f"t={int(time.time())},v1=é")
    assert (answer.status_code, answer.content[:31]) == (400, b"The signature does not fit: it ")


@pytest.mark.parametrize("field", ["id", "type", "intent", "object", "order", "payment_intent"])
@pytest.mark.parametrize("text", ["S-1\0", "\0", "\n\0\n", "x" * 501])
def test_a_signed_report_with_text_that_no_database_keeps_is_refused_in_words(field: str, text: str) -> None:
    report = event("payment_intent.succeeded", "S-1", about="charge")
    subject = report["data"]["object"]
    where = {"id": (report, "id"), "type": (report, "type"), "intent": (subject, "id"), "object": (subject, "object")}
    place, name = where.get(field, (subject, field))
    if field == "order":
        place, name = subject["metadata"], "order"
    place[name] = text
    answer = post(report)
    assert (answer.status_code, answer.content[:39]) == (400, b"This is no event that the shop can read"), text
    assert not InboxEntry.objects.exists()


def test_what_another_program_wrote_beside_our_order_is_passed_over() -> None:
    """A 400 would have the processor send it for days, and switch the endpoint off."""
    report = event("payment_intent.succeeded", "Bestellung\n\u00c4")
    report["data"]["object"]["metadata"]["theirs"] = "\0" * 400
    assert post(report).content == b"taken\n"


def test_a_body_that_was_changed_on_its_way_is_refused(order: Order) -> None:
    report = event("payment_intent.requires_action", order.number)
    signature = stripe.WebhookSignature.generate_signature_header(json.dumps(report), "whsec_local")
    assert post({**report, "type": "payment_intent.succeeded"}, signature=signature).status_code == 400
    assert not published(PaymentReported)


@pytest.mark.parametrize(("age", "status"), [(0, 200), (290, 200), (310, 400), (86_400, 400)])
def test_an_old_report_that_is_sent_again_by_somebody_else_is_refused(age: int, status: int) -> None:
    report = event("payment_intent.succeeded")
    assert post(report, signed_at=int(time.time()) - age).status_code == status


def test_while_secrets_change_both_are_good_and_then_the_old_one_is_not(settings) -> None:
    settings.STRIPE_WEBHOOK_SECRET = "whsec_new, whsec_old"
    assert post(event("payment_intent.succeeded"), secret="whsec_old").status_code == 200
    assert post(event("payment_intent.succeeded"), secret="whsec_new").status_code == 200
    settings.STRIPE_WEBHOOK_SECRET = "whsec_new"
    assert post(event("payment_intent.succeeded"), secret="whsec_old").status_code == 400


def test_without_a_secret_nothing_is_taken_and_the_answer_says_what_to_set(settings) -> None:
    settings.STRIPE_WEBHOOK_SECRET = " , "
    answer = post(event("payment_intent.succeeded"), secret=" ")
    assert answer.status_code == 503
    assert b"STRIPE_WEBHOOK_SECRET" in answer.content


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"not json",
        b'{"id": 1}',
        b'{"id": "evt_1", "type": "payment_intent.succeeded", "created": "x", "data": {"object": {}}}',
        b'{"id": "evt_1", "type": "payment_intent.succeeded", "created": 99999999999999999, "data": {"object": {}}}',
        b"[" * 10_000,
    ],
)
def test_a_signed_body_that_is_no_event_is_refused_in_words(body: bytes) -> None:
    answer = post(body)
    assert answer.status_code == 400
    assert answer.content.startswith(b"This is no event that the shop can read")


def test_a_body_that_is_no_text_or_too_long_is_refused() -> None:
    assert post(b"\xff\xfe", signature="t=1,v1=0").status_code == 400
    assert post(b" " * (256 * 1024 + 1)).status_code == 413


@pytest.mark.parametrize("type_", ["payment_intent.created", "customer.created", "no.such.type"])
def test_a_type_of_no_interest_is_accepted_and_ignored(type_: str) -> None:
    answer = post(event(type_))
    assert (answer.status_code, answer.content) == (200, b"ignored\n")
    assert not InboxEntry.objects.exists()


@pytest.mark.parametrize(("about", "type_"), [("charge", "charge.refunded"), ("dispute", "charge.dispute.created")])
def test_a_report_that_names_only_the_payment_finds_its_order(order: Order, about: str, type_: str) -> None:
    Order.objects.update(payment_intent="pi_7")
    post(event(type_, intent="pi_7", about=about))
    (reported,) = published(PaymentReported)
    assert (reported.payment_intent, reported.order_number) == ("pi_7", order.number)


def test_a_report_about_a_payment_of_another_shop_is_told_of_without_an_order() -> None:
    post(event("payment_intent.succeeded", "S-999999"))
    (reported,) = published(PaymentReported)
    assert reported.order_number == ""
    assert OutboxMessage.objects.get().key == ""


def test_only_post_is_answered(client) -> None:
    assert client.get("/webhooks/stripe").status_code == 405


@pytest.mark.django_db(transaction=True)
def test_of_deliveries_at_once_one_is_taken() -> None:
    report = event("payment_intent.succeeded")
    answers = together(lambda: post(report).content, times=6)
    assert sorted(answers) == [b"taken\n"] + [b"taken before\n"] * 5
    assert len(published(PaymentReported)) == 1
