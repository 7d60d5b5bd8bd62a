"""Reads form-encoded parameters as Stripe does: an unknown or malformed one is an error.

Nested names come in brackets: `metadata[order]=S-100001`, `payment_method_types[0]=card`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.http import HttpRequest

from ..errors import invalid

LARGEST = 9_999_999_999  # minor units, of any currency; what an intent may have of its own: `wishes.amount`
LONGEST = 15  # digits of a number, with leading zeros
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Params:
    """A request's parameters. Every method raises StripeError, with `param` set, for an invalid value."""

    values: dict[str, str]

    def text(self, name: str) -> str:
        """The value; "" when it is missing."""
        return self.values.get(name, "")

    def needed(self, name: str) -> str:
        if not (value := self.text(name)):
            raise invalid(f"Missing required param: {name}.", code="parameter_missing", param=name)
        return value

    def integer(self, name: str, *, largest: int = LARGEST) -> int | None:
        """A whole number of at least 1; None when it is missing."""
        if not (value := self.text(name)):
            return None
        if not (value.isascii() and value.isdigit() and value.strip("0")):
            raise invalid(f"Invalid positive integer: {value}", code="parameter_invalid_integer", param=name)
        if len(value) > LONGEST or int(value) > largest:
            raise invalid(f"{name} must be no more than {largest}.", code="amount_too_large", param=name)
        return int(value)

    def choice(self, name: str, choices: Collection[str], default: str = "") -> str:
        value = self.text(name) or default
        if value and value not in choices:
            raise invalid(f"Invalid {name}: must be one of {', '.join(choices)}", param=name)
        return value

    def flag(self, name: str) -> bool:
        return self.choice(name, ("true", "false")) == "true"

    def url(self, name: str) -> str:
        """An absolute web address; "" when it is missing."""
        value = self.text(name)
        if value and not (urlsplit(value).scheme in {"http", "https"} and urlsplit(value).netloc):
            raise invalid("Not a valid URL", code="url_invalid", param=name)
        return value

    def group(self, name: str) -> dict[str, str]:
        """The values of `name[…]`, by what is in the brackets."""
        start = f"{name}["
        return {key[len(start) : -1]: value for key, value in self.values.items() if key.startswith(start)}


def read(request: HttpRequest, known: Collection[str]) -> Params:
    """The parameters in the query (GET) or in the body (POST)."""
    if request.method == "POST" and request.body and request.content_type != FORM:
        raise invalid(f"Invalid request: the body must be {FORM}.")
    given = request.GET if request.method == "GET" else request.POST
    for name in given:
        if name.partition("[")[0] not in {"expand", *known}:
            raise invalid(f"Received unknown parameter: {name}", code="parameter_unknown", param=name)
        if "\0" in name + given[name]:  # PostgreSQL keeps none
            raise invalid(f"Invalid character in {name!r}", param=name)
    return Params({name: given[name] for name in given})
