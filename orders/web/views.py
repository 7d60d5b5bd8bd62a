"""The shop's pages."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from .. import wording
from ..cancelling import customer_request
from ..coordination.choose import capture_of
from ..errors import InvalidOrder, KeyReused, OrderChanged, OrderedAlready, PriceChanged
from ..models import Order
from ..placing.place import place_order
from ..placing.validation import parse_order
from ..presentation import row_state
from ..presentation.timeline import Timeline, is_still
from . import last_order_cookie
from .forms import CheckoutForm, new_token, versions
from .polls import gives_way


@never_cache  # the token in the page is good for one order: going back must fetch a new one
@require_GET
def shop(request: HttpRequest) -> HttpResponse:
    """The catalogue and the checkout, on one page."""
    return show(request, CheckoutForm(), status=200)


@never_cache
@require_POST
def checkout(request: HttpRequest) -> HttpResponse:
    """Place the order and go to its page. The form's token makes a double click one order."""
    form = CheckoutForm.posted(request.POST)
    try:
        order = place_order(
            parse_order(form.body()), idempotency_key=f"form:{form.token}", known_repeat=form.known_repeat
        ).order
    except InvalidOrder as error:
        form.errors = error.errors
        return show(request, form, status=400)
    except KeyReused:
        form.errors = {"form": ["This page has sent an order already. Check your basket, then send it as a new order."]}
        form.token = new_token()
        return show(request, form, status=422)
    except PriceChanged as error:
        form.changed = error
        return show(request, form, status=409)
    except OrderedAlready as error:
        form.ask_about(error, last_order_cookie.latest(request))
        return show(request, form, status=409)
    return last_order_cookie.remember(redirect(order), order)


@never_cache
@require_GET
def order(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """Where the customer follows the order."""
    state = row_state.of_order(order_id)
    timeline = Timeline.of(get_object_or_404(Order, pk=order_id))
    return render(request, "orders/order.html", context(timeline, state))


@never_cache
@require_GET
@gives_way
def progress(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """The part of the order page that moves; 204 while what the page has `seen` still stands, and while too
    many ask."""
    seen, state = request.GET.get("seen"), row_state.of_order(order_id)
    if seen and seen == state:
        return HttpResponse(status=204)
    timeline = Timeline.of(get_object_or_404(Order, pk=order_id))
    if seen == timeline.fingerprint:
        return HttpResponse(status=204)
    return render(request, "orders/progress.html", context(timeline, state))


@require_POST
def cancel(request: HttpRequest, order_id: UUID) -> HttpResponseRedirect:
    """Cancel the order, or say why not. The form carries the version of the order that the customer saw."""
    order = get_object_or_404(Order, pk=order_id)
    try:
        asked = customer_request.ask(order, seen=versions(request.POST))
    except OrderChanged:
        messages.warning(request, wording.CHANGED)
        return redirect(order)
    if not asked.accepted:
        order.refresh_from_db()
        messages.warning(request, wording.answer(asked, order, capture_of(order)))
    return redirect(order)


def context(timeline: Timeline, state: str) -> dict[str, object]:
    """What the order's templates show; `state` is that of its rows, from before the timeline was read."""
    return {
        "order": timeline.order,
        "timeline": timeline,
        "state": state,
        "seen": state if is_still(timeline.steps, timeline.hold) else timeline.fingerprint,
    }


def show(request: HttpRequest, form: CheckoutForm, *, status: int) -> HttpResponse:
    """The checkout page with what was typed and what is wrong with it."""
    return render(request, "orders/shop.html", {"form": form}, status=status)
