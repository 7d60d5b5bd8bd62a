"""The shop in real processes that send their spans to a collector of the test's."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from django.core.management import call_command
from opentelemetry import trace as otel
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Tracer

from config.local.ports import free_port
from config.telemetry.sampler import Requests, configured
from orders.models import Order
from outbox import telemetry
from tests.flows.stack import Stack
from tests.support.standins import Standins, addresses, running
from tests.support.workers import Program, until

from .collector import Collector, collecting


@dataclass
class TracedShop:
    """A shop, and what its processes have told of its orders."""

    stack: Stack
    collector: Collector
    site: str

    def start(self) -> None:
        """All processes but the web, which runs already."""
        self.stack.start()
        consume = ["manage.py", "consume", "--stream", "warehouse.events", "--group", "shop", "--consumer", "test"]
        self.stack.programs.start("consumer", consume, {"SETTLE_PROCESS": "consumer"})

    def place(self, **headers: str) -> Order:
        """Place an order as a browser would, by a POST to the web process."""
        body = {
            "email": "ann@example.com",
            "payment_method": "pm_card_visa",
            "lines": [{"sku": "mug-slate", "quantity": 1}],
            "coordination": self.stack.coordination,
        }
        headers = {"Idempotency-Key": str(uuid.uuid4()), **headers}
        answer = requests.post(f"{self.site}/api/orders", json=body, headers=headers, timeout=20)
        assert answer.status_code == 201, answer.text
        return Order.objects.get(pk=answer.json()["id"])

    def stop(self) -> None:
        """End all processes; each sends what it has not sent yet."""
        for program in self.stack.programs.running:
            program.process.terminate()
        for program in self.stack.programs.running:
            program.process.wait(30)


@pytest.fixture
def told() -> InMemorySpanExporter:
    """The spans of this process."""
    return InMemorySpanExporter()


@pytest.fixture
def tracer(told: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tracer]:
    """Of a provider as the project sets it, followed by the outbox."""
    monkeypatch.delenv("OTEL_TRACES_SAMPLER", raising=False)
    provider = TracerProvider(sampler=Requests(configured()).with_parents())
    provider.add_span_processor(SimpleSpanProcessor(told))
    made = provider.get_tracer("tests")
    monkeypatch.setattr(otel, "get_tracer", lambda *_, **__: made)
    telemetry.follow()
    yield made
    telemetry.unfollow()
    provider.shutdown()


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Collector]:
    """It listens, and every process that starts from now on sends it spans. A failed test shows them."""
    with collecting() as found:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", found.url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")  # milliseconds
        yield found
    request.node.add_report_section("call", "spans", "\n".join(map(str, found.spans)))


@pytest.fixture
def site_port() -> int:
    return free_port()


@pytest.fixture
def traced_standins(
    collector: Collector, site_port: int, monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path
) -> Iterator[Standins]:
    """Stand-ins that make spans as well, and send webhooks to the web process."""
    told = {"STANDINS_WEBHOOK_URL": f"http://127.0.0.1:{site_port}/webhooks/stripe", "SETTLE_PROCESS": "stand-ins"}
    with running(tmp_path / "standins.log", prefix="traced_standins", told=told) as standins:
        for name, value in addresses(standins.url).items():
            setattr(settings, name, value)
            monkeypatch.setenv(name, value)
        yield standins


@pytest.fixture
def shop(
    request: pytest.FixtureRequest, programs: Any, traced_standins: Standins, collector: Collector, site_port: int
) -> TracedShop:
    """The catalogue and the web process; a test starts the others."""
    call_command("load_local", verbosity=0)
    web = ["-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{site_port}", "--preload", "--no-control-socket"]
    web += ["--workers", "1", "--threads", "4"]
    program: Program = programs.start("web", web, {"SETTLE_PROCESS": "web"})
    site = f"http://127.0.0.1:{site_port}"

    def answers() -> bool:
        if program.process.poll() is not None:
            pytest.fail(program.output[-4000:])
        try:
            return requests.get(f"{site}/livez", timeout=2).ok
        except requests.RequestException:
            return False

    until(answers, 60, what="the web answers")
    return TracedShop(Stack(programs, traced_standins, getattr(request, "param", "saga")), collector, site)
