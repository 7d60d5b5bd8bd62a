"""Settings of the shop, for every environment. `config.env` reads what differs from environment variables."""

from __future__ import annotations

from datetime import timedelta

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from outbox.schedule import options_of, row
from sagas.schedule import ROUTES, SCHEDULE

from . import env
from .logs import logging_config

BASE_DIR = env.BASE_DIR
env.load_local()
env.spare_loopback()

# --- Environment -----------------------------------------------------------------------------------------------------
LOCAL = env.flag("SETTLE_LOCAL")  # set by `make up` and by the tests: stand-ins, test cards, plain cookies
DEBUG = env.flag("DEBUG")
SECRET_KEY = "local-only" if LOCAL else env.required("SECRET_KEY", "a long random string; see README, Production.")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1],testserver" if LOCAL else "")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")
SITE_URL = env.text("SITE_URL", "http://127.0.0.1:8000")
FLOWER_URL = env.text("FLOWER_URL", "http://127.0.0.1:5555")
TRACE_URL = env.text("TRACE_URL")  # a page of one trace, with {trace_id} in it
RELEASE = env.text("RELEASE")  # what this code is called, as each worker says of itself: a tag, a commit, a day

# --- Django ----------------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "config",
    "orders",
    "orders.reconciliation",
    "orders.returns",
    "orders.trips",
    "orders.webhooks",
    "sagas",
    "outbox",
    "django_celery_beat",
    "django_htmx",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "config.metrics.http.MetricsMiddleware",  # counts all that follows, and answers /metrics
    "config.health.ProbesMiddleware",  # before the middleware that checks the host and TLS, and before any trace
    "outbox.middleware.TraceMiddleware",  # so that all others log with the request id
    "config.addresses.AddressMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = None if LOCAL else BASE_DIR / "staticfiles"  # locally WhiteNoise serves from the apps themselves
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"
        if LOCAL
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = LOCAL
WHITENOISE_AUTOREFRESH = DEBUG

# --- PostgreSQL ------------------------------------------------------------------------------------------------------
PROCESS = env.text("SETTLE_PROCESS", "settle")
# A worker that freezes or loses its machine inside a transaction must not hold its locks for ever.
SESSION = "-c idle_in_transaction_session_timeout=20s -c lock_timeout=10s"
if PROCESS == "web":  # whoever asks gets an answer, 503 if need be, before they or their proxy give up
    SESSION = "-c idle_in_transaction_session_timeout=20s -c lock_timeout=5s -c statement_timeout=8s"
DATABASES = {
    "default": {
        **dj_database_url.parse(
            env.required("DATABASE_URL", "postgres://user:password@host:5432/name (`make up` sets it for you)."),
            conn_max_age=600,
            conn_health_checks=True,
        ),
        "OPTIONS": {
            "application_name": PROCESS,
            "options": SESSION,
            "connect_timeout": 5,  # seconds; a server whose machine is gone neither refuses nor answers
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
        },
    }
}
if DATABASES["default"]["ENGINE"] != "django.db.backends.postgresql":
    raise ImproperlyConfigured("DATABASE_URL must name a PostgreSQL database: the sagas rest on its locks.")

# --- Redis and Celery ------------------------------------------------------------------------------------------------
REDIS_URL = env.required("REDIS_URL", "redis://host:6379/0 (`make up` sets it for you).")
CELERY_BROKER_URL = env.broker_url()
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_SEND_SENT_EVENT = False  # it names the task; when late it overwrites the step's name
CELERY_WORKER_SEND_TASK_EVENTS = True  # Flower
CELERY_WORKER_CONSUMER = "config.celery_consumer:Consumer"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_DB_REUSE_MAX = 10_000  # tasks; Celery's default closes a thread's connection after each
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = options_of(CELERY_BROKER_URL)
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {
    **ROUTES,
    "orders.refresh_availability": {"queue": "default"},
    "orders.watch": {"queue": "upkeep"},
}
# After SIGTERM a worker has this long to finish its running tasks; then it hands the rest back and ends. The container
# engine must wait longer before it kills: `stop_grace_period` in docker-compose.yml.
WORKER_END_WITHIN = timedelta(seconds=env.number("WORKER_END_WITHIN", 20))
CELERY_BEAT_SCHEDULER = "config.scheduler:Scheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 1
CELERY_BEAT_SCHEDULE = {
    **SCHEDULE,
    "every-ten-seconds-refresh-availability": row("orders.refresh_availability", timedelta(seconds=10)),
    "every-two-seconds-watch-orders-carried-by-events": row("orders.watch", timedelta(seconds=2)),
}

