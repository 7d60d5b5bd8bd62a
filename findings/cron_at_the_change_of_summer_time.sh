#!/usr/bin/env bash
# Two libraries that read cron expressions lose a nightly job, or run it twice, when summer time begins or ends.
#
# One would guess: a library that takes a datetime with a time zone ticks once for `30 2 * * *` on each day, and at least
# once for `*/30 2 * * *`, also on the two days a year on which 02:30 does not exist, or exists twice. cronsim says that it
# does as Debian's cron, croniter that one begins with an aware datetime "for this to work".
# But with a step in the minutes cronsim leaves out the whole hour that does not exist, so that the job does not run on
# that day; and one for each second hour has 11 ticks on that day and 13 on the other. croniter has what exists twice
# twice: the nightly job at 02:30 runs two times.
#
# Source: https://github.com/cuu508/cronsim (README, "DST Transitions"), https://pypi.org/project/croniter/ ("About DST").
#
# Installs pinned packages into a folder of its own; needs no server. It exits with 1 when this has changed.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
"${PYTHON:-python3}" -m venv "$here/venv"
"$here/venv/bin/pip" install --quiet --disable-pip-version-check cronsim==2.8 croniter==7.0.0 tzdata==2025.2

cat >"$here/look.py" <<'PYTHON'
import sys
from datetime import datetime, timedelta
from importlib.metadata import version
from itertools import takewhile
from zoneinfo import ZoneInfo

from croniter import croniter
from cronsim import CronSim

BERLIN = ZoneInfo("Europe/Berlin")
SPRING, AUTUMN = datetime(2026, 3, 29, tzinfo=BERLIN), datetime(2026, 10, 25, tzinfo=BERLIN)


def ticks(library: str, expression: str, day: datetime) -> list[str]:
    """The ticks of that day, as the clock shows them."""
    before, end = day - timedelta(minutes=1), day + timedelta(days=1)
    found = CronSim(expression, before) if library == "cronsim" else croniter(expression, before, datetime)
    return [f"{tick:%H:%M%z}" for tick in takewhile(lambda tick: tick < end, found)]


print(f"cronsim {version('cronsim')}, croniter {version('croniter')}, Europe/Berlin")
print("guess:  30 2 * * * ticks once on each day, */30 2 * * * at least once")
seen = {
    (library, expression, day): ticks(library, expression, day)
    for library in ("cronsim", "croniter")
    for expression in ("30 2 * * *", "*/30 2 * * *", "0 */2 * * *")
    for day in (SPRING, AUTUMN)
}
for (library, expression, day), found in seen.items():
    print(f"seen:   {library:8} {expression:13} on {day:%d %B}: {len(found):2} {' '.join(found[:4])}")
as_told = (
    seen["cronsim", "*/30 2 * * *", SPRING] == []
    and len(seen["cronsim", "0 */2 * * *", AUTUMN]) == 13
    and seen["cronsim", "30 2 * * *", AUTUMN] == ["02:30+0200"]
    and seen["croniter", "30 2 * * *", AUTUMN] == ["02:30+0200", "02:30+0100"]
    and seen["croniter", "*/30 2 * * *", SPRING] == ["03:00+0200"]
)
print("as told" if as_told else "THIS HAS CHANGED")
sys.exit(0 if as_told else 1)
PYTHON
"$here/venv/bin/python" "$here/look.py"
