"""What the first tries met, as text."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import psycopg2

from .arrivals import Answer


def carried(database_url: str, since: datetime) -> int:
    """How many runs of orders ended since then."""
    with psycopg2.connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM saga_run WHERE finished_at >= %s", [since])
        row = cursor.fetchone()
    connection.close()
    return int(row[0]) if row else 0


def report(answers: Sequence[Answer], done: int) -> str:
    """How many orders were accepted at the first try, what the others met, how long an answer took, and that `done`
    orders were carried out meanwhile."""
    took = [answer.seconds for answer in answers if answer.accepted]
    met = Counter(answer.met for answer in answers if not answer.accepted)
    share = 100 * len(took) / len(answers)
    lines = [f"{len(answers)} orders sent: {share:.1f} % accepted at the first try {dict(met) or ''}".rstrip()]
    if len(took) > 1:
        cuts = statistics.quantiles(took, n=20)
        lines.append(f"Answered after {cuts[9]:.3f} s (median), {cuts[18]:.3f} s (p95), {max(took):.3f} s (slowest)")
    lines.append(f"{done} orders were carried out meanwhile")
    return "\n".join(lines)
