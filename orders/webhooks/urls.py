"""Where other systems report to us."""

from django.urls import path

from . import views

urlpatterns = [path("stripe", views.stripe, name="webhooks-stripe")]
