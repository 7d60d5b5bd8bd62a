"""Events, the endpoints that want them, and the state of each delivery."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from ..ids import new_endpoint_id, new_event_id


class Event(models.Model):
    """An event, written in the transaction of its change. `data` is the object at that time."""

    objects: ClassVar[models.Manager[Event]]

    id = models.CharField(primary_key=True, max_length=40, default=new_event_id)
    type = models.CharField(max_length=60)
    order = models.CharField(max_length=100)
    data = models.JSONField()
    request_id = models.CharField(max_length=40, blank=True)
    idempotency_key = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    addressed = models.BooleanField(default=False)

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]
        indexes: ClassVar = [
            models.Index(fields=["created_at"], condition=models.Q(addressed=False), name="event_to_address")
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"


class Endpoint(models.Model):
    """An address that wants events of some types, `*` for all, signed with a secret."""

    objects: ClassVar[models.Manager[Endpoint]]

    id = models.CharField(primary_key=True, max_length=40, default=new_endpoint_id)
    url = models.CharField(max_length=2000)
    secret = models.CharField(max_length=100)
    enabled_events = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]

    def __str__(self) -> str:
        return self.url


class Delivery(models.Model):
    """One event for one endpoint. `due_at` is when it is sent (again); null when no attempt is left."""

    objects: ClassVar[models.Manager[Delivery]]

    event = models.ForeignKey(Event, models.CASCADE)
    event_id: str
    endpoint = models.ForeignKey(Endpoint, models.CASCADE)
    endpoint_id: str
    due_at = models.DateTimeField(null=True)
    copies = models.PositiveSmallIntegerField(default=1)
    forged = models.BooleanField(default=False)
    waits_for_next = models.BooleanField(default=False)
    attempts = models.PositiveSmallIntegerField(default=0)
    status = models.PositiveSmallIntegerField(null=True)
    error = models.TextField(blank=True)
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], condition=models.Q(due_at__isnull=False), name="delivery_due")
        ]

    def __str__(self) -> str:
        return f"{self.event_id} to {self.endpoint_id}"
