"""Pieces that come back to the warehouse stand-in, and parcels that are wanted back from the carrier's, over HTTP."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import requests

from orders.participants import carrier, warehouse
from orders.participants.errors import AnswerLost
from sagas import Refused
from tests.support.standins import Standins

IN_TIME = timedelta(seconds=10)


class Order:
    """An order of two pieces that left the warehouse, in a parcel that left the shop."""

    def __init__(self, standins: Standins) -> None:
        self.standins, self.number = standins, f"S-{uuid.uuid4().hex[:8]}"
        self.sku = f"sku-{uuid.uuid4().hex[:8]}"
        standins.set_stock(self.sku, 5)
        warehouse.reserve(self.number, [(self.sku, 2)], key=self.number, timeout=IN_TIME)
        warehouse.commit(self.number, timeout=IN_TIME)
        carrier.book(self.number, key=self.number, timeout=IN_TIME)
        self.tracking = carrier.dispatch(self.number, timeout=IN_TIME).tracking

    def take_back(self, pieces: int = 1, *, key: str = "r1") -> warehouse.Restock:
        return warehouse.take_back(self.number, [(self.sku, pieces)], key=self.key(key), timeout=IN_TIME)

    def give_out(self, key: str = "r1") -> None:
        warehouse.undo_take_back(self.key(key), timeout=IN_TIME)

    def recall(self, key: str = "r1") -> str:
        return carrier.recall(self.tracking, key=self.key(key), timeout=IN_TIME).status

    def let_go(self, key: str = "r1") -> None:
        carrier.undo_recall(self.tracking, key=self.key(key), timeout=IN_TIME)

    def leaves_the_depot(self) -> None:
        where = f"{self.standins.url}/carrier/parcels/{self.tracking}"
        assert requests.put(where, timeout=10).json()["at_depot"] is False

    def key(self, name: str) -> str:
        return f"{self.number}/{name}"

    def did(self, participant: str) -> list[str]:
        return [entry["operation"] for entry in self.standins.ledger(participant, self.number)][2:]

    @property
    def available(self) -> int:
        return self.standins.stock(self.sku)


@pytest.fixture
def order(standins: Standins) -> Order:
    return Order(standins)


def test_pieces_go_back_on_the_shelf_once_a_key(order: Order) -> None:
    assert order.take_back().status == order.take_back().status == "shelved"
    assert order.available == 4
    assert order.did("warehouse") == ["restocked"]


def test_a_lost_answer_puts_them_back_once(order: Order) -> None:
    order.standins.fault("warehouse", operation="restock", kind="lose_answer", order=order.number, times=1)
    with pytest.raises(AnswerLost):
        order.take_back()
    order.take_back()
    assert order.available == 4


def test_no_more_comes_back_than_left_for_the_order(order: Order) -> None:
    order.take_back(2, key="r1")
    with pytest.raises(Refused, match=r"1 of .* would come back, and 0 are out") as no:
        order.take_back(1, key="r2")
    assert no.value.code == "never_left"
    assert order.available == 5


def test_of_two_returns_of_the_last_piece_one_is_taken(order: Order) -> None:
    order.take_back(1, key="r0")

    def act(key: str) -> str:
        try:
            return order.take_back(1, key=key).status
        except Refused as no:
            return no.code

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(act, ["r1", "r2", "r3", "r4"])) == ["never_left"] * 3 + ["shelved"]


def test_pieces_are_given_out_again_by_key(order: Order) -> None:
    order.take_back(2)
    order.give_out()
    order.give_out()
    assert order.available == 3
    assert order.did("warehouse") == ["restocked", "unrestocked"]
    with pytest.raises(Refused, match="taken back"):
        order.take_back(2)


def test_what_never_came_is_given_out_without_ado_and_comes_no_more(order: Order) -> None:
    order.give_out()
    with pytest.raises(Refused, match="taken back"):
        order.take_back()
    assert order.did("warehouse") == []


def test_pieces_that_somebody_bought_in_the_meantime_cannot_be_given_out(order: Order) -> None:
    order.take_back(2)
    warehouse.reserve("S-other", [(order.sku, 4)], key=order.key("other"), timeout=IN_TIME)
    with pytest.raises(Refused, match=r"2 of .* came back, and 1 are left on the shelf") as no:
        order.give_out()
    assert no.value.code == "sold_again"


def test_a_parcel_at_the_depot_is_stopped_once_and_can_go_on(order: Order) -> None:
    assert order.recall() == order.recall() == "stopped"
    order.let_go()
    order.let_go()
    assert order.did("carrier") == ["recalled", "unrecalled"]
    with pytest.raises(Refused, match="taken back"):
        order.recall()


def test_a_parcel_that_has_left_the_depot_goes_on(order: Order) -> None:
    order.leaves_the_depot()
    assert order.recall() == "on_its_way"
    order.let_go()
    assert order.did("carrier") == []


def test_a_recall_that_was_stopped_stays_so_when_it_is_asked_again_later(order: Order) -> None:
    assert order.recall() == "stopped"
    order.leaves_the_depot()
    assert order.recall() == "stopped"


def test_a_parcel_that_was_never_sent_cannot_be_recalled(standins: Standins) -> None:
    for number in ("TRK9999999999", "nonsense", "TRK²"):
        with pytest.raises(Refused) as no:
            carrier.recall(number, key=f"x/{number}", timeout=IN_TIME)
        assert no.value.code == "unknown"
