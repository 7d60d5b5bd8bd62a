"""A run: one execution of a saga."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from outbox.ids import uuid7


class RunStatus(models.TextChoices):
    """The status of a run. Each comment says who must act."""

    RUNNING = "running", "running"
    """Its steps are running, or wait for a retry. Nobody must act."""
    UNDOING = "undoing", "undoing"
    """A step was refused, or the run was cancelled: its steps are being undone. Nobody must act."""
    COMPLETED = "completed", "completed"
    """Every step is done. Final."""
    COMPENSATED = "compensated", "undone"
    """Every step that may have taken effect is undone. Final."""
    STUCK = "stuck", "stuck"
    """The engine cannot know what is right. An operator must retry, skip, compensate, or resolve by hand."""
    RESOLVED = "resolved", "resolved by hand"
    """An operator closed the run and recorded how it ended. Final."""


OPEN = [RunStatus.RUNNING, RunStatus.UNDOING, RunStatus.STUCK]
ON_DESK = models.Q(status=RunStatus.STUCK) | models.Q(asks_since__isnull=False)
"""Runs that need an operator: the stuck ones, and those that are still retried."""

VISIBLE = models.Q(is_branch=False) | ON_DESK
"""Runs that lists show: a branch is a part of its parent's run, unless it needs an operator itself."""


class Run(models.Model):
    """One execution of a saga."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField("saga", max_length=100)
    version = models.PositiveSmallIntegerField()
    key = models.CharField(max_length=200, help_text="The same key gives the same run.")
    subject = models.CharField(max_length=300, blank=True, help_text="What people search the run by.")
    input = models.JSONField()
    status = models.CharField(max_length=12, choices=RunStatus.choices, default=RunStatus.RUNNING)
    resolution = models.CharField(max_length=12, blank=True, help_text="How an operator says that the run ended.")
    code = models.CharField(max_length=100, blank=True, help_text="Why it is undone or stuck, for programs.")
    reason = models.TextField(blank=True, help_text="Why it is undone or stuck, in words.")
    position = models.SmallIntegerField(default=0, help_text="The step to run, or to undo, next.")
    pivot = models.SmallIntegerField(null=True, help_text="The point of no return; without one, the last step.")
    wake_at = models.DateTimeField(null=True, help_text="When somebody must look again; what the sweep scans.")
    ready_at = models.DateTimeField(
        null=True,
        help_text=(
            "Since when any worker may take it; empty where a message of its own brings it, and once it is claimed."
        ),
    )
    share = models.CharField(  # noqa: DJ001 - null: it shares the workers with nobody
        max_length=100, null=True, help_text="Whose share of the workers it uses; empty where it names none."
    )
    queued_at = models.DateTimeField(
        null=True, help_text="Since when it waits for the turn of its share; empty once it was let in."
    )
    rings = models.PositiveSmallIntegerField(default=0, help_text="How often the sweep rang since the last claim.")
    rung_at = models.DateTimeField(
        null=True, help_text="When its last message was sent, as the sweep knows from rings."
    )
    deadline_at = models.DateTimeField(null=True)
    cancel_requested_at = models.DateTimeField(null=True)
    asks_since = models.DateTimeField(
        null=True, help_text="Since when it is on a person's desk while it is still being tried."
    )
    paused_at = models.DateTimeField(null=True, help_text="Nobody takes a step of it until it is resumed.")
    waits_for = models.CharField(
        max_length=100, blank=True, db_default="", help_text="The participant that must come back first."
    )
    desk_since = models.DateTimeField(null=True, help_text="When it last came onto a person's desk.")
    desk_step = models.CharField(max_length=100, blank=True, db_default="", help_text="At which step it did so.")
    desk_code = models.CharField(
        max_length=100, blank=True, db_default="", help_text="And for which error code of that step, or of its undo."
    )
    stake = models.DecimalField(max_digits=20, decimal_places=4, null=True, help_text="The value at stake.")
    stake_currency = models.CharField(max_length=8, null=True)  # noqa: DJ001 - as the stake: unknown, or not declared
    request_id = models.CharField(max_length=64, blank=True)
    traceparent = models.CharField(max_length=55, blank=True)
    is_branch = models.BooleanField(
        db_default=False, help_text="A part of its parent's run: lists and figures show the parent."
    )
    row_version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "saga_run"
        constraints: ClassVar = [models.UniqueConstraint(fields=["name", "key"], name="saga_run_one_per_key")]
        indexes: ClassVar = [
            models.Index(
                fields=["wake_at"], condition=models.Q(wake_at__isnull=False, paused_at=None), name="saga_run_wake"
            ),
            models.Index(
                fields=["ready_at"], condition=models.Q(ready_at__isnull=False, paused_at=None), name="saga_run_ready"
            ),
            models.Index(fields=["waits_for", "id"], condition=~models.Q(waits_for=""), name="saga_run_waits"),
            models.Index(fields=["status", "-created_at"], name="saga_run_status"),
            # What needs a person, oldest first, and all that the front page says of it. A step changes none of these.
            models.Index(
                fields=["desk_since", "name", "desk_step", "desk_code"],
                include=["stake", "stake_currency", "id"],
                condition=ON_DESK,
                name="saga_run_desk",
            ),
            models.Index(
                fields=["finished_at"], condition=models.Q(finished_at__isnull=False), name="saga_run_finished"
            ),
            # Searched by people, as saga_run_subject is (migrations 0010 and 0017). Written when the run ends, or comes
            # onto a desk: a run that is carried out changes its row often, and would have a new entry here each time.
            models.Index(
                fields=["request_id"],
                condition=models.Q(finished_at__isnull=False) & ~models.Q(request_id=""),
                name="saga_run_request",
            ),
            models.Index(
                fields=["request_id"], condition=ON_DESK & ~models.Q(request_id=""), name="saga_run_desk_request"
            ),
        ]
        permissions: ClassVar = [
            ("retry_run", "Can retry a saga run now"),
            ("compensate_run", "Can have a saga run undone"),
            ("resolve_run", "Can resolve a saga run by hand"),
            ("skip_run", "Can say that a step of a saga run is done or undone"),
            ("pause_run", "Can pause and resume a saga run"),
            ("change_input_run", "Can change the input of a saga run"),
            ("move_run", "Can move a saga run to a newer version"),
            ("handle_run", "Can comment on, assign and snooze a saga run"),
            ("again_run", "Can run a saga run again from a step"),
            ("move_wait_run", "Can move and end what a saga run waits for"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.subject or self.key}"

    @property
    def needs_person(self) -> bool:
        """Whether the run needs an operator: it is stuck, or has failed so often that one is asked."""
        return self.status == RunStatus.STUCK or self.asks_since is not None

    @property
    def reported_status(self) -> str:
        """The status for hosts and pages: `stuck` for each run that needs an operator, also while it is retried."""
        return RunStatus.STUCK.value if self.needs_person else self.status
