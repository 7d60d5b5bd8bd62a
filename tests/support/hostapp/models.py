from django.db import models


class Effect(models.Model):
    """What a subscriber did."""

    subscriber = models.CharField(max_length=100)
    message_id = models.UUIDField()
    attempt = models.IntegerField()
    trace_id = models.CharField(max_length=32)
    name = models.CharField(max_length=50)

    def __str__(self) -> str:
        return f"{self.subscriber} {self.name}"
