"""What Flower is told by real workers: every step of an order, whichever message carried it."""

from __future__ import annotations

import threading
from collections import defaultdict

import pytest
import requests
from celery.events.state import State
from django.core.management import call_command

from config.celery import app
from config.local.ports import free_port
from orders.sagas import checkout
from sagas.models import Run
from tests.flows.stack import Stack
from tests.support.workers import until

STEPS = {step.title for step in checkout.steps}
LIFE = ["task-received", "task-started", "task-succeeded"]


class Ear:
    """Hears the task events, as Flower does, until it is closed."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.lives: dict[str, list[str]] = defaultdict(list)
        self.state = State()
        self.receiver = app.events.Receiver(app.connection_for_read(), handlers={"*": self._note})
        listening = threading.Event()
        self.receiver.on_consume_ready = lambda *_args, **_kwargs: listening.set()
        self.thread = threading.Thread(target=self.receiver.capture, kwargs={"wakeup": False}, daemon=True)
        self.thread.start()
        assert listening.wait(20), "nothing is heard of the broker"

    def _note(self, event):
        self.state.event(dict(event))
        if event["type"].startswith("task-") and event["type"] != "task-sent":
            self.lives[event["uuid"]].append(event["type"])
            if event.get("name"):
                self.names[event["uuid"]] = event["name"]

    def lives_of(self, name: str) -> list[list[str]]:
        return [life for uuid, life in self.lives.items() if self.names.get(uuid) == name]

    def arguments_of(self, name: str) -> list[str]:
        """What Flower shows as the arguments of the tasks of that name."""
        return [str(task.args) for _, task in self.state.tasks_by_time() if task.name == name]

    def close(self) -> None:
        self.receiver.should_stop = True
        self.thread.join(10)


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_flower_is_told_of_every_step(programs, standins, worker, pool):
    call_command("load_local", verbosity=0)
    shop = Stack(programs, standins)
    worker("sagas", "events", "webhooks", "default", pool=pool, concurrency=2, env={"STANDINS_URL": standins.url})
    shop.relay = shop.start_relay()
    shop.beat = programs.start("beat", ["-m", "celery", "-A", "config", "beat"])
    ear = Ear()
    try:
        order = shop.settled(shop.place())
        assert order.status == "confirmed"
        until(lambda: all(ear.lives_of(name) == [LIFE] for name in STEPS), 20, what=f"all of {STEPS}; {ear.names}")
        shown = [f"({order.number}, {Run.objects.get(key=order.saga_key).pk})"]
        until(lambda: all(ear.arguments_of(name) == shown for name in STEPS), 20, what=f"the number {order.number}")
    finally:
        ear.close()


def test_flower_lists_every_queue_though_no_worker_takes_it(programs):
    port = free_port()
    programs.start("flower", ["-m", "config.flower", "--address=127.0.0.1", f"--port={port}"])

    def asked(path: str) -> str:
        try:
            answer = requests.get(f"http://127.0.0.1:{port}{path}", timeout=5)
            return answer.text if answer.ok else ""
        except requests.ConnectionError:
            return ""

    every = {"sagas", "events", "webhooks", "upkeep", "default"}
    until(lambda: all(f">{name}<" in asked("/broker").replace(" ", "") for name in every), 60, what="the page Broker")
