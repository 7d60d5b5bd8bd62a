"""faststream-outbox: `prepare`, or `relay`.

Written as its page on relaying shows (docs/usage/relay.md). Set as its pages on performance and on subscribers say:
`terminal_flush_batch_size`, `fetch_batch_size` and `max_workers` above their defaults of 1, 10 and 1, a pool of
`max_workers + 1` connections, the table's autovacuum settings, and as in its own benchmark no log line for each
message. The numbers were taken by measuring: 100 is what its benchmark flushes and fetches at once, and 8 workers
needed a fifth to a third less CPU than 1, 4 or 16. It runs on uvloop, as FastStream's command line does where that is
installed.
"""

from __future__ import annotations

import asyncio
import os
import sys

import uvloop
from faststream.redis import RedisBroker
from faststream_outbox import OutboxBroker, make_outbox_table, outbox_autovacuum_ddl
from sqlalchemy import MetaData, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from tests.bench.outbox.event import MODELS, STREAM, order

WORKERS = 8
FETCH = 100
FLUSH = 100
QUEUE = "orders"

metadata = MetaData()
table = make_outbox_table(metadata, table_name="outbox")


def engine() -> AsyncEngine:
    place = os.environ["DATABASE_URL"].partition("://")[2]
    return create_async_engine(f"postgresql+asyncpg://{place}", pool_size=WORKERS + 1)


async def prepare() -> None:
    database = engine()
    broker = OutboxBroker(database, outbox_table=table, logger=None)
    async with database.begin() as connection:
        await connection.run_sync(metadata.create_all)
        await connection.execute(text(outbox_autovacuum_ddl("outbox")))
    async with AsyncSession(database) as session, session.begin():
        for number in range(MODELS):
            await broker.publish(order(number), queue=QUEUE, session=session)
    await database.dispose()


async def relay() -> None:
    outbox = OutboxBroker(engine(), outbox_table=table, logger=None)
    redis = RedisBroker(os.environ["REDIS_URL"], logger=None)

    @redis.publisher(stream=STREAM)
    @outbox.subscriber(QUEUE, max_workers=WORKERS, fetch_batch_size=FETCH, terminal_flush_batch_size=FLUSH)
    async def forward(body: dict) -> dict:  # type: ignore[type-arg]
        return body

    await redis.start()
    await outbox.start()
    print("ready.", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(relay() if sys.argv[1] == "relay" else prepare())
