"""Brings the events of an alert to a person, by mail and by webhook: each is a subscriber with tries of its own.

They go through the queue of the worker that evaluates the rules: a worker of another queue may be what is frozen.
"""

from __future__ import annotations

from datetime import timedelta

from outbox import Message, Retry, subscribe

from ..settings import saga_settings
from . import letters, webhook
from .events import AlertBegan, AlertEnded

PATIENT = Retry(attempts=12, first=timedelta(seconds=5), longest=timedelta(hours=1))
QUEUE = saga_settings.ALERT_QUEUE


def mail(message: Message[AlertBegan] | Message[AlertEnded]) -> None:
    """The call, outside any transaction."""
    letters.send_mail(message.body, message.id)


def call(message: Message[AlertBegan] | Message[AlertEnded]) -> None:
    """The same by webhook."""
    webhook.post(str(message.id), letters.body(message.body))


@subscribe(AlertBegan, name="sagas.mail_alert_began", retry=PATIENT, call=mail, queue=QUEUE)
def mailed_began(_message: Message[AlertBegan], _sent: None) -> None:
    """It is sent."""


@subscribe(AlertEnded, name="sagas.mail_alert_ended", retry=PATIENT, call=mail, queue=QUEUE)
def mailed_ended(_message: Message[AlertEnded], _sent: None) -> None:
    """It is sent."""


@subscribe(AlertBegan, name="sagas.post_alert_began", retry=PATIENT, call=call, queue=QUEUE)
def posted_began(_message: Message[AlertBegan], _sent: None) -> None:
    """It is taken."""


@subscribe(AlertEnded, name="sagas.post_alert_ended", retry=PATIENT, call=call, queue=QUEUE)
def posted_ended(_message: Message[AlertEnded], _sent: None) -> None:
    """It is taken."""
