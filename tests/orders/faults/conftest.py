"""The panel before the real stand-ins, and an order to watch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.support.standins import Standins


class Companies:
    """What the stand-ins themselves say of their faults."""

    def __init__(self, standins: Standins) -> None:
        self.standins = standins
        self.url = standins.url

    def faults(self, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = requests.get(f"{self.url}/{name}/_faults", timeout=10).json()["results"]
        return found

    def kinds(self, name: str) -> list[tuple[str, str, str]]:
        """Each fault as (kind, operation, order)."""
        return [(one["kind"], one["operation"], one["order"]) for one in self.faults(name)]


@pytest.fixture
def companies(standins: Standins) -> Iterator[Companies]:
    """All of them well, before and after."""
    yield Companies(standins)
    standins.clear()
