"""Views of the run list that people keep."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from sagas import desk
from sagas.desk import saved_views
from sagas.models import SavedView
from tests.support.sagas.admin_pages import LIST, log_in, open_run, said, stuck

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("production_static")]
QUERY = "state=stuck&code=no_such_street&q=S-1000"


@pytest.fixture
def olga(client):
    return log_in(client, "view_run")


def eve(*permissions) -> tuple[Client, User]:
    """Somebody else, logged in."""
    user = User.objects.create_user("eve", password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=("view_run", *permissions)))
    client = Client()
    client.force_login(user)
    return client, user


def send(client, what, pk=None, **given):
    return client.post(reverse(f"admin:sagas_view_{what}", args=[pk] if pk else []), given)


def save(client, name="Streets", query=QUERY, **given):
    return send(client, "save", name=name, query=query, **given)


def views(client, query=""):
    answer = client.get(f"{reverse(LIST)}?{query}")
    assert answer.status_code == 200
    return answer.context["views"]


def test_the_filters_and_the_search_of_a_list_are_saved_and_opened(client, olga, world):
    found = stuck(world)
    open_run()
    answer = save(client, query=f"p=2&{QUERY}&live=1&all=&e=1&nonsense=x")
    view = SavedView.objects.get()
    assert (view.owner, view.name, view.shared) == (olga, "Streets", False)
    assert view.query == "state=stuck&code=no_such_street&q=S-1000"
    assert answer.headers["Location"] == f"{reverse(LIST)}?{view.query}"
    assert said(answer) == "Saved as “Streets”."
    page = client.get(reverse(LIST)).content.decode()
    assert f'<a href="{reverse(LIST)}?state=stuck&amp;code=no_such_street&amp;q=S-1000">Streets</a>' in page
    opened = client.get(answer.headers["Location"])
    assert [run.pk for run in opened.context["cl"].result_list] == [found.pk]
    assert opened.context["views"].opened == view
    assert "Save this view" not in opened.content.decode()


def test_the_list_as_it_opens_is_a_view_too(client, olga):
    assert save(client, name="All that is open", query="").headers["Location"] == reverse(LIST)
    assert views(client).opened.name == "All that is open"


def test_a_view_is_renamed_and_deleted(client, olga):
    save(client)
    view = SavedView.objects.get()
    assert "It is now named “Unknown streets”." in said(send(client, "rename", view.pk, name="  Unknown   streets "))
    assert views(client).all[0].name == "Unknown streets"
    assert "“Unknown streets” is deleted; the list stays as it is." in said(send(client, "delete", view.pk))
    assert views(client).all == []
    assert send(client, "rename", view.pk, name="x").status_code == 404


def test_nobody_sees_or_changes_what_another_keeps_for_himself(client, olga):
    save(client)
    view = SavedView.objects.get()
    other, _ = eve("share_savedview")
    assert views(other).all == []
    assert send(other, "delete", view.pk).status_code == 404
    assert send(other, "rename", view.pk, name="Mine").status_code == 404
    assert SavedView.objects.get().name == "Streets"


def test_what_is_shared_all_see_and_only_who_may_share_changes(client, olga):
    sharer, _ = eve("share_savedview")
    assert said(save(sharer, shared="on")) == "Saved as “Streets”, for all who may see runs."
    view = SavedView.objects.get()
    assert views(client).all == [view]
    assert views(client, QUERY).opened == view
    assert not views(client, QUERY).may_change
    assert "Rename or delete it" not in client.get(f"{reverse(LIST)}?{QUERY}").content.decode()
    assert "“Streets” is eve's; save the list under a name of your own." in said(send(client, "delete", view.pk))
    assert SavedView.objects.exists()
    olga.user_permissions.add(Permission.objects.get(codename="share_savedview"))
    send(client, "delete", view.pk)
    assert not SavedView.objects.exists()


def test_sharing_needs_its_permission(client, olga):
    assert "for all who may see runs" not in client.get(reverse(LIST)).content.decode()
    assert "You may not share views; save it for yourself." in said(save(client, shared="on"))
    assert not SavedView.objects.exists()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"name": " \t "}, "Give the view a name."),
        ({"name": "\x00"}, "Give the view a name."),
        ({"name": "x" * 61}, "longer than 60 characters"),
        ({"query": "q=" + "x" * 1000}, "longer than 1000 characters; search for less."),
        ({"query": "&".join(f"a{n}=1" for n in range(60))}, "These are no filters of the run list"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_what_to_do(client, olga, given, words):
    answer = save(client, **given)
    assert answer.status_code == 302
    assert words in said(answer)
    assert not SavedView.objects.exists()


def test_a_name_is_taken_once_by_each_person(client, olga):
    save(client)
    assert "There is a view named “Streets” already; take another name" in said(save(client, query="state=all"))
    other, _ = eve()
    assert "Saved" in said(save(other))
    save(client, name="Others")
    second = SavedView.objects.get(name="Others")
    assert "There is a view named “Streets” already" in said(send(client, "rename", second.pk, name="Streets"))
    with pytest.raises(IntegrityError), transaction.atomic():
        SavedView.objects.create(owner=olga, name="Streets")


def test_a_person_has_so_many_and_no_more(client, olga, monkeypatch):
    monkeypatch.setattr(saved_views, "MOST", 2)
    save(client, name="a")
    save(client, name="b")
    assert "You have 2 views, which is the most; delete one first." in said(save(client, name="c"))
    assert SavedView.objects.count() == 2


def test_by_me_means_whoever_opens_it(client, olga, world):
    sharer, eva = eve("share_savedview", "handle_run")
    save(sharer, name="Mine", query="handled=mine", shared="on")
    run = stuck(world)
    desk.assign(run.pk, actor=eva, reason="I know them.", assignee="eve")
    assert [one.pk for one in sharer.get(f"{reverse(LIST)}?handled=mine").context["cl"].result_list] == [run.pk]
    assert list(client.get(f"{reverse(LIST)}?handled=mine").context["cl"].result_list) == []


def test_a_name_is_words_and_no_markup(client, olga):
    save(client, name="<b>&'\"")
    page = client.get(reverse(LIST)).content.decode()
    assert "&lt;b&gt;&amp;&#x27;&quot;" in page


def test_nothing_changes_by_a_link_without_a_token_or_without_permission(client, olga):
    save(client)
    view = SavedView.objects.get()
    for what, arguments in (("save", []), ("rename", [view.pk]), ("delete", [view.pk])):
        assert client.get(reverse(f"admin:sagas_view_{what}", args=arguments)).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(olga)
    assert send(strict, "delete", view.pk).status_code == 403
    olga.user_permissions.clear()
    assert send(client, "delete", view.pk).status_code == 403
    assert save(client, name="x").status_code == 403
    client.logout()
    assert send(client, "delete", view.pk).status_code == 302
    assert SavedView.objects.get() == view


def test_views_go_with_their_owner(client, olga):
    save(client)
    olga.delete()
    assert not SavedView.objects.exists()
