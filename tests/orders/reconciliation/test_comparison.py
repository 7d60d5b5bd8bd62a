"""The books are compared by a schedule of the engine: one run a night, tried again while the processor fails."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings as project

from orders.reconciliation.comparison import nightly
from orders.reconciliation.models import Reconciliation
from outbox.models import Heartbeat
from sagas.models import Run
from sagas.testing import schedules_look
from tests.support.sagas.driver import carry

pytestmark = pytest.mark.django_db(transaction=True)
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def test_each_night_is_one_comparison_up_to_an_hour_before(standins):
    assert schedules_look(NOON) == 0
    assert schedules_look(NOON + timedelta(days=1)) == 1
    assert schedules_look(NOON + timedelta(days=1)) == 0
    run = Run.objects.get(name="comparison")
    assert run.key == "books-nightly:2026-05-02T01:10:00Z"
    standins.fault("payments", operation="list", kind="fail", times=1)
    assert carry(run.pk).status == "completed"
    done = Reconciliation.objects.get(ended_at__isnull=False)
    assert done.until == datetime(2026, 5, 2, 1, 10, tzinfo=UTC) - project.ORDERS_RECONCILE_SETTLED
    assert Heartbeat.objects.filter(name="orders.reconcile").exists()


def test_beat_only_ticks():
    assert not [name for name in project.CELERY_BEAT_SCHEDULE if "night" in name]
    assert nightly.overlap == "skip"
