"""CloudEvents of any system are read as messages; what is none is refused with its reason."""

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest

from outbox.errors import CannotRead
from outbox.messages.cloudevents import Encoder, decode
from tests.support.outbox.outgoing import envelope

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LEAST = {"specversion": "1.0", "id": "A-17", "source": "urn:partner", "type": "partner.parcel_sent"}


def read(**attributes: object):
    return decode(json.dumps({**LEAST, **attributes}).encode(), received_at=NOW)


def test_what_we_write_we_read():
    one = envelope("a", "order:7")
    again = decode(Encoder("https://shop.example").encode(one), received_at=NOW)
    assert again[:5] == one[:5]
    assert again.written_at == one.written_at
    assert json.loads(again.headers).items() >= json.loads(one.headers).items()


def test_the_least_event_there_is_has_version_1_and_no_body():
    one = read()
    assert (one.type, one.version, one.key, one.payload) == ("partner.parcel_sent", 1, "", "null")
    assert one.written_at == NOW
    assert json.loads(one.headers) == {"source": "urn:partner", "source_id": "A-17"}


def test_an_id_that_is_no_uuid_becomes_one_of_source_and_id():
    assert UUID(read().id).version == 5
    assert read().id == read(time="2026-11-01T10:00:00Z").id
    assert read().id != read(source="urn:other").id != read(id="A-18").id
    known = "0192f5d2-7b1c-7c3e-9f5e-0242ac120002"
    assert read(id=known.upper()).id == known


def test_a_copy_of_an_event_belongs_to_the_same_day_whenever_it_comes():
    early = read(time="2026-11-01T23:30:00-02:00")
    assert str(early.day) == "2026-11-02"


def test_attributes_may_be_null_or_strings():
    one = read(dataversion="3", subject=None, time=None, traceparent=None)
    assert (one.version, one.key) == (3, "")


def test_data_is_passed_on_unread():
    body = json.dumps(LEAST)[:-1] + ', "data": {"price": 1.500,  "n": 12345678901234567890}}'
    assert decode(body.encode(), received_at=NOW).payload == '{"price": 1.500,  "n": 12345678901234567890}'


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"specversion": "0.3"}, "version 0.3; 1.0 is read here"),
        ({"id": ""}, "'' cannot be a CloudEvent's id"),
        ({"source": ""}, "cannot be a CloudEvent's source"),
        ({"type": "a\nb"}, "cannot be a CloudEvent's type"),
        ({"subject": "nul\0"}, "cannot be a CloudEvent's subject"),
        ({"subject": "x" * 201}, "length <= 200"),
        ({"type": "x" * 101}, "length <= 100"),
        ({"dataversion": 0}, ">= 1"),
        ({"dataversion": 40_000}, "<= 32767"),
        ({"time": "yesterday"}, "time"),
        ({"time": "2026-11-01T10:00:00"}, "timezone"),
        ({"time": "0001-01-01T00:00:00+14:00"}, "date value out of range"),
        ({"data_base64": "AAAA"}, "data is binary"),
        ({"id": 7}, "Expected `str`"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_reason(attributes, reason):
    with pytest.raises(CannotRead, match=reason):
        read(**attributes)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"[]",
        b'{"specversion":"1.0"}',
        b'{"specversion":"1.0","id":"\xff"}',
        b"[" * 100_000,
        json.dumps(LEAST).encode()[:-1] + b', "data": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        json.dumps(LEAST).encode()[:-1] + b', "data": "\x00"}',
        json.dumps(LEAST).encode()[:-1] + b', "data": "\xff"}',
        json.dumps(LEAST).encode()[:-1] + b', "subject": "\\ud800"}',
    ],
)
def test_what_is_no_cloud_event_is_refused(body):
    with pytest.raises(CannotRead):
        decode(body, received_at=NOW)
