"""The operators see what waits and what died, change nothing by hand, and requeue on record."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from outbox import sql
from outbox.models import DeadLetter, Delivery, OutboxMessage, PublishedMessage
from outbox.testing import drain

from .hostapp.subscribers import FIRST
from .relaying import marked

pytestmark = pytest.mark.django_db(transaction=True)

DEAD = "admin:outbox_deadletter_changelist"
TABLES = ["outboxmessage", "publishedmessage", "delivery", "inboxentry", "deadletter", "shard"]


@pytest.fixture
def operator(client) -> User:
    user = User.objects.create_user("ann", password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(user)
    return user


@pytest.fixture
def dead(commit) -> DeadLetter:
    commit("a")
    sql.bury_delivery(marked(FIRST)[0], FIRST, 3, ("Boom", "it broke", "trail"))
    return DeadLetter.objects.get()


def requeue_through_the_admin(client, *ids: int):
    data = {"action": "requeue_selected", "_selected_action": ids}
    return client.post(reverse(DEAD), data, follow=True)


@pytest.mark.parametrize("table", TABLES)
def test_every_list_answers_and_offers_no_way_to_change_a_row(client, operator, dead, table):
    page = client.get(reverse(f"admin:outbox_{table}_changelist"))
    assert page.status_code == 200
    assert client.get(reverse(f"admin:outbox_{table}_add")).status_code == 403


def test_the_age_of_the_oldest_unpublished_message_stands_on_top(client, operator, commit):
    url = reverse("admin:outbox_outboxmessage_changelist")
    assert "nothing waits to be published" in client.get(url).content.decode()
    commit("a")
    assert "the oldest unpublished message waits 0:00:0" in client.get(url).content.decode()


def test_published_messages_are_found_by_key_and_by_message_id(client, operator, commit):
    commit("a", "b")
    drain()
    message = PublishedMessage.objects.get(key="item:a")
    for sought in (message.key, str(message.message_id)):
        page = client.get(reverse("admin:outbox_publishedmessage_changelist"), {"q": sought}).content.decode()
        assert "item:a" in page
        assert "item:b" not in page


def test_the_trace_of_a_published_message_is_shown(client, operator, commit):
    commit("a")
    trace_id = OutboxMessage.objects.get().headers.split("00-")[1][:32]
    drain()
    assert trace_id in client.get(reverse("admin:outbox_publishedmessage_changelist")).content.decode()


def test_requeue_needs_its_own_permission(client, operator, dead):
    requeue_through_the_admin(client, dead.pk)
    assert DeadLetter.objects.exists()


def test_requeue_is_done_recorded_and_reported(client, operator, dead):
    operator.user_permissions.add(Permission.objects.get(codename="requeue_deadletter"))
    page = requeue_through_the_admin(client, dead.pk).content.decode()
    assert "Requeued 1." in page
    assert not DeadLetter.objects.exists()
    delivery = Delivery.objects.get()
    assert (delivery.subscriber, delivery.attempts) == (FIRST, 0)
    entry = LogEntry.objects.get()
    assert entry.user == operator
    assert "Requeued to host.first after 3 attempts: it broke" in entry.change_message


def test_what_somebody_else_requeued_is_reported_as_skipped(client, operator, dead, monkeypatch):
    operator.user_permissions.add(Permission.objects.get(codename="requeue_deadletter"))
    monkeypatch.setattr("outbox.admin.requeue", lambda pk: False)
    page = requeue_through_the_admin(client, dead.pk).content.decode()
    assert "Skipped 1: requeued by somebody else." in page
    assert not LogEntry.objects.exists()


def test_a_message_that_could_not_be_published_goes_back_to_the_outbox(client, operator, dead):
    operator.user_permissions.add(Permission.objects.get(codename="requeue_deadletter"))
    DeadLetter.objects.update(subscriber="")
    requeue_through_the_admin(client, dead.pk)
    assert OutboxMessage.objects.get().key == "item:a"
    drain()


def test_requeue_and_its_record_are_one_transaction(client, operator, dead, monkeypatch):
    operator.user_permissions.add(Permission.objects.get(codename="requeue_deadletter"))

    def fail(*_args, **_kwargs):
        raise RuntimeError("the record cannot be written")

    monkeypatch.setattr(LogEntry.objects, "log_actions", fail)
    with pytest.raises(RuntimeError):
        requeue_through_the_admin(client, dead.pk)
    assert DeadLetter.objects.filter(pk=dead.pk).exists()
