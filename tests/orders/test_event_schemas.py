"""No event of the shop changes its schema without a new version: partners and messages on their way rely on it."""

from outbox.declare.schema_file import check_schemas
from tests.support.workers import ROOT


def test_every_event_of_the_shop_is_as_it_was_published():
    check_schemas(ROOT / "orders" / "event_schemas.json", "orders.*")


def test_nor_does_any_event_of_returns():
    check_schemas(ROOT / "orders" / "returns" / "event_schemas.json", "returns.*")
