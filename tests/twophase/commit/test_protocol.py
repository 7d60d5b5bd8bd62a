"""The coordinator's rules, in this process: both or neither, its log, and whose transactions it may touch."""

from __future__ import annotations

import pytest

from tests.bench.errors import BenchError
from tests.twophase.commit.branch import Branch, take_stock
from tests.twophase.commit.coordinator import Coordinator
from tests.twophase.commit.journal import Journal
from tests.twophase.commit.recovery import resolve
from tests.twophase.conftest import QUICK
from tests.twophase.databases import IN_DOUBT, cursor_on, require_prepared
from tests.twophase.order import AT_ONCE, STOCK_FIRST, STOCK_LAST, Order, Refused


@pytest.fixture
def journal(tmp_path):
    journal = Journal(tmp_path / "log")
    yield journal
    journal.close()


def count(url, statement):
    with cursor_on(url) as cursor:
        cursor.execute(statement)
        return len(cursor.fetchall())


@pytest.mark.parametrize("how", [STOCK_FIRST, AT_ONCE, STOCK_LAST])
def test_both_databases_take_an_order_or_neither_does(databases, journal, how):
    databases.fill(["vase"], 1)
    coordinator = Coordinator(databases, journal, QUICK, how, 2)
    coordinator.carry_out(Order("first", "vase"))
    with pytest.raises(Refused, match="out_of_stock"):
        coordinator.carry_out(Order("second", "vase"))
    for url, table in (
        (databases.shop, "lab_order"),
        (databases.shop, "lab_payment"),
        (databases.stock, "lab_reservation"),
    ):
        assert count(url, f"SELECT number FROM {table}") == 1
    assert count(databases.shop, IN_DOUBT) == count(databases.stock, IN_DOUBT) == 0


def test_a_vote_that_fails_aborts_what_the_other_has_prepared(databases, journal, monkeypatch):
    coordinator = Coordinator(databases, journal, QUICK, STOCK_LAST, 2)
    gid = Branch.gid
    monkeypatch.setattr(Branch, "gid", lambda one, name: "x" * 300 if one.name == "stock" else gid(one, name))
    with pytest.raises(Exception, match="too long"):
        coordinator.carry_out(Order("first", "vase"))
    assert count(databases.shop, IN_DOUBT) == 0
    assert count(databases.shop, "SELECT 1 FROM lab_order") == 0


def test_only_what_an_earlier_life_left_is_settled(databases, journal, tmp_path):
    branch = Branch("stock", databases.stock, take_stock, QUICK)
    branch.work(Order("first", "vase"))
    branch.prepare(journal.name("first"))
    assert resolve(journal, [databases.stock]).rolled_back == []
    next_life = Journal(tmp_path / "log")
    assert next_life.id == journal.id
    assert resolve(next_life, [databases.stock]).rolled_back == [branch.gid(journal.name("first"))]
    next_life.close()


def test_a_decision_is_read_back_and_half_a_record_is_not(tmp_path):
    path = tmp_path / "log"
    journal = Journal(path)
    journal.commit(journal.name("first"))
    journal.close()
    with path.open("ab") as file:
        file.write(b'{"commit": "' + journal.name("second").encode())
    for _ in range(2):  # what was cut off does not spoil the next record either
        again = Journal(path)
        assert again.says_commit(journal.name("first"))
        assert not again.says_commit(journal.name("second"))
        again.close()


def test_a_log_begun_anew_is_another_log(tmp_path):
    journal, other = Journal(tmp_path / "log"), Journal(tmp_path / "new")
    assert journal.id != other.id
    journal.close()
    other.close()


def test_a_server_that_keeps_no_prepared_transactions_is_refused_with_what_to_do(databases):
    with pytest.raises(BenchError, match="max_prepared_transactions = 100000 or more"):
        require_prepared(databases.shop, 100_000)
