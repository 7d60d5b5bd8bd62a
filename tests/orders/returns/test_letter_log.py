"""Letters about returns: each goes out once, whatever is delivered twice, late or to two workers at once."""

from __future__ import annotations

import importlib
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import OperationalError, connection, transaction

from orders.returns import status
from orders.returns.mail import letter_log
from orders.returns.models import Letter, Return
from outbox import RetryAfter

from .conftest import Ask

pytestmark = pytest.mark.django_db(transaction=True)
Kind = Letter.Kind


@pytest.fixture
def refunded(ask: Ask) -> Return:
    """A return that is done; nobody was written to yet."""
    returned = ask(mug=1)
    with transaction.atomic():
        status.mark_refunding(returned.pk)
        status.note_refund(returned.pk, "re_1")
        status.mark_done(returned.pk)
    return returned


def fail(returned: Return) -> None:
    with transaction.atomic():
        assert status.mark_unpaid(returned.pk, "re_1", "the bank says no")


def kinds(returned: Return) -> list[str]:
    return list(returned.letters.values_list("kind", flat=True))


def test_a_message_that_comes_again_after_its_letter_is_out_writes_none(refunded: Return) -> None:
    letter = letter_log.begin(refunded.pk, "<a@b>")
    letter_log.note_sent(letter)
    assert letter_log.begin(refunded.pk, "<a@b>") is None
    assert letter_log.begin(refunded.pk, "<c@d>") is None, "nor does another message that tells the same"


def test_a_worker_that_died_in_between_sends_the_same_letter_again_while_it_is_true(refunded: Return) -> None:
    first = letter_log.begin(refunded.pk, "<a@b>")
    assert letter_log.begin(refunded.pk, "<a@b>") == first
    fail(refunded)
    assert letter_log.begin(refunded.pk, "<a@b>") is None, "it is true no longer"


def test_a_correction_waits_for_the_letter_that_it_takes_back_and_counts_one_in_doubt_as_sent(
    refunded: Return, monkeypatch: pytest.MonkeyPatch
) -> None:
    letter_log.begin(refunded.pk, "<a@b>")
    fail(refunded)
    with pytest.raises(RetryAfter, match="Another letter about the return is being sent"):
        letter_log.begin(refunded.pk, "<c@d>")
    monkeypatch.setattr(letter_log, "IN_HAND", letter_log.SOON * 0)  # long ago
    correction = letter_log.begin(refunded.pk, "<c@d>")
    assert correction is not None
    assert correction.kind == Kind.UNPAID
    letter_log.note_sent(correction)
    assert letter_log.begin(refunded.pk, "<a@b>") is None
    assert kinds(refunded) == [Kind.REFUNDED, Kind.UNPAID]


def test_who_was_told_nothing_is_corrected_in_nothing(refunded: Return) -> None:
    fail(refunded)
    assert letter_log.begin(refunded.pk, "<a@b>") is None
    assert letter_log.begin(refunded.pk, "<c@d>") is None
    with transaction.atomic():
        status.mark_refunding(refunded.pk)
        status.note_refund(refunded.pk, "re_2")
        status.mark_paid_back(refunded.pk)
    letter = letter_log.begin(refunded.pk, "<e@f>")
    assert letter is not None
    assert letter.kind == Kind.REFUNDED


def test_of_two_messages_at_once_one_writes_the_correction(refunded: Return) -> None:
    letter_log.note_sent(letter_log.begin(refunded.pk, "<a@b>"))
    fail(refunded)
    together = threading.Barrier(2)

    def write(message_id: str) -> bool:
        try:
            together.wait(5)
            begun = letter_log.begin(refunded.pk, message_id)
            letter_log.note_sent(begun)
            return begun is not None
        except RetryAfter:
            return False
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(write, ["<c@d>", "<e@f>"])) == [False, True]
    assert kinds(refunded) == [Kind.REFUNDED, Kind.UNPAID]


def test_what_was_said_and_how_the_return_stands_are_read_under_its_lock(
    refunded: Return, monkeypatch: pytest.MonkeyPatch
) -> None:
    standing = letter_log.standing
    seen: list[bool] = []

    def is_locked() -> bool:
        try:
            with transaction.atomic():
                Return.objects.select_for_update(nowait=True).get(pk=refunded.pk)
        except OperationalError:
            return True
        finally:
            connection.close()
        return False

    def looked_at(returned: Return) -> str:
        with ThreadPoolExecutor(1) as elsewhere:
            seen.append(elsewhere.submit(is_locked).result())
        return standing(returned)

    monkeypatch.setattr(letter_log, "standing", looked_at)
    assert letter_log.begin(refunded.pk, "<a@b>") is not None
    assert seen == [True]


def test_what_was_written_before_there_was_a_log_is_known(refunded: Return, ask: Ask) -> None:
    declined, failed, asked = ask(mug=1, key="r2"), ask(lamp=1, key="r3"), refunded
    Return.objects.filter(pk=declined.pk).update(status="declined")
    Return.objects.filter(pk=failed.pk).update(status="needs_attention", refund_id="re_3")
    migration = importlib.import_module("orders.returns.migrations.0005_letters")
    with connection.cursor() as cursor:
        cursor.execute(migration.WRITTEN_BEFORE)
    found = dict(Letter.objects.values_list("returned", "kind"))
    assert found == {asked.pk: Kind.REFUNDED, declined.pk: Kind.DECLINED, failed.pk: Kind.REFUNDED}
    assert letter_log.begin(failed.pk, "<a@b>").kind == Kind.UNPAID  # type: ignore[union-attr]
