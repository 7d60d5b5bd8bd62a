"""The engine's schedule compares the books: beat's own row for it, which its table would keep, goes."""

from django.db import migrations

ROW = "every-night-compare-the-books"


def remove_row(apps, schema_editor):
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(name=ROW).delete()


class Migration(migrations.Migration):
    dependencies = [("reconciliation", "0001_initial"), ("django_celery_beat", "0001_initial")]
    operations = [migrations.RunPython(remove_row, migrations.RunPython.noop)]
