"""What the clients make of the participants' answers, and of answers that never come; against the real stand-ins."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
import stripe

from orders.participants import carrier, payments, refunding, warehouse
from orders.participants.errors import AnswerLost
from orders.participants.payments import PaymentRequest
from outbox.messages import trace
from sagas.errors import Refused, RetryAfter
from tests.support.standins import Standins

IN_TIME = timedelta(seconds=10)
AT_ONCE = timedelta(milliseconds=300)
SKU = "mug-slate"


@pytest.fixture
def order(standins: Standins) -> str:
    """An order number of the test's own; asking for it has the stand-ins running."""
    return f"S-{uuid4().hex[:12]}"


def request(order: str, card: str = "pm_card_visa", amount: int = 4200) -> PaymentRequest:
    return PaymentRequest(order, amount, "EUR", card, "ann@example.com")


def hold(order: str, card: str = "pm_card_visa") -> payments.Authorization:
    return payments.authorize(request(order, card), key=order, timeout=IN_TIME)


def done(standins: Standins, participant: str, order: str) -> list[str]:
    """The effects that the participant's ledger has for the order."""
    return [entry["operation"] for entry in standins.ledger(participant, order)]


def test_an_amount_is_held_and_then_charged(standins: Standins, order: str) -> None:
    held = hold(order)
    charged = payments.capture(held.intent_id, key=f"{order}:capture", timeout=IN_TIME)
    assert (held.amount, held.currency) == (4200, "EUR")
    assert charged == payments.Capture(held.intent_id, 4200)
    assert done(standins, "payments", order) == ["authorized", "captured"]


@pytest.mark.parametrize(
    ("card", "code"),
    [
        ("pm_card_visa_chargeDeclined", "card_declined"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds"),
        ("pm_card_visa_chargeDeclinedExpiredCard", "expired_card"),
        ("pm_card_visa_chargeDeclinedLostCard", "lost_card"),
        ("pm_card_no_such_card", "resource_missing"),
    ],
)
def test_a_card_that_is_not_good_is_refused_with_the_banks_reason(
    standins: Standins, order: str, card: str, code: str
) -> None:
    with pytest.raises(Refused) as refusal:
        hold(order, card)
    assert refusal.value.code == code
    assert refusal.value.text != code
    assert done(standins, "payments", order) == []


def test_authorising_twice_with_one_key_holds_once(standins: Standins, order: str) -> None:
    assert hold(order) == hold(order)
    assert done(standins, "payments", order) == ["authorized"]


def test_lost_answers_are_in_doubt_and_asking_again_holds_and_charges_once(standins: Standins, order: str) -> None:
    with pytest.raises(AnswerLost):
        hold(order, "pm_card_answerLost")
    held = hold(order, "pm_card_answerLost")
    with pytest.raises(AnswerLost):
        payments.capture(held.intent_id, key=f"{order}:capture", timeout=IN_TIME)
    assert payments.find_capture(held.intent_id, timeout=IN_TIME) == payments.Capture(held.intent_id, 4200)
    assert payments.capture(held.intent_id, key=f"{order}:capture", timeout=IN_TIME).amount == 4200
    assert done(standins, "payments", order) == ["authorized", "captured"]


def test_a_lost_authorisation_is_found_by_its_key(standins: Standins, order: str) -> None:
    lossy = request(order, "pm_card_answerLost")
    with pytest.raises(AnswerLost):
        payments.authorize(lossy, key=order, timeout=IN_TIME)
    found = payments.find_authorization(lossy, key=order, timeout=IN_TIME)
    assert found == payments.authorize(lossy, key=order, timeout=IN_TIME)


@pytest.mark.parametrize("card", ["pm_card_visa", "pm_card_no_such_card"])
def test_asking_what_became_of_nothing_finds_nothing_and_holds_nothing(
    standins: Standins, order: str, card: str
) -> None:
    assert payments.find_authorization(request(order, card), key=order, timeout=IN_TIME) is None
    assert done(standins, "payments", order) == []


def test_a_lost_authorisation_is_let_go_by_its_key_twice_as_once(standins: Standins, order: str) -> None:
    lossy = request(order, "pm_card_answerLost")
    with pytest.raises(AnswerLost):
        payments.authorize(lossy, key=order, timeout=IN_TIME)
    for _ in range(2):
        payments.void(lossy, key=order, timeout=IN_TIME)
    assert done(standins, "payments", order) == ["authorized", "canceled"]


def test_a_void_that_comes_first_has_the_late_authorisation_refused(standins: Standins, order: str) -> None:
    payments.void(request(order), key=order, timeout=IN_TIME)
    with pytest.raises(Refused):
        hold(order)
    assert "authorized" not in done(standins, "payments", order)


def test_a_void_of_a_card_that_never_was_succeeds(standins: Standins, order: str) -> None:
    payments.void(request(order, "pm_card_no_such_card"), key=order, timeout=IN_TIME)
    assert done(standins, "payments", order) == []


def test_a_void_by_id_needs_no_key_that_is_remembered(standins: Standins, order: str) -> None:
    held = hold(order)
    payments.void(request(order), key="forgotten:" + order, timeout=IN_TIME, intent_id=held.intent_id)
    assert done(standins, "payments", order) == ["authorized", "canceled"]


def test_what_was_charged_cannot_be_let_go(standins: Standins, order: str) -> None:
    payments.capture(hold(order).intent_id, key=f"{order}:capture", timeout=IN_TIME)
    with pytest.raises(Refused) as refusal:
        payments.void(request(order), key=order, timeout=IN_TIME)
    assert refusal.value.code == "already_captured"
    assert done(standins, "payments", order) == ["authorized", "captured"]


def test_what_was_let_go_cannot_be_charged(standins: Standins, order: str) -> None:
    held = hold(order)
    payments.void(request(order), key=order, timeout=IN_TIME)
    with pytest.raises(Refused):
        payments.capture(held.intent_id, key=f"{order}:capture", timeout=IN_TIME)
    assert payments.find_capture(held.intent_id, timeout=IN_TIME) is None


@pytest.mark.parametrize("keys", [1, 8])
def test_eight_racing_captures_charge_once_and_none_is_refused(standins: Standins, order: str, keys: int) -> None:
    held = hold(order)

    def capture(number: int) -> payments.Capture | None:
        try:
            return payments.capture(held.intent_id, key=f"{order}:capture:{number % keys}", timeout=IN_TIME)
        except RetryAfter:  # the key is in use by one of the others
            return None

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(capture, range(8))) - {None}
    assert answers == {payments.Capture(held.intent_id, 4200)}
    assert done(standins, "payments", order) == ["authorized", "captured"]


