"""What can keep a return from being accepted."""

from __future__ import annotations

from orders.errors import OrderError


class ReturnRefused(OrderError):
    """As things stand this cannot come back; `errors` holds messages per field, for the person who asked."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__(" ".join(message for messages in errors.values() for message in messages))
        self.errors = errors


class UnexpectedStatus(OrderError):
    """The return's status does not allow this change: two parts of the program disagree, and a person must look."""

    def __init__(self, number: str, status: str, wanted: str) -> None:
        super().__init__(f"Return {number} is {status}; it cannot become {wanted}.")
