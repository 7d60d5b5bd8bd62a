"""From what a person types to the orders, trips and returns that it means; each way reads an index.

A word is a number, with its letter or without; an id; a day such as 2026-11-28; or else a part of an e-mail address.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from django.contrib.admin import ShowFacets
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from outbox.operations.listing import BoundedPaginator, can_match_inside, key_finder, uuid_of
from sagas.front.search import MOST, Hit, finder

from ..models import Order

if TYPE_CHECKING:
    from django.contrib import admin

    Base = admin.ModelAdmin[Any]
else:
    Base = object  # ahead of ModelAdmin among the bases of an admin

NUMBER = re.compile(r"(?:([a-z])-?)?([0-9]{1,20})", re.IGNORECASE)
NEWEST = 1_000
"""Orders that a search goes on from, to what belongs to them."""


class Listed(Base):
    """A long list: it counts up to a bound, and no filter or search reads the whole table."""

    show_full_result_count = False
    show_facets = ShowFacets.NEVER  # each would count the table
    paginator = BoundedPaginator
    sortable_by = ("created_at",)  # by another column the whole table would be sorted

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.found is Listed.found:
            raise TypeError(f"{cls.__qualname__} needs a method found(word): the rows that one word of a search means.")

    @abstractmethod
    def found(self, word: str) -> Q:
        """The rows that one word means. A class without it is refused with TypeError."""

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Those that every word means."""
        for word in search_term.split():
            queryset = queryset.filter(self.found(word))
        return queryset, False


def number_of(word: str, letter: str) -> str:
    """`S-100123` for S-100123, s-100123, S100123 and 100123, if that is the letter; empty for anything else."""
    found = NUMBER.fullmatch(word)
    return f"{letter}-{found[2]}" if found and (found[1] or letter).upper() == letter else ""


def exactly(model: Any, word: str, letter: str) -> Q | None:
    """The rows with that number, that id, or that e-mail address in full; None when there is none.

    The number of something else, such as T-100123 among orders, is nothing here: an empty Q would mean all.
    """
    if (id_ := uuid_of(word)) is not None:
        return Q(pk=id_)
    if number := number_of(word, letter):
        return Q(number=number) if model.objects.filter(number=number).exists() else None
    if "@" in word and model.objects.filter(email__iexact=word).exists():
        return Q(email__iexact=word)
    return None


def meant(model: Any, word: str, *, letter: str, emails: str) -> Q:
    """The rows of a model with a number and an e-mail address; `emails` is the index of parts of that."""
    found = exactly(model, word, letter)
    if found is not None:
        return found
    if (days := day_of(word)) is not None:
        return Q(created_at__gte=days[0], created_at__lt=days[1])
    return Q(**{f"email__{'icontains' if can_match_inside(word, emails) else 'istartswith'}": word})


def orders(word: str) -> Q:
    """The orders that a word means."""
    return meant(Order, word, letter="S", emails="orders_order_email")


def some_orders(word: str) -> list[Any]:
    """The ids of the newest orders that a word means."""
    return list(Order.objects.filter(orders(word)).order_by("-created_at").values_list("pk", flat=True)[:NEWEST])


def day_of(word: str) -> tuple[datetime, datetime] | None:
    """The beginning of the day and of the next, in the site's time zone; None when the word is no day."""
    try:
        day = date.fromisoformat(word)
        begin, end = (timezone.make_aware(datetime.combine(one, time())) for one in (day, day + timedelta(days=1)))
    except (ValueError, OverflowError):
        return None
    return begin, end


def keys(model: Any, kind: str, text: str, wanted: Q | None) -> Iterator[str]:
    """The keys of messages about those that are wanted; of a UUID without a look: a message may be older."""
    id_ = uuid_of(text)
    if id_ is not None:
        yield f"{kind}:{id_}"
    elif wanted is not None:
        for pk in model.objects.filter(wanted).order_by("-created_at").values_list("pk", flat=True)[:NEWEST]:
            yield f"{kind}:{pk}"


def newest_of(model: Any, wanted: Callable[[str], Q], text: str) -> QuerySet[Any]:
    """The newest rows that every word of a text means, for the search box of the first page."""
    rows: QuerySet[Any] = model.objects.all()
    for word in text.split():
        rows = rows.filter(wanted(word))
    return rows.order_by("-created_at")[: MOST + 1]


@finder("Orders", "orders.view_order", order=10)
def orders_found(text: str) -> Iterator[Hit]:
    """By what the list of orders is searched by."""
    for order in newest_of(Order, orders, text):
        url = reverse("admin:orders_order_change", args=[order.pk])
        yield Hit(f"{order.number} {order.email}", url, order.get_status_display())


@key_finder
def keys_of_orders(text: str) -> Iterable[str]:
    """By number, e-mail address or id, in full."""
    return keys(Order, "order", text, exactly(Order, text, "S"))
