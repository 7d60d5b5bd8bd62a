"""Which traces are recorded: those that come in recorded, and of those that begin here only a request's."""

from __future__ import annotations

import os
from collections.abc import Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    Decision,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import Link, SpanKind, TraceState
from opentelemetry.util.types import Attributes


class Requests(Sampler):
    """Of traces that begin here it gives a request's to `inner`, and drops all others: polls, ticks and upkeep.

    What is done at once for several traces begins one too, with links to them: it is recorded when one of them is.
    """

    def __init__(self, inner: Sampler) -> None:
        self._inner = inner
        self.begins = True
        """False: no request begins one either."""

    def with_parents(self) -> Sampler:
        """This one for what begins here; whatever has a parent is recorded as its parent is."""
        return ParentBased(self)

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """See `Sampler`."""
        if any(link.context.trace_flags.sampled for link in links or ()):
            return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes)
        if kind is not SpanKind.SERVER or not self.begins:
            return SamplingResult(Decision.DROP)
        return self._inner.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)

    def get_description(self) -> str:
        """See `Sampler`."""
        return f"Requests{{{self._inner.get_description()}}}"


def configured() -> Sampler:
    """By OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG; all, when they are not set. Raises ValueError.

    A parent always decides, so that `parentbased_` says nothing more.
    """
    name = os.environ.get("OTEL_TRACES_SAMPLER", "").strip().lower().removeprefix("parentbased_") or "always_on"
    if name == "traceidratio":
        return TraceIdRatioBased(_ratio(os.environ.get("OTEL_TRACES_SAMPLER_ARG", "").strip() or "1"))
    if name in ("always_on", "always_off"):
        return ALWAYS_ON if name == "always_on" else ALWAYS_OFF
    raise ValueError(f"OTEL_TRACES_SAMPLER={name}: use always_on, always_off or traceidratio.")


def _ratio(text: str) -> float:
    try:
        ratio = float(text)
    except ValueError:
        ratio = -1
    if not 0 <= ratio <= 1:
        raise ValueError(f"OTEL_TRACES_SAMPLER_ARG={text}: give a share from 0 to 1.")
    return ratio
