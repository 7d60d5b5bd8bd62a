"""Hands metrics to prometheus_client, which a project installs when it wants them: the extra `metrics`.

`REGISTRY.register(Collector({"outbox": outbox.monitoring.metrics.metrics}))` asks PostgreSQL at each scrape, so that
one web process answers for all workers, and none of them needs a port.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping

from django.db import DatabaseError, InterfaceError
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector as PrometheusCollector

from .samples import Histogram, Kind, Metric

logger = logging.getLogger(__name__)
Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily
Source = Callable[[], Iterable[Metric]]


class Collector(PrometheusCollector):
    """Reads the sources, each by its name. `away`: further errors by which one says that what it asks is away.

    A source that is away has no samples but `collector_up` 0; the log says why. The others are read all the same.
    """

    def __init__(self, sources: Mapping[str, Source], away: tuple[type[Exception], ...] = ()) -> None:
        self._sources = sources
        self._away: tuple[type[Exception], ...] = (DatabaseError, InterfaceError, *away)

    def describe(self) -> Iterable[Family]:
        """Nothing: a registry that registers this asks no database."""
        return []

    def collect(self) -> Iterator[Family]:
        """The families of all sources, read now."""
        up = GaugeMetricFamily("collector_up", "0: what these metrics are read from is away.", labels=["collector"])
        for name, read in self._sources.items():
            try:
                families = [family_of(metric) for metric in read()]
            except self._away as error:
                logger.warning("metrics.away", extra={"collector": name, "error": str(error).strip()})
                up.add_metric([name], 0)
            else:
                yield from families
                up.add_metric([name], 1)
        yield up


def family_of(metric: Metric) -> Family:
    """The metric as prometheus_client takes it."""
    if metric.kind is Kind.HISTOGRAM:
        return _histogram(metric)
    make = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
    family: CounterMetricFamily | GaugeMetricFamily = make(metric.name, metric.help, labels=metric.labels)
    for labels, value in metric.values.items():
        assert not isinstance(value, Histogram), f"{metric.name} is no histogram"  # noqa: S101
        family.add_metric(labels, value)
    return family


def _histogram(metric: Metric) -> HistogramMetricFamily:
    family = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
    for labels, value in metric.values.items():
        assert isinstance(value, Histogram), f"{metric.name} is a histogram"  # noqa: S101
        family.add_metric(labels, value.up_to(), value.total)
    return family