# --- Participants ----------------------------------------------------------------------------------------------------
STANDINS_URL = env.text("STANDINS_URL", "http://127.0.0.1:8100")
STRIPE_API_KEY = env.text("STRIPE_API_KEY", "sk_test_local")
STRIPE_API_BASE = env.text(
    "STRIPE_API_BASE", f"{STANDINS_URL}/payments" if STRIPE_API_KEY == "sk_test_local" else "https://api.stripe.com"
)
SHOP_ID = env.text("SHOP_ID")  # our name on an account shared with other shops; "" takes the site's address
STANDIN_SECRET = "whsec_local"  # noqa: S105 - public: only the stand-in uses it
STRIPE_WEBHOOK_SECRET = env.text("STRIPE_WEBHOOK_SECRET") or (  # several, with commas, while one replaces another
    STANDIN_SECRET if STRIPE_API_KEY == "sk_test_local" else ""
)
if STANDIN_SECRET in STRIPE_WEBHOOK_SECRET and STRIPE_API_KEY != "sk_test_local":
    raise ImproperlyConfigured(f"STRIPE_WEBHOOK_SECRET={STANDIN_SECRET} is the stand-in's: set your endpoint's own.")
WAREHOUSE_URL = env.text("WAREHOUSE_URL", f"{STANDINS_URL}/warehouse")
CARRIER_URL = env.text("CARRIER_URL", f"{STANDINS_URL}/carrier")
FLIGHT_URL = env.text("FLIGHT_URL", f"{STANDINS_URL}/flight")
HOTEL_URL = env.text("HOTEL_URL", f"{STANDINS_URL}/hotel")
PARTICIPANTS = {
    "payments": "STRIPE_API_BASE",
    "warehouse": "WAREHOUSE_URL",
    "carrier": "CARRIER_URL",
    "flight": "FLIGHT_URL",
    "hotel": "HOTEL_URL",
}
"""Each company, and the setting with its URL."""
RECORD_URLS = {
    "payments": env.text("PAYMENTS_RECORD_URL"),
    "warehouse": env.text("WAREHOUSE_RECORD_URL"),
    "carrier": env.text("CARRIER_RECORD_URL"),
    "flight": env.text("FLIGHT_RECORD_URL"),
    "hotel": env.text("HOTEL_RECORD_URL"),
}
"""Where each shows to people what it knows of {number}; see `orders.participants.records`."""
FAULT_PANEL = env.flag("FAULT_PANEL", default=LOCAL)  # /faults/: for local use and staging; refused in production

# --- Mail ------------------------------------------------------------------------------------------------------------
EMAIL_HOST = env.text("EMAIL_HOST")
EMAIL_PORT = int(env.number("EMAIL_PORT", 25))
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD")
EMAIL_USE_TLS = env.flag("EMAIL_USE_TLS")
EMAIL_TIMEOUT = 10  # seconds
EMAIL_FILE_PATH = env.text("EMAIL_FILE_PATH", str(BASE_DIR / ".local" / "mail"))
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'filebased'}.EmailBackend"
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "Settle <orders@settle.example>")

# --- The desk, alerts, and the canary --------------------------------------------------------------------------------
SAGAS_CANARY = env.flag("SAGAS_CANARY", default=True)  # a run without effect each minute
SAGAS_SECOND_PERSON = tuple(env.words("SECOND_PERSON"))  # acts on the desk that another person confirms
SAGAS_ALERT_MAIL = env.words("ALERT_MAIL", "operator@settle.example" if LOCAL else "")
SAGAS_ALERT_WEBHOOK = env.text("ALERT_WEBHOOK")
SAGAS_ALERT_WEBHOOK_SECRET = env.text("ALERT_WEBHOOK_SECRET")  # several, with spaces, while one replaces another

# --- Orders ----------------------------------------------------------------------------------------------------------
ORDERS_COORDINATION = env.text("ORDERS_COORDINATION", "saga")  # the default for new orders: saga or choreography
if ORDERS_COORDINATION not in ("saga", "choreography"):
    raise ImproperlyConfigured(f"ORDERS_COORDINATION={ORDERS_COORDINATION!r}: use saga or choreography.")
ORDERS_RECONCILE_DAYS = 7  # how many days the nightly comparison with the card processor's books covers
ORDERS_RECONCILE_SETTLED = timedelta(hours=1)  # payments younger than this may still be in progress
ORDERS_CONFIRM_WITHIN = timedelta(seconds=env.number("ORDERS_CONFIRM_WITHIN", 900))  # 3-D Secure
ORDERS_EVENT_PATIENCE = timedelta(minutes=1)  # after this the watchdog acts on an event that has not arrived

# --- Metrics ---------------------------------------------------------------------------------------------------------
METRICS_TOKEN = env.text("METRICS_TOKEN")  # who scrapes /metrics sends it; "" answers this machine, and only locally

# --- Logging ---------------------------------------------------------------------------------------------------------
LOGGING = logging_config(as_json=env.text("LOG_FORMAT", "console") == "json", level=env.text("LOG_LEVEL", "INFO"))
LOGGING_CONFIG = "logging.config.dictConfig"

# --- Security: safe by default outside a developer's machine ---------------------------------------------------------
SESSION_COOKIE_SECURE = not LOCAL
CSRF_COOKIE_SECURE = not LOCAL
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.flag("BEHIND_TLS_PROXY") else None
SECURE_HSTS_SECONDS = 0 if LOCAL else int(env.number("SECURE_HSTS_SECONDS", 3600))
SECURE_SSL_REDIRECT = env.flag("SECURE_SSL_REDIRECT", default=False)
