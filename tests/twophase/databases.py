"""The two databases: orders and payments in one, stock in the other."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import psycopg2

from tests.bench.environments import create_database, migrate
from tests.bench.errors import BenchError

from .commit.branch import PREFIX

SHOP, STOCK = "TWOPHASE_SHOP_URL", "TWOPHASE_STOCK_URL"
"""What tells the processes where they are."""
PIECES = 1_000_000  # of each product: none runs out
SETTINGS = "tests.twophase.settings"
IN_DOUBT = f"SELECT gid FROM pg_prepared_xacts WHERE database = current_database() AND gid LIKE '{PREFIX}:%'"
SHOP_TABLES = """
CREATE TABLE lab_order (number text PRIMARY KEY, sku text NOT NULL, status text NOT NULL);
CREATE TABLE lab_payment (key text PRIMARY KEY, number text NOT NULL, status text NOT NULL);
CREATE TABLE lab_death (number text PRIMARY KEY);
"""
STOCK_TABLES = """
CREATE TABLE lab_stock (sku text PRIMARY KEY, on_hand integer NOT NULL CHECK (on_hand >= 0));
CREATE TABLE lab_reservation (key text PRIMARY KEY, number text NOT NULL, sku text NOT NULL, status text NOT NULL);
"""


@dataclass(frozen=True)
class Databases:
    """Their URLs. The saga's own tables are in the shop's, as in the product."""

    shop: str
    stock: str

    def as_environment(self) -> dict[str, str]:
        return {"DATABASE_URL": self.shop, SHOP: self.shop, STOCK: self.stock}

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Databases:
        return cls(environment[SHOP], environment[STOCK])

    def make_tables(self) -> None:
        for url, tables in ((self.shop, SHOP_TABLES), (self.stock, STOCK_TABLES)):
            with cursor_on(url) as cursor:
                cursor.execute(tables)

    def fill(self, skus: Sequence[str], pieces: int = PIECES) -> None:
        """Begin anew: no orders, nothing in doubt, and so many pieces of each product."""
        self.abandon()
        with cursor_on(self.shop) as cursor:
            cursor.execute("TRUNCATE lab_order, lab_payment, lab_death")
        with cursor_on(self.stock) as cursor:
            cursor.execute("TRUNCATE lab_stock, lab_reservation")
            cursor.execute("INSERT INTO lab_stock SELECT sku, %s FROM unnest(%s) sku", [pieces, list(skus)])

    def abandon(self) -> None:
        """Roll back whatever is prepared: it would keep the tables locked."""
        for url in (self.shop, self.stock):
            with cursor_on(url) as cursor:
                cursor.execute(IN_DOUBT)
                for (gid,) in cursor.fetchall():
                    cursor.execute("ROLLBACK PREPARED %s", [gid])


def create(server_url: str, environment: Mapping[str, str]) -> Databases:
    """Make both anew on a server. Raises BenchError."""
    shop, stock = (create_empty(server_url, name) for name in ("twophase_shop", "twophase_stock"))
    databases = Databases(shop, stock)
    migrate(databases.shop, SETTINGS, environment)
    databases.make_tables()
    return databases


def create_empty(server_url: str, name: str) -> str:
    """Make a database anew, also one in which a lab that was killed left something prepared; its URL."""
    url = urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))
    with contextlib.suppress(psycopg2.OperationalError):  # there is none
        Databases(url, url).abandon()
    return create_database(server_url, name)


def require_prepared(server_url: str, wanted: int) -> None:
    """Raise BenchError when the server does not keep so many prepared transactions at once."""
    with cursor_on(server_url) as cursor:
        cursor.execute("SHOW max_prepared_transactions")
        row = cursor.fetchone()
    if row is None or int(row[0]) < wanted:
        raise BenchError(
            f"Two-phase commit needs max_prepared_transactions = {wanted} or more, and this server has "
            f"{row[0] if row else 0}. Choose fewer --threads; or set it and restart the server; "
            "or leave DATABASE_URL out, for a private server."
        )


@contextmanager
def cursor_on(url: str) -> Iterator[psycopg2.extensions.cursor]:
    """A connection of its own on which each statement commits, and none waits long for a lock."""
    connection = psycopg2.connect(url, application_name="twophase-watch", options="-c lock_timeout=10s")
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()
