"""Why runs need a person: counted by cause, each thing once, from one index."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.utils import timezone

from outbox.ids import uuid7
from outbox.models import DeadLetter
from sagas import Refused, Retry, SagaDeclarationError, Stake, desk
from sagas.errors import Unfit
from sagas.front import causes
from sagas.front.causes import causes_for, source
from sagas.front.causes_of_runs import CAUSES
from sagas.front.stakes import money
from sagas.models import Run
from sagas.presentation.statistics import figures
from tests.bench.admin import fixture
from tests.support.sagas import errand as module
from tests.support.sagas.admin_pages import log_in, stuck
from tests.support.sagas.driver import begin, carry, carry_until_asked, step_once
from tests.support.sagas.errand import Errand, errand

pytestmark = pytest.mark.django_db(transaction=True)
UNTIL_DONE = Retry.until_done(first=timedelta(milliseconds=20), longest=timedelta(milliseconds=50))


@pytest.fixture
def ann():
    return get_user_model().objects.create_superuser("ann")


def told(user) -> list[tuple[str, str, int]]:
    return sorted((cause.where, cause.why, cause.count) for cause in causes_for(user))


def test_runs_are_counted_by_step_and_code(ann, world):
    for number in range(3):
        stuck(world, key=f"order:{number}")
    world.faults["pay"] = [TimeoutError("no answer")] * 3
    world.faults["probe"] = [TimeoutError("no answer")] * 3
    assert carry(begin(errand, Errand("tea"), key="order:5")).status == "stuck"
    begin(errand, Errand("bread"), key="order:6")
    assert told(ann) == [("Deliver", "no_such_street", 3), ("Pay", "the outcome is unknown", 1)]


def test_an_undo_that_fails_is_told_by_its_own_code_not_by_the_one_it_is_undone_for(ann, world):
    world.faults["pay"] = [Refused("card_declined")]
    world.faults["unwrap"] = [Refused("too_late")]
    assert carry(begin(errand, Errand("tea"))).status == "stuck"
    assert told(ann) == [("Wrap", "too_late", 1)]


def test_a_run_that_is_still_tried_is_counted_once_until_it_leaves_by_itself(ann, world, settings, monkeypatch):
    settings.SAGAS_ASK_AFTER = 3
    monkeypatch.setattr(module.deliver, "retry", UNTIL_DONE)
    world.faults["deliver"] = [RuntimeError("500")] * 4 + [Refused("no_such_street")]
    run = carry_until_asked(begin(errand, Errand("milk")))
    since = run.desk_since
    assert since is not None
    assert told(ann) == [("Deliver", "fails each time, and is still tried", 1)]
    assert (figures().stuck, figures().in_progress) == (1, 0)
    assert carry(run.pk).status == "stuck"
    assert told(ann) == [("Deliver", "no_such_street", 1)]
    assert Run.objects.get().desk_since == since, "it has asked since then"
    desk.retry_now(run.pk, actor=ann, reason="mended")
    assert told(ann) == []
    world.faults["deliver"] = [Refused("no_such_street")]
    again = carry(run.pk).desk_since
    assert again is not None
    assert again > since


def test_another_failure_of_one_that_is_still_tried_is_another_cause(ann, world, settings, monkeypatch):
    settings.SAGAS_ASK_AFTER = 3
    monkeypatch.setattr(module.deliver, "retry", UNTIL_DONE)
    world.faults["deliver"] = [RuntimeError("500")] * 5
    run = carry_until_asked(begin(errand, Errand("milk")))

    def broken(*_):
        raise RuntimeError("our own")

    monkeypatch.setattr(module.deliver, "recorded_run", broken)
    world.faults["deliver"] = []
    step_once(run.pk)
    assert told(ann) == [("Deliver", "our own failure, and is still tried", 1)]


def test_the_value_at_stake_is_summed_up_by_currency_and_what_is_unknown_is_counted(ann, world, monkeypatch):
    for number, stake in enumerate((Stake(Decimal("12.5"), "EUR"), Stake(Decimal(4), "EUR"), Stake(Decimal(9), "JPY"))):
        monkeypatch.setattr(errand, "stake", lambda _, stake=stake: stake)
        stuck(world, key=f"order:{number}")
    monkeypatch.setattr(errand, "stake", lambda _: None)
    stuck(world, key="order:8")
    (cause,) = causes_for(ann)
    assert cause.money == "16.50 EUR, 9 JPY, 1 unknown"


@pytest.mark.parametrize(
    ("amount", "shown"), [("1234.5000", "1,234.50 X"), ("1200.0000", "1,200 X"), ("0.125", "0.125 X"), ("0", "0 X")]
)
def test_money_is_written_for_people(amount, shown):
    assert money(Stake(Decimal(amount), "X")) == shown


@pytest.mark.parametrize(
    ("amount", "currency"),
    [(12, "EUR"), (Decimal("NaN"), "EUR"), (Decimal("0.00001"), "EUR"), (Decimal(1), ""), (Decimal(1), "A" * 9)],
)
def test_a_stake_that_cannot_be_kept_is_refused(amount, currency):
    with pytest.raises(SagaDeclarationError):
        Stake(amount, currency)


@pytest.mark.parametrize("stake", [Stake(Decimal(10) ** 16, "EUR"), Decimal(3)])
def test_a_run_whose_stake_cannot_be_kept_is_not_started(world, monkeypatch, stake):
    monkeypatch.setattr(errand, "stake", lambda _: stake)
    with pytest.raises(Unfit, match="give a Stake below 10000000000000000, or None"):
        begin(errand, Errand("milk"))


def test_what_has_waited_longest_stands_first_and_each_source_has_its_permission(ann, world, monkeypatch):
    monkeypatch.setattr(causes, "_sources", list(causes._sources))
    stuck(world)
    old = timezone.now() - timedelta(days=1)
    source("sagas.view_act")(lambda _: [causes.Cause("parcel", "At customs", "papers", 2, old, "/")])
    assert [cause.about for cause in causes_for(ann)] == ["parcel", "errand"]
    nobody = get_user_model().objects.create_user("bob")
    assert causes_for(nobody) == []


def test_messages_that_were_given_up_are_counted_by_type_subscriber_and_error(ann):
    for error in ("KeyError", "KeyError", "TimeoutError"):
        bury(error)
    requeued = bury("KeyError")
    DeadLetter.objects.filter(pk=requeued.pk).update(requeue_at="2020-01-01T00:00:00Z")
    assert told(ann) == [("parcel_sent to host.tell", "KeyError", 2), ("parcel_sent to host.tell", "TimeoutError", 1)]
    (cause, _) = causes_for(ann)
    assert "type=parcel_sent&subscriber=host.tell&error_class=" in cause.url
    assert [act.words for act in cause.acts] == ["Requeue …"]
    assert cause.acts[0].url.endswith(f"deadletter/requeue/?{cause.url.partition('?')[2]}")


def test_who_may_not_requeue_is_not_offered_it(client):
    bury("KeyError")
    (cause,) = causes_for(log_in(client, "view_deadletter"))
    assert cause.acts == ()


def bury(error: str) -> DeadLetter:
    return DeadLetter.objects.create(
        message_id=uuid7(), type="parcel_sent", version=1, key="parcel:1", payload="{}", headers="{}",
        destination="tasks", subscriber="host.tell", attempts=8, error_class=error, error="no",
    )  # fmt: skip


def test_one_index_answers_for_all_causes():
    fixture.fill(20_000, print)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {CAUSES}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Index Only Scan using saga_run_desk" in plan
