"""Parts of the admin's first page that apps give it, below what needs a person, what waits and what moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page."""

    name: str
    """Each name once: a section of the same name takes the place of the one before."""
    template: str
    order: int = 100
    """Those with a smaller number stand above."""
    permission: str = ""
    """Who lacks it does not see the part; empty for everybody who may see the admin."""
    context: Callable[[HttpRequest], dict[str, Any] | None] | None = None
    """What the template is given beside the page's own values. None leaves the part out."""


_sections: dict[str, Section] = {}


def add_section(section: Section) -> None:
    """Register a part of the page. Call it from an app's `ready()`."""
    _sections[section.name] = section


def sections_for(request: HttpRequest) -> Iterator[tuple[Section, dict[str, Any]]]:
    """The parts that the user of the request may see, in order, each with what its template is given."""
    for section in sorted(_sections.values(), key=lambda one: (one.order, one.name)):
        if section.permission and not request.user.has_perm(section.permission):
            continue
        given = section.context(request) if section.context else {}
        if given is not None:
            yield section, given
