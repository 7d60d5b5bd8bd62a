"""`python -m config.worker_role`: the role by which all that carries orders logs in to PostgreSQL.

Its connections are bounded, so that the web process always gets one, however many workers there are: a server refuses
everybody alike once its `max_connections` are taken. The role owns nothing; it acts as the role of DATABASE_URL.
"""

from __future__ import annotations

import argparse
import os
import sys
from urllib.parse import unquote, urlsplit

import psycopg2
from psycopg2 import sql

CONNECTIONS = 80
"""A worker of 16 threads, a relay and a consumer hold about 30 together."""


class CannotMakeRoleError(Exception):
    """PostgreSQL does not make the role, or no address says which."""


def make(owner_url: str, workers_url: str, connections: int = CONNECTIONS) -> None:
    """Make the role that `workers_url` names, with its password, or change it to these. Raises CannotMakeRoleError.

    `owner_url` is that of the role that owns the tables; it must be allowed to make roles. PostgreSQL bounds no
    superuser, so the new role is none.
    """
    owner, wanted = urlsplit(owner_url), urlsplit(workers_url)
    if not wanted.username or not wanted.password or wanted.username == owner.username:
        raise CannotMakeRoleError("The workers' address needs a role of its own: postgres://workers:password@host/name")
    role, acts_as = sql.Identifier(unquote(wanted.username)), sql.Identifier(unquote(owner.username or ""))
    try:
        connection = psycopg2.connect(owner_url, connect_timeout=5)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [unquote(wanted.username)])
                if cursor.fetchone() is None:
                    cursor.execute(sql.SQL("CREATE ROLE {} IN ROLE {}").format(role, acts_as))
                change = sql.SQL("ALTER ROLE {} LOGIN PASSWORD %s CONNECTION LIMIT %s").format(role)
                cursor.execute(change, [unquote(wanted.password), connections])
                cursor.execute(sql.SQL("ALTER ROLE {} SET role = {}").format(role, acts_as))
        finally:
            connection.close()
    except psycopg2.Error as error:
        raise CannotMakeRoleError(f"PostgreSQL does not make the workers' role: {error}".strip()) from error


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m config.worker_role", description=__doc__)
    parser.add_argument("--connections", type=int, default=CONNECTIONS, help=f"how many it may hold ({CONNECTIONS})")
    asked = parser.parse_args()
    try:
        make(os.environ["DATABASE_URL"], os.environ["WORKERS_DATABASE_URL"], asked.connections)
    except KeyError as missing:
        print(f"Set {missing.args[0]}: postgres://role:password@host:5432/name", file=sys.stderr)  # noqa: T201
        return 1
    except CannotMakeRoleError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
