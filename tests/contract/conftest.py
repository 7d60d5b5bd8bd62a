"""Each test of the contract runs against the stand-in, and against Stripe where a test key is set."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.processors import NAMES, Processor, stripe_itself
from tests.support.standins import API_KEY


@pytest.fixture(params=NAMES)
def processor(request: pytest.FixtureRequest, settings: Any) -> Processor:
    """The processor that the SDK and the shop's own client talk to in this test."""
    if request.param == "Stripe":
        chosen = stripe_itself()
        settings.STRIPE_API_KEY, settings.STRIPE_API_BASE = chosen.key, chosen.url
        return chosen
    standins = request.getfixturevalue("standins")
    return Processor("the stand-in", API_KEY, f"{standins.url}/payments")
