"""Where there is a fault panel, and where there is none."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.test import Client

from config.standins.companies import COMPANIES
from orders.faults import guard
from orders.faults.checks import check_fault_panel

from .conftest import Companies

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production_static")]

PAGES = ["", "live"]
FORMS = ["switch", "clear", "orders"]
PRODUCTION = [
    {"FAULT_PANEL": False},
    {"FAULT_PANEL": True, "STRIPE_API_KEY": "sk_live_1"},
    {"FAULT_PANEL": True, "STRIPE_API_KEY": "rk_live_1"},
    {"FAULT_PANEL": True, "WAREHOUSE_URL": "https://warehouse.example"},
    {"FAULT_PANEL": True, "STRIPE_API_BASE": "https://api.stripe.com"},
]


@pytest.fixture
def staging(companies: Companies, settings: Any) -> Any:
    """Stand-ins, but not a developer's machine."""
    settings.LOCAL = False
    settings.FAULT_PANEL = True
    return settings


@pytest.fixture(params=PRODUCTION, ids=str)
def production(request: pytest.FixtureRequest, staging: Any) -> Any:
    for name, value in request.param.items():
        setattr(staging, name, value)
    return staging


@pytest.mark.usefixtures("production")
def test_in_production_there_is_no_page_not_even_for_staff(admin_client: Client) -> None:
    assert [admin_client.get(f"/faults/{name}").status_code for name in PAGES] == [404, 404]
    assert [admin_client.post(f"/faults/{name}").status_code for name in FORMS] == [404, 404, 404]


@pytest.mark.usefixtures("production")
@pytest.mark.parametrize("words", ["list", "preset carrier down", "set carrier down", "clear"])
def test_in_production_the_command_refuses(words: str) -> None:
    with pytest.raises(CommandError, match=r"The fault panel is (off|refused)"):
        call_command("faults", *words.split())


def test_in_production_the_check_finds_a_panel_that_is_on(production: Any) -> None:
    assert [problem.id for problem in check_fault_panel()] == (
        []
        if not production.FAULT_PANEL
        else ["orders.E001" if "_live_" in production.STRIPE_API_KEY else "orders.E002"]
    )


def test_the_check_is_among_those_of_a_deploy(settings: Any) -> None:
    settings.STRIPE_API_KEY = "sk_live_1"
    with pytest.raises(Exception, match=r"The fault panel is on together with a live Stripe key\."):
        call_command("check", deploy=True, tags=["orders"])


def test_a_live_key_switches_it_off_on_a_developers_machine_as_well(client: Client, settings: Any) -> None:
    settings.STRIPE_API_KEY = "sk_live_1"
    assert client.get("/faults/").status_code == 404


@pytest.mark.usefixtures("staging")
def test_on_staging_it_is_for_staff_only(client: Client) -> None:
    assert client.get("/faults/")["Location"] == "/admin/login/?next=/faults/"
    for name in FORMS:
        assert client.post(f"/faults/{name}")["Location"].startswith("/admin/login/")
    client.force_login(get_user_model().objects.create_user("ann"))
    assert client.get("/faults/")["Location"].startswith("/admin/login/")
    client.force_login(get_user_model().objects.create_user("bob", is_staff=True))
    assert client.get("/faults/").status_code == 200


@pytest.mark.usefixtures("staging")
def test_on_staging_it_places_no_orders(admin_client: Client) -> None:
    assert "Place 5 test orders" not in admin_client.get("/faults/").content.decode()
    assert admin_client.post("/faults/orders").status_code == 404


def test_the_shop_and_the_admin_link_it_where_it_is(client: Client, admin_client: Client, settings: Any) -> None:
    link = 'href="/faults/"'
    assert link in client.get("/").content.decode()
    assert link in admin_client.get("/admin/").content.decode()
    settings.FAULT_PANEL = False
    assert link not in client.get("/").content.decode()
    assert link not in admin_client.get("/admin/").content.decode()


@pytest.mark.usefixtures("staging")
def test_on_staging_customers_see_no_link(client: Client) -> None:
    assert "/faults/" not in client.get("/").content.decode()


def test_it_is_off_unless_it_is_asked_for_or_local(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    assert django_settings.FAULT_PANEL, "the tests are local"
    settings.FAULT_PANEL = False
    assert guard.why_off() == guard.OFF


def test_every_company_says_where_it_is_reached() -> None:
    assert set(django_settings.PARTICIPANTS) == set(COMPANIES)
    assert guard.real_participants() == {}
