"""The statements of the hot path are prepared once for each connection, where connections can keep them."""

from __future__ import annotations

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from sagas import Refused
from sagas.models import Run

from .driver import begin, carry
from .errand import Errand, errand

pytestmark = pytest.mark.django_db(transaction=True)


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
