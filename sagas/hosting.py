"""What a process knows of the project that it runs in: whether the apps are there that a saga needs."""

from __future__ import annotations

from django.apps import apps
from django.core.checks import CheckMessage, Error

from .errors import SagaDeclarationError

NEEDED = ("outbox", "sagas")


def refuse_missing_apps() -> None:
    """Raise SagaDeclarationError when a saga could not be kept. Until Django is set up nobody knows."""
    missing = [f'"{name}"' for name in NEEDED if not apps.is_installed(name)] if apps.apps_ready else []
    if missing:
        raise SagaDeclarationError(
            f"INSTALLED_APPS lacks {' and '.join(missing)}: a saga's runs and messages are kept in their tables. "
            "Add it, and run `manage.py migrate`."
        )


def is_found(module: str) -> bool:
    """Whether every process finds a saga that this module declares: it belongs to an app that is installed."""
    return apps.get_containing_app_config(module) is not None


def check_installed(**_: object) -> list[CheckMessage]:
    """Registered by `sagas.schedule.celery_settings`, since an app that is not installed registers nothing."""
    if apps.is_installed("sagas"):
        return []
    text = 'INSTALLED_APPS lacks "sagas": Celery is set up for its tasks, and nothing of it is there.'
    return [Error(text, hint='Add "sagas" to INSTALLED_APPS, and run `manage.py migrate`.', id="sagas.E019")]
