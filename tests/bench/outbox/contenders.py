"""Who is measured, and how each is started."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from tests.bench.before import Build
from tests.bench.processes import ROOT

PACKAGE = "tests.bench.outbox"
RELAYS = (1, 2, 4)
KEYS = (0, 1, 1000)
Transport = Literal["streams", "celery"]


@dataclass(frozen=True)
class Table:
    """Where a contender keeps its unpublished messages."""

    name: str
    pending: str = "true"
    """The condition of a row that is not yet published."""
    unique: tuple[str, ...] = ()
    """Columns that differ from row to row: each gets a fresh UUIDv7."""
    wake: str = ""
    """A statement of the writing transaction that wakes the relay, as the contender's own way of writing has it."""
    emptied: tuple[str, ...] = ()
    """Other tables that are emptied before a measurement."""
    history: str = ""
    """The table of what was published, emptied too unless a full one is asked for."""
    steady: str = ""
    """Asks whether so many relays (`%s`) have shared the work among them; empty: they share nothing beforehand."""


@dataclass(frozen=True)
class Contender:
    """`python -m PROGRAM prepare [KEYS]` makes its tables and writes some events; `relay` relays."""

    name: str
    about: str
    program: str
    table: Table
    arrives: Literal["stream", "list"] = "stream"
    """As what its messages stand in Redis."""
    relays: int = 1
    keys: int = 0
    """How many keys the rows have; 0: none has a key."""
    history: int = 0
    """How many published messages there are before."""
    environment: Mapping[str, str] = field(default_factory=dict)
    rival: str = ""
    """The name of its virtual environment; empty for the project's own."""
    oldest: tuple[int, int] = (3, 11)
    """The first Python that it runs on."""
    timed: bool = False
    """Whether the time from commit to arrival is measured, too."""
    shares: str = ""
    """The name of the database that it shares with others; empty: it has one of its own."""
    root: Path = ROOT
    """The folder of the code that runs."""

    @property
    def database(self) -> str:
        return self.shares or self.name

    @property
    def is_ours(self) -> bool:
        return self.program == OURS

    def python(self, venvs: Path) -> str:
        return str(venvs / self.rival / "bin" / "python") if self.rival else sys.executable


OURS = f"{PACKAGE}.ours"
OUR_TABLE = Table(
    "outbox_message",
    unique=("message_id",),
    emptied=("outbox_delivery", "outbox_hold", "outbox_dead_letter"),
    history="outbox_published",
    steady="""
    SELECT count(*) = %s AND min(shards) = max(shards)
    FROM (SELECT count(*) AS shards FROM outbox_shard WHERE until > statement_timestamp() GROUP BY owner) AS relay
    """,
)
BARE = Contender(
    "bare_loop",
    "keyset SELECT of 500, XADD in one pipeline, one DELETE; no guarantees",
    f"{PACKAGE}.rivals.bare",
    Table("bare_outbox", unique=("message_id",)),
)
RELIABLE = Contender(
    "django_reliable_outbox",
    "outbox_worker, 4 threads, 100 claimed at once, Redis Streams",
    f"{PACKAGE}.rivals.reliable",
    Table("reliable_outbox_outboxmessage", "status = 'pending'", ("message_id",)),
    rival="django_reliable_outbox",
    oldest=(3, 12),
)
CELERY = Contender(
    "django_celery_outbox",
    "celery_outbox_relay, batches of 500, Celery",
    f"{PACKAGE}.rivals.celery_outbox",
    Table("celery_outbox", unique=("task_id",)),
    arrives="list",
    rival="django_celery_outbox",
)
FASTSTREAM = Contender(
    "faststream_outbox",
    "8 workers, 100 claimed and 100 deleted at once, Redis Streams",
    f"{PACKAGE}.rivals.faststream",
    Table("outbox", wake="SELECT pg_notify('outbox_outbox', 'orders')"),
    rival="faststream_outbox",
)


def contenders(before: Build | None = None) -> dict[str, Contender]:
    """Those compared with one another: one relay each, over rows without keys."""
    celery = ours("relay_celery", "the same, Celery", "celery")
    everyone = (
        ours(
            "relay_streams",
            "this relay as a process of its own, in its default: order by key, history kept; Redis Streams",
            "streams",
        ),
        celery,
        *([as_before(celery, before)] if before else []),
        BARE,
        RELIABLE,
        CELERY,
        FASTSTREAM,
    )
    return {one.name: one for one in everyone}


def as_before(contender: Contender, before: Build) -> Contender:
    """The same as of another commit; only its rows a second are of interest."""
    about = f"{contender.about}, as of commit {before.commit[:12]}"
    return replace(contender, name=f"{contender.name}_before", about=about, root=before.root, timed=False)


def ours(name: str, about: str, transport: Transport) -> Contender:
    return Contender(
        name,
        about,
        OURS,
        OUR_TABLE,
        arrives="stream" if transport == "streams" else "list",
        timed=True,
        environment={"DJANGO_SETTINGS_MODULE": f"{PACKAGE}.settings", "BENCH_TRANSPORT": transport},
    )


def variants(prefix: str = "", history: int = 0) -> list[Contender]:
    """This relay with Redis Streams: one, two and four processes, over rows of no key, one key, and a thousand keys.

    They share one database, in which so many messages have been published before.
    """
    return [
        replace(
            ours(f"{prefix}relays_{relays}.keys_{keys}", f"{relays} processes, {keys} keys", "streams"),
            relays=relays,
            keys=keys,
            history=history,
            timed=relays == 1 and keys == 0,
            shares=f"{prefix}variants",
        )
        for relays in RELAYS
        for keys in KEYS
    ]


def grown(prefix: str, history: int = 0) -> list[Contender]:
    """The variants, and this relay with Celery, on a database of its own: what waits there waits for Celery."""
    celery = ours(f"{prefix}celery", "Celery", "celery")
    return [*variants(prefix, history), replace(celery, history=history, timed=False)]
