"""Views of the run list that people keep: their own, and those that others share with all who may see runs.

What is kept is a query: it is read anew each time, so that *by me* means whoever opens it.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from outbox.messages.texts import plain

from ..errors import SagaError
from ..models import SavedView

FIELDS = ("state", "waits", "step", "code", "saga", "age", "handled", "q", "o")
"""Of a list's query these are kept: its filters, search and order. Not its page."""
MOST = 30
"""Views of one person. Two requests at once may exceed it by one, which harms nobody."""
MAY_SHARE = "sagas.share_savedview"
MOST_FIELDS = 50
LONGEST_NAME, LONGEST_QUERY = 60, 1000  # characters; the columns' lengths

User = Any
"""Who is logged in: a user of Django's with permissions, whatever its class."""


class ViewRefused(SagaError):
    """Nothing was saved or changed: the message says what to do instead."""


def visible(user: User) -> QuerySet[SavedView]:
    """The person's own views and the shared ones, by name."""
    return SavedView.objects.filter(Q(owner=user) | Q(shared=True)).select_related("owner")


def kept_query(query: str) -> str:
    """What is kept of a list's query, its fields in one order; empty for the list as it opens.

    Raises ViewRefused when it is no query, or too long.
    """
    try:
        given = {name: plain(value).strip() for name, value in parse_qsl(query, max_num_fields=MOST_FIELDS)}
    except ValueError as error:
        raise ViewRefused("These are no filters of the run list; go back to it and save from there.") from error
    kept = urlencode([(name, given[name]) for name in FIELDS if given.get(name)])
    if len(kept) > LONGEST_QUERY:
        raise ViewRefused(f"These filters are longer than {LONGEST_QUERY} characters; search for less.")
    return kept


def save(user: User, name: str, query: str, *, shared: bool) -> SavedView:
    """Keep the list of that query under that name. Raises ViewRefused for a name that is empty, too long or taken by
    another view of the person, for one view more than MOST, and for sharing without the permission.
    """
    view = SavedView(owner=user, name=_name(name), query=kept_query(query), shared=shared)
    if shared and not user.has_perm(MAY_SHARE):
        raise ViewRefused("You may not share views; save it for yourself.")
    if SavedView.objects.filter(owner=user).count() >= MOST:
        raise ViewRefused(f"You have {MOST} views, which is the most; delete one first.")
    return _store(view)


def rename(user: User, pk: int, name: str) -> SavedView:
    """Give the view another name. Raises SavedView.DoesNotExist and ViewRefused, see `save`."""
    view = _to_change(user, pk)
    view.name = _name(name)
    return _store(view)


def delete(user: User, pk: int) -> SavedView:
    """Forget the view. Raises SavedView.DoesNotExist and ViewRefused."""
    view = _to_change(user, pk)
    view.delete()
    return view


def may_change(user: User, view: SavedView) -> bool:
    """Whether the person may rename and delete it: its owner, and of shared ones who may share."""
    return bool(view.owner_id == user.pk or (view.shared and user.has_perm(MAY_SHARE)))


def _to_change(user: User, pk: int) -> SavedView:
    view = visible(user).get(pk=pk)
    if not may_change(user, view):
        raise ViewRefused(f"“{view}” is {view.owner}'s; save the list under a name of your own.")
    return view


def _name(given: str) -> str:
    name = " ".join(plain(given).split())
    if not name:
        raise ViewRefused("Give the view a name.")
    if len(name) > LONGEST_NAME:
        raise ViewRefused(f"The name is longer than {LONGEST_NAME} characters; give a shorter one.")
    return name


def _store(view: SavedView) -> SavedView:
    try:
        with transaction.atomic():
            view.save()
    except IntegrityError as error:
        raise ViewRefused(f"There is a view named “{view}” already; take another name, or delete that one.") from error
    return view
