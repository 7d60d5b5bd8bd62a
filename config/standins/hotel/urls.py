"""The hotels' addresses. A key may hold slashes."""

from django.urls import path

from ..common.views import control_urls
from . import views
from .models import Fault, LedgerEntry

urlpatterns = [
    path("hotels", views.hotels),
    path("hotels/<str:code>", views.hotel),
    path("bookings", views.book),
    path("bookings/<path:key>", views.booking),
    *control_urls(Fault, LedgerEntry),
]
