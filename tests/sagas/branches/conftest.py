import pytest

from tests.support.sagas import voyage as module


@pytest.fixture
def sea(monkeypatch):
    """A fresh participant for the test's voyages."""
    fresh = module.Sea()
    monkeypatch.setattr(module, "sea", fresh)
    return fresh
