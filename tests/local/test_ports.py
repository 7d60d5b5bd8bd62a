"""A port that cannot be used is a sentence that names the variable to set."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from config.local.errors import LocalStackError
from config.local.ports import DEFAULTS, Ports, free_port


@pytest.fixture(autouse=True)
def free_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in DEFAULTS:
        monkeypatch.setenv(variable, str(free_port()))


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize("variable", DEFAULTS)
def test_a_taken_port_is_refused_and_the_variable_named(variable: str, taken: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(variable, str(taken))
    with pytest.raises(LocalStackError, match=rf"^Port {taken} is taken.*make up {variable}=\d+$"):
        Ports.chosen()


@pytest.mark.parametrize("text", ["eighty", "0", "65536", "-1"])
def test_what_is_no_port_is_refused(text: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PORT", text)
    with pytest.raises(LocalStackError, match=rf"^PORT={text} is not a port"):
        Ports.chosen()


def test_two_parts_cannot_share_a_port(monkeypatch: pytest.MonkeyPatch):
    port = str(free_port())
    monkeypatch.setenv("PORT", port)
    monkeypatch.setenv("FLOWER_PORT", port)
    with pytest.raises(LocalStackError, match=f"^PORT and FLOWER_PORT are both {port}"):
        Ports.chosen()


def test_free_ports_are_taken_as_they_are(monkeypatch: pytest.MonkeyPatch):
    port = free_port()
    monkeypatch.setenv("PORT", str(port))
    assert Ports.chosen().site == port
