"""Declare how an old version of an event is read as a later one. Imports no Django."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar, get_origin, get_type_hints, overload

from ..errors import OutboxDeclarationError
from . import events, versions
from .events import EventType, Registry, Subscriber, Upcast

Old = TypeVar("Old")
New = TypeVar("New")


@overload
def upcast(old: type[Old]) -> Callable[[Callable[[Old], New]], Callable[[Old], New]]: ...


@overload
def upcast(old: str, version: int) -> Callable[[Callable[[dict[str, Any]], New]], Callable[[dict[str, Any]], New]]: ...


def upcast(old: Any, version: int | None = None) -> Any:
    """Read old messages with the function: `@upcast(OrderPlacedV1)` above `def f(old: OrderPlacedV1) -> New`.

    The class that it returns says the version it leads to. Upcasts are chained, 1 to 2 to 3, up to the version that a
    subscriber declares. When the old class is deleted, `@upcast("orders.order_placed", 1)` gives the body as a dict of
    plain JSON values. The function gets only the body and must need nothing else; an error in it makes the message a
    dead letter. Raises OutboxDeclarationError at import for a function that leads nowhere, to an older version, or to
    another event.
    """
    name, number, body = _source(old, version)

    def add(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        title = f"{function.__module__}.{function.__qualname__}, the upcast of {name} from version {number}"
        target = _target(title, function, body)
        if target.name != name:
            _refuse(f"{title}, leads to {target.name}; have it return a later version of {name}.")
        if target.version <= number:
            _refuse(
                f"{title}, leads to version {target.version}; an upcast leads to a later version: exchange the two."
            )
        events.registry.add_upcast(Upcast(name, number, body, target, function))
        return function

    return add


def refuse_gaps(registry: Registry) -> None:
    """Raise OutboxDeclarationError when a subscriber cannot read an older version that is declared or upcast.

    Call it when all modules are imported.
    """
    for subscriber in registry.subscribers.values():
        wanted = subscriber.event
        for name, version in sorted([*registry.events, *registry.upcasts]):
            if name == wanted.name and version < wanted.version:
                _refuse_gap(registry, subscriber, version)


def _refuse_gap(registry: Registry, subscriber: Subscriber, version: int) -> None:
    wanted, reached = subscriber.event, version
    for step in versions.upcast_path(registry, wanted.name, version, wanted.version):
        reached = step.to.version
        if reached > wanted.version:
            _refuse(
                f"{subscriber.name} reads {wanted.name} version {wanted.version}, and {step.function.__qualname__} "
                f"leads from version {step.version} past it, to {reached}: have {subscriber.name} read "
                f"{step.to.body.__qualname__}, or have the upcast return {wanted.body.__qualname__}."
            )
    if reached < wanted.version:
        old = registry.events.get((wanted.name, reached))
        source = old.body.__qualname__ if old else f'"{wanted.name}", {reached}'
        _refuse(
            f"{subscriber.name} reads {wanted.name} version {wanted.version}, and no upcast leads on from version "
            f"{reached}: beside {wanted.body.__qualname__}, put @upcast({source}) on a function that returns one."
        )


def _source(old: Any, version: int | None) -> tuple[str, int, type]:
    """The name and version that are read, and the type of the function's argument."""
    if isinstance(old, str):
        if type(version) is not int or version < 1:
            _refuse(f"@upcast({old!r}, {version!r}): say which version it reads, such as @upcast({old!r}, 1).")
        return old, version, dict
    if version is not None:
        _refuse(f"@upcast({old.__qualname__}, {version}): the class says its version; leave it out.")
    declared = events.registry.event_of(old)
    return declared.name, declared.version, declared.body


def _target(title: str, function: Callable[[Any], Any], body: type) -> EventType:
    """The event that the function returns, by its annotation."""
    if inspect.iscoroutinefunction(function):
        _refuse(f"{title}, is declared with async def, and messages are read by plain functions. Write it with def.")
    hints = _hints(title, function)
    parameters = list(inspect.signature(function).parameters)
    if len(parameters) != 1:
        _refuse(f"{title}, takes {len(parameters)} parameters; it is given the old body alone. Have it take one.")
    if not _fits(hints.get(parameters[0], body), body):
        _refuse(f"{title}, says that it takes another type: it is given a {body.__qualname__}. Annotate that.")
    if not isinstance(hints.get("return"), type):
        _refuse(f"{title}, does not say what it returns: annotate it with the class of a later version.")
    return events.registry.event_of(hints["return"])


def _hints(title: str, function: Callable[[Any], Any]) -> dict[str, Any]:
    try:
        return get_type_hints(function)
    except NameError as error:
        raise OutboxDeclarationError(
            f"{title}: {error}; its annotations must be importable, and defined above it."
        ) from error


def _fits(annotated: Any, body: type) -> bool:
    if body is dict:
        return (get_origin(annotated) or annotated) in (dict, Mapping, Any, object)
    return annotated is body


def _refuse(sentence: str) -> NoReturn:
    raise OutboxDeclarationError(sentence)
