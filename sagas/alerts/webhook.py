"""Posts an alert to SAGAS_ALERT_WEBHOOK, signed as Standard Webhooks says (standardwebhooks.com, version 1.0)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from outbox import PermanentFailure

from ..settings import saga_settings

PATIENCE = 15.0  # seconds for the answer
GONE = 410
"""Its owner wants no more: the message becomes a dead letter at once."""


def secrets() -> list[bytes]:
    """The keys of SAGAS_ALERT_WEBHOOK_SECRET: one, or several while one replaces another. Raises ValueError."""
    found = saga_settings.ALERT_WEBHOOK_SECRET.split()
    if not found:
        raise ValueError("SAGAS_ALERT_WEBHOOK_SECRET is empty: a webhook is signed.")
    try:
        return [base64.b64decode(one.removeprefix("whsec_"), validate=True) for one in found]
    except binascii.Error as error:
        raise ValueError("SAGAS_ALERT_WEBHOOK_SECRET is whsec_ and base64, several with spaces between.") from error


def headers(message_id: str, at: int, body: bytes) -> dict[str, str]:
    """The three headers of the standard; `at`: seconds since 1970. Raises ValueError for a secret that is none."""
    signed = b".".join([message_id.encode(), str(at).encode(), body])
    made = [base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode() for key in secrets()]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(f"v1,{one}" for one in made),
    }


def post(message_id: str, body: bytes) -> None:
    """Post it; without an address nothing is sent. The same message has the same id, by which a receiver knows a copy.

    Raises OSError when it was not taken, so that it is tried again; PermanentFailure when its owner wants no more.
    """
    url = saga_settings.ALERT_WEBHOOK
    if not url:
        return
    sent = {"content-type": "application/json", **headers(message_id, int(time.time()), body)}
    try:
        with build_opener(_NoRedirects).open(Request(url, body, sent, method="POST"), timeout=PATIENCE):  # noqa: S310
            return
    except HTTPError as error:
        if error.code == GONE:
            raise PermanentFailure(f"{url} answers 410: its owner wants no more alerts.") from error
        raise


class _NoRedirects(HTTPRedirectHandler):
    """A redirect is a failure: the address in the settings is the one that was meant."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None
