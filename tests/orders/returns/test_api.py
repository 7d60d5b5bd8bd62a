"""Returns by JSON."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from orders.models import Order

pytestmark = pytest.mark.django_db


def post(client: Client, order: Order, body: Any, key: str = "r1") -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    return client.post(f"/api/orders/{order.pk}/returns", body, content_type="application/json", headers=headers)


def lines(**pieces: int) -> dict[str, Any]:
    return {"lines": [{"sku": sku, "quantity": quantity} for sku, quantity in pieces.items()]}


def test_a_return_is_made_once_and_can_be_looked_at(client: Client, order: Order) -> None:
    made = post(client, order, lines(mug=1))
    assert made.status_code == 201
    body = made.json()
    assert (body["status"], body["amount"], body["refunded"], body["order"]) == (
        "requested",
        "18.50",
        False,
        str(order.pk),
    )
    assert client.get(made.headers["Location"]).json() == body
    again = post(client, order, lines(mug=1))
    assert (again.status_code, again.json()["id"]) == (201, body["id"])


def test_too_much_is_a_conflict_with_words(client: Client, order: Order) -> None:
    answer = post(client, order, lines(mug=3))
    assert answer.status_code == 409
    assert answer.json() == {"errors": {"lines.mug": ["Mug: 2 of 2 can still be returned."]}}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], "body"),
        ({"lines": []}, "lines"),
        ({**lines(mug=1), "why": ""}, "why"),
        ({**lines(mug=1), "reason": 5}, "reason"),
    ],
)
def test_what_makes_no_sense_is_refused_with_words(client: Client, order: Order, body: Any, field: str) -> None:
    answer = post(client, order, body)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])


def test_a_key_is_needed_and_stands_for_one_return(client: Client, order: Order) -> None:
    assert "Idempotency-Key" in post(client, order, lines(mug=1), key="").json()["errors"]
    post(client, order, lines(mug=1))
    assert post(client, order, lines(lamp=1)).status_code == 422


def test_an_unknown_return_or_order_is_not_found(client: Client, order: Order) -> None:
    assert client.get("/api/returns/nonsense").status_code == 404
    assert client.get(f"/api/returns/{order.pk}").status_code == 404
    assert client.post("/api/orders/nonsense/returns").status_code == 404
