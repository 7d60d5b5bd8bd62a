"""Three companies under three prefixes, and a page that shows what they did."""

from django.urls import include, path

from .front import front_page

urlpatterns = [
    path("", front_page),
    path("payments/", include("orders.participants.standins.payments.urls")),
    path("warehouse/", include("orders.participants.standins.warehouse.urls")),
    path("carrier/", include("orders.participants.standins.carrier.urls")),
]
