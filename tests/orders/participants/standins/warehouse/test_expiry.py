"""Reservations that expire, and every order in which a key can be reserved, released, committed and expired."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.standins import Standins
from tests.support.workers import until

from .caller import Caller, at_once, code
from .own_warehouse import empty_warehouse, run


def rival(shop: Caller) -> Caller:
    """Another order for the same goods."""
    other = Caller(shop.standins, pieces=0)
    other.sku = shop.sku
    return other


def test_what_nobody_takes_in_time_is_given_back_by_the_warehouse_itself(shop: Caller) -> None:
    shop.reserve(2)
    assert shop.expire(within=0.2).json()["status"] == "reserved"
    until(lambda: shop.find().json()["status"] == "expired", 20, what="the upkeep lets it expire")
    assert (shop.available, shop.did()) == (5, ["reserved", "expired"])


def test_a_key_that_expired_reserves_nothing_any_more(shop: Caller) -> None:
    shop.reserve(2)
    shop.expire()
    assert code(shop.reserve(2)) == (409, "reservation_expired")
    assert (shop.available, shop.did()) == (5, ["reserved", "expired"])


def test_a_late_commit_takes_the_pieces_that_are_still_there_once(shop: Caller) -> None:
    shop.reserve(2)
    shop.expire()
    assert [shop.commit().json()["status"], shop.commit().json()["status"]] == ["committed"] * 2
    assert (shop.available, shop.did()) == (3, ["reserved", "expired", "committed"])


def test_a_late_commit_is_refused_when_somebody_else_has_the_pieces_and_works_when_they_are_back(shop: Caller) -> None:
    shop.reserve(5)
    shop.expire()
    other = rival(shop)
    assert other.reserve(1).status_code == 201
    assert code(shop.commit()) == (409, "out_of_stock")
    assert (shop.find().json()["status"], shop.available) == ("expired", 4)
    other.release()
    assert shop.commit().json()["status"] == "committed"
    assert shop.available == 0


def test_what_expired_is_never_given_back_a_second_time(shop: Caller) -> None:
    shop.reserve(2)
    shop.expire()
    assert [shop.release().status_code, shop.expire().status_code, shop.release().status_code] == [200] * 3
    assert (shop.available, shop.did()) == (5, ["reserved", "expired"])
    assert code(shop.commit()) == (409, "released")


def test_what_an_undo_gives_back_another_order_takes_at_once_and_a_second_release_leaves_it_alone(shop: Caller) -> None:
    shop.reserve(5)
    shop.release()
    other = rival(shop)
    assert other.reserve(5).status_code == 201
    assert shop.release().status_code == 200
    assert (other.available, other.commit().status_code) == (0, 200)
    assert requests.put(f"{shop.url}/stock/{shop.sku}", json={"on_hand": 0}, timeout=10).json()["available"] == 0


def test_a_commit_and_its_expiry_at_once_lose_no_piece_and_find_none(standins: Standins) -> None:
    for _ in range(10):
        shop = Caller(standins)
        shop.reserve(2)
        committed, expired = at_once(shop.commit, shop.expire)
        assert (committed.status_code, expired.status_code) == (200, 200)
        assert (shop.find().json()["status"], shop.available) == ("committed", 3)


def test_a_release_and_an_expiry_at_once_give_back_once(standins: Standins) -> None:
    for _ in range(10):
        shop = Caller(standins)
        shop.reserve(2)
        assert {answer.status_code for answer in at_once(shop.release, shop.expire, shop.release)} == {200}
        assert shop.available == 5
        assert sum(Counter(shop.did())[what] for what in ("released", "expired")) == 1


RACE = """
import threading, time
import django
django.setup()
from datetime import timedelta
from django.db import connection, connections, transaction
from config.standins.__main__ import migrate
from config.standins.warehouse import background_jobs, reservations, shelves
from config.standins.warehouse.models import Reservation, Stock
migrate()

def waits():
    with connections["carrier"].cursor() as cursor:  # a third session on the same server
        cursor.execute("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")
        return cursor.fetchone()

with transaction.atomic():
    shelves.count("mug", 5)
    reservations.reserve("k", "S-1", [{"sku": "mug", "quantity": 2}])
    Reservation.objects.update(expires_at="2026-01-01T00:00Z")
expired = []
with transaction.atomic():
    reservations.commit("k")
    other = threading.Thread(target=lambda: expired.append(background_jobs.let_expire()))
    other.start()
    until = time.monotonic() + 20
    while not waits():
        assert time.monotonic() < until, "the upkeep waits for the key"
other.join()
assert (expired, Reservation.objects.get().status) == ([0], "committed"), expired
assert (Stock.objects.get().on_hand, Stock.objects.get().reserved) == (3, 0)
"""


def test_the_upkeep_that_meets_a_commit_on_another_connection_takes_nothing_back() -> None:
    run(["-c", RACE], empty_warehouse("test_warehouse_race"))


@dataclass
class Model:
    """What the warehouse promises, in a few lines: two orders, two pieces each, three in stock."""

    pieces: int = 3
    aside: int = 0
    stands: dict[int, str] = field(default_factory=dict)

    def reserve(self, who: int) -> int:
        stands = self.stands.get(who, "")
        if stands in ("released", "expired"):
            return 409
        if stands:
            return 200
        return self._take(who, "reserved", 201)

    def release(self, who: int) -> int:
        if self.stands.get(who) == "committed":
            return 409
        self.aside -= 2 * (self.stands.get(who) == "reserved")
        self.stands[who] = "released"
        return 200

    def expire(self, who: int) -> int:
        if who not in self.stands:
            return 404
        if self.stands[who] == "reserved":
            self.aside -= 2
            self.stands[who] = "expired"
        return 200

    def commit(self, who: int) -> int:
        stands = self.stands.get(who, "")
        if not stands:
            return 404
        if stands == "released":
            return 409
        if stands == "expired" and self._take(who, "reserved", 200) == 409:
            return 409
        if stands != "committed":
            self.pieces, self.aside, self.stands[who] = self.pieces - 2, self.aside - 2, "committed"
        return 200

    def _take(self, who: int, to: str, answer: int) -> int:
        if self.pieces - self.aside < 2:
            return 409
        self.aside, self.stands[who] = self.aside + 2, to
        return answer


acts = st.tuples(st.sampled_from(["reserve", "reserve", "release", "commit", "expire"]), st.integers(0, 1))


@settings(max_examples=60, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(happenings=st.lists(acts, min_size=3, max_size=10))
def test_whatever_happens_in_whatever_order_the_shelves_hold_what_the_rules_say(
    standins: Standins, happenings: list[tuple[str, int]]
) -> None:
    first = Caller(standins, pieces=3)
    second = rival(first)
    standins.set_stock(first.sku, 3)
    orders, model = (first, second), Model()
    for what, who in happenings:
        answer: requests.Response = getattr(orders[who], what)()
        assert answer.status_code == getattr(model, what)(who), (what, who, answer.text)
        assert first.available == model.pieces - model.aside
    left = requests.put(f"{first.url}/stock/{first.sku}", json={"on_hand": model.pieces}, timeout=10)
    assert left.json()["available"] == model.pieces - model.aside
