"""Fixtures of the engine's tests."""

from __future__ import annotations

import pytest

from tests.support.sagas import errand as module


@pytest.fixture
def world(monkeypatch):
    """A fresh participant for the test's errands."""
    fresh = module.World()
    monkeypatch.setattr(module, "world", fresh)
    return fresh
