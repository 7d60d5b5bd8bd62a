"""What the guide lists is what there is. Its code is run by `tests/lift`."""

from __future__ import annotations

from sagas.testing import GAPS
from tests.support.workers import ROOT

GUIDE = (ROOT / "sagas" / "README.md").read_text()


def test_the_guide_lists_every_gap():
    for name, sentence in GAPS.items():
        assert f"| `{name}` | {sentence} |" in GUIDE
