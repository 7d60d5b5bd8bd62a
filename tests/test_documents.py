"""README and docs/ name only what exists: tests, files, headings, commands, cards, switches, pages."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import NamedTuple

import pytest
from django.contrib import admin
from django.core.management import get_commands, load_command_class
from django.urls import resolve
from django.utils.text import capfirst

from config.standins.common import operations
from config.standins.companies import COMPANIES
from orders.faults.switches import SWITCHES
from orders.placing.payment_methods import STANDIN_ONLY, STRIPE_TEST_CARDS, TEST_CARDS

ROOT = Path(__file__).resolve().parent.parent
PATHS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
GUIDES = [path for path in PATHS if path.name in ("patterns.md", "races.md", "tour.md")]
"""Those in which what stands in italics stands on the site."""
SHOP, STANDINS = "http://127.0.0.1:8000", "http://127.0.0.1:8100"
BLOCK = r"(?ms)^```\w*\n(.*?)^```$"
AN_ID = "00000000-0000-4000-8000-000000000000"


class Named(NamedTuple):
    """Something that a document names."""

    document: str
    name: str


def text_of(path: Path) -> str:
    """The document in one line, so that nothing is cut in two by the end of a line."""
    return re.sub(r"\s+", " ", path.read_text())


def code_of(path: Path) -> list[str]:
    """What stands between backticks, and each line of a block of code."""
    text = path.read_text()
    lines = [line for block in re.findall(BLOCK, text) for line in block.splitlines()]
    return lines + re.findall(r"`([^`]+)`", re.sub(r"\s+", " ", re.sub(BLOCK, "", text)))


def named(pattern: str, paths: list[Path], *, code: bool = False) -> list[Named]:
    """All that the documents name by the pattern's group, each once."""
    texts = {path: "\n".join(code_of(path)) if code else text_of(path) for path in paths}
    return sorted(
        {Named(str(path.relative_to(ROOT)), name) for path in paths for name in re.findall(pattern, texts[path])}
    )


@pytest.mark.parametrize(("document", "name"), named(r"`(tests/[\w/]+\.py(?:::\w+)?)`", PATHS))
def test_every_test_it_names_exists(document: str, name: str) -> None:
    path, _, function = name.partition("::")
    source = (ROOT / path).read_text()
    assert not function or re.search(rf"^def {function}\(", source, re.MULTILINE)


@pytest.mark.parametrize(("document", "target"), named(r"\]\((?!http)([^)]+)\)", PATHS))
def test_every_file_and_heading_it_links_exists(document: str, target: str) -> None:
    file, _, heading = target.partition("#")
    linked = (ROOT / document).parent / file if file else ROOT / document
    assert linked.exists()
    assert not heading or heading in headings_of(linked)


def headings_of(path: Path) -> set[str]:
    """As they are linked: lower case, without signs, hyphens for spaces."""
    titles = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize(("document", "target"), named(r"(?<!\w)make ([a-z][a-z-]*)", PATHS, code=True))
