"""The carrier's addresses. A key may hold slashes, but not end in "/dispatch" or "/pickup": none does."""

from django.urls import path

from ..common.views import control_urls
from . import recalls, views
from .models import Fault, LedgerEntry

urlpatterns = [
    path("bookings", views.book),
    path("bookings/<path:key>/dispatch", views.dispatch),
    path("bookings/<path:key>/pickup", views.pick_up),
    path("bookings/<path:key>", views.booking),
    path("parcels/<str:tracking>", recalls.parcel_view),
    path("parcels/<str:tracking>/recall", recalls.recall_view),
    *control_urls(Fault, LedgerEntry),
]
