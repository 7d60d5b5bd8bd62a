"""From what a person types to returns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.db.models import Q
from django.urls import reverse

from orders.desk.search import keys, newest_of, number_of, some_orders
from outbox.operations.listing import key_finder, uuid_of
from sagas.front.search import Hit, finder

from .models import Return


def returns(word: str) -> Q:
    """The returns that a word means: their own number, id or refund, or what means their order."""
    if (id_ := uuid_of(word)) is not None:
        return Q(pk=id_) | Q(order=id_)
    for own in (Q(number=number_of(word, "R")), Q(refund_id=word) & ~Q(refund_id="")):
        if Return.objects.filter(own).exists():
            return own
    return Q(order__in=some_orders(word))


@finder("Returns", "returns.view_return", order=14)
def returns_found(text: str) -> Iterator[Hit]:
    """By what the list of returns is searched by."""
    for returned in newest_of(Return, returns, text).select_related("order"):
        url = reverse("admin:returns_return_change", args=[returned.pk])
        yield Hit(f"{returned.number} of {returned.order.number}", url, returned.get_status_display())


@key_finder
def keys_of_returns(text: str) -> Iterable[str]:
    """The keys of messages about returns: by a return's number or id."""
    number = number_of(text, "R")
    return keys(Return, "return", text, Q(number=number) if number else None)
