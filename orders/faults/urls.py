"""The panel's addresses."""

from django.urls import path

from . import views

urlpatterns = [
    path("", views.panel, name="faults"),
    path("live", views.live, name="faults-live"),
    path("switch", views.switch, name="faults-switch"),
    path("clear", views.clear, name="faults-clear"),
    path("orders", views.orders, name="faults-orders"),
]
