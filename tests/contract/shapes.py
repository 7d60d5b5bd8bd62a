"""Holds an answer's JSON against the SDK's own classes: each field known, and of the type that they name."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Any, ForwardRef, Literal, Union

import stripe

CLASSES: dict[str, type] = {
    "charge": stripe.Charge,
    "dispute": stripe.Dispute,
    "event": stripe.Event,
    "payment_intent": stripe.PaymentIntent,
    "refund": stripe.Refund,
    "webhook_endpoint": stripe.WebhookEndpoint,
}
UNTYPED = next(iter(typing.get_args(vars(stripe.Refund)["__annotations__"]["metadata"]))).__origin__
"""The SDK's class of objects with fields of the caller's choice, such as `metadata`."""


def misfits(value: dict[str, Any], known: type, where: str) -> list[str]:
    """A sentence for each field of the object that the class does not know, or knows otherwise."""
    fields, wrong = hints(known), []
    for name, part in value.items():
        hint = fields.get(name)
        if hint is None:
            wrong.append(f"{where}.{name} is not a field of {known.__name__}")
        else:
            wrong += mistakes(part, hint, f"{where}.{name}")
    return wrong


def mistakes(value: Any, hint: Any, where: str) -> list[str]:
    """Why the value is not of the type: none when it fits one of its alternatives."""
    options = list(alternatives(hint))
    nested = [one for one in options if isinstance(one, type) and issubclass(one, stripe.StripeObject)]
    untyped = [typing.get_args(one)[0] for one in options if typing.get_origin(one) is UNTYPED]
    if isinstance(value, dict) and untyped:
        return [f"{where}.{name} is {part!r}" for name, part in value.items() if untyped == [str] != [type(part)]]
    if isinstance(value, dict) and value.get("object") == "list":
        return [wrong for row in value["data"] for wrong in misfits(row, CLASSES[row["object"]], where)]
    if isinstance(value, dict) and len(nested) == 1:
        return misfits(value, nested[0], where)
    if isinstance(value, list):
        [item] = [typing.get_args(one)[0] for one in options if typing.get_origin(one) is list]
        return [wrong for number, part in enumerate(value) for wrong in mistakes(part, item, f"{where}[{number}]")]
    return [] if fits(value, hint) else [f"{where} is {value!r}, which is not {hint}"]


def fits(value: Any, hint: Any) -> bool:
    """Of a plain value. Where the class lists the words that are known, only these will do."""
    options = list(alternatives(hint))
    words = [word for one in options if typing.get_origin(one) is Literal for word in typing.get_args(one)]
    if isinstance(value, str) and words:
        return value in words
    return (NoneType if value is None else type(value)) in options or Any in options


def alternatives(hint: Any) -> Iterator[Any]:
    """The members of a union, however deep, with names resolved."""
    if isinstance(hint, ForwardRef | str):
        name = hint if isinstance(hint, str) else hint.__forward_arg__
        hint = getattr(stripe, name, name)
    if typing.get_origin(hint) in {Union, UnionType}:
        for one in typing.get_args(hint):
            yield from alternatives(one)
    else:
        yield hint


def hints(known: type) -> dict[str, Any]:
    """The annotated fields of a class of the SDK, without what is the class's own."""
    written = [vars(one).get("__annotations__", {}) for one in reversed(known.__mro__)]
    fields = {name: hint for annotations in written for name, hint in annotations.items()}
    return {name: hint for name, hint in fields.items() if name[0].islower()}
