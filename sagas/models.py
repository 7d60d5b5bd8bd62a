"""The tables. Only `engine/transitions.py` and `sql/` write the status of a run or a step."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now, Upper

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
            # Searched by people, as saga_run_subject is (migration 0010). Written once, when the run ends: a run that
            # is carried out changes its row often, and would have a new entry here each time.
            models.Index(
                fields=["request_id"],
                condition=models.Q(finished_at__isnull=False) & ~models.Q(request_id=""),
                name="saga_run_request",
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


class Handling(models.Model):
    """Who looks after a run, and until when it is out of sight. No row: nobody, and in sight.

    A row of its own, so that the engine's statements know nothing of it.
    """

    run = models.OneToOneField(Run, models.CASCADE, primary_key=True, related_name="handling")
    assignee = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    snoozed_until = models.DateTimeField(null=True)

    class Meta:
        db_table = "saga_handling"

    def __str__(self) -> str:
        return f"{self.run_id}"


class StepStatus(models.TextChoices):
    """The status of a step."""

    PENDING = "pending", "not started"
    RUNNING = "running", "running"
    """A worker has claimed it until `lease_until`."""
    WAITING = "waiting", "waiting to retry"
    """It waits for a retry: the answer was an error or lost, or the participant is away."""
    DONE = "done", "done"
    REFUSED = "refused", "refused"
    """The participant refused."""
    IN_DOUBT = "in_doubt", "in doubt"
    """The attempts are spent, and it is unknown whether the step took effect."""
    UNDO_DUE = "undo_due", "to be undone"
    UNDOING = "undoing", "being undone"
    UNDO_WAITING = "undo_waiting", "waiting to retry the undo"
    UNDONE = "undone", "undone"
    UNDO_FAILED = "undo_failed", "undo failed"
    """The undo was refused, or its attempts are spent. An operator must act."""


class Step(models.Model):
    """One step of a run: a row per declared step, copied when the run started. See `declare.saga.Step`."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="steps", db_index=False)  # saga_step_position
    position = models.SmallIntegerField()
    name = models.CharField(max_length=100)
    status = models.CharField(max_length=12, choices=StepStatus.choices, default=StepStatus.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    undo_attempts = models.PositiveIntegerField(default=0)
    forgiven = models.PositiveIntegerField(
        default=0, help_text="Attempts of the current direction that were surely not applied and count for nothing."
    )
    granted = models.PositiveIntegerField(default=0, help_text="Attempts that operators added to the budget.")
    own_failures = models.PositiveIntegerField(
        db_default=0, help_text="Attempts that failed by our own fault; they are granted anew."
    )
    token = models.UUIDField(null=True, help_text="Fences the attempt in hand: a stale token's write fails.")
    lease_until = models.DateTimeField(null=True)
    next_attempt_at = models.DateTimeField(null=True)
    woken = models.BooleanField(
        db_default=False, help_text="Woken while a worker had it in hand: should it have to wait, then not for long."
    )
    result = models.JSONField(null=True)
    error_class = models.CharField(max_length=200, blank=True)
    error_code = models.CharField(max_length=100, blank=True)
    error_text = models.TextField(blank=True)

    class Meta:
        db_table = "saga_step"
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["run", "position"], name="saga_step_position")]

    def __str__(self) -> str:
        return self.name


class Attempt(models.Model):
    """One call of a step or of its undo. The timeline shows these rows."""

    class Direction(models.TextChoices):
        FORWARD = "forward", "step"
        UNDO = "undo", "undo"

    class Outcome(models.TextChoices):
        DONE = "done", "done"
        REFUSED = "refused", "refused"
        IN_DOUBT = "in_doubt", "no clear answer"
        AWAY = "away", "not applied, participant away"
        AWAITS = "awaits", "somebody else must act first"
        LOST = "lost", "worker lost"
        OURS = "ours", "our own failure"

    run = models.ForeignKey(Run, models.CASCADE, related_name="attempts", db_index=False)  # saga_attempt_run
    step = models.CharField(max_length=100)
    direction = models.CharField(max_length=7, choices=Direction.choices)
    number = models.PositiveIntegerField()
    token = models.UUIDField()
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=8, choices=Outcome.choices, blank=True)
    error_class = models.CharField(max_length=200, blank=True)
    error_text = models.TextField(blank=True)
    worker = models.CharField(max_length=200, blank=True)
    task_id = models.CharField(max_length=64, blank=True)
    traceparent = models.CharField(max_length=55, blank=True)

    class Meta:
        db_table = "saga_attempt"
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [models.Index(fields=["run", "id"], name="saga_attempt_run")]

    def __str__(self) -> str:
        return f"{self.step} {self.direction} {self.number}"


