"""Each company under a prefix of its name, and a page that shows what they did."""

from django.urls import include, path

from .common.views import companies_view
from .companies import COMPANIES
from .front import front_page

urlpatterns = [
    path("", front_page),
    path("_companies", companies_view),
    *(path(f"{company}/", include(f"orders.participants.standins.{company}.urls")) for company in COMPANIES),
]
