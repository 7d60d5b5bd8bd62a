"""The README's code runs as it stands."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from outbox import settings
from outbox.publishing import destinations
from outbox.retry import Retry
from tests.support.workers import ROOT, process_env

README = (ROOT / "outbox" / "README.md").read_text()

SCRIPT = """
import types
import django
django.setup()
from django.db import transaction
Order = types.SimpleNamespace(objects=types.SimpleNamespace(create=lambda **_: None))
{code}
place("S-100001")
from outbox.testing import drain
drain()
"""


@pytest.mark.django_db(transaction=True)
def test_the_example_works(tmp_path: Path):
    code = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert code is not None
    script = tmp_path / "example.py"
    script.write_text(SCRIPT.format(code=code[1]))
    done = subprocess.run([sys.executable, script], env=process_env(), capture_output=True, text=True, check=False)
    assert "Thank you for S-100001" in done.stdout, done.stderr


@pytest.mark.django_db(transaction=True)
def test_the_example_of_several_at_once_works(tmp_path: Path):
    first, *others = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    several = next(code for code in others if "at_once=" in code)
    script = tmp_path / "example.py"
    script.write_text(SCRIPT.format(code=first + several))
    done = subprocess.run([sys.executable, script], env=process_env(), capture_output=True, text=True, check=False)
    assert "counted S-100001" in done.stdout, done.stderr


def test_the_defaults_are_as_the_table_says():
    table = dict(re.findall(r"\| `(OUTBOX_\w+)` \| ([^|]+?) \|", README))
    assert table["OUTBOX_BATCH"] == str(settings.batch())
    assert table["OUTBOX_RELAY_STAY"] == f"{settings.relay_stay().total_seconds():g} s"
    assert table["OUTBOX_LEASE"] == f"{settings.lease().total_seconds():g} s"
    assert table["OUTBOX_REDELIVER_AFTER"] == f"{settings.redeliver_after().total_seconds():g} s"
    assert table["OUTBOX_KEEP_PUBLISHED"] == f"{settings.keep_published().days} days"
    assert Retry().attempts == 8


def test_the_destinations_in_the_settings_can_be_made(settings):
    code = re.search(r"```python\n# settings.py\n(OUTBOX_DESTINATIONS.*?)```", README, re.DOTALL)
    assert code is not None
    given: dict[str, object] = {}
    exec(code[1], given)  # noqa: S102 - our own README
    settings.OUTBOX_DESTINATIONS = given["OUTBOX_DESTINATIONS"]
    assert [one.name for one in destinations.for_event("shop.order_placed")] == ["tasks", "partners", "warehouse"]
    assert [one.name for one in destinations.for_event("other.thing")] == ["tasks"]