class Act(models.Model):
    """The record of what somebody, an operator or a customer, did to a run; written in the act's own transaction.

    The engine writes one, too, when it asks an operator about a run that it still retries, and when that is over.
    """

    run = models.ForeignKey(Run, models.CASCADE, related_name="acts")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    actor_name = models.CharField(max_length=200)
    verb = models.CharField(max_length=20)
    reason = models.TextField()
    at = models.DateTimeField()
    before = models.JSONField()
    after = models.JSONField()
    bulk = models.ForeignKey(
        "sagas.BulkAct", models.SET_NULL, null=True, related_name="acts", db_index=False
    )  # saga_act_bulk
    cause = models.CharField(
        max_length=201, blank=True, db_default="", help_text="Why the run needed a person: its step and code."
    )

    class Meta:
        db_table = "saga_act"
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [
            models.Index(Upper("actor_name"), "id", name="saga_act_actor"),
            models.Index(fields=["verb", "id"], name="saga_act_verb"),
            models.Index(fields=["bulk"], condition=models.Q(bulk__isnull=False), name="saga_act_bulk"),
        ]

    def __str__(self) -> str:
        return f"{self.verb} by {self.actor_name}"


class Breaker(models.Model):
    """The circuit breaker and the rate limit of one participant.

    No row means a closed breaker. Only statements in `sql/participants.py` write it, hence the database defaults.
    """

    class State(models.TextChoices):
        CLOSED = "closed", "answers"
        """Calls go through."""
        OPEN = "open", "away"
        """Calls are held until `open_until`, and then one call is tried. Without that time, an operator holds the
        calls."""
        HALF_OPEN = "half_open", "being tried"
        """One call is under way as a trial, until `trial_until` at most; all others are held."""

    name = models.CharField("participant", primary_key=True, max_length=100)
    state = models.CharField(max_length=9, choices=State.choices, db_default=State.CLOSED)
    failures = models.PositiveIntegerField(db_default=0, help_text="In a row.")
    openings = models.PositiveIntegerField(db_default=0, help_text="In a row; each holds longer than the one before.")
    opened_at = models.DateTimeField(null=True, help_text="Since when runs wait for it.")
    open_until = models.DateTimeField(null=True)
    trial = models.UUIDField(null=True, help_text="Fences the trial: a stale one decides nothing.")
    trial_until = models.DateTimeField(null=True)
    reason = models.TextField(db_default="", help_text="What the last failure said, or who held the calls and why.")
    next_call_at = models.DateTimeField(null=True, help_text="Before it no call may begin.")
    last_turn_at = models.DateTimeField(null=True, help_text="The end of the queue for such turns.")
    released_at = models.DateTimeField(null=True, help_text="Up to when waiting runs were released.")
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "saga_participant"
        verbose_name = "participant"
        ordering: ClassVar = ["name"]
        permissions: ClassVar = [
            ("close_breaker", "Can let calls to a participant go again"),
            ("open_breaker", "Can hold all calls to a participant"),
        ]

    def __str__(self) -> str:
        return self.name


class Slot(models.Model):
    """A slot for one of the calls that a participant takes at once; it is free after `until`."""

    participant = models.CharField(max_length=100)
    number = models.PositiveIntegerField()
    token = models.UUIDField(null=True)
    until = models.DateTimeField(null=True)

    class Meta:
        db_table = "saga_slot"
        constraints: ClassVar = [models.UniqueConstraint(fields=["participant", "number"], name="saga_slot_number")]

    def __str__(self) -> str:
        return f"{self.participant} {self.number}"


class Tally(models.Model):
    """How many runs or attempts ended alike within a minute, an hour, or ever, and how long they took.

    `maintenance/tally.py` adds to it; metrics and charts read it instead of the runs. Pruned runs stay counted.
    """

    class Kind(models.TextChoices):
        RUN = "run", "runs"
        STEP = "step", "attempts of a step"
        UNDO = "undo", "attempts of an undo"
        LAG = "lag", "how long the oldest unpublished message had waited"

    class Span(models.IntegerChoices):
        """Seconds that a row covers."""

        EVER = 0, "ever"
        MINUTE = 60, "minute"
        HOUR = 3600, "hour"

    span = models.PositiveIntegerField(choices=Span.choices)
    at = models.DateTimeField(help_text="When the minute or hour began; 1970 for what counts ever.")
    kind = models.CharField(max_length=4, choices=Kind.choices)
    saga = models.CharField(max_length=100, blank=True)
    name = models.CharField(max_length=100, blank=True, help_text="The step, or the destination whose lag it is.")
    outcome = models.CharField(max_length=12, blank=True, help_text="The run's status, or the attempt's outcome.")
    count = models.BigIntegerField()
    retries = models.BigIntegerField(help_text="Of the attempts, those that were not the first of their step.")
    seconds = models.FloatField(help_text="The sum of what they took.")
    buckets = ArrayField(models.BigIntegerField(), help_text="How many took up to each bound, and how many longer.")
    last_at = models.DateTimeField(help_text="When the last of them ended.")

    class Meta:
        db_table = "saga_tally"
        verbose_name_plural = "tallies"
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["span", "at", "kind", "saga", "name", "outcome"], name="saga_tally_once")
        ]

    def __str__(self) -> str:
        return f"{self.count} {self.kind} {self.saga} {self.name} {self.outcome}"


