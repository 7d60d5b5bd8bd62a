"""The admin's pages, by every address and parameter that a link, a bookmark or a typing error can have."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from orders.models import Order
from orders.placing.place import place_order
from orders.placing.validation import PlaceOrder
from outbox.models import DeadLetter
from sagas import desk
from sagas.models import Run

from .garbage import texts
from .trying import example, tried

pytestmark = pytest.mark.django_db

COMMON = ("q", "p", "o", "e", "all", "_facets", "_popup", "_to_field", "_changelist_filters", "id", "pk", "id__in")
LOOKUPS = ("", "__exact", "__isnull", "__in", "__gte", "__lt", "__year", "__month", "__day", "__date", "__icontains")


def parameters_of(model_admin: Any) -> list[str]:
    """Every name that the list reads from its address, and some that it does not."""
    fields = [one for one in model_admin.list_filter if isinstance(one, str)]
    fields += [one[0] for one in model_admin.list_filter if isinstance(one, tuple)]
    own = [str(getattr(one, "parameter_name", "")) for one in model_admin.list_filter if isinstance(one, type)]
    fields += filter(None, [model_admin.date_hierarchy])
    return [*COMMON, *own, *(f"{field}{lookup}" for field in fields for lookup in LOOKUPS)]


def lists() -> list[tuple[str, str]]:
    """Each list with each of its parameters."""
    return [
        (reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"), name)
        for model, model_admin in admin.site._registry.items()
        for name in parameters_of(model_admin)
    ]


def pages() -> list[str]:
    """Addresses with a place for the name of a thing."""
    own = [reverse("admin:sagas_desk", args=[verb]) + "?run={}" for verb in desk.VERBS]
    own += ["/admin/sagas/run/proposals/{}/confirm/", "/admin/sagas/run/desk/{}/?run=1", "/admin/outbox/{}/"]
    own += ["/admin/r/{}/{}/", "/admin/autocomplete/?app_label={}&model_name=run&field_name=id&term={}", "/admin/{}"]
    own += ["/admin/login/?next={}", "/admin/orders/order/{}/trail/", "/admin/sagas/breaker/{}/act/open/"]
    each = [reverse(f"admin:{m._meta.app_label}_{m._meta.model_name}_changelist") for m in admin.site._registry]
    return own + [f"{one}{{}}/{what}/" for one in each for what in ("change", "history", "delete")]


@pytest.fixture
def filled(products: object, wish: PlaceOrder) -> tuple[Order, Run]:
    """Something in the lists."""
    order = place_order(wish, idempotency_key="k1").order
    DeadLetter.objects.create(
        message_id="01890000-0000-7000-8000-000000000000",
        **{"type": "host.thing", "version": 1, "key": "k", "payload": "{}", "headers": "{}", "error": "e"},
        **{"attempts": 1, "subscriber": "s", "error_class": "ValueError"},
    )
    return order, Run.objects.get()


@tried(70)
@given(where=st.sampled_from(lists()), value=texts, more=st.dictionaries(st.sampled_from(COMMON), texts, max_size=1))
def test_a_list_answers_whatever_its_address_asks_for(
    admin_client: Client, filled: object, where: tuple[str, str], value: str, more: dict[str, str]
) -> None:
    with example():
        answer = admin_client.get(f"{where[0]}?{urlencode({where[1]: value, **more})}")
        assert answer.status_code < 500
        assert answer.content or answer.status_code == 302


@tried(40)
@given(page=st.sampled_from(pages()), name=texts, again=texts)
def test_a_page_answers_whatever_it_is_asked_for(
    admin_client: Client, filled: object, page: str, name: str, again: str
) -> None:
    with example():
        assert admin_client.get(page.format(quote(name, safe=""), quote(again, safe=""))).status_code < 500
