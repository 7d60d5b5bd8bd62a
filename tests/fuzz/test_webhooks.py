"""The webhook: whatever is sent and however it is signed, 400 with words or taken once."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import stripe
from django.test import Client
from hypothesis import event as seen
from hypothesis import given
from hypothesis import strategies as st

from orders.models import Order
from orders.placing.place import place_order
from orders.placing.validation import PlaceOrder
from orders.webhooks.reports import TYPES
from outbox.models import InboxEntry, OutboxMessage
from sagas.models import Run
from tests.orders.webhooks.posting import PATH, SECRET, event

from .garbage import bodies, header_texts, mutated
from .trying import example, tried

pytestmark = pytest.mark.django_db

good = st.builds(
    event,
    st.sampled_from(sorted(TYPES)),
    st.sampled_from(["S-100001", ""]),
    id_=st.just("evt_1"),
    about=st.sampled_from(["", "charge", "refund", "dispute"]),
)
changed = good.flatmap(mutated)
reports = (good | changed | changed).map(lambda value: json.dumps(value).encode()) | bodies


@pytest.fixture
def order(wish: PlaceOrder) -> Order:
    return place_order(wish, idempotency_key="k1").order


@tried(80)
@given(body=reports)
def test_a_signed_report_is_taken_once_or_refused_in_words(client: Client, order: Order, body: bytes) -> None:
    with example():
        before = books()
        first = post(client, body, signed(body))
        again = post(client, body, signed(body))
        assert first.status_code in (200, 400)
        seen(first.content[:12].decode())
        assert (again.status_code, first.content[:10]) == (first.status_code, again.content[:10]) or (
            first.content,
            again.content,
        ) == (b"taken\n", b"taken before\n")
        taken = first.content == b"taken\n"
        assert books() == (before[0] + taken, before[1] + taken, *before[2:])


@tried(40)
@given(signature=header_texts, keep=st.integers(0, 90))
def test_a_report_that_is_not_signed_is_refused_in_words(
    client: Client, order: Order, signature: str, keep: int
) -> None:
    body = json.dumps(event("payment_intent.succeeded", order.number)).encode()
    right = signed(body)
    forged = signature if keep > len(right) - 3 else f"{right[:keep]}{signature}"
    with example():
        before = books()
        answer = post(client, body, forged)
        assert answer.status_code == 400
        assert answer.content.startswith(b"The signature does not fit: ")
        assert books() == before


def signed(body: bytes) -> str:
    """As Stripe would sign it, were it text."""
    text = body.decode(errors="replace")
    return str(stripe.WebhookSignature.generate_signature_header(text, SECRET, int(time.time())))


def post(client: Client, body: bytes, signature: str) -> Any:
    return client.post(PATH, body, content_type="application/json", headers={"Stripe-Signature": signature})


def books() -> tuple[object, ...]:
    """What was taken and told of, and the order with its run, which no report changes by itself."""
    runs = Run.objects.values_list("status", "row_version").get()
    return (
        InboxEntry.objects.count(),
        OutboxMessage.objects.count(),
        Order.objects.values_list("status", "version").get(),
        runs,
    )
