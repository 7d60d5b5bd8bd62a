"""The backlog is made of the events that a contender wrote itself."""

from __future__ import annotations

import json
import os
from collections import Counter
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.db import connection, transaction

from outbox import publish
from outbox.models import OutboxMessage
from tests.bench.outbox.backlog import Backlog
from tests.bench.outbox.contenders import OUR_TABLE
from tests.bench.outbox.event import order
from tests.bench.outbox.host.events import OrderPlaced

pytestmark = pytest.mark.django_db(transaction=True)
KEYS = 4


@pytest.fixture
def backlog():
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
    one = Backlog(urlunsplit(url), OUR_TABLE, KEYS)
    with transaction.atomic():
        for number in range(KEYS):
            publish(OrderPlaced(**order(number)), key=f"order:{number}")  # type: ignore[arg-type]
    one.keep_model()
    yield one
    one.cursor.execute(f"DROP TABLE {one.model}")
    one.close()


def test_an_event_is_of_about_300_bytes_and_of_one_length():
    lengths = {len(json.dumps(order(number), separators=(",", ":"))) for number in (0, 7, 10**9)}
    assert len(lengths) == 1
    assert 270 <= lengths.pop() <= 330


def test_what_the_contender_wrote_is_set_aside(backlog):
    assert backlog.is_done()


def test_the_rows_are_copies_of_it_by_turns_each_with_an_id_of_its_own(backlog):
    backlog.fill(40)
    rows = list(OutboxMessage.objects.order_by("id"))
    assert Counter(row.key for row in rows) == {f"order:{number}": 10 for number in range(KEYS)}
    assert [row.key for row in rows[:KEYS]] == [f"order:{number}" for number in range(KEYS)]
    assert json.loads(rows[1].payload) == order(1)
    assert len({row.message_id for row in rows}) == 40


def test_the_backlog_is_done_when_the_last_row_is(backlog):
    backlog.fill(2)
    OutboxMessage.objects.order_by("id")[0].delete()
    assert not backlog.is_done()
    OutboxMessage.objects.all().delete()
    assert backlog.is_done()
