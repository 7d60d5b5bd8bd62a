"""The letters to the customer: each once, and none left standing that is no longer true."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from orders import wording
from orders.cancelling.customer_request import cancel_order
from orders.lifecycle import payment, status
from orders.mail import letters, sent_log
from orders.models import Notice, Order
from orders.participants import payments
from orders.participants.errors import ConnectionLost
from orders.participants.payments import Action
from orders.placing.place import place_order
from orders.placing.validation import PlaceOrder
from outbox import RetryAfter, testing
from outbox.consuming import inbox
from outbox.models import Delivery, OutboxMessage
from outbox.publishing.destinations import Destination
from outbox.relay.relay import Relay
from outbox.transports import Outgoing
from outbox.transports.memory import MemoryTransport

pytestmark = pytest.mark.django_db(transaction=True)
Letters = list[EmailMessage]
Kind = Notice.Kind


@pytest.fixture
def order(wish: PlaceOrder) -> Order:
    return place_order(wish, idempotency_key="k1").order


@pytest.fixture
def received(order: Order, mailoutbox: Letters) -> Order:
    """An order whose customer knows that we have it."""
    testing.drain()
    assert [letter.subject for letter in mailoutbox] == [f"We have your order {order.number}"]
    return order


def charge(order: Order, amount: int = 16600) -> None:
    with transaction.atomic():
        payment.note_charge(order.pk, "pi_1", amount)


def confirm(order: Order, tracking: str = "TRACK-1") -> None:
    with transaction.atomic():
        status.confirm_order(order.pk, tracking)


def undo(order: Order, why: str = "insufficient_funds", *, by_hand: bool = False) -> None:
    with transaction.atomic():
        status.mark_cancelled(order.pk, why, by_hand=by_hand)


def kinds(order: Order) -> list[str]:
    return list(order.notices.exclude(sent_at=None).values_list("kind", flat=True))


def test_an_accepted_order_is_acknowledged_and_says_that_nothing_is_charged(
    received: Order, mailoutbox: Letters
) -> None:
    (letter,) = mailoutbox
    assert letter.to == ["ann@example.com"]
    for words in ("2 x Mug, 37.00 EUR", "Nothing is charged yet.", "166.00 EUR, once", str(received.pk)):
        assert words in letter.body


def test_a_confirmed_order_is_confirmed_by_mail_once(received: Order, mailoutbox: Letters) -> None:
    charge(received)
    confirm(received)
    testing.drain()
    testing.drain()
    _, letter = mailoutbox
    assert letter.subject == f"Your order {received.number} is on its way"
    for words in ("2 x Mug, 37.00 EUR", "1 x Lamp, 129.00 EUR", "once: 166.00 EUR", "TRACK-1", str(received.pk)):
        assert words in letter.body


def closed_by_hand(order: Order) -> None:
    """By a person, as completed, while the charge was in doubt."""
    with transaction.atomic():
        payment.note_hold(order.pk, "pi_1")
        status.mark_needs_attention(order.pk, "nobody knows whether it was charged")
    confirm(order, tracking="")


def test_an_order_that_a_person_closed_without_a_charge_is_not_called_charged(
    received: Order, mailoutbox: Letters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payments, "charged", lambda *_args, **_options: 0)
    closed_by_hand(received)
    testing.drain()
    letter = mailoutbox[-1]
    assert "One of us has closed it by hand as completed." in letter.body
    assert "We have no record of a charge to your card." in letter.body
    assert "once" not in letter.body
    assert "paid" not in letter.body
    received.refresh_from_db()
    assert wording.charge(received, "in_doubt") == wording.UNRECORDED
    undo(received, "compensated_by_hand", by_hand=True)
    testing.drain()
    assert (
        "We have no record of a charge to your card. If your bank shows one, you get all of it" in mailoutbox[-1].body
    )


def test_of_an_order_that_a_person_closed_the_processor_is_asked_what_was_charged(
    received: Order, mailoutbox: Letters, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the nightly comparison finds no difference, and the letter says what is true."""
    asked: list[tuple[str, bool]] = []

    def charged(intent_id: str, *, whose: payments.Owner, timeout: timedelta) -> int:
        asked.append((intent_id, connection.in_atomic_block))
        assert (whose.number, whose.amount, whose.currency) == (received.number, 16600, "EUR")
        return 16600

    monkeypatch.setattr(payments, "charged", charged)
    closed_by_hand(received)
    testing.drain()
    received.refresh_from_db()
    assert received.charged == 16600
    assert asked == [("pi_1", False)]
    assert "Charged to your card, once: 166.00 EUR" in mailoutbox[-1].body


