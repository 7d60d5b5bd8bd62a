"""A run as a file: all that is stored of it, for a colleague, a ticket or a test (`sagas.testing.run_from_file`)."""

from __future__ import annotations

import json

from outbox.messages import codec

from ..desk.whole_runs import whole_runs
from ..models import Run
from ..settings import is_masked
from .masking import MASK, masked

FORMAT = 1


def text_of(run: Run) -> str:
    """The run as indented JSON, with secrets hidden as on its page. It holds personal data as the run does."""
    (whole,) = whole_runs([run.pk])
    plain = json.loads(codec.encode(whole))
    plain["input"] = masked(plain["input"])
    for step in plain["steps"]:
        step["result"] = masked(step["result"])
    for signal in plain["signals"]:
        signal["payload"] = masked(signal["payload"])
    for one in plain["attributes"]:
        if is_masked(one["name"]):
            one["text"], one["number"] = MASK, None
    for act in plain["acts"]:
        act["actor_id"] = None  # of this database alone; the name stays
    return json.dumps({"format": FORMAT, "run": plain}, indent=1, ensure_ascii=False) + "\n"
