"""Compares each rule with its figure, twice a minute, and has a person told of what has begun or ended.

All of it is one transaction: where an alert stands, and the message that tells it, so that none is lost or doubled.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import connection, transaction

from outbox import publish
from outbox.heartbeats import heartbeat

from ..declare.alert_rule import AlertRule
from ..engine.diagnosis import clock
from ..models import Alert
from . import figures, rules
from .events import AlertBegan, AlertEnded
from .figures import Reading
from .turns import State, Tell, turn

logger = logging.getLogger(__name__)

TURN = 7_226_379_132
"""PostgreSQL's advisory lock of who evaluates, until the end of the transaction."""
FORGOTTEN = timedelta(days=30)
"""So long an alert that is over is shown."""
LONGEST_WORDS = 4_000


@heartbeat.leaves("sagas.alerts", "alerts told")
def evaluate() -> int:
    """Evaluate every rule; returns how many alerts a person is told of. Copies may run: one of them does it.

    A figure that cannot be read leaves its alerts as they are, and the error is logged.
    """
    read = {rule: readings for rule in rules.configured() if (readings := _read(rule)) is not None}
    with transaction.atomic():
        if not _is_my_turn():
            return 0
        now = clock()
        known = {(one.rule, one.label): one for one in Alert.objects.select_for_update().order_by("rule", "label")}
        told = sum(_follow(rule, readings, known, now) for rule, readings in read.items())
        return told + _end_unknown(known.values(), read, now)


def _read(rule: AlertRule) -> list[Reading] | None:
    try:
        return figures.named(rule.figure)()
    except Exception:
        logger.exception("alert.figure_not_read", extra={"rule": rule.name, "figure": rule.figure})
        return None


def _follow(rule: AlertRule, readings: Iterable[Reading], known: dict[tuple[str, str], Alert], now: datetime) -> int:
    """Bring the rule's alerts to where they stand now; returns how many are told of."""
    found = {one.label: one for one in readings}
    labels = {*found, *(label for name, label in known if name == rule.name)}
    return sum(_bring(rule, found.get(label), label, known.get((rule.name, label)), now) for label in sorted(labels))


def _bring(rule: AlertRule, reading: Reading | None, label: str, alert: Alert | None, now: datetime) -> bool:
    is_above = reading is not None and reading.value > rule.above
    if alert is None:
        if not is_above:
            return False
        alert = Alert(rule=rule.name, label=label, state=State.OK, since=now)
    then = turn(
        rule,
        State(alert.state),
        alert.since,
        now,
        is_above=is_above,
        is_told=alert.told_begin_at is not None,
        is_silenced=alert.silenced_until is not None and alert.silenced_until > now,
    )
    if is_above and reading is not None:
        alert.value, alert.words = reading.value, reading.words[:LONGEST_WORDS]
    alert.title, alert.do = rule.title, rule.do
    _step(alert, then.state, then.since)
    _tell(alert, then.tell, now)
    if alert.began_at is None and then.state == State.OK:
        if alert.pk:
            alert.delete()  # it was never more than a moment
    else:
        alert.save()
    return then.tell is not Tell.NOTHING


def _step(alert: Alert, state: State, since: datetime) -> None:
    """Write down when it began and ended. An alert that begins anew has nobody's acknowledgement."""
    if state == State.FIRING and alert.state in (State.OK, State.PENDING):
        alert.began_at, alert.ended_at = since, None
        alert.told_begin_at = alert.told_end_at = alert.acknowledged_at = None
        alert.acknowledged_by = alert.acknowledged_reason = ""
    if state == State.OK and alert.state == State.ENDING:
        alert.ended_at = since
    alert.state, alert.since = state, since


def _tell(alert: Alert, what: Tell, now: datetime) -> None:
    key = f"alert:{alert.rule}:{alert.label}"[:200]
    began = alert.began_at or now
    if what is Tell.BEGAN:
        alert.told_begin_at = now
        told = AlertBegan(alert.rule, alert.label, alert.title, alert.words, alert.do, alert.value, began)
        publish(told, key=key)
    elif what is Tell.ENDED:
        alert.told_end_at, alert.told_begin_at = now, None
        seconds = (now - began).total_seconds()
        publish(AlertEnded(alert.rule, alert.label, alert.title, began, seconds, alert.acknowledged_by), key=key)


def _end_unknown(known: Iterable[Alert], read: dict[AlertRule, list[Reading]], now: datetime) -> int:
    """End the alerts of rules that the settings no longer name, and forget those that were over long ago."""
    names, told = {rule.name for rule in rules.configured()}, 0
    for alert in known:
        if alert.rule not in names:
            if alert.told_begin_at is not None:
                _tell(alert, Tell.ENDED, now)
                told += 1
            alert.delete()
    over = Alert.objects.filter(state=State.OK, since__lt=now - FORGOTTEN)
    over.exclude(silenced_until__gt=now).delete()
    return told


def _is_my_turn() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [TURN])
        return bool(cursor.fetchone()[0])
