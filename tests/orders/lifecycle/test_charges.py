"""What orders were charged before the shop kept it is read from their runs and journeys by the migration."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module

import pytest
from django.db import connection

from orders.models import Order
from orders.placing.place import place_order
from orders.sagas import checkout
from sagas.testing import given_run
from tests.orders.choreography.story import EventStory, all_goes_well

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("coordination", ["saga", "choreography"])
def test_charges_of_earlier_orders_are_kept(wish, coordination):
    order = place_order(replace(wish, coordination=coordination), idempotency_key="k1").order
    told = EventStory(order) if coordination == "choreography" else given_run(checkout, key=order.saga_key)
    all_goes_well(told, order.saga_key).expect_completed()
    Order.objects.update(charged=0, payment_intent="")
    migration = import_module("orders.migrations.0003_payments")
    with connection.cursor() as cursor:
        cursor.execute(migration.CHARGED_BY_SAGAS)
        cursor.execute(migration.CHARGED_BY_EVENTS)
    order.refresh_from_db()
    assert (order.payment_intent, order.charged) == ("pi_1", 16600)
