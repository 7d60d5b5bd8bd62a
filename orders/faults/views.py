"""The page `/faults/`: 404 where there is none; outside a developer's machine for staff only."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from ..models import Order
from ..web.forms import is_count
from . import client, guard, switches, trial
from .errors import FaultsError, PanelOff
from .forms import SwitchForm
from .panel import LASTS, Panel

View = Callable[[HttpRequest], HttpResponseBase]
GO_ON = "Orders that wait go on by themselves, within a minute."


def guarded(view: View) -> View:
    """For those who may make faults here."""

    @never_cache
    @wraps(view)
    def decide(request: HttpRequest) -> HttpResponseBase:
        if reason := guard.why_off():
            raise Http404(reason)
        if not may_use(request):
            return redirect_to_login(request.get_full_path(), reverse("admin:login"))
        return view(request)

    return decide


def may_use(request: HttpRequest) -> bool:
    """Whether this person may make faults, where faults may be made."""
    return settings.LOCAL or (request.user.is_active and request.user.is_staff)


@guarded
@require_GET
def panel(request: HttpRequest) -> HttpResponse:
    """Everything on one page. `?order=` fills in for whom the switches are."""
    return render(request, "faults/panel.html", context(request, Panel.now()))


@guarded
@require_GET
def live(request: HttpRequest) -> HttpResponse:
    """The parts that move; 204 while what the page has `seen` still stands."""
    now = Panel.now()
    if request.GET.get("seen") == now.fingerprint:
        return HttpResponse(status=204)
    changed = request.GET.get("states") != now.states
    return render(request, "faults/live.html", context(request, now) | {"moved": True, "changed": changed})


@guarded
@require_POST
def switch(request: HttpRequest) -> HttpResponse:
    """Turn a switch on."""

    def act() -> str:
        form = SwitchForm.posted(request.POST, by_whom(request))
        fault = form.apply()
        unknown = form.order and not Order.objects.filter(number=form.order).exists()
        note = f" There is no order {form.order} yet." if unknown else ""
        return switches.told(client.company(form.company), fault) + note

    return answer(request, act)


@guarded
@require_POST
def clear(request: HttpRequest) -> HttpResponse:
    """End one fault, those of one company, or all."""

    def act() -> str:
        name, fault = request.POST.get("company", ""), request.POST.get("fault", "")
        if is_count(fault):
            switches.end(name, int(fault))
            return f"One fault of {name} has ended. {GO_ON}"
        ended = switches.ended(switches.all_well(name))
        return f"{name.capitalize() or 'Everybody'} is well again: {ended}. {GO_ON}"

    return answer(request, act)


@guarded
@require_POST
def orders(request: HttpRequest) -> HttpResponse:
    """Place some test orders; 404 where they would be real ones."""
    try:
        placed = trial.place_some()
    except PanelOff as error:
        raise Http404(str(error)) from error
    messages.success(request, f"{len(placed)} test orders are placed." if placed else "Nothing is on sale: no order.")
    return back(request)


def answer(request: HttpRequest, act: Callable[[], str]) -> HttpResponse:
    """Do it, and say on the page what was done, or why nothing was."""
    try:
        messages.success(request, act())
    except FaultsError as error:
        messages.error(request, str(error))
    return back(request)


def back(request: HttpRequest) -> HttpResponseRedirect:
    """To the page, where the order's number still stands."""
    order = request.POST.get("order", "").strip()
    return HttpResponseRedirect(reverse("faults") + (f"?{urlencode({'order': order})}" if order else ""))


def by_whom(request: HttpRequest) -> str:
    return "the panel" if isinstance(request.user, AnonymousUser) else request.user.get_username()[:100]


def context(request: HttpRequest, now: Panel) -> dict[str, object]:
    return {
        "panel": now,
        "switches": switches.SWITCHES,
        "lasts": LASTS,
        "minutes": switches.MINUTES,
        "order": request.GET.get("order", ""),
        "may_place": settings.LOCAL,
    }
