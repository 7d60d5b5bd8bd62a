"""The site's URLs. Middlewares answer those of `health.PROBES` and `/metrics`; they are listed for readers."""

from django.contrib import admin
from django.urls import include, path

from .health import PROBES
from .metrics import endpoint

handler500 = "config.unavailable.handler500"
admin.site.site_header = "Settle: operations"
admin.site.site_title = "Settle"
admin.site.index_title = "How the orders are doing"

urlpatterns = [
    *(path(url[1:], probe) for url, probe in PROBES.items()),
    path(endpoint.PATH[1:], endpoint.metrics),
    path("admin/", admin.site.urls),
    path("webhooks/", include("orders.webhooks.urls")),
    path("", include("orders.urls")),
    path("", include("orders.trips.urls")),
    path("", include("orders.returns.urls")),
]
