"""Reservations at the warehouse stand-in: by key, all lines or none, and many at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import requests

from tests.support.standins import Standins

from .caller import Caller, at_once, code


def test_a_reservation_puts_the_goods_aside(shop: Caller) -> None:
    answer = shop.reserve(2)
    lines = [{"sku": shop.sku, "quantity": 2}]
    made = answer.json()
    until = datetime.fromisoformat(made.pop("expires_at")) - datetime.now(UTC)
    expected = {"key": shop.key, "order": shop.order, "lines": lines, "status": "reserved"}
    assert (answer.status_code, made) == (201, expected)
    assert timedelta(minutes=59) < until <= timedelta(hours=1)
    assert shop.available == 3
    [entry] = shop.standins.ledger("warehouse", shop.order)
    assert (entry["operation"], entry["key"], entry["lines"]) == ("reserved", shop.key, lines)


def test_the_same_key_and_body_get_the_same_answer_and_reserve_once(shop: Caller) -> None:
    first, second = shop.reserve(2), shop.reserve(2)
    assert (second.status_code, second.json()) == (200, first.json())
    assert (shop.available, shop.did()) == (3, ["reserved"])


def test_the_same_key_with_another_body_is_refused(shop: Caller) -> None:
    shop.reserve(2)
    assert code(shop.reserve(3)) == (422, "key_reused")
    assert (shop.available, shop.did()) == (3, ["reserved"])


def test_too_few_pieces_keep_nothing_and_a_later_try_with_the_key_succeeds(shop: Caller) -> None:
    answer = shop.reserve(6)
    assert code(answer) == (409, "out_of_stock")
    assert answer.json()["error"]["sku"] == shop.sku
    assert (shop.find().status_code, shop.available, shop.did()) == (404, 5, [])
    shop.standins.set_stock(shop.sku, 6)
    assert shop.reserve(6).status_code == 201
    assert (shop.available, shop.did()) == (0, ["reserved"])


def test_all_lines_are_reserved_or_none(shop: Caller) -> None:
    other = Caller(shop.standins, pieces=1)
    lines = [{"sku": shop.sku, "quantity": 1}, {"sku": other.sku, "quantity": 2}]
    assert code(shop.reserve(lines=lines)) == (409, "out_of_stock")
    assert (shop.available, other.available) == (5, 1)


def test_lines_of_one_sku_are_added_up(shop: Caller) -> None:
    line = {"sku": shop.sku, "quantity": 3}
    assert code(shop.reserve(lines=[line, line])) == (409, "out_of_stock")
    assert shop.available == 5


def test_an_unknown_sku_is_refused(shop: Caller) -> None:
    assert code(shop.reserve(lines=[{"sku": "no-such", "quantity": 1}])) == (409, "unknown_sku")


def test_a_release_gives_the_goods_back_once(shop: Caller) -> None:
    shop.reserve(2)
    answers = [shop.release(), shop.release()]
    assert [(answer.status_code, answer.json()["status"]) for answer in answers] == [(200, "released")] * 2
    assert (shop.available, shop.did()) == (5, ["reserved", "released"])


def test_a_key_that_was_released_reserves_nothing_any_more(shop: Caller) -> None:
    shop.reserve(2)
    shop.release()
    assert code(shop.reserve(2)) == (409, "released")
    assert shop.available == 5


def test_a_release_that_comes_first_turns_the_late_reserve_away(shop: Caller) -> None:
    assert shop.release().status_code == 200
    assert code(shop.reserve(2)) == (409, "released")
    assert (shop.find().json()["status"], shop.available, shop.did()) == ("released", 5, [])


def test_a_commit_takes_the_goods_out_once(shop: Caller) -> None:
    shop.reserve(2)
    answers = [shop.commit(), shop.commit()]
    assert [(answer.status_code, answer.json()["status"]) for answer in answers] == [(200, "committed")] * 2
    assert (shop.available, shop.did()) == (3, ["reserved", "committed"])
    assert requests.put(f"{shop.url}/stock/{shop.sku}", json={"on_hand": 3}, timeout=10).json()["available"] == 3


def test_what_was_committed_cannot_be_released(shop: Caller) -> None:
    shop.reserve(2)
    shop.commit()
    assert code(shop.release()) == (409, "already_committed")
    assert (shop.available, shop.did()) == (3, ["reserved", "committed"])


def test_what_was_released_or_never_reserved_cannot_be_committed(shop: Caller) -> None:
    assert code(shop.commit()) == (404, "unknown")
    shop.release()
    assert code(shop.commit()) == (409, "released")
    assert shop.did() == []


def test_a_reservation_is_found_by_its_key(shop: Caller) -> None:
    assert code(shop.find()) == (404, "unknown")
    made = shop.reserve(2).json()
    assert (shop.find().status_code, shop.find().json()) == (200, made)


def test_no_fewer_pieces_are_counted_than_are_put_aside(shop: Caller) -> None:
    shop.reserve(2)
    assert code(requests.put(f"{shop.url}/stock/{shop.sku}", json={"on_hand": 1}, timeout=10)) == (409, "reserved")
    assert shop.available == 3


def test_two_orders_want_the_last_piece_and_exactly_one_gets_it(standins: Standins) -> None:
    for _ in range(10):
        first = Caller(standins, pieces=1)
        second = Caller(standins)
        second.sku = first.sku
        answers = at_once(lambda: first.reserve(1), lambda: second.reserve(1))  # noqa: B023 (called at once)
        assert sorted(answer.status_code for answer in answers) == [201, 409]
        assert first.available == 0
        assert len(first.did() + second.did()) == 1


def test_orders_that_name_the_same_goods_in_any_order_never_deadlock(standins: Standins) -> None:
    shop = Caller(standins)
    skus = [f"{shop.sku}-{number}" for number in range(15)]
    for sku in skus:
        standins.set_stock(sku, 100)
    lines = [{"sku": sku, "quantity": 1} for sku in skus]
    calls = [lambda n=n: shop.reserve(key=f"{shop.key}:{n}", lines=lines if n % 2 else lines[::-1]) for n in range(16)]
    assert [answer.status_code for answer in at_once(*calls)] == [201] * 16
    assert {standins.stock(sku) for sku in skus} == {84}


def test_a_key_sent_twice_at_once_reserves_once(standins: Standins) -> None:
    for _ in range(10):
        shop = Caller(standins)
        answers = at_once(shop.reserve, shop.reserve, shop.reserve)
        assert sorted(answer.status_code for answer in answers) == [200, 200, 201]
        assert (shop.available, shop.did()) == (3, ["reserved"])


def test_a_reserve_and_its_release_at_once_leave_nothing_put_aside(standins: Standins) -> None:
    for _ in range(20):
        shop = Caller(standins)
        reserved, released = at_once(shop.reserve, shop.release)
        assert released.status_code == 200
        assert reserved.status_code in (201, 409)
        assert (shop.available, shop.find().json()["status"]) == (5, "released")
        assert shop.did() == (["reserved", "released"] if reserved.status_code == 201 else [])
