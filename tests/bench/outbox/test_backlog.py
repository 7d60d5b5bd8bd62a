"""The backlog is made of the events that a contender wrote itself; the broker tells what came of it."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace

import pytest
from django.conf import settings
from django.db import connection, transaction
from redis import Redis

from outbox import publish
from outbox.models import OutboxMessage
from tests.bench.errors import BenchError
from tests.bench.outbox import arrivals
from tests.bench.outbox.arrivals import Arrivals, key, number_of
from tests.bench.outbox.backlog import Backlog
from tests.bench.outbox.contenders import BARE, OUR_TABLE
from tests.bench.outbox.event import STREAM, order
from tests.bench.outbox.host.events import OrderPlaced
from tests.bench.outbox.session import COMPLAINT
