"""The card processor reports by webhook: customers who confirm, captures in doubt; all in real processes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import requests
import stripe

from config.local.ports import free_port
from orders.models import Order
from sagas.models import Act, Step
from tests.orders.webhooks.posting import event, post
from tests.support.standins import API_KEY
from tests.support.workers import until

from .stack import Stack, statuses

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("coordination", "site")]
ASKS = "pm_card_threeDSecure2Required"


@dataclass(frozen=True)
class Site:
    """The shop's site, to which the processor reports."""

    url: str


@pytest.fixture(scope="module")
def site(stack: Stack) -> Iterator[Site]:
    """In a process of its own, under a secret that the processor has made for it."""
    url = f"http://127.0.0.1:{free_port()}"
    api = stripe.StripeClient(API_KEY, base_addresses={"api": f"{stack.standins.url}/payments"}).v1
    endpoint = api.webhook_endpoints.create({"url": f"{url}/webhooks/stripe", "enabled_events": ["*"]})
    env = {"STRIPE_WEBHOOK_SECRET": str(endpoint.secret), "STANDINS_URL": stack.standins.url}
    command = ["-m", "gunicorn", "config.wsgi", "--bind", url.removeprefix("http://"), "--threads", "4"]
    program = stack.programs.start("web", [*command, "--graceful-timeout", "2", "--no-control-socket"], env)

    def answers() -> bool:
        assert program.process.poll() is None, program.output[-4000:]
        try:
            return requests.get(f"{url}/healthz", timeout=2).status_code in (200, 503)
        except requests.RequestException:
            return False

    until(answers, 60, what="the site answers")
    yield Site(url)
    api.webhook_endpoints.delete(endpoint.id)


def asked(stack: Stack) -> Order:
    """An order whose customer is asked to confirm the payment, and which nobody has in hand."""
    order = stack.place(ASKS)

    def waits() -> bool:
        order.refresh_from_db()
        return bool(order.action_url)

    until(waits, 30, what=f"{order.number} asks its customer")
    assert statuses(order)["authorize_payment"] == "waiting"
    assert not Step.objects.filter(run__key=order.saga_key, token__isnull=False).exists()
    return order


def answer(order: Order, word: str) -> str:
    """The customer's word on the bank's page; they close the window before they are back at the shop."""
    response = requests.post(order.action_url, data={"answer": word}, timeout=10, allow_redirects=False)
    assert response.status_code == 303, response.text
    return response.headers["Location"]


def test_an_order_waits_for_its_customer_and_goes_on_when_the_bank_reports(stack: Stack) -> None:
    order = asked(stack)
    assert f"/orders/{order.pk}/returned" in answer(order, "confirm")
    assert stack.settled(order, 30).status == "confirmed"
    stack.check_books(order)


def test_a_customer_who_refuses_at_the_bank_has_the_order_undone(stack: Stack) -> None:
    order = asked(stack)
    answer(order, "refuse")
    assert stack.settled(order, 30).status == "cancelled"
    assert order.status_reason == "authentication_failed"
    stack.check_books(order)


def test_an_authorisation_that_expires_is_renewed_and_charged_once(stack: Stack) -> None:
    order = stack.settled(stack.place("pm_card_authorizationExpires"))
    assert order.status == "confirmed"
    assert order.charged == int(order.total * 100)
    stack.check_books(order)


def test_a_capture_on_the_desk_is_settled_by_the_report_of_it(stack: Stack, coordination: str) -> None:
    if coordination == "choreography":
        pytest.skip("told without waiting in tests/orders/webhooks/test_settling.py")
    stack.standins.fault("payments", operation="webhook", kind="lose", times=20)
    stack.standins.fault("carrier", operation="book", kind="slow", delay=2, times=1)
    order = stack.place()
    for operation, kind, times in (
        ("capture", "lose_answer", 1),
        ("capture", "fail", None),
        ("retrieve", "fail", None),
    ):
        stack.standins.fault("payments", operation=operation, kind=kind, times=times, order=order.number)
    order = stack.settled(order, 40)
    assert order.status == "needs_attention", "nobody knew what became of the capture"
    stack.standins.clear()
    assert post(event("payment_intent.succeeded", order.number, intent=order.payment_intent)).status_code == 200
    until(lambda: Order.objects.get(pk=order.pk).status == "confirmed", 40, what="the report has settled it")
    assert Act.objects.get(run__key=order.saga_key).actor_name == "the card processor"
    order.refresh_from_db()
    stack.check_books(order)
