"""Requests are counted by the address that the site declares, in all processes of the web together."""

from __future__ import annotations

import os
import signal

import pytest
import requests

from config.local.ports import free_port
from tests.support.workers import until

from .exported import families, scrape


def count(text: str, **labels: str) -> float:
    samples = families(text)["http_requests_total"].samples
    return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())


@pytest.mark.django_db
def test_a_request_is_counted_by_its_view_whatever_ids_are_in_its_address(client):
    before = scrape(client)
    for number in ("1", "2"):
        assert client.get(f"/orders/00000000-0000-4000-8000-00000000000{number}/").status_code == 404
    for path in ("/wp-login.php", "/.env"):
        client.get(path)
    client.generic("BREW", "/")
    after = scrape(client)
    orders = {"view": "/orders/<uuid:order_id>/", "status": "404", "method": "GET"}
    assert count(after, **orders) - count(before, **orders) == 2
    assert count(after, view="other") - count(before, view="other") == 2
    assert count(after, method="other") - count(before, method="other") == 1
    assert count(after, view="/metrics") - count(before, view="/metrics") == 1
    text = families(after)["http_request_seconds"].samples
    assert {sample.labels["view"] for sample in text} >= {"/livez", "/metrics", orders["view"]}


def test_all_processes_of_the_web_are_counted_and_one_that_dies_takes_nothing_along(programs):
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = ["-m", "gunicorn", "config.wsgi", "--config", "python:config.web_server", "--bind", f"127.0.0.1:{port}"]
    web = programs.start("web", [*command, "--preload", "--workers", "2", "--threads", "2", "--no-control-socket"])
    seen: set[str] = set()

    def text() -> str:
        return requests.get(f"{url}/metrics", timeout=10).text

    def ask() -> bool:
        try:
            requests.get(f"{url}/livez", timeout=2)
        except requests.RequestException:
            return False
        seen.update(children(web.process.pid))
        return True

    until(ask, 60, what="the web answers")
    for _ in range(40):
        ask()
    counted = count(text(), view="/livez")
    assert counted == 41
    for pid in children(web.process.pid):
        os.kill(int(pid), signal.SIGKILL)
    until(lambda: len(children(web.process.pid) - seen) == 2 and ask(), 60, what="both processes are replaced")
    assert count(text(), view="/livez") > counted
    web.terminate()


def children(pid: int) -> set[str]:
    with open(f"/proc/{pid}/task/{pid}/children") as file:  # noqa: PTH123
        return set(file.read().split())
