"""A test kit for projects that declare sagas: say what happens to a run, and how it must end. No broker is needed.

    given(checkout, Checkout(...)).when(reserve_stock).refuses("out_of_stock").expect_undone(authorize_payment)

The real engine runs on the test's database; only the calls to participants are replaced. Waits take no time: the
stored times are moved instead. The kit needs Django and PostgreSQL, and works with any test runner.

Crash tests use real workers: `crash_points(checkout)` lists every gap in which a worker can die, an answer can be lost
or messages can be doubled, and `Crashes` starts one run for each and makes it happen there:

    crashes = Crashes(tmp_path)   # workers: celery worker -I sagas.testing.worker_faults, with crashes.environment
    crashes.begin(crash_points(checkout), start=place_an_order)
    crashes.settle()
    crashes.check(point, invariants)   # for each point

A test with a hook that fails needs real transactions (TransactionTestCase, or `django_db(transaction=True)`): the
engine rolls back the transaction that calls the hook, and in a plain TestCase that is the test's own.
"""

from .clock import time_passes
from .crashes import WORKER_MODULE, Crashes
from .errors import ScenarioError
from .gaps import GAPS, CrashPoint, crash_points
from .run_file import run_from_file
from .run_inline import walk
from .run_report import story
from .scenario import Scenario, given, given_run
from .schedules import schedules_look, ticks_between

__all__ = [
    "GAPS",
    "WORKER_MODULE",
    "CrashPoint",
    "Crashes",
    "Scenario",
    "ScenarioError",
    "crash_points",
    "given",
    "given_run",
    "run_from_file",
    "schedules_look",
    "story",
    "ticks_between",
    "time_passes",
    "walk",
]
