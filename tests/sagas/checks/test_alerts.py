"""What would fail at the first outage is said by `manage.py check`."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sagas import AlertRule
from sagas.checks.alerts import check_alerts

FINE = AlertRule("stuck", "stuck_runs", 0, timedelta(0), "Stuck", "Look.")
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, []),
        ({"SAGAS_ALERTS": (FINE,), "SAGAS_ALERT_WEBHOOK": "https://a.b", "SAGAS_ALERT_WEBHOOK_SECRET": SECRET}, []),
        ({"SAGAS_ALERTS": (FINE, FINE)}, ["sagas.E041"]),
        ({"SAGAS_ALERTS": (AlertRule("x" * 61, "stuck_runs", 0, timedelta(0), "", ""),)}, ["sagas.E041"]),
        ({"SAGAS_ALERTS": (AlertRule("x", "stuck_rums", 0, timedelta(0), "", ""),)}, ["sagas.E042"]),
        ({"SAGAS_ALERT_WEBHOOK": "hooks.example", "SAGAS_ALERT_WEBHOOK_SECRET": SECRET}, ["sagas.E043"]),
        ({"SAGAS_ALERT_WEBHOOK": "https://hooks.example"}, ["sagas.E044"]),
        ({"SAGAS_ALERT_MAIL": "olga@settle.example"}, ["sagas.E045"]),
    ],
)
def test_what_is_wrong_is_named(settings, given, found):
    for name, value in given.items():
        setattr(settings, name, value)
    assert [one.id for one in check_alerts()] == found
