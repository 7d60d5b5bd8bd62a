"""How far a group is behind, for people and alarms."""

import time
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.support.outbox.consuming import GROUP, STREAM, consumer, send, turn

pytestmark = pytest.mark.django_db(transaction=True)


def status(**options: Any) -> tuple[str, str, int]:
    out, err = StringIO(), StringIO()
    given = ["consume", f"--stream={STREAM}", f"--group={GROUP}", "--status"]
    try:
        call_command(*given, **options, stdout=out, stderr=err)
    except SystemExit as ended:
        return out.getvalue(), err.getvalue(), int(ended.code or 0)
    return out.getvalue(), err.getvalue(), 0


def test_a_group_that_keeps_up_is_healthy(redis_client):
    reader = consumer()
    send("a:1", "a:2")
    turn(reader)
    out, _, code = status()
    assert [line.split()[-1] for line in out.splitlines()][:2] == ["0", "0"]
    assert code == 0


@pytest.mark.parametrize("state", ["nobody reads", "in hand"])
def test_an_entry_that_waits_for_too_long_is_an_alarm(redis_client, state):
    consumer()
    hour_ago = int((time.time() - 3600) * 1000)
    redis_client.xadd(STREAM, {"event": "x"}, id=f"{hour_ago}-0")
    send("a:1")
    if state == "in hand":
        redis_client.xreadgroup(GROUP, "dead", {STREAM: ">"}, count=1)
    out, err, code = status()
    waiting = {line.rsplit(maxsplit=1)[0].strip(): line.split()[-1] for line in out.splitlines()}
    assert (waiting["not read yet"], waiting["in hand"]) == (("1", "1") if state == "in hand" else ("2", "0"))
    assert "An event has waited 36" in err
    assert code == 1
    assert status(max_age=4000)[2] == 0


def test_a_group_that_does_not_exist_is_an_error(redis_client):
    with pytest.raises(CommandError, match="There is no such group"):
        status()
