"""The carrier's addresses. A key may hold slashes; one that ends in "/dispatch" cannot be told apart, and none does."""

from django.urls import path

from ..common.views import control_urls
from . import views
from .models import Fault, LedgerEntry

urlpatterns = [
    path("bookings", views.book),
    path("bookings/<path:key>/dispatch", views.dispatch),
    path("bookings/<path:key>", views.booking),
    *control_urls(Fault, LedgerEntry),
]
