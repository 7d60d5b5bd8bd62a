"""A taker's promise, in Redis, that it will look again: while it stands, a run that starts needs no message.

Who takes renews the promise before each look, and takes it back before the last one. Whatever was committed before the
relay read the promise is seen by that last look. The promise of a worker that died ends by itself soon; the runs that
started meanwhile are the sweep's. Without Redis nobody promises anything, and each start has its message.
"""

from __future__ import annotations

import hashlib
from functools import cache

from django.db import connection

from outbox import doorbell

from ..declare import registry

STANDS_MS = 40
"""Milliseconds for which it stands. A run that comes just after a look waits for the next one."""
TAKE_BACK = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


def renew(token: str) -> None:
    """Promise to look again. Of several takers, the last who promised keeps it for all."""
    doorbell.ask(lambda client: client.set(_key(), token, px=STANDS_MS))


def take_back(token: str) -> None:
    """Promise nothing any more, unless somebody else has promised since."""
    doorbell.ask(lambda client: client.eval(TAKE_BACK, 1, _key(), token))


def stands() -> bool:
    """Whether a worker that declares the same sagas as this process has promised to look again."""
    return bool(doorbell.ask(lambda client: client.exists(_key())))


def _key() -> str:
    """One for each database and for each set of sagas: a worker of an older release takes no runs of newer sagas."""
    at = connection.settings_dict
    return f"sagas:taking:{at['NAME']}@{at['HOST']}:{at['PORT']}:{_declared(len(registry.all_sagas()))}"


@cache
def _declared(_number: int) -> str:
    named = " ".join(f"{saga.name}:{saga.version}:{len(saga.steps)}" for saga in registry.all_sagas())
    return hashlib.sha256(named.encode()).hexdigest()[:16]