def test_every_target_of_make_it_names_exists(document: str, target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize(("document", "command"), named(r"manage\.py ([a-z_]+[^\n]*)", PATHS, code=True))
def test_every_command_it_names_takes_what_is_written(document: str, command: str) -> None:
    name, *arguments = shlex.split(command)
    app = get_commands()[name]
    parser = load_command_class(app if isinstance(app, str) else app.__module__, name).create_parser("manage.py", name)
    if arguments:
        given = parser.parse_args(arguments)
        if name == "faults" and "company" in given:
            exists_at(given.company, given.operation, getattr(given, "kind", ""))


def exists_at(company: str, operation: str, kind: str = "") -> None:
    """A company, one of its operations, and what can go wrong with that."""
    assert company in COMPANIES
    kinds = operations.kinds(company, operation)
    assert not kind or kind in kinds


@pytest.mark.parametrize(("document", "card"), named(r"[Cc]ard \*([^*]+)\*", PATHS))
def test_every_card_it_names_is_on_the_page(document: str, card: str) -> None:
    assert card in {one.name for one in TEST_CARDS}


@pytest.mark.parametrize(("document", "card"), named(r"(pm_card_\w+)", PATHS))
def test_every_payment_method_it_names_is_taken(document: str, card: str) -> None:
    assert card in STRIPE_TEST_CARDS | STANDIN_ONLY


SWITCHED = r"(?:Faults|faults/>): (\w+, (?:\w+ )?\*[^*]+\*(?: in `\w+`)?)"
"""`Faults: Payments, *Slow* in `capture``, or `Faults: Payments, Webhook *twice*` for what a company does by itself."""


@pytest.mark.parametrize(("document", "switched"), named(SWITCHED, GUIDES))
def test_every_switch_it_names_is_on_the_panel(document: str, switched: str) -> None:
    found = re.fullmatch(r"(\w+), (?:(\w+) )?\*([^*]+)\*(?: in `(\w+)`)?", switched)
    assert found is not None
    company, alone, switch, called = found.groups()
    if alone:
        exists_at(company.lower(), alone.lower(), switch)
    else:
        assert switch in {one.title for one in SWITCHES}
        exists_at(company.lower(), called or operations.ALL, "down")


@pytest.mark.parametrize(("document", "title"), named(r"Admin › (\w+(?: messages)?)", GUIDES))
def test_every_list_of_the_admin_it_names_is_there(document: str, title: str) -> None:
    assert title in {capfirst(model._meta.verbose_name_plural) for model in admin.site._registry}


@pytest.mark.parametrize(("document", "path"), named(rf"{SHOP}(/(?:<id>|[^\s`'<>?)])*)", PATHS))
def test_every_page_of_the_shop_it_names_is_there(document: str, path: str) -> None:
    assert resolve(path.replace("<id>", AN_ID))


@pytest.mark.parametrize(("document", "path"), named(rf"{STANDINS}/([^\s`'<>?)]+)", PATHS))
def test_every_page_of_the_stand_ins_it_names_is_there(document: str, path: str) -> None:
    company, _, rest = path.partition("/")
    assert company in COMPANIES
    addresses = ROOT / "config" / "standins" / company / "urls.py"
    assert f'path("{rest}"' in addresses.read_text()


def shown() -> str:
    """All that pages are made of."""
    kinds = ("*.html", "*.js", "*.py")
    sources = [
        path for app in ("orders", "sagas", "outbox", "config") for kind in kinds for path in (ROOT / app).rglob(kind)
    ]
    return "\n".join(path.read_text() for path in sources)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)
def test_every_label_in_italics_stands_on_the_site(guide: Path) -> None:
    plain = re.sub(r"^\* |^#.*$", "", guide.read_text(), flags=re.MULTILINE)
    plain = re.sub(r"`[^`]*`|\*\*[^*]*\*\*", "", re.sub(r"\s+", " ", plain))
    labels = set(re.findall(r"\*([^*]+)\*", plain))
    source = shown().lower()
    assert labels
    assert {label for label in labels if label.lower() not in source} == set()


DECISIONS = {int(path.name[:4]): path for path in sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))}
INDEX = (ROOT / "docs" / "decisions" / "README.md").read_text()


@pytest.mark.parametrize("number", range(1, max(DECISIONS) + 1))
def test_every_number_of_a_decision_is_a_page_or_is_said_to_be_skipped(number: int) -> None:
    skipped = re.search(rf"^\| {number:04} \| \*skipped: .+\* \|$", INDEX, re.MULTILINE)
    assert (number in DECISIONS) != bool(skipped)


@pytest.mark.parametrize(
    ("number", "title", "file"), re.findall(r"^\| (\d{4}) \| \[(.+)\]\((.+)\) \|$", INDEX, re.MULTILINE)
)
def test_the_index_of_decisions_names_each_page_by_its_title(number: str, title: str, file: str) -> None:
    page = DECISIONS[int(number)]
    assert page.name == file
    assert re.sub(r"^# (?:\d+[.:]? )?", "", page.read_text().splitlines()[0]) == title
