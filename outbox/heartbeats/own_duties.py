"""The outbox's own duties. Importing this registers them. `monitoring/alarms.py` has the limits for messages."""

from datetime import timedelta

from .beat import DUTY as BEAT
from .duties import register_duty

register_duty(BEAT, timedelta(seconds=1), "sends the tasks of the others", is_task=False)
register_duty("outbox.relay", timedelta(seconds=1), "publishes what was written", is_task=False)
register_duty("outbox.redeliver", timedelta(seconds=1), "publishes again what nobody confirmed", is_task=False)
register_duty(
    "outbox.prune", timedelta(hours=1), "keeps the history short, and makes the partitions of the days to come"
)
