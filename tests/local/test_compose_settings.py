"""Each setting that the environment can choose reaches the containers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
STANDINS = {"standins", "standins-migrate", "upkeep"}
SHOP = {name for name, service in SERVICES.items() if "build" in service} - STANDINS
NOT_IN_CONTAINERS = {"SETTLE_LOCAL", "DEBUG"}  # a developer's machine alone
TOLD_TO_SOME = {"SETTLE_PROCESS"}  # jobs that run once have no name
FIXED = {"WAREHOUSE_STREAM", "WAREHOUSE_LEASE", "STANDINS_HEARTBEAT_EVERY"}
"""Of the stand-ins: known to the consumer's command as well, or of interest to tests alone."""

READ = re.compile(r'env\.(?:text|flag|number|words|required)\(\s*"([A-Z_]+)"')
OPENTELEMETRYS = {
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_RESOURCE_ATTRIBUTES",
    "OTEL_SDK_DISABLED",
    "OTEL_TRACES_EXPORTER",
    "OTEL_TRACES_SAMPLER",
    "OTEL_TRACES_SAMPLER_ARG",
}
"""Read by OpenTelemetry, and by config/telemetry/, which is off without them."""
FILES = ("config/settings.py", "config/telemetry/provider.py")
SHOPS = {
    *OPENTELEMETRYS,
    "CELERY_BROKER_URL",
    *(name for file in FILES for name in READ.findall((ROOT / file).read_text())),
}
ASKED = re.compile(r'environ(?:\.get\(|\[)\s*"([A-Z_]+)"')


def told(service: str) -> set[str]:
    return set(SERVICES[service].get("environment") or {})


def of_the_standins() -> set[str]:
    found = {name for file in (ROOT / "config/standins").rglob("*.py") for name in ASKED.findall(file.read_text())}
    return found - {"DJANGO_SETTINGS_MODULE", "REDIS_URL", "SETTLE_PROCESS"} - FIXED


def in_the_readme() -> set[str]:
    """The names in the first column of the table of settings."""
    production = (ROOT / "docs" / "production.md").read_text()
    rows = re.findall(r"^\| (`[^|]*) \|", production, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([A-Z_]+)(?:=[^`]*)?`", row)}


@pytest.mark.parametrize("service", sorted(SHOP))
def test_every_setting_reaches_each_part_of_the_shop(service: str):
    assert "EMAIL_PORT" in SHOPS
    assert SHOPS - NOT_IN_CONTAINERS - TOLD_TO_SOME - told(service) == set()


@pytest.mark.parametrize("service", sorted(STANDINS))
def test_every_setting_reaches_the_stand_ins(service: str):
    assert "STANDINS_LATENCY" in of_the_standins()
    assert of_the_standins() - told(service) == set()


def test_every_setting_in_the_readme_exists_and_reaches_the_containers():
    assert {"SECRET_KEY", "EMAIL_USE_TLS", "LOG_LEVEL"} <= in_the_readme()
    assert in_the_readme() - told("web") == set()


def test_nothing_is_told_that_nobody_asks_for():
    assert told("worker") - SHOPS == set()


def test_what_is_handed_on_has_its_default_in_the_settings_alone():
    """`NAME: ${NAME:-}` would set it to nothing, which is not the same as leaving it out."""
    assert re.findall(r"^ +([A-Z_]+): \$\{\1:?-\}", (ROOT / "docker-compose.yml").read_text(), re.MULTILINE) == []
