"""The customer comes back from their bank, where they confirmed the payment or did not: the order looks at once."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from ..coordination.choose import coordinator_of
from ..models import Order
from ..sagas import authorize_payment


@never_cache
@require_GET
def returned(request: HttpRequest, order_id: UUID) -> HttpResponseRedirect:
    """The bank sends the browser here. What it adds to the address is neither believed nor kept in the address bar."""
    order = get_object_or_404(Order, pk=order_id)
    coordinator_of(order).wake(authorize_payment)
    return redirect(order)
