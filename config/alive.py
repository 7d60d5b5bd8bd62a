"""`python -m config.alive …`: is this one process alive? For a container's health check.

Exit code 1: the process is dead or frozen. Exit code 0: it is alive, or the database or broker that would know is away.
Those have health checks of their own, and a restart of this process would not help.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable
from datetime import timedelta
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

import psycopg2
from celery import Celery
from kombu.exceptions import OperationalError

from . import env

PATIENCE = 3.0  # seconds that a process has to answer
IN_ALL = 8  # seconds for everything: less than the health check's timeout in docker-compose.yml
LAST_SIGN = """
SELECT extract(epoch FROM clock_timestamp() - greatest(ended_at, failed_at))::float8 FROM outbox_heartbeat
WHERE name = %s
"""


class CannotTellError(Exception):
    """The database or the broker that would know does not answer."""


def duty(database_url: str, name: str, within: float = 30.0) -> bool:
    """Whether the duty has left a heartbeat, of success or of failure, in the last `within` seconds.

    Raises CannotTellError when the database does not answer.
    """
    try:
        connection = psycopg2.connect(database_url, connect_timeout=5)
        try:
            with connection.cursor() as cursor:
                cursor.execute(LAST_SIGN, [name])
                row = cursor.fetchone()
        finally:
            connection.close()
    except psycopg2.Error as error:
        raise CannotTellError(f"The database does not answer: {error}".strip()) from error
    return row is not None and row[0] is not None and row[0] <= within


def worker(broker_url: str, hostname: str, patience: float = PATIENCE) -> bool:
    """Whether the worker of that name answers Celery's ping. Raises CannotTellError when the broker does not."""
    with Celery("settle-alive", broker=broker_url, set_as_current=False) as app:
        app.conf.broker_transport_options = {"socket_connect_timeout": patience, "socket_timeout": 2 * patience}
        try:
            return bool(app.control.ping(destination=[hostname], timeout=patience, limit=1))
        except (OperationalError, OSError) as error:
            raise CannotTellError(f"The broker does not answer: {error}") from error


def page(url: str, patience: float = PATIENCE) -> bool:
    """Whether the address answers with a status below 400. The request bypasses any proxy."""
    try:
        with build_opener(ProxyHandler({})).open(url, timeout=patience) as answer:
            return bool(answer.status < 400)
    except (URLError, OSError):
        return False


def main() -> int:
    arguments = parser().parse_args()
    signal.signal(signal.SIGALRM, _give_up)
    signal.alarm(IN_ALL)
    try:
        dead = [name for name in arguments.names if not question(arguments)(name)]
    except CannotTellError as error:
        print(f"Nobody can tell. {error}")  # noqa: T201 - shown by `docker inspect`
        return 0
    finally:
        signal.alarm(0)
    for name in dead:
        print(f"{name} gives no sign of life.")  # noqa: T201
    return 1 if dead else 0


def _give_up(*_: object) -> None:
    raise CannotTellError(f"No answer within {IN_ALL} s.")


def question(arguments: argparse.Namespace) -> Callable[[str], bool]:
    """The check to run for each name."""
    if arguments.what == "worker":
        broker = env.broker_url()
        return lambda name: worker(broker, name)
    if arguments.what == "duty":
        database = os.environ[arguments.database]
        within = timedelta(seconds=arguments.within).total_seconds()
        return lambda name: duty(database, name, within)
    return page


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m config.alive", description=__doc__)
    what = parser.add_subparsers(dest="what", required=True)
    by_heartbeat = what.add_parser("duty", help="check the heartbeats that it leaves")
    by_heartbeat.add_argument("names", nargs="+", help="such as beat; all that are named must be alive")
    by_heartbeat.add_argument(
        "--within", type=float, default=30.0, help="greatest age of the last one, in seconds (30)"
    )
    by_heartbeat.add_argument("--database", default="DATABASE_URL", help="the variable with the database's URL")
    what.add_parser("worker", help="send Celery's ping").add_argument("names", nargs=1, help="such as worker@host")
    what.add_parser("page", help="send an HTTP request").add_argument("names", nargs="+", help="addresses")
    return parser


if __name__ == "__main__":
    sys.exit(main())
