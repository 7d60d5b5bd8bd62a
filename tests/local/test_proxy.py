"""With a proxy set, and nothing said of what it is not for, this machine is still asked directly."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import requests

from config import env
from config.local import __main__ as launcher
from config.local.ports import free_port


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def here():
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(autouse=True)
def a_proxy_that_answers_nobody(monkeypatch):
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "")  # set back at the end, whatever becomes of it
        monkeypatch.delenv(name)
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")


@pytest.mark.parametrize("said", ["", "example.com, .corp", "127.0.0.1", "*"])
@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_loopback_is_asked_directly(here, name, said, monkeypatch):
    monkeypatch.setenv(name, said)
    env.spare_loopback()
    assert requests.get(here, timeout=5).status_code == 204
    assert all(word in os.environ[name] for word in said.split(", ")), "what was said stays"


def test_the_launcher_and_what_it_starts_ask_directly(here, monkeypatch):
    monkeypatch.setattr(launcher, "check", lambda _home: requests.get(here, timeout=5).status_code)
    monkeypatch.setattr(sys, "argv", ["config.local", "check"])
    assert launcher.main() == 204


@pytest.mark.parametrize("module", ["config.settings", "tests.support.servers"])
def test_whoever_reads_the_settings_asks_directly(here, module):
    code = f"import {module}, requests; print(requests.get({here!r}, timeout=5).status_code)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    assert done.stdout == "204\n", done.stderr
