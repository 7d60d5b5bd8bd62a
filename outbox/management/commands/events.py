"""`manage.py events`: prints the catalogue of declared events, and guards their schemas with a file."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from outbox.declare import json_schema, schema_file
from outbox.declare import versions as reading
from outbox.declare.events import EventType, Upcast, registry
from outbox.errors import OutboxError
from outbox.transports.celery import renderers


class Command(BaseCommand):
    help = "Prints every event with its versions, fields and subscribers; or guards their schemas with a file."
    requires_system_checks = []  # it reads only the code

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("patterns", nargs="*", metavar="EVENT", help="names, such as 'orders.*'; default: all")
        way = parser.add_mutually_exclusive_group()
        way.add_argument("--json", action="store_true", help="print the JSON Schema of each version")
        way.add_argument("--check", metavar="FILE", help="exit with 1 when a schema differs from the file")
        way.add_argument("--write", metavar="FILE", help="add versions that the file does not have; keep the others")

    def handle(self, *_args: Any, patterns: list[str], **options: Any) -> None:
        chosen = tuple(patterns) or schema_file.ALL
        events = schema_file.declared(chosen)
        if not events:
            raise CommandError(f"No event is declared that matches {' '.join(chosen)}.")
        try:
            self._act(events, chosen, options)
        except OutboxError as error:
            raise CommandError(str(error)) from error

    def _act(self, events: list[EventType], chosen: tuple[str, ...], options: dict[str, Any]) -> None:
        if options["json"]:
            self.stdout.write(json.dumps(_schemas(events), indent=2, ensure_ascii=False))
        elif options["write"]:
            for name in schema_file.write(options["write"], chosen):
                self.stdout.write(f"Added {name}.")
            self._hold_against(options["write"], chosen, len(events))
        elif options["check"]:
            self._hold_against(options["check"], chosen, len(events))
        else:
            self._catalogue(events, chosen)

    def _hold_against(self, path: str, chosen: tuple[str, ...], versions: int) -> None:
        found = schema_file.problems(Path(path), chosen)
        if found:
            raise CommandError("\n".join(found))
        self.stdout.write(f"{versions} versions are as {path} says.")

    def _catalogue(self, events: list[EventType], chosen: tuple[str, ...]) -> None:
        undeclared = [one for one in registry.upcasts.values() if schema_file.is_gone(one, chosen)]
        blocks = {(one.name, one.version): _declared(one) for one in events}
        blocks |= {(one.name, one.version): _undeclared(one) for one in undeclared}
        self.stdout.write("\n\n".join("\n".join(blocks[key]) for key in sorted(blocks)))


def _schemas(events: Iterable[EventType]) -> dict[str, dict[str, Any]]:
    """By name, then by version."""
    found: dict[str, dict[str, Any]] = {}
    for one in events:
        found.setdefault(one.name, {})[str(one.version)] = json_schema.schema(one.body)
    return found


def _declared(one: EventType) -> list[str]:
    doc = (one.body.__doc__ or "").strip().partition("\n")[0]
    is_made_up = doc.startswith(f"{one.body.__name__}(")  # by @dataclass
    return [
        f"{one.name} version {one.version}",
        *([] if is_made_up else [f"  {doc}"]),
        f"  declared   {_place(one.body)}",
        *_titled("fields", [_field(field) for field in dataclasses.fields(one.body)]),
        *_titled("read by", _readers(one)),
        *_onwards(registry.upcasts.get((one.name, one.version))),
    ]


def _undeclared(one: Upcast) -> list[str]:
    return [f"{one.name} version {one.version}", "  declared   no longer", *_onwards(one)]


def _titled(title: str, lines: list[str]) -> list[str]:
    """The lines in a column, with a title before the first."""
    return [f"  {'' if position else title:<10} {line}" for position, line in enumerate(lines)]


def _field(field: dataclasses.Field[Any]) -> str:
    kind = field.type.__name__ if isinstance(field.type, type) else str(field.type)
    if field.default is not dataclasses.MISSING:
        return f"{field.name}: {kind} = {field.default!r}"
    return f"{field.name}: {kind}" + (" = …" if field.default_factory is not dataclasses.MISSING else "")


def _readers(one: EventType) -> list[str]:
    """Who gets the event: its subscribers, or the Celery tasks that it is rendered to."""
    render = renderers.get((one.name, one.version))
    if render is not None:
        return [f"{_place(render)}, which makes Celery tasks of it: internal, for no subscriber"]
    able = [each for each in registry.subscribers.values() if reading.reads(registry, each, one.name, one.version)]
    return [
        each.name if each.event.version == one.version else f"{each.name}, as version {each.event.version}"
        for each in able
    ] or ["no subscriber here"]


def _onwards(step: Upcast | None) -> list[str]:
    return _titled("upcast", [f"to version {step.to.version} by {_place(step.function)}"] if step else [])


def _place(thing: Any) -> str:
    return f"{thing.__module__}.{thing.__qualname__}"
