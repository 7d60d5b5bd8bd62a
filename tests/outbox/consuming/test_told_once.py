"""A failed try is one line of a worker's log, Celery's own included, with a traceback when nobody expected it."""

import pytest

from outbox.models import DeadLetter
from tests.support.workers import until

pytestmark = pytest.mark.django_db(transaction=True)


def lines_of(output: str, name: str) -> list[str]:
    """The lines at WARNING and above that speak of the subscriber or of a failed task."""
    return [line for line in output.splitlines() if ("[warning" in line or "[error" in line) and name in line]


def test_a_failure_that_says_itself_what_is_to_happen_is_one_line(worker, commit, relay):
    program = worker("events")
    commit("a", behaviour="give up")
    relay.drain()
    until(lambda: DeadLetter.objects.exists())
    until(lambda: "became a dead letter" in program.output)
    program.terminate()
    (line,) = lines_of(program.output, "host.first")
    assert "PermanentFailure: no such item" in line
    assert "trace_id=" in line
    assert "Traceback" not in program.output
    assert "raised unexpected" not in program.output


def test_a_failure_that_nobody_expected_is_one_line_and_one_traceback(worker, commit, relay):
    program = worker("events")
    commit("a", behaviour="fail")

    def given_up() -> bool:
        relay.drain()
        return DeadLetter.objects.exists()

    until(given_up)
    until(lambda: "became a dead letter" in program.output)
    program.terminate()
    told = lines_of(program.output, "host.first")
    assert len(told) == 3, program.output
    assert all("RuntimeError: the handler fails" in line for line in told)
    assert program.output.count("Traceback (most recent call last)") == 3
    assert "raised unexpected" not in program.output
