"""Stripe's URLs below /payments/v1, and the stand-in's own."""

from django.urls import path

from ..common.views import control_urls
from .api import dispute_views, event_views, list_views, payment_views
from .customer import bank_page, card_statement
from .models import Fault, LedgerEntry

INTENT = "v1/payment_intents/<str:intent_id>"
urlpatterns = [
    path("v1/payment_intents", payment_views.payment_intents),
    path(INTENT, payment_views.retrieve),
    path(f"{INTENT}/confirm", payment_views.confirm),
    path(f"{INTENT}/capture", payment_views.capture),
    path(f"{INTENT}/cancel", payment_views.cancel),
    path("v1/charges", list_views.charges),
    path("v1/charges/<str:charge_id>", list_views.charge),
    path("v1/refunds", payment_views.payment_refunds),
    path("v1/refunds/<str:refund_id>", list_views.refund),
    path("v1/disputes", dispute_views.listed),
    path("v1/disputes/<str:dispute_id>", dispute_views.retrieve),
    path("v1/disputes/<str:dispute_id>/close", dispute_views.close),
    path("v1/events", event_views.events),
    path("v1/events/<str:event_id>", event_views.event),
    path("v1/webhook_endpoints", event_views.endpoints),
    path("v1/webhook_endpoints/<str:endpoint_id>", event_views.one_endpoint),
    path("_deliveries", event_views.deliveries),
    path("_statement", card_statement.page),
    path("3ds/<str:intent_id>", bank_page.page, name="payments-3ds"),
    *control_urls(Fault, LedgerEntry),
]
