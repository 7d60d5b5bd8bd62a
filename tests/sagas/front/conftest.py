"""Fixtures of the tests of the first page."""

from __future__ import annotations

import pytest

from tests.support.sagas.admin_pages import EVERY_ACT, log_in


@pytest.fixture
def operator(client):
    """Logged in, with every permission on runs."""
    return log_in(client, "view_run", *EVERY_ACT)
