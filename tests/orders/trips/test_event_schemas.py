"""No event of trips changes its schema without a new version: partners and messages on their way rely on it."""

from outbox.declare.schema_file import check_schemas
from tests.support.workers import ROOT


def test_every_event_of_trips_is_as_it_was_published():
    check_schemas(ROOT / "orders" / "trips" / "event_schemas.json", "trips.*")
