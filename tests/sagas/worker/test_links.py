"""A link of a chain as Celery carries it: what it does to the links that follow, and in which trace it runs."""

from __future__ import annotations

import base64
import json
from typing import Any
from uuid import uuid4

import pytest
from celery.exceptions import Retry
from django.conf import settings as django_settings
from redis import Redis

from outbox.messages import trace
from outbox.tasks import deliver
from sagas import Refused, tasks
from sagas.engine.run_ready import RunReady
from sagas.engine.work import lease_seconds
from sagas.models import Run, Step
from sagas.worker import in_place
from sagas.worker.chains import chain_of
from tests.support.sagas.driver import begin, step_once
from tests.support.sagas.errand import Errand, errand

pytestmark = pytest.mark.django_db(transaction=True)
LOST = TimeoutError("no answer")
REST = ["the links that follow"]


@pytest.fixture(autouse=True)
def one_message_a_step(settings):
    settings.SAGAS_IN_PLACE = False


@pytest.fixture
def sent(monkeypatch):
    """The chains that links send in place of their own."""
    seen: list[object] = []
    monkeypatch.setattr(in_place, "send", seen.extend)
    monkeypatch.setattr(in_place, "send_next", lambda _chain: False)  # what is left is looked at
    return seen


def meet(run_id, name, *, task=tasks.run_step, headers=None):
    """Run a link as a worker does; what is left of its chain."""
    request = {"id": "task", "hostname": "test", "headers": headers or {}, "chain": list(REST)}
    task.push_request(called_directly=False, args=(str(run_id), "errand", 1, name), kwargs={}, **request)
    try:
        task.run(str(run_id), "errand", 1, name)
        return task.request.chain
    finally:
        task.pop_request()


def links_of(ready):
    chain: Any = chain_of(ready)
    return chain.tasks


def test_a_done_link_lets_its_chain_go_on(world, sent):
    assert meet(begin(errand, Errand("milk")), "fetch") == REST
    assert sent == []


def test_what_a_link_has_sent_of_its_chain_celery_does_not_send_again(world, monkeypatch):
    monkeypatch.setattr(in_place, "send_next", lambda chain: chain == REST)
    assert meet(begin(errand, Errand("milk")), "fetch") is None


def test_a_link_whose_step_another_worker_has_ends_its_chain(world, sent):
    run_id = begin(errand, Errand("milk"))
    seen: list[object] = []
    world.faults["fetch"] = [lambda: seen.append(meet(run_id, "fetch"))]
    step_once(run_id)
    assert seen == [None]


def test_a_refused_link_ends_its_chain_and_sends_the_undo(world, sent):
    run_id = begin(errand, Errand("milk"))
    step_once(run_id)
    world.faults["think"] = [Refused("no_idea")]
    assert meet(run_id, "think") is None
    assert [(link.task, link.args[0], link.args[-1]) for links in sent for link in links.tasks] == [
        ("sagas.undo_step", str(run_id), "fetch")
    ]


def test_a_short_wait_rides_on_celerys_retry_with_the_rest_of_its_chain(world, sent):
    with Redis.from_url(django_settings.REDIS_URL) as client:
        client.flushdb()
        run_id = begin(errand, Errand("milk"))
        world.faults["fetch"] = [LOST]
        with pytest.raises(Retry):
            meet(run_id, "fetch")
        message = json.loads(client.lindex("sagas", 0))
    assert message["headers"]["eta"]
    _args, _kwargs, embedded = json.loads(base64.b64decode(message["body"]))
    assert embedded["chain"] == REST


def test_a_long_wait_ends_the_chain_and_is_left_to_the_sweep(world, sent):
    run_id = begin(errand, Errand("milk"))
    Step.objects.filter(name="fetch").update(status="waiting", next_attempt_at="2100-01-01T00:00:00Z")
    assert meet(run_id, "fetch") is None
    assert world.log == []


def test_a_link_runs_in_the_trace_that_its_chain_carries(world, sent):
    with trace.use(trace.start("request-1")) as current:
        run_id = begin(errand, Errand("milk"))
        links = links_of(RunReady(run_id, "errand", 1, undo=False, position=0))
    assert {link.options["headers"]["traceparent"][3:35] for link in links} == {current.trace_id}
    seen: list[object] = []
    world.faults["fetch"] = [lambda: seen.append((trace.current().trace_id, trace.current().request_id))]
    meet(run_id, "fetch", headers=links[0].options["headers"])
    assert seen == [(current.trace_id, "request-1")]
    assert Run.objects.get().attempts.get().traceparent[3:35] == current.trace_id


def test_a_run_keeps_the_trace_of_the_request_that_started_it(world):
    with trace.use(trace.start("request-1")) as current:
        begin(errand, Errand("milk"))
    run = Run.objects.get()
    assert (run.traceparent[3:35], run.request_id) == (current.trace_id, "request-1")


def test_an_undo_chain_goes_backwards_over_the_steps_that_have_an_undo():
    links = links_of(RunReady(uuid4(), "errand", 1, undo=True, position=2))
    assert [(link.task, link.args[-1], link.options["shadow"]) for link in links] == [
        ("sagas.undo_step", "wrap", "errand.wrap.undo"),
        ("sagas.undo_step", "fetch", "errand.fetch.undo"),
    ]


def test_a_lease_leaves_time_for_the_probe():
    assert lease_seconds(errand.named("pay")) == lease_seconds(errand.named("wrap")) + 2


def test_a_link_survives_its_worker():
    """The broker gives it to another: it is confirmed only when it is done."""
    for task in (tasks.run_step, tasks.undo_step, deliver):
        assert (task.acks_late, task.reject_on_worker_lost) == (True, True), task.name
