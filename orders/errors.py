"""What can go wrong in the shop, each class saying what happens next."""

from __future__ import annotations


class OrderError(Exception):
    """The shop cannot do as asked."""


class InvalidOrder(OrderError):
    """The request cannot become an order; `errors` holds messages per field, for the person who sent it."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__("; ".join(f"{field}: {' '.join(messages)}" for field, messages in errors.items()))
        self.errors = errors


class KeyReused(OrderError):
    """This Idempotency-Key belongs to another order. Send the same body again, or use a new key."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class OrderChanged(OrderError):
    """Somebody else changed the order in the meantime; read it again and decide anew."""

    def __init__(self, number: str) -> None:
        super().__init__(f"Order {number} was changed by somebody else in the meantime; read it again and decide anew.")
        self.number = number


class UnexpectedStatus(OrderError):
    """The order's status does not allow this change: two parts of the program disagree, and a person must look."""

    def __init__(self, number: str, status: str, wanted: str) -> None:
        super().__init__(f"Order {number} is {status}; it cannot become {wanted}.")
        self.number = number
        self.status = status
        self.wanted = wanted
