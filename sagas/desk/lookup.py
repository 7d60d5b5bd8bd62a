"""Finds what a person typed: the run, the proposal, the acting user."""

from __future__ import annotations

import getpass
from uuid import UUID

from django.contrib.auth import get_user_model

from ..models import Act, Attempt, Run
from .acts import Actor, DoesNotFit, Person
from .proposals import PROPOSE, verb_of
from .verbs import Verb

NEWEST_ATTEMPTS = 50_000
"""So many attempts are looked through for a task; read along the primary key."""


def run_named(text: str) -> Run:
    """The run of that id, or of `<saga>:<key>`. Raises DoesNotFit when there is none."""
    try:
        return Run.objects.get(pk=UUID(text))
    except ValueError:
        saga, _, key = text.partition(":")
        found = Run.objects.filter(name=saga, key=key).first()
    except Run.DoesNotExist:
        found = None
    if found is None:
        raise DoesNotFit(f"There is no run {text}: give its id, or its saga and key, such as checkout:order:42.")
    return found


def run_of_task(task_id: str) -> Run | None:
    """The run of which that Celery task carried out a step, among the newest attempts; None when it is not there.

    Attempts have no index by task: it would cost every step, and Flower forgets as many tasks sooner.
    """
    newest = Attempt.objects.order_by("-pk").values_list("pk", flat=True).first()
    recent = Attempt.objects.filter(pk__gt=(newest or 0) - NEWEST_ATTEMPTS, task_id=task_id)
    found = recent.select_related("run").order_by("-pk").first() if task_id else None
    return found.run if found else None


def proposed_verb(proposal_id: int) -> Verb:
    """The verb of the proposal of that number. Raises DoesNotFit when there is none."""
    proposal = Act.objects.filter(pk=proposal_id, verb__startswith=PROPOSE).first()
    if proposal is None:
        raise DoesNotFit(f"There is no proposal {proposal_id}.")
    return verb_of(proposal)


def acting_user(username: str | None, verb: Verb) -> Actor:
    """The user of that name, who must have the verb's permission, if any; without a name, the operating system's user.

    Whoever can run commands on the server may do everything; a named user may do what their permissions allow. Raises
    DoesNotFit when there is no such user, or the permission is missing.
    """
    if username is None:
        return Person(getpass.getuser())
    user = get_user_model()._default_manager.filter(**{get_user_model().USERNAME_FIELD: username}).first()
    if user is None:
        raise DoesNotFit(f"There is no user {username}.")
    if verb.permission and not user.has_perm(verb.permission):
        raise DoesNotFit(f"{username} may not {verb.title.lower()}: the permission {verb.permission} is missing.")
    return user
