"""`manage.py show_saga`: a declaration as people read it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from sagas import Retry, Saga, StepContext
from sagas.declare import registry
from tests.support.sagas.errand import Errand

NODE = r'(\w+)(?:\[".+"\]|\(\[".+"\]\)|\{\{".+"\}\})(?::::(pivot|undo))?'
EDGE = r"(\w+) (?:-->|-\. refused \.->) (\w+)"

TABLE = """\
errand, version 1, deadline 5 min

   step     undo             retry                    timeout  participant  marks
1  fetch    bring_back       3 times, 20 ms to 40 ms  2 s      shop
2  think    nothing to undo  3 times, 20 ms to 40 ms  2 s
3  wrap     unwrap           3 times, 20 ms to 40 ms  2 s
4  pay      -                3 times, 20 ms to 40 ms  2 s                   pivot, probe
5  deliver  only forward     3 times, 20 ms to 40 ms  2 s
"""

LOOSE = """\
the "end" <b>, version 2, no deadline

   step      undo             retry                     timeout  participant  marks
1  end       nothing to undo  once                      10 s     a & b
2  subgraph  not declared     until done, 1 s to 5 min  10 s                  local
"""

FLOWCHART = """\
flowchart TD
    start(["errand 1"])
    s0["fetch<br/>shop"]
    s1["think"]
    s2["wrap"]
    s3{{"pay"}}:::pivot
    s4["deliver"]
    completed(["completed"])
    u0["bring_back"]:::undo
    u2["unwrap"]:::undo
    undone(["undone"])
    start --> s0
    s0 --> s1
    s1 --> s2
    s2 --> s3
    s3 --> s4
    s4 --> completed
    s0 -. refused .-> u0
    s1 -. refused .-> u0
    s2 -. refused .-> u2
    s3 -. refused .-> u2
    u2 --> u0
    u0 --> undone
    classDef pivot stroke-width:4px
    classDef undo stroke-dasharray:4
"""


@pytest.fixture
def end() -> Iterator[Saga[Errand]]:
    """A saga and steps whose names mean something to Mermaid; no pivot, one undo missing, one step local."""
    saga = Saga[Errand]('the "end" <b>', version=2)

    @saga.step(undo=None, participant="a & b", retry=Retry(attempts=1))
    def end(ctx: StepContext[Errand]) -> None: ...

    @saga.step(local=True, retry=Retry.until_done())
    def subgraph(ctx: StepContext[Errand]) -> None: ...

    yield saga
    registry.forget(saga)


def shown(*arguments: str) -> str:
    out = StringIO()
    call_command("show_saga", *arguments, stdout=out)
    return out.getvalue()


def well_formed(text: str) -> bool:
    """Whether every line is a node, an arrow between nodes, or a class; and every node but the end leads somewhere."""
    head, *lines = text.splitlines()
    nodes = {found[1]: found[2] for line in lines if (found := re.fullmatch(NODE, line.strip()))}
    edges = [found.groups() for line in lines if (found := re.fullmatch(EDGE, line.strip()))]
    classes = {line.split()[1] for line in lines if line.strip().startswith("classDef ")}
    return (
        head == "flowchart TD"
        and len(nodes) + len(edges) + len(classes) == len(lines)
        and {end for edge in edges for end in edge} <= set(nodes)
        and {one for one, _ in edges} == set(nodes) - {"completed", "undone"}
        and set(filter(None, nodes.values())) <= classes
    )


def test_a_saga_is_shown_as_a_table():
    assert shown("errand") == TABLE


def test_a_saga_is_drawn_with_its_undos_and_its_pivot():
    assert shown("errand", "--mermaid") == FLOWCHART
    assert well_formed(FLOWCHART)


def test_names_that_mean_something_to_mermaid_are_drawn_as_they_are(end):
    text = shown(end.name, "--mermaid")
    assert well_formed(text)
    assert 'start(["the #quot;end#quot; #lt;b#gt; 2"])' in text
    assert 's0["end<br/>a #amp; b"]' in text
    assert "s0 -. refused .-> undone" in text


def test_what_a_table_says_of_a_step_without_an_undo(end):
    assert shown(end.name) == LOOSE


def test_every_declared_saga_can_be_drawn():
    for saga in (saga for saga in registry.all_sagas() if not saga.is_branch):
        assert well_formed(shown(saga.name, "--version", str(saga.version), "--mermaid"))


def test_without_a_name_the_declared_sagas_are_listed(end):
    lines = shown().splitlines()
    assert "errand, version 1, 5 steps" in lines
    assert "checkout, version 1, 7 steps" in lines
    assert 'the "end" <b>, version 2, 2 steps' in lines


def test_the_newest_version_is_shown_unless_another_is_asked_for():
    newer = Saga[Errand]("errand", version=2)
    try:
        assert shown("errand").startswith("errand, version 2, no deadline")
        assert shown("errand", "--version=1") == TABLE
    finally:
        registry.forget(newer)


def test_an_unknown_name_is_told_what_there_is():
    with pytest.raises(CommandError, match=r"No saga is named erand\. There is: .*checkout.*errand"):
        shown("erand")


def test_an_unknown_version_is_told_what_there_is():
    with pytest.raises(CommandError, match=r"errand has no version 9\. There is: 1\."):
        shown("errand", "--version", "9")


def test_a_project_without_sagas_is_told_where_to_declare_one(monkeypatch):
    monkeypatch.setattr(registry, "_sagas", {})
    with pytest.raises(CommandError, match=r"Declare one in <app>/sagas\.py"):
        shown()
