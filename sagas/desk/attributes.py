"""Finds runs by their attributes: `customer=ada@example.com amount>=100`. Each condition reads an index."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from uuid import UUID

from django.db.models import Q, QuerySet

from .. import sql
from ..declare.attributes import DIGITS
from ..models import Attribute, Run
from ..settings import is_masked
from .acts import DoesNotFit

CONDITION = re.compile(r"""\s*([a-z]\w*)\s*(>=|<=|=|>|<)\s*("[^"]*"|[^\s"=<>][^\s"]*)(?:\s+|$)""", re.ASCII)
LOOKUPS = {"=": "exact", ">=": "gte", "<=": "lte", ">": "gt", "<": "lt"}
EXAMPLE = 'customer=ada@example.com amount>=100 city="New York"'
NAMES_SHOWN = 30
FOUND_BY_VALUE = 1_000
"""The most runs that a search finds by one attribute's value, the newest."""
NAMES = """
WITH RECURSIVE worded AS (  -- names are few: one look into the index for each
    (SELECT name FROM saga_attribute WHERE text IS NOT NULL ORDER BY name LIMIT 1)
    UNION ALL
    SELECT (SELECT a.name FROM saga_attribute a WHERE a.text IS NOT NULL AND a.name > worded.name
            ORDER BY a.name LIMIT 1) FROM worded WHERE worded.name IS NOT NULL
), counted AS (
    (SELECT name FROM saga_attribute WHERE number IS NOT NULL ORDER BY name LIMIT 1)
    UNION ALL
    SELECT (SELECT a.name FROM saga_attribute a WHERE a.number IS NOT NULL AND a.name > counted.name
            ORDER BY a.name LIMIT 1) FROM counted WHERE counted.name IS NOT NULL
)
SELECT name::text FROM worded WHERE name IS NOT NULL
UNION
SELECT name::text FROM counted WHERE name IS NOT NULL
ORDER BY 1
"""
WITH_TEXT = """
SELECT found.run_id FROM unnest(%(names)s::text[]) AS given (name) CROSS JOIN LATERAL (
    SELECT a.run_id FROM saga_attribute a WHERE a.name = given.name AND a.text = %(text)s
    ORDER BY a.run_id DESC LIMIT %(most)s) AS found
"""


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison, such as `amount>=100`."""

    name: str
    operator: str
    """A key of LOOKUPS."""
    value: str

    def __str__(self) -> str:
        return (
            f'{self.name}{self.operator}"{self.value}"'
            if " " in self.value
            else f"{self.name}{self.operator}{self.value}"
        )

    @property
    def rows(self) -> QuerySet[Attribute]:
        """The attributes that match. A value that is a number is compared with numbers; `=` also finds it as a text."""
        lookup, number = LOOKUPS[self.operator], _number(self.value)
        worded = Q(**{f"text__{lookup}": self.value})
        if number is None:
            matches = worded
        else:
            matches = Q(**{f"number__{lookup}": number})
            matches = matches | worded if self.operator == "=" else matches
        return Attribute.objects.filter(matches, name=self.name).order_by()


def parse_conditions(text: str) -> list[Condition]:
    """The conditions of a text such as EXAMPLE; all of them must hold. Raises DoesNotFit with what is allowed."""
    found, at = [], 0
    while at < len(text.rstrip()):
        match = CONDITION.match(text, at)
        if match is None or "\0" in match[3]:
            raise DoesNotFit(
                f"Cannot read {text[at:].strip()!r:.80}: write conditions with spaces between, as {EXAMPLE}."
            )
        found.append(Condition(match[1], match[2], match[3].strip('"')))
        at = match.end()
    return found


def checked_conditions(text: str) -> list[Condition]:
    """As `parse_conditions`; also raises DoesNotFit for a name that no run has, and for one whose values are hidden."""
    found = parse_conditions(text)
    known = known_names() if found else []
    for one in found:
        if is_masked(one.name):
            raise DoesNotFit(f"The values of {one.name} are hidden (SAGAS_MASKED): nobody can look for them.")
        if one.name not in known:
            shown = ", ".join(name for name in known[:NAMES_SHOWN] if not is_masked(name))
            raise DoesNotFit(
                f"No run has an attribute {one.name}. " + (f"There are: {shown}." if shown else "No run has any yet.")
            )
    return found


def matching_all(runs: QuerySet[Run], text: str) -> QuerySet[Run]:
    """Those of the runs for which each condition of the text holds. Raises as `parse_conditions`."""
    for one in parse_conditions(text):
        runs = runs.filter(pk__in=one.rows.values("run"))
    return runs


def runs_where(text: str) -> QuerySet[Run]:
    """The runs with these attributes, in no order: `runs_where("customer=ada@example.com amount>=100")`.

    `=`, `>=`, `<=`, `>` and `<` compare numbers as numbers, and dates and other texts letter by letter. Raises
    DoesNotFit for what it cannot read, and for a name that no run has.
    """
    checked_conditions(text)
    return matching_all(Run.objects.all(), text)


def known_names() -> list[str]:
    """The names of the attributes that runs have."""
    return [name for (name,) in sql.fetch(NAMES, {})]


def ids_with_value(text: str) -> list[UUID]:
    """The newest runs of which some attribute has exactly this text."""
    names = [name for name in known_names() if not is_masked(name)] if text else []
    found = sql.fetch(WITH_TEXT, {"names": names, "text": text, "most": FOUND_BY_VALUE}) if names else []
    return [run for (run,) in found]


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) < 10**DIGITS else None
