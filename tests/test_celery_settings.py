"""Every Celery setting of ours is one that Celery knows, and that it heeds with the pool that we run: threads."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from celery.app.defaults import NAMESPACES, flatten

from config import settings
from config.local.processes import stack
from config.local.processes.supervisor import STOP_PATIENCE

ROOT = Path(__file__).resolve().parents[1]
OURS = {name.removeprefix("CELERY_").lower() for name in vars(settings) if name.startswith("CELERY_")}
UNLISTED = {
    "db_reuse_max",  # Celery's fixup for Django asks for it by its old name
}
PROCESSES_ONLY = {
    "result_persistent",
    "task_reject_on_worker_lost",  # a lost thread is a lost process; the broker hands its messages out again
    "task_soft_time_limit",
    "task_time_limit",
    "task_track_started",  # written to a result backend, and we have none
    "worker_autoscaler",
    "worker_cancel_long_running_tasks_on_connection_loss",
    "worker_enable_soft_shutdown_on_idle",
    "worker_lost_wait",
    "worker_max_memory_per_child",
    "worker_max_tasks_per_child",
    "worker_pool_putlocks",
    "worker_pool_restarts",
    "worker_proc_alive_timeout",
    "worker_soft_shutdown_timeout",
}
"""Settings that do nothing, or fail, without a pool of processes or a result backend (celery 5.7)."""


def test_celery_knows_each_setting():
    known = {option[0] for option in flatten(NAMESPACES)}
    assert OURS - known == UNLISTED


def test_none_needs_a_pool_of_processes():
    assert set() == OURS & PROCESSES_ONLY


def test_every_worker_runs_threads_and_whoever_stops_it_waits_longer_than_it_may_take():
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    workers = {name: one for name, one in services.items() if "worker" in (one.get("command") or [])}
    assert workers.keys() == {"worker", "relay"}
    for name, service in workers.items():
        command = service["command"]
        assert command[command.index("--pool") + 1] == "threads", name
        patience = re.fullmatch(r"(\d+)s", service["stop_grace_period"])
        assert patience is not None
        assert int(patience[1]) >= settings.WORKER_END_WITHIN.total_seconds() + 5, name
    assert "threads" in stack.worker("worker", "sagas", threads=1)
    assert float(stack.END_WITHIN) + 1 <= STOP_PATIENCE
