"""Events whose order counts, and what must hold of them."""

from collections import defaultdict

from django.db import connection, transaction

from outbox import publish
from outbox.consuming import in_order
from outbox.models import DeadLetter, Delivery, OutboxMessage, PublishedMessage
from outbox.transports.memory import MemoryTransport

from ..hostapp.events import StepTaken
from ..hostapp.models import Effect
from .relaying import relay_to


def take(key: str, *names: str, behaviour: str = "succeed") -> None:
    """One transaction with an event a name."""
    with transaction.atomic():
        for name in names:
            publish(StepTaken(name, behaviour), key=key)


def opened(*subscribers: str) -> None:
    """Relay all that is due; nobody is told, and only these subscribers have open deliveries."""
    relay_to(MemoryTransport()).drain()
    Delivery.objects.exclude(subscriber__in=subscribers).delete()


def look(subscriber: str, *keys: str, again: bool = False) -> bool:
    """As a worker does that was told to look; whether it leaves some to be looked at again."""
    asked: list[bool] = []
    in_order.deliver_open(subscriber, list(keys), again=again, go_on=lambda: asked.append(True))
    return bool(asked)


def done(subscriber: str) -> list[str]:
    """The names of what this subscriber has handled, in the order in which it was committed."""
    return list(Effect.objects.filter(subscriber=subscriber).order_by("id").values_list("name", flat=True))


def in_commit_order(subscriber: str) -> bool:
    """Whether every key's messages were handled in the order of their positions."""
    where = {row.message_id: (row.key, row.id) for row in PublishedMessage.objects.all()}
    handled: dict[str, list[int]] = defaultdict(list)
    for effect in Effect.objects.filter(subscriber=subscriber).order_by("id"):
        key, position = where[effect.message_id]
        handled[key].append(position)
    return all(positions == sorted(positions) for positions in handled.values())


def is_settled() -> bool:
    """Whether nothing waits."""
    return not OutboxMessage.objects.exists() and not Delivery.objects.exists()


def is_all_there(written: int) -> bool:
    """Whether every message is in one place: given up, published, or still to be published."""
    given_up = DeadLetter.objects.filter(subscriber="").count()
    return given_up + PublishedMessage.objects.count() + OutboxMessage.objects.count() == written


def someone_waits() -> bool:
    """Whether a connection waits for another's lock. (`pg_stat_activity` stands still within a transaction.)"""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted)")
        return bool(cursor.fetchone()[0])
