"""The shop in JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from orders.lifecycle import status
from orders.models import Order
from sagas.models import Run, Step

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("products")]
UNKNOWN = "01a2250c-24f7-7f4e-825f-a3787031ac5c"

BODY: dict[str, Any] = {
    "email": "ann@example.com",
    "payment_method": "pm_card_visa",
    "lines": [{"sku": "mug", "quantity": 2}],
}


@pytest.fixture
def client() -> Client:
    return Client(enforce_csrf_checks=True)


def post(client: Client, body: object = BODY, key: str | None = "k1", **extra: Any) -> Any:
    headers = {} if key is None else {"Idempotency-Key": key}
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post("/api/orders", raw, content_type="application/json", headers=headers, **extra)


def test_products_are_listed_with_price_and_availability(client: Client) -> None:
    assert client.get("/api/products").json() == {
        "results": [
            {"sku": "lamp", "name": "Lamp", "price": "129.00", "currency": "EUR", "available": 1},
            {"sku": "mug", "name": "Mug", "price": "18.50", "currency": "EUR", "available": 10},
        ]
    }


def test_an_order_is_created_and_found_where_location_says(client: Client) -> None:
    answer = post(client)
    assert answer.status_code == 201
    body = answer.json()
    order = Order.objects.get()
    assert (body["id"], body["number"]) == (str(order.pk), order.number)
    assert (body["status"], body["total"], body["currency"]) == ("processing", "37.00", "EUR")
    assert body["steps"][0] == {"name": "authorize_payment", "status": "pending", "attempts": 0}
    assert [step["name"] for step in body["steps"]] == [
        "authorize_payment",
        "reserve_stock",
        "book_shipment",
        "capture_payment",
        "commit_stock",
        "dispatch_parcel",
        "send_confirmation",
    ]
    assert client.get(answer["Location"]).json() == body


def test_the_same_key_and_body_give_the_same_answer_which_says_that_it_is_a_repeated_one(client: Client) -> None:
    first, again = post(client), post(client)
    assert (first.status_code, again.status_code) == (201, 201)
    assert (first.get("Idempotent-Replayed"), again["Idempotent-Replayed"]) == (None, "true")
    assert (again.json(), again["Location"]) == (first.json(), first["Location"])
    assert Order.objects.count() == 1


def test_the_same_key_with_another_body_is_refused(client: Client) -> None:
    post(client)
    answer = post(client, {**BODY, "email": "bob@example.com"})
    assert answer.status_code == 422
    assert "another request" in answer.json()["errors"]["Idempotency-Key"][0]


LINE = {"sku": "mug", "quantity": 1}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"{", "body"),
        (b"\xff\xfe", "body"),
        (b"[" * 100_000, "body"),
        (b'{"email": ' + b"9" * 5000 + b"}", "body"),
        (b" " * 70_000, "body"),
        ([], "body"),
        (None, "body"),
        ("text", "body"),
        ({}, "email"),
        ({}, "payment_method"),
        ({}, "lines"),
        ({**BODY, "email": "nobody"}, "email"),
        ({**BODY, "email": 7}, "email"),
        ({**BODY, "email": ["a@example.com"]}, "email"),
        ({**BODY, "email": "a\x00@example.com"}, "email"),
        ({**BODY, "email": "a@example\ud800.com"}, "email"),
        ({**BODY, "email": "a\nBcc: b@example.com"}, "email"),
        ({**BODY, "email": "a" * 250 + "@example.com"}, "email"),
        ({**BODY, "payment_method": "pm_card_unknown"}, "payment_method"),
        ({**BODY, "payment_method": {"id": "pm_card_visa"}}, "payment_method"),
        ({**BODY, "payment_method": "\x00"}, "payment_method"),
        ({**BODY, "lines": []}, "lines"),
        ({**BODY, "lines": {"mug": 1}}, "lines"),
        ({**BODY, "lines": [LINE, LINE]}, "lines"),
        ({**BODY, "lines": [{"sku": f"s{n}", "quantity": 1} for n in range(101)]}, "lines"),
        ({**BODY, "lines": ["mug"]}, "lines[0]"),
        ({**BODY, "lines": [{"quantity": 1}]}, "lines[0].sku"),
        ({**BODY, "lines": [{**LINE, "sku": "yacht"}]}, "lines[0].sku"),
        ({**BODY, "lines": [{**LINE, "sku": "m\x00g"}]}, "lines[0].sku"),
        ({**BODY, "lines": [{**LINE, "sku": "\udfff"}]}, "lines[0].sku"),
        ({**BODY, "lines": [{**LINE, "sku": None}]}, "lines[0].sku"),
        ({**BODY, "lines": [LINE, {**LINE, "quantity": 0}]}, "lines[1].quantity"),
        ({**BODY, "lines": [{**LINE, "quantity": 100}]}, "lines[0].quantity"),
        ({**BODY, "lines": [{**LINE, "quantity": -1}]}, "lines[0].quantity"),
        ({**BODY, "lines": [{**LINE, "quantity": 10**40}]}, "lines[0].quantity"),
        ({**BODY, "lines": [{**LINE, "quantity": 1.5}]}, "lines[0].quantity"),
        ({**BODY, "lines": [{**LINE, "quantity": float("nan")}]}, "lines[0].quantity"),
        ({**BODY, "lines": [{**LINE, "quantity": "1"}]}, "lines[0].quantity"),
        ({**BODY, "lines": [{**LINE, "quantity": True}]}, "lines[0].quantity"),
        ({**BODY, "lines": [{**LINE, "price": "0.01"}]}, "lines[0].price"),
        ({**BODY, "lines": [{**LINE, "unit_price": 18.5}]}, "lines[0].unit_price"),
        ({**BODY, "lines": [{**LINE, "unit_price": "18.5000"}]}, "lines[0].unit_price"),
        ({**BODY, "lines": [{**LINE, "unit_price": "-1"}]}, "lines[0].unit_price"),
        ({**BODY, "lines": [{**LINE, "unit_price": "NaN"}]}, "lines[0].unit_price"),
        ({**BODY, "lines": [{**LINE, "unit_price": None}]}, "lines[0].unit_price"),
        ({**BODY, "total": "٣"}, "total"),
        ({**BODY, "total": ["1"]}, "total"),
        ({**BODY, "\ud800": 1}, "\\ud800"),
    ],
    ids=repr,
)
def test_bad_input_is_told_field_by_field(client: Client, body: object, field: str) -> None:
    answer = post(client, body)
    assert answer.status_code == 400
    messages = answer.json()["errors"][field]
    assert messages
    assert all(isinstance(message, str) and message for message in messages)
    assert not Order.objects.exists()


MANY: list[dict[str, object]] = [
    {f"{n:x}": 1 for n in range(6000)},
    {chr(0x1F600 + n) * 40: 1 for n in range(70)},
    {**BODY, "lines": [{**LINE, **{f"{n:x}": 1 for n in range(60)}}] * 100},
    {**BODY, "lines": [{"sku": chr(0x1F600 + n % 50) * 64, "quantity": 1} for n in range(100)]},
    {**BODY, "lines": [{"sku": f"s{n}", "quantity": 1} for n in range(100)]},
]


@pytest.mark.parametrize("path", ["/api/orders", "/api/trips"])
@pytest.mark.parametrize("body", MANY, ids=range(len(MANY)))
def test_an_answer_to_nonsense_is_not_longer_than_the_longest_question(
    client: Client, body: dict[str, object], path: str
) -> None:
    raw = json.dumps(body, ensure_ascii=False).encode()
    assert len(raw) <= 64 * 1024
    answer = client.post(path, raw, content_type="application/json", headers={"Idempotency-Key": "k1"})
    assert answer.status_code == 400
    assert len(answer.content) < 20_000
    assert answer.json()["errors"]


@pytest.mark.parametrize("key", [None, "", "k" * 256, "ключ", "a\x00b", "a\tb"])
def test_an_order_needs_a_sound_idempotency_key(client: Client, key: str | None) -> None:
    answer = post(client, key=key)
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["Idempotency-Key"]


def test_the_longest_key_is_taken(client: Client) -> None:
    assert post(client, key="k" * 255).status_code == 201


@pytest.mark.parametrize("path", ["/api/orders/{}", "/api/orders/{}/cancel"])
@pytest.mark.parametrize("name", [UNKNOWN, "S-100001", "x" * 500])
def test_an_unknown_order_is_not_found_in_json(client: Client, path: str, name: str) -> None:
    ask = client.post if path.endswith("cancel") else client.get
    answer = ask(path.format(name))
    assert answer.status_code == 404
    assert answer.json() == {"errors": {"order": ["There is no such order."]}}


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("post", "/api/products", "GET"),
        ("get", "/api/orders", "POST"),
        ("put", "/api/orders", "POST"),
        ("delete", f"/api/orders/{UNKNOWN}", "GET"),
        ("get", f"/api/orders/{UNKNOWN}/cancel", "POST"),
    ],
)
def test_a_wrong_method_is_answered_with_the_right_one(client: Client, method: str, path: str, allowed: str) -> None:
    answer = getattr(client, method)(path)
    assert (answer.status_code, answer["Allow"]) == (405, allowed)
    assert answer.json()["errors"]


def test_an_order_is_cancelled_while_nothing_is_charged(client: Client) -> None:
    order_id = post(client).json()["id"]
    answer = client.post(f"/api/orders/{order_id}/cancel")
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["reason"]) == ("cancelled", "You cancelled it.")
    assert client.post(f"/api/orders/{order_id}/cancel").status_code == 200


def test_a_cancel_after_the_payment_is_told_that_it_is_too_late(client: Client) -> None:
    order_id = post(client).json()["id"]
    Step.objects.filter(position__lte=3).update(status="done")
    Run.objects.update(position=4)
    answer = client.post(f"/api/orders/{order_id}/cancel")
    assert answer.status_code == 409
    assert answer.json()["errors"] == {
        "order": [
            "It is too late to cancel this order: your card was charged. You can return it, once it is on its way."
        ]
    }
    assert answer.json()["order"]["status"] == "processing"


def test_an_order_on_a_persons_desk_does_not_show_the_operators_words(client: Client) -> None:
    order_id = post(client).json()["id"]
    status.mark_needs_attention(Order.objects.get().pk, "capture_payment: ReadTimeout")
    body = client.get(f"/api/orders/{order_id}").json()
    assert body["status"] == "needs_attention"
    assert "A person is looking at your order" in body["reason"]


def test_cards_of_the_stand_in_are_refused_in_production(client: Client, settings: Any) -> None:
    settings.LOCAL = False
    assert post(client, {**BODY, "payment_method": "pm_card_answerLost"}).status_code == 400
    assert post(client, {**BODY, "payment_method": "pm_1OqYvz2eZvKYlo2C"}).status_code == 201
