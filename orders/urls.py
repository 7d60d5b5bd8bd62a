"""The shop's addresses."""

from django.urls import include, path

from .api import views as api
from .web import bank_return, views

urlpatterns = [
    path("", views.shop, name="shop"),
    path("checkout", views.checkout, name="checkout"),
    path("orders/<uuid:order_id>/", views.order, name="order"),
    path("orders/<uuid:order_id>/progress", views.progress, name="order-progress"),
    path("orders/<uuid:order_id>/cancel", views.cancel, name="order-cancel"),
    path("orders/<uuid:order_id>/returned", bank_return.returned, name="order-returned"),
    path("faults/", include("orders.faults.urls")),
    path("api/products", api.products, name="api-products"),
    path("api/orders", api.orders, name="api-orders"),
    path("api/orders/<str:order_id>", api.order, name="api-order"),
    path("api/orders/<str:order_id>/cancel", api.cancel, name="api-order-cancel"),
]
