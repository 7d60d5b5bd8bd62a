"""What `/metrics` says."""

from __future__ import annotations

from django.test import Client
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families


def scrape(client: Client) -> str:
    """As Prometheus gets it. Of requests, the one before is counted."""
    client.get("/livez")
    answer = client.get("/metrics")
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


def families(text: str) -> dict[str, Metric]:
    """By the name that documents use: a counter's ends in `_total`."""
    found = text_string_to_metric_families(text)
    return {f"{one.name}_total" if one.type == "counter" else one.name: one for one in found}
