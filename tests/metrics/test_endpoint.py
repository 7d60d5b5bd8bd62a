"""Who may read `/metrics`, and what is there when something is away."""

from __future__ import annotations

import json
import time

import pytest
import redis
from django.db import OperationalError

from config.metrics import queues

from .exported import families, scrape

pytestmark = pytest.mark.django_db
TOKEN = {"Authorization": "Bearer let-me-in"}


def test_a_token_is_asked_for_where_one_is_set(client, settings):
    settings.METRICS_TOKEN = "let-me-in"
    for headers in ({}, {"Authorization": "Bearer let-me-in-too"}, {"Authorization": "Basic let-me-in"}):
        answer = client.get("/metrics", headers=headers)
        assert (answer.status_code, answer["WWW-Authenticate"]) == (401, 'Bearer realm="metrics"')
        assert b"saga_runs" not in answer.content
    assert b"saga_runs" in client.get("/metrics", headers=TOKEN, REMOTE_ADDR="203.0.113.9").content


def test_without_a_token_it_is_open_to_this_machine_alone_and_only_locally(client, settings):
    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", REMOTE_ADDR="::1").status_code == 200
    for stranger in ("203.0.113.9", "10.0.0.7", "", "unix:"):
        assert client.get("/metrics", REMOTE_ADDR=stranger).status_code == 403
    settings.LOCAL = False
    answer = client.get("/metrics")
    assert (answer.status_code, b"METRICS_TOKEN" in answer.content) == (403, True)


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
def test_a_proxy_on_this_machine_does_not_open_it(client, header):
    assert client.get("/metrics", headers={header: "203.0.113.9"}).status_code == 403


def test_it_is_answered_by_any_address_and_without_tls(client, settings):
    settings.ALLOWED_HOSTS, settings.SECURE_SSL_REDIRECT = ["shop.example"], True
    assert client.get("/metrics", headers={"host": "10.42.0.17:8000"}).status_code == 200


def test_it_is_read_only(client):
    assert client.post("/metrics").status_code == 405


def test_both_formats_are_spoken(client):
    accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
    answer = client.get("/metrics", headers={"accept": accept})
    assert answer["Content-Type"].startswith("application/openmetrics-text")
    assert answer.content.endswith(b"# EOF\n")
    assert client.get("/metrics")["Content-Type"].startswith("text/plain; version=")


def test_while_postgresql_is_away_what_it_does_not_know_is_exported(client, monkeypatch):
    def away(*_: object) -> None:
        raise OperationalError("connection refused")

    with monkeypatch.context() as patch:
        patch.setattr("django.db.backends.base.base.BaseDatabaseWrapper.cursor", away)
        text = scrape(client)
    up = {sample.labels["collector"]: sample.value for sample in families(text)["collector_up"].samples}
    assert up == {"sagas": 0, "outbox": 0, "queues": 1}
    assert "http_requests_total" in text
    assert "saga_runs" not in text


def test_the_depth_of_each_queue_of_the_broker(client, settings):
    with redis.Redis.from_url(settings.CELERY_BROKER_URL) as broker:
        broker.flushdb()
        broker.lpush("events", "a", "b")
        broker.lpush("sagas", json.dumps({"headers": {"sent_at": time.time() - 3600}}))
        found = families(scrape(client))
        broker.flushdb()
    depths, ages = (
        {sample.labels["queue"]: sample.value for sample in found[name].samples}
        for name in ("celery_queue_messages", "celery_queue_oldest_seconds")
    )
    assert depths == {"default": 0, "events": 2, "sagas": 1, "upkeep": 0, "webhooks": 0}
    assert ages.pop("sagas") >= 3600
    assert ages == {"default": 0, "upkeep": 0, "webhooks": 0}, "of somebody else's message nothing is known"


def test_another_broker_exports_its_own(settings):
    settings.CELERY_BROKER_URL = "amqp://guest@localhost//"
    assert [metric.values for metric in queues.metrics()] == [{}, {}]
