"""The story of an outage: a person hears of it once when it begins, and once when it is over."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.db.models import F

from outbox.consuming.watermarks import queue_of
from outbox.declare.events import registry
from outbox.models import OutboxMessage
from outbox.testing import drain
from sagas import AlertRule
from sagas.alerts import acts
from sagas.alerts.evaluate import evaluate
from sagas.alerts.figures import Reading
from sagas.models import Alert
from tests.support.outbox.workforce import have_waited, says, waits_in

pytestmark = pytest.mark.django_db(transaction=True)
MINUTE = timedelta(minutes=1)
READ: list[Reading] = []


def figure() -> list[Reading]:
    """What the rule's figure says now."""
    return list(READ)


def rule(**changed: object) -> AlertRule:
    usual = {"above": 0, "for_": MINUTE, "title": "Orders stand still", "do": "Look at the worker."}
    return AlertRule("still", f"{__name__}.figure", **{**usual, **changed})  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _told(settings):
    settings.SAGAS_ALERTS = (rule(),)
    settings.SAGAS_ALERT_MAIL = ["olga@settle.example"]
    settings.SITE_URL = "https://shop.example"
    READ[:] = []


def reads(value: float, label: str = "") -> None:
    READ[:] = [Reading(value, f"{value:g} orders wait.", label)]
    evaluate()


def passes(span: timedelta) -> None:
    """Time passes for what is known of the alerts."""
    earlier = {name: F(name) - span for name in ("since", "began_at", "silenced_until")}
    Alert.objects.update(**earlier)


def mails() -> list[str]:
    """The subjects of the mails that went out, the outbox emptied."""
    drain()
    return [str(one.subject) for one in mail.outbox]


def test_an_outage_that_flaps_is_two_mails():
    for value in (0, 1, 0, 1):  # too short, twice
        reads(value)
        passes(timedelta(seconds=40))
    assert mails() == []
    passes(MINUTE)
    for value in (1, 2, 3):  # it has held, and goes on
        reads(value)
        passes(MINUTE)
    assert mails() == ["ALERT: Orders stand still"]
    for value in (0, 4, 0, 4, 0):  # it looks over, and is not
        reads(value)
        passes(timedelta(seconds=40))
    assert len(mails()) == 1
    reads(0)
    passes(MINUTE)
    for _ in range(3):
        reads(0)
        passes(MINUTE)
    assert len(mails()) == 2
    assert mails()[1].startswith("over: Orders stand still, after ")
    began = mail.outbox[0]
    assert began.to == ["olga@settle.example"]
    assert "1 orders wait." in began.body
    assert "What to do: Look at the worker." in began.body
    assert "https://shop.example/admin/sagas/alert/" in began.body


def test_each_label_is_an_alert_of_its_own():
    READ[:] = [Reading(1, "one", "sagas"), Reading(0, "none", "events")]
    evaluate()
    passes(MINUTE)
    evaluate()
    assert mails() == ["ALERT: Orders stand still: sagas"]
    assert [one.label for one in Alert.objects.all()] == ["sagas"]
    READ[:] = []  # the label is gone: so is what it was about
    evaluate()
    passes(MINUTE)
    evaluate()
    assert len(mails()) == 2


def test_whoever_sees_to_it_is_named_when_it_is_over():
    reads(1)
    passes(MINUTE)
    reads(1)
    acts.acknowledge(Alert.objects.get().pk, by="olga", reason="I restart it.")
    reads(1)
    reads(0)
    passes(MINUTE)
    reads(0)
    mails()
    assert len(mail.outbox) == 2
    assert "olga saw to it." in mail.outbox[1].body
    with pytest.raises(acts.CannotAct, match="is over"):
        acts.acknowledge(Alert.objects.get().pk, by="olga", reason="again")


def test_of_a_silenced_alert_nobody_hears_until_the_silence_is_over():
    reads(1)
    acts.silence(Alert.objects.get().pk, by="olga", reason="We move the database.", span=timedelta(hours=1))
    passes(MINUTE)
    reads(1)
    assert Alert.objects.get().state == "firing"
    assert mails() == []
    passes(timedelta(hours=1))
    reads(1)
    assert mails() == ["ALERT: Orders stand still"]
    with pytest.raises(acts.CannotAct, match="at most 7 days"):
        acts.silence(Alert.objects.get().pk, by="olga", reason="x", span=timedelta(days=8))


def test_what_is_told_and_that_it_is_told_are_one_commit(monkeypatch):
    """The evaluation that fails after it has told one leaves neither the message nor the state."""
    READ[:] = [Reading(1, "one", "a"), Reading(1, "one", "b")]
    evaluate()
    passes(MINUTE)
    save = Alert.save

    def fails(self, *args, **kwargs):
        if self.label == "b":
            raise RuntimeError("the database is away")
        return save(self, *args, **kwargs)

    monkeypatch.setattr(Alert, "save", fails)
    with pytest.raises(RuntimeError):
        evaluate()
    assert {one.state for one in Alert.objects.all()} == {"pending"}
    assert not OutboxMessage.objects.exists()
    monkeypatch.undo()
    evaluate()
    assert len(mails()) == 2


def test_a_figure_that_cannot_be_read_leaves_its_alerts_as_they_are(settings):
    settings.SAGAS_ALERTS = (rule(), AlertRule("no", "no.such.figure", 0, MINUTE, "No", "No."))
    reads(1)
    passes(MINUTE)
    reads(1)
    settings.SAGAS_ALERTS = (AlertRule("still", "no.such.figure", 0, MINUTE, "Still", "Look."),)
    for _ in range(3):
        evaluate()
        passes(MINUTE)
    assert mails() == ["ALERT: Orders stand still"]


def test_the_alert_of_a_rule_that_is_no_longer_there_is_ended(settings):
    reads(1)
    passes(MINUTE)
    reads(1)
    settings.SAGAS_ALERTS = ()
    evaluate()
    assert len(mails()) == 2
    assert not Alert.objects.exists()


def test_by_the_usual_rules_all_that_stands_still_is_one_alert(programs, settings):
    """A worker is cut off, its queues fill, and another is deaf: three lights, and one reason to get up."""
    settings.SAGAS_ALERTS = None
    says("a@host", queues=("sagas",), is_connected=False)
    says("b@host", queues=("events",))
    waits_in("events")
    waits_in("sagas")
    evaluate()
    have_waited()
    evaluate()
    passes(MINUTE)
    says("a@host", queues=("sagas",), is_connected=False)
    says("b@host", queues=("events",))
    evaluate()
    assert mails() == ["ALERT: Something stands still"]
    told = mail.outbox[0].body
    assert "1 worker is deaf" in told
    assert "1 worker is cut off from the broker" in told
    assert "Nobody works the queue sagas" in told


def test_it_is_told_through_the_queue_of_the_worker_that_evaluates():
    """The worker of another queue may be the one that is frozen."""
    tells = [one for name, one in registry.subscribers.items() if one.event.name.startswith("sagas.alert_")]
    assert len(tells) == 4
    assert {one.queue for one in tells} == {queue_of("sagas.alerts")}
