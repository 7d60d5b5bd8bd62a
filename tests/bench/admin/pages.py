"""The pages that are measured: each list with its filters, and each search for what people know."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from django.db import connection
from django.urls import reverse

LIST, SEARCH = 0.3, 0.05
"""Goals in seconds: a list within the first, a search's statements within the second."""


@dataclass(frozen=True)
class Page:
    """One address, and what it is for."""

    title: str
    url: str
    goal: float

    @property
    def searches(self) -> bool:
        """Whether its goal is for its statements alone."""
        return self.goal == SEARCH


@dataclass(frozen=True)
class Known:
    """What people know of one order in the middle of the table."""

    digits: str
    email: str
    order: str

    @classmethod
    def of(cls, rows: int) -> Known:
        n = rows // 2 + 2
        with connection.cursor() as cursor:
            cursor.execute("SELECT email, id::text FROM orders_order WHERE number = %s", [f"S-{100000 + n}"])
            email, order = cursor.fetchone()
        return cls(str(100000 + n), email, order)


def pages(rows: int) -> Iterator[Page]:
    """All of them, in the order in which they are shown."""
    known = Known.of(rows)
    for table, letter in (("orders_order", "S"), ("trips_trip", "T"), ("returns_return", "R")):
        status = "declined" if letter == "R" else "cancelled"
        yield from _lists(table, "", "p=90", f"status__exact={status}", "status__exact=needs_attention")
        if letter == "S":
            yield from _lists(table, "coordination__exact=choreography", "coordination__exact=choreography&p=20")
        if letter == "T":
            yield from _lists(table, "city=Oslo", "city=Nowhere")
        number, part = f"{letter}-{known.digits}", known.email.partition("@")[0][2:]
        yield from _searches(table, number, known.digits, known.email, part, "example.com", "nobody@nowhere.example")
    yield from _searches("orders_order", known.order)
    yield Page("front page", reverse("admin:index"), LIST)
    yield Page("front page, the part that moves", reverse("admin:sagas_front"), LIST)
    for term in (f"S-{known.digits}", known.email, known.order, "nobody@nowhere.example"):
        yield Page(f"search box {term}", f"{reverse('admin:sagas_find')}?{urlencode({'q': term})}", LIST)
    yield from _lists("sagas_run", "code=released", "state=open&code=out_of_stock", "state=all&code=none_such")
    yield from _lists("sagas_run", "", "state=all", "state=all&p=90", "state=finished", "state=completed")
    yield from _lists("sagas_run", "state=compensated", "state=stuck", "state=all&saga=dispute", "state=all&saga=trip")
    yield from _lists("sagas_run", *(f"state=all&age={age}" for age in ("hour", "day", "week", "older")))
    yield from _lists("sagas_run", "state=all&step=dispute.ask", "state=finished&age=older&saga=dispute")
    yield from _searches("sagas_run", f"S-{known.digits}", known.digits, known.email, f"order:{known.order}")
    yield from _searches("sagas_run", known.order, "example.com", "S-1", "nobody@nowhere.example", "S-9999999")
    yield from _lists("sagas_act", "", "p=90", "verb=resolve", "verb=unknown")
    yield from _searches("sagas_act", f"S-{known.digits}", "ann7", "nobody@nowhere.example")
    yield from _lists("outbox_deadletter", "", "p=90", "type=order_accepted", "error_class=KeyError")
    yield from _searches("outbox_deadletter", f"order:{known.order}", f"S-{known.digits}", known.digits, known.email)
    yield from _searches("outbox_deadletter", known.order, "nobody@nowhere.example", "S-9999999")
    yield from _lists("outbox_publishedmessage", "", "p=90", "type=order_accepted", "type=order_cancelled")
    yield from _searches("outbox_publishedmessage", f"order:{known.order}", f"S-{known.digits}", "unknown")


def _lists(table: str, *queries: str) -> Iterator[Page]:
    for query in queries:
        yield Page(f"{table} {query}", f"{reverse(f'admin:{table}_changelist')}?{query}", LIST)


def _searches(table: str, *terms: str) -> Iterator[Page]:
    for term in terms:
        url = f"{reverse(f'admin:{table}_changelist')}?{urlencode({'q': term})}"
        yield Page(f"{table} search {term}", url, SEARCH)
