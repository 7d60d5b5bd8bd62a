"""The HTTP API of the companies that use plain JSON: reads a call, carries it out, refuses it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Annotated, Any, Concatenate, ParamSpec, TypeVar

import msgspec
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse

from ..companies import alias
from .fault_injection import answer
from .models import AbstractFault

T = TypeVar("T")
P = ParamSpec("P")
Reply = tuple[int, Mapping[str, Any]]
"""HTTP status and JSON object."""

PRINTABLE = r"\A[^\x00-\x1f\x7f]+\Z"  # PostgreSQL keeps no NUL
Name = Annotated[str, msgspec.Meta(max_length=100, pattern=PRINTABLE)]
Key = Annotated[str, msgspec.Meta(max_length=255, pattern=PRINTABLE)]


class Declined(Exception):
    """A refusal: an HTTP status, a code for programs and a sentence for people."""

    def __init__(self, code: str, message: str, *, status: int = 409, **details: object) -> None:
        super().__init__(message)
        self.status = status
        self.error = {"code": code, "message": message, **details}

    def response(self) -> HttpResponse:
        return JsonResponse({"error": self.error}, status=self.status)


@dataclass(frozen=True, slots=True)
class Company:
    """A company: its name, its faults, and the usual code of its refusal of each operation."""

    name: str
    faults: type[AbstractFault]
    usual: Mapping[str, str]

    def answer(self, request: HttpRequest, operation: str, order: str, work: Callable[[], Reply]) -> HttpResponse:
        """The response to one call: `work` in one transaction, or what a fault puts in its place."""
        return answer(
            request,
            self.faults,
            operation,
            order,
            work=lambda: self.carried_out(work),
            refuse=lambda code: self._refused(code or self.usual.get(operation, "refused")),
            fail=self._broken,
        )

    def carried_out(self, work: Callable[[], Reply]) -> HttpResponse:
        """The response to `work`, done in one transaction. Declined rolls it back."""
        try:
            with transaction.atomic(using=alias(self.name)):
                status, body = work()
        except Declined as no:
            return no.response()
        return JsonResponse(body, status=status)

    def _refused(self, code: str) -> HttpResponse:
        return Declined(code, f"The {self.name} was told to refuse this.").response()

    def _broken(self) -> HttpResponse:
        return Declined("internal", f"The {self.name} was told to fail.", status=500).response()


def explains(
    view: Callable[Concatenate[HttpRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Turn a Declined that the view raises into its response."""

    @wraps(view)
    def explained(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except Declined as no:
            return no.response()

    return explained


def body_of(request: HttpRequest, shape: type[T]) -> T:
    """The request's JSON body as `shape`; Declined with 400 when it is not that."""
    try:
        return msgspec.json.decode(request.body, type=shape)
    except ValueError as error:  # msgspec's own errors, and text that is not UTF-8
        raise invalid(f"The body makes no sense: {error}") from error


def key_of(request: HttpRequest) -> str:
    """The `Idempotency-Key` header; Declined with 400 without one."""
    return checked(request.headers.get("Idempotency-Key", ""), Key, "The Idempotency-Key header")


def checked(value: str, shape: Any, what: str) -> str:
    """`value`, when it is of `shape`; else Declined with 400."""
    try:
        return str(msgspec.convert(value, shape))
    except msgspec.ValidationError as error:
        raise invalid(f"{what} is missing or makes no sense: {error}") from error


def invalid(message: str) -> Declined:
    return Declined("invalid", message, status=400)
