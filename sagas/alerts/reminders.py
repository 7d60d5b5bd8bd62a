"""Reminds those who may answer what a run asks, once, by mail."""

from __future__ import annotations

import logging
from email.utils import parseaddr
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.mail import EmailMessage
from django.urls import NoReverseMatch, reverse

from outbox import Message, subscribe

from ..desk import answers
from ..engine.kept_waits import AnswerOverdue, open_wait
from ..models import Run
from ..presentation.labels import readable
from ..settings import saga_settings
from .telling import PATIENT, QUEUE

logger = logging.getLogger(__name__)
BACKEND = "django.contrib.auth.backends.ModelBackend"


def remind(message: Message[AnswerOverdue]) -> None:
    """The call, outside any transaction. Nothing is sent where the run has its answer by now.

    Those who may answer get the mail; where none of them has an address, SAGAS_ALERT_MAIL. Raises the mail server's
    errors. The same message has the same Message-ID.
    """
    told = message.body
    run = Run.objects.filter(pk=told.run_id).first()
    wait = None if run is None else open_wait(run.pk, told.step)
    if run is None or wait is None or answers.asked_of(run) is None:
        return
    to = addresses(run)
    if not to:
        logger.warning("saga.nobody_to_remind", extra={"key": run.key, "run": str(run.pk), "step": told.step})
        return
    what = wait.words or readable(told.step)
    due = f"\n\nThe time for it ends on {wait.due_at:%Y-%m-%d %H:%M} UTC." if wait.due_at else ""
    text = (
        f"{run.name} {run.subject or run.key} has waited since {wait.since:%Y-%m-%d %H:%M} UTC for an answer: {what}."
    )
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    headers = {"Message-ID": f"<{message.id}@{domain}>"}
    subject = f"Waits for your answer: {run.subject or run.key}".replace("\n", " ")
    EmailMessage(subject, f"{text}{due}\n\n{_link()}".rstrip() + "\n", bcc=to, headers=headers).send()


@subscribe(AnswerOverdue, name="sagas.remind_of_answer", retry=PATIENT, call=remind, queue=QUEUE)
def reminded(_message: Message[AnswerOverdue], _sent: None) -> None:
    """It is sent."""


def addresses(run: Run) -> list[str]:
    """The addresses of those who may answer; of SAGAS_ALERT_MAIL where none of them has one."""
    declared = answers.asked_of(run)
    wait = None if declared is None else declared.wait
    if declared is None or wait is None:
        return []
    users: Any = get_user_model()._default_manager.filter(is_active=True)
    if wait.permission and hasattr(get_user_model()._default_manager, "with_perm"):
        users = get_user_model()._default_manager.with_perm(wait.permission, backend=BACKEND, include_superusers=False)
    if wait.group:
        users = users.filter(groups__name=wait.group)
    field = get_user_model().get_email_field_name()
    some = users.exclude(**{field: ""}).distinct()
    found = sorted({getattr(user, field) for user in some if answers.is_among(declared, user)})
    return found or list(saga_settings.ALERT_MAIL)


def _link() -> str:
    """The inbox, where the site's address and its admin are known."""
    site = str(getattr(settings, "SITE_URL", "")).rstrip("/")
    try:
        return f"{site}{reverse('admin:sagas_inbox')}" if site else ""
    except NoReverseMatch:
        return ""