def test_while_the_processor_does_not_answer_the_letter_of_an_order_closed_by_hand_waits(
    received: Order, mailoutbox: Letters, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_args: object, **_options: object) -> int:
        raise ConnectionLost("payments", "no answer")

    monkeypatch.setattr(payments, "charged", away)
    closed_by_hand(received)
    testing.drain()
    assert len(mailoutbox) == 1
    monkeypatch.setattr(payments, "charged", lambda *_args, **_options: 16600)
    Delivery.objects.update(due_at=Now(), held_until=None)
    testing.drain()
    assert "once: 166.00 EUR" in mailoutbox[-1].body


def ask_to_confirm(order: Order, url: str) -> None:
    with transaction.atomic():
        payment.ask_to_confirm(order.pk, Action("pi_1", url, timezone.now()))


def test_the_letter_that_asks_to_confirm_a_payment_is_in_the_record_and_goes_out_once(
    received: Order, mailoutbox: Letters
) -> None:
    ask_to_confirm(received, "https://bank.example/1")
    ask_to_confirm(received, "https://bank.example/2")  # before the first was written
    deliver_all(times=2)
    assert kinds(received) == ["received", "confirm_payment"]
    letter = mailoutbox[-1]
    assert letter.subject == f"Please confirm the payment of your order {received.number}"
    assert "https://bank.example/2" in letter.body
    assert letter.extra_headers["Message-ID"] == received.notices.get(kind=Kind.CONFIRM_PAYMENT).message_id
    ask_to_confirm(received, "https://bank.example/3")
    deliver_all(times=2)
    assert kinds(received) == ["received", "confirm_payment", "confirm_payment"]
    assert len(mailoutbox) == 3


def test_the_same_message_twice_is_one_letter_that_asks_to_confirm(received: Order) -> None:
    ask_to_confirm(received, "https://bank.example/1")
    for _ in range(2):
        begun = sent_log.begin_request(received.pk, "https://bank.example/1", "<a@b>")
        assert begun is not None, "nobody knows whether the first one went out"
    sent_log.note_sent(begun)
    assert sent_log.begin_request(received.pk, "https://bank.example/1", "<a@b>") is None


def test_an_order_refused_before_any_letter_is_cancelled_plainly(order: Order, mailoutbox: Letters) -> None:
    undo(order)
    testing.drain()
    (letter,) = mailoutbox
    assert letter.subject == f"Your order {order.number} is cancelled"
    assert "Your bank said the card does not have enough funds." in letter.body
    assert "Your card was not charged, and will not be." in letter.body
    assert kinds(order) == ["cancellation"]


def test_an_order_undone_after_its_letter_gets_one_apology_that_says_what_it_takes_back(
    received: Order, mailoutbox: Letters
) -> None:
    undo(received)
    testing.drain()
    _, letter = mailoutbox
    assert letter.subject == f"We are sorry: your order {received.number} is cancelled"
    assert f'"We have your order {received.number}"' in letter.body
    assert "Your card was not charged, and will not be." in letter.body
    assert kinds(received) == ["received", "apology"]


def test_a_customer_who_cancels_is_told_that_the_letter_no_longer_holds(received: Order, mailoutbox: Letters) -> None:
    assert cancel_order(received)
    testing.drain()
    letter = mailoutbox[-1]
    assert letter.subject == f"Your order {received.number} is cancelled"
    assert "You cancelled it." in letter.body
    assert "It no longer holds." in letter.body
    assert kinds(received) == ["received", "apology"]


def test_an_order_taken_back_by_an_operator_after_its_confirmation_says_that_the_money_comes_back(
    received: Order, mailoutbox: Letters
) -> None:
    with transaction.atomic():
        payment.note_charge(received.pk, "pi_1", 16600)
    confirm(received)
    testing.drain()
    undo(received, "compensated_by_hand", by_hand=True)
    testing.drain()
    letter = mailoutbox[-1]
    assert f'"Your order {received.number} is on its way"' in letter.body
    assert "Your card was charged 166.00 EUR, and you get all of it back." in letter.body
    assert kinds(received) == ["received", "confirmation", "apology"]


def test_a_letter_overtaken_by_the_order_is_not_sent_any_more(order: Order, mailoutbox: Letters) -> None:
    confirm(order)
    testing.drain()
    assert [letter.subject for letter in mailoutbox] == [f"Your order {order.number} is on its way"]
    assert kinds(order) == ["confirmation"]


def test_doubled_messages_send_each_letter_once(order: Order, mailoutbox: Letters) -> None:
    deliver_all(times=2)
    undo(order)
    deliver_all(times=3)
    assert kinds(order) == ["received", "apology"]
    assert len(mailoutbox) == 2


