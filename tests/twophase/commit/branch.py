"""One database's part in a distributed transaction, on a connection of its own."""

from __future__ import annotations

import time
from collections.abc import Callable

import psycopg2
from psycopg2 import errors

from tests.twophase.order import Latency, Order, Refused

Work = Callable[[psycopg2.extensions.cursor, Order, Latency], None]
PREFIX = "lab"
AGAIN = 0.5  # seconds until a database that is away is asked again


class Branch:
    """Work, then prepare, then commit or roll back. `work` is the participant's."""

    def __init__(self, name: str, url: str, work: Work, latency: Latency) -> None:
        self.name, self.url, self._work, self._latency = name, url, work, latency
        self._asked = False
        self._cursor = self._connect()

    def work(self, order: Order) -> None:
        """Do the participant's work in an open transaction. Raises Refused."""
        self._asked = False
        if self._cursor.connection.closed:
            self._cursor = self._connect()
        self._cursor.execute("BEGIN")
        self._work(self._cursor, order, self._latency)

    def prepare(self, transaction: str) -> None:
        """Phase one. From its return on, the database keeps work and locks until it is told the decision."""
        time.sleep(self._latency.round_trip)
        self._asked = True
        self._cursor.execute("PREPARE TRANSACTION %s", [self.gid(transaction)])

    def commit(self, transaction: str) -> None:
        """Phase two. A database that is away is asked until it answers: the decision stands."""
        time.sleep(self._latency.round_trip)
        self._finish("COMMIT PREPARED %s", transaction)

    def abort(self, transaction: str) -> None:
        """Roll back, whether or not it was prepared."""
        if self._asked:
            self._finish("ROLLBACK PREPARED %s", transaction)
        elif not self._cursor.connection.closed:
            self._cursor.execute("ROLLBACK")

    def gid(self, transaction: str) -> str:
        """Unique on the whole server, not in one database."""
        return f"{PREFIX}:{transaction}:{self.name}"

    def _finish(self, statement: str, transaction: str) -> None:
        while True:
            try:
                self._cursor.execute(statement, [self.gid(transaction)])
            except errors.UndefinedObject:  # not prepared, or finished by a try whose answer was lost
                return
            except (psycopg2.OperationalError, psycopg2.InterfaceError):
                time.sleep(AGAIN)
                self._reconnect()
            else:
                return

    def _reconnect(self) -> None:
        try:
            self._cursor = self._connect()
        except psycopg2.OperationalError:
            return  # still away; the caller comes again

    def _connect(self) -> psycopg2.extensions.cursor:
        connection = psycopg2.connect(self.url, application_name=f"twophase-{self.name}")
        connection.autocommit = True  # BEGIN and PREPARE are ours
        return connection.cursor()


def record_order(cursor: psycopg2.extensions.cursor, order: Order, latency: Latency) -> None:
    """The orders and payments database: the order, and the card charged."""
    time.sleep(latency.order)
    cursor.execute("INSERT INTO lab_order VALUES (%s, %s, 'confirmed')", [order.number, order.sku])
    time.sleep(latency.payment)
    cursor.execute("INSERT INTO lab_payment VALUES (%s, %s, 'captured')", [order.number, order.number])


def take_stock(cursor: psycopg2.extensions.cursor, order: Order, latency: Latency) -> None:
    """The stock database: one piece less. The row is locked from here to the end of the transaction."""
    time.sleep(latency.stock)
    cursor.execute("UPDATE lab_stock SET on_hand = on_hand - 1 WHERE sku = %s AND on_hand > 0", [order.sku])
    if not cursor.rowcount:
        raise Refused("out_of_stock")
    row = [order.number, order.number, order.sku]
    cursor.execute("INSERT INTO lab_reservation VALUES (%s, %s, %s, 'committed')", row)
