"""One running shop for all tests of this folder; each test has orders of its own."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import TransactionTestCase
from redis import Redis

from tests.conftest import empty_all_tables
from tests.support.workers import Programs

from .stack import COORDINATIONS, Stack


@pytest.fixture(scope="package")
def stack(django_db_setup, django_db_blocker, standins_process, tmp_path_factory):
    """Workers, relay and beat on the test's database, Redis and stand-ins."""
    with django_db_blocker.unblock():
        with Redis.from_url(settings.REDIS_URL) as client:
            client.flushdb()
        call_command("load_local", verbosity=0)
        programs = Programs(tmp_path_factory.mktemp("stack"))
        running = Stack(programs, standins_process)
        running.start()
        with pytest.MonkeyPatch.context() as patch:  # the tables stay until the processes have stopped
            patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _case: None)
            yield running
        programs.stop()
        empty_all_tables(None)


@pytest.fixture(params=COORDINATIONS)
def coordination(stack, request):
    """A test that uses it runs twice: with orders that a saga carries, and with orders that events alone carry."""
    stack.coordination = request.param
    return request.param


@pytest.fixture(autouse=True)
def no_faults(stack):
    """A test may end before its participants have failed as often as it asked for."""
    stack.standins.clear()


@pytest.fixture(autouse=True)
def shown_logs(stack, request):
    """A failing test shows what the processes had to say while it ran."""
    at = {program.name: len(program.output) for program in stack.programs.running}
    yield
    for program in stack.programs.running:
        request.node.add_report_section("call", program.name, program.output[at.get(program.name, 0) :][-8000:])
