"""The operators see what waits and what died, change nothing by hand, and requeue on record."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db.models import F
from django.db.models.functions import Now
from django.urls import reverse

from outbox import sql
from outbox.admin.base import DeclaredValueFilter
from outbox.models import DeadLetter, Delivery, Hold, OutboxMessage, PublishedMessage, Shard
from outbox.operations import bulk_requeue, pauses
from outbox.operations.requeue import requeue
from outbox.testing import drain
from tests.support.hostapp.subscribers import FIRST
from tests.support.outbox.failing import Refusing, held
from tests.support.outbox.relaying import marked, relay_to

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("production_static")]

DEAD = "admin:outbox_deadletter_changelist"
TABLES = ["outboxmessage", "publishedmessage", "delivery", "inboxentry", "deadletter", "shard", "hold"]


@pytest.fixture
def operator(client) -> User:
    user = User.objects.create_user("ann", password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(user)
    return user


@pytest.fixture
def dead(commit) -> DeadLetter:
    commit("a")
    sql.dead_letter_delivery(marked(FIRST)[0], FIRST, 3, ("Boom", "it broke", "trail"))
    return DeadLetter.objects.get()


def requeue_through_the_admin(client, *ids: int):
    data = {"action": "requeue_selected", "_selected_action": ids}
    return client.post(reverse(DEAD), data, follow=True)


@pytest.mark.parametrize("table", TABLES)
def test_every_list_answers_and_offers_no_way_to_change_a_row(client, operator, dead, table):
    page = client.get(reverse(f"admin:outbox_{table}_changelist"))
    assert page.status_code == 200
    assert client.get(reverse(f"admin:outbox_{table}_add")).status_code == 403


@pytest.mark.parametrize("table", ["outboxmessage", "publishedmessage", "delivery", "inboxentry", "deadletter", "hold"])
def test_how_each_destination_stands_is_on_top_of_every_list(client, operator, commit, table):
    url = reverse(f"admin:outbox_{table}_changelist")
    assert "nothing waits" in client.get(url).content.decode()
    commit("a")
    OutboxMessage.objects.update(created_at=F("created_at") - timedelta(minutes=5))
    page = client.get(url).content.decode()
    assert "the oldest waits 5 min, 1 in all" in page
    assert "stalled" in page


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
    monkeypatch.setattr("outbox.admin.deadletters.requeue", lambda pk: False)
    page = requeue_through_the_admin(client, dead.pk).content.decode()
    assert "Skipped 1: another person requeued them." in page
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


def allow(operator: User, *codenames: str) -> None:
    operator.user_permissions.add(*Permission.objects.filter(codename__in=codenames))


def test_a_dead_letter_shows_its_reason_payload_headers_traceback_and_the_way_to_its_key(client, operator, dead):
    DeadLetter.objects.update(headers='{"caused_by": "%s"}' % dead.message_id, traceback="line 1")  # noqa: UP031
    page = client.get(reverse("admin:outbox_deadletter_change", args=[dead.pk])).content.decode()
    for shown in ("Boom", "it broke", "&quot;name&quot;: &quot;a&quot;", "caused_by", "line 1"):
        assert shown in page
    assert "?q=item%3Aa" in page
    assert "the message that caused it" in page
    assert "requeue_selected" not in page, "ann may not"


def test_messages_without_readable_headers_or_payload_still_have_a_page(client, operator, commit):
    commit("a")
    OutboxMessage.objects.update(headers="not json", payload="not json")
    row = OutboxMessage.objects.get()
    page = client.get(reverse("admin:outbox_outboxmessage_change", args=[row.pk]))
    assert page.status_code == 200
    assert "unreadable" in page.content.decode()


def many_dead(count: int) -> None:
    for one in marked_many(count):
        sql.dead_letter_delivery(one, FIRST, 3, ("Boom", "it broke", "trail"))


def marked_many(count: int):
    from django.db import transaction

    from outbox import publish
    from tests.support.hostapp.events import ItemCounted

    with transaction.atomic():
        for number in range(count):
            publish(ItemCounted(str(number)), key="item:a")
    return marked(FIRST)


def requeue_many(client, **more: object):
    first = DeadLetter.objects.order_by("id")[0]
    data = {"action": "requeue_many", "_selected_action": first.pk, "select_across": 1, **more}
    return client.post(reverse(DEAD), data, follow=True)


def test_many_are_previewed_then_requeued_at_a_rate_by_the_relay(client, operator):
    many_dead(5)
    allow(operator, "requeue_deadletter")
    page = requeue_many(client)
    assert "5 dead letters" in page.content.decode()
    assert DeadLetter.objects.filter(requeue_at=None).count() == 5, "the preview changes nothing"
    before = page.context["form"].initial["before"]
    page = requeue_many(client, confirmed=1, rate="0.5", reason="mended", before=before)
    assert "5 will be requeued, 0.5 a second." in page.content.decode()
    assert "Ordered the requeue of 5 dead letters, 0.5 a second (mended)." in LogEntry.objects.get().change_message
    relay_to(Refusing()).drain()
    assert DeadLetter.objects.count() == 4, "one has had its turn; the next is in two seconds"
    assert Delivery.objects.get().attempts == 0
    DeadLetter.objects.update(requeue_at=F("requeue_at") - timedelta(seconds=4))
    relay_to(Refusing()).drain()
    assert DeadLetter.objects.count() == 2
    assert "2 of these are scheduled" in client.get(reverse(DEAD)).content.decode()
    page = client.post(reverse("admin:outbox_deadletter_stop"), follow=True)
    assert "Stopped: 2 stay where they are." in page.content.decode()
    assert DeadLetter.objects.filter(requeue_at=None).count() == 2


def test_those_of_one_query_are_requeued_from_one_address(client, operator):
    many_dead(3)
    other = DeadLetter.objects.order_by("id")[0]
    DeadLetter.objects.filter(pk=other.pk).update(error_class="Other")
    where = f"{reverse('admin:outbox_deadletter_requeue')}?error_class=Other"
    assert client.get(where).status_code == 403
    allow(operator, "requeue_deadletter")
    assert client.get(f"{reverse('admin:outbox_deadletter_requeue')}?unknown=1").status_code == 404
    page = client.get(where)
    assert "1 dead letter<" in page.content.decode()
    given = {"confirmed": 1, "rate": "10", "before": page.context["form"].initial["before"]}
    assert "1 will be requeued, 10 a second." in client.post(where, given, follow=True).content.decode()
    assert [dead.pk for dead in DeadLetter.objects.filter(requeue_at__isnull=False)] == [other.pk]


def test_what_died_after_the_preview_is_not_requeued_with_the_rest(client, operator):
    many_dead(2)
    allow(operator, "requeue_deadletter")
    before = requeue_many(client).context["form"].initial["before"]
    DeadLetter.objects.filter(pk=DeadLetter.objects.latest("id").pk).update(died_at=Now() + timedelta(minutes=1))
    requeue_many(client, confirmed=1, rate="10", before=before)
    assert DeadLetter.objects.filter(requeue_at=None).count() == 1


def test_one_that_cannot_be_requeued_loses_its_turn_and_stops_no_other(client, operator, monkeypatch):
    many_dead(2)
    bad, good = DeadLetter.objects.order_by("id").values_list("pk", flat=True)
    bulk_requeue.start([bad, good], actor="ann", rate=1000)

    def fail_once(row: int) -> bool:
        if row == bad:
            raise RuntimeError("it cannot go back")
        return requeue(row)

    monkeypatch.setattr("outbox.operations.bulk_requeue.requeue", fail_once)
    DeadLetter.objects.update(requeue_at=Now())
    assert bulk_requeue.run_due() == 1
    assert list(DeadLetter.objects.values_list("pk", "requeue_at")) == [(bad, None)]


def test_a_held_key_says_why_and_is_skipped_with_a_reason(client, operator, commit):
    commit("a")
    commit("a")
    _, hold = held(Refusing("item:a"))
    page = client.get(reverse("admin:outbox_hold_change", args=[hold.pk])).content.decode()
    assert "it does not fit" in page
    assert "Messages behind it: 1." in page
    assert "You may view it." in page
    url = reverse("admin:outbox_hold_changelist")
    skip = {"action": "skip", "_selected_action": hold.pk}
    client.post(url, {**skip, "confirmed": 1, "reason": "sent by hand"})
    assert Hold.objects.exists(), "without the permission"
    allow(operator, "skip_hold")
    assert "the key continues without it" in client.post(url, skip).content.decode()
    assert "Say why" in client.post(url, {**skip, "confirmed": 1, "reason": " "}).content.decode()
    assert Hold.objects.exists()
    page = client.post(url, {**skip, "confirmed": 1, "reason": "sent by hand"}, follow=True).content.decode()
    assert "Skip the first message: 1." in page
    assert not Hold.objects.exists()
    assert DeadLetter.objects.get().error.startswith("Skipped by ann: sent by hand")


def test_a_strict_keys_first_message_is_requeued_from_its_page(client, operator, commit):
    commit("a")
    _, hold = held(Refusing("item:a"), order="strict")
    allow(operator, "requeue_deadletter", "retry_hold")
    page = client.get(reverse("admin:outbox_hold_change", args=[hold.pk])).content.decode()
    assert "Requeue the first message" in page
    assert "Retry now" not in page, "there is nothing to try"
    data = {"action": "requeue", "_selected_action": hold.pk, "confirmed": 1}
    client.post(reverse("admin:outbox_hold_changelist"), data)
    assert OutboxMessage.objects.get().pk == hold.position
    assert LogEntry.objects.get().user == operator


def test_the_overview_names_relays_shards_and_destinations_that_no_setting_names(client, operator, commit):
    commit("a", "b")
    OutboxMessage.objects.filter(key="item:b").update(destination="partners")
    relay = relay_to(Refusing())
    url = reverse("admin:outbox_shard_changelist")
    with relay._on_duty():
        relay._renew()
        relay._settle()
        page = client.get(url).content.decode()
    assert relay.owner in page
    assert "not configured" in page
    assert "1 message waits for partners, a destination that OUTBOX_DESTINATIONS does not name" in page


def test_a_destination_is_paused_and_resumed_on_record_and_every_list_says_so(client, operator, commit):
    commit("a")
    pauses.resume("tasks", actor="nobody", reason="its shards are there")
    url = reverse("admin:outbox_shard_act", args=["tasks", "pause"])
    given = {"tasks-shard": "", "tasks-reason": "they move house"}
    assert client.post(url, given).status_code == 403
    allow(operator, "pause_shard")
    assert "Say why" in client.post(url, {"tasks-shard": ""}).content.decode()
    assert "16 shards paused" in client.post(url, given, follow=True).content.decode()
    assert set(Shard.objects.values_list("paused", "paused_by")) == {(True, "ann")}
    assert "they move house (ann, " in client.get(reverse("admin:outbox_outboxmessage_changelist")).content.decode()
    assert LogEntry.objects.get().change_message == "Paused tasks: they move house"
    client.post(reverse("admin:outbox_shard_act", args=["tasks", "resume"]), {**given, "tasks-shard": "3"})
    assert list(Shard.objects.filter(paused=False).values_list("shard", flat=True)) == [3]


def test_a_filter_without_choices_is_refused_where_it_is_written():
    with pytest.raises(TypeError, match=r"Forgetful needs a method values\(\)"):
        type("Forgetful", (DeclaredValueFilter,), {"title": "none", "parameter_name": "none"})
