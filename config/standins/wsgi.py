"""The WSGI application that gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

from config import telemetry

os.environ["DJANGO_SETTINGS_MODULE"] = "config.standins.settings"
telemetry.start_web(probes=0, begins=False)

application = get_wsgi_application()
