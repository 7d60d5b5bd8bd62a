"""The switches, and what page and command do with them. All raise FaultsError, and do nothing where they do."""

from __future__ import annotations

from dataclasses import dataclass, replace

from django.utils import timezone

from . import client, guard
from .client import ALL, Company, Fault, Wish

MINUTES = 30.0
"""How long a fault lasts when nobody says."""


@dataclass(frozen=True, slots=True)
class Switch:
    """A way to have a company misbehave, by the name that people use."""

    name: str
    title: str
    hint: str
    kind: str
    then: str
    """What happens to orders."""
    partly: str = ""
    """The same when it is for one order or one call, so that others keep showing that the company is there."""
    delay: float = 0
    """Seconds."""


WHILE_OTHERS_WORK = (
    "It is asked again under the same key; when the attempts run out before it is paid, the order is undone and never "
    "charged, or goes to an operator's desk. None is lost."
)
SWITCHES = (
    Switch("slow", "Slow", "answers 2 s late", "slow", "Orders take longer; none is lost.", delay=2),
    Switch(
        "refusing",
        "Refusing",
        "says no",
        "refuse",
        "An order that is not paid yet is undone and never charged; a paid one goes to an operator's desk.",
    ),
    Switch(
        "down",
        "Down",
        "drops every connection",
        "down",
        "Orders wait, and ask again under the same key; none is lost.",
        WHILE_OTHERS_WORK,
    ),
    Switch("closed", "Closed", "answers 503", "unavailable", "Orders wait, and no attempt is counted; none is lost."),
    Switch(
        "losing",
        "Losing answers",
        "does it, and nobody hears",
        "lose_answer",
        "Orders wait, and ask again under the same key: nothing is done twice, none is lost.",
        WHILE_OTHERS_WORK,
    ),
    Switch(
        "failing",
        "Failing",
        "answers 500",
        "fail",
        "Orders try again; one whose attempts run out is undone, or goes to an operator's desk. None is lost.",
    ),
)
BY_NAME = {switch.name: switch for switch in SWITCHES}
BY_KIND = {switch.kind: switch for switch in SWITCHES}


def companies() -> list[Company]:
    """What there is to switch, and what is switched."""
    guard.check()
    return client.companies()


def turn(name: str, switch: Switch, wish: Wish) -> Fault:
    """Turn a switch on at a company; `wish` says for whom and how long, the switch what."""
    return set_fault(name, replace(wish, kind=switch.kind, delay=switch.delay))


def set_fault(name: str, wish: Wish) -> Fault:
    """Have a company do anything wrong that it knows how to, in the place of what was for the same operation and
    order."""
    guard.check()
    client.company(name)
    return client.add(name, wish)


def all_well(name: str = "", *, operation: str = "", order: str | None = None) -> int:
    """End the faults of one company or all, of one operation or all, of one order or all; returns how many.

    An `order` of "" means the faults that are for every order.
    """
    guard.check()
    chosen = [client.company(name)] if name else client.companies()
    where = {"operation": operation} if operation else {}
    where |= {} if order is None else {"order": order}
    return sum(client.clear(one.name, **where) for one in chosen)


def end(name: str, fault: int) -> None:
    """End one fault."""
    guard.check()
    client.company(name)
    client.end(name, fault)


def ended(number: int) -> str:
    """So many faults, in words."""
    return {0: "no fault was on", 1: "1 fault ended"}.get(number, f"{number} faults ended")


def says(company: Company, fault: Fault) -> str:
    """What the company does, in words: `answers 503`."""
    known = BY_KIND.get(fault.kind)
    operation = next((one for one in company.operations if one.name == fault.operation), None)
    if known is None or (operation is not None and not operation.called):
        kinds = operation.kinds if operation else {}
        return kinds.get(fault.kind, fault.kind).replace("`delay`", f"{fault.delay:g}")
    if fault.kind == "slow":
        return f"answers {fault.delay:g} s late"
    return f"{known.hint} ({fault.code})" if fault.code else known.hint


def scope(fault: Fault) -> str:
    """For what and whom: `reserve, order S-100001, until 10:30`."""
    parts = ["every call" if fault.operation == ALL else fault.operation]
    parts.append(f"order {fault.order}" if fault.order else "every order")
    if fault.times is not None:
        parts.append(f"{fault.times} more time{'' if fault.times == 1 else 's'}")
    if fault.until is not None:
        parts.append(f"until {timezone.localtime(fault.until):%H:%M:%S %Z}")
    elif fault.times is None:
        parts.append("until it is cleared")
    return ", ".join(parts)


def told(company: Company, fault: Fault) -> str:
    """What was switched on, and what happens to orders now."""
    operation = next((one for one in company.operations if one.name == fault.operation), None)
    known = BY_KIND.get(fault.kind) if operation is None or operation.called else None
    name, what = company.name.capitalize(), f"{says(company, fault)}: {scope(fault)}."
    if known is None:
        return f"{name}: {what}"
    whole = fault.operation == ALL and not fault.order and fault.times is None
    return f"{name} {what} {known.then if whole else known.partly or known.then}"
