"""The JSON API: whatever is sent, it answers in JSON with words, and what it accepted exists whole, once."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from django.core.cache import cache
from django.test import Client
from hypothesis import event as seen
from hypothesis import given
from hypothesis import strategies as st

from orders.models import Journey, Order
from orders.returns.models import Return
from orders.trips.models import Trip
from outbox.models import OutboxMessage
from sagas.models import Run
from tests.orders.returns.conftest import order as charged
from tests.orders.trips.conftest import friday, offers

from .garbage import any_texts, bodies, header_texts, mutated, texts
from .trying import example, tried

__all__ = ["charged", "friday", "offers"]
pytestmark = pytest.mark.django_db

PERSON = {"email": "ann@example.com", "payment_method": "pm_card_visa"}
ORDER = {
    **PERSON,
    "lines": [{"sku": "mug", "quantity": 2, "unit_price": "18.50"}],
    "coordination": "saga",
    "total": "37.00",
}
TRIP = {**PERSON, "flight": "SA105", "hotel": "azul", "nights": 2, "total": "297.00"}
RETURN = {"lines": [{"sku": "mug", "quantity": 1}], "reason": "It is blue."}
BODIES: dict[str, Any] = {"/api/orders": ORDER, "/api/trips": TRIP, "/api/orders/{}/returns": RETURN}
GETS = ("/api/products", "/api/trips/offers", "/api/orders/{}", "/api/returns/{}", "/api/trips/{}", "/api/{}")
POSTS = ("/api/orders/{}/cancel", "/api/trips/{}/cancel")

FIELDS = ("If-Match", "If-None-Match", "X-Request-Id", "traceparent", "Accept", "Cookie", "HX-Request")
fields = st.dictionaries(st.sampled_from(FIELDS), header_texts, max_size=3)
keys = st.sampled_from([*["k-new"] * 9, "k1", "x" * 255, "", "é", "a b"])
kinds = st.sampled_from(
    ["application/json", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)


@pytest.fixture(autouse=True)
def _companies_were_asked_a_moment_ago() -> None:
    cache.set("trips.offers", True)


def sent(valid: Any) -> st.SearchStrategy[bytes]:
    """The body, now and then as it should be."""
    changed = mutated(valid).map(lambda value: json.dumps(value).encode())
    return st.just(json.dumps(valid).encode()) | changed | changed | changed | changed | bodies


posted = st.sampled_from(sorted(BODIES)).flatmap(lambda path: st.tuples(st.just(path), sent(BODIES[path])))


@tried(200)
@given(what=posted, key=keys, kind=kinds, headers=fields)
def test_what_is_posted_is_refused_in_words_or_exists_whole(
    client: Client, charged: Order, offers: None, what: tuple[str, bytes], key: str, kind: str, headers: dict[str, str]
) -> None:
    path, body = what
    with example():
        before = everything()
        answer = client.generic(
            "POST", path.format(charged.pk), body, kind, headers={"Idempotency-Key": key, **headers}
        )
        assert answer.status_code < 500
        seen(f"{path}: {answer.status_code}")
        if answer.status_code >= 400:
            assert words(answer.json())
            assert everything() == before
        else:
            exists_whole(path, answer.json(), before)


@tried(80)
@given(
    path=st.sampled_from([*GETS, *POSTS, *BODIES]),
    name=st.just("") | texts,
    method=st.sampled_from(["GET", "POST", "PUT", "HEAD", "DELETE", "PATCH", "OPTIONS"]),
    headers=fields,
)
def test_any_address_method_and_header_field_is_answered(
    client: Client, charged: Order, path: str, name: str, method: str, headers: dict[str, str]
) -> None:
    with example():
        before = everything()
        answer = client.generic(method, path.format(quote(name, safe="") if name else charged.pk), headers=headers)
        assert answer.status_code < 500
        seen(f"{path}: {answer.status_code}")
        assert everything() == before or (method, path) == ("POST", "/api/orders/{}/cancel")
        charged.refresh_from_db()
        assert charged.status == "confirmed", "it was charged"


@tried(25)
@given(body=st.dictionaries(any_texts, any_texts, max_size=3).map(lambda value: json.dumps(value).encode()) | bodies)
def test_a_good_order_is_taken_after_any_bad_one(client: Client, products: object, body: bytes) -> None:
    with example():
        assert client.generic("POST", "/api/orders", body, headers={"Idempotency-Key": "bad"}).status_code == 400
        good = client.post("/api/orders", ORDER, "application/json", headers={"Idempotency-Key": "bad"})
        assert good.status_code == 201


def everything() -> tuple[int, ...]:
    """How many rows there are of what a caller can make."""
    return tuple(model._default_manager.count() for model in (Order, Trip, Return, Run, Journey, OutboxMessage))


def words(said: dict[str, Any]) -> bool:
    """Whether it is {"errors": {field: [sentence]}}."""
    return all(isinstance(message, str) and message for one in said["errors"].values() for message in one)


def exists_whole(path: str, made: dict[str, Any], before: tuple[int, ...]) -> None:
    """The thing, once, with what carries it and the event that tells of it."""
    kind: Any = {"/api/orders": Order, "/api/trips": Trip}.get(path, Return)
    found = kind.objects.get(pk=made["id"])
    assert str(getattr(found, "total", None) or found.amount) == (made.get("total") or made["amount"])
    added = [now - then for now, then in zip(everything(), before, strict=True)]
    assert sum(added[:3]) in (0, 1), "no other thing"
    assert added[3] + added[4] == sum(added[:3]), "what carries it"
    assert added[5] >= sum(added[:3]), "the event"
