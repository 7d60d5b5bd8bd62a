"""POST /webhooks/stripe. Answers fast: what follows from a report is the subscribers' work."""

from __future__ import annotations

import logging

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from . import receiving, reports

logger = logging.getLogger(__name__)
LONGEST = 256 * 1024
"""Bytes of a body; Stripe's events have a few thousand."""


@csrf_exempt  # the signature says who sends it
@require_POST
def stripe(request: HttpRequest) -> HttpResponse:
    """200 for a report that is taken, was taken before, or is of no interest; 400, 413 and 503 say what is wrong."""
    if not reports.secrets():
        return said(503, "No secret is set here: set STRIPE_WEBHOOK_SECRET to the endpoint's whsec_….")
    if int(request.META.get("CONTENT_LENGTH") or 0) > LONGEST:
        return said(413, f"A report has at most {LONGEST} bytes.")
    try:
        report = reports.read(request.body, request.headers.get("Stripe-Signature", ""))
    except reports.NotAccepted as error:
        logger.warning("webhooks.not_accepted", extra={"reason": str(error)})
        return said(400, str(error))
    if report.type not in reports.TYPES:
        return said(200, "ignored")
    taken = receiving.take(report)
    logger.debug("webhooks.received", extra={"report": report.id, "type": report.type, "first": taken})
    return said(200, "taken" if taken else "taken before")


def said(status: int, sentence: str) -> HttpResponse:
    return HttpResponse(f"{sentence}\n", status=status, content_type="text/plain; charset=utf-8")
