"""Each company under a prefix of its name, the overview page, and the probe `/livez`."""

from django.http import HttpRequest, JsonResponse
from django.urls import include, path

from .common.views import companies_view
from .companies import COMPANIES
from .overview_page import front_page


def livez(_request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


urlpatterns = [
    path("", front_page),
    path("livez", livez),
    path("_companies", companies_view),
    *(path(f"{company}/", include(f"config.standins.{company}.urls")) for company in COMPANIES),
]
