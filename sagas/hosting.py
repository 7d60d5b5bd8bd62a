"""What the engine asks of its project: whether the apps that it needs are installed."""

from __future__ import annotations

from django.apps import apps
from django.core.checks import CheckMessage, Error

from .errors import SagaDeclarationError

REQUIRED_APPS = ("outbox", "sagas")


def refuse_missing_apps() -> None:
    """Raise SagaDeclarationError when a needed app is not installed. Does nothing before Django is set up."""
    missing = [f'"{name}"' for name in REQUIRED_APPS if not apps.is_installed(name)] if apps.apps_ready else []
    if missing:
        raise SagaDeclarationError(
            f"INSTALLED_APPS lacks {' and '.join(missing)}: a saga's runs and messages are kept in their tables. "
            "Add it, and run `manage.py migrate`."
        )


def is_in_installed_app(module: str) -> bool:
    """Whether the module belongs to an installed app, so that every process finds the sagas it declares."""
    return apps.get_containing_app_config(module) is not None


def check_installed(**_: object) -> list[CheckMessage]:
    """Registered by `sagas.schedule.celery_settings`, since an app that is not installed registers nothing."""
    if apps.is_installed("sagas"):
        return []
    text = 'INSTALLED_APPS lacks "sagas": Celery is set up for its tasks, and nothing of it is there.'
    return [Error(text, hint='Add "sagas" to INSTALLED_APPS, and run `manage.py migrate`.', id="sagas.E019")]
