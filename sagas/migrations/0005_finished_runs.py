from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('sagas', '0004_storage'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='run',
            index=models.Index(condition=models.Q(('finished_at__isnull', False)), fields=['finished_at'], name='saga_run_finished'),
        ),
    ]
