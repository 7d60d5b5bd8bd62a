"""Every process finds every declared saga."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, Info, register

from ..declare import registry
from ..hosting import is_in_installed_app
from ..sql.canary import NAME as CANARY


@register("sagas")
def check_apps(**_: Any) -> list[CheckMessage]:
    """Each saga belongs to an installed app. Otherwise only processes that import its module know it."""
    found: list[CheckMessage] = []
    for saga in registry.all_sagas():
        module = saga.steps[0].run.__module__ if saga.steps else ""
        if module and not is_in_installed_app(module):
            text = f"The saga {saga.name} is declared in {module}, which belongs to no app of INSTALLED_APPS."
            hint = "Add its app: workers import the module `sagas` of each installed app, and find no other saga."
            found.append(Error(text, hint=hint, id="sagas.E018"))
    return found


@register("sagas")
def check_any(**_: Any) -> list[CheckMessage]:
    """There is a saga at all. One in an app that is not installed is not seen from here."""
    if any(saga.name != CANARY for saga in registry.all_sagas()):
        return []
    text = "No app of INSTALLED_APPS declares a saga."
    return [Info(text, hint="Declare one in an app's `sagas.py`, and add that app to INSTALLED_APPS.", id="sagas.I024")]
