"""The card processor's refusals: Stripe's error object and its HTTP status.

Source: https://docs.stripe.com/api/errors
"""

from __future__ import annotations

from typing import Any


class StripeError(Exception):
    """An answer other than success. `fields` go into the error object; those that are None are left out."""

    def __init__(self, status: int, kind: str, message: str, **fields: Any) -> None:
        super().__init__(message)
        self.status = status
        said = {name: value for name, value in fields.items() if value is not None}
        self.body: dict[str, Any] = {"error": {"type": kind, "message": message, **said}}


def invalid(message: str, *, code: str | None = None, param: str | None = None, **fields: Any) -> StripeError:
    """The request is invalid, or not allowed in the present state."""
    return StripeError(400, "invalid_request_error", message, code=code, param=param, **fields)


def no_such(what: str, key: str, *, param: str, status: int = 400) -> StripeError:
    """The object does not exist. `status` is 404 when the URL names it."""
    message = f"No such {what}: '{key}'"
    return StripeError(status, "invalid_request_error", message, code="resource_missing", param=param)


def unauthorized() -> StripeError:
    return StripeError(401, "invalid_request_error", "You did not provide an API key: use HTTP Basic or Bearer auth.")


def server_error() -> StripeError:
    return StripeError(500, "api_error", "An unknown error occurred.")
