"""What a run is about stays in PostgreSQL: no message, log line, result or repr carries an input or a step's result."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from redis import Redis

from config.logs import logging_config
from outbox.models import OutboxMessage
from sagas import NotApplied, Refused, Retry, RetryAfter, Saga, StatusChange, StepContext, UndoContext, tasks
from sagas.declare import registry
from sagas.engine.run_ready import RunReady
from sagas.engine.work import ClaimedStep, Worker
from sagas.maintenance.sweep import ring_overdue
from sagas.models import Run, Step
from sagas.participants.breaker import Admission
from sagas.sql import Claim
from sagas.worker.chains import chain_of, send
from tests.support.sagas.clock import LONG_AGO
from tests.support.sagas.driver import begin, carry, step_once

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "tok-4242424242424242"
TOLD = "combination-17-23-5"
"""A result that is no less of a secret."""
TWICE = Retry(attempts=2, first=timedelta(milliseconds=1), longest=timedelta(milliseconds=1))


@dataclass(frozen=True)
class Deposit:
    token: str


@dataclass
class Vault:
    """A saga whose input and results are secrets, and what its participant answers next, step by step."""

    saga: Saga[Deposit]
    answers: dict[str, list[Exception]] = field(default_factory=dict)

    def call(self, name: str) -> str:
        if self.answers.get(name):
            raise self.answers[name].pop(0)
        return TOLD


@pytest.fixture
def vault() -> Iterator[Vault]:
    made = Vault(Saga[Deposit]("vault"))
    declare(made)
    yield made
    registry.forget(made.saga)


def declare(vault: Vault) -> None:
    saga = vault.saga

    @saga.step(retry=TWICE, undo_retry=TWICE)
    def unlock(ctx: StepContext[Deposit]) -> str:
        return vault.call("unlock")

    @unlock.undo
    def lock(ctx: UndoContext[Deposit, str]) -> None:
        vault.call("lock")

    @unlock.recorded
    def unlocked(ctx: StepContext[Deposit], result: str) -> None:
        vault.call("unlocked")

    @saga.pivot(retry=TWICE)
    def deposit(ctx: StepContext[Deposit]) -> str:
        return vault.call("deposit") + ctx.input.token

    @deposit.probe
    def find(ctx: StepContext[Deposit]) -> str | NotApplied:
        return vault.call("find")

    @saga.step(retry=TWICE)
    def report(ctx: StepContext[Deposit]) -> str:
        return vault.call("report")

    @saga.status_changed
    def follow(change: StatusChange[Deposit]) -> None:
        vault.call("follow")


def wrong(*errors: Exception) -> list[Exception]:
    return list(errors)


def all_of(records: list[logging.LogRecord]) -> str:
    """Everything that a handler could make of the records: texts, tracebacks, extras, and our own JSON lines."""
    plain = logging.Formatter("%(message)s")
    build: Any = logging_config(as_json=True, level="DEBUG")["formatters"]["structured"]
    ours = build.pop("()")(**build)
    parts = [(plain.format(record), repr(record.__dict__), ours.format(record)) for record in records]
    return "\n".join(part for three in parts for part in three)


FAILURES: dict[str, tuple[dict[str, list[Exception]], str]] = {
    "nothing goes wrong": ({}, "completed"),
    "the network fails, then a bug": ({"unlock": wrong(ConnectionError("reset"), ValueError("bug"))}, "compensated"),
    "the participant is away": ({"unlock": wrong(RetryAfter(timedelta(0), "busy"))}, "completed"),
    "the pivot is refused": ({"deposit": wrong(Refused("full"))}, "compensated"),
    "the pivot and its probe fail": ({"deposit": wrong(OSError(), OSError()), "find": wrong(OSError())}, "stuck"),
    "the pivot is found": ({"deposit": wrong(OSError(), OSError())}, "completed"),
    "an undo fails": ({"deposit": wrong(Refused("full")), "lock": wrong(OSError(), OSError())}, "stuck"),
    "a hook fails": ({"unlocked": wrong(KeyError("row"))}, "completed"),
    "the status hook fails": ({"deposit": wrong(Refused("full")), "follow": wrong(KeyError("row"))}, "stuck"),
    "the last step is refused": ({"report": wrong(Refused("no_paper"))}, "stuck"),
}


@pytest.mark.parametrize("what", FAILURES)
def test_no_log_line_of_a_run_shows_what_it_is_about(vault: Vault, caplog: pytest.LogCaptureFixture, what: str) -> None:
    answers, ends = FAILURES[what]
    vault.answers = {name: list(errors) for name, errors in answers.items()}
    with caplog.at_level(logging.DEBUG):
        run = carry(begin(vault.saga, Deposit(SECRET)))
    assert run.status == ends
    assert any(vault.answers.values()) is False, "not all of it went wrong"
    assert caplog.records, "nothing was logged at all"
    logged = all_of(caplog.records)
    assert SECRET not in logged
    assert TOLD not in logged


def test_an_input_that_cannot_be_read_is_not_logged(vault: Vault, caplog: pytest.LogCaptureFixture) -> None:
    run_id = begin(vault.saga, Deposit(SECRET))
    Run.objects.update(input={"token": {"was": SECRET}})
    with caplog.at_level(logging.DEBUG):
        step_once(run_id)
    run = Run.objects.get()
    assert (run.status, run.code) == ("stuck", "unreadable")
    assert SECRET not in all_of(caplog.records) + run.reason + Step.objects.earliest("position").error_text


def on_the_wire(queue: str = "sagas") -> list[tuple[str, Any]]:
    """The messages in the broker: all that they say, and the arguments with the links that they carry along."""
    with Redis.from_url(settings.REDIS_URL, decode_responses=True) as client:
        found: Any = client.lrange(queue, 0, -1)
    bodies = [base64.b64decode(json.loads(message)["body"]).decode() for message in found]
    return [(message + body, json.loads(body)) for message, body in zip(found, bodies, strict=True)]


@pytest.fixture
def empty_broker() -> None:
    with Redis.from_url(settings.REDIS_URL) as client:
        client.flushdb()


def test_a_chain_carries_ids_and_nothing_else(vault: Vault, empty_broker: None) -> None:
    run_id = begin(vault.saga, Deposit(SECRET))
    step_once(run_id)
    send([chain_of(RunReady(run_id, "vault", 1, undo=undo, position=1)) for undo in (False, True)])
    messages = on_the_wire()
    assert len(messages) == 2
    for text, (args, kwargs, embedded) in messages:
        links = [(args, kwargs), *((link["args"], link["kwargs"]) for link in embedded["chain"] or [])]
        assert len(links) == 2
        for each, named in links:
            assert (each[:3], len(each), named) == ([str(run_id), "vault", 1], 4, {})
        assert SECRET not in text
        assert TOLD not in text


def test_a_ring_of_the_sweep_carries_ids_and_nothing_else(vault: Vault, empty_broker: None) -> None:
    run_id = begin(vault.saga, Deposit(SECRET))
    step_once(run_id)
    Run.objects.update(wake_at=LONG_AGO)
    assert ring_overdue() == 1
    [(text, (args, _, _))] = on_the_wire()
    assert args == [str(run_id), "vault", 1, "deposit"]
    assert SECRET not in text


def test_the_outbox_row_of_a_run_carries_ids_and_nothing_else(vault: Vault) -> None:
    run_id = begin(vault.saga, Deposit(SECRET))
    row = OutboxMessage.objects.get()
    assert json.loads(row.payload) == {
        **{"run_id": str(run_id), "saga": "vault", "version": 1},
        **{"undo": False, "position": 0},
    }
    assert SECRET not in row.headers + row.key


@pytest.mark.parametrize("task", [tasks.run_step, tasks.undo_step, tasks.sweep, tasks.prune])
def test_a_task_keeps_no_result(task: Any) -> None:
    assert task.ignore_result is True
    assert task.run.__annotations__["return"] == "None"


def contexts() -> list[object]:
    def earlier(name: str, type_: Any) -> Any:
        return TOLD

    claim = Claim(UUID(int=7), "key-1", SECRET, 1, 0, 0, TOLD)
    step: Any = "a step"
    claimed = ClaimedStep(
        UUID(int=7), step, step, claim, Deposit(SECRET), Worker(), Admission("", go=True), results={"unlock": TOLD}
    )
    common: dict[str, Any] = {"run_id": UUID(int=7), "attempt": 1, "timeout": timedelta(seconds=1), "earlier": earlier}
    return [
        StepContext(Deposit(SECRET), key="a", **common),
        UndoContext(Deposit(SECRET), key="a", step_key="b", result=TOLD, **common),
        StatusChange(uuid4(), "key-1", Deposit(SECRET), "running", "stuck", "unlock", "code", "reason", ""),
        claimed,
    ]


@pytest.mark.parametrize("context", contexts(), ids=lambda context: type(context).__name__)
def test_the_repr_of_what_a_step_is_given_shows_no_input(context: object) -> None:
    """Error trackers print the locals of each frame: there, `ctx` is what they find."""
    assert SECRET not in repr(context)
    assert TOLD not in repr(context)
    assert "key" in repr(context)
