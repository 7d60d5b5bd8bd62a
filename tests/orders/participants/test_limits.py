"""A call's limits: what was surely not sent, what shares an attempt's time, what is not the business's own no."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
import uuid
from datetime import timedelta
from pathlib import Path

import pytest

from orders.participants import http, payments
from orders.participants.errors import AnswerLost
from sagas.errors import Refused, RetryAfter


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate of localhost and its key, trusted by nobody yet."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl program to make a certificate")
    paths = tmp_path / "certificate", tmp_path / "key"
    options = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    options += ["-addext", "subjectAltName=DNS:localhost", "-out", str(paths[0]), "-keyout", str(paths[1])]
    subprocess.run(["openssl", "req", *options], check=True, capture_output=True)
    return paths


class Bank:
    """Speaks TLS, reads a whole request, and then breaks off in clear text, as a proxy in between may."""

    def __init__(self, certificate: tuple[Path, Path]) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*certificate)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.seen = b""
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}/capture"

    def _serve(self) -> None:
        with self.listener:
            raw, _ = self.listener.accept()
        with raw, raw.dup() as below:
            try:
                with self.context.wrap_socket(raw, server_side=True) as secured:
                    self.seen = secured.recv(65536)
                    below.sendall(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
                    below.recv(1)  # until the caller has gone
            except OSError:
                return  # the caller would not speak to us, or has gone


@pytest.fixture
def session(monkeypatch):
    """This thread's session, as it was before afterwards."""
    found = http.session()
    monkeypatch.setattr(found, "trust_env", False)
    monkeypatch.setattr(found, "verify", True)
    return found


def test_a_secured_connection_that_breaks_after_the_request_leaves_a_doubt(certificate, session):
    bank = Bank(certificate)
    session.verify = str(certificate[0])
    with pytest.raises(AnswerLost):
        http.call("bank", "POST", bank.url, timeout=timedelta(seconds=5), key="k", body={})
    bank.thread.join(10)
    assert b"POST /capture" in bank.seen


def test_a_certificate_that_is_not_trusted_is_met_before_anything_is_sent(certificate, session):
    bank = Bank(certificate)
    with pytest.raises(RetryAfter):
        http.call("bank", "POST", bank.url, timeout=timedelta(seconds=5), key="k", body={})
    bank.thread.join(10)
    assert bank.seen == b""


@pytest.mark.parametrize(
    ("status", "body", "meaning"),
    [
        (409, {"error": {"code": "out_of_stock", "message": "None left."}}, Refused),
        (404, {"error": {"code": "unknown"}}, Refused),
        (404, {}, AnswerLost),
        (400, {"detail": "no"}, AnswerLost),
        (401, {"error": {"code": "unauthorized"}}, RetryAfter),
        (403, {}, RetryAfter),
    ],
)
def test_only_a_no_with_a_code_is_the_businesss_own(status, body, meaning):
    with pytest.raises(meaning):
        http.Answer(status, body).accepted()


def test_the_calls_of_one_attempt_share_its_time(standins):
    """Each call alone would be in time: 1.5 s and 1.5 s, of 2 s. Together they outlast the attempt, and its lease."""
    order = f"S-{uuid.uuid4().hex[:8]}"
    standins.fault("payments", operation="create", kind="slow", delay=1.5, order=order, times=1)
    standins.fault("payments", operation="confirm", kind="slow", delay=1.5, order=order, times=1)
    wish = payments.PaymentRequest(order, 1000, "EUR", "pm_card_visa", "ann@example.com")
    with pytest.raises(AnswerLost):
        payments.authorize(wish, key=order, timeout=timedelta(seconds=2))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("setting", "value"), [("idle_in_transaction_session_timeout", "20s"), ("lock_timeout", "10s")]
)
def test_a_frozen_worker_holds_no_lock_for_ever(setting, value):
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"SHOW {setting}")
        assert cursor.fetchone() == (value,)
