"""ETag, If-Match and If-None-Match of an order, by RFC 9110; and lost updates, which somebody always sees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from orders import locks
from orders.api.etags import Condition, Tag, parse
from orders.cancelling import customer_request
from orders.cancelling.customer_request import cancel_order
from orders.errors import MalformedCondition
from orders.lifecycle import status
from orders.models import CancelRequest, Order
from orders.placing.place import place_order
from orders.placing.validation import PlaceOrder
from sagas.engine.transitions import begin_undo, locked
from sagas.models import Run, Step

pytestmark = pytest.mark.django_db
MEANT = "0123456789abcdef"


@pytest.fixture
def order(wish: PlaceOrder) -> Order:
    return place_order(wish, idempotency_key="k1").order


def get(client: Client, order: Order, **headers: str) -> Any:
    return client.get(f"/api/orders/{order.pk}", headers=headers)


def cancel(client: Client, order: Order, if_match: str | None = None) -> Any:
    headers = {} if if_match is None else {"If-Match": if_match}
    return client.post(f"/api/orders/{order.pk}/cancel", headers=headers)


@pytest.mark.parametrize(
    ("field", "condition"),
    [
        (None, None),
        ("*", Condition(any=True)),
        (" * ", Condition(any=True)),
        ("", Condition()),
        ('"a"', Condition(tags=(Tag("a"),))),
        ('W/"a"', Condition(tags=(Tag("a", weak=True),))),
        ('"a", W/"b,c" ,, "d"', Condition(tags=(Tag("a"), Tag("b,c", weak=True), Tag("d")))),
        ('""', Condition(tags=(Tag(""),))),
    ],
)
def test_a_condition_is_read_as_the_rfc_has_it(field: str | None, condition: Condition | None) -> None:
    assert parse("If-Match", field) == condition


@pytest.mark.parametrize(
    "field", ["a", "7", '"a', 'a"', '"a" "b"', "W/a", 'w/"a"', '"a\x7f"', '"a b"', '*, "a"', '"a";']
)
def test_what_is_no_list_of_tags_is_refused(field: str) -> None:
    with pytest.raises(MalformedCondition):
        parse("If-Match", field)


def test_a_long_field_is_read_in_no_time() -> None:
    with pytest.raises(MalformedCondition):
        parse("If-Match", '"a",' * 100_000 + "x")
    with pytest.raises(MalformedCondition):
        parse("If-Match", " ,\t" * 100_000 + "x")


def test_a_tag_names_the_version_and_changes_with_all_that_is_shown(client: Client, order: Order) -> None:
    first = get(client, order)
    assert first["ETag"].startswith('"1-')
    assert get(client, order)["ETag"] == first["ETag"]
    Step.objects.filter(position=0).update(status="running", attempts=1)
    moved = get(client, order)["ETag"]
    assert moved.startswith('"1-')
    assert moved != first["ETag"]
    status.mark_needs_attention(order.pk, "?")
    assert get(client, order)["ETag"].startswith('"2-')


def test_what_the_client_has_is_not_sent_again(client: Client, order: Order) -> None:
    tag = get(client, order)["ETag"]
    for field in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        answer = get(client, order, **{"If-None-Match": field})
        assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", tag)
    assert get(client, order, **{"If-None-Match": '"x"'}).status_code == 200
    assert get(client, order, **{"If-None-Match": "x"}).status_code == 400


def test_each_answer_with_an_order_carries_its_tag(client: Client, order: Order) -> None:
    answer = cancel(client, order)
    assert answer["ETag"] == get(client, order)["ETag"]
    assert answer["Content-Location"] == f"/api/orders/{order.pk}"


def test_progress_alone_does_not_refuse_a_cancel(client: Client, order: Order) -> None:
    tag = get(client, order)["ETag"]
    Step.objects.filter(position=0).update(status="done", attempts=1)
    Run.objects.update(position=1)
    assert cancel(client, order, tag).status_code == 200


@pytest.mark.parametrize("field", ["*", f'"9-{MEANT}", "1-{MEANT}"', f' "1-{MEANT}"'])
def test_a_cancel_that_names_the_order_as_it_is_goes_through(client: Client, order: Order, field: str) -> None:
    assert cancel(client, order, field).status_code == 200


@pytest.mark.parametrize("field", [f'W/"1-{MEANT}"', f'"2-{MEANT}"', '"1"', '"1-"', '"other"', "", f'"01-{MEANT}"'])
def test_a_cancel_that_names_another_order_than_it_is_changes_nothing(client: Client, order: Order, field: str) -> None:
    answer = cancel(client, order, field)
    assert answer.status_code == 412
    assert answer["ETag"] == get(client, order)["ETag"]
    order.refresh_from_db()
    assert (order.status, order.version) == ("processing", 1)
    assert not CancelRequest.objects.exists()


def test_a_malformed_condition_is_told_how_to_send_one(client: Client, order: Order) -> None:
    answer = cancel(client, order, "1")
    assert answer.status_code == 400
    assert 'such as If-Match: "7-0123456789abcdef"' in answer.json()["errors"]["If-Match"][0]


def test_a_cancel_that_was_done_already_is_not_refused_for_its_condition(client: Client, order: Order) -> None:
    """Its answer may have been lost: the client sends the same once more."""
    tag = get(client, order)["ETag"]
    assert [cancel(client, order, tag).status_code for _ in range(2)] == [200, 200]


def test_what_the_state_forbids_is_told_before_what_the_condition_forbids(client: Client, order: Order) -> None:
    Step.objects.filter(position__lte=3).update(status="done", attempts=1)
    Run.objects.update(position=4)
    assert cancel(client, order, f'"9-{MEANT}"').status_code == 409


def test_a_read_may_have_a_condition_as_well(client: Client, order: Order) -> None:
    tag = get(client, order)["ETag"]
    assert get(client, order, **{"If-Match": tag}).status_code == 200
    assert get(client, order, **{"If-Match": f"W/{tag}"}).status_code == 412
    assert get(client, order, **{"If-Match": f'"1-{MEANT}"'}).status_code == 412


@pytest.fixture
def stale(monkeypatch: pytest.MonkeyPatch) -> Callable[[Order], None]:
    """Somebody writes to the order past its lock: what `lock_order` gives is one version behind from then on."""

    def act(order: Order) -> None:
        real = locks.lock_order

        def late(order_id: UUID) -> Order:
            found = real(order_id)
            Order.objects.filter(pk=order_id).update(version=found.version + 1)
            return found

        monkeypatch.setattr(status, "lock_order", late)

    return act


def test_a_lost_update_is_told_to_a_program(client: Client, order: Order, stale: Callable[[Order], None]) -> None:
    advance(order)
    stale(order)
    answer = cancel(client, order)
    assert answer.status_code == 409
    assert "was changed by somebody else in the meantime" in answer.json()["errors"]["order"][0]


def test_a_lost_update_is_told_on_the_page(client: Client, order: Order, stale: Callable[[Order], None]) -> None:
    advance(order)
    stale(order)
    page = client.post(f"/orders/{order.pk}/cancel", follow=True).content.decode()
    assert "Your order changed after this page was shown, and was not cancelled." in page


def test_a_lost_update_of_a_saga_ends_on_a_persons_desk(order: Order, stale: Callable[[Order], None]) -> None:
    advance(order)
    stale(order)
    run = Run.objects.get()
    begin_undo(locked(run.pk), code="out_of_stock", reason="no")
    run.refresh_from_db()
    assert run.status == "stuck"
    assert "was changed by somebody else in the meantime" in run.reason


def advance(order: Order) -> None:
    """The first step is done, so that there is something to undo."""
    Step.objects.filter(position=0).update(status="done", attempts=1)
    Run.objects.update(position=1)


def test_an_order_whose_run_was_pruned_is_told_that_it_is_too_late(client: Client, order: Order) -> None:
    status.confirm_order(order.pk, "T")
    Run.objects.all().delete()
    answer = cancel(client, order)
    assert (answer.status_code, answer.json()["order"]["cancel"]["message"][-13:]) == (409, "was too late.")


def test_an_order_on_a_persons_desk_tells_them_that_the_customer_asked(client: Client, order: Order) -> None:
    Run.objects.update(status="stuck")
    status.mark_needs_attention(order.pk, "in doubt")
    answer = cancel(client, order)
    assert answer.status_code == 409
    assert "one of us is looking at it, and sees that you asked" in answer.json()["errors"]["order"][0]
    client.force_login(get_user_model().objects.create_superuser("ann", password="x"))
    page = client.get(f"/admin/orders/order/{order.pk}/change/").content.decode()
    assert "the customer asked to cancel" in page.lower()
    assert "With a person" in page


def test_an_order_that_an_operator_resolved_as_undone_is_not_too_late_to_cancel(client: Client, order: Order) -> None:
    Run.objects.update(status="resolved", resolution="compensated")
    status.mark_cancelled(order.pk, "compensated_by_hand")
    assert cancel_order(order)
    told = customer_request.told(order)
    assert told is not None
    assert told.answer == "already"


def test_the_answers_of_a_customer_who_asks_a_hundred_times_are_one(client: Client, order: Order) -> None:
    status.confirm_order(order.pk, "T")
    for _ in range(5):
        cancel(client, order)
    assert CancelRequest.objects.count() == 1
