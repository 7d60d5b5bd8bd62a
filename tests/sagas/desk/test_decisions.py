"""Operators' decisions that meet a change of the run."""

from __future__ import annotations

import threading

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db import connection
from django.urls import reverse

from outbox.models import OutboxMessage
from sagas import Refused, WrongState, desk
from sagas.engine.continuation import SwitchChain
from sagas.models import Act, Run
from tests.support.sagas.clock import someone_waits_for_a_lock
from tests.support.sagas.driver import begin, carry, step_once
from tests.support.sagas.errand import Errand, errand
from tests.support.workers import until

pytestmark = pytest.mark.django_db(transaction=True)
LOST = TimeoutError("no answer")


@pytest.fixture
def ann():
    return get_user_model().objects.create_user("ann")


def test_a_decision_waits_for_a_change_that_is_being_made_and_is_then_refused(world, ann):
    world.faults["pay"] = [LOST, LOST, LOST]
    run = carry(begin(errand, Errand("milk")))
    said: list[Exception] = []

    def press():
        try:
            desk.retry_now(run.id, actor=ann, reason="now", row_version=run.row_version)
        except Exception as error:
            said.append(error)
        finally:
            connection.close()

    other = connection.copy()
    thread = threading.Thread(target=press)
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("UPDATE saga_run SET status = 'resolved', row_version = row_version + 1")
        thread.start()
        until(someone_waits_for_a_lock, 10, what="the second decision waits for the first")
        other.commit()
        thread.join(10)
    finally:
        other.close()
    assert [type(one) for one in said] == [WrongState]
    assert Run.objects.get().status == "resolved"
    assert not Act.objects.exists()


def test_a_run_that_is_being_undone_is_not_compensated_again(world, ann):
    world.faults["pay"] = [Refused("card_declined")]
    run_id = begin(errand, Errand("milk"))
    while not isinstance(step_once(run_id), SwitchChain):
        pass
    step_once(run_id)
    with pytest.raises(WrongState, match="being undone already"):
        desk.compensate(run_id, actor=ann, reason="please")
    assert carry(run_id).status == "compensated"
    assert world.log.count("unwrap") == 1


def test_a_failed_undo_is_retried_and_not_compensated(world, ann):
    world.faults["pay"] = [Refused("card_declined")]
    world.faults["unwrap"] = [Refused("too_late")]
    run = carry(begin(errand, Errand("milk")))
    with pytest.raises(WrongState, match="Retry the undo that failed"):
        desk.compensate(run.id, actor=ann, reason="please")
    assert Run.objects.get().status == "stuck"


def test_a_compensation_rings_the_undo_through_the_outbox(world, ann):
    world.faults["pay"] = [LOST, LOST, LOST]
    run = carry(begin(errand, Errand("milk")))
    OutboxMessage.objects.all().delete()
    desk.compensate(run.id, actor=ann, reason="the bank says it never happened")
    message = OutboxMessage.objects.get()
    assert message.type == "sagas.run_ready"
    assert '"undo":true' in message.payload.replace(" ", "")


@pytest.mark.parametrize("model", ["run", "act"])
def test_nobody_adds_changes_or_deletes_what_the_engine_and_the_desk_wrote(world, client, model):
    superuser = get_user_model().objects.create_superuser("root")
    world.faults["pay"] = [LOST, LOST, LOST]
    run = carry(begin(errand, Errand("milk")))
    desk.resolve(run.id, actor=superuser, reason="settled by telephone", ended="completed")
    row = run if model == "run" else run.acts.get()
    client.force_login(superuser)
    for page, arguments in (("add", []), ("delete", [row.pk])):
        assert client.post(reverse(f"admin:sagas_{model}_{page}", args=arguments), {"post": "yes"}).status_code == 403
    held = admin.site._registry[type(row)].get_model_perms(answer_to(client, model).wsgi_request)
    assert held == {"add": False, "change": False, "delete": False, "view": True}


def answer_to(client, model):
    return client.get(reverse(f"admin:sagas_{model}_changelist"))
