"""`manage.py consume` as real processes, killed and stopped at the worst moments."""

import subprocess
import textwrap

import pytest
from django.db import connection
from django.db.models import Count

from outbox.models import DeadLetter, Delivery, InboxEntry
from tests.support.hostapp.models import Effect
from tests.support.hostapp.subscribers import FIRST, SECOND
from tests.support.outbox.consuming import GROUP, STREAM, pending, send
from tests.support.workers import Program, Programs, until

pytestmark = pytest.mark.django_db(transaction=True)

LOCK = 4711


@pytest.fixture
def consume(programs: Programs):
    def start(name: str, *options: str, script: str = "") -> Program:
        program = ["-c", script] if script else ["manage.py"]
        arguments = ["consume", f"--stream={STREAM}", f"--group={GROUP}", f"--consumer={name}", *options]
        return programs.start(f"consume-{name}", [*program, *arguments], {"TEST_REDELIVER_AFTER": "0.3"})

    return start


def effects(subscriber: str = FIRST) -> list[str]:
    return list(Effect.objects.filter(subscriber=subscriber).order_by("id").values_list("name", flat=True))


@pytest.mark.parametrize("moment", ["between commit and ack", "in the handler", "before the first commit"])
def test_a_consumer_killed_at_any_moment_leaves_each_effect_once_and_in_order(moment, consume, redis_client):
    send("a:1", "a:2", "b:1")
    killed = consume("one", script=KILLED.replace("MOMENT", moment))
    assert killed.process.wait(60) == -9, killed.output
    assert pending(redis_client) == 3
    consume("one")
    until(lambda: len(effects(FIRST)) == len(effects(SECOND)) == 3)
    until(lambda: pending(redis_client) == 0 and not Delivery.objects.exists())
    for handled in (effects(FIRST), effects(SECOND)):
        assert sorted(handled) == ["a:1", "a:2", "b:1"]
        assert handled.index("a:1") < handled.index("a:2")
    assert InboxEntry.objects.count() == 6


def test_what_a_dead_consumer_had_in_hand_is_claimed_by_another(consume, redis_client):
    send("a:1", "a:2")
    assert consume("dead", script=KILLED.replace("MOMENT", "in the handler")).process.wait(60) == -9
    consume("other", "--min-idle=0.5")
    until(lambda: effects(FIRST) == effects(SECOND) == ["a:1", "a:2"])
    until(lambda: pending(redis_client) == 0)


def test_two_consumers_share_a_stream_and_each_effect_happens_once(consume, redis_client):
    names = [f"{number}:" for number in range(300)]
    send(*names)
    for name in ("one", "two"):
        consume(name, "--at-once=5")
    until(lambda: Effect.objects.count() == 600, 40)
    until(lambda: pending(redis_client) == 0)
    assert sorted(effects(FIRST)) == sorted(effects(SECOND)) == sorted(names)
    assert not DeadLetter.objects.exists()
    seen = {one["name"]: one["inactive"] for one in redis_client.xinfo_consumers(STREAM, GROUP)}
    assert all(inactive != -1 for inactive in seen.values()), "both were given entries"


def test_sigterm_finishes_the_message_in_hand_and_gives_the_others_back_at_once(consume, redis_client):
    send("a:1", "a:2", "b:1")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
    stopped = consume("one", "--min-idle=600", script=SLOW)
    until(_someone_waits_for_a_lock)
    stopped.process.terminate()
    with pytest.raises(TimeoutError):
        _ended(stopped, 1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
    _ended(stopped, 10)
    assert stopped.process.returncode == 0, stopped.output
    assert effects(FIRST) == effects(SECOND) == ["a:1"]
    assert pending(redis_client) == 2
    idle = [one["time_since_delivered"] for one in redis_client.xpending_range(STREAM, GROUP, "-", "+", 10)]
    assert min(idle) >= 600_000, "whoever looks next may have them"


def test_a_handler_that_kills_its_consumer_ends_as_a_dead_letter_and_the_others_flow(consume, redis_client):
    send("poison:1", behaviour="kill")
    send("a:1")
    while not DeadLetter.objects.exists():
        _ended_or_buried(consume("one"))
    dead = DeadLetter.objects.get()
    assert (dead.subscriber, dead.key, dead.error_class) == (FIRST, "poison", "GaveUp")
    until(lambda: effects(FIRST) == ["a:1"] and sorted(effects(SECOND)) == ["a:1", "poison:1"])
    assert Effect.objects.values("subscriber", "name").annotate(n=Count("id")).filter(n__gt=1).count() == 0


def _ended_or_buried(program: Program) -> None:
    until(lambda: program.process.poll() is not None or DeadLetter.objects.exists(), 30)


def _ended(program: Program, seconds: float) -> None:
    try:
        program.process.wait(seconds)
    except subprocess.TimeoutExpired as error:
        raise TimeoutError from error


def _someone_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        return bool(cursor.fetchone()[0])


KILLED = textwrap.dedent(
    """
    import os, signal, sys
    import django
    django.setup()
    from django.core.management import execute_from_command_line
    import redis
    from outbox import sql
    from tests.support.hostapp import subscribers

    def die(*args):
        os.kill(os.getpid(), signal.SIGKILL)

    match "MOMENT":
        case "between commit and ack":
            redis.Redis.xack = die
        case "in the handler":
            subscribers.behave = die
        case "before the first commit":
            sql.claim = die
    execute_from_command_line(["manage.py", *sys.argv[1:]])
    """
)

SLOW = textwrap.dedent(
    f"""
    import sys
    import django
    django.setup()
    from django.core.management import execute_from_command_line
    from django.db import connection
    from tests.support.hostapp import subscribers

    def wait(_message):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock({LOCK})")

    subscribers.behave = wait
    execute_from_command_line(["manage.py", *sys.argv[1:]])
    """
)
