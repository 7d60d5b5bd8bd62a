#!/usr/bin/env bash
# kombu 5.7: one Redis address does not serve redis-py and Celery both.
#
# Guess: `redis://host:6379/0?protocol=3`, which redis.Redis.from_url() takes, is good for Celery's broker_url as well: kombu
#        hands the address to redis-py. At worst the option is passed over.
# Seen:  every option of the query becomes a keyword of kombu.Connection: TypeError, before anything is connected. Neither
#        worker, beat nor publisher starts, and the message names no address and no setting.
# Source: kombu/utils/url.py (parse_url) and kombu/connection.py (Connection.__init__, _init_params).
# Exits with 1 when that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "kombu[redis]==5.7.0" redis==8.1.0
"$folder/venv/bin/python" - <<'PYTHON'
import sys
import kombu, redis

ADDRESS = "redis://127.0.0.1:6379/0?protocol=3"
print("kombu", kombu.__version__, "redis-py", redis.__version__)
redis.Redis.from_url(ADDRESS)
print("redis-py takes", ADDRESS)
try:
    kombu.Connection(ADDRESS)
except TypeError as error:
    print("kombu raises", repr(error))
else:
    sys.exit("Changed: kombu takes it, too.")
PYTHON
