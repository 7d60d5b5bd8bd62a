"""What a process knows of the project that it runs in: whether the apps are there that a saga needs."""

from __future__ import annotations

from django.apps import apps

from .errors import SagaDeclarationError

REQUIRED_APPS = ("outbox", "sagas")


def refuse_missing_apps() -> None:
    """Raise SagaDeclarationError when a saga could not be kept. Until Django is set up nobody knows."""
    missing = [f'"{name}"' for name in REQUIRED_APPS if not apps.is_installed(name)] if apps.apps_ready else []
    if missing:
        raise SagaDeclarationError(
            f"INSTALLED_APPS lacks {' and '.join(missing)}: a saga's runs and messages are kept in their tables. "
            "Add it, and run `manage.py migrate`."
        )


def is_in_installed_app(module: str) -> bool:
    """Whether every process finds a saga that this module declares: it belongs to an app that is installed."""
    return apps.get_containing_app_config(module) is not None
