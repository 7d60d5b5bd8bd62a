"""The lab's two databases on the test's server, and coordinators in their own processes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.twophase.contenders import TwoPhase
from tests.twophase.databases import Databases, create_empty
from tests.twophase.order import STOCK_LAST, Latency
from tests.twophase.watch import Orders

QUICK = Latency(0.0, 0.0, 0.0)
PIECES = 5


@pytest.fixture(scope="session")
def two_databases() -> Iterator[Databases]:
    server = os.environ["DATABASE_URL"]
    databases = Databases(create_empty(server, "test_twophase_shop"), create_empty(server, "test_twophase_stock"))
    databases.make_tables()
    yield databases
    databases.abandon()


@pytest.fixture
def databases(two_databases: Databases) -> Iterator[Databases]:
    """No orders, and five pieces of each product."""
    two_databases.fill(["vase", "mug"], PIECES)
    yield two_databases
    two_databases.abandon()


@pytest.fixture
def orders(databases: Databases) -> Iterator[Orders]:
    seen = Orders(databases)
    yield seen
    seen.close()


@pytest.fixture
def coordinators(databases: Databases, tmp_path: Path) -> Iterator[TwoPhase]:
    """Two, each in its process and with its log; the first can be killed."""
    pair = TwoPhase("2pc", "", STOCK_LAST, 2)
    pair.start({**os.environ, **databases.as_environment(), **QUICK.as_environment()}, tmp_path)
    yield pair
    pair.stop()
