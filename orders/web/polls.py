"""Open pages that ask whether anything is new give way to customers who order.

A thread that answers such a question is one that takes no order meanwhile. So only some of the process's threads answer
them at once; whoever asks beyond that hears that nothing is new, from no statement, and asks again a moment later.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.http import HttpRequest, HttpResponse

AT_ONCE = 4
"""Of the eight threads of a web process (Dockerfile, `make up`)."""

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]

_turns = threading.BoundedSemaphore(AT_ONCE)


def gives_way(view: View[P]) -> View[P]:
    """A view that an open page asks again and again; 204, nothing new, while AT_ONCE others are being answered."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not _turns.acquire(blocking=False):
            return HttpResponse(status=204)
        try:
            return view(request, *args, **kwargs)
        finally:
            _turns.release()

    return guarded
