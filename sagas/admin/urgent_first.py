"""Pages of open runs: those that need an operator come first, and each part is read in the order of an index."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Page

from outbox.operations.listing import BoundedPaginator

from ..models import ON_DESK


class UrgentFirst(BoundedPaginator):
    """First the runs that need an operator, the one that has asked longest first; then the others, the newest first.

    PostgreSQL would sort all of them for the same in one statement: half a second for 100,000.
    """

    def page(self, number: Any) -> Page[Any]:
        """The runs of a page, as a list."""
        number = self.validate_number(number)
        first = (number - 1) * self.per_page
        return self._get_page(self._rows(first, min(first + self.per_page, self.count)), number, self)  # type: ignore[attr-defined,no-any-return]

    def _rows(self, first: int, end: int) -> list[Any]:
        runs: Any = self.object_list
        asking = runs.filter(ON_DESK).order_by("desk_since", "id")
        found = list(asking[first:end])
        left = end - first - len(found)
        if left == 0:
            return found
        passed = first - asking.count() if not found else 0
        others = runs.exclude(ON_DESK).order_by("-id")
        return [*found, *others[passed : passed + left]]
