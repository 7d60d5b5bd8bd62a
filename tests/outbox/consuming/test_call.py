"""A subscriber that asks another system: outside the transaction, and with a last word when it is given up."""

import json
from uuid import UUID

import pytest
from django.db import transaction

from outbox import PermanentFailure, publish, testing
from outbox.consuming import inbox
from outbox.messages.envelope import Envelope
from outbox.models import DeadLetter, Delivery, InboxEntry, OutboxMessage
from outbox.operations.requeue import requeue
from outbox.transports.memory import MemoryTransport
from tests.support.hostapp import subscribers
from tests.support.hostapp.events import QuoteRefused, QuoteWanted
from tests.support.hostapp.models import Effect
from tests.support.hostapp.subscribers import QUOTE
from tests.support.outbox.relaying import relay_to

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def calls(monkeypatch) -> list[tuple[UUID, bool]]:
    monkeypatch.setattr(subscribers, "calls", [])
    return subscribers.calls


def published(behaviour: str = "succeed") -> Envelope:
    with transaction.atomic():
        publish(QuoteWanted("a", behaviour), key="item:a")
    transport = MemoryTransport()
    relay_to(transport).drain()
    return transport.sent[0].envelope


def test_the_call_runs_outside_the_transaction_and_its_answer_is_the_second_argument(calls):
    envelope = published()
    inbox.deliver(QUOTE, envelope)
    assert [open_ for _, open_ in calls] == [False]
    assert Effect.objects.get().name == "quote for a"
    assert not Delivery.objects.exists()


def test_a_message_that_is_settled_is_not_called_for_again(calls):
    envelope = published()
    inbox.deliver(QUOTE, envelope)
    inbox.deliver(QUOTE, envelope)
    assert len(calls) == 1
    assert Effect.objects.count() == 1


def test_the_last_word_is_published_with_the_dead_letter():
    with pytest.raises(PermanentFailure):
        inbox.deliver(QUOTE, published("give up"))
    assert DeadLetter.objects.get().error == "no such item"
    assert testing.published(QuoteRefused) == [QuoteRefused("a", "no such item")]
    assert not InboxEntry.objects.exists()


def test_no_last_word_before_the_budget_is_spent():
    envelope = published("fail")
    with pytest.raises(RuntimeError):
        inbox.deliver(QUOTE, envelope)
    assert not DeadLetter.objects.exists()
    assert testing.published(QuoteRefused) == []


def test_two_copies_that_are_given_up_leave_one_dead_letter_and_one_last_word(monkeypatch):
    envelope = published("give up")

    def another_copy() -> None:
        with pytest.raises(PermanentFailure):
            inbox.deliver(QUOTE, envelope)

    _meanwhile(monkeypatch, another_copy)
    with pytest.raises(PermanentFailure):
        inbox.deliver(QUOTE, envelope)
    assert DeadLetter.objects.get().error == "no such item"
    assert len(testing.published(QuoteRefused)) == 1


def test_a_copy_that_fails_after_another_was_handled_leaves_no_dead_letter(monkeypatch):
    envelope = published("give up")

    def another_copy() -> None:
        monkeypatch.setattr(subscribers, "behave", lambda message: None)
        inbox.deliver(QUOTE, envelope)

    _meanwhile(monkeypatch, another_copy)
    with pytest.raises(PermanentFailure):
        inbox.deliver(QUOTE, envelope)
    assert Effect.objects.count() == 1
    assert not DeadLetter.objects.exists()
    assert testing.published(QuoteRefused) == []


def test_a_requeued_message_that_is_given_up_again_says_so_again():
    with pytest.raises(PermanentFailure):
        inbox.deliver(QUOTE, published("give up"))
    assert requeue(DeadLetter.objects.get().pk)
    with pytest.raises(PermanentFailure):
        testing.drain()
    assert len(testing.published(QuoteRefused)) == 2


def test_what_is_published_meanwhile_names_the_message_in_hand_as_its_cause():
    envelope = published("give up")
    with pytest.raises(PermanentFailure):
        inbox.deliver(QUOTE, envelope)
    caused = OutboxMessage.objects.get(type="host.quote_refused")
    assert json.loads(caused.headers)["caused_by"] == envelope.id
    assert "caused_by" not in json.loads(envelope.headers)


def _meanwhile(monkeypatch, act) -> None:
    """Have `act` happen while the next call is on its way; the call fails for good."""
    asked = inbox.Delivery._call

    def call(_delivery):
        monkeypatch.setattr(inbox.Delivery, "_call", asked)
        act()
        raise PermanentFailure("late")

    monkeypatch.setattr(inbox.Delivery, "_call", call)