def test_a_capture_that_keeps_failing_is_in_doubt_until_it_works(standins: Standins, order: str) -> None:
    held = hold(order, "pm_card_captureFails")
    for _ in range(4):
        with pytest.raises(AnswerLost):
            payments.capture(held.intent_id, key=f"{order}:capture", timeout=IN_TIME)
    assert payments.find_capture(held.intent_id, timeout=IN_TIME) is None
    assert payments.capture(held.intent_id, key=f"{order}:capture", timeout=IN_TIME).amount == 4200


def test_a_bank_that_is_too_slow_leaves_the_call_in_doubt(standins: Standins, order: str) -> None:
    held = hold(order)
    standins.fault("payments", operation="capture", kind="slow", order=order, times=1, delay=1.5)
    with pytest.raises(AnswerLost):
        payments.capture(held.intent_id, key=f"{order}:capture", timeout=AT_ONCE)
    with pytest.raises(RetryAfter):  # it is still being worked on: nobody needs to count this as an attempt
        payments.capture(held.intent_id, key=f"{order}:capture", timeout=IN_TIME)


def test_no_more_is_given_back_than_was_charged(standins: Standins, order: str) -> None:
    held = hold(order)
    payments.capture(held.intent_id, key=f"{order}:capture", timeout=IN_TIME)
    assert refunding.refund(held.intent_id, key=f"{order}:1", timeout=IN_TIME, amount=4000).amount == 4000
    with pytest.raises(Refused):
        refunding.refund(held.intent_id, key=f"{order}:2", timeout=IN_TIME, amount=201)
    assert refunding.refund(held.intent_id, key=f"{order}:3", timeout=IN_TIME).amount == 200


def test_one_key_for_two_different_payments_is_our_mistake_and_stays_one(standins: Standins, order: str) -> None:
    hold(order)
    with pytest.raises(stripe.IdempotencyError):
        payments.authorize(request(order, amount=9900), key=order, timeout=IN_TIME)


def test_a_key_that_stripe_would_not_take_is_not_sent(standins: Standins, order: str) -> None:
    with pytest.raises(ValueError, match="255"):
        payments.authorize(request(order), key="k" * 255, timeout=IN_TIME)


def test_every_participant_learns_the_trace(standins: Standins, order: str) -> None:
    with trace.use(trace.start(request_id=f"request-{order}")) as current:
        hold(order)
        warehouse.reserve(order, [(SKU, 1)], key=order, timeout=IN_TIME)
        carrier.book(order, key=order, timeout=IN_TIME)
    for participant in ("payments", "warehouse", "carrier"):
        [entry] = standins.ledger(participant, order)
        assert entry["request_id"] == current.request_id
        assert current.trace_id in entry["traceparent"]
        assert entry["traceparent"] != current.traceparent


