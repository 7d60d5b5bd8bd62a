"""The WSGI application that gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

from . import telemetry

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
telemetry.start_web()

application = get_wsgi_application()
