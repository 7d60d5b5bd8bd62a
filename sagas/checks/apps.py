"""Every process finds the sagas that this one knows."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, Info, register

from ..declare import registry
from ..hosting import is_found


@register("sagas")
def check_apps(**_: Any) -> list[CheckMessage]:
    """A saga that something else imported is not found by a worker, unless its own app is installed."""
    found: list[CheckMessage] = []
    for saga in registry.all_sagas():
        module = saga.steps[0].run.__module__ if saga.steps else ""
        if module and not is_found(module):
            text = f"The saga {saga.name} is declared in {module}, which belongs to no app of INSTALLED_APPS."
            hint = "Add its app: workers import the module `sagas` of each installed app, and find no other saga."
            found.append(Error(text, hint=hint, id="sagas.E018"))
    return found


@register("sagas")
def check_any(**_: Any) -> list[CheckMessage]:
    """There is a saga at all. One in an app that is not installed is not seen from here."""
    if registry.all_sagas():
        return []
    text = "No app of INSTALLED_APPS declares a saga."
    return [Info(text, hint="Declare one in an app's `sagas.py`, and add that app to INSTALLED_APPS.", id="sagas.I024")]
