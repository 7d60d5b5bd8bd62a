"""A participant may quote our key: the run, the step and the attempt say what it said without that."""

from __future__ import annotations

import pytest

from outbox.masking import MASK
from sagas.models import Attempt, Run, Step
from tests.support.sagas.driver import begin, step_once
from tests.support.sagas.errand import Errand, errand

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_a_participant_quotes_is_stored_without_our_key(world, settings):
    settings.COMPANY_API_KEY = "our-own-key-4711"
    world.faults["fetch"] = [ValueError("no such key our-own-key-4711, nor sk_live_1234")]
    step_once(begin(errand, Errand("milk")))
    said = f"no such key {MASK}, nor sk_{MASK}"
    step = Step.objects.get(name="fetch")
    assert (Attempt.objects.get().error_text, step.error_text, Run.objects.get().reason) == (said, said, said)
