"""`/livez`, `/readyz` and `/healthz`: who answers what, whatever the host, and whatever else is wrong."""

import pytest
from django.db import OperationalError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from config import health

PROBES = ("/livez", "/readyz", "/healthz")


@pytest.fixture(autouse=True)
def _not_asked_yet(monkeypatch):
    monkeypatch.setattr(health, "_migrated", [])


@pytest.mark.django_db
@pytest.mark.parametrize("host", ["127.0.0.1:8000", "10.42.0.17", "[fd00::17]:8000", "not a host"])
@pytest.mark.parametrize("url", PROBES)
def test_a_probe_is_answered_by_any_address_and_without_tls(client, settings, url, host):
    settings.ALLOWED_HOSTS, settings.SECURE_SSL_REDIRECT = ["shop.example"], True
    assert client.get(url, headers={"host": host}).status_code == 200
    assert client.get("/", headers={"host": host}).status_code != 200, "the shop itself is as strict as before"


@pytest.mark.django_db
def test_a_process_that_cannot_serve_lives_and_is_not_ready(client, monkeypatch):
    def away(*_: object) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr("django.db.backends.base.base.BaseDatabaseWrapper.cursor", away)
    assert client.get("/livez").status_code == 200
    for url in ("/readyz", "/healthz"):
        answer = client.get(url)
        assert (answer.status_code, answer.json()["database"]) == (503, {"ok": False})


@pytest.mark.django_db
def test_a_process_is_not_ready_before_its_migrations_are_applied(client):
    last = MigrationLoader(connection).graph.leaf_nodes("outbox")[0][1]
    MigrationRecorder.Migration.objects.filter(app="outbox", name=last).delete()
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["migrations"]) == (503, {"ok": False, "not_applied": 1})
    MigrationRecorder(connection).record_applied("outbox", last)
    assert client.get("/readyz").status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("url", PROBES)
def test_a_probe_is_read_only(client, url):
    assert client.post(url).status_code == 405
