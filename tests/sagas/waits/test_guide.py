"""The guide's example of waits is run as it stands there."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime, timedelta
from types import ModuleType

import pytest
from django.contrib.auth import get_user_model

from sagas.declare import registry
from sagas.testing import given
from tests.support.workers import ROOT

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def guide(monkeypatch):
    """The module `trips/long_trips.py` of the guide."""
    (code,) = re.findall(r"```python\n(# trips/long_trips.py\n.*?)```", (ROOT / "sagas/README.md").read_text(), re.S)
    module = ModuleType("long_trips_of_the_guide")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(code, module.__dict__)  # noqa: S102 - our own guide
    yield module
    registry.forget(module.long_trip)


def test_the_guides_example_runs(guide):
    boss = get_user_model().objects.create_superuser("boss")
    trip = guide.LongTrip("ann", datetime.now(UTC) + timedelta(days=20))
    story = given(guide.long_trip, trip).calling_participants().signals(guide.supplier_answered, guide.Answer(9))
    story.approves(guide.approved, guide.Approved("7"), by=boss)
    assert story.expect_completed().run.steps.get(name="wish_well").result == 9
