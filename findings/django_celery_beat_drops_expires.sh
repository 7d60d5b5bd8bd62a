#!/usr/bin/env bash
# django-celery-beat's DatabaseScheduler drops the option `expires` of a row of CELERY_BEAT_SCHEDULE without a word.
#
# One would guess: a schedule that Celery documents, `"options": {"expires": 60}`, means the same with every scheduler,
# or is refused. Celery's own scheduler hands it on with each message. The database's reads `expire_seconds` alone: the
# row holds NULL, the messages never expire, and no log line, check or error says so.
#
# Source: `ModelEntry._unpack_options` in django_celery_beat/schedulers.py: it takes `expire_seconds`, and `**kwargs`
# for whatever else was given. Celery's documentation of the option: the key `options` of an entry, in
# https://docs.celeryq.dev/en/stable/userguide/periodic-tasks.html#available-fields
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
from importlib.metadata import version

import django
from celery import Celery
from celery.beat import Scheduler
from django.conf import settings
from django.core.management import call_command

settings.configure(
    INSTALLED_APPS=["django_celery_beat"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    USE_TZ=True,
)
django.setup()
call_command("migrate", verbosity=0)
from django_celery_beat.models import PeriodicTask  # noqa: E402
from django_celery_beat.schedulers import DatabaseScheduler  # noqa: E402

app = Celery("shop", broker="memory://", set_as_current=True)
app.conf.beat_schedule = {
    "by-expires": {"task": "look", "schedule": 1.0, "options": {"expires": 60}},
    "by-expire-seconds": {"task": "look", "schedule": 1.0, "options": {"expire_seconds": 60}},
}
own = Scheduler(app=app, lazy=True)
own.update_from_dict(app.conf.beat_schedule)
handed_on = own.schedule["by-expires"].options.get("expires")
DatabaseScheduler(app=app, lazy=True).setup_schedule()
rows = dict(PeriodicTask.objects.values_list("name", "expire_seconds"))

print(f"celery {version('celery')}, django-celery-beat {version('django-celery-beat')}, django {version('django')}")
print("guess:  {'expires': 60} makes ticks expire after 60 s with either scheduler")
print(f"seen:   Celery's own scheduler sends expires={handed_on}")
print(f"        the database's row of {{'expires': 60}} has expire_seconds={rows['by-expires']}")
print(f"        the database's row of {{'expire_seconds': 60}} has expire_seconds={rows['by-expire-seconds']}")
as_told = handed_on == 60 and rows["by-expires"] is None and rows["by-expire-seconds"] == 60
print("as told" if as_told else "THIS HAS CHANGED")
sys.exit(0 if as_told else 1)
PYTHON
"$here/venv/bin/python" "$here/look.py"
