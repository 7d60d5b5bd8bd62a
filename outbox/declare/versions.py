"""Reads a message as the version of its event that a subscriber declares, or says why that is not possible."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..errors import CannotRead
from ..messages import codec

if TYPE_CHECKING:
    from .events import Registry, Subscriber, Upcast


def read(registry: Registry, subscriber: Subscriber, type_: str, version: int, payload: str) -> Any:
    """The body as `subscriber` declares it.

    Raises CannotRead for another event, an unknown version or an unfit payload.
    """
    wanted = subscriber.event
    steps = list(upcast_path(registry, wanted.name, version, wanted.version))
    reached = steps[-1].to.version if steps else version
    if type_ != wanted.name or reached != wanted.version:
        raise CannotRead(_unknown(registry, subscriber, type_, version, reached))
    body = _decoded(steps[0].body if steps else wanted.body, type_, version, payload)
    for step in steps:
        body = _upcast(step, body)
    return body


def reads(registry: Registry, subscriber: Subscriber, type_: str, version: int) -> bool:
    """Whether the subscriber can read messages of this event and version."""
    wanted = subscriber.event
    reached = version
    for step in upcast_path(registry, wanted.name, version, wanted.version):
        reached = step.to.version
    return (type_, reached) == (wanted.name, wanted.version)


def upcast_path(registry: Registry, name: str, version: int, wanted: int) -> Iterator[Upcast]:
    """The upcasts from one version towards the wanted one. The last one's target tells whether they reach it."""
    while version < wanted and (step := registry.upcasts.get((name, version))):
        yield step
        version = step.to.version


def _decoded(body: type, type_: str, version: int, payload: str) -> Any:
    try:
        return codec.decode(body, payload)
    except ValueError as error:
        raise CannotRead(
            f"The body is not a {body.__name__}, which is {type_} version {version} here: {error}. Its writer declares "
            "that version differently: give one of the two another version, deploy, then requeue."
        ) from error


def _upcast(step: Upcast, body: Any) -> Any:
    what = f"{step.function.__qualname__}, the upcast of {step.name} from version {step.version}"
    try:
        newer = step.function(body)
    except Exception as error:  # it gets only the body, so trying again would raise the same error
        raise CannotRead(
            f"{what}, raised {type(error).__qualname__}: {error}. Correct it, deploy, then requeue."
        ) from error
    if not isinstance(newer, step.to.body):
        raise CannotRead(
            f"{what}, returned a {type(newer).__qualname__} in place of a {step.to.body.__qualname__}. "
            "Correct it, deploy, then requeue."
        )
    return newer


def _unknown(registry: Registry, subscriber: Subscriber, type_: str, version: int, reached: int) -> str:
    """One sentence: what is read here, what arrived, and what to do."""
    wanted = subscriber.event
    known = registry.versions_of(type_)
    declared = f"versions declared here: {', '.join(map(str, known))}" if known else "no version is declared here"
    came = f"{subscriber.name} reads {wanted.name} version {wanted.version}; this message is {type_} version {version}"
    if type_ != wanted.name:
        return f"{came} ({declared}). Deploy the code in which {subscriber.name} reads that event, then requeue."
    if reached < wanted.version:
        return (
            f"{came}, and no upcast leads on from version {reached} ({declared}). "
            f"Declare it, @upcast({wanted.name!r}, {reached}), deploy, then requeue."
        )
    if version in known:
        return f"{came}, which is newer ({declared}). Have {subscriber.name} read the newest, deploy, then requeue."
    return f"{came}, which is newer than this code ({declared}). Deploy the code that declares it, then requeue."
