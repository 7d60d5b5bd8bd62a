"""Fixtures of the engine's tests."""

from __future__ import annotations

import math

import pytest

from outbox import doorbell
from sagas.engine import done
from sagas.engine.slow_starts import slow_starts
from sagas.maintenance import sweep
from tests.support.sagas import errand as module


@pytest.fixture(autouse=True)
def patient_bell(monkeypatch):
    """Redis that answers late on a busy machine is not away, and an outage ends with its test."""
    monkeypatch.setattr(doorbell, "TIMEOUT", 10.0)
    monkeypatch.setattr(doorbell, "_bell", doorbell._Bell())


@pytest.fixture(autouse=True)
def no_hook_has_written(monkeypatch):
    """What a process has learned of the hooks of one test's steps is not true of another test's."""
    monkeypatch.setattr(done, "_writers", set())


@pytest.fixture(autouse=True)
def no_start_is_known_to_be_slow(monkeypatch):
    """Nor is what workers of one test have said in Redis."""
    monkeypatch.setattr(slow_starts, "_read_at", math.inf)
    monkeypatch.setattr(slow_starts, "_slow", frozenset())


@pytest.fixture(autouse=True)
def no_takers_are_under_way(monkeypatch):
    """Nor those that the sweep of another test has sent."""
    monkeypatch.setattr(sweep, "takers_sent_at", None)


@pytest.fixture
def world(monkeypatch):
    """A fresh participant for the test's errands."""
    fresh = module.World()
    monkeypatch.setattr(module, "world", fresh)
    return fresh
