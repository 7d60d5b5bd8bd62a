#!/usr/bin/env bash
# django-celery-beat's DatabaseScheduler does not make up for a crontab that was missed more than two hours ago.
#
# One would guess: when beat was down at 03:10 and is started at 08:10, a crontab for 03:10 runs at once, since its
# `last_run_at` is the night before: `is_due` says so, and Celery's own scheduler does it. But the database's scheduler
# no longer fetches the row: it leaves out each crontab whose hour is a plain number more than two hours from now. The
# job runs when its hour comes near again, a day late, and nothing says so.
#
# Source: `DatabaseScheduler._get_crontab_exclude_query` in django_celery_beat/schedulers.py, used by
# `enabled_models_qs`: `hours_to_include` is the hour now, two before and two after, and 4.
#
# Installs pinned packages into a folder of its own; needs no server. It exits with 1 when this has changed.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
"${PYTHON:-python3}" -m venv "$here/venv"
"$here/venv/bin/pip" install --quiet --disable-pip-version-check \
    celery==5.7.0 kombu==5.7.0 django==5.2.19 django-celery-beat==2.9.0

cat >"$here/look.py" <<'PYTHON'
import sys
from datetime import UTC, datetime, timedelta
from importlib.metadata import version

import django
from celery import Celery
from celery.beat import ScheduleEntry
from celery.schedules import crontab
from django.conf import settings
from django.core.management import call_command

settings.configure(
    INSTALLED_APPS=["django_celery_beat"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    USE_TZ=True,
    TIME_ZONE="UTC",
)
django.setup()
call_command("migrate", verbosity=0)
from django_celery_beat.models import PeriodicTask  # noqa: E402
from django_celery_beat.schedulers import DatabaseScheduler  # noqa: E402

app = Celery("shop", broker="memory://", set_as_current=True)
now = datetime.now(UTC)


def missed(hours: int) -> dict[str, object]:
    """A row that last ran a day before the time that it missed, so many hours ago, and what both schedulers do."""
    at = now - timedelta(hours=hours)
    nightly = crontab(minute=str(at.minute), hour=str(at.hour), app=app)
    last = at - timedelta(days=1)
    entry = DatabaseScheduler.Entry.from_entry(f"{hours} h ago", app=app, task="look", schedule=nightly)
    PeriodicTask.objects.filter(pk=entry.model.pk).update(last_run_at=last)
    own = ScheduleEntry("own", "look", last_run_at=last, schedule=nightly, app=app)
    fetched = DatabaseScheduler(app=app, lazy=True).all_as_schedule().get(f"{hours} h ago")
    return {"own": own.is_due().is_due, "database": fetched is not None and fetched.is_due().is_due}


long_ago = 6 if (now - timedelta(hours=5)).hour == 4 else 5  # the hour 4 is always fetched
print(f"celery {version('celery')}, django-celery-beat {version('django-celery-beat')}, django {version('django')}")
print("guess:  a nightly task that was missed while beat was down runs when beat is started again")
lately, before = missed(1), missed(long_ago)
print(f"seen:   missed 1 h ago: Celery's own scheduler runs it: {lately['own']}; the database's: {lately['database']}")
print(f"        missed {long_ago} h ago: Celery's own runs it: {before['own']}; the database's: {before['database']}")
as_told = all((lately["own"], lately["database"], before["own"])) and not before["database"]
print("as told" if as_told else "THIS HAS CHANGED")
sys.exit(0 if as_told else 1)
PYTHON
"$here/venv/bin/python" "$here/look.py"
