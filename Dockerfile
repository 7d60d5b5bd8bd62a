# One image for every process of the shop; docker-compose.yml names the commands.
FROM python:3.13-slim

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1

WORKDIR /app
RUN useradd --system --uid 10001 --home-dir /app --shell /usr/sbin/nologin settle

# The locks change less often than the code.
COPY requirements.txt ./
RUN pip install --require-hashes -r requirements.txt
# `--build-arg TRACING=1` for an image that can send spans.
ARG TRACING=
COPY config/telemetry/requirements.txt config/telemetry/
RUN if [ -n "$TRACING" ]; then pip install --require-hashes -r config/telemetry/requirements.txt; fi

COPY manage.py ./
COPY config/ config/
COPY orders/ orders/
COPY sagas/ sagas/
COPY outbox/ outbox/

# Settings want to know where the servers are; collecting files asks none of them.
RUN SECRET_KEY=unused-while-building DATABASE_URL=postgres://nobody@localhost/none REDIS_URL=redis://localhost/0 \
    python manage.py collectstatic --noinput --verbosity 0 \
    && python -m compileall -q config orders sagas outbox

# No HEALTHCHECK here: each part has its own in docker-compose.yml, and one for all would be wrong for all but one.
USER settle
EXPOSE 8000
CMD ["gunicorn", "config.wsgi", "--config", "python:config.web_server", "--bind", "0.0.0.0:8000", "--workers", "2", "--threads", "8", "--worker-tmp-dir", "/dev/shm", "--no-control-socket"]
