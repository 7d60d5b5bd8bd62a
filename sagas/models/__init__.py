"""The tables. Only `engine/transitions.py` and `sql/` write the status of a run or a step."""

from .act import Act
from .alert import Alert
from .attempt import Attempt
from .attribute import Attribute
from .bulk_act import BulkAct
from .child import Child
from .handling import Handling
from .participant import Breaker, Slot
from .run import ON_DESK, OPEN, VISIBLE, Run, RunStatus
from .saved_view import SavedView
from .schedule import Schedule, ScheduleAct, ScheduleTick
from .step import Step, StepStatus
from .tally import Tally, TallyMark, TallyWait
from .ticket import ShareTime, Ticket
from .wait import Signal, Wait

__all__ = [
    "ON_DESK",
    "OPEN",
    "VISIBLE",
    "Act",
    "Alert",
    "Attempt",
    "Attribute",
    "Breaker",
    "BulkAct",
    "Child",
    "Handling",
    "Run",
    "RunStatus",
    "SavedView",
    "Schedule",
    "ScheduleAct",
    "ScheduleTick",
    "ShareTime",
    "Signal",
    "Slot",
    "Step",
    "StepStatus",
    "Tally",
    "TallyMark",
    "TallyWait",
    "Ticket",
    "Wait",
]
