"""What the environment says is read, or refused with words."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured

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
