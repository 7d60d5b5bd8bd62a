"""What people search by, and the lists, read an index and not the table: counted in buffers, on tables of some size."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection, transaction
from django.db.models import Q
from django.test import RequestFactory

from orders.desk import search
from orders.models import Order
from orders.returns.models import Return
from orders.trips.models import Trip
from outbox.models import DeadLetter, PublishedMessage
from outbox.operations import listing
from outbox.sql import trigrams
from sagas.models import Act, Run
from tests.bench.admin import fixture
from tests.bench.admin.pages import Known
from tests.support.buffers import reading

pytestmark = pytest.mark.django_db(transaction=True)
ROWS = 10_000
FEW = 700  # buffers: one table alone has more


@pytest.fixture
def known() -> Known:
    """One order of full tables."""
    fixture.fill(ROWS, print)
    return Known.of(ROWS)


def test_a_list_that_does_not_say_what_a_word_means_is_refused_where_it_is_written():
    with pytest.raises(TypeError, match=r"Forgetful needs a method found\(word\)"):
        type("Forgetful", (search.Listed, admin.ModelAdmin), {})


def look(user: Any, model: Any, **query: str) -> tuple[list[Any], int, str]:
    """What an admin's list holds, how many buffers that read, and how many rows it says there are."""
    request = RequestFactory().get("/", query)
    request.user = user
    with reading() as seen:
        listed = admin.site._registry[model].get_changelist_instance(request)
        rows = list(listed.result_list)
    return rows, seen.buffers(), str(listed.result_count)


def test_searches_and_lists_read_an_index_and_counts_end(known, admin_user, monkeypatch):
    number, email = f"S-{known.digits}", known.email
    order = Order.objects.get(number=number)
    terms: dict[Any, list[tuple[str, int]]] = {
        Order: [
            (number, 1), (number.lower(), 1), (known.digits, 1), (email.upper(), 1), (known.order, 1),
            (email[2:12], 1), (f"{number} {email}", 1), ("nobody@nowhere.example", 0), ("S-9999999", 0), ("zq", 0),
            ("1999-12-31", 0),
        ],
        Trip: [(f"T-{known.digits}", 1), (known.digits, 1), (email, 1), (number, 0)],
        Return: [(f"R-{known.digits}", 1), (number, 1), (known.digits, 1), (email, 1), ("nobody@a.example", 0)],
        Run: [
            (number, 1), (known.digits, 1), (email, 1), (f"{number} {email}", 1), (order.saga_key, 1), (known.order, 1),
            ("nobody@nowhere.example", 0), ("zq", 0),
        ],
        Act: [(number, 1), ("ANN7", 50), ("nobody@nowhere.example", 0)],
        DeadLetter: [
            (order.saga_key, 1), (number, 1), (known.digits, 1), (email, 1), (known.order, 1), ("S-9999999", 0),
        ],
        PublishedMessage: [(number, 1), ("unknown", 0)],
    }  # fmt: skip
    wrong: list[object] = []
    for model, searches in terms.items():
        for term, count in searches:
            found, buffers, _ = look(admin_user, model, q=term)
            if (len(found), buffers < FEW) != (count, True):
                wrong.append((model, term, len(found), buffers))
    monkeypatch.setattr(listing, "MOST", 150)
    lists: dict[Any, list[dict[str, str]]] = {
        Order: [{}, {"status__exact": "cancelled"}, {"coordination__exact": "choreography"}],
        Trip: [{}, {"city": "Oslo"}],
        Return: [{}, {"status__exact": "declined"}],
        Run: [{"state": "all"}, {"state": "finished"}, {"state": "all", "age": "older"}],
        Act: [{}, {"verb": "resolve"}],
        DeadLetter: [{}, {"type": "order_accepted"}],
    }
    for model, queries in lists.items():
        for query in queries:
            found, buffers, said = look(admin_user, model, **query)
            if (len(found) >= 50, buffers < FEW, said) != (True, True, "more than 150"):
                wrong.append((model, query, len(found), buffers, said))
    assert wrong == []


def test_without_pg_trgm_the_index_knows_beginnings_and_the_search_asks_for_no_more(monkeypatch):
    name = "orders_order_email"
    build: Any = trigrams.make(name, "orders_order", "email")
    monkeypatch.setattr(trigrams, "_has_trigrams", lambda _cursor: False)
    try:
        with connection.schema_editor(atomic=False) as editor:
            build.code(apps, editor)
        assert not listing.can_match_inside("ada@example.com", name)
        assert search.orders("ada") == Q(email__istartswith="ada")
    finally:
        monkeypatch.undo()
        with connection.schema_editor(atomic=False) as editor:
            build.code(apps, editor)
    assert search.orders("ada") == Q(email__icontains="ada")


def test_a_user_who_may_not_create_pg_trgm_is_told_what_that_costs(caplog):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DROP EXTENSION pg_trgm CASCADE; CREATE ROLE guest; SET LOCAL ROLE guest")
        assert not trigrams._has_trigrams(cursor)
        transaction.set_rollback(True)
    assert "searched by the beginning of a text only" in caplog.text
