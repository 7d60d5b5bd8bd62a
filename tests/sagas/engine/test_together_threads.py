"""Threads of a process that record at the same time share a statement, and no thread waits for another one's lock."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from sagas.engine.group_commit import GroupCommit
from tests.support.workers import until


class Database:
    """Writes items; what it is to refuse, and what it is to be slow with, a test says."""

    def __init__(self) -> None:
        self.statements: list[list[str]] = []
        self.locked: dict[str, threading.Event] = {}
        self.refuses: set[str] = set()
        self.fails = False
        self.group: GroupCommit[str, str, str] = GroupCommit(self.alone, self.together, lambda item: item)

    def alone(self, item: str) -> str:
        self.statements.append([item])
        if item in self.locked:
            assert self.locked[item].wait(20)
        if item in self.refuses:
            raise ValueError(item)
        return f"{item} alone"

    def together(self, items: Sequence[str]) -> dict[str, str]:
        self.statements.append(list(items))
        if self.fails:
            raise RuntimeError("the statement fails as a whole")
        return {item: f"{item} together" for item in items if item not in self.locked and item not in self.refuses}


@pytest.fixture
def database() -> Database:
    return Database()


def while_one_writes(database: Database, items: Sequence[str], pool: ThreadPoolExecutor) -> list[object]:
    """The first thread is at the database as the others come; then it goes on."""
    database.locked["first"] = threading.Event()
    first = pool.submit(database.group.do, "first")
    until(lambda: ["first"] in database.statements)
    others = [pool.submit(database.group.do, item) for item in items]
    until(lambda: len(database.group._queue) == len(items))
    database.locked.pop("first").set()
    assert first.result(20) == "first alone"
    return [other.exception(20) or other.result(20) for other in others]


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    monkeypatch.setattr("sagas.engine.group_commit.LONGEST", 30.0)


def test_those_who_come_while_one_writes_share_the_next_statement(database):
    with ThreadPoolExecutor(5) as pool:
        came = while_one_writes(database, ["a", "b", "c", "d"], pool)
    assert came == ["a together", "b together", "c together", "d together"]
    assert [sorted(one) for one in database.statements] == [["first"], ["a", "b", "c", "d"]]


def test_one_that_is_left_out_is_written_by_itself_and_raises_its_own_error(database):
    database.refuses = {"b"}
    with ThreadPoolExecutor(5) as pool:
        a, b, c = while_one_writes(database, ["a", "b", "c"], pool)
    assert (a, str(b), c) == ("a together", "b", "c together")


def test_a_statement_that_fails_as_a_whole_is_written_one_by_one(database):
    database.fails = True
    with ThreadPoolExecutor(5) as pool:
        came = while_one_writes(database, ["a", "b", "c"], pool)
    assert came == ["a alone", "b alone", "c alone"]


@pytest.mark.parametrize("held", ["a", "b"], ids=["of the one that leads", "of one that follows"])
def test_a_lock_on_one_item_holds_up_no_other(database, held):
    lock = database.locked[held] = threading.Event()
    with ThreadPoolExecutor(6) as pool:
        database.locked["first"] = threading.Event()
        first = pool.submit(database.group.do, "first")
        until(lambda: ["first"] in database.statements)
        held_up: list[Future[str]] = []
        others: list[Future[str]] = []
        for item in ("a", "b", "c"):
            (held_up if item == held else others).append(pool.submit(database.group.do, item))
        until(lambda: len(database.group._queue) == 3)
        database.locked.pop("first").set()
        assert first.result(20) == "first alone"
        assert {other.result(20)[2:] for other in others} == {"together"}
        assert database.group.do("d") == "d alone", "nor one that comes later"
        lock.set()
        assert held_up[0].result(20) == f"{held} alone"


def test_a_lock_that_one_by_itself_waits_for_holds_up_no_other_for_long(database, monkeypatch):
    monkeypatch.setattr("sagas.engine.group_commit.LONGEST", 0.05)
    lock = database.locked["a"] = threading.Event()
    with ThreadPoolExecutor(3) as pool:
        held_up = pool.submit(database.group.do, "a")
        until(lambda: ["a"] in database.statements)
        others = [pool.submit(database.group.do, item) for item in ("b", "c")]
        assert [other.result(20) for other in others] == ["b alone", "c alone"]
        lock.set()
        assert held_up.result(20) == "a alone"
    assert database.group.do("d") == "d alone"
    assert not database.group._busy
