"""The site's addresses."""

from django.contrib import admin
from django.urls import include, path

from .health import healthz

admin.site.site_header = "Settle: operations"
admin.site.site_title = "Settle"
admin.site.index_title = "How the orders are doing"

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("admin/", admin.site.urls),
    path("webhooks/", include("orders.webhooks.urls")),
    path("", include("orders.urls")),
    path("", include("orders.trips.urls")),
    path("", include("orders.returns.urls")),
]
