"""What the environment says is read, or refused with words."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured
from kombu import Connection

from config import env


@pytest.mark.parametrize(("text", "value"), [("587", 587), (" 0.5 ", 0.5), ("", 25), (None, 25)])
def test_a_number_is_read_and_what_is_empty_has_the_default(text, value, monkeypatch):
    monkeypatch.delenv("EMAIL_PORT", raising=False)
    if text is not None:
        monkeypatch.setenv("EMAIL_PORT", text)
    assert env.number("EMAIL_PORT", 25) == value


@pytest.mark.parametrize("text", ["smtp", "-1", "nan", "inf", "²"])
def test_what_is_no_number_is_refused_with_the_name(text, monkeypatch):
    monkeypatch.setenv("EMAIL_PORT", text)
    with pytest.raises(ImproperlyConfigured, match=r"^EMAIL_PORT=.* is not a number of zero or more, such as 25\.$"):
        env.number("EMAIL_PORT", 25)


@pytest.mark.parametrize(
    ("given", "broker"),
    [
        ({"REDIS_URL": "redis://r:6379/0"}, "redis://r:6379/0"),
        ({"REDIS_URL": "redis://r:6379/0?protocol=3"}, "redis://r:6379/0"),
        ({"REDIS_URL": "rediss://r/0?ssl_cert_reqs=required&protocol=3"}, "rediss://r/0?ssl_cert_reqs=required"),
        ({"REDIS_URL": "redis://r/0", "CELERY_BROKER_URL": "amqp://q//"}, "amqp://q//"),
        ({"REDIS_URL": "redis://r/0", "CELERY_BROKER_URL": ""}, "redis://r/0"),
    ],
)
def test_the_broker_is_redis_by_an_address_that_celery_can_read(given, broker):
    assert env.broker_url(given) == broker
    Connection(env.broker_url(given))
