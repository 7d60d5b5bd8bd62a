"""Processes killed in the instant in which a wait ends: of a signal and the end of its time exactly one wins."""

from __future__ import annotations

import signal
import subprocess
import sys
from uuid import UUID

import pytest
from django.db import transaction

from sagas import Sent, TooLate
from sagas.models import Signal, Step
from sagas.testing import time_passes
from tests.sagas.waits.conftest import IN_A_MONTH
from tests.support.sagas.clock import let_the_lease_run_out
from tests.support.sagas.crossing import HOURS, Offer, crossing
from tests.support.sagas.driver import begin, carry, step_once
from tests.support.workers import ROOT, process_env

pytestmark = pytest.mark.django_db(transaction=True)
PROGRAM = "import django; django.setup(); from tests.crashes import dying_waits; dying_waits.main()"


@pytest.fixture
def waiting() -> UUID:
    """A run that waits for the supplier's signal."""
    run_id = begin(crossing, IN_A_MONTH)
    for _ in range(3):
        step_once(run_id)
    return run_id


def dies(gap: str, run_id: UUID) -> None:
    environment = process_env({"DJANGO_SETTINGS_MODULE": "tests.settings"})
    command = [sys.executable, "-c", PROGRAM, gap, str(run_id)]
    ended = subprocess.run(command, cwd=ROOT, env=environment, timeout=60, capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr


def send() -> Sent:
    with transaction.atomic():
        return crossing.send("key-1", "supplier_answered", Offer(7), id="s-1")


@pytest.mark.parametrize("gap", ["before_the_end_is_recorded", "as_the_end_is_recorded"])
def test_a_worker_dies_as_the_time_is_over_and_a_signal_is_too_late_all_the_same(waiting, gap):
    time_passes(HOURS)
    dies(gap, waiting)
    with pytest.raises(TooLate, match="its time was over"):
        send()
    let_the_lease_run_out("supplier_answered")
    assert carry(waiting).code == "no_answer"
    assert not Signal.objects.exists()


def test_a_worker_dies_as_it_takes_the_signal_and_another_one_takes_it_after_its_time(waiting):
    assert send() is Sent.TAKEN
    dies("as_the_signal_is_recorded", waiting)
    assert Signal.objects.get().used_at is None
    time_passes(HOURS * 2)
    let_the_lease_run_out("supplier_answered")
    step_once(waiting)
    assert Step.objects.get(name="supplier_answered").result == {"price": 7}
    assert send() is Sent.DUPLICATE
    assert Signal.objects.count() == 1


def test_a_sender_dies_before_its_commit_and_has_sent_nothing(waiting):
    dies("as_the_signal_is_sent", waiting)
    assert not Signal.objects.exists()
    assert send() is Sent.TAKEN
    step_once(waiting)
    assert Step.objects.get(name="supplier_answered").status == "done"
