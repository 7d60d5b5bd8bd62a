"""What runs are found by beside their subject: names with values, kept with the run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from sagas import Saga, SagaDeclarationError, StepContext, desk
from sagas.declare import attributes, registry
from sagas.desk import selection
from sagas.errors import Unfit
from sagas.models import Attribute, Run
from sagas.presentation import run_file
from sagas.testing import run_from_file
from tests.support.buffers import reading
from tests.support.sagas.admin_pages import listed, log_in, page_of
from tests.support.sagas.driver import begin, carry
from tests.support.sagas.errand import Errand, errand

pytestmark = pytest.mark.django_db(transaction=True)
ANN = desk.Person("ann")


@dataclass(frozen=True)
class Gift:
    to: str
    price: Decimal = Decimal(10)
    on: date = date(2026, 12, 24)
    more: Any = None


@pytest.fixture
def gift() -> Iterator[Saga[Gift]]:
    saga = Saga[Gift]("gift")

    @saga.attributes
    def found_by(gift: Gift) -> dict[str, Any]:
        more = gift.more or {}
        return {"customer": gift.to, "amount": gift.price, "on": gift.on, "wrapped": True, **more}

    @saga.step(undo=None)
    def send(ctx: StepContext[Gift]) -> None:
        """Nothing more to it."""

    yield saga
    registry.forget(saga)


def given(saga: Saga[Gift], **values: Any) -> Run:
    run_id = begin(saga, Gift(**values), key=str(uuid4()))
    Run.objects.filter(pk=run_id).update(subject=values["to"])
    return Run.objects.get(pk=run_id)


@pytest.fixture
def three(gift):
    """Cheap for ann, dear for ann, dear for bob."""
    return [
        given(gift, to="ann"),
        given(gift, to="ann", price=Decimal("250.50")),
        given(gift, to="bob b", price=Decimal(300)),
    ]


# --- Kept with the run -----------------------------------------------------------------------------------------------


def test_they_are_written_by_the_statement_that_starts_the_run(gift):
    with transaction.atomic(), CaptureQueriesContext(connection) as sent:
        run_id = gift.start(Gift("ann", Decimal("9.90")), key="1")
    starts = [one["sql"] for one in sent.captured_queries if "saga_start" in one["sql"]]
    assert len([sql for sql in starts if sql.startswith("EXECUTE")]) == 1
    assert not [
        one
        for one in sent.captured_queries
        if "INSERT INTO saga_attribute" in one["sql"] and "PREPARE" not in one["sql"]
    ]
    assert [str(one) for one in Attribute.objects.filter(run=run_id)] == [
        "amount=9.9",
        "customer=ann",
        "on=2026-12-24",
        "wrapped=yes",
    ]


def test_a_saga_that_declares_none_starts_by_the_same_statement_as_ever(world):
    with transaction.atomic(), CaptureQueriesContext(connection) as sent:
        errand.start(Errand("milk"), key="1", subject="")
    assert not [one for one in sent.captured_queries if "saga_attribute" in one["sql"]]


def test_the_same_key_keeps_the_first_ones(gift):
    begin(gift, Gift("ann"), key="1")
    begin(gift, Gift("bob"), key="1")
    assert Attribute.objects.get(name="customer").value == "ann"


def test_a_changed_input_changes_them_in_the_same_act(gift):
    run = given(gift, to="ann", more={"floor": 3})
    desk.set_input(run.pk, actor=ANN, reason="It is for bob.", changes={"to": "bob", "more": None})
    assert [str(one) for one in run.attributes.all()] == ["amount=10", "customer=bob", "on=2026-12-24", "wrapped=yes"]


def test_a_changed_input_whose_attributes_do_not_fit_changes_nothing(gift):
    run = given(gift, to="ann")
    with pytest.raises(Unfit, match="the attribute customer has 201 characters"):
        desk.set_input(run.pk, actor=ANN, reason="A long name.", changes={"to": "a" * 201})
    assert desk.runs_where("customer=ann").get() == run
    assert Run.objects.get().input["to"] == "ann"


def test_a_file_of_a_run_holds_them(gift, tmp_path):
    run = given(gift, to="ann", more={"access_token": "s3cret"})
    path = tmp_path / "run.json"
    path.write_text(run_file.text_of(run))
    assert "s3cret" not in path.read_text().partition('"attributes"')[2]
    Run.objects.all().delete()
    assert "customer=ann" in map(str, run_from_file(path).attributes.all())


# --- Found -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("customer=ann", [0, 1]),
        ('customer="bob b"', [2]),
        ("amount>=250.5", [1, 2]),
        ("amount>250.5", [2]),
        ("amount=300.00", [2]),
        ("amount<100 customer=ann", [0]),
        ("on>=2026-12-01 on<2027-01-01 amount<=300", [0, 1, 2]),
        ("wrapped=no", []),
        ("customer=300", []),
    ],
)
def test_runs_are_found_by_equality_and_by_range(three, where, found):
    assert set(desk.runs_where(where)) == {three[place] for place in found}
    assert set(selection.matching(selection.parse_filter(f"status=all,{where.replace(' ', ',', 0)}"))) == {
        three[place] for place in found
    }


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        ("colour=red", "No run has an attribute colour. There are: amount, customer, on, wrapped."),
        ("amount", "Cannot read 'amount': write conditions with spaces between, as customer=ada@example.com"),
        ("amount>=1 or 1=1", "Cannot read 'or 1=1'"),
        ("amount!=3", "Cannot read 'amount!=3'"),
        ("customer=a\0", "Cannot read"),
        ("access_token=s3cret", "The values of access_token are hidden (SAGAS_MASKED)"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_can(three, where, sentence):
    with pytest.raises(desk.DoesNotFit) as refused:
        desk.runs_where(where)
    assert sentence in str(refused.value)


def test_where_no_run_has_any_that_is_said(world):
    with pytest.raises(desk.DoesNotFit, match=r"No run has an attribute colour\. No run has any yet\."):
        desk.runs_where("colour=red")


def test_a_bulk_act_is_for_those_that_match(three):
    chosen = selection.parse_filter("customer=ann,amount>=100")
    (outcome,) = desk.bulk("pause", chosen, actor=ANN, reason="A look first.", rate=1000)
    assert (outcome.run_id, outcome.skipped) == (three[1].pk, "")


def test_the_search_finds_a_run_by_what_an_attribute_says(three):
    Run.objects.update(subject="")
    assert set(Run.objects.filter(selection.search_condition("bob b"))) == {three[2]}


def test_the_list_has_a_box_for_them_and_says_what_it_cannot_read(client, three, production_static):
    log_in(client, "view_run")
    assert listed(client, where="customer=ann amount>=100") == ["ann"]
    carry(three[2].pk)
    assert listed(client, where="amount>=300") == ["bob b"]  # whatever its state
    assert listed(client, where="colour=red") == []
    answer = client.get("/admin/sagas/run/", {"where": "colour=red", "saga": "gift"}).content.decode()
    assert "No run has an attribute colour. There are: amount, customer, on, wrapped." in answer
    assert '<input type="hidden" name="saga" value="gift">' in answer


def test_the_page_of_a_run_shows_them_and_leads_to_the_runs_that_share_them(client, gift, production_static):
    log_in(client, "view_run")
    run = given(gift, to="ann", more={"access_token": "s3cret"})
    page = page_of(client, run)
    assert "customer=ann" in page
    assert "where=customer%3D%22ann%22" in page
    assert "s3cret" not in page.partition("Input and results")[0]


def test_the_command_line_lists_them(three):
    out = StringIO()
    call_command("saga", "list", "--where", "customer=ann amount>=100", stdout=out)
    (_, _, line) = out.getvalue().splitlines()
    assert line.endswith("amount=250.5 customer=ann on=2026-12-24 wrapped=yes")
    with pytest.raises(CommandError, match="No run has an attribute colour"):
        call_command("saga", "list", "--where", "colour=red")


# --- Declared --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"Customer": "x"}, "an attribute is named 'Customer'; give a word of small letters, digits and underscores"),
        ({"a" * 51: "x"}, "at most 50 characters"),
        ({"status": "x"}, "an attribute is named status, which a filter of runs uses itself. Name it otherwise."),
        ({"lines": [1]}, "the attribute lines is a list; give a str, int, Decimal, bool, date or None."),
        ({"at": datetime(2026, 1, 1, tzinfo=UTC)}, "the attribute at is a datetime; give a str"),
        ({"share": 0.5}, "the attribute share is a float; give a str"),
        ({"note": "x" * 201}, "the attribute note has 201 characters; at most 200 are kept."),
        ({"note": "\0"}, "which PostgreSQL does not store"),
        ({"n": Decimal("NaN")}, "the attribute n is NaN; give a number below 10^20 with at most 10 decimals."),
        ({"n": 10**20}, "give a number below 10^20"),
        ({f"n{one}": one for one in range(21)}, "gift has 21 attributes; at most 20 are kept."),
        ([("a", 1)], "its attributes are [('a', 1)]; return a dict"),
    ],
)
def test_attributes_that_do_not_fit_are_refused_with_what_would(more, sentence):
    with pytest.raises(Unfit) as refused:
        attributes.checked("gift", more)
    assert sentence in str(refused.value)


def test_none_is_left_out():
    assert attributes.checked("gift", {"coupon": None}) == []


def test_they_are_declared_once_and_take_the_input(gift):
    with pytest.raises(SagaDeclarationError, match="gift has its attributes declared already"):
        gift.attributes(lambda gift: {})
    with pytest.raises(SagaDeclarationError, match=r"errand: the attributes is called with \(input\)"):
        errand.attributes(lambda: {})  # type: ignore[arg-type,misc]


def test_no_attribute_has_the_name_of_a_field_of_a_filter():
    assert set(selection.FILTER_FIELDS) == attributes.RESERVED


@pytest.mark.parametrize(
    ("where", "found"), [("customer=c7@example.com", 1), ("amount>=2999", 1), ("amount>=2999 customer>=c", 1)]
)
def test_a_condition_reads_an_index_and_not_all_that_is_kept(gift, where, found):
    given(gift, to="ann")
    now, many = timezone.now(), range(3_000)
    runs = Run.objects.bulk_create(
        Run(name="gift", version=1, key=f"many {n}", input={}, created_at=now, updated_at=now) for n in many
    )
    Attribute.objects.bulk_create(
        one
        for n, run in zip(many, runs, strict=True)
        for one in (
            Attribute(run=run, name="customer", text=f"c{n}@example.com"),
            Attribute(run=run, name="amount", number=n),
        )
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE saga_attribute")
        cursor.execute("ANALYZE saga_run")
    desk.runs_where(where)
    with reading() as seen:
        assert len(list(desk.runs_where(where).values_list("pk"))) == found
    assert seen.buffers() < 40  # a table has more than 40 pages
