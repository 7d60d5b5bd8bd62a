"""Every process finds every declared saga."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, register

from ..declare import registry
from ..hosting import is_in_installed_app


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
