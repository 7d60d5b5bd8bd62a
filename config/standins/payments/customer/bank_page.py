"""The bank's page: /payments/3ds/<intent>, where the customer confirms a payment or refuses it.

A form with `answer` = `confirm` or `refuse`. A second or late answer changes nothing; the page says why.
"""

from __future__ import annotations

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from orders import money

from ...settings import PUBLIC_URL
from ..lifecycle import three_d_secure
from ..lifecycle.intent_rows import Status
from ..models import Intent

ANSWERS = {"confirm": True, "refuse": False}


def pages(request: HttpRequest) -> str:
    """The URL of these pages for the customers' browsers, up to the intent's id."""
    below = reverse("payments-3ds", args=["-"]).removesuffix("-")
    return f"{PUBLIC_URL.rstrip('/')}{below}" if PUBLIC_URL else request.build_absolute_uri(below)


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest, intent_id: str) -> HttpResponse:
    """GET asks the question. POST takes the answer and redirects to the shop."""
    intent = Intent.objects.filter(pk=intent_id).first()
    if intent is None:
        raise Http404("The bank knows of no such payment.")
    if request.method != "POST":
        problem = "" if intent.status == Status.REQUIRES_ACTION else three_d_secure.standing(intent)
        return shown(request, intent, problem)
    confirmed = ANSWERS.get(request.POST.get("answer", ""))
    if confirmed is None:
        return HttpResponseBadRequest("Send answer=confirm or answer=refuse.")
    with transaction.atomic(using="payments"):
        taken = three_d_secure.answer(intent_id, confirmed=confirmed)
    back = three_d_secure.way_back(taken.intent)
    if taken.problem or not back:
        said = taken.problem or three_d_secure.standing(taken.intent)
        return shown(request, taken.intent, said, status=409 if taken.problem else 200)
    return HttpResponseRedirect(back, status=303)


def shown(request: HttpRequest, intent: Intent, said: str, status: int = 200) -> HttpResponse:
    """The page; with a sentence `said` it asks nothing."""
    amount = money.shown(intent.amount, intent.currency.upper())
    context = {"intent": intent, "amount": amount, "said": said, "back": three_d_secure.way_back(intent)}
    return render(request, "threeds.html", context, status=status)
