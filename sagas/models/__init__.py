"""The tables. Only `engine/transitions.py` and `sql/` write the status of a run or a step."""

from .act import Act
from .alert import Alert
from .attempt import Attempt
from .attribute import Attribute
from .bulk_act import BulkAct
from .handling import Handling
from .participant import Breaker, Slot
from .run import ON_DESK, OPEN, Run, RunStatus
from .step import Step, StepStatus
from .tally import Tally, TallyMark, TallyWait
from .ticket import ShareTime, Ticket

__all__ = [
    "ON_DESK",
    "OPEN",
    "Act",
    "Alert",
    "Attempt",
    "Attribute",
    "Breaker",
    "BulkAct",
    "Handling",
    "Run",
    "RunStatus",
    "ShareTime",
    "Slot",
    "Step",
    "StepStatus",
    "Tally",
    "TallyMark",
    "TallyWait",
    "Ticket",
]
