"""Statements are spans of what sends them, in words that quote nobody."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction
from opentelemetry.trace import SpanKind, StatusCode

from config.telemetry import statements
from sagas.models import Run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sent(monkeypatch, told, tracer):
    """The spans of statements on a connection that is opened while they are asked for."""
    monkeypatch.setattr(statements, "_tracer", tracer)
    statements.start()
    connection.close()
    yield told
    statements.stop()
    connection.execute_wrappers.remove(statements.traced)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("EXECUTE saga_take (%s, %s)", "EXECUTE saga_take"),
        ("PREPARE saga_take (uuid) AS SELECT 1 FROM x", "PREPARE saga_take"),
        ('SELECT "a"."id" FROM "orders_order" WHERE x', "SELECT orders_order"),
        ('INSERT INTO "orders_order" ("id") VALUES (%s)', "INSERT orders_order"),
        ('UPDATE "orders_order" SET x = %s', "UPDATE orders_order"),
        ('DELETE FROM "orders_order" WHERE x', "DELETE orders_order"),
        ("SELECT 1", "SELECT"),
        ("WITH a AS (SELECT 1 FROM b) SELECT 1", "WITH"),
        ("", "statement"),
    ],
)
def test_a_statement_is_named_by_what_it_does_and_to_what(text, said):
    assert statements.summary(text) == said


def test_a_statement_is_a_span_of_what_sends_it_without_its_parameters(sent, tracer):
    with tracer.start_as_current_span("a request", kind=SpanKind.SERVER) as request:
        assert not Run.objects.filter(key="ann@example.com").exists()
    (span,) = [one for one in sent.get_finished_spans() if one.kind is SpanKind.CLIENT]
    assert (span.name, span.parent.span_id) == ("SELECT saga_run", request.get_span_context().span_id)
    assert span.attributes["db.query.text"].startswith("SELECT ")
    assert "ann@example.com" not in str(span.attributes)


def test_a_connection_that_is_opened_again_is_watched_once(sent, tracer):
    for _ in range(2):
        connection.close()
        connection.ensure_connection()
    with tracer.start_as_current_span("a request", kind=SpanKind.SERVER):
        Run.objects.exists()
    assert len([one for one in sent.get_finished_spans() if one.kind is SpanKind.CLIENT]) == 1


def test_a_failed_statement_quotes_nothing_of_what_postgresql_says(sent, tracer):
    with tracer.start_as_current_span("a request", kind=SpanKind.SERVER), pytest.raises(DatabaseError):  # noqa: SIM117
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT %s::integer", ["ann@example.com"])
    (span,) = [one for one in sent.get_finished_spans() if one.kind is SpanKind.CLIENT]
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["error.type"] == "DataError"
    assert "ann@example.com" not in span.to_json()


def test_outside_of_a_recorded_trace_a_statement_is_no_span(sent):
    Run.objects.exists()
    assert sent.get_finished_spans() == ()
