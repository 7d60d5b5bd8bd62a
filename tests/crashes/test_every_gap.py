"""Real workers killed in every gap of three sagas, answers lost at every call, messages doubled: nothing is lost.

One set of processes carries all runs at once, each with a crash of its own. The worker's children are killed; its
main process starts others, as it does when the system runs out of memory. SAGAS_IN_PLACE is tried both ways; with it
the runs begin in hands.
"""

from __future__ import annotations

import uuid

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import TransactionTestCase
from redis import Redis

from config.local.ledger_check import ledgers_of
from orders.models import Order
from orders.placing.place import place_order
from orders.placing.validation import OrderedLine, PlaceOrder
from orders.sagas import ORDER, checkout
from sagas.models import Run
from sagas.testing import WORKER_MODULE, Crashes, crash_points
from tests.conftest import empty_all_tables
from tests.support.workers import Programs

from . import odd

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(400)]
CELERY = ["-m", "celery", "-A", "config"]
WORKER = [
    *CELERY,
    "worker",
    "--without-gossip",
    "--without-mingle",
    "-I",
    f"tests.crashes.odd,tests.crashes.sides,{WORKER_MODULE}",
]


@pytest.fixture(scope="module", params=["1", "0"], ids=["in hands and in place", "a message each"])
def crashes(request, django_db_setup, django_db_blocker, standins_process, tmp_path_factory):
    """All runs of all sagas, carried to their ends by workers that die on the way."""
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        patch.setenv(odd.LEDGER, str(tmp_path_factory.mktemp("ledger")))
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _case: None)  # the runs are looked at by each
        empty()
        standins_process.set_stock("mug-slate", 10_000)
        begun = Crashes(tmp_path_factory.mktemp("plans"))
        programs = Programs(tmp_path_factory.mktemp("logs"))
        begin(begun)
        start_processes(programs, {**begun.environment, **addresses(standins_process.url, in_place=request.param)})
        begun.settle(seconds=200)
        yield begun
        programs.stop()
        empty_all_tables(None)


def empty():
    with Redis.from_url(settings.REDIS_URL) as client:
        client.flushdb()
    empty_all_tables(None)
    call_command("load_local", verbosity=0)


def addresses(standins, *, in_place):
    return {
        "STANDINS_URL": standins,
        "STRIPE_API_KEY": "sk_test_local",
        "STRIPE_API_BASE": f"{standins}/payments",
        "WAREHOUSE_URL": f"{standins}/warehouse",
        "CARRIER_URL": f"{standins}/carrier",
        "SAGAS_IN_PLACE": in_place,
        "LOG_LEVEL": "WARNING",
    }


def start_processes(programs, environment):
    name = uuid.uuid4().hex[:6]
    # A killed child holds its place among the prefetched messages for ten seconds: many, so that others go on.
    doomed = [
        "--pool=prefork",
        "--concurrency=4",
        "--queues=sagas",
        "--prefetch-multiplier=25",
        f"--hostname=doomed-{name}@test",
    ]
    upkeep = ["--pool=threads", "--concurrency=6", "--queues=upkeep,events,default", f"--hostname=upkeep-{name}@test"]
    programs.start("doomed", [*WORKER, *doomed], environment)
    programs.start("upkeep", [*WORKER, *upkeep], environment)
    programs.start("beat", [*CELERY, "beat"], environment)


def begin(crashes):
    crashes.begin(crash_points(checkout), place)
    crashes.begin(crash_points(odd.parcel), lambda: odd.parcel.start(odd.Trip("ann"), key=uuid.uuid4().hex))
    crashes.begin(crash_points(odd.toll), lambda: odd.toll.start(odd.Trip("bob"), key=uuid.uuid4().hex))


def place():
    wish = PlaceOrder("ann@example.com", "pm_card_visa", (OrderedLine("mug-slate", 1),))
    order = place_order(wish, idempotency_key=uuid.uuid4().hex).order
    return Run.objects.get(key=order.saga_key).pk


@pytest.mark.parametrize("point", crash_points(checkout), ids=str)
def test_an_order_settles_and_the_books_agree(crashes, point, standins_process):
    def books_agree(run):
        order = Order.objects.get(pk=run.key.removeprefix(ORDER))
        ledgers = ledgers_of(standins_process.url, order.number)
        assert ledgers.differences(order.status, int(order.total * 100)) == []
        assert ledgers.effects["payments", "captured"] <= 1

    run = crashes.check(point, books_agree)
    assert run.status == ("compensated" if point.undo else "completed")


@pytest.mark.parametrize("point", [*crash_points(odd.parcel), *crash_points(odd.toll)], ids=str)
def test_an_odd_saga_leaves_all_or_nothing_applied(crashes, point):
    def all_or_nothing(run):
        held = {step.name: odd.ledger().has(f"{run.pk}.{step.name}") for step in run.steps.all()}
        assert set(held.values()) == {run.status == "completed"}, held

    run = crashes.check(point, all_or_nothing)
    assert run.status == ("compensated" if point.undo else "completed")
