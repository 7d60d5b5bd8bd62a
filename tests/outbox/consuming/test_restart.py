"""A worker that starts again under its name frees what the one before it died with, and nothing else."""

import pytest
from django.db import DatabaseError
from django.utils import timezone

from outbox import sql
from outbox.consuming import inbox, restart
from outbox.consuming.restart import free_deliveries_of_predecessor
from outbox.models import Delivery
from tests.support.hostapp.subscribers import KEYED, LOOSE
from tests.support.outbox.steps import done, look, opened, take

pytestmark = pytest.mark.django_db(transaction=True)
NAME, ANOTHER = "worker@one", "worker@two"


@pytest.fixture(autouse=True)
def worker(monkeypatch) -> None:
    """This process is a worker's."""
    monkeypatch.setattr(restart, "this_worker", lambda: NAME)


def dies(*_: object) -> None:
    raise KeyboardInterrupt


def is_due() -> bool:
    return Delivery.objects.get().due_at <= timezone.now()


def test_the_call_that_it_died_in_is_due_at_once(asking):
    take("a", "1")
    opened(KEYED)
    asking.meanwhile = dies
    with pytest.raises(KeyboardInterrupt):
        look(KEYED, "a")
    free_deliveries_of_predecessor(sender=ANOTHER)
    assert not is_due(), "another's"
    look(KEYED, "a")
    assert done(KEYED) == []
    free_deliveries_of_predecessor(sender=NAME)
    assert is_due()
    look(KEYED, "a")
    assert done(KEYED) == ["1 by 2"]


def test_should_it_live_after_all_its_answer_is_thrown_away(asking):
    take("a", "1")
    opened(KEYED)

    def taken_from_it() -> None:
        free_deliveries_of_predecessor(sender=NAME)
        look(KEYED, "a")

    asking.meanwhile = taken_from_it
    look(KEYED, "a")
    assert asking.asked == ["1", "1"]
    assert done(KEYED) == ["1 by 2"]


def test_a_later_try_that_it_died_in_is_due_at_once(monkeypatch):
    take("a", "1")
    opened(LOOSE)
    monkeypatch.setattr(inbox.Delivery, "run", dies)
    first = sql.first_open(LOOSE, "a", strict=False)
    assert first is not None
    with pytest.raises(KeyboardInterrupt):
        inbox.deliver(LOOSE, first.envelope._replace(again=True))
    assert not is_due()
    free_deliveries_of_predecessor(sender=NAME)
    assert is_due()
    assert Delivery.objects.get().attempts == 1, "a message that kills its workers must run out of attempts"


def test_what_failed_waits_for_its_time(asking):
    take("a", "1")
    opened(KEYED)

    def fails() -> None:
        raise TimeoutError("no answer")

    asking.meanwhile = fails
    with pytest.raises(TimeoutError):
        look(KEYED, "a")
    waiting = Delivery.objects.values_list("due_at", "held_until").get()
    assert waiting[1] is not None
    free_deliveries_of_predecessor(sender=NAME)
    assert Delivery.objects.values_list("due_at", "held_until").get() == waiting


def test_without_a_database_the_worker_starts_all_the_same(monkeypatch, caplog):
    def away(_worker: str) -> int:
        raise DatabaseError("away")

    monkeypatch.setattr(sql, "free_held", away)
    free_deliveries_of_predecessor(sender=NAME)
    assert "outbox.predecessor_not_asked_for" in caplog.text
