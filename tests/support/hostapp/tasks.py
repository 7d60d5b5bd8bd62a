from celery import shared_task

from .models import Effect


@shared_task(name="host.link", bind=True)
def link(self, name: str, position: int) -> None:
    trace_id = self.request.headers["traceparent"][3:35]
    Effect.objects.create(
        subscriber=f"link {position}", message_id=self.request.root_id, attempt=1, trace_id=trace_id, name=name
    )
