"""The file of schemas: what changed without a new version is named, and nothing in it is overwritten."""

import json
import re
from collections.abc import Callable
from dataclasses import make_dataclass
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from outbox import Message, event, subscribe, upcast
from outbox.checks import declared as checks
from outbox.declare import events, schema_file
from outbox.declare.schema_file import check_schemas
from outbox.errors import OutboxError
from outbox.management.commands import events as command
from outbox.transports import celery
from tests.support.workers import ROOT

Declare = Callable[..., type]


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> events.Registry:
    """No event but the test's own."""
    fresh = events.Registry()
    for module in (events, command, checks):
        monkeypatch.setattr(module, "registry", fresh)
    return fresh


@pytest.fixture
def declare(registry: events.Registry) -> Declare:
    """`declare(1, amount=int)`: that version of `shop.paid`, in place of an earlier declaration of it."""

    def as_event(version: int, name: str = "shop.paid", doc: str = "Somebody paid.", **fields: Any) -> type:
        registry.events.pop((name, version), None)
        body = make_dataclass(f"Event{version}", fields.items(), frozen=True, namespace={"__doc__": doc})
        body.__module__ = __name__
        return event(name, version=version)(body)

    return as_event


@pytest.fixture
def file(tmp_path: Path, declare: Declare) -> Path:
    """The file, with version 1 in it: an amount and a note."""
    declare(1, amount=int, note=str)
    path = tmp_path / "event_schemas.json"
    schema_file.write(path)
    return path


def test_the_file_that_was_written_is_right(file):
    check_schemas(file)
    before = file.read_text()
    assert schema_file.write(file) == []
    assert file.read_text() == before


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"amount": str, "note": str}, r'amount is \{"type": "string"\} \(required\), it was \{"type": "integer"\}'),
        ({"amount": int}, r"note is gone\."),
        ({"amount": int, "note": str, "tip": int}, r"tip is new\."),
        ({"amount": int, "note": str | None}, "note is "),
    ],
)
def test_a_change_without_a_new_version_is_named_and_not_written(file, declare, fields, sentence):
    before = file.read_text()
    declare(1, **fields)
    with pytest.raises(AssertionError, match=rf"^shop\.paid version 1 has another schema .*{sentence}"):
        check_schemas(file)
    schema_file.write(file)
    assert file.read_text() == before


def test_an_optional_field_with_a_default_is_a_change_too(file, registry):
    registry.events.clear()
    event("shop.paid", version=1)(
        make_dataclass("Event1", [("amount", int), ("note", str), ("tip", int, 0)], frozen=True)
    )
    with pytest.raises(AssertionError, match=r"tip is new\. Declare it as version 2, with an @upcast from version 1"):
        check_schemas(file)


def test_the_version_to_take_is_the_next_that_was_never_used(file, declare):
    declare(5, amount=int)
    schema_file.write(file)
    declare(1, amount=str)
    with pytest.raises(AssertionError, match="Declare it as version 6"):
        check_schemas(file)


def test_names_of_classes_order_of_fields_and_docstrings_are_no_change(file, declare):
    declare(1, doc="Told otherwise.", note=str, amount=int).__name__ = "Renamed"
    check_schemas(file)


def test_a_new_version_and_a_new_event_are_to_be_written_once(file, declare):
    declare(2, amount=int)
    declare(1, name="shop.opened", at=str)
    with pytest.raises(AssertionError, match=r"shop\.opened version 1 is not in .*\n.*shop\.paid version 2 is not in"):
        check_schemas(file)
    with pytest.raises(AssertionError, match=r"add it with `manage\.py events 'shop\.p\*' --write .*`, and commit"):
        check_schemas(file, "shop.p*")
    assert schema_file.write(file) == ["shop.opened version 1", "shop.paid version 2"]
    check_schemas(file)
    assert list(json.loads(file.read_text())) == ["shop.opened", "shop.paid"]


def test_versions_stand_in_the_order_of_their_numbers(file, declare):
    for version in (10, 2):
        declare(version, amount=int)
        schema_file.write(file)
    assert list(json.loads(file.read_text())["shop.paid"]) == ["1", "2", "10"]


def test_a_version_that_nothing_reads_any_more_is_named_until_an_upcast_does(file, declare, registry):
    newer = declare(2, amount=int)
    schema_file.write(file)
    del registry.events["shop.paid", 1]
    with pytest.raises(AssertionError, match=r'version 1 is in .* declare it again, or @upcast\("shop\.paid", 1\)'):
        check_schemas(file)

    def from_the_first(old: dict[str, Any]) -> Any:
        return newer(old["amount"])

    from_the_first.__annotations__["return"] = newer
    upcast("shop.paid", 1)(from_the_first)
    check_schemas(file)


