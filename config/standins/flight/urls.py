"""The airline's addresses. A key may hold slashes; one that ends in "/ticket" cannot be told apart, and none does."""

from django.urls import path

from ..common.views import control_urls
from . import views
from .models import Fault, LedgerEntry

urlpatterns = [
    path("flights", views.flights),
    path("flights/<str:code>", views.flight),
    path("bookings", views.book),
    path("bookings/<path:key>/ticket", views.ticket),
    path("bookings/<path:key>", views.booking),
    *control_urls(Fault, LedgerEntry),
]
