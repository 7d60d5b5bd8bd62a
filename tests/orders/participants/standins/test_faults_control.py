"""`/_companies` and `/_faults`: what each stand-in can have go wrong, who set it, and when it ends."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
import requests

from config.standins.companies import COMPANIES
from tests.support.standins import Standins
from tests.support.workers import until


def add(standins: Standins, company: str, **fault: Any) -> requests.Response:
    return requests.post(f"{standins.url}/{company}/_faults", json=fault, timeout=10)


def known(standins: Standins, company: str) -> dict[str, Any]:
    results = requests.get(f"{standins.url}/_companies", timeout=10).json()["results"]
    return next(dict(one) for one in results if one["name"] == company)


def book(standins: Standins, order: str) -> int:
    """The carrier's answer to a booking."""
    key = {"Idempotency-Key": uuid.uuid4().hex}
    return requests.post(f"{standins.url}/carrier/bookings", json={"order": order}, headers=key, timeout=10).status_code


@pytest.mark.parametrize("company", COMPANIES)
def test_each_company_says_what_it_does_and_takes_every_fault_that_it_names(standins: Standins, company: str) -> None:
    told = known(standins, company)
    assert told["keeps"] == COMPANIES[company]
    assert told["operations"]
    assert told["faults"] == []
    for operation in told["operations"]:
        assert operation["says"].endswith("."), operation
        for kind, says in operation["kinds"].items():
            assert says
            answer = add(standins, company, operation=operation["name"], kind=kind, order="nobody's")
            assert answer.status_code == 201, answer.text


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"operation": "fly", "kind": "down"}, "carrier does no 'fly'. It does: book, cancel, dispatch,"),
        ({"operation": "book", "kind": "odd"}, "carrier knows no 'odd' of book. It knows: slow, fail, refuse,"),
        ({"kind": "odd"}, "carrier knows no 'odd' of *. It knows: slow,"),
        ({"operation": "book"}, "missing required field `kind`"),
        ({"kind": "down", "minutes": 0}, "`$.minutes`"),
        ({"kind": "down", "minutes": 1e9}, "`$.minutes`"),
        ({"kind": "slow", "delay": 3600}, "`$.delay`"),
        ({"kind": "down", "order": "nul\0"}, "`$.order`"),
        ({"kind": "down", "for": "ever"}, "unknown field `for`"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_with_what_does(
    standins: Standins, wrong: dict[str, Any], words: str
) -> None:
    answer = add(standins, "carrier", **wrong)
    assert answer.status_code == 400
    assert words in answer.json()["error"]
    assert known(standins, "carrier")["faults"] == []


def test_a_fault_says_who_set_it_when_and_how_often_it_hit(standins: Standins) -> None:
    order = uuid.uuid4().hex
    add(standins, "carrier", operation="book", kind="unavailable", order=order, set_by="ann", minutes=5)
    assert [book(standins, order) for _ in range(2)] == [503, 503]
    [fault] = known(standins, "carrier")["faults"]
    assert (fault["set_by"], fault["hits"], fault["times"]) == ("ann", 2, None)
    lasts = datetime.fromisoformat(fault["until"]) - datetime.fromisoformat(fault["set_at"])
    assert lasts == timedelta(minutes=5)


def test_calls_at_once_are_all_counted(standins: Standins) -> None:
    order = uuid.uuid4().hex
    add(standins, "carrier", operation="book", kind="unavailable", order=order, times=6)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: book(standins, order), range(8)))
    assert sorted(answers) == [201, 201, *[503] * 6]


def test_a_fault_ends_by_itself(standins: Standins) -> None:
    order = uuid.uuid4().hex
    add(standins, "carrier", kind="unavailable", order=order, minutes=0.5 / 60)
    assert book(standins, order) == 503
    until(lambda: known(standins, "carrier")["faults"] == [], what="the fault is over")
    assert book(standins, order) == 201


def test_a_fault_for_one_order_goes_before_an_older_one_for_all(standins: Standins) -> None:
    order = uuid.uuid4().hex
    add(standins, "carrier", kind="slow", delay=0)
    add(standins, "carrier", operation="book", kind="slow", delay=0)
    add(standins, "carrier", kind="unavailable", order=order)
    assert (book(standins, order), book(standins, "another")) == (503, 201)
    hits = {(one["operation"], one["order"]): one["hits"] for one in known(standins, "carrier")["faults"]}
    assert hits == {("*", order): 1, ("book", ""): 1, ("*", ""): 0}


def test_a_fault_can_take_the_place_of_the_one_before(standins: Standins) -> None:
    add(standins, "carrier", kind="down", order="one")
    for kind in ("down", "unavailable"):
        add(standins, "carrier", kind=kind, instead=True)
    assert [(one["order"], one["kind"]) for one in known(standins, "carrier")["faults"]] == [
        ("one", "down"),
        ("", "unavailable"),
    ]


@pytest.mark.parametrize(
    ("where", "left"),
    [({}, []), ({"order": "one"}, ["book all"]), ({"operation": "book"}, ["* one"]), ({"order": ""}, ["* one"])],
)
def test_faults_are_cleared_all_or_for_an_order_or_an_operation(
    standins: Standins, where: dict[str, str], left: list[str]
) -> None:
    add(standins, "carrier", kind="down", order="one")
    add(standins, "carrier", operation="book", kind="down")
    answer = requests.delete(f"{standins.url}/carrier/_faults", params=where, timeout=10)
    assert answer.json() == {"cleared": 2 - len(left)}
    assert [f"{one['operation']} {one['order'] or 'all'}" for one in known(standins, "carrier")["faults"]] == left


def test_another_name_of_an_operation_is_the_same_operation(standins: Standins) -> None:
    assert add(standins, "payments", operation="authorize", kind="fail").json()["operation"] == "confirm"
