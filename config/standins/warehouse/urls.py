"""The warehouse's addresses. A key may hold slashes, but not end in "/commit" or "/expire": none does."""

from django.urls import path

from ..common.views import control_urls
from . import restocking, views
from .models import Fault, LedgerEntry

urlpatterns = [
    path("stock", views.stock),
    path("stock/<str:sku>", views.count),
    path("reservations", views.reserve),
    path("reservations/<path:key>/commit", views.commit),
    path("reservations/<path:key>/expire", views.expire),
    path("reservations/<path:key>", views.reservation),
    path("returns", restocking.restock_view),
    path("returns/<path:key>", restocking.restocked_view),
    *control_urls(Fault, LedgerEntry),
]