class TallyMark(models.Model):
    """How far the tally has come: one row, locked by whoever tallies, and moved by the transaction that adds."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    attempt = models.BigIntegerField(help_text="Attempts up to this id are counted, or listed in TallyWait.")
    runs_from = models.DateTimeField(help_text="Runs that ended from this minute on are compared with what is counted.")
    at = models.DateTimeField(help_text="When it was moved.")

    class Meta:
        db_table = "saga_tally_mark"
        default_permissions = ()

    def __str__(self) -> str:
        return f"up to {self.attempt}"


class TallyWait(models.Model):
    """An attempt that was not over, or not committed, when the tally came to it: it is looked at again."""

    attempt = models.BigIntegerField(primary_key=True)
    since = models.DateTimeField()

    class Meta:
        db_table = "saga_tally_wait"
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.attempt)


class BulkAct(models.Model):
    """An act on every run that matches a filter, at a limited rate. Each run gets its own record in `Act`."""

    class State(models.TextChoices):
        RUNNING = "running", "being carried out"
        FINISHED = "finished", "finished"
        STOPPED = "stopped", "stopped"

    verb = models.CharField(max_length=20)
    given = models.JSONField(default=dict, help_text="What the verb takes beside its reason.")
    filter = models.JSONField(help_text="Which runs; read again at every single act.")
    reason = models.TextField()
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    actor_name = models.CharField(max_length=200)
    rate = models.FloatField(help_text="Runs a second, at most.")
    total = models.PositiveIntegerField(help_text="How many runs matched when it was ordered.")
    done = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    skips = models.JSONField(default=list, help_text="The first skipped runs, each with the reason.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    cursor = models.UUIDField(null=True, help_text="The last run that was looked at; runs are taken by id.")
    due_at = models.DateTimeField(help_text="When the next run may be taken.")
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    stopped_by = models.CharField(max_length=200, blank=True)

    class Meta:
        db_table = "saga_bulk_act"
        verbose_name = "bulk act"
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], condition=models.Q(state="running"), name="saga_bulk_act_due")
        ]

    def __str__(self) -> str:
        return f"{self.verb} of {self.total} by {self.actor_name}"


class Alert(models.Model):
    """Where a rule of `alerts/` stands for one label. Only `alerts/` writes it."""

    class State(models.TextChoices):
        OK = "ok", "over"
        """Its figure is not above the threshold."""
        PENDING = "pending", "not yet"
        """It is above, not yet for as long as the rule says."""
        FIRING = "firing", "on"
        """It has been above for so long: a person was told, unless it is silenced."""
        ENDING = "ending", "about to be over"
        """It is no longer above, not yet for long enough to say so."""

    ON: ClassVar = (State.FIRING, State.ENDING)

    rule = models.CharField(max_length=60)
    label = models.CharField(max_length=200, blank=True, help_text="Which of several that the rule is about.")
    state = models.CharField(max_length=8, choices=State.choices)
    since = models.DateTimeField(help_text="In its state.")
    title = models.CharField(max_length=200)
    words = models.TextField(blank=True, help_text="What its figure meant when it was last above.")
    do = models.TextField(blank=True, help_text="What to do.")
    value = models.FloatField(default=0, help_text="The figure when it was last above.")
    began_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    told_begin_at = models.DateTimeField(null=True, help_text="Empty: nobody was told, or its end was told since.")
    told_end_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.CharField(max_length=200, blank=True)
    acknowledged_reason = models.TextField(blank=True)
    silenced_until = models.DateTimeField(null=True)
    silenced_by = models.CharField(max_length=200, blank=True)
    silenced_reason = models.TextField(blank=True)

    class Meta:
        db_table = "saga_alert"
        constraints: ClassVar = [models.UniqueConstraint(fields=["rule", "label"], name="saga_alert_once")]
        permissions: ClassVar = [
            ("acknowledge_alert", "Can acknowledge alerts"),
            ("silence_alert", "Can silence alerts"),
        ]

    def __str__(self) -> str:
        return f"{self.title}: {self.label}" if self.label else self.title

    @property
    def is_on(self) -> bool:
        """Whether it has begun, and is not over."""
        return self.state in self.ON
