"""The page of charts: how runs, steps and messages went in the last hour, day or month."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from ..monitoring.history import Range
from ..presentation.drawing.chart_page import all_charts

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin


def charts_view(model_admin: ModelAdmin[Any], request: HttpRequest) -> HttpResponse:
    """The charts of `?range=1h`, `24h` or `30d`; else of an hour. 403 for who may not see runs."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    chosen = next((one for one in Range if one.key == request.GET.get("range")), Range.HOUR)
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "media": model_admin.media,
        "title": f"Charts: {chosen.title}",
        "ranges": list(Range),
        "chosen": chosen,
        "charts": all_charts(chosen),
    }
    return TemplateResponse(request, "sagas/charts.html", context)