def test_events_of_others_are_left_alone(file, declare, registry):
    declare(1, name="other.thing", size=int)
    check_schemas(file, "shop.*")
    registry.events.clear()
    declare(1, name="other.thing", size=int)
    schema_file.write(file, ("other.*",))
    check_schemas(file, "other.*")
    assert "shop.paid" in json.loads(file.read_text())


def test_a_file_that_is_no_json_says_so(file):
    file.write_text("<<<<<<< ours")
    with pytest.raises(OutboxError, match=r"event_schemas\.json is no JSON: .* Restore it from version control"):
        check_schemas(file)


def test_the_command_checks_and_writes(file, declare, capsys):
    call_command("events", check=str(file))
    declare(2, amount=int)
    with pytest.raises(CommandError, match=r"shop\.paid version 2 is not in") as failed:
        call_command("events", check=str(file))
    assert failed.value.returncode == 1
    call_command("events", write=str(file))
    assert "Added shop.paid version 2." in capsys.readouterr().out
    declare(1, amount=str)
    for way in ("check", "write"):
        with pytest.raises(CommandError, match=r"^shop\.paid version 1 has another schema"):
            call_command("events", **{way: str(file)})


def test_the_command_prints_the_schema_of_each_version(file, declare, capsys):
    declare(2, amount=int)
    capsys.readouterr()
    call_command("events", json=True)
    printed = json.loads(capsys.readouterr().out)
    assert list(printed["shop.paid"]) == ["1", "2"]
    definition = printed["shop.paid"]["1"]["$defs"]["Event1"]
    assert (definition["title"], definition["description"]) == ("Event1", "Somebody paid.")


def test_the_command_prints_the_catalogue(declare, registry, capsys):
    newest = declare(3, amount=int)

    def from_the_second(old: dict[str, Any]) -> Any: ...

    from_the_second.__annotations__["return"] = newest
    upcast("shop.paid", 2)(from_the_second)
    subscribe(newest, name="shop.reader")(lambda message: None)
    call_command("events")
    assert capsys.readouterr().out == (
        "shop.paid version 2\n"
        "  declared   no longer\n"
        f"  upcast     to version 3 by {__name__}.{from_the_second.__qualname__}\n"
        "\n"
        "shop.paid version 3\n"
        "  Somebody paid.\n"
        f"  declared   {__name__}.Event3\n"
        "  fields     amount: int\n"
        "  read by    shop.reader\n"
    )


def test_what_becomes_celery_tasks_is_shown_as_internal(declare, monkeypatch, capsys):
    declare(1, amount=int)
    monkeypatch.setitem(celery.renderers, ("shop.paid", 1), celery.renders)
    call_command("events")
    assert "read by    outbox.transports.celery.renders, which makes Celery tasks of it: internal" in (
        capsys.readouterr().out
    )


def test_no_match_is_an_error(registry):
    with pytest.raises(CommandError, match=r"No event is declared that matches shop\.\*"):
        call_command("events", "shop.*")


def test_a_subscriber_that_the_newest_version_would_pass_by_is_warned_of(declare):
    old = declare(1, amount=int)
    subscribe(old, name="shop.reader")(lambda message: None)
    assert not checks.check_subscribers()
    declare(2, amount=int)
    (found,) = checks.check_subscribers()
    assert (found.id, found.msg) == (
        "outbox.W010",
        "shop.reader reads shop.paid version 1; version 2 would become a dead letter.",
    )
    assert found.hint == "Have it take Event2 before that is published."


def test_the_readme_s_versions_work(registry):
    block = re.search(r"## Versions.*?```python\n(.*?)```", (ROOT / "outbox" / "README.md").read_text(), re.DOTALL)
    assert block is not None
    names: dict[str, Any] = {"event": event, "upcast": upcast, "subscribe": subscribe, "Message": Message}
    exec("from dataclasses import dataclass\nfrom typing import Any\n" + block[1], {"__name__": "shop", **names})  # noqa: S102
    reader = registry.subscribers["shop.email_receipt"]
    bodies = [
        reader.read("shop.order_placed", version, payload)
        for version, payload in enumerate(
            ('{"no": 1}', '{"number": "S-1"}', '{"number": "S-1", "channel": "web"}'), start=1
        )
    ]
    assert [(body.number, body.channel) for body in bodies] == [("S-1", "web")] * 3
