"""The transport for tests keeps the rule of all transports: nothing of a key goes out after a failure of it."""

from outbox.transports.memory import MemoryTransport
from tests.support.outbox.outgoing import outgoing


def test_a_refused_message_fails_alone_and_holds_back_its_key():
    def refuse(envelope):
        if '"a:2"' in envelope.payload:
            raise RuntimeError("no")

    transport = MemoryTransport(refuse)
    sent = transport.publish(outgoing("a:1", "a:2", "b:1", "a:3"))
    assert (sent.rows, list(sent.failed), sent.outage) == ([1, 3], [2], None)
    assert [one.row for one in transport.sent] == [1, 3]
