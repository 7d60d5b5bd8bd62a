"""What a coordinator does about the transactions that an earlier life of it left in doubt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from psycopg2 import errors

from tests.twophase.databases import IN_DOUBT, cursor_on

from .journal import Journal


@dataclass(frozen=True)
class Resolved:
    """Names of prepared transactions. `strangers` belong to another log, and are left alone."""

    committed: list[str] = field(default_factory=list)
    rolled_back: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)


def resolve(journal: Journal, urls: Sequence[str]) -> Resolved:
    """Commit what the log says was committed; roll back what it does not name (presumed abort).

    Only what an earlier life left is touched. A PREPARE that was on its way when the coordinator died may still arrive,
    so this is done again and again, not once.
    """
    found = Resolved()
    for url in urls:
        with cursor_on(url) as cursor:
            cursor.execute(IN_DOUBT)
            for (gid,) in cursor.fetchall():
                statement = decide(journal, gid, found)
                try:
                    if statement:
                        cursor.execute(f"{statement} %s", [gid])
                except errors.UndefinedObject:
                    continue  # a person was quicker
    return found


def decide(journal: Journal, gid: str, found: Resolved) -> str:
    """What is to be done about one; empty when that is not for this log, or not for this life, to say."""
    _, log, life, number, _branch = gid.split(":")
    if log != journal.id:
        found.strangers.append(gid)
        return ""
    if int(life) == journal.life:
        return ""
    if journal.says_commit(f"{log}:{life}:{number}"):
        found.committed.append(gid)
        return "COMMIT PREPARED"
    found.rolled_back.append(gid)
    return "ROLLBACK PREPARED"
