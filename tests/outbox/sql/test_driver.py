"""What the drivers of PostgreSQL name differently is named once."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, OperationalError, connection, transaction

from outbox.sql import driver


class OfPsycopg2(Exception):
    pgcode = "40P01"


class OfPsycopg3(Exception):
    sqlstate = "40P01"


class Lost(Exception):
    """As both raise it: without a code."""

    pgcode = sqlstate = None


@pytest.mark.parametrize(
    ("cause", "code"), [(OfPsycopg2(), "40P01"), (OfPsycopg3(), "40P01"), (Lost(), ""), (None, "")]
)
def test_the_code_is_read_as_the_driver_names_it(cause: Exception | None, code: str) -> None:
    error = OperationalError("told by Django")
    error.__cause__ = cause
    assert driver.code_of(error) == code


@pytest.mark.django_db(transaction=True)
def test_the_code_of_a_real_error_is_postgresqls() -> None:
    with pytest.raises(DatabaseError) as told, connection.cursor() as cursor:
        cursor.execute("SELECT 1 / 0")
    assert driver.code_of(told.value) == "22012"


@pytest.mark.django_db(transaction=True)
def test_the_transaction_is_told_without_asking_the_server() -> None:
    connection.ensure_connection()
    assert driver.transaction_status() == driver.IDLE
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        assert driver.transaction_status() == driver.OPEN
        with pytest.raises(DatabaseError), connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")
        assert driver.transaction_status() == driver.ABORTED
        transaction.set_rollback(True)
    connection.close()
    assert driver.transaction_status() is None
