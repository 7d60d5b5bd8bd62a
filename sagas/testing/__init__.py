"""For tests of projects that declare sagas: tell a story of a run, without a broker, and say how it must end.

    given(checkout, Checkout(...)).when(reserve_stock).refuses("out_of_stock").expect_undone(authorize_payment)

The real engine runs, with its statements in the test's database; what is replaced are the calls to participants. Waits
are over at once, since time passes as the story needs it. It needs Django and PostgreSQL, and no test runner.

And crash tests, with real workers: `crash_points(checkout)` lists every gap in which a worker can die, an answer can be
lost or messages can be doubled, and `Crashes` has each happen to a run of its own:

    crashes = Crashes(tmp_path)   # workers: celery worker -I sagas.testing.worker_faults, with crashes.environment
    crashes.begin(crash_points(checkout), start=place_an_order)
    crashes.settle()
    crashes.check(point, invariants)   # for each point

A test whose own hook fails needs real transactions (TransactionTestCase, or `django_db(transaction=True)`): the engine
takes back the transaction that the hook is called in, and in a plain TestCase that is the test's own.
"""

from .clock import time_passes
from .crashes import WORKER_MODULE, Crashes
from .errors import ScenarioError
from .gaps import GAPS, CrashPoint, crash_points
from .run_inline import walk
from .run_report import story
from .scenario import Scenario, given, given_run

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
    "story",
    "time_passes",
    "walk",
]
