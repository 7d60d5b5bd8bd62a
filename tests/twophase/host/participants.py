"""The two databases as a saga's participants: each call is a short transaction of its own, idempotent by its key."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2

from sagas import Refused

from ..databases import SHOP, STOCK
from ..order import Latency

LATENCY = Latency.from_environment(os.environ)
_mine = threading.local()


def authorize(key: str, number: str) -> None:
    time.sleep(LATENCY.payment)
    with transaction_in(SHOP) as cursor:
        cursor.execute("INSERT INTO lab_payment VALUES (%s, %s, 'authorized') ON CONFLICT DO NOTHING", [key, number])


def capture(key: str) -> None:
    time.sleep(LATENCY.payment)
    with transaction_in(SHOP) as cursor:
        cursor.execute("UPDATE lab_payment SET status = 'captured' WHERE key = %s AND status = 'authorized'", [key])


def void(key: str, number: str) -> None:
    """Also an authorisation that has not come yet: the row refuses it."""
    time.sleep(LATENCY.payment)
    with transaction_in(SHOP) as cursor:
        statement = "INSERT INTO lab_payment VALUES (%s, %s, 'void') ON CONFLICT (key) DO UPDATE SET status = 'void'"
        cursor.execute(statement, [key, number])


def record_order(number: str, sku: str) -> None:
    time.sleep(LATENCY.order)
    with transaction_in(SHOP) as cursor:
        cursor.execute("INSERT INTO lab_order VALUES (%s, %s, 'open') ON CONFLICT DO NOTHING", [number, sku])


def reserve(key: str, number: str, sku: str) -> None:
    """One piece less. Raises Refused."""
    time.sleep(LATENCY.stock)
    with transaction_in(STOCK) as cursor:
        row = [key, number, sku]
        cursor.execute("INSERT INTO lab_reservation VALUES (%s, %s, %s, 'reserved') ON CONFLICT DO NOTHING", row)
        if cursor.rowcount:
            cursor.execute("UPDATE lab_stock SET on_hand = on_hand - 1 WHERE sku = %s AND on_hand > 0", [sku])
            if not cursor.rowcount:
                raise Refused("out_of_stock")


def release(key: str, number: str, sku: str) -> None:
    """Also a reservation that has not come yet: the row refuses it."""
    time.sleep(LATENCY.stock)
    with transaction_in(STOCK) as cursor:
        row = [key, number, sku]
        cursor.execute("INSERT INTO lab_reservation VALUES (%s, %s, %s, 'released') ON CONFLICT DO NOTHING", row)
        cursor.execute("UPDATE lab_reservation SET status = 'released' WHERE key = %s AND status = 'reserved'", row[:1])
        if cursor.rowcount:
            cursor.execute("UPDATE lab_stock SET on_hand = on_hand + 1 WHERE sku = %s", [sku])


def commit_stock(key: str) -> None:
    time.sleep(LATENCY.stock)
    with transaction_in(STOCK) as cursor:
        cursor.execute("UPDATE lab_reservation SET status = 'committed' WHERE key = %s", [key])


def dies_now(number: str) -> bool:
    """Whether this is the first time that the order comes to where it shall die."""
    with transaction_in(SHOP) as cursor:
        cursor.execute("INSERT INTO lab_death VALUES (%s) ON CONFLICT DO NOTHING", [number])
        return bool(cursor.rowcount)


def hang_up() -> None:
    """Close the calling thread's connections."""
    for connection in _mine.__dict__.values():
        connection.close()


@contextmanager
def transaction_in(name: str) -> Iterator[psycopg2.extensions.cursor]:
    """A transaction on the thread's connection to one of the two, SHOP or STOCK."""
    url = os.environ[name]
    kept: dict[str, psycopg2.extensions.connection] = _mine.__dict__
    if url not in kept or kept[url].closed:
        kept[url] = psycopg2.connect(url, application_name="twophase-participant")
    with kept[url] as connection, connection.cursor() as cursor:
        yield cursor
