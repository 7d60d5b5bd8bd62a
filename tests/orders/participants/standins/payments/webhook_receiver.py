"""An address that takes webhooks, as a shop would, and remembers each as it came."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import stripe

from tests.orders.participants.standins.payments.sdk_client import Shop

PATIENCE = 20.0  # seconds that a test waits for an event at most


@dataclass
class Receiver:
    """What came, oldest first. `answers` are the statuses of the next answers; 200 when there are none left."""

    answers: list[int] = field(default_factory=list)
    came: list[tuple[bytes, str]] = field(default_factory=list)
    url: str = ""
    secret: str = ""

    def events(self) -> list[stripe.Event]:
        """Those that are signed with our secret, by the SDK's own check."""
        found = []
        for payload, signature in list(self.came):
            try:
                found.append(stripe.Webhook.construct_event(payload, signature, self.secret))
            except stripe.SignatureVerificationError:
                continue
        return found

    def types(self) -> list[str]:
        return [event.type for event in self.events()]


@contextmanager
def receiving(shop: Shop, *types: str, answers: tuple[int, ...] = ()) -> Iterator[Receiver]:
    """A receiver of events of these types, known to the card processor; without types, of all."""
    receiver = Receiver(list(answers))
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(receiver))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    receiver.url = f"http://127.0.0.1:{server.server_port}/webhooks/stripe"
    wanted: Any = list(types) or ["*"]
    endpoint = shop.api.webhook_endpoints.create({"url": receiver.url, "enabled_events": wanted})
    receiver.secret = str(endpoint.secret)
    try:
        yield receiver
    finally:
        shop.api.webhook_endpoints.delete(endpoint.id)
        server.shutdown()
        server.server_close()


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            payload = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.came.append((payload, self.headers["Stripe-Signature"]))
            self.send_response(receiver.answers.pop(0) if receiver.answers else 200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    return Handler
