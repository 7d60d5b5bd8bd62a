"""A caller of the warehouse stand-in."""

from __future__ import annotations

import pytest

from tests.support.standins import Standins

from .caller import Caller


@pytest.fixture
def shop(standins: Standins) -> Caller:
    """A caller, with five pieces in the warehouse."""
    return Caller(standins)
