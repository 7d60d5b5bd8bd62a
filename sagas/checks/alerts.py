"""The settings of the alerts: what would fail at the first outage is said now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.core.checks import CheckMessage, Error, register

from ..alerts import figures, rules, webhook
from ..settings import saga_settings

LONGEST_NAME = 60  # characters; the column's length


@register("sagas")
def check_alerts(**_: Any) -> list[CheckMessage]:
    """The rules, and where a person is told."""
    return [*_rules(), *_webhook(), *_mail()]


def _rules() -> Iterator[CheckMessage]:
    names = [rule.name for rule in rules.configured()]
    for name in sorted({name for name in names if names.count(name) > 1 or not 0 < len(name) <= LONGEST_NAME}):
        hint = f"Give each rule a name of its own, of 1 to {LONGEST_NAME} characters."
        yield Error(f"SAGAS_ALERTS: the name {name!r} is taken twice, or does not fit.", hint=hint, id="sagas.E041")
    for rule in rules.configured():
        try:
            figures.named(rule.figure)
        except ImportError as error:
            yield Error(f"SAGAS_ALERTS, rule {rule.name}: {error}", hint="Correct its `figure`.", id="sagas.E042")


def _webhook() -> Iterator[CheckMessage]:
    url = saga_settings.ALERT_WEBHOOK
    if not url:
        return
    if urlsplit(url).scheme not in ("http", "https"):
        hint = "Give an address that begins with https://."
        yield Error(f"SAGAS_ALERT_WEBHOOK={url!r} is no address.", hint=hint, id="sagas.E043")
    try:
        webhook.secrets()
    except ValueError as error:
        hint = "Make one: python -c 'import base64, os; print(\"whsec_\" + base64.b64encode(os.urandom(32)).decode())'"
        yield Error(str(error), hint=hint, id="sagas.E044")


def _mail() -> Iterator[CheckMessage]:
    given: Any = saga_settings.ALERT_MAIL
    if isinstance(given, str):
        yield Error("SAGAS_ALERT_MAIL is a text.", hint=f'Write a tuple: ("{given}",).', id="sagas.E045")
