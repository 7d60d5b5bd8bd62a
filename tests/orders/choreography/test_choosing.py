"""How an order is carried is chosen when it is placed: by the client, else by the setting."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from orders.errors import KeyReused
from orders.models import Order
from orders.placing.place import place_order
from orders.placing.validation import PlaceOrder
from outbox.declare.events import registry
from outbox.models import OutboxMessage
from sagas.models import Run
from tests.support.workers import ROOT

pytestmark = pytest.mark.django_db
OPENED = "orders.choreography.checkout_opened"


def post(client: Client, **more: Any) -> Any:
    body = {"email": "ann@example.com", "payment_method": "pm_card_visa", "lines": [{"sku": "mug", "quantity": 2}]}
    raw = json.dumps({**body, **more})
    return client.post("/api/orders", raw, content_type="application/json", headers={"Idempotency-Key": "k1"})


def types() -> set[str]:
    return set(OutboxMessage.objects.values_list("type", flat=True))


@pytest.mark.usefixtures("products")
def test_an_order_that_asks_for_it_is_carried_by_events_and_has_no_saga(client: Client) -> None:
    answer = post(client, coordination="choreography")
    assert answer.status_code == 201
    assert answer.json()["coordination"] == "choreography"
    assert [step["status"] for step in answer.json()["steps"]] == ["pending"] * 7
    assert not Run.objects.exists()
    assert types() == {"orders.order_placed", OPENED}


@pytest.mark.usefixtures("products")
def test_an_order_that_asks_for_a_saga_has_no_journey(client: Client, settings: Any) -> None:
    settings.ORDERS_COORDINATION = "choreography"
    assert post(client, coordination="saga").json()["coordination"] == "saga"
    assert Run.objects.count() == 1
    assert types() == {"orders.order_placed", "sagas.run_ready"}


@pytest.mark.usefixtures("products")
@pytest.mark.parametrize("default", ["saga", "choreography"])
def test_an_order_that_says_nothing_is_carried_as_the_setting_says(client: Client, settings: Any, default: str) -> None:
    settings.ORDERS_COORDINATION = default
    assert post(client).json()["coordination"] == default


@pytest.mark.usefixtures("products")
@pytest.mark.parametrize("nonsense", ["", "both", "Saga", 7, None, ["saga"], {"is": "saga"}])
def test_any_other_way_is_refused_in_words(client: Client, nonsense: object) -> None:
    answer = post(client, coordination=nonsense)
    assert answer.status_code == 400
    assert answer.json() == {"errors": {"coordination": ["Choose saga or choreography, or leave it out."]}}
    assert not Order.objects.exists()


def test_a_repeated_request_that_asks_for_another_way_is_another_request(wish: PlaceOrder) -> None:
    place_order(replace(wish, coordination="saga"), idempotency_key="k1")
    with pytest.raises(KeyReused):
        place_order(replace(wish, coordination="choreography"), idempotency_key="k1")


def test_a_changed_default_does_not_make_a_repeated_request_another_one(wish: PlaceOrder, settings: Any) -> None:
    first = place_order(wish, idempotency_key="k1").order
    settings.ORDERS_COORDINATION = "choreography"
    again = place_order(wish, idempotency_key="k1")
    assert (again.order, again.created, again.order.coordination) == (first, False, "saga")


def test_a_developer_may_choose_on_the_page_and_nobody_else(client: Client, wish: PlaceOrder, settings: Any) -> None:
    assert '<select id="coordination"' in client.get("/").content.decode()
    form = {"token": "0" * 32, "email": "a@example.com", "payment_method": "pm_card_visa", "quantity-mug": "1"}
    client.post("/checkout", {**form, "coordination": "choreography"})
    assert Order.objects.get().coordination == "choreography"
    settings.LOCAL = False
    assert "coordination" not in client.get("/").content.decode()
    form.update({"token": "1" * 32, "email": "b@example.com", "payment_method": "pm_1OqYvz2eZvKYlo2C"})
    client.post("/checkout", {**form, "coordination": "choreography"})
    assert Order.objects.filter(coordination="saga").count() == 1


def test_a_mistake_keeps_the_way_that_was_chosen(client: Client, wish: PlaceOrder) -> None:
    form = {"token": "0" * 32, "email": "", "payment_method": "pm_card_visa", "quantity-mug": "1"}
    page = client.post("/checkout", {**form, "coordination": "choreography"}).content.decode()
    assert '<option value="choreography" selected>' in page


def test_an_order_that_a_saga_carries_makes_no_delivery_to_those_who_react_to_events(wish: PlaceOrder) -> None:
    place_order(wish, idempotency_key="k1")
    for declared in registry.subscribers.values():
        if declared.name.split(".")[0] in ("payments", "warehouse", "carrier", "shop"):
            assert declared.event.name.startswith("orders.choreography."), declared.name


def test_a_setting_that_names_no_way_stops_the_program_and_says_which_there_are() -> None:
    env = {**os.environ, "ORDERS_COORDINATION": "both"}
    ended = subprocess.run([sys.executable, "-c", "import config.settings"], env=env, cwd=ROOT, capture_output=True)
    assert ended.returncode != 0
    assert b"ORDERS_COORDINATION='both': use saga or choreography." in ended.stderr
