"""Worker processes that take runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from sagas.maintenance import sweep
from sagas.worker import hand as hand_module
from sagas.worker import in_place, pace, taker
from tests.support.sagas.process import Post, Process


@pytest.fixture
def post(monkeypatch) -> Post:
    post = Post()
    for module in (taker, in_place, sweep):
        monkeypatch.setattr(module, "send", post)
    return post


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Participants that wait for it go on, at the latest, with the end of the test."""
    gate = threading.Event()
    yield gate
    gate.set()


@pytest.fixture
def process(monkeypatch, post, gate) -> Iterator[Callable[..., Process]]:
    """`process(size=2)`: a worker process whose crew has so many threads; of several the last one is this one."""
    monkeypatch.setattr(hand_module, "pace", pace.Pace())
    monkeypatch.setattr(pace, "SLOW", 5.0)  # on a busy machine too no step of these is
    monkeypatch.setattr(hand_module, "LATE", 5.0)
    started: list[Process] = []

    def start(size: int = 2) -> Process:
        started.append(Process(size))
        monkeypatch.setattr(taker, "crew", started[-1].crew)
        return started[-1]

    yield start
    gate.set()
    for one in started:
        one.ends()
