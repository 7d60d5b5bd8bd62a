"""The stand-ins' control API, typed. Every call raises StandinsAway when they do not answer as they should."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec
import requests
from django.conf import settings

from .errors import NoSuchFault, StandinsAway

SECONDS = (2, 5)  # to connect, and between two bytes of the answer
ALL = "*"
"""The operation that stands for every call."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong at a company."""

    id: int
    operation: str
    """A name, or `ALL`."""
    kind: str
    order: str
    """A number; "" is every order."""
    times: int | None
    """How often it still hits; None is until it is cleared."""
    delay: float
    """Seconds."""
    code: str
    """Of a refusal; "" is the company's usual one."""
    hits: int
    set_by: str
    set_at: datetime
    until: datetime | None
    """When it ends by itself."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that a company does."""

    name: str
    says: str
    called: bool
    """Whether it is a call that the company answers; else something that it does by itself."""
    kinds: dict[str, str]
    """What can go wrong with it, each with what that does."""


@dataclass(frozen=True, slots=True)
class Company:
    """A stand-in."""

    name: str
    keeps: str
    operations: list[Operation]
    faults: list[Fault]
    """Those that still hit, oldest first."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A fault as it is asked for; see `Fault`. `minutes` is how long it lasts, None until it is cleared."""

    kind: str
    operation: str = ALL
    order: str = ""
    times: int | None = None
    delay: float = 0
    code: str = ""
    minutes: float | None = None
    set_by: str = ""
    instead: bool = True
    """Whether it takes the place of those for the same operation and order."""


@dataclass(frozen=True, slots=True)
class _Listed:
    results: list[Company]


@dataclass(frozen=True, slots=True)
class _Cleared:
    cleared: int


def companies() -> list[Company]:
    """All of them, with what they do and what goes wrong with it."""
    return _call("GET", "/_companies", _Listed).results


def company(name: str) -> Company:
    """The company of that name. Raises NoSuchFault with those that there are."""
    known = companies()
    for one in known:
        if one.name == name:
            return one
    raise NoSuchFault(f"There is no company {name!r}. There are: {', '.join(one.name for one in known)}.")


def add(name: str, wish: Wish) -> Fault:
    """Have the company do it wrong. Raises NoSuchFault when it cannot."""
    return _call("POST", f"/{quote(name)}/_faults", Fault, json=msgspec.to_builtins(wish))


def clear(name: str, **where: str) -> int:
    """End the company's faults, or those of that `operation` and `order`; returns how many still hit."""
    return _call("DELETE", f"/{quote(name)}/_faults", _Cleared, params=where).cleared


def end(name: str, fault: int) -> None:
    """End one fault; none of that id is fine."""
    _send("DELETE", f"/{quote(name)}/_faults/{fault}")


def ledger(name: str, order: str) -> list[dict[str, Any]]:
    """What the company really did for an order, oldest first."""
    found: dict[str, list[dict[str, Any]]] = _send("GET", f"/{quote(name)}/_ledger", params={"order": order}).json()
    return found["results"]


def _call(method: str, path: str, shape: type[T], **options: Any) -> T:
    response = _send(method, path, **options)
    try:
        return msgspec.json.decode(response.content, type=shape)
    except msgspec.MsgspecError as error:
        raise StandinsAway(f"What answers at {settings.STANDINS_URL}{path} is no stand-in of ours: {error}") from error


def _send(method: str, path: str, **options: Any) -> requests.Response:
    url = f"{settings.STANDINS_URL}{path}"
    try:
        response = requests.request(method, url, timeout=SECONDS, **options)
    except requests.RequestException as error:
        why = f"The stand-ins do not answer at {settings.STANDINS_URL}. Start them (`make up`), then try again."
        raise StandinsAway(why) from error
    if response.status_code == 400:
        raise NoSuchFault(str(response.json()["error"]))
    if not response.ok:
        raise StandinsAway(f"The stand-ins answered {response.status_code} at {url}; their log says why.")
    return response
