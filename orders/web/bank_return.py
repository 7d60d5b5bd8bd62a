"""The customer comes back from their bank, where they confirmed the payment or did not: the order looks at once."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from sagas.declare.saga import Step

from ..choreography import waking
from ..models import Order
from ..sagas import Checkout, authorize_payment, checkout


@never_cache
@require_GET
def returned(request: HttpRequest, order_id: UUID) -> HttpResponseRedirect:
    """The bank sends the browser here. What it adds to the address is neither believed nor kept in the address bar."""
    order = get_object_or_404(Order, pk=order_id)
    wake(order, authorize_payment)
    return redirect(order)


def wake(order: Order, step: Step[Checkout, Any]) -> bool:
    """Have the order look now at the step for which it waits, whichever way it is carried; whether it waited there."""
    if order.coordination == Order.Coordination.CHOREOGRAPHY:
        return waking.wake(order.pk, step)
    return checkout.wake(order.saga_key, step=step.name)
