"""Stripe's addresses below /payments/v1, and the stand-in's own."""

from django.urls import path

from ..common.views import control_urls
from . import asking, disputed, lists, statement, told, views
from .models import Fault, LedgerEntry

INTENT = "v1/payment_intents/<str:intent_id>"
urlpatterns = [
    path("v1/payment_intents", views.payment_intents),
    path(INTENT, views.retrieve),
    path(f"{INTENT}/confirm", views.confirm),
    path(f"{INTENT}/capture", views.capture),
    path(f"{INTENT}/cancel", views.cancel),
    path("v1/charges", lists.charges),
    path("v1/charges/<str:charge_id>", lists.charge),
    path("v1/refunds", views.payment_refunds),
    path("v1/refunds/<str:refund_id>", lists.refund),
    path("v1/disputes", disputed.listed),
    path("v1/disputes/<str:dispute_id>", disputed.retrieve),
    path("v1/disputes/<str:dispute_id>/close", disputed.close),
    path("v1/events", told.events),
    path("v1/events/<str:event_id>", told.event),
    path("v1/webhook_endpoints", told.endpoints),
    path("v1/webhook_endpoints/<str:endpoint_id>", told.one_endpoint),
    path("_deliveries", told.deliveries),
    path("_statement", statement.page),
    path("3ds/<str:intent_id>", asking.page, name="payments-3ds"),
    *control_urls(Fault, LedgerEntry),
]
