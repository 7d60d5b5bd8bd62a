"""The engine's own messages, too, survive a deploy: none changes its schema without a new version."""

from outbox.declare.schema_file import check_schemas
from tests.support.workers import ROOT


def test_every_event_of_the_engine_is_as_it_was_published():
    check_schemas(ROOT / "sagas" / "event_schemas.json", "sagas.*")
