"""Runs that share the workers: whose turn it is, how many at once, and what becomes of those that wait."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from sagas import Retry, Saga, SagaDeclarationError, Share, StepContext, desk
from sagas.checks import check_shares
from sagas.declare import registry
from sagas.desk.standing import standings
from sagas.engine import executor
from sagas.engine.continuation import STOP
from sagas.engine.fair_order import Order, Waiting
from sagas.engine.letting_in import AHEAD, let_in
from sagas.errors import Unfit
from sagas.front.waits import waits
from sagas.maintenance.sweep import ring_overdue
from sagas.models import Run, ShareTime, Step, StepStatus, Ticket
from sagas.testing import given
from tests.support.sagas.admin_pages import log_in, page_of
from tests.support.sagas.clock import LONG_AGO
from tests.support.sagas.driver import begin, carry, link
from tests.support.sagas.errand import Errand, errand
from tests.support.sagas.hands import take_all
from tests.support.sagas.process import completed, ends
from tests.support.sagas.together import together

pytestmark = pytest.mark.django_db(transaction=True)
ANN = desk.Person("ann")


def queue(share: str | None, many: int = 1, *, saga: Saga[Errand] = errand, priority: int | None = None) -> list[UUID]:
    """So many runs of a share, in one transaction."""
    with transaction.atomic():
        first = Run.objects.count()
        return [
            saga.start(Errand(f"{share}"), key=f"key-{first + n}", share=share, priority=priority) for n in range(many)
        ]


def begun() -> Counter[str | None]:
    """How many runs of each share have begun."""
    return Counter(Run.objects.filter(steps__position=0, steps__attempts__gt=0).values_list("share", flat=True))


def take_let_in() -> list[UUID]:
    """Let in whose turn it is; a worker begins them at once, in this order."""
    let = let_in()
    Step.objects.filter(run__in=let.pooled, position=0).update(status=StepStatus.WAITING, attempts=1)
    return let.pooled


def end(*runs: UUID) -> None:
    Run.objects.filter(pk__in=runs).update(status="completed", finished_at=LONG_AGO, ready_at=None)


# --- Fair ------------------------------------------------------------------------------------------------------------


def test_behind_10_000_runs_of_one_tenant_another_begins_with_the_next_that_are_let_in(world):
    queue("loud")
    with connection.cursor() as cursor:
        copies = ", ".join(field.column for field in Run._meta.concrete_fields if field.column not in ("id", "key"))
        cursor.execute(
            f"INSERT INTO saga_run (id, key, {copies}) SELECT gen_random_uuid(), 'copy:' || n, {copies} "
            "FROM saga_run, generate_series(1, 9999) AS n"
        )
        cursor.execute(
            "INSERT INTO saga_ticket (run_id, share, line, priority, is_limited) "
            "SELECT id, 'loud', '', 0, false FROM saga_run WHERE key LIKE 'copy:%'"
        )
        cursor.execute(
            "INSERT INTO saga_step (run_id, position, name, status, attempts, undo_attempts, forgiven, granted, "
            "error_class, error_code, error_text) SELECT id, 0, 'fetch', 'pending', 0, 0, 0, 0, '', '', '' "
            "FROM saga_run WHERE key LIKE 'copy:%'"
        )
    assert Ticket.objects.filter(let_in_at=None).count() == 10_000
    for _ in range(3):
        take_let_in()
    [quiet] = queue("quiet")
    before = sum(begun().values())
    assert quiet in take_let_in()[:2]
    assert sum(begun().values()) - before <= AHEAD


def test_what_is_let_in_and_not_begun_holds_the_others_back_so_that_nobody_waits_behind_more(world):
    queue("loud", 100)
    assert len(let_in().pooled) == AHEAD
    assert let_in().pooled == []
    [quiet] = queue("quiet")
    Step.objects.filter(run__in=Run.objects.filter(ready_at__isnull=False)[:1], position=0).update(status="running")
    assert let_in().pooled == [quiet]


def test_weights_of_1_and_3_give_1_to_3(world, settings):
    settings.SAGAS_SHARES = {"small": Share(weight=1), "large": Share(weight=3)}
    queue("small", 60)
    queue("large", 60)
    for _ in range(4):
        take_let_in()
    assert begun() == {"small": 16, "large": 48}


def test_a_share_that_was_quiet_is_owed_nothing(world):
    queue("busy", 100)
    for _ in range(3):
        take_let_in()
    queue("late", 100)
    take_let_in()
    assert begun() == {"busy": 48 + AHEAD // 2, "late": AHEAD // 2}


def test_what_nobody_is_ahead_of_is_forgotten(world):
    runs = queue("a") + queue("b")
    assert len(take_let_in()) == 2
    end(*runs)
    queue("c")
    take_let_in()
    assert set(ShareTime.objects.values_list("name", flat=True)) <= {"*", "a", "b", "c"}
    end(*queue("d"))
    assert Ticket.objects.exclude(share="d").filter(let_in_at=None).count() == 0


def test_within_a_share_the_higher_priority_goes_first_and_then_who_came_first(world):
    low, plain, high = queue("a", priority=-5)[0], queue("a")[0], queue("a", priority=5)[0]
    second = queue("a", priority=5)[0]
    assert let_in().pooled == [high, second, plain, low]


def test_of_two_who_let_in_at_the_same_time_one_does(world):
    queue("a", 40)
    found = together(lambda: let_in().pooled, 2)
    assert sum(map(len, found)) == AHEAD
    assert Run.objects.filter(ready_at__isnull=False).count() == AHEAD


# --- Limits ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def limited() -> Iterator[Saga[Errand]]:
    """At most two runs at once of the same thing."""
    saga = Saga[Errand]("limited")

    @saga.limit(at_once=2)
    def of_a_kind(errand: Errand) -> str | None:
        return None if errand.what == "free" else errand.what

    @saga.step(undo=None, retry=Retry(attempts=1))
    def fetch(ctx: StepContext[Errand]) -> None:
        """Nothing more to it."""

    yield saga
    registry.forget(saga)


def test_a_share_has_no_more_runs_at_once_than_its_limit_however_many_let_in(world, settings):
    settings.SAGAS_SHARES = {"*": Share(at_once=3)}
    runs = queue("a", 10)
    for _ in range(5):
        together(take_let_in, 2)
    assert begun() == {"a": 3}
    end(*runs[:2])
    together(take_let_in, 2)
    assert begun() == {"a": 5}


def test_a_run_counts_until_it_has_ended_whoever_died_with_it(world, settings):
    settings.SAGAS_SHARES = {"a": Share(at_once=1)}
    first, second = queue("a", 2)
    let_in()
    assert [step.work.run_id for step in take_all()] == [first]  # and its worker is no more
    assert let_in().pooled == []
    Step.objects.filter(run=first, name="fetch").update(lease_until=LONG_AGO)
    assert carry(first).status == "completed"
    assert let_in().pooled == [second]
    assert carry(second).status == "completed"
    assert let_in().pooled == []


def test_a_limit_of_a_key_holds_back_that_key_alone(world, limited):
    milk = [begin(limited, Errand("milk"), f"m{n}") for n in range(4)]
    bread = begin(limited, Errand("bread"), "b")
    free = begin(limited, Errand("free"), "f")
    assert (Run.objects.get(pk=free).share, Run.objects.get(pk=milk[0]).share) == (None, "")
    assert take_let_in() == [*milk[:2], bread]
    end(milk[0])
    assert take_let_in() == [milk[2]]


def test_nobody_claims_a_run_whose_turn_it_is_not_whatever_message_comes(world):
    [run_id] = queue("a")
    run = Run.objects.get(pk=run_id)
    assert executor.run_step(link(run, "fetch")) == STOP
    desk.pause(run_id, actor=ANN, reason="A look.")
    desk.resume(run_id, actor=ANN, reason="Seen.")
    executor.run_step(link(run, "fetch"))
    assert take_all() == []
    assert not world.log
    assert Run.objects.get().queued_at is not None
    assert let_in().pooled == [run_id]
    assert carry(run_id).status == "completed"


def test_a_run_that_is_cancelled_while_it_waits_gives_up_its_place(world):
    first, second = queue("a", 2)
    errand.cancel(Run.objects.get(pk=first).key, reason="Not wanted.", actor="ann")
    assert Run.objects.get(pk=first).status == "compensated"
    assert let_in().pooled == [second]
    assert not Ticket.objects.filter(run=first).exists()


def test_a_run_whose_deadline_passes_while_it_waits_is_undone(world, monkeypatch):
    [run_id] = queue("a")
    Run.objects.update(wake_at=LONG_AGO, deadline_at=LONG_AGO)
    executor.run_step(link(Run.objects.get(), "fetch"))
    assert Run.objects.get(pk=run_id).status == "compensated"


# --- By workers ------------------------------------------------------------------------------------------------------


def test_a_worker_that_is_told_lets_in_and_carries_all_to_their_ends(world, process, post, settings):
    settings.SAGAS_SHARES = {"a": Share(at_once=2)}
    queue("a", 7)
    queue("b", 30)
    begin(errand, Errand("alone"), "alone")
    here = process()
    ends(here.take(queued=True))
    assert completed() == 38
    assert here.is_empty


def test_with_two_workers_a_limit_is_never_exceeded(world, process, post, settings):
    settings.SAGAS_SHARES = {"a": Share(at_once=3)}
    queue("a", 20)
    counted: list[int] = []
    world.faults["fetch"] = [lambda: counted.append(_living("a"))] * 20
    one, two = process(), process()
    for task in [one.take(queued=True), two.take(queued=True)]:
        ends(task)
    ends(one.take(queued=True))  # should both have looked in vain while the last runs of the other ended
    assert completed() == 20
    assert max(counted) <= 3
    assert len(counted) == 20


def _living(share: str) -> int:
    return Run.objects.filter(share=share, queued_at=None, finished_at=None).count()


def test_where_each_run_goes_by_a_message_of_its_own_it_waits_for_its_turn_too(world, process, post, settings):
    settings.SAGAS_HAND = 1
    runs = queue("a", 30)
    ends(process().take(queued=True))
    assert post.chains == Counter((str(run_id), "fetch") for run_id in sorted(runs)[:AHEAD])  # by id
    assert Run.objects.filter(wake_at=None, queued_at__isnull=False).count() == 0  # they have a deadline
    assert not Run.objects.filter(ready_at__isnull=False).exists()


def test_the_sweep_has_those_looked_at_that_wait_while_nobody_was_told(world, sent):
    queue("a")
    ring_overdue()
    assert [one.kwargs for one in sent] == [{"queued": True}]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    found: list[Any] = []
    monkeypatch.setattr("sagas.maintenance.sweep.send", found.extend)
    return found


# --- What others pay -------------------------------------------------------------------------------------------------


def test_a_run_that_shares_nothing_has_no_ticket_and_waits_for_nobody(world):
    queue("a", 40)
    run_id = begin(errand, Errand("milk"), "alone")
    run = Run.objects.get(pk=run_id)
    assert (run.share, run.queued_at, run.ready_at is not None) == (None, None, True)
    assert [step.work.run_id for step in take_all()] == [run_id]


def test_who_uses_no_shares_sends_no_statement_for_them(world, process, post):
    begin(errand, Errand("milk"), "alone")
    with CaptureQueriesContext(connection) as captured:
        take_all()
        begin(errand, Errand("milk"), "other")
    assert not [query for query in captured if "saga_ticket" in query["sql"] or "saga_share" in query["sql"]]


# --- The rule --------------------------------------------------------------------------------------------------------


def waiting(share: str, many: int, line: str = "", first: int = 0) -> list[Waiting]:
    return [Waiting(share, line, 0, UUID(int=first + n)) for n in range(many)]


def order(**policies: Share) -> Order:
    return Order(policies=policies, lines={}, living={}, living_of_lines={}, passed={}, now=0.0)


@pytest.mark.parametrize(
    ("policies", "room", "chosen"),
    [
        ({"a": Share(), "b": Share()}, 6, {"a": 3, "b": 3}),
        ({"a": Share(weight=1), "b": Share(weight=3)}, 12, {"a": 3, "b": 9}),
        ({"a": Share(at_once=1), "b": Share()}, 6, {"a": 1, "b": 5}),
        ({"a": Share(at_once=1), "b": Share(at_once=2)}, 6, {"a": 1, "b": 2}),
    ],
)
def test_the_turns_of_shares(policies, room, chosen):
    both = waiting("a", 50) + waiting("b", 50, first=50)
    assert Counter(one.share for one in order(**policies).choose(both, room)) == chosen


# --- What is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"share": ""}, "errand: share=''; give a name of 1 to 100 characters, such as 'tenant-7'."),
        ({"share": "x" * 101}, "give a name of 1 to 100 characters"),
        ({"share": "a\0"}, "give a name of 1 to 100 characters"),
        ({"share": "*"}, "share='*' stands for every share in SAGAS_SHARES; give a share's own name."),
        ({"priority": 1.5}, "errand: priority=1.5; give a whole number from -1000 to 1000; higher ones go first."),
        ({"priority": True}, "priority=True; give a whole number"),
        ({"priority": 1001}, "priority=1001; give a whole number"),
    ],
)
def test_a_start_that_does_not_fit_is_refused_and_starts_nothing(world, given, sentence):
    with pytest.raises(Unfit) as refused, transaction.atomic():
        errand.start(Errand("milk"), key="1", **given)
    assert sentence in str(refused.value)
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    "given", [{"weight": 0}, {"weight": True}, {"weight": float("inf")}, {"at_once": 0}, {"at_once": 1.5}]
)
def test_a_policy_that_is_none_is_refused(given):
    with pytest.raises(ValueError, match=r"^Share\(.+\): give a "):
        Share(**given)


def test_a_limit_is_declared_once_with_a_number(limited):
    with pytest.raises(SagaDeclarationError, match="limited has its limit declared already"):
        limited.limit(at_once=3)
    with pytest.raises(SagaDeclarationError, match=r"errand: limit\(at_once=0\); give a whole number of at least 1"):
        errand.limit(at_once=0)


# --- What people see -------------------------------------------------------------------------------------------------


def test_who_waits_is_seen_with_the_reason(world, settings, limited):
    settings.SAGAS_SHARES = {"full": Share(at_once=2)}
    queue("full", 5)
    queue("slow", 30)
    for n in range(3):
        begin(limited, Errand("milk"), f"m{n}")
    for _ in range(2):
        take_let_in()
    said = [str(one) for one in standings()]
    assert "full: 3 runs wait; its limit is reached: 2 of 2 at once" in said
    assert "runs without a share: 1 run waits; the limit of limited milk is reached: 2 of 2 at once" in said
    assert any(one.startswith("slow: ") and one.endswith("; its turn comes by its weight") for one in said)
    assert any("wait for the turn of their share" in str(wait) for wait in waits())
    out = StringIO()
    with suppress(SystemExit):
        call_command("saga", "status", stdout=out)
    assert "full: 3 runs wait; its limit is reached: 2 of 2 at once" in out.getvalue()


def test_the_pages_say_so(world, client, production_static):
    log_in(client, "view_run")
    [run_id] = queue("tenant-7")
    page = page_of(client, Run.objects.get(pk=run_id))
    assert "Waits for the turn of its share" in page
    assert "tenant-7, since" in page
    assert "its share&#x27;s turn" in client.get("/admin/sagas/run/").content.decode()
    assert "Share tenant-7: 1 run waits; its turn comes by its weight" in client.get("/admin/").content.decode()


def test_a_scenario_of_a_saga_with_a_limit_is_alone(limited):
    given(limited, Errand("milk")).expect_completed()


@pytest.mark.parametrize("wrong", [["a"], {"a": {"weight": 2}}, {"": Share()}])
def test_the_setting_is_checked(settings, wrong):
    settings.SAGAS_SHARES = wrong
    assert [problem.id for problem in check_shares()] == ["sagas.E051"]
    settings.SAGAS_SHARES = {"a": Share(), "*": Share(at_once=1)}
    assert list(check_shares()) == []
