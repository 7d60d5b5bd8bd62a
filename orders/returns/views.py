"""The pages of returns."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from orders.errors import InvalidOrder, KeyReused
from orders.models import Order
from orders.presentation import row_state
from orders.web.forms import new_token
from orders.web.polls import gives_way

from .errors import ReturnRefused
from .forms import ReturnForm
from .page_section import Shown
from .returnable import can_return, why_not
from .services import request_return
from .validation import parse_return


@never_cache  # the token in the page is good for one return: going back must fetch a new one
@require_http_methods(["GET", "HEAD", "POST"])
def return_page(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """Choose what comes back, and send it. The form's token makes a double click one return."""
    order = get_object_or_404(Order, pk=order_id)
    if request.method == "POST":
        return send(request, order)
    if not can_return(order):
        messages.warning(request, why_not(order) or "All of this order is being returned already.")
        return redirect(order)
    return render(request, "returns/return.html", {"order": order, "form": ReturnForm(order)})


@never_cache
@require_GET
@gives_way
def returns(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """The part of the order page about its returns; 204 while what the page has `seen` still stands, and
    while too many ask."""
    state = row_state.of_order(order_id)
    if state and request.GET.get("seen") == state:
        return HttpResponse(status=204)
    order = get_object_or_404(Order, pk=order_id)
    return render(request, "returns/live.html", {"order": order, "shown": Shown.of(order), "state": state})


def send(request: HttpRequest, order: Order) -> HttpResponse:
    """Accept the return and go back to the order's page, or show what is wrong with it."""
    form = ReturnForm.posted(order, request.POST)
    try:
        request_return(order.pk, parse_return(form.body()), idempotency_key=f"form:{form.token}")
    except InvalidOrder as error:
        return show(request, form, error.errors, status=400)
    except ReturnRefused as refusal:
        return show(request, form, refusal.errors, status=409)
    except KeyReused:
        form.token = new_token()
        said = "This page has sent a return already. Check it below, then send it as a new one."
        return show(request, form, {"form": [said]}, status=422)
    return redirect(order)


def show(request: HttpRequest, form: ReturnForm, errors: dict[str, list[str]], *, status: int) -> HttpResponse:
    """The page with what was typed and what is wrong with it."""
    form.errors = errors
    return render(request, "returns/return.html", {"order": form.order, "form": form}, status=status)
