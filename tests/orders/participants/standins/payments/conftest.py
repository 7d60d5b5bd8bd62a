"""One order's dealings with the payments stand-in."""

from __future__ import annotations

import pytest

from tests.orders.participants.standins.payments.sdk_client import Shop
from tests.support.standins import Standins


@pytest.fixture
def shop(standins: Standins) -> Shop:
    return Shop(standins)
