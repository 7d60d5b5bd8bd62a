"""What operators can do with a run: called by the admin, the command line and code alike.

Each act locks the run, checks the state it was decided on, needs a reason, and writes who, when, why, before and after
in the same transaction.
"""

from .acts import Actor, DoesNotFit, Person, ReasonMissing
from .batches import Outcome, bulk
from .input_changes import set_input
from .pauses import pause, resume
from .proposals import SamePerson, confirm, open_proposal, propose, reject
from .resolutions import Resolution, compensate, resolve, retry_now
from .second_person import SecondPersonNeeded
from .selection import Filter
from .skips import skip
from .verbs import VERBS, Verb, allowed
from .version_moves import move

__all__ = [
    "VERBS",
    "Actor",
    "DoesNotFit",
    "Filter",
    "Outcome",
    "Person",
    "ReasonMissing",
    "Resolution",
    "SamePerson",
    "SecondPersonNeeded",
    "Verb",
    "allowed",
    "bulk",
    "compensate",
    "confirm",
    "move",
    "open_proposal",
    "pause",
    "propose",
    "reject",
    "resolve",
    "resume",
    "retry_now",
    "set_input",
    "skip",
]
