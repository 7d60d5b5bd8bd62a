"""Messages as CloudEvents 1.0 in JSON, the form in which other systems get them, and back.

Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md and formats/json-format.md there. Structured
mode: one JSON object holds the attributes and, under `data`, the payload's text as `publish` made it, not parsed again.
"""

from __future__ import annotations

import contextlib
import re
from datetime import UTC, datetime
from json.encoder import encode_basestring as quoted
from typing import Annotated
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec

from ..errors import CannotRead
from . import codec
from .envelope import Envelope

MEDIA_TYPE = "application/cloudevents+json"
FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
"""Characters that the specification's type String excludes; of the noncharacters only those of the first plane."""


class Headers(msgspec.Struct):
    """What `publish` writes into a message's headers."""

    traceparent: str = ""
    request_id: str = msgspec.field(name="X-Request-Id", default="")
    caused_by: str = ""


_headers_of = msgspec.json.Decoder(Headers).decode


class Encoder:
    """Makes the CloudEvents of one source.

    The message's id, type and key become `id`, `type` and `subject`; its version becomes the extension `dataversion`;
    its headers become `traceparent`, `correlationid` (the request id) and `causationid`, as the extensions for
    distributed tracing and correlation define.
    """

    def __init__(self, source: str) -> None:
        """`source`: a URI that names this system and never changes; source and id together identify an event."""
        self._source = _attribute("source", source)
        self._kinds: dict[tuple[str, int], str] = {}

    def encode(self, one: Envelope) -> bytes:
        """The message as UTF-8 JSON. Raises ValueError for text that a CloudEvent cannot carry."""
        kind = self._kinds.get((one.type, one.version)) or self._kind(one.type, one.version)
        headers = _headers_of(one.headers)
        text = f'{{"specversion":"1.0","id":"{one.id}"{kind},"time":"{one.occurred_at}"'
        if one.key:
            text += _attribute("subject", one.key)
        if headers.traceparent:
            text += _attribute("traceparent", headers.traceparent)
        if headers.request_id:
            text += _attribute("correlationid", headers.request_id)
        if headers.caused_by:
            text += _attribute("causationid", headers.caused_by)
        return f'{text},"data":{one.payload}}}'.encode()

    def _kind(self, type_: str, version: int) -> str:
        """What all events of this type and version have in common; made once."""
        common = f'{self._source}{_attribute("type", type_)},"datacontenttype":"application/json"'
        self._kinds[type_, version] = made = f'{common},"dataversion":{version}'
        return made


def _attribute(name: str, value: str) -> str:
    """One member of the JSON object."""
    if not value or not (value.isprintable() or FORBIDDEN.search(value) is None):
        raise ValueError(f"{value!r} cannot be a CloudEvent's {name}: give text without control characters.")
    return f',"{name}":{quoted(value)}'


class _CloudEvent(msgspec.Struct):
    specversion: str
    id: str
    source: str
    type: Annotated[str, msgspec.Meta(max_length=100)]
    subject: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    time: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    dataversion: Annotated[int, msgspec.Meta(ge=1, le=32767)] | None = None
    traceparent: str | None = None
    correlationid: str | None = None
    causationid: str | None = None
    data: msgspec.Raw = msgspec.Raw(b"null")
    data_base64: str | None = None


_event_of = msgspec.json.Decoder(_CloudEvent, strict=False).decode  # attributes may be canonical strings


def decode(body: bytes, *, received_at: datetime) -> Envelope:
    """The message in a CloudEvent of any system; its data is not parsed. Raises CannotRead for anything else.

    `received_at` replaces a missing `time`. An id that is no UUID becomes a UUID made of source and id; the headers
    keep both. Without `dataversion` the version is 1.
    """
    try:
        event = _event_of(body)
        payload = bytes(event.data).decode()
        at = (event.time or received_at).astimezone(UTC).isoformat()
    except (ValueError, OverflowError, RecursionError) as error:
        raise CannotRead(f"This is not a CloudEvent in JSON: {error}.") from error
    _check(event, payload)
    headers = {
        "traceparent": event.traceparent,
        "X-Request-Id": event.correlationid,
        "caused_by": event.causationid,
        "source": event.source,
        "source_id": event.id,
    }
    carried = codec.encode({name: value for name, value in headers.items() if value})
    version, key = event.dataversion or 1, event.subject or ""
    return Envelope(_uuid_of(event), event.type, version, key, payload, carried, at)


def _check(event: _CloudEvent, payload: str) -> None:
    if event.specversion != "1.0":
        raise CannotRead(f"This is a CloudEvent of version {event.specversion}; 1.0 is read here.")
    if event.data_base64 is not None:
        raise CannotRead("This CloudEvent's data is binary; JSON is read here.")
    if "\0" in payload:
        raise CannotRead("This CloudEvent's data contains a NUL character, which JSON does not allow.")
    for name in ("id", "source", "type", "subject"):
        value = getattr(event, name)
        if (not value and name != "subject") or FORBIDDEN.search(value or ""):
            raise CannotRead(f"{value!r} cannot be a CloudEvent's {name}.")


def _uuid_of(event: _CloudEvent) -> str:
    with contextlib.suppress(ValueError):
        if str(UUID(event.id)) == event.id.lower():
            return event.id.lower()
    return str(uuid5(NAMESPACE_URL, f"{event.source}\n{event.id}"))
