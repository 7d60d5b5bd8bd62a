"""An alert is posted, signed as Standard Webhooks says; what is not taken is tried again."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from outbox import PermanentFailure
from sagas.alerts import letters, webhook
from sagas.alerts.events import AlertBegan, AlertEnded

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
AT = datetime(2026, 3, 4, 12, tzinfo=UTC)
BEGAN = AlertBegan("still", "", "Orders stand still", "3 wait.", "Look.", 3.0, AT)


class Receiver(HTTPServer):
    """A receiver of webhooks; it answers with `status`."""

    status = 204

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.got: list[tuple[dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/alerts"


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(self.server.status)
        self.send_header("location", "http://127.0.0.1:1/elsewhere")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing on stderr."""


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    with Receiver() as server:
        settings.SAGAS_ALERT_WEBHOOK, settings.SAGAS_ALERT_WEBHOOK_SECRET = server.url, SECRET
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_the_signature_is_that_of_the_standards_own_example(settings):
    settings.SAGAS_ALERT_WEBHOOK_SECRET = SECRET
    made = webhook.headers("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert made["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_while_one_secret_replaces_another_both_sign(settings):
    settings.SAGAS_ALERT_WEBHOOK_SECRET = f"{SECRET} whsec_AAAA"
    assert len(webhook.headers("id", 1, b"")["webhook-signature"].split()) == 2


def test_it_is_posted_with_its_headers(receiver):
    webhook.post("0198", letters.body(BEGAN))
    (headers, body) = receiver.got[0]
    assert headers["webhook-id"] == "0198"
    assert (
        headers["webhook-signature"]
        == webhook.headers("0198", int(headers["webhook-timestamp"]), body)["webhook-signature"]
    )
    told = json.loads(body)
    assert told["type"] == "alert.began"
    assert told["data"]["words"] == "3 wait."
    ended = json.loads(letters.body(AlertEnded("still", "", "Orders stand still", AT, 90.0, "olga")))
    assert (ended["type"], ended["data"]["seconds"], ended["data"]["acknowledged_by"]) == ("alert.ended", 90.0, "olga")


@pytest.mark.parametrize("status", [301, 404, 500])
def test_what_is_not_taken_is_tried_again_and_no_redirect_is_followed(receiver, status):
    receiver.status = status
    with pytest.raises(OSError, match=str(status)):
        webhook.post("0198", b"{}")
    assert len(receiver.got) == 1


def test_an_address_whose_owner_wants_no_more_is_not_tried_again(receiver):
    receiver.status = 410
    with pytest.raises(PermanentFailure, match="410"):
        webhook.post("0198", b"{}")


def test_without_an_address_nothing_is_posted(settings):
    settings.SAGAS_ALERT_WEBHOOK = ""
    webhook.post("0198", b"{}")


@pytest.mark.parametrize("secret", ["", "whsec_not base64!"])
def test_a_secret_that_is_none_is_refused(settings, secret):
    settings.SAGAS_ALERT_WEBHOOK_SECRET = secret
    with pytest.raises(ValueError, match="SAGAS_ALERT_WEBHOOK_SECRET"):
        webhook.secrets()
