"""What the admin pages of this app have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ..declare.events import registry
from ..operations.listing import BoundedPaginator, keys_of, uuid_of
from ..publishing import destinations

if TYPE_CHECKING:
    from datetime import datetime

    ModelAdmin = admin.ModelAdmin[Any]  # generic only for the type checker
else:
    ModelAdmin = admin.ModelAdmin


class ReadOnlyAdmin(ModelAdmin):
    """Read-only rows. Each list has the status of the destinations above it: `admin/outbox/change_list.html`."""

    show_full_result_count = False  # tables may be large, so no second count
    show_facets = admin.ShowFacets.NEVER  # each facet would count the table
    list_per_page = 50
    paginator = BoundedPaginator

    class Media:
        css = {"all": ["outbox/desk.css"]}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list, titled by what it lists, because nothing in it can be changed."""
        title = str(self.opts.verbose_name_plural).capitalize()
        return super().changelist_view(request, {"title": title, **(extra_context or {})})


class SearchableAdmin(ReadOnlyAdmin):
    """Rows are found by their full key or message id, or by what the host's key finders know."""

    has_key = True

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """One index read for each of both."""
        term = search_term.strip()
        if not term:
            return queryset, False
        id_, wanted = uuid_of(term), Q(pk__in=())
        if id_ is not None:
            wanted |= Q(message_id=id_)
        if self.has_key:
            wanted |= Q(key__in=keys_of(term))
        return queryset.filter(wanted), False


class DeclaredValueFilter(admin.SimpleListFilter):
    """A filter whose choices are declared, because looking them up would read the whole table."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.values is DeclaredValueFilter.values:
            raise TypeError(f"{cls.__qualname__} needs a method values(): the choices of the filter.")

    @abstractmethod
    def values(self) -> Sequence[str]:
        """The choices. A class without it is refused with TypeError."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, value) for value in self.values()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{str(self.parameter_name): self.value()}) if self.value() else queryset


class TypeFilter(DeclaredValueFilter):
    """By event."""

    title, parameter_name = "type", "type"

    def values(self) -> Sequence[str]:
        return sorted({name for name, _ in registry.events})


class SubscriberFilter(DeclaredValueFilter):
    """By subscriber."""

    title, parameter_name = "subscriber", "subscriber"

    def values(self) -> Sequence[str]:
        return sorted(registry.subscribers)


class DestinationFilter(DeclaredValueFilter):
    """By destination."""

    title, parameter_name = "destination", "destination"

    def values(self) -> Sequence[str]:
        return [one.name for one in destinations.configured()]


def two_lines(first: object, second: object) -> SafeString:
    """A cell with a small second line."""
    return format_html("{}<small>{}</small>", first, second)


def format_moment(moment: datetime | None) -> str:
    """A moment in the site's time zone: `2026-03-04 14:02:05`; a dash for None."""
    return "—" if moment is None else f"{timezone.localtime(moment):%Y-%m-%d %H:%M:%S}"
