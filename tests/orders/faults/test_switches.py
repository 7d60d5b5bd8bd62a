"""Each switch, from the page and from the command, read back from the stand-in; and what is said of what cannot be."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from config.standins.companies import COMPANIES
from orders.faults.switches import SWITCHES
from orders.models import Order
from tests.support.standins import Standins

from .conftest import Companies

pytestmark = pytest.mark.django_db
Press = Callable[..., str]


def on_the_page(switch: str, company: str, **scope: str) -> str:
    """Press it, and return what the page then says."""
    form = {"switch": switch, "company": company, "operation": "*", "order": "", "minutes": "30", **scope}
    answer = Client().post("/faults/switch", form, follow=True)
    return " ".join(str(message) for message in answer.context["messages"])


def by_command(switch: str, company: str, **scope: str) -> str:
    return said("preset", company, switch, *(f"--{name}={value}" for name, value in scope.items()))


def said(*words: str) -> str:
    out = StringIO()
    call_command("faults", *words, stdout=out)
    return out.getvalue()


@pytest.fixture(params=[on_the_page, by_command])
def press(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.mark.parametrize("switch", SWITCHES, ids=lambda switch: switch.name)
def test_each_switch_is_that_fault_at_the_stand_in(companies: Companies, press: Press, switch: Any) -> None:
    told = press(switch.name, "warehouse")
    [fault] = companies.faults("warehouse")
    assert (fault["kind"], fault["operation"], fault["order"]) == (switch.kind, "*", "")
    assert (fault["times"], fault["delay"], fault["hits"]) == (None, switch.delay, 0)
    assert told.startswith(f"Warehouse {switch.hint}: every call, every order, until ")
    assert switch.then in told


def test_a_switch_for_one_order_and_one_call_leaves_the_others_alone(companies: Companies, press: Press) -> None:
    press("down", "carrier", operation="book", order="S-1", minutes="0")
    press("closed", "carrier")
    assert companies.kinds("carrier") == [("down", "book", "S-1"), ("unavailable", "*", "")]
    lasting, ending = companies.faults("carrier")
    assert (lasting["until"], ending["until"] is None) == (None, False)


def test_a_switch_takes_the_place_of_the_one_before(companies: Companies, press: Press) -> None:
    for switch in ("slow", "down"):
        press(switch, "carrier")
    assert companies.kinds("carrier") == [("down", "*", "")]


def test_who_switched_is_kept(companies: Companies, admin_client: Client) -> None:
    by_command("down", "carrier")
    admin_client.post("/faults/switch", {"switch": "down", "company": "warehouse"})
    on_the_page("down", "payments")
    names = [companies.faults(name)[0]["set_by"] for name in ("carrier", "warehouse", "payments")]
    assert names == [getpass.getuser(), "admin", "the panel"]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"company": "bakery"}, "There is no company 'bakery'. There are: payments, warehouse, carrier"),
        ({"operation": "fly"}, "carrier does no 'fly'. It does: book, cancel, dispatch, "),
        ({"switch": "book:odd"}, "carrier knows no 'odd' of book. It knows: slow, fail"),
        ({"switch": "odd"}, "There is no switch 'odd'. There are: slow, refusing"),
        ({"order": "x" * 101}, "An order's number has at most 100 visible characters."),
        ({"minutes": "soon"}, "'soon' is no number of minutes"),
        ({"minutes": "nan"}, "'nan' is no number of minutes"),
        ({"minutes": "1e9"}, "`$.minutes`"),
    ],
)
def test_what_cannot_be_is_said_on_the_page_and_nothing_is_switched(
    companies: Companies, wrong: dict[str, str], words: str
) -> None:
    assert words in on_the_page(**({"switch": "down", "company": "carrier"} | wrong))
    assert [companies.kinds(name) for name in COMPANIES] == [[] for _ in COMPANIES]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("set bakery down", "There is no company 'bakery'. There are: payments, warehouse, carrier"),
        ("set carrier down --operation=fly", "carrier does no 'fly'. It does: book, cancel"),
        ("set carrier odd", r"carrier knows no 'odd' of \*\. It knows: slow"),
        ("set carrier fail --times=-1", "times"),
        ("preset carrier odd", "invalid choice: 'odd'"),
        ("clear bakery", "There is no company 'bakery'"),
    ],
)
def test_what_cannot_be_is_said_by_the_command(companies: Companies, wrong: str, words: str) -> None:
    with pytest.raises(CommandError, match=words):
        said(*wrong.split())
    assert companies.kinds("carrier") == []


def test_any_fault_is_set_by_the_command(companies: Companies) -> None:
    words = "set carrier refuse --operation=book --order=S-1 --times=2 --delay=1.5 --code=no_capacity --minutes=0"
    assert said(*words.split()) == (
        "Carrier says no (no_capacity): book, order S-1, 2 more times. "
        "An order that is not paid yet is undone and never charged; a paid one goes to an operator's desk.\n"
    )
    [fault] = companies.faults("carrier")
    assert (fault["times"], fault["delay"], fault["code"], fault["until"]) == (2, 1.5, "no_capacity", None)


def test_the_list_says_what_each_does_and_what_is_wrong(companies: Companies) -> None:
    by_command("slow", "carrier", operation="book", order="S-1")
    listed = said("list")
    for words in (
        "warehouse: The goods. It is well.",
        "  reserve        Puts goods aside.",
        "! answers 2 s late: book, ",
    ):
        assert words in listed
    told = json.loads(said("list", "--json"))
    [carrier] = [one for one in told if one["name"] == "carrier"]
    assert carrier["faults"][0]["order"] == "S-1"
    assert json.loads(said("preset", "carrier", "down", "--json"))["kind"] == "down"
    assert json.loads(said("clear", "--json")) == {"cleared": 2}


@pytest.mark.parametrize(
    ("words", "left"),
    [
        ("clear", []),
        ("clear carrier", [("down", "*", "")]),
        ("clear carrier --order=S-1", [("fail", "book", ""), ("down", "*", "")]),
        ("clear --operation=book", [("slow", "*", "S-1"), ("down", "*", "")]),
        ("clear --order=", [("slow", "*", "S-1")]),
    ],
)
def test_the_command_clears_all_or_some(companies: Companies, words: str, left: list[Any]) -> None:
    by_command("slow", "carrier", order="S-1")
    by_command("failing", "carrier", operation="book")
    by_command("down", "warehouse")
    said(*words.split())
    assert companies.kinds("carrier") + companies.kinds("warehouse") == left


def test_the_page_ends_one_fault_those_of_one_company_and_all(companies: Companies, client: Client) -> None:
    for name in ("carrier", "warehouse"):
        by_command("down", name)
        by_command("slow", name, order="S-1")
    first, second = companies.faults("carrier")
    client.post("/faults/clear", {"company": "carrier", "fault": first["id"]})
    assert [one["id"] for one in companies.faults("carrier")] == [second["id"]]
    client.post("/faults/clear", {"company": "warehouse"})
    assert (len(companies.kinds("carrier")), companies.kinds("warehouse")) == (1, [])
    answer = client.post("/faults/clear", follow=True)
    assert companies.kinds("carrier") == []
    assert "Everybody is well again: 1 fault ended." in answer.content.decode()


def test_the_page_shows_what_is_wrong_who_set_it_and_how_often_it_hit(companies: Companies, client: Client) -> None:
    by_command("closed", "warehouse", operation="stock")
    with pytest.raises(AssertionError):
        companies.standins.stock("mug-slate")
    page = client.get("/faults/").content.decode()
    assert "Answers 503" in page
    assert "1 hit</span>" in page
    assert f"set by {getpass.getuser()}" in page


@pytest.mark.usefixtures("products")
def test_five_test_orders_are_placed_as_a_customer_places_them(companies: Companies, client: Client) -> None:
    page = client.post("/faults/orders", follow=True).content.decode()
    placed = Order.objects.all()
    assert len(placed) == 5
    assert all(order.number in page for order in placed)
    assert "5 test orders are placed." in page


def test_without_products_no_order_is_placed(companies: Companies, client: Client) -> None:
    assert "Nothing is on sale" in client.post("/faults/orders", follow=True).content.decode()


@pytest.mark.parametrize("form", ["switch", "clear", "orders"])
def test_a_form_from_another_site_is_refused(companies: Companies, form: str) -> None:
    posted = {"switch": "down", "company": "carrier"}
    assert Client(enforce_csrf_checks=True).post(f"/faults/{form}", posted).status_code == 403
    assert companies.kinds("carrier") == []


@pytest.fixture
def nobody_there(settings: Any) -> str:
    settings.STANDINS_URL = "http://127.0.0.1:1"
    for setting in settings.PARTICIPANTS.values():
        setattr(settings, setting, "http://127.0.0.1:1/x")
    return "The stand-ins do not answer at http://127.0.0.1:1. Start them"


@pytest.mark.parametrize("words", ["list", "set carrier down", "preset carrier down", "clear", "clear carrier"])
def test_without_stand_ins_the_command_says_so(nobody_there: str, words: str) -> None:
    with pytest.raises(CommandError, match=nobody_there):
        said(*words.split())


def test_without_stand_ins_the_page_says_so_and_shows_the_orders(nobody_there: str, client: Client) -> None:
    assert nobody_there in client.get("/faults/").content.decode()
    assert nobody_there in on_the_page("down", "carrier")


def test_another_program_at_that_address_is_no_stand_in(standins: Standins, settings: Any) -> None:
    settings.STANDINS_URL = f"{standins.url}/nowhere"
    with pytest.raises(CommandError, match="answered 404"):
        said("list")


def test_a_company_that_is_real_here_has_no_switches(companies: Companies, client: Client, settings: Any) -> None:
    settings.CARRIER_URL = "https://carrier.example"
    page = client.get("/faults/").content.decode()
    assert "The shop asks <b>https://carrier.example</b>" in page
    assert page.count('name="switch" value="down"') == len(COMPANIES) - 1


def test_what_a_company_does_by_itself_has_switches_of_its_own(companies: Companies, client: Client) -> None:
    assert 'value="webhook:twice"' in client.get("/faults/").content.decode()
    told = on_the_page("webhook:twice", "payments", operation="capture", order="S-1")
    assert told.startswith("Payments: the event is sent twice: webhook, order S-1")
    assert companies.kinds("payments") == [("twice", "webhook", "S-1")]
    assert "the event is sent after 10 seconds" in on_the_page("webhook:slow", "payments")
