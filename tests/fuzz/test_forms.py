"""The site's forms, and the desk's: whatever a browser posts, the page says what is wrong, and nothing happens."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from hypothesis import event as seen
from hypothesis import given
from hypothesis import strategies as st

from orders.models import Order, Product
from orders.returns.models import Return
from orders.trips.models import Trip
from outbox.messages import codec
from outbox.models import OutboxMessage
from sagas import desk
from sagas.desk import Filter
from sagas.models import Act, BulkAct, Run
from tests.orders.returns.conftest import order as charged
from tests.orders.trips.conftest import friday, offers

from .garbage import header_texts, mutated, texts, values
from .trying import example, tried

__all__ = ["charged", "friday", "offers"]
pytestmark = pytest.mark.django_db

TOKEN = "0" * 32
PERSON = {"token": TOKEN, "email": "ann@example.com", "payment_method": "pm_card_visa"}
FORMS: dict[str, dict[str, str]] = {
    "/checkout": {**PERSON, "quantity-mug": "2", "price-mug": "18.50", "coordination": "saga", "repeat": ""},
    "/trips/book": {
        **{**PERSON, "city": "Lisbon", "departs": "2026-12-01", "flight": "SA105", "hotel": "azul", "nights": "2"},
        **{"price-SA105": "129.00", "price-azul": "84.00"},
    },
    "/orders/{order}/return": {"token": TOKEN, "quantity-mug": "1", "reason": "It is blue."},
    "/orders/{order}/cancel": {"version": "1"},
    "/faults/switch": {"company": "carrier", "switch": "slow", "operation": "*", "order": "S-1", "minutes": "5"},
    "/faults/clear": {"company": "carrier", "fault": "1", "order": ""},
    "/admin/orders/product/{product}/change/": {
        **{"name": "Mug", "sku": "mug", "description": "", "price": "18.50", "currency": "EUR", "image": ""},
        "seen_version": "1",
    },
    "/admin/login/": {"username": "operator", "password": "operator", "next": "/admin/"},
    "/admin/sagas/run/": {"action": "retry", "_selected_action": "{run}", "select_across": "0", "index": "0"},
    "/admin/outbox/deadletter/": {"action": "requeue_many", "_selected_action": "1", "confirmed": "1", "rate": "5"},
    "/admin/outbox/hold/": {"action": "skip", "_selected_action": "1", "confirmed": "1", "reason": "x"},
    "/admin/outbox/shard/tasks/pause/": {"tasks-shard": "1", "tasks-reason": "x"},
    "/admin/sagas/breaker/carrier/act/open/": {"reason": "They asked."},
    "/admin/orders/order/{order}/undo/": {"reason": "They asked."},
    "/admin/orders/order/{order}/close/": {"reason": "They asked."},
}
VERBS = sorted(desk.VERBS)
JSON_OF: dict[str, Any] = {
    "skip": {"key": "k", "label": "l", "status": "booked"},
    "set_input": {"email": "eve@example.com"},
}

posted = st.sampled_from(sorted(FORMS)).flatmap(
    lambda path: st.tuples(st.just(path), mutated(FORMS[path], texts).filter(lambda form: isinstance(form, dict)))
)


@pytest.fixture(autouse=True)
def _far_from_the_companies(settings: Any) -> None:
    """No stand-in answers: the fault panel says so, and the offers stay as they are."""
    settings.STANDINS_URL = "http://127.0.0.1:9"
    cache.set("trips.offers", True)


@tried(100)
@given(what=posted, cookie=header_texts)
def test_a_form_is_answered_with_a_page(
    admin_client: Client, charged: Order, offers: None, what: tuple[str, dict[str, str]], cookie: str
) -> None:
    path, form = what
    address = path.format(order=charged.pk, product=Product.objects.get(sku="mug").pk)
    sent = encoded(form, run=Run.objects.get().pk)
    with example():
        before = everything()
        answer = admin_client.post(address, sent, FORM, headers={"Cookie": f"{cookie}; {session(admin_client)}"})
        assert answer.status_code < 500
        seen(f"{path}: {answer.status_code}")
        assert answer.content or answer.status_code == 302
        if answer.status_code >= 400:
            assert everything() == before
        charged.refresh_from_db()
        assert (charged.charged, charged.email) == (16600, "ann@example.com")


@tried(50)
@given(
    verb=st.sampled_from(VERBS),
    wish=st.data(),
    form=mutated({"reason": "Called them.", "ended": "completed", "version": "2", "rate": "5"}, texts),
)
def test_the_desk_answers_with_a_page(admin_client: Client, charged: Order, verb: str, wish: Any, form: Any) -> None:
    value = wish.draw(mutated(JSON_OF.get(verb, {}), values), label="value")
    chosen = wish.draw(mutated(json.loads(codec.encode(Filter())), values), label="filter")
    text = wish.draw(st.just(json.dumps(value)) | texts, label="text")
    with example():
        run = Run.objects.get()
        given_ = {"run": f"{run.pk}:{run.row_version}", "result": text, "changes": text, "shown": text}
        sent = {**given_, **(form if isinstance(form, dict) else {})}
        one = admin_client.post(reverse("admin:sagas_desk", args=[verb]), encoded(sent), FORM)
        many = admin_client.post(
            reverse("admin:sagas_bulk", args=[verb]), encoded(sent | {"filter": json.dumps(chosen)}), FORM
        )
        assert max(one.status_code, many.status_code) < 500
        seen(f"{verb}: {one.status_code}, {many.status_code}")
        acts = Act.objects.count()
        run.refresh_from_db()
        assert acts <= 1
        assert BulkAct.objects.count() <= 1
        assert bool(acts) or run.row_version == int(given_["run"].rpartition(":")[2]), "no act without its record"


FORM = "application/x-www-form-urlencoded"


def encoded(form: dict[str, Any], **names: object) -> str:
    """As a browser sends it; `{run}` and such stand for their names."""
    form = {name: value.format(**names) if value == "{run}" else value for name, value in form.items()}
    return urlencode({str(name): value for name, value in form.items()}, errors="replace")


def session(client: Client) -> str:
    return f"sessionid={client.cookies['sessionid'].value}"


def everything() -> tuple[int, ...]:
    return tuple(model._default_manager.count() for model in (Order, Trip, Return, Run, OutboxMessage, Product))
