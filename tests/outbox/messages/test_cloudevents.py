"""What other systems get: CloudEvents 1.0, as the specification has them."""

import json
import re
from datetime import datetime

import pytest

from outbox.messages import trace
from outbox.messages.cloudevents import Encoder
from tests.support.outbox.outgoing import envelope

encode = Encoder("https://shop.example").encode


def test_a_message_is_a_cloud_event_with_its_trace():
    started = trace.start()
    one = envelope("a", "order:7", json.dumps({**started.headers(), "caused_by": "an earlier id"}))
    event = json.loads(encode(one))
    assert datetime.fromisoformat(event.pop("time")).tzinfo is not None
    assert event == {
        "specversion": "1.0",
        "id": str(one.id),
        "source": "https://shop.example",
        "type": "host.item_counted",
        "datacontenttype": "application/json",
        "dataversion": 2,
        "subject": "order:7",
        "traceparent": started.traceparent,
        "correlationid": started.request_id,
        "causationid": "an earlier id",
        "data": json.loads(one.payload),
    }


def test_attribute_names_are_short_and_of_lower_case_letters_and_digits():
    names = json.loads(encode(envelope("a", "k", json.dumps({**trace.start().headers(), "caused_by": "x"}))))
    assert all(re.fullmatch("[a-z0-9]{1,20}", name) for name in names)


def test_what_is_missing_is_left_out_not_empty():
    event = json.loads(encode(envelope("a", "", "{}")))
    assert not {"subject", "traceparent", "correlationid", "causationid"} & event.keys()


def test_the_payload_is_the_text_that_publish_made():
    one = envelope("a", "k")._replace(payload='{"price": 1.500,  "big":12345678901234567890}')
    assert encode(one).endswith(b'"data":{"price": 1.500,  "big":12345678901234567890}}')


@pytest.mark.parametrize("key", ['a "quoted" \\ key', "ключ:ß", "𝄞", "a/b\u00a0c"])
def test_any_printable_key_arrives_as_it_is(key):
    assert json.loads(encode(envelope("a", key)))["subject"] == key


@pytest.mark.parametrize("key", ["line\nbreak", "\x7f", "\ufdd0", "\ud800"])
def test_a_key_that_a_cloud_event_cannot_carry_is_an_error_that_says_so(key):
    with pytest.raises(ValueError, match="cannot be a CloudEvent's subject: give text without control characters"):
        encode(envelope("a", key))


def test_headers_that_cannot_be_read_are_an_error():
    with pytest.raises(ValueError, match="JSON is malformed"):
        encode(envelope("a", "k", "not json"))


def test_a_source_is_needed():
    with pytest.raises(ValueError, match="cannot be a CloudEvent's source"):
        Encoder("")
