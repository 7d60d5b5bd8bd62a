"""docs/metrics.md lists what is exported, with its labels: no more and no less."""

from __future__ import annotations

import re

from tests.support.workers import ROOT

from .exported import families, scrape

DOCUMENT = (ROOT / "docs" / "metrics.md").read_text()
ROW = re.compile(r"^\| `(\w+)` \| (\w+) \|(.*?)\| .+ \|$", re.MULTILINE)


def documented() -> dict[str, tuple[str, set[str]]]:
    return {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in ROW.findall(DOCUMENT)}


def test_each_metric_is_documented_with_its_kind_and_labels(lived, client):
    found = {
        name: (family.type, {label for sample in family.samples for label in sample.labels} - {"le"})
        for name, family in families(scrape(client)).items()
    }
    assert found == documented()


def test_each_metric_has_a_sample_once_something_has_happened(lived, client):
    assert [name for name, family in families(scrape(client)).items() if not family.samples] == []
