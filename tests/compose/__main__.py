"""`make compose-test`: the compose file brought up, orders placed, containers killed and frozen, the books compared.

Exit codes: 0 when all held, 1 with a sentence when something did not.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
import uuid
from collections import Counter
from typing import Any

import requests

from config.env import spare_loopback
from config.local.demo_orders import FINAL
from config.local.errors import LocalStackError
from config.local.ledger_check import ledgers_of
from config.local.up import stopped_by_signals

from .composed import SERVERS, Composed
from .engine import engine, images

# Cards that Stripe knows, too: outside a developer's machine the shop takes no others.
MIX = ("pm_card_visa", "pm_card_visa", "pm_card_visa_chargeDeclined", "pm_card_visa")
CATALOGUE = "from orders.management.commands.load_local import load_catalogue; print(load_catalogue())"
NOT_SET = ("EMAIL_PORT", "CELERY_BROKER_URL", "SECURE_SSL_REDIRECT", "STRIPE_API_KEY", "DEBUG", "SETTLE_LOCAL")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.compose", description=__doc__)
    parser.add_argument("--orders", type=int, default=20, help="how many to place (20)")
    orders = parser.parse_args().orders
    spare_loopback()
    try:
        with stopped_by_signals(), engine():
            say("Having the images …")
            images()
            say("Bringing all of it up …")
            with Composed() as composed:
                story(composed, orders)
    except LocalStackError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # asked to stop: all that was started is taken away by now
        return 1
    say("All of it held.")
    return 0


def story(composed: Composed, orders: int) -> None:
    say(f"All are healthy:\n{composed.table()}")
    check_settings(composed)
    composed.run("web", "python", "manage.py", "shell", "--no-imports", "-c", CATALOGUE)
    placed = place(composed, orders)
    say(f"{len(placed)} orders are placed; killing every container, one after the other …")
    for service in (*composed.parts, *sorted(SERVERS)):
        composed.kill(service)
        say(f"  {service} was killed and runs again")
    seconds = composed.wait("all are healthy again", composed.all_well, 240)
    say(f"All are healthy again, {seconds:.0f} s after the last kill.")
    settle(composed, placed)
    freeze(composed)
    settle(composed, place(composed, orders))
    codes = composed.stop()
    killed = sorted(name for name, code in codes.items() if code not in (0, 143))
    if killed:
        raise LocalStackError(f"Told to stop, these did not end by themselves in time: {killed} of {codes}")
    say("Told to stop, each ended by itself.")


def check_settings(composed: Composed) -> None:
    """What nobody set outside is not there inside, rather than empty; `test_compose_settings.py` sees to the rest."""
    inside = dict(line.partition("=")[::2] for line in composed.run("web", "env").splitlines())
    if found := sorted(set(NOT_SET) & inside.keys()):
        raise LocalStackError(f"Set in the container although nobody set it: {found}")


def place(composed: Composed, orders: int) -> list[dict[str, Any]]:
    """Orders with mixed cards, half of them carried by events alone."""
    skus = [
        product["sku"] for product in get(composed, "/api/products")["results"] if (product["available"] or 0) > 100
    ]
    placed = []
    for card, sku, how, _ in zip(
        itertools.cycle(MIX),
        itertools.cycle(skus),
        itertools.cycle(("saga", "choreography")),
        range(orders),
        strict=False,
    ):
        body = {"email": "ann@example.com", "payment_method": card, "lines": [{"sku": sku, "quantity": 1}]}
        answer = requests.post(
            f"{composed.site}/api/orders",
            json={**body, "coordination": how},
            headers={"Idempotency-Key": str(uuid.uuid4())},
            timeout=30,
        )
        if answer.status_code != 201:
            raise LocalStackError(f"The shop refused an order with {answer.status_code}: {answer.text[:300]}")
        placed.append(answer.json())
    return placed


def settle(composed: Composed, placed: list[dict[str, Any]]) -> None:
    """Wait until every order has ended, and compare the shop's books with the ledgers of the stand-ins."""

    def standing() -> dict[str, str]:
        return {order["id"]: get(composed, f"/api/orders/{order['id']}")["status"] for order in placed}

    seconds = composed.wait("every order ends", lambda: set(standing().values()) <= FINAL, 300)
    ended = standing()
    differences = [
        difference
        for order in placed
        for difference in ledgers_of(composed.standins, order["number"]).differences(
            ended[order["id"]], round(float(order["total"]) * 100)
        )
    ]
    if differences:
        raise LocalStackError("The books differ:\n" + "\n".join(differences))
    say(f"{len(placed)} orders ended within {seconds:.0f} s more: {dict(Counter(ended.values()))}; the books agree.")


def freeze(composed: Composed) -> None:
    """SIGSTOP to every process of every part: each check turns, and returns with SIGCONT."""
    parts = composed.parts
    for service in parts:
        composed.signal(service, "STOP")
    seconds = composed.wait_for_health(parts, "unhealthy", 240)
    say(f"Frozen, each of {', '.join(parts)} is unhealthy within {seconds:.0f} s.")
    for service in parts:
        composed.signal(service, "CONT")
    seconds = composed.wait("all are healthy again", composed.all_well, 240)
    say(f"Awake, all are healthy within {seconds:.0f} s.")


def get(composed: Composed, path: str) -> Any:
    answer = requests.get(f"{composed.site}{path}", timeout=30)
    answer.raise_for_status()
    return answer.json()


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
