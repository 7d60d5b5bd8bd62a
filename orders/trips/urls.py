"""The addresses of trips."""

from django.urls import path

from . import api, views

urlpatterns = [
    path("trips/", views.trips, name="trips"),
    path("trips/book", views.book, name="trip-book"),
    path("trips/<uuid:trip_id>/", views.trip, name="trip"),
    path("trips/<uuid:trip_id>/progress", views.progress, name="trip-progress"),
    path("trips/<uuid:trip_id>/returned", views.returned, name="trip-returned"),
    path("trips/<uuid:trip_id>/cancel", views.cancel, name="trip-cancel"),
    path("api/trips", api.trips, name="api-trips"),
    path("api/trips/offers", api.offers_now, name="api-trip-offers"),
    path("api/trips/<str:trip_id>", api.trip, name="api-trip"),
    path("api/trips/<str:trip_id>/cancel", api.cancel, name="api-trip-cancel"),
]
