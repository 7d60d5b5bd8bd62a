"""The addresses of returns."""

from django.urls import path

from . import api, views

urlpatterns = [
    path("orders/<uuid:order_id>/return", views.return_page, name="order-return"),
    path("orders/<uuid:order_id>/returns", views.returns, name="order-returns"),
    path("api/orders/<str:order_id>/returns", api.create, name="api-order-returns"),
    path("api/returns/<str:return_id>", api.show, name="api-return"),
]
