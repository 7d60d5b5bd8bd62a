"""System check of SAGAS_SHARES."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.checks import CheckMessage, Error, register

from ..declare.share import EVERY, LONGEST_SHARE, Share
from ..settings import saga_settings


@register("sagas")
def check_shares(**_: Any) -> Iterable[CheckMessage]:
    """Each share has a policy, under a name that a run can be started with."""
    shares: Any = saga_settings.SHARES
    hint = f'Such as SAGAS_SHARES = {{"tenant-7": Share(weight=2, at_once=5), "{EVERY}": Share(at_once=20)}}.'
    if not isinstance(shares, dict):
        return [Error("SAGAS_SHARES is no dict.", hint=hint, id="sagas.E051")]
    return [
        Error(f"SAGAS_SHARES: {name!r:.120}: {policy!r:.120} is no share with a policy.", hint=hint, id="sagas.E051")
        for name, policy in shares.items()
        if not isinstance(policy, Share) or not isinstance(name, str) or not 0 < len(name) <= LONGEST_SHARE
    ]
