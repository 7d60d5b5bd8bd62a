"""`manage.py check --deploy`: the broker keeps its messages, and tasks outlive their workers."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from celery import current_app
from django.conf import settings as project
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from redis import Redis

from sagas.checks import (
    check_eviction,
    check_task_acks,
)
from sagas.checks.deploy import PATIENCE


def told(found: list[Any]) -> list[tuple[str, str, str]]:
    return [(one.id, one.msg, one.hint) for one in found]


@pytest.fixture
def broker() -> Iterator[Redis]:
    """The tests' own broker, with its policy put back afterwards."""
    with Redis.from_url(project.REDIS_URL, decode_responses=True) as client:
        before = client.config_get("maxmemory-policy")["maxmemory-policy"]
        yield client
        client.config_set("maxmemory-policy", before)


@pytest.fixture
def broker_at(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Has Celery's broker elsewhere."""
    return lambda url: monkeypatch.setattr(current_app.conf, "broker_write_url", url)


def test_a_broker_that_keeps_its_messages_is_accepted(broker: Redis) -> None:
    assert check_eviction() == []


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
def test_a_broker_that_drops_messages_is_refused(broker: Redis, policy: str) -> None:
    broker.config_set("maxmemory-policy", policy)
    sentence = (
        f"The broker 127.0.0.1 has the maxmemory-policy {policy}: when its memory is full it drops messages in silence."
    )
    hint = "Set maxmemory-policy to noeviction; then it refuses to take more, and the outbox keeps what is due."
    assert told(check_eviction()) == [("sagas.E014", sentence, hint)]


def test_each_of_several_brokers_is_asked(broker: Redis, broker_at: Any) -> None:
    broker.config_set("maxmemory-policy", "allkeys-lru")
    for urls in (f"{project.REDIS_URL};{project.REDIS_URL}", [project.REDIS_URL] * 2):
        broker_at(urls)
        assert [id for id, *_ in told(check_eviction())] == ["sagas.E014"] * 2


def test_a_broker_that_forbids_to_be_asked_is_a_warning(broker: Redis, broker_at: Any) -> None:
    broker.acl_setuser("nosy", enabled=True, passwords=["+secret-word"], categories=["+@all"], commands=["-info"])
    try:
        broker_at(project.REDIS_URL.replace("redis://", "redis://nosy:secret-word@"))
        [(id, sentence, _)] = told(check_eviction())
    finally:
        broker.acl_deluser("nosy")
    assert id == "sagas.W015"
    assert sentence.startswith("The broker 127.0.0.1 did not say what it does when its memory is full (NoPermission")
    assert "secret-word" not in sentence


def test_a_broker_that_forbids_config_is_asked_all_the_same(broker: Redis, broker_at: Any) -> None:
    broker.config_set("maxmemory-policy", "allkeys-lru")
    broker.acl_setuser("managed", enabled=True, nopass=True, categories=["+@all"], commands=["-config"])
    try:
        broker_at(project.REDIS_URL.replace("redis://", "redis://managed:x@"))
        assert [id for id, *_ in told(check_eviction())] == ["sagas.E014"]
    finally:
        broker.acl_deluser("managed")


def test_a_broker_that_is_away_is_a_warning_that_says_so(broker_at: Any) -> None:
    broker_at("redis://:secret-word@127.0.0.1:1/0")
    [(id, sentence, hint)] = told(check_eviction())
    assert id == "sagas.W015"
    assert sentence.startswith("The broker 127.0.0.1 did not say what it does when its memory is full (ConnectionError")
    assert hint == "See for yourself that its maxmemory-policy is noeviction: any other drops messages in silence."
    assert "secret-word" not in sentence


def test_a_broker_that_never_answers_does_not_hang_the_check(broker_at: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        broker_at(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        began = time.monotonic()
        [(id, sentence, _)] = told(check_eviction())
    assert (id, "TimeoutError" in sentence) == ("sagas.W015", True)
    assert time.monotonic() - began < 2 * PATIENCE


@pytest.mark.parametrize("url", ["sentinel://127.0.0.1:26379", "redis+socket:///nowhere", "rediss://127.0.0.1:1/0"])
def test_a_broker_that_cannot_be_asked_is_a_warning(broker_at: Any, url: str) -> None:
    broker_at(url)
    assert [id for id, *_ in told(check_eviction())] == ["sagas.W015"]


@pytest.mark.parametrize("url", ["amqp://guest@127.0.0.1//", "sqs://", None])
def test_a_broker_of_another_kind_is_not_asked(broker_at: Any, url: str | None) -> None:
    broker_at(url)
    assert check_eviction() == []


def test_the_links_as_they_are_outlive_their_workers() -> None:
    assert check_task_acks() == []


@pytest.mark.parametrize("task", ["sagas.run_step", "sagas.undo_step"])
@pytest.mark.parametrize(
    ("option", "what"),
    [
        ("acks_late", "a link is lost with its worker."),
        ("reject_on_worker_lost", "a link whose process is killed counts as done."),
    ],
)
def test_links_that_die_with_their_workers_are_refused(
    monkeypatch: pytest.MonkeyPatch, task: str, option: str, what: str
) -> None:
    monkeypatch.setattr(current_app.tasks[task], option, False)
    hint = "Take it out of CELERY_TASK_ANNOTATIONS."
    assert told(check_task_acks()) == [("sagas.E016", f"{task} has {option} off: {what}", hint)]


def test_only_a_check_for_a_deploy_asks_the_broker(broker: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sagas.checks.apps.is_in_installed_app", lambda _: True)  # the tests' own sagas have no app
    broker.config_set("maxmemory-policy", "allkeys-lru")
    call_command("check", "--tag=sagas", stdout=StringIO())
    with pytest.raises(SystemCheckError, match=r"sagas\.E014.*maxmemory-policy allkeys-lru"):
        call_command("check", "--tag=sagas", "--deploy")
