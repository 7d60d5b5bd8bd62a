#!/usr/bin/env bash
# Celery 5.7: worker_soft_shutdown_timeout bounds nothing when the pool is threads.
#
# Guess: with worker_soft_shutdown_timeout=1 a worker told to stop ends about a second later, and its unfinished task goes
#        back to the broker. (For SIGTERM the manual asks for REMAP_SIGTERM=SIGQUIT; it is set here.)
# Seen:  after that second, cancelling the task raises NotImplementedError ("does not implement kill_job"), and the worker
#        waits for the task to its end. Whoever stops it kills it first.
# Source: celery/apps/worker.py (on_cold_shutdown), celery/worker/request.py (Request.cancel), celery/concurrency/base.py
#        (BasePool.terminate_job), and celery/concurrency/thread.py, which has none of its own.
#        https://docs.celeryq.dev/en/stable/userguide/workers.html#soft-shutdown
# Exits with 1 when that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check celery==5.7.0 kombu==5.7.0
cd "$folder"
mkdir queue
cat > app.py <<'PYTHON'
import pathlib, time
from celery import Celery

app = Celery("app", broker="filesystem://")
app.conf.broker_transport_options = {"data_folder_in": "queue", "data_folder_out": "queue"}
app.conf.worker_soft_shutdown_timeout = 1
app.conf.task_acks_late = True

@app.task
def long_one():
    pathlib.Path("begun").touch()
    time.sleep(8)
    pathlib.Path("finished").touch()
PYTHON
"$folder/venv/bin/python" -c 'import celery; print("celery", celery.__version__)'
"$folder/venv/bin/python" -c 'import app; app.long_one.delay()'
REMAP_SIGTERM=SIGQUIT "$folder/venv/bin/celery" -A app worker --pool threads --concurrency 1 --without-gossip --without-mingle > log 2>&1 &
worker=$!
for _ in $(seq 300); do [ -e begun ] && break; sleep 0.1; done
[ -e begun ] || { cat log; echo "the task never began"; exit 1; }
kill -TERM "$worker"
wait "$worker" || true
if [ -e finished ] && grep -q "does not implement kill_job" log; then
    grep -m 1 "does not implement kill_job" log
    echo "As seen before: the worker ended only with its task, which took eight seconds instead of one."
else
    tail -n 40 log
    echo "Changed: the task was $([ -e finished ] && echo finished || echo cut off)."
    exit 1
fi
