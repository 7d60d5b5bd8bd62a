"""docker-compose.yml and the Dockerfile name only what exists. No container engine is needed."""

from __future__ import annotations

import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.core.management import get_commands

from config import worker_role
from config.local.ports import Ports
from config.local.processes import stack
from config.local.services import postgres
from config.standins.companies import COMPANIES
from outbox.declare.events import registry

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
SHOP = {name: service for name, service in SERVICES.items() if "build" in service}
DOCKERFILE = (ROOT / "Dockerfile").read_text()
SUBCOMMANDS = {"worker", "beat", "flower", "inspect"}


def commands() -> list[tuple[str, list[str]]]:
    """Every command line that runs in our image: the services', their health checks', the Dockerfile's own."""
    found = [(name, line) for name, service in SHOP.items() for line in split(service.get("command", []))]
    for name, service in SHOP.items():
        kind, *line = service.get("healthcheck", {}).get("test", ["CMD"])
        found += [(name, one) for one in split(["sh", "-c", *line] if kind == "CMD-SHELL" else line)]
    default = re.search(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    assert default is not None
    return [*found, ("Dockerfile", yaml.safe_load(default[1]))]


def split(command: list[str]) -> list[list[str]]:
    """The command lines in `sh -c "one && two"`, or the one that stands there."""
    if command[:2] == ["sh", "-c"]:
        return [shlex.split(part) for part in command[2].split("&&")]
    return [command] if command else []


def test_the_file_follows_the_compose_specification():
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml"]
    done = subprocess.run(check, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_part_of_the_local_stack_is_a_service():
    wanted = {name.replace("-", "") for name in stack.NAMES if name != "settle"}
    assert wanted | {"postgres", "redis", "migrate"} <= SERVICES.keys()


def test_every_long_running_service_has_a_health_check():
    one_shots = {name for name, service in SERVICES.items() if service.get("restart") == "on-failure"}
    assert {name for name, service in SERVICES.items() if "healthcheck" not in service} == one_shots


def test_dependencies_name_services_and_wait_for_what_those_can_reach():
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            assert other in SERVICES, f"{name} depends on {other}"
            ends = SERVICES[other].get("restart") == "on-failure"
            assert how["condition"] == ("service_completed_successfully" if ends else "service_healthy")


def test_volumes_and_configs_are_declared():
    for service in SERVICES.values():
        assert {volume.split(":")[0] for volume in service.get("volumes", [])} <= COMPOSE["volumes"].keys()
        assert {config["source"] for config in service.get("configs", [])} <= COMPOSE["configs"].keys()


def test_addresses_name_services():
    for name, service in SERVICES.items():
        for variable, value in (service.get("environment") or {}).items():
            for host in re.findall(r"(?:://|@)([a-z]+):\d+", re.sub(r"\$\{[^}]*\}", "", str(value))):
                assert host in SERVICES, f"{name}: {variable} names {host}"


def test_each_participants_database_is_made():
    made = set(re.findall(r"CREATE DATABASE (\w+);", COMPOSE["configs"]["participants"]["content"]))
    addresses = SERVICES["standins"]["environment"].values()
    named = {url.rpartition("/")[2] for url in addresses if url and url.startswith("postgres:")}
    assert made == named == set(COMPANIES)


@pytest.mark.parametrize("variable", ["SECRET_KEY", "POSTGRES_PASSWORD", "FLOWER_BASIC_AUTH"])
def test_a_secret_has_no_default(variable: str):
    uses = re.findall(rf"\$\{{{variable}([^}}]*)\}}", (ROOT / "docker-compose.yml").read_text())
    assert uses
    assert all(rest.startswith(":?") for rest in uses)


def test_nothing_is_published_beyond_this_machine():
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


@pytest.mark.parametrize(("service", "command"), commands(), ids=lambda value: value if isinstance(value, str) else "")
def test_every_command_can_be_run(service: str, command: list[str]):
    program, *arguments = command
    assert shutil.which(program, path=str(Path(sys.executable).parent)), f"{service}: {program}"
    match [program, *arguments]:
        case ["python", "-c", code]:
            compile(code, service, "exec")
        case ["python", "-m", module, *_]:
            assert importlib.util.find_spec(module), f"{service}: {module}"
        case ["python", file, command_name, *_]:
            assert (ROOT / file).exists(), f"{service}: {file}"
            assert command_name in get_commands(), f"{service}: {command_name}"
        case ["gunicorn", application, *_]:
            assert importlib.util.find_spec(application), f"{service}: {application}"
        case ["celery", "-A", app, subcommand, *_]:
            assert importlib.util.find_spec(app), f"{service}: {app}"
            assert subcommand in SUBCOMMANDS
        case _:
            pytest.fail(f"{service}: a command that this test does not know: {command}")


def test_the_workers_together_serve_every_queue():
    lines = [line for name in ("worker", "relay") for line in split(SERVICES[name]["command"])]
    served = {queue for line in lines for queue in line[line.index("--queues") + 1].split(",")}
    routed = {route["queue"] for route in settings.CELERY_TASK_ROUTES.values()}
    named = {one.queue for one in registry.subscribers.values() if one.queue}
    assert served == routed | named | {settings.CELERY_TASK_DEFAULT_QUEUE}
    local = [
        stack.worker(*arguments, threads=1)
        for arguments in (("worker", "sagas,events,webhooks,default"), ("relay", "upkeep"))
    ]
    assert served == {queue for line in local for queue in line[line.index("--queues") + 1].split(",")}


def local_parts() -> list[stack.Part]:
    names = ("DATABASE_URL", "WORKERS_DATABASE_URL", "STANDINS_WAREHOUSE_URL", "SITE_URL", "STANDINS_URL", "FLOWER_URL")
    return stack.parts(Ports(1, 2, 3), {**dict.fromkeys(names, "here"), "REDIS_URL": "redis://here/0"})


def test_the_processor_goes_first_to_who_places_an_order():
    behind = {part.name.replace("-", "") for part in local_parts() if part.niceness > 0}
    assert behind == {name for name, service in SERVICES.items() if service.get("cpu_shares", 1024) < 1024}
    assert {"worker", "relay", "flower"} <= behind
    assert behind.isdisjoint({"web", "postgres", "redis", "beat"})


def test_all_that_carries_orders_logs_in_by_the_role_that_is_bounded():
    bounded = {part.name for part in local_parts() if part.environment}
    assert bounded == {"worker", "relay", "consumer"}
    made = SERVICES["migrate"]["environment"]["WORKERS_DATABASE_URL"]
    assert made.startswith("postgres://settle_workers:")
    assert {name for name in SHOP if SERVICES[name]["environment"].get("DATABASE_URL") == made} == bounded


def test_the_web_always_gets_a_connection():
    """What all others may hold, and the web's threads, are less than the server takes."""
    servers = postgres.SETTINGS + str(SERVICES["postgres"])
    most = {int(found) for found in re.findall(r"max_connections\D+(\d+)", servers)}
    web = [word for name, line in commands() if name == "Dockerfile" for word in line]
    threads = int(web[web.index("--workers") + 1]) * int(web[web.index("--threads") + 1])
    companies = 32 * len(COMPANIES) + 2 * len(COMPANIES)  # threads of the stand-ins, and their jobs
    superusers, people = 3, 20
    assert most == {300}
    assert worker_role.CONNECTIONS + threads + companies + superusers + people <= 300


def test_what_the_dockerfile_copies_exists_and_is_let_through():
    copied = [word for line in re.findall(r"^COPY (.*)$", DOCKERFILE, re.MULTILINE) for word in line.split()[:-1]]
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    within = {word for word in copied for folder in copied if word != folder and word.startswith(folder)}
    assert {word.rstrip("/") for word in copied if word not in within} == let_through
    assert all((ROOT / word).exists() for word in copied)


def test_the_image_holds_every_package_of_the_project_and_runs_as_nobody_special():
    packages = {file.parent.name for file in ROOT.glob("*/__init__.py")} - {"tests"}
    assert {f"{package}/" for package in packages} <= set(re.findall(r"^COPY (\S+)", DOCKERFILE, re.MULTILINE))
    assert DOCKERFILE.rindex("USER settle") > DOCKERFILE.rindex("RUN ")
