"""Addresses that no database can look for: 400 in words, at every door, and Django's lists among them."""

from __future__ import annotations

import pytest
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.test.client import RequestFactory

from config.addresses import AddressMiddleware
from sagas.models import Run

pytestmark = pytest.mark.django_db
LISTS = ("orders/order", "trips/trip", "sagas/run", "sagas/bulkact", "outbox/deadletter", "auth/user")


@pytest.mark.parametrize("where", LISTS)
@pytest.mark.parametrize("query", ["status__exact=%00", "q=%00", "subscriber=a%00b", "state__lt=%00", "%00=1"])
def test_a_list_that_is_asked_for_a_nul_says_so(admin_client: Client, where: str, query: str) -> None:
    answer = admin_client.get(f"/admin/{where}/?{query}")
    assert answer.status_code == 400
    assert answer.content.startswith(b"This address has a NUL character in it")


@pytest.mark.parametrize("address", ["/trips/?city=%00", "/orders/%00/", "/admin/sagas/breaker/a%00/change/"])
def test_any_page_that_is_asked_for_a_nul_says_so(admin_client: Client, address: str) -> None:
    assert b"NUL character" in admin_client.get(address).content


def test_the_api_says_it_in_json(client: Client) -> None:
    answer = client.get("/api/orders/%00")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["address"])


def test_a_percent_sign_that_is_written_as_one_is_no_nul(client: Client) -> None:
    assert client.get("/?q=%2500").status_code == 200


@pytest.mark.parametrize(
    "address",
    [
        f"/admin/orders/order/?created_at__year={2**63}",
        f"/admin/trips/trip/?created_at__year={2**63}",
        "/admin/r/{run}/no-uuid/",
    ],
)
def test_a_date_or_id_that_nothing_has_is_a_bad_request(admin_client: Client, address: str) -> None:
    answer = admin_client.get(address.format(run=ContentType.objects.get_for_model(Run).pk))
    assert answer.status_code == 400
    assert answer.content.startswith(b"This address asks for a number, date or id that nothing here can have.")


@pytest.mark.parametrize("where", ["sagas/run", "outbox/deadletter", "sagas/breaker", "auth/user"])
@pytest.mark.parametrize("ticked", ["\0", "x\0", "9" * 5000, "\u00b2"])
def test_a_ticked_row_that_can_be_none_is_a_bad_request(admin_client: Client, where: str, ticked: str) -> None:
    form = {"action": "requeue_selected", "_selected_action": ticked}
    answer = admin_client.post(f"/admin/{where}/", form)
    assert answer.status_code == 400 or where == "sagas/breaker", "a name may be anything"


def test_elsewhere_such_an_error_stays_a_fault_of_ours() -> None:
    middleware = AddressMiddleware(lambda _request: pytest.fail("not asked"))
    factory = RequestFactory()
    error = OverflowError("too large")
    assert middleware.process_exception(factory.get("/orders/"), error) is None
    assert middleware.process_exception(factory.post("/admin/orders/order/"), error) is None
    assert middleware.process_exception(factory.get("/admin/orders/order/"), ValueError("ours")) is None
