"""The letters about returns."""

from __future__ import annotations

import pytest
from django.core.mail import EmailMessage
from django.db import transaction

from orders.returns import status
from outbox import testing

from .conftest import Ask

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_customer_is_told_once_what_was_refunded(ask: Ask, mailoutbox: list[EmailMessage]) -> None:
    returned = ask(mug=1)
    testing.drain()
    mailoutbox.clear()
    with transaction.atomic():
        status.mark_refunding(returned.pk)
        status.note_refund(returned.pk, "re_1")
        status.mark_done(returned.pk)
    testing.drain()
    with transaction.atomic():
        status.mark_done(returned.pk)
        status.mark_unpaid(returned.pk, "re_1", "the bank says no")
        status.mark_paid_back(returned.pk)
    testing.drain()
    (letter,) = mailoutbox
    assert letter.subject == f"Your return {returned.number} is refunded"
    for words in (
        "1 x Mug, 18.50 EUR",
        "Refunded, once: 18.50 EUR.",
        "Please send the pieces back",
        str(returned.order_id),
    ):
        assert words in letter.body


def test_a_declined_return_is_told_why(ask: Ask, mailoutbox: list[EmailMessage]) -> None:
    returned = ask(mug=1)
    with transaction.atomic():
        status.mark_declined(returned.pk, "never_left")
    testing.drain()
    letter = mailoutbox[-1]
    assert "The warehouse says that these pieces never left it.\n" in letter.body
    assert "Nothing was refunded" in letter.body
