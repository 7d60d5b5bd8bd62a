"""What an error quotes of our secrets is stored, shown and logged without them."""

from __future__ import annotations

import json
import logging

import pytest

from config.logs import logging_config
from outbox import masking, sql
from outbox.heartbeats import heartbeat
from outbox.masking import MASK, masked
from outbox.models import DeadLetter, Heartbeat
from outbox.transports.memory import MemoryTransport
from tests.support.hostapp.subscribers import FIRST
from tests.support.outbox.relaying import relay_to

OURS = "our-own-key-4711"
LIVE = "sk_live_51Habcdefgh"


@pytest.fixture(autouse=True)
def _secrets(settings):
    settings.COMPANY_API_KEY = OURS
    settings.COMPANY_WEBHOOK_SECRET = "first-secret-1 second-secret-2"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"Invalid API Key provided: {LIVE}", f"Invalid API Key provided: sk_{MASK}"),
        (f"the key {OURS} is not known", f"the key {MASK} is not known"),
        ("second-secret-2 is old, so is first-secret-1", f"{MASK} is old, so is {MASK}"),
        ("redis://user:pa55word@host:6379/0 is away", f"redis://user:{MASK}@host:6379/0 is away"),
        ("redis://host:6379/0 and a@b.example are no secrets", "redis://host:6379/0 and a@b.example are no secrets"),
        ("Authorization: Bearer abcdefghijklm", f"Authorization: Bearer {MASK}"),
        ("rk_test_123456 and whsec_abcd12==", f"rk_{MASK} and whsec_{MASK}"),
        ("a task, a risk_value, Basic things", "a task, a risk_value, Basic things"),
    ],
)
def test_secrets_are_hidden_and_all_else_is_kept(text, shown):
    assert masked(text) == shown


def test_a_secret_that_is_another_s_beginning_leaves_nothing_of_it(settings):
    settings.OTHER_PASSWORD = "our-own-key"
    assert masked(OURS) == MASK


def test_a_short_value_hides_nothing(settings):
    settings.OTHER_PASSWORD = "a"
    assert masked("a banana") == "a banana"


@pytest.mark.django_db(transaction=True)
def test_the_password_of_the_database_is_hidden(settings, monkeypatch):
    monkeypatch.setitem(settings.DATABASES["default"], "PASSWORD", "of-the-database")
    masking._known.cache_clear()
    assert masked("no access with of-the-database") == f"no access with {MASK}"
    masking._known.cache_clear()


@pytest.mark.django_db(transaction=True)
def test_a_dead_letter_holds_neither_in_its_text_nor_in_its_traceback(commit):
    commit("a")
    transport = MemoryTransport()
    relay_to(transport).drain()
    trail = f"Traceback: no such key {OURS}"
    sql.dead_letter_delivery(transport.sent[0].envelope, FIRST, 1, ("ValueError", f"no such key {OURS}", trail))
    letter = DeadLetter.objects.get()
    assert (letter.error, letter.traceback) == (f"no such key {MASK}", f"Traceback: no such key {MASK}")


@pytest.mark.django_db(transaction=True)
def test_a_duty_that_fails_says_why_without_it():
    heartbeat.failed("sagas.sweep", ValueError(OURS))
    assert OURS not in Heartbeat.objects.get().error


@pytest.mark.parametrize("as_json", [True, False])
def test_no_log_line_shows_it_not_even_in_a_traceback(as_json):
    build = dict(logging_config(as_json=as_json, level="INFO")["formatters"]["structured"])
    formatter = build.pop("()")(**build)
    try:
        raise KeyError(OURS)
    except KeyError as error:
        record = logging.LogRecord("outbox.x", logging.ERROR, __file__, 1, f"found {LIVE}", (), (KeyError, error, None))
    record.quoted = OURS
    line = formatter.format(record)
    assert OURS not in line
    assert LIVE not in line
    assert MASK in (json.loads(line)["event"] if as_json else line)
