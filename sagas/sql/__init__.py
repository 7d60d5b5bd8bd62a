"""The statements of the hot path: start a run, take a step, record its outcome, and nothing else.

Lock order, everywhere: run, then step, then the outbox. Each statement locks the run first, in a CTE that the others
join, so that two of them never wait for each other crosswise. Every clock is PostgreSQL's.
"""

from .again import CARRY_OVER
from .beat import BEAT
from .children import BRANCH_RESULT, CHILDREN, ITEM_RESULTS, START_CHILDREN
from .claim import Claim, claim
from .record import RECORD_AND_CLAIM, RECORD_AND_TELL, RECORD_STEP, RECORD_TELL_AND_CLAIM, RECORD_UNDO
from .record_many import RECORD_MANY
from .run import Statement, execute, fetch
from .start import START, START_QUEUED, START_QUEUED_WITH_ATTRIBUTES, START_WITH_ATTRIBUTES, WRITE_ATTRIBUTES
from .take import AWAITED, LET_GO, TAKE, TAKE_THESE, UNTAKE
from .upkeep import END_LEASES, GIVE_BACK, PASSED_OVER, PUT_DOWN, RESULT, STALE, SWEEP, UNPOOL

__all__ = [
    "AWAITED",
    "BEAT",
    "BRANCH_RESULT",
    "CARRY_OVER",
    "CHILDREN",
    "END_LEASES",
    "GIVE_BACK",
    "ITEM_RESULTS",
    "LET_GO",
    "PASSED_OVER",
    "PUT_DOWN",
    "RECORD_AND_CLAIM",
    "RECORD_AND_TELL",
    "RECORD_MANY",
    "RECORD_STEP",
    "RECORD_TELL_AND_CLAIM",
    "RECORD_UNDO",
    "RESULT",
    "STALE",
    "START",
    "START_CHILDREN",
    "START_QUEUED",
    "START_QUEUED_WITH_ATTRIBUTES",
    "START_WITH_ATTRIBUTES",
    "SWEEP",
    "TAKE",
    "TAKE_THESE",
    "UNPOOL",
    "UNTAKE",
    "WRITE_ATTRIBUTES",
    "Claim",
    "Statement",
    "claim",
    "execute",
    "fetch",
]
