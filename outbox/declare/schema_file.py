"""A committed file of the events' shapes, so that no shape changes without a new version.

The file holds a JSON Schema, without names and docstrings, for each event and version. Nothing in it is ever
overwritten, because messages of that shape exist.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ..errors import OutboxError
from . import events as declaration
from . import json_schema
from .events import EventType, Upcast

Shapes = dict[str, dict[str, Any]]
"""By the event's name, then by its version as text."""
ALL = ("*",)


def check_schemas(path: str | Path, *patterns: str) -> None:
    """For a project's tests: raise AssertionError when the declared events differ from the file.

    `patterns` choose events by name, such as `"orders.*"`; without patterns all are compared.
    """
    found = problems(path, patterns)
    if found:
        raise AssertionError("\n".join(found))


def problems(path: str | Path, patterns: tuple[str, ...] = ALL) -> list[str]:
    """One sentence for each version that changed, that the file lacks, or that nothing reads. Raises OutboxError."""
    file = Path(path)
    written = _read(file)
    return [*_changed(file, written, patterns), *_new(file, written, patterns), *_gone(file, written, patterns)]


def write(path: str | Path, patterns: tuple[str, ...] = ALL) -> list[str]:
    """Add the versions that the file lacks, and only those; returns their names. Raises OutboxError."""
    file = Path(path)
    written = _read(file)
    new = _missing(written, patterns)
    for one in new:
        written.setdefault(one.name, {})[str(one.version)] = json_schema.shape(one.body)
    if new or not file.exists():
        ordered = {name: dict(sorted(written[name].items(), key=lambda item: int(item[0]))) for name in sorted(written)}
        file.write_text(json.dumps(ordered, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return [f"{one.name} version {one.version}" for one in new]


def declared(patterns: tuple[str, ...] = ALL) -> list[EventType]:
    """The events declared here, sorted by name and version."""
    events = declaration.registry.events
    return [events[key] for key in sorted(events) if _chosen(key[0], patterns)]


def is_gone(one: Upcast, patterns: tuple[str, ...] = ALL) -> bool:
    """Whether this upcast reads a version whose class is deleted."""
    return _chosen(one.name, patterns) and (one.name, one.version) not in declaration.registry.events


def _changed(file: Path, written: Shapes, patterns: tuple[str, ...]) -> Iterator[str]:
    for one in declared(patterns):
        before = written.get(one.name, {}).get(str(one.version))
        now = json_schema.shape(one.body)
        if before is None or _text(before) == _text(now):
            continue
        newest = max([*map(int, written[one.name]), *declaration.registry.versions_of(one.name)])
        yield (
            f"{one.name} version {one.version} has another schema than in {_shown(file)}: {_difference(before, now)}. "
            f"Declare it as version {newest + 1}, with an @upcast from version {one.version}, which stays as it was. "
            f"If version {one.version} was never published, remove it from {_shown(file)} and --write it anew."
        )


def _new(file: Path, written: Shapes, patterns: tuple[str, ...]) -> Iterator[str]:
    which = "".join(f" '{pattern}'" for pattern in patterns if pattern != "*")
    for one in _missing(written, patterns):
        yield (
            f"{one.name} version {one.version} is not in {_shown(file)}: "
            f"add it with `manage.py events{which} --write {_shown(file)}`, and commit the file."
        )


def _gone(file: Path, written: Shapes, patterns: tuple[str, ...]) -> Iterator[str]:
    """Versions without a class, unless an upcast still reads their messages."""
    registry = declaration.registry
    known = {*registry.events, *registry.upcasts}
    for name, version in [(name, int(version)) for name, versions in written.items() for version in versions]:
        if _chosen(name, patterns) and (name, version) not in known:
            yield (
                f"{name} version {version} is in {_shown(file)} and not declared here, so that none of its messages "
                f'can be read: declare it again, or @upcast("{name}", {version}) from a dict. If no message of it is '
                f"left anywhere, remove it from {_shown(file)}."
            )


def _missing(written: Shapes, patterns: tuple[str, ...]) -> list[EventType]:
    return [one for one in declared(patterns) if str(one.version) not in written.get(one.name, {})]


def _chosen(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns or ALL)


def _difference(before: dict[str, Any], now: dict[str, Any]) -> str:
    """The fields that differ, in words."""
    old, new = _fields(before), _fields(now)
    said = [f"{name} is gone" for name in old.keys() - new.keys()]
    said += [f"{name} is new" for name in new.keys() - old.keys()]
    said += [f"{name} is {new[name]}, it was {old[name]}" for name in old.keys() & new.keys() if old[name] != new[name]]
    return "; ".join(sorted(said)) or "more than its fields changed"


def _fields(shape: dict[str, Any]) -> dict[str, str]:
    """Each field's schema as text, and whether it is required."""
    required = shape.get("required", [])
    return {
        name: _text(one) + (" (required)" if name in required else "")
        for name, one in shape.get("properties", {}).items()
    }


def _text(shape: Any) -> str:
    return json.dumps(shape, sort_keys=True, ensure_ascii=False)


def _read(file: Path) -> Shapes:
    """The content of the file; empty when there is no file."""
    if not file.exists():
        return {}
    try:
        read: Shapes = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise OutboxError(f"{_shown(file)} is no JSON: {error}. Restore it from version control.") from error
    return read


def _shown(file: Path) -> str:
    """The path relative to the current directory, when that is shorter."""
    return min(str(file), os.path.relpath(file), key=len)
