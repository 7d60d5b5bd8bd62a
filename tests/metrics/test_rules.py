"""Each alert fires when it should and is silent when it should not, and asks for metrics that exist."""

from __future__ import annotations

import re

import pytest
import yaml

from .exported import families, scrape
from .promtool import DEPLOY, needs_promtool, promtool

FILE, CASES = DEPLOY / "prometheus" / "rules.yml", DEPLOY / "prometheus" / "rules_test.yml"
RULES = [rule for group in yaml.safe_load(FILE.read_text())["groups"] for rule in group["rules"]]
NAME = re.compile(r"\b((?:saga|outbox|celery|http|collector)_\w+)")
SUFFIX = re.compile(r"_(?:bucket|count|sum)$")


@needs_promtool
def test_the_rules_are_valid_and_every_case_passes():
    for asked in (("check", "rules", FILE), ("test", "rules", CASES)):
        done = promtool(*asked)
        assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_has_a_firing_and_a_silent_case():
    """promtool passes a case of an alert that does not exist, and a file of rules that is not there."""
    cases = yaml.safe_load(CASES.read_text())
    assert cases["rule_files"] == [FILE.name]
    tried: dict[str, set[bool]] = {}
    for case in cases["tests"]:
        for asked in case["alert_rule_test"]:
            tried.setdefault(asked["alertname"], set()).add(bool(asked["exp_alerts"]))
    assert tried == {rule["alert"]: {True, False} for rule in RULES}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_each_alert_says_what_to_do(rule):
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert set(rule["annotations"]) == {"summary", "description"}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_no_window_is_a_multiple_of_the_interval_of_samples(rule):
    """Prometheus 3 leaves out a range's left end: such a window has one sample less there."""
    assert set(re.findall(r"\[(\w+)\]", rule["expr"])) <= {"11m"}


def test_alerts_ask_for_metrics_and_labels_that_are_exported(lived, client):
    exported = families(scrape(client))
    for rule in RULES:
        for name in NAME.findall(re.sub(r'"[^"]*"', "", rule["expr"])):
            assert SUFFIX.sub("", name) in exported, rule["alert"]
