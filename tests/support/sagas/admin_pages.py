"""Runs for the admin to show, a user who is logged in, and what its pages say."""

from __future__ import annotations

from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.urls import reverse

from sagas import Refused, desk
from sagas.models import Run

from .driver import begin, carry
from .errand import Errand, errand

LIST = "admin:sagas_run_changelist"
LOST = TimeoutError("no answer within 2 s")


EVERY_ACT = {verb.permission.removeprefix("sagas.") for verb in desk.VERBS.values()}


def log_in(client, *permissions):
    user = User.objects.create_user("olga", password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return user


def stuck(world, key="order:1", subject="S-100001 ann@example.com"):
    """A run that is stuck after its pivot: delivering is refused."""
    world.faults["deliver"] = [Refused("no_such_street", "The street is unknown.")]
    run = carry(begin(errand, Errand("milk"), key=key))
    Run.objects.filter(pk=run.pk).update(subject=subject)
    return Run.objects.get(pk=run.pk)


def open_run(key="order:2", subject="S-100002 bob@example.com"):
    run_id = begin(errand, Errand("bread"), key=key)
    Run.objects.filter(pk=run_id).update(subject=subject)
    return Run.objects.get(pk=run_id)


def done(key="order:3", subject="S-100003 cyd@example.com"):
    run = carry(begin(errand, Errand("eggs"), key=key))
    Run.objects.filter(pk=run.pk).update(subject=subject)
    return run


def page_of(client, run):
    answer = client.get(reverse("admin:sagas_run_change", args=[run.pk]))
    assert answer.status_code == 200
    return answer.content.decode()


def listed(client, **query):
    answer = client.get(reverse(LIST), query)
    assert answer.status_code == 200
    return [run.subject for run in answer.context["cl"].result_list]


def act(client, verb, run, **given):
    token = f"{run.pk}:{run.row_version}"
    return client.post(reverse("admin:sagas_desk", args=[verb]), {"run": token, "reason": "Called them.", **given})


def said(answer):
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))
