"""A system in which something has happened, so that every metric has a sample."""

from __future__ import annotations

import pytest

from sagas.maintenance.tally import tally
from sagas.models import Tally
from tests.support.sagas import errand as module
from tests.support.sagas.ended import LOST, finished, stuck, undone


@pytest.fixture
def lived(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs that completed, were undone, were retried and are stuck; and a canary."""
    world = module.World()
    monkeypatch.setattr(module, "world", world)
    tally()
    finished("canary")
    tally()
    Tally.objects.filter(kind="run").update(saga="canary")
    world.faults["fetch"] = [LOST]
    finished("retried")
    undone(world, "undone")
    stuck(world, "stuck")
    tally()
