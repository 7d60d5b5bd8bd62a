"""Every query of the dashboard finds something in what is exported."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from .exported import families, scrape
from .promtool import DEPLOY, needs_promtool, promtool

DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "settle.json").read_text())
QUERIES = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", [])]
AT = "30m"


def series(text: str) -> list[dict[str, str]]:
    """What is exported, as though it had been scraped each minute: counters grow, gauges stay."""
    found = [{"series": 'up{job="settle"}', "values": "1x40"}]
    for family in families(text).values():
        grows = family.type in ("counter", "histogram")
        for sample in family.samples:
            if sample.name.endswith("_created"):
                continue
            labels = ",".join(f"{name}={json.dumps(value)}" for name, value in sample.labels.items())
            values = f"0+{sample.value or 1:g}x40" if grows else f"{sample.value:g}x40"
            found.append({"series": f"{sample.name}{{{labels}}}", "values": values})
    return found


def resolved(query: str) -> str:
    """With what Grafana puts in for its variables."""
    return query.replace("$__rate_interval", "5m").replace("$saga", ".*")


@needs_promtool
def test_every_query_has_an_answer(lived, client, tmp_path: Path):
    """promtool says what a query has found where it is not what was expected; and that is never expected."""
    never = [{"labels": 'never{found="here"}', "value": 1}]
    asked = [{"expr": resolved(query), "eval_time": AT, "exp_samples": never} for query in QUERIES]
    tests = [{"interval": "1m", "input_series": series(scrape(client)), "promql_expr_test": asked}]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"evaluation_interval": "1m", "tests": tests}))
    done = promtool("test", "rules", file)
    answers = re.findall(r'expr: "(.*)", time: \w+,\s+exp:.*\s+got:(.*)', done.stdout + done.stderr)
    assert len(answers) == len(QUERIES), done.stdout + done.stderr
    assert [query for query, got in answers if got.strip() in ("", "nil")] == []


def test_there_are_panels_and_each_has_a_title_and_a_query():
    panels = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
    assert len(panels) >= 10
    assert all(panel["title"] and panel["targets"] for panel in panels)
    assert len({panel["title"] for panel in panels}) == len(panels)


@pytest.mark.parametrize("panel", DASHBOARD["panels"], ids=lambda panel: panel["title"])
def test_no_two_panels_lie_on_each_other(panel):
    def overlaps(a: dict[str, int], b: dict[str, int]) -> bool:
        return (
            a["x"] < b["x"] + b["w"]
            and b["x"] < a["x"] + a["w"]
            and a["y"] < b["y"] + b["h"]
            and b["y"] < a["y"] + a["h"]
        )

    others = [one for one in DASHBOARD["panels"] if one is not panel]
    assert not any(overlaps(panel["gridPos"], other["gridPos"]) for other in others)
