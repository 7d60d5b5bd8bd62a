"""An alert as a mail, and as the body of a webhook."""

from __future__ import annotations

import json
from datetime import timedelta
from email.utils import parseaddr
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.urls import NoReverseMatch, reverse

from outbox.messages.durations import say

from ..settings import saga_settings
from .events import AlertBegan, AlertEnded


def send_mail(told: AlertBegan | AlertEnded, message_id: UUID) -> None:
    """Send it to SAGAS_ALERT_MAIL; without an address nothing is sent. Raises the mail server's errors.

    The same message has the same Message-ID, by which mail systems drop a second copy.
    """
    to = list(saga_settings.ALERT_MAIL)
    if not to:
        return
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    EmailMessage(subject(told), text(told), to=to, headers={"Message-ID": f"<{message_id}@{domain}>"}).send()


def subject(told: AlertBegan | AlertEnded) -> str:
    """`ALERT: Runs need a person`, `over: Runs need a person, after 12 min`."""
    title = f"{told.title}: {told.label}" if told.label else told.title
    if isinstance(told, AlertBegan):
        return f"ALERT: {title}"
    return f"over: {title}, after {say(timedelta(seconds=told.seconds))}"


def text(told: AlertBegan | AlertEnded) -> str:
    """The body of the mail."""
    since = f"since {told.began_at:%Y-%m-%d %H:%M:%S} UTC"
    if isinstance(told, AlertBegan):
        parts = [told.words, f"What to do: {told.do}", f"The rule is {told.rule}, {since}.", _link()]
    else:
        seen = f"{told.acknowledged_by} saw to it." if told.acknowledged_by else ""
        lasted = say(timedelta(seconds=told.seconds))
        parts = [f"It is over. It lasted {lasted}, {since}.", seen, f"The rule is {told.rule}.", _link()]
    return "\n\n".join(filter(None, parts)) + "\n"


def body(told: AlertBegan | AlertEnded) -> bytes:
    """The body of the webhook: type, time and data, as Standard Webhooks recommends."""
    began = isinstance(told, AlertBegan)
    data: dict[str, Any] = {
        "rule": told.rule,
        "label": told.label,
        "title": told.title,
        "began_at": told.began_at.isoformat(),
        **({"value": told.value, "words": told.words, "do": told.do} if isinstance(told, AlertBegan) else {}),
        **({"seconds": told.seconds, "acknowledged_by": told.acknowledged_by} if isinstance(told, AlertEnded) else {}),
    }
    return json.dumps({"type": "alert.began" if began else "alert.ended", "data": data}).encode()


def _link() -> str:
    """The page of the alerts, where the site's address and its admin are known."""
    site = str(getattr(settings, "SITE_URL", "")).rstrip("/")
    try:
        return f"{site}{reverse('admin:sagas_alert_changelist')}" if site else ""
    except NoReverseMatch:
        return ""
