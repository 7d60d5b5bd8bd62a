"""Answers 400 with a sentence when an address asks for a value that the database cannot hold; Django would answer 500.

Django's admin checks search terms and most filters. A NUL in a filter, a year outside the calendar, or an id that is no
UUID (behind `/admin/r/` or among the ticked rows) still reaches the database or a date conversion.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import ValidationError
from django.db import DataError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse

NUL = "This address has a NUL character in it, which no name, number or text here has. Leave it out."
UNFIT = "This address asks for a number, date or id that nothing here can have. Go back, and choose again."


class AddressMiddleware:
    """Checks the path, the query and the admin's ticked rows. The views check the rest of each form."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "\0" in request.path_info or "%00" in request.META.get("QUERY_STRING", ""):
            return said(request, NUL)
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, _args: object, _names: object) -> HttpResponse | None:
        """Answer 400 when a row ticked in an admin list has an impossible id."""
        model_admin: Any = getattr(view, "model_admin", None)
        ticked = request.POST.getlist(ACTION_CHECKBOX_NAME) if model_admin and request.method == "POST" else []
        try:
            for one in ticked:
                model_admin.opts.pk.to_python(one)
        except (ValidationError, OverflowError):
            return said(request, UNFIT)
        return said(request, UNFIT) if any("\0" in one for one in ticked) else None

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer 400 for Django's own admin pages only. Elsewhere such an error is our bug, and it stays a 500."""
        in_admin = request.path_info.startswith(reverse("admin:index"))
        unfit = isinstance(error, OverflowError | ValidationError | DataError)
        return said(request, UNFIT) if in_admin and unfit and request.method in ("GET", "HEAD") else None


def said(request: HttpRequest, sentence: str) -> HttpResponse:
    if request.path_info.startswith("/api/"):
        return JsonResponse({"errors": {"address": [sentence]}}, status=400)
    return HttpResponse(f"{sentence}\n", status=400, content_type="text/plain; charset=utf-8")
