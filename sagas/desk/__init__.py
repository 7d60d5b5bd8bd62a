"""The desk: what operators do with a run, from the admin, the command line or code.

Each act needs a reason, locks the run, checks that its state allows the act, and records who, when, why, before and
after in the same transaction.
"""

from .acts import Actor, DoesNotFit, Person, ReasonMissing
from .attributes import runs_where
from .batches import Outcome, bulk
from .handling import assign, comment, snooze
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
    "assign",
    "bulk",
    "comment",
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
    "runs_where",
    "set_input",
    "skip",
    "snooze",
]
