"""Which order this browser placed last: a signed cookie for as long as the shop asks about repeats.

Anybody can type somebody else's address. So the link to an order like it is shown only to the browser that placed it.
"""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from ..models import Order
from ..placing.duplicates import WINDOW

COOKIE = "latest-order"


def remember(answer: HttpResponse, order: Order) -> HttpResponse:
    """The same answer, which has the browser keep the order's id."""
    answer.set_signed_cookie(
        COOKIE,
        str(order.pk),
        max_age=WINDOW,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )
    return answer


def latest(request: HttpRequest) -> UUID | None:
    """The id of the order that this browser placed last, within WINDOW."""
    value = request.get_signed_cookie(COOKIE, default=None, max_age=WINDOW)
    return UUID(value) if value else None
