"""Celery is the project's own, and its broker keeps what it is given."""

from __future__ import annotations

from typing import Any

from celery import current_app
from django.conf import settings as project
from django.core.checks import CheckMessage, Error, Warning, register

from ..schedule import options_of
from .timing import KOMBUS_OWN, broker_options

CALL = "celery_settings() of `outbox.schedule`, or of `sagas.schedule` where there are sagas"


@register("outbox")
def check_celery(app: Any = current_app, **_: object) -> list[CheckMessage]:
    """Django's processes know the project's Celery app, and the app its broker."""
    if app.main == "default" and not getattr(app, "_config_source", None):  # what Celery makes when there is none
        text = "This process has no Celery app: nothing that it sends reaches the project's broker."
        hint = "Make one in celery.py beside settings.py, and import it in the __init__.py there."
        return [Error(text, hint=hint, id="outbox.E024")]
    if getattr(project, "CELERY_BROKER_URL", None) or app.conf.broker_url:
        return []
    text = "No broker is named: Celery looks for a RabbitMQ on this machine."
    return [Error(text, hint=f"Set CELERY_BROKER_URL; {CALL}, takes it.", id="outbox.E025")]


@register("outbox")
def check_broker(**_: object) -> list[CheckMessage]:
    """What the kind of broker needs is among its options."""
    needed, given = options_of(str(getattr(project, "CELERY_BROKER_URL", None) or "")), broker_options()
    if "visibility_timeout" in needed and "visibility_timeout" not in given:
        text = f"No visibility_timeout is set: what a killed worker had in hand comes back after {KOMBUS_OWN} s."
        hint = f"Set it in CELERY_BROKER_TRANSPORT_OPTIONS, above the longest task; {CALL}, says 180 s."
        return [Warning(text, hint=hint, id="outbox.W026")]
    if "confirm_publish" in needed and not given.get("confirm_publish"):
        text = "RabbitMQ is not asked to confirm: what it could not take is lost without a word."
        hint = f'Set "confirm_publish": True in CELERY_BROKER_TRANSPORT_OPTIONS; {CALL}, does.'
        return [Warning(text, hint=hint, id="outbox.W027")]
    return []
