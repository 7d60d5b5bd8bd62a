"""Two-phase commit blocks by its nature: real coordinators, killed with SIGKILL between prepare and commit."""

from __future__ import annotations

import pytest

from tests.support.workers import until
from tests.twophase.databases import IN_DOUBT, cursor_on
from tests.twophase.order import DECIDED, HALF, PREPARED, Order
from tests.twophase.outage import settle_by_hand

from .conftest import PIECES

BLOCKED = "SELECT pid FROM pg_locks WHERE NOT granted AND pg_blocking_pids(pid) = ARRAY[0]"
"""Sessions that wait for a transaction that no session has: a prepared one (PostgreSQL, pg_blocking_pids)."""


@pytest.fixture
def killed(coordinators, databases, orders):
    """`killed(point)`: an order of the vase whose coordinator died there, and a second order that waits behind it."""

    def kill(point):
        for number, dies_at in (("first", point), ("second", "")):
            orders.expect(number)
            coordinators.place(Order(number, "vase", dies_at))
            if dies_at:
                until(coordinators.has_died, what="the coordinator is killed")
        assert coordinators.pair["a"].returncode == -9
        until(lambda: rows(databases.stock, BLOCKED), what="the second order waits for the first one's lock")
        return coordinators

    return kill


def rows(url, statement):
    with cursor_on(url) as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def in_doubt(databases):
    return [gid for url in (databases.shop, databases.stock) for (gid,) in rows(url, IN_DOUBT)]


def left_of(databases, sku):
    return rows(databases.stock, f"SELECT on_hand FROM lab_stock WHERE sku = '{sku}'")[0][0]


def test_what_was_prepared_outlives_its_coordinator_and_blocks_the_next_order_of_the_product(killed, databases, orders):
    pair = killed(DECIDED)
    assert len(in_doubt(databases)) == 2
    pair.place(Order("other", "mug"))
    orders.expect("other")
    until(lambda: orders.count(["other"]), what="an order of another product goes on")
    assert orders.count(["first", "second"]) == 0
    assert rows(databases.stock, BLOCKED), "it still waits: no time-out frees what is prepared"


@pytest.mark.parametrize("point", [DECIDED, HALF])
def test_started_again_it_commits_what_its_log_decided_and_the_waiting_order_goes_on(killed, databases, orders, point):
    killed(point).restart()
    until(lambda: orders.count(["first", "second"]) == 2, what="both orders are done")
    until(lambda: in_doubt(databases) == [], what="nothing is in doubt")
    assert left_of(databases, "vase") == PIECES - 2


def test_started_again_it_rolls_back_what_its_log_does_not_name_and_the_waiting_order_goes_on(
    killed, databases, orders
):
    killed(PREPARED).restart()
    until(lambda: orders.count(["second"]), what="the waiting order is done")
    until(lambda: in_doubt(databases) == [], what="nothing is in doubt")
    assert orders.count(["first"]) == 0
    assert left_of(databases, "vase") == PIECES - 1


def test_without_its_log_it_decides_nothing_until_a_person_does(killed, databases, orders):
    pair = killed(HALF)
    pair.restart(lose_log=True)
    log = pair.folder / "coordinator-a.log"
    until(lambda: "left alone" in log.read_text(), what="the new coordinator has looked")
    assert [gid.rpartition(":")[2] for gid in in_doubt(databases)] == ["stock"]
    assert orders.count(["first"]) == 1, "the shop has committed: to presume an abort would be wrong"
    assert orders.count(["second"]) == 0
    settle_by_hand(databases.shop, databases.stock)
    until(lambda: orders.count(["second"]), what="the waiting order is done")
    assert left_of(databases, "vase") == PIECES - 2