def test_two_events_that_tell_the_same_have_one_letter(received: Order, mailoutbox: Letters) -> None:
    undo(received)
    testing.drain()
    Order.objects.update(status="needs_attention")
    undo(received)
    testing.drain()
    assert len(mailoutbox) == 2


def test_a_worker_that_dies_after_sending_sends_the_same_letter_again(
    order: Order, mailoutbox: Letters, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(_notice: Notice) -> None:
        raise SystemExit

    ((one, subscriber),) = sent()
    with monkeypatch.context() as patch:
        patch.setattr(sent_log, "note_sent", dies)
        with pytest.raises(SystemExit):
            inbox.deliver(subscriber, one.envelope)
    assert kinds(order) == []
    inbox.deliver(subscriber, one.envelope)
    assert len(mailoutbox) == 2
    assert {letter.extra_headers["Message-ID"] for letter in mailoutbox} == {f"<{one.envelope.id}@settle.example>"}
    assert kinds(order) == ["received"]


def test_a_letter_that_may_have_gone_out_is_taken_back_and_never_sent_afterwards(
    order: Order, mailoutbox: Letters, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(_notice: Notice) -> None:
        raise SystemExit

    ((one, subscriber),) = sent()
    with monkeypatch.context() as patch:
        patch.setattr(letters, "send", dies)
        with pytest.raises(SystemExit):
            inbox.deliver(subscriber, one.envelope)
    undo(order)
    monkeypatch.setattr(sent_log, "IN_HAND", sent_log.SOON * 0)  # long ago
    deliver_all()
    inbox.deliver(subscriber, one.envelope)
    assert [letter.subject for letter in mailoutbox] == [f"We are sorry: your order {order.number} is cancelled"]


def test_an_apology_waits_for_the_letter_that_it_takes_back(
    order: Order, mailoutbox: Letters, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = letters.send

    def slowly(notice: Notice) -> None:
        """The order is cancelled while the mail server takes the letter; another worker hears of that at once."""
        with ThreadPoolExecutor(1) as other, pytest.raises(RetryAfter):
            other.submit(elsewhere, lambda: cancelled(order)).result()
        send(notice)

    monkeypatch.setattr(letters, "send", slowly)
    ((one, subscriber),) = sent()
    inbox.deliver(subscriber, one.envelope)
    monkeypatch.setattr(letters, "send", send)
    deliver_all()
    assert kinds(order) == ["received", "apology"]
    assert [letter.subject.split()[0] for letter in mailoutbox] == ["We", "We"]


def cancelled(order: Order) -> None:
    undo(order)
    sent_log.begin_last_word(order.pk, "<a@b>")


def test_of_a_letter_and_the_cancel_at_once_no_letter_is_left_standing(wish: PlaceOrder, mailoutbox: Letters) -> None:
    for number in range(10):
        order = place_order(wish, idempotency_key=f"k{number}").order
        undo(order)
        Order.objects.filter(pk=order.pk).update(status="processing")  # as the letter's worker may have found it
        together = threading.Barrier(2)

        def notice(order: Order = order, together: threading.Barrier = together) -> bool:
            together.wait(5)
            begun = sent_log.begin_notice(order.pk, Kind.RECEIVED, "<a@b>")
            sent_log.note_sent(begun)
            return begun is not None

        def last(order: Order = order, together: threading.Barrier = together) -> str:
            together.wait(5)
            while True:
                try:
                    begun = sent_log.begin_last_word(order.pk, "<c@d>")
                except RetryAfter:
                    continue
                assert begun is not None
                return begun.kind

        with ThreadPoolExecutor(2) as pool:
            wrote, word = (one.result() for one in [pool.submit(elsewhere, notice), pool.submit(elsewhere, last)])
        assert (wrote, word) in [(True, "apology"), (False, "cancellation")]


def elsewhere(work: Any) -> Any:
    """On a thread with a connection of its own."""
    try:
        return work()
    finally:
        connection.close()


def sent() -> list[tuple[Outgoing, str]]:
    """What the relay sends now to those who write letters, and to whom."""
    transport = MemoryTransport()
    Relay([Destination("tasks", transport)]).drain()
    return [(one, to) for one in transport.sent for to in one.to if "email" in to]


def deliver_all(*, times: int = 1) -> None:
    """Hand over each message so often, as a broker may."""
    while OutboxMessage.objects.exists():
        for one, subscriber in sent():
            for _ in range(times):
                inbox.deliver(subscriber, one.envelope)
