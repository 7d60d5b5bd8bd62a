"""The desk: what operators do with a run, from the admin, the command line or code.

Each act needs a reason, locks the run, checks that its state allows the act, and records who, when, why, before and
after in the same transaction.
"""

from .acts import Actor, DoesNotFit, Person, ReasonMissing
from .again import EffectsDoubled, run_again
from .answers import MayNotAnswer, approve, decline, send_back
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
from .waits import end_wait, postpone

__all__ = [
    "VERBS",
    "Actor",
    "DoesNotFit",
    "EffectsDoubled",
    "Filter",
    "MayNotAnswer",
    "Outcome",
    "Person",
    "ReasonMissing",
    "Resolution",
    "SamePerson",
    "SecondPersonNeeded",
    "Verb",
    "allowed",
    "approve",
    "assign",
    "bulk",
    "comment",
    "compensate",
    "confirm",
    "decline",
    "end_wait",
    "move",
    "open_proposal",
    "pause",
    "postpone",
    "propose",
    "reject",
    "resolve",
    "resume",
    "retry_now",
    "run_again",
    "runs_where",
    "send_back",
    "set_input",
    "skip",
    "snooze",
]
