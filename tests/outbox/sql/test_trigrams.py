"""The index that finds parts of a text leaves no wrong picture of its table behind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db import connection

from outbox.sql import trigrams

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def table() -> Iterator[str]:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE searched (words text)")
    yield "searched"
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE searched")
        cursor.execute("DROP STATISTICS IF EXISTS searched_index_words")


def rows_as_planned(table: str) -> float:
    """What the planner takes the table to have; -1: it was never analysed, and is not taken to be empty."""
    index: Any = trigrams.make("searched_index", table, "words")
    with connection.schema_editor(atomic=False) as editor:
        index.code(apps, editor)
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE relname = %s", [table])
        return float(cursor.fetchone()[0])


def test_a_table_that_is_empty_yet_is_not_planned_as_one_that_stays_so(table: str) -> None:
    """A foreign key is checked by a plan that its session keeps: one that reads the whole table, once it is full."""
    assert rows_as_planned(table) == -1


def test_a_table_with_rows_is_analysed(table: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO searched SELECT 'a word' FROM generate_series(1, 300)")
    assert rows_as_planned(table) == 300