def test_goods_are_put_aside_and_taken_out(standins: Standins, order: str) -> None:
    standins.set_stock(SKU, 500)
    before = warehouse.stock()[SKU]
    held = warehouse.reserve(order, [(SKU, 2)], key=order, timeout=IN_TIME)
    assert held == warehouse.Reservation(order, "reserved", ((SKU, 2),))
    assert warehouse.stock()[SKU] == before - 2
    assert warehouse.commit(order, key=f"{order}:commit", timeout=IN_TIME).status == "committed"
    assert warehouse.find(order) == warehouse.Reservation(order, "committed", ((SKU, 2),))
    assert done(standins, "warehouse", order) == ["reserved", "committed"]


@pytest.mark.parametrize(("sku", "code"), [("chair-ash", "out_of_stock"), ("no-such-sku", "unknown_sku")])
def test_goods_that_are_not_there_are_refused(standins: Standins, order: str, sku: str, code: str) -> None:
    with pytest.raises(Refused) as refusal:
        warehouse.reserve(order, [(sku, 1)], key=order, timeout=IN_TIME)
    assert refusal.value.code == code


def test_a_release_that_comes_first_has_the_late_reserve_refused(standins: Standins, order: str) -> None:
    warehouse.release(order, timeout=IN_TIME)
    with pytest.raises(Refused) as refusal:
        warehouse.reserve(order, [(SKU, 1)], key=order, timeout=IN_TIME)
    assert refusal.value.code == "released"


def test_goods_that_have_left_are_not_released(standins: Standins, order: str) -> None:
    warehouse.reserve(order, [(SKU, 1)], key=order, timeout=IN_TIME)
    warehouse.commit(order, timeout=IN_TIME)
    with pytest.raises(Refused) as refusal:
        warehouse.release(order, timeout=IN_TIME)
    assert refusal.value.code == "already_committed"


def test_a_lost_reservation_is_found_and_released_by_its_key(standins: Standins, order: str) -> None:
    standins.fault("warehouse", operation="reserve", kind="lose_answer", order=order, times=1)
    with pytest.raises(AnswerLost):
        warehouse.reserve(order, [(SKU, 1)], key=order, timeout=IN_TIME)
    assert warehouse.find(order) is not None
    warehouse.release(order, timeout=IN_TIME)
    assert done(standins, "warehouse", order) == ["reserved", "released"]


def test_a_key_may_hold_a_slash_and_a_colon(standins: Standins, order: str) -> None:
    key = f"run/{order}:reserve_stock?#"
    warehouse.reserve(order, [(SKU, 1)], key=key, timeout=IN_TIME)
    carrier.book(order, key=key, timeout=IN_TIME)
    assert warehouse.commit(key, timeout=IN_TIME).key == key
    assert carrier.dispatch(key, timeout=IN_TIME).key == key


def test_a_parcel_is_booked_and_sent_once(standins: Standins, order: str) -> None:
    assert carrier.book(order, key=order, timeout=IN_TIME).label
    parcel = carrier.dispatch(order, key=f"{order}:dispatch", timeout=IN_TIME)
    assert parcel.tracking
    assert parcel == carrier.dispatch(order, key=f"{order}:dispatch", timeout=IN_TIME)
    assert done(standins, "carrier", order) == ["booked", "dispatched"]


def test_a_parcel_on_its_way_is_not_cancelled(standins: Standins, order: str) -> None:
    carrier.book(order, key=order, timeout=IN_TIME)
    carrier.dispatch(order, timeout=IN_TIME)
    with pytest.raises(Refused) as refusal:
        carrier.cancel(order, timeout=IN_TIME)
    assert refusal.value.code == "too_late"


def test_a_cancel_that_comes_first_has_the_late_booking_refused(standins: Standins, order: str) -> None:
    carrier.cancel(order, timeout=IN_TIME)
    with pytest.raises(Refused):
        carrier.book(order, key=order, timeout=IN_TIME)
    assert done(standins, "carrier", order) == []


def test_what_the_others_never_heard_of_is_not_found(standins: Standins, order: str) -> None:
    assert warehouse.find(order) is None
    assert carrier.find(order) is None


@pytest.mark.parametrize("kind", ["fail", "down"])
def test_an_error_or_a_dropped_connection_leaves_the_call_in_doubt(standins: Standins, order: str, kind: str) -> None:
    for participant, operation in (("payments", "authorize"), ("warehouse", "reserve"), ("carrier", "book")):
        standins.fault(participant, operation=operation, kind=kind, order=order, times=1)
    with pytest.raises(AnswerLost):
        hold(order)
    with pytest.raises(AnswerLost):
        warehouse.reserve(order, [(SKU, 1)], key=order, timeout=IN_TIME)
    with pytest.raises(AnswerLost):
        carrier.book(order, key=order, timeout=IN_TIME)
    assert [done(standins, name, order) for name in ("payments", "warehouse", "carrier")] == [[], [], []]
