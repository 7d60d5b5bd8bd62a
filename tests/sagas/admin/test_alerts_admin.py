"""The pages of the alerts: what is on, who sees to it, and the acts, each with its permission and its record."""

from __future__ import annotations

import io

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from sagas.models import Alert

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alert(programs) -> Alert:
    now = timezone.now()
    return Alert.objects.create(
        rule="still", state="firing", since=now, began_at=now, told_begin_at=now, title="Orders stand still", do="Look."
    )


def act(client: Client, alert: Alert, name: str, **given: str):
    form = {"reason": "I restart it.", "hours": "8", **given}
    return client.post(reverse("admin:sagas_alert_act", args=[alert.pk, name]), form)


def logged_in(*permissions: str) -> Client:
    user = User.objects.create_user("olga", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def test_whoever_sees_to_it_is_shown_wherever_the_alert_is(admin_client, alert):
    assert "nobody has said that they see to it" in admin_client.get("/admin/").content.decode()
    assert act(admin_client, alert, "acknowledge").status_code == 302
    alert.refresh_from_db()
    assert (alert.acknowledged_by, alert.acknowledged_reason) == ("admin", "I restart it.")
    page = admin_client.get(reverse("admin:sagas_alert_change", args=[alert.pk])).content.decode()
    assert "admin sees to it: I restart it." in page
    assert "I see to it: I restart it." in page, "and in what people did"
    assert "on, and seen to" in admin_client.get(reverse("admin:sagas_alert_changelist")).content.decode()
    assert "admin sees to it" in admin_client.get("/admin/").content.decode()
    out = io.StringIO()
    call_command("saga", "status", stdout=out)
    assert "alert Orders stand still (still): on for" in out.getvalue()
    assert "admin sees to it: I restart it." in out.getvalue()


def test_a_silence_has_an_end_a_reason_and_a_way_back(admin_client, alert):
    act(admin_client, alert, "silence")
    alert.refresh_from_db()
    assert alert.silenced_until is not None
    hours = (alert.silenced_until - timezone.now()).total_seconds() / 3600
    assert 7.9 < hours <= 8
    page = admin_client.get(reverse("admin:sagas_alert_change", args=[alert.pk])).content.decode()
    assert "silenced for another 8 h" in page or "silenced for another 7 h 59 min" in page
    assert "End the silence" in page
    act(admin_client, alert, "tell_again")
    alert.refresh_from_db()
    assert alert.silenced_until is None
    assert LogEntry.objects.count() == 2


def test_an_act_needs_a_reason_and_a_time_that_there_is(admin_client, alert):
    assert "Say why" in act(admin_client, alert, "acknowledge", reason=" ").content.decode()
    assert act(admin_client, alert, "silence", hours="9999").status_code == 200
    alert.refresh_from_db()
    assert (alert.acknowledged_by, alert.silenced_until) == ("", None)


def test_an_act_needs_its_permission_and_a_form(admin_client, alert):
    watcher = logged_in("view_alert", "acknowledge_alert")
    assert act(watcher, alert, "silence").status_code == 403
    page = watcher.get(reverse("admin:sagas_alert_change", args=[alert.pk])).content.decode()
    assert "I see to it" in page
    assert "Silence</" not in page
    assert act(watcher, alert, "acknowledge").status_code == 302
    assert admin_client.get(reverse("admin:sagas_alert_act", args=[alert.pk, "silence"])).status_code == 404
    assert act(admin_client, alert, "forget").status_code == 404
    alert.delete()
    assert admin_client.get(reverse("admin:sagas_alert_change", args=[77])).status_code == 404


def test_what_is_over_needs_nobody(admin_client, alert):
    Alert.objects.update(state="ok", ended_at=timezone.now())
    answer = admin_client.post(
        reverse("admin:sagas_alert_act", args=[alert.pk, "acknowledge"]), {"reason": "x", "hours": "1"}, follow=True
    )
    assert "Nothing was done" in answer.content.decode()
    assert not LogEntry.objects.exists()
