"""Fixtures of steps that wait."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth import get_user_model

from sagas.models import Wait
from tests.support.sagas import crossing as module
from tests.support.sagas.crossing import Voyage, crossing
from tests.support.sagas.driver import begin, step_once

IN_A_MONTH = Voyage(datetime.now(UTC) + timedelta(days=30))


@pytest.fixture(autouse=True)
def log(monkeypatch):
    fresh = module.Log()
    monkeypatch.setattr(module, "log", fresh)
    return fresh


@pytest.fixture
def ann():
    return get_user_model().objects.create_user("ann")


@pytest.fixture
def waiting():
    """A run that waits for the supplier's signal."""
    run_id = begin(crossing, IN_A_MONTH)
    for _ in range(3):
        step_once(run_id)
    return run_id


def due_at() -> datetime:
    """When the one open wait is over."""
    due = Wait.objects.get(over_at=None).due_at
    assert due is not None
    return due
