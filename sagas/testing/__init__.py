"""For tests of projects that declare sagas: tell a story of a run, without a broker, and say how it must end.

    given(checkout, Checkout(...)).when(reserve_stock).refuses("out_of_stock").expect_undone(authorize_payment)

The real engine runs, with its statements in the test's database; what is replaced are the calls to participants. Waits
are over at once, since time passes as the story needs it. It needs Django and PostgreSQL, and no test runner.

A test whose own hook fails needs real transactions (TransactionTestCase, or `django_db(transaction=True)`): the engine
takes back the transaction that the hook is called in, and in a plain TestCase that is the test's own.
"""

from .clock import time_passes
from .errors import ScenarioError
from .scenario import Scenario, given, given_run
from .story import story
from .walk import walk

__all__ = ["Scenario", "ScenarioError", "given", "given_run", "story", "time_passes", "walk"]
