"""ETag, If-Match and If-None-Match as RFC 9110 (8.8.3, 13.1.1, 13.1.2) has them; docs/decisions/0024 says what a
tag covers."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from ..errors import MalformedCondition

OPAQUE = r'"([\x21\x23-\x7e\x80-\uffff]*)"'
TAG = re.compile(rf"(W/)?{OPAQUE}")
TAG_LIST = re.compile(rf"[ \t,]*(?:(?:W/)?{OPAQUE}[ \t]*(?:,[ \t,]*|$))*")
OURS = re.compile(r"([1-9][0-9]{0,8})-[0-9a-f]{16}")
ANY = "*"


@dataclass(frozen=True, slots=True)
class Tag:
    """An entity tag; `opaque` is what stands between the quotes."""

    opaque: str
    weak: bool = False

    def __str__(self) -> str:
        return f'{"W/" if self.weak else ""}"{self.opaque}"'


@dataclass(frozen=True, slots=True)
class Condition:
    """What stood in If-Match or If-None-Match."""

    any: bool = False
    tags: tuple[Tag, ...] = ()

    def matches_strongly(self, strong: str) -> bool:
        """For If-Match: a weak tag equals nothing. `strong` is the current tag as it stands in ETag."""
        return self.any or strong in map(str, self.tags)

    def matches_weakly(self, strong: str) -> bool:
        """For If-None-Match: whether a tag is weak makes no difference."""
        return self.any or strong in (f'"{tag.opaque}"' for tag in self.tags)

    def versions(self) -> frozenset[int] | None:
        """The versions that the strong tags name; None for any. Tags that are not ours name none."""
        if self.any:
            return None
        named = (OURS.fullmatch(tag.opaque) for tag in self.tags if not tag.weak)
        return frozenset(int(found[1]) for found in named if found)


def parse(name: str, field: str | None) -> Condition | None:
    """The condition in the header field `name`; None when it was not sent. Raises MalformedCondition."""
    if field is None:
        return None
    if field.strip(" \t") == ANY:
        return Condition(any=True)
    if not TAG_LIST.fullmatch(field):
        raise MalformedCondition(name)
    return Condition(tags=tuple(Tag(found[2], weak=bool(found[1])) for found in TAG.finditer(field)))


def tag_of(version: int, content: bytes) -> Tag:
    """The strong tag of what is at this version and whose representation has these bytes."""
    return Tag(f"{version}-{hashlib.sha256(content).hexdigest()[:16]}")
