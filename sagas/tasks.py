"""The Celery tasks. Each one calls the engine, and then does with its chain what the engine decided."""

from __future__ import annotations

from celery import Task, shared_task

from .alerts.evaluate import evaluate
from .desk.bulk_acts import run_due
from .engine import executor
from .maintenance.canary import start_canary
from .maintenance.prune import prune_runs
from .maintenance.sweep import ring_overdue
from .maintenance.tally import tally as count_ended
from .schedules.look import look
from .worker.in_place import carry_out, carry_parent
from .worker.taker import taker


@shared_task(bind=True, name="sagas.run_step", max_retries=None, acks_late=True, reject_on_worker_lost=True)
def run_step(self: Task[..., None], run_id: str, saga: str, version: int, step: str) -> None:
    """Carry out one step of a run, and those that follow in place."""
    carry_out(self, executor.run_step, run_id, saga, version, step)


@shared_task(bind=True, name="sagas.undo_step", max_retries=None, acks_late=True, reject_on_worker_lost=True)
def undo_step(self: Task[..., None], run_id: str, saga: str, version: int, step: str) -> None:
    """Carry out the undo of one step of a run, and those that follow in place."""
    carry_out(self, executor.undo_step, run_id, saga, version, step)


@shared_task(bind=True, name="sagas.take", acks_late=True, reject_on_worker_lost=True)
def take(self: Task[..., None], queued: bool = False) -> None:
    """Take runs that wait for any worker, and carry them out, until none is left. `queued`: let runs of shares in."""
    taker.work(self, queued=queued)


@shared_task(bind=True, name="sagas.wake_parent", max_retries=None, acks_late=True, reject_on_worker_lost=True)
def wake_parent(self: Task[..., None], run_id: str) -> None:
    """Have a run go on that waits for others, one of which has ended."""
    carry_parent(self, run_id)


@shared_task(name="sagas.sweep", send_events=False)  # one each second would bury the rest in Flower
def sweep() -> None:
    """Restart overdue runs."""
    ring_overdue()


@shared_task(name="sagas.bulk", send_events=False)
def bulk() -> None:
    """Act on the runs of bulk acts that are due."""
    run_due()


@shared_task(name="sagas.canary")
def canary() -> None:
    """Start a canary run."""
    start_canary()


@shared_task(name="sagas.schedules", send_events=False)
def schedules() -> None:
    """Start what schedules say."""
    look()


@shared_task(name="sagas.alerts", send_events=False)
def alerts() -> None:
    """Compare the rules with their figures, and have a person told."""
    evaluate()


@shared_task(name="sagas.tally", send_events=False)
def tally() -> None:
    """Count what has ended, for metrics and charts."""
    count_ended()


@shared_task(name="sagas.prune")
def prune() -> None:
    """Delete runs that ended longer ago than SAGAS_KEEP_FINISHED."""
    prune_runs()
