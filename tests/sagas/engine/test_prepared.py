"""The statements of the hot path are prepared once for each connection, where connections can keep them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError, connection, transaction
from django.db.models import Model
from django.test.utils import CaptureQueriesContext

from sagas import Refused, sql
from sagas.engine import executor
from sagas.engine.continuation import RunNext
from sagas.maintenance.sweep import ring_overdue
from sagas.models import Run, Step
from tests.support.sagas.clock import LONG_AGO
from tests.support.sagas.driver import begin, carry, link
from tests.support.sagas.errand import Errand, errand

pytestmark = pytest.mark.django_db(transaction=True)
TEXTS: dict[type[Model], tuple[str, ...]] = {
    Run: ("name", "key", "status", "code", "request_id", "traceparent"),
    Step: ("name", "status", "error_class", "error_code"),
}


def prepared_in(captured: CaptureQueriesContext) -> list[str]:
    return [query["sql"].split()[1] for query in captured if query["sql"].startswith("PREPARE")]


@pytest.fixture(autouse=True)
def fresh_connection():
    connection.close()


def test_each_statement_is_prepared_once_for_a_connection(world):
    with CaptureQueriesContext(connection) as captured:
        for key in ("one", "two"):
            assert carry(begin(errand, Errand("milk"), key=key)).status == "completed"
    names = prepared_in(captured)
    assert "saga_claim_step" in names
    assert len(names) == len(set(names))


RESULT = {"run": uuid4(), "name": "fetch"}


def plans_of(times: int) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        for _ in range(times):
            assert sql.RESULT.rows(RESULT) == []
    return [query["sql"].split()[0] for query in captured if not query["sql"].startswith("EXECUTE")]


def test_a_statement_is_planned_again_as_its_tables_may_have_grown():
    assert plans_of(16) == ["PREPARE"]
    assert plans_of(1) == ["DEALLOCATE", "PREPARE"]
    assert plans_of(47) == []
    assert plans_of(1) == ["DEALLOCATE", "PREPARE"]


def test_where_planning_again_fails_the_next_execution_plans():
    """As when a migration holds the table for longer than one waits for it."""
    plans_of(16)
    with locked("saga_step"), connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '50ms'")
        with pytest.raises(OperationalError):
            sql.RESULT.rows(RESULT)
        cursor.execute("RESET lock_timeout")
    assert plans_of(17) == ["PREPARE", "DEALLOCATE", "PREPARE"]


@contextmanager
def locked(table: str) -> Iterator[None]:
    """As a migration locks it that changes the table."""
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute(f"LOCK TABLE {table}")
            yield
    finally:
        other.close()


def test_a_new_connection_prepares_them_anew(world):
    begin(errand, Errand("milk"), key="one")
    connection.close()
    with CaptureQueriesContext(connection) as captured:
        begin(errand, Errand("milk"), key="two")
    assert prepared_in(captured) == ["saga_start"]


def test_what_was_prepared_in_a_transaction_that_is_rolled_back_stays_prepared(world):
    with transaction.atomic():
        errand.start(Errand("milk"), key="one")
        transaction.set_rollback(True)
    begin(errand, Errand("milk"), key="two")
    assert [run.key for run in Run.objects.all()] == ["two"]


def test_behind_a_pool_that_keeps_nothing_they_go_out_as_they_are(world, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", True)
    world.faults["pay"] = [Refused("card_declined")]
    with CaptureQueriesContext(connection) as captured:
        statuses = [carry(begin(errand, Errand("milk"), key=key)).status for key in ("one", "two")]
    assert statuses == ["compensated", "completed"]
    assert not [query for query in captured if query["sql"].startswith(("PREPARE", "EXECUTE"))]


@pytest.fixture
def widen() -> Iterator[Callable[[], None]]:
    """Makes each text one character longer, as a migration does; shorter again after the test."""

    def all_by(more: int) -> None:
        for model, names in TEXTS.items():
            for name in names:
                field: Any = model._meta.get_field(name)
                length = field.max_length + more
                with connection.cursor() as cursor:
                    cursor.execute(f"ALTER TABLE {model._meta.db_table} ALTER COLUMN {name} TYPE varchar({length})")

    yield lambda: all_by(1)
    all_by(0)


def test_a_worker_goes_on_while_a_migration_makes_texts_longer(world, widen, monkeypatch):
    monkeypatch.setattr("sagas.maintenance.sweep.send", list)

    def every_statement(key: str) -> None:
        world.faults["pay"] = [Refused("card_declined")]
        run_id = begin(errand, Errand("milk"), key=key)
        Run.objects.update(wake_at=LONG_AGO)
        assert ring_overdue() == 1
        verdict = executor.run_step(link(Run.objects.get(), "fetch", ahead=lambda _step: "next"))
        while isinstance(verdict, RunNext):
            verdict = executor.proceed(verdict.work)
        assert carry(run_id).status == "compensated"
        Run.objects.all().delete()

    every_statement("before")
    widen()
    every_statement("after")
