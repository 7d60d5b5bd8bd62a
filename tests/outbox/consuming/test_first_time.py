"""A message that another system delivers by HTTP, and delivers again until it is answered, is handled once."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import transaction

from outbox import NotInTransaction
from outbox.consuming import inbox
from tests.support.sagas.together import together

pytestmark = pytest.mark.django_db(transaction=True)
AT = datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)


def first_time(
    source_id: str = "evt_1", subscriber: str = "shop.reports", source: str = "https://bank.example"
) -> bool:
    with transaction.atomic():
        return inbox.first_time(subscriber, source=source, source_id=source_id, at=AT)


def test_only_the_first_delivery_is_handled():
    assert [first_time() for _ in range(3)] == [True, False, False]
    assert first_time("evt_2")


def test_of_deliveries_at_once_one_is_handled():
    assert sorted(together(first_time, times=6)) == [False] * 5 + [True]


def test_a_delivery_that_was_rolled_back_comes_as_the_first_again():
    with transaction.atomic():
        assert inbox.first_time("shop.reports", source="https://bank.example", source_id="evt_1", at=AT)
        transaction.set_rollback(True)
    assert first_time()


def test_another_subscriber_and_another_source_have_messages_of_their_own():
    assert first_time()
    assert first_time(subscriber="shop.others")
    assert first_time(source="https://carrier.example")


def test_it_is_noted_in_the_transaction_that_handles_it():
    with pytest.raises(NotInTransaction):
        inbox.first_time("shop.reports", source="https://bank.example", source_id="evt_1", at=AT)
