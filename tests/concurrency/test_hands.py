"""Four processes take runs while operators, customers, bulk acts and the sweep act on them: none waits in a circle."""

from __future__ import annotations

import gc
import os
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import count
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import connection, connections, transaction

from sagas import Refused, SagaError, desk
from sagas.engine import executor
from sagas.engine.continuation import RunNext
from sagas.engine.work import Worker
from sagas.maintenance import sweep
from sagas.models import Attempt, Run, Step
from sagas.testing import time_passes
from sagas.worker import chains, crew, in_place, pace, taker
from sagas.worker import hand as hand_module
from tests.support.sagas import errand as errand_module
from tests.support.sagas.driver import begin, carry
from tests.support.sagas.errand import Errand, World, errand
from tests.support.sagas.hands import go_on
from tests.support.workers import until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
SECONDS = float(os.environ.get("HANDS_SECONDS", "12"))
"""How long they act."""
OPEN = 200
"""Runs that are on their way at the same time, about."""


class Sometimes(World):
    """A participant that refuses one call in fifty, and loses the answer to another."""

    def call(self, name: str, key: str, *, undoes: str = "") -> str:
        luck = random.random()
        if luck < 0.02 and not undoes and name != "deliver":
            raise Refused("out_of_stock")
        if 0.02 < luck < 0.04:
            raise RuntimeError("garbled")
        return f"{name} of {key[-8:]}"


class Broker:
    """What was sent, for anybody to carry out, in any order."""

    def __init__(self) -> None:
        self.messages: list[Any] = []
        self.lock = threading.Lock()

    def send(self, signatures: Any) -> None:
        with self.lock:
            self.messages += list(signatures)

    def receive(self) -> Any:
        with self.lock:
            return self.messages.pop(random.randrange(len(self.messages))) if self.messages else None


class Everybody:
    """Threads that act until they are told to stop; an error that is no refusal fails the test."""

    def __init__(self) -> None:
        self.stopped = threading.Event()
        self.errors: list[BaseException] = []
        self.threads: list[threading.Thread] = []

    def act(self, act: Callable[[], object], *, every: float) -> None:
        def run() -> None:
            try:
                while not self.stopped.wait(every):
                    with suppress(SagaError, Run.DoesNotExist):
                        act()
            except BaseException as error:
                self.errors.append(error)
            finally:
                connections.close_all()

        self.threads.append(threading.Thread(target=run, daemon=True))
        self.threads[-1].start()

    def stop(self) -> None:
        self.stopped.set()
        for thread in self.threads:
            thread.join(30)
            assert not thread.is_alive()
        if self.errors:
            raise self.errors[0]


class Acts:
    """What customers, operators and workers do."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.ann = get_user_model().objects.create_superuser("ann", password="x")
        self.numbers = count()

    def order(self) -> None:
        if Run.objects.filter(status="running").count() < OPEN:
            for _ in range(20):
                begin(errand, Errand("milk"), f"key-{next(self.numbers)}")
            self.broker.send([chains.take_task()])

    def cancel(self) -> None:
        errand.cancel(Run.objects.get(pk=self._any_run()).key, reason="changed my mind", actor="customer")

    def cancel_some(self) -> None:
        """A host's transaction over several runs, in any order."""
        with transaction.atomic():
            for _ in range(3):
                with suppress(SagaError):
                    self.cancel()

    def operate(self) -> None:
        verb = random.choice([desk.pause, desk.resume, desk.resume, desk.retry_now, desk.compensate])
        verb(self._any_run(), actor=self.ann, reason="a test")

    def operate_on_many(self) -> None:
        for _ in range(20):
            with suppress(SagaError, Run.DoesNotExist):
                self.operate()

    def work(self, process: taker.Taker) -> None:
        message = self.broker.receive()
        if message is None:
            return
        if hasattr(message, "tasks"):
            _carry_chain(message)
        else:
            request = SimpleNamespace(hostname="taker@test", id="task", root_id="root")
            process.work(SimpleNamespace(request=request))  # type: ignore[arg-type]

    def settle(self) -> None:
        """Nobody acts any more: every run comes to its end."""
        for run in Run.objects.exclude(paused_at=None):
            with suppress(SagaError):
                desk.resume(run.pk, actor=self.ann, reason="a test")
        time_passes(errand.named("fetch").timeout * 10)
        for run_id in Run.objects.filter(status__in=["running", "undoing"]).values_list("pk", flat=True):
            carry(run_id)

    def _any_run(self) -> UUID:
        runs = Run.objects.exclude(status__in=["completed", "compensated"]).order_by("-id").values_list("pk", flat=True)
        some = list(runs[:OPEN])
        if not some:
            raise Run.DoesNotExist
        return random.choice(some)


def _carry_chain(message: Any) -> None:
    run_id, saga, version, step = message.tasks[0].args
    act = executor.undo_step if message.tasks[0].task == chains.UNDO_TASK else executor.run_step
    then = act(executor.TaskRef(UUID(run_id), saga, version, step, Worker("chain@test", "task", go_on)))
    while isinstance(then, RunNext):
        then = executor.proceed(then.work)


@pytest.fixture
def broker(monkeypatch) -> Iterator[Broker]:
    """Where all messages go; the threads of all takers are those of one crew."""
    broker, threads = Broker(), crew.Crew()
    threads.size = 4
    monkeypatch.setattr(errand_module, "world", Sometimes())
    monkeypatch.setattr(hand_module, "pace", pace.Pace())
    monkeypatch.setattr(taker, "crew", threads)
    for module in (taker, in_place, sweep):
        monkeypatch.setattr(module, "send", broker.send)
    yield broker
    until(lambda: threads.idle == threads.size, 30)
    if threads._threads is not None:
        threads._threads.shutdown()
    gc.collect()  # with a thread goes its connection


def deadlocks() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


def test_no_two_of_all_who_act_on_runs_in_hands_wait_for_each_other(broker, monkeypatch):
    hook = lambda ctx, _result: Group.objects.create(name=str(ctx.run_id))  # noqa: E731
    monkeypatch.setattr(errand.named("wrap"), "recorded_run", hook)
    acts, everybody, before = Acts(broker), Everybody(), deadlocks()
    for _ in range(4):
        process = taker.Taker()
        for _ in range(2):
            everybody.act(partial(acts.work, process), every=0.005)
    often = ((acts.order, 0.05), (acts.operate, 0.02), (acts.operate_on_many, 0.5), (acts.cancel_some, 0.02))
    for act, every in often:
        everybody.act(act, every=every)
    everybody.act(sweep.ring_overdue, every=0.2)
    everybody.stopped.wait(SECONDS)
    everybody.stop()
    assert deadlocks() == before
    assert Run.objects.filter(status="completed").count() > 20, "they got on"
    acts.settle()
    assert not Attempt.objects.filter(ended_at=None).exists()
    for step in Step.objects.filter(status="done", name="wrap"):
        assert Group.objects.filter(name=str(step.run_id)).exists()
