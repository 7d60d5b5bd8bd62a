"""What is wrong: one sentence for each alarm, which says what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

from ..messages.durations import say
from .destination_status import COUNTED, DestinationStatus

MESSAGES = ("message waits", "messages wait")
OVERDUE = timedelta(minutes=1)  # relays and consumers check once a second
GRACE = timedelta(seconds=5)  # at a deploy no relay lives for a moment


def bounded(count: int) -> str:
    """A count as text; "1000+" from 1000 on."""
    return f"{count}+" if count >= COUNTED else str(count)


def stalls(statuses: Iterable[DestinationStatus], max_age: timedelta | None = None) -> list[str]:
    """Where messages do not move. `max_age` replaces each destination's own limit."""
    return [alarm for one in statuses for alarm in _stalls(one, max_age)]


def alarms(statuses: Iterable[DestinationStatus], max_age: timedelta | None = None) -> list[str]:
    """Everything that a person should look at."""
    all_of_them = list(statuses)
    return [*stalls(all_of_them, max_age), *(alarm for one in all_of_them for alarm in _for_a_person(one))]


def of_unnamed_dead(count: int) -> list[str]:
    """The alarm of dead letters that name no destination, if there are any."""
    return [f"Without a destination {_given_up(count)}"] if count else []


def _stalls(one: DestinationStatus, max_age: timedelta | None) -> Iterator[str]:
    yield from _stranded(one)
    yield from _late(one, max_age)
    yield from _unattended(one)
    yield from _undelivered(one)


def _stranded(one: DestinationStatus) -> Iterator[str]:
    if one.destination is not None:
        return
    if one.depth:
        yield (
            f"{_some(one.depth, *MESSAGES)} for {one.name}, a destination that OUTBOX_DESTINATIONS does not name: "
            "name it again until it is empty."
        )
    if one.overdue and not one.is_consumer:
        overdue = _some(one.overdue, "delivery is", "deliveries are")
        yield f"{one.name}: {overdue} overdue, and OUTBOX_DESTINATIONS does not name it."


def _undelivered(one: DestinationStatus) -> Iterator[str]:
    """Deliveries that nobody tries or publishes again, though they are due."""
    if one.overdue_for is None or one.overdue_for <= OVERDUE or one.paused:
        return
    text = f"{one.name}: {_some(one.overdue, 'delivery is', 'deliveries are')} overdue, the first for "
    text += f"{say(one.overdue_for)}; at most {say(OVERDUE)} is healthy."
    if one.is_consumer:
        yield f"{text} Does its `manage.py consume` run?"
    elif one.destination is not None:
        yield f"{text} {why(one)}"


def _late(one: DestinationStatus, max_age: timedelta | None) -> Iterator[str]:
    if one.destination is None or one.oldest is None:
        return
    most = one.destination.max_age if max_age is None else max_age
    if one.oldest > most:
        yield (
            f"{one.name}: A message has waited {one.oldest.total_seconds():.1f} s; "
            f"at most {most.total_seconds():g} s is healthy. {why(one)}"
        )


def why(one: DestinationStatus) -> str:
    """The most likely reason why its messages wait."""
    if one.paused:
        return f"{len(one.paused)} of its shards are paused, by {_who(one)}."
    if not one.relays:
        return "No relay lives. Do beat and a worker run, or `manage.py relay`?"
    if one.outage:
        return f"Its broker has been away for {say(one.outage.outage_for or timedelta(0))}: {one.outage.outage}"
    if one.held:
        return f"{_some(one.held, 'of its keys is', 'of its keys are')} held: `manage.py outbox holds` says why."
    if one.unowned:
        return f"No relay owns {len(one.unowned)} of its shards yet."
    return "Its relays live but are too slow: start more of them."


def _unattended(one: DestinationStatus) -> Iterator[str]:
    if one.destination and not one.relays and one.oldest is not None and one.oldest > GRACE:
        yield (
            f"{one.name}: no relay lives, and {_some(one.depth, *MESSAGES)}. "
            "Have beat run the task outbox.relay each second, with a worker for it, or run `manage.py relay`."
        )


def _for_a_person(one: DestinationStatus) -> Iterator[str]:
    if one.paused:
        yield f"{one.name}: paused, {len(one.paused)} of {len(one.shards)} shards, by {_who(one)}."
    if one.stopped:
        yield (
            f"{one.name}: {_some(one.stopped, 'key waits', 'keys wait')} for a person: "
            "`manage.py outbox holds` says why; requeue the first message of each, or skip it."
        )
    if one.dead:
        yield f"{one.name}: {_given_up(one.dead)}"


def _given_up(count: int) -> str:
    return (
        f"{_some(count, 'message was', 'messages were')} given up: "
        "look at the dead letters in the admin, correct the cause, requeue."
    )


def _who(one: DestinationStatus) -> str:
    by = sorted(
        {f"{shard.paused_by or 'somebody'} ({shard.paused_reason or 'no reason given'})" for shard in one.paused}
    )
    return "; ".join(by)


def _some(count: int, one: str, many: str) -> str:
    return f"1 {one}" if count == 1 else f"{bounded(count)} {many}"
