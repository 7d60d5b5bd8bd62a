"""Real processes killed with SIGKILL, and Redis emptied, while orders are on their way: they settle all the same.

Each test states its bound in seconds. It is made of the claim's lease (the step's timeout, once more for a probe, and
SAGAS_LEASE_MARGIN), SAGAS_PATIENCE for a chain that was lost, one sweep, and the start of a new process. Orders that
events carry have OUTBOX_REDELIVER_AFTER instead of lease and patience, which is no longer here.
"""

from __future__ import annotations

import pytest
from django.conf import settings
from django.core.management import call_command
from redis import Redis

from outbox.models import OutboxMessage
from tests.flows.stack import COORDINATIONS, Stack, attempts_of, run_of, statuses
from tests.flows.stack import until_step as at_step
from tests.support.workers import until

START = 8  # seconds for a new process to be at work on a busy machine
WAREHOUSE_LEASE = 10
PAYMENTS_LEASE = 25
PATIENCE = 10
REDELIVER_AFTER = 8

DIES_BEFORE_MARK = """
import os, signal, django
django.setup()
from outbox import sql
from outbox.tasks import relay
sql.mark = lambda *arguments, **named: os.kill(os.getpid(), signal.SIGKILL)
relay()
"""


@pytest.fixture(params=COORDINATIONS)
def shop(programs, standins, monkeypatch, request):
    """A shop with its catalogue, and orders carried by sagas or by events; the test starts the processes it wants."""
    monkeypatch.setenv("TEST_REDELIVER_AFTER", str(REDELIVER_AFTER))
    call_command("load_local", verbosity=0)
    return Stack(programs, standins, request.param)


def effects(shop, participant, order):
    return [entry["operation"] for entry in shop.standins.ledger(participant, order.number)]


def test_a_worker_killed_in_a_step_delays_its_order_by_the_lease(shop):
    shop.start()
    shop.standins.fault("warehouse", operation="reserve", kind="slow", delay=4, times=1)
    order = shop.place()
    at_step(order, "reserve_stock")
    shop.worker.kill()
    shop.worker = shop.start_worker()
    assert shop.settled(order, WAREHOUSE_LEASE + START + 10).status == "confirmed"
    assert attempts_of(order, "reserve_stock") == 2
    if shop.coordination == "saga":
        assert [a.outcome for a in run_of(order).attempts.filter(step="reserve_stock")] == ["lost", "done"]
    assert effects(shop, "warehouse", order) == ["reserved", "committed"]
    shop.check_books(order)


def test_a_worker_that_starts_again_under_its_name_waits_for_no_lease(shop, monkeypatch):
    monkeypatch.setenv("TEST_LEASE_MARGIN", "600")
    monkeypatch.setenv("TEST_REDELIVER_AFTER", "600")
    shop.relay, shop.beat = shop.start_relay(), shop.start_beat()
    worker = shop.start_worker("worker@test")
    shop.standins.fault("warehouse", operation="reserve", kind="slow", delay=4, times=1)
    order = shop.place()
    at_step(order, "reserve_stock")
    worker.kill()
    shop.start_worker("worker@test")
    assert shop.settled(order, START + 30).status == "confirmed"
    assert attempts_of(order, "reserve_stock") == 2
    assert effects(shop, "warehouse", order) == ["reserved", "committed"]
    shop.check_books(order)


def test_a_worker_killed_while_the_bank_captures_charges_once(shop):
    shop.start()
    shop.standins.fault("payments", operation="capture", kind="slow", delay=3, times=1)
    order = shop.place()
    at_step(order, "capture_payment")
    shop.worker.kill()
    shop.worker = shop.start_worker()
    assert shop.settled(order, PAYMENTS_LEASE + START + 10).status == "confirmed"
    assert effects(shop, "payments", order).count("captured") == 1
    shop.check_books(order)


def test_a_worker_killed_in_an_undo_undoes_all_the_same(shop):
    shop.start()
    shop.standins.fault("carrier", operation="book", kind="refuse", code="cannot_ship", times=1)
    shop.standins.fault("warehouse", operation="release", kind="slow", delay=3, times=1)
    order = shop.place()
    at_step(order, "reserve_stock", "undoing")
    shop.worker.kill()
    shop.worker = shop.start_worker()
    assert shop.settled(order, WAREHOUSE_LEASE + START + 10).status == "cancelled"
    shop.check_books(order)


def test_redis_emptied_in_mid_flight_costs_seconds_and_no_order(shop):
    shop.start()
    shop.standins.fault("warehouse", operation="reserve", kind="slow", delay=1, times=12)
    orders = [shop.place() for _ in range(12)]
    at_step(orders[0], "reserve_stock")
    with Redis.from_url(settings.REDIS_URL) as client:
        client.flushall()
    for order in orders:
        assert shop.settled(order, 2 * PATIENCE + WAREHOUSE_LEASE + 20).status == "confirmed"
        shop.check_books(order)


def test_a_relay_killed_between_publish_and_mark_makes_doubles_that_do_nothing(shop):
    order = shop.place()
    doomed = shop.programs.start("doomed-relay", ["-c", DIES_BEFORE_MARK], {"DJANGO_SETTINGS_MODULE": "tests.settings"})
    assert doomed.process.wait(30) == -9
    assert OutboxMessage.objects.exists(), "the messages must be unmarked for this test to mean anything"
    shop.start()
    assert shop.settled(order, 2 * START + 20).status == "confirmed"
    assert effects(shop, "payments", order) == ["authorized", "captured"]
    shop.check_books(order)


def test_everything_killed_at_once_and_started_again(shop):
    shop.start()
    cards = ["pm_card_visa", "pm_card_visa_chargeDeclined", "pm_card_answerLost"]
    orders = [shop.place(card) for card in cards * 3]
    until(lambda: statuses(orders[0])["authorize_payment"] == "done", 30, what="the first order on its way")
    for program in (shop.worker, shop.relay, shop.beat):
        program.kill()
    shop.start()
    for order in orders:
        assert shop.settled(order, PAYMENTS_LEASE + 2 * PATIENCE + START + 30).status in {"confirmed", "cancelled"}
        shop.check_books(order)
