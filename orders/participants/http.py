"""HTTP to the participants: pooled connections, time limits, and the one place that says what a failure means.

| what happened                                               | raised                                   |
| ----------------------------------------------------------- | ---------------------------------------- |
| no connection was made (refused, unknown host, TLS)         | Unavailable: nothing was sent            |
| 429, 503                                                    | Unavailable: turned away before the work |
| time ran out, connection dropped, 502, 504                  | ConnectionLost: it may have been applied |
| any other status that is no yes (2xx) and no no (4xx)       | AnswerLost: the same, but it is there    |
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import MaxRetryError, NewConnectionError

from outbox.messages import trace
from sagas.errors import Refused, RetryAfter, Unavailable

from .errors import AnswerLost, ConnectionLost

CONNECT = 3.0  # seconds; a connection that takes longer is not made, and a call not sent is safe to repeat
UNSAID = timedelta(seconds=2)  # the wait when a participant does not name one
LONGEST_WAIT = timedelta(hours=1)  # that one may name
MISCONFIGURED = timedelta(seconds=30)  # until somebody has mended our access
TURNED_AWAY = frozenset({429, 503})
UNREACHED = (502, 504)  # a gateway before the participant had no answer from it

_local = threading.local()


@dataclass(frozen=True, slots=True)
class Answer:
    """A 2xx or 4xx status and the JSON object that came with it."""

    status: int
    body: dict[str, Any]

    @property
    def error_code(self) -> str:
        """The code of `{"error": {"code": …}}`, "" without one."""
        return _text(self._error.get("code"))

    @property
    def error_message(self) -> str:
        return _text(self._error.get("message"))

    def accepted(self) -> dict[str, Any]:
        """The body of a yes. Raises Refused, with the participant's code, for a no.

        A refusal without a code is not the business speaking: RetryAfter where our access is refused, else AnswerLost.
        """
        if self.status < 400:
            return self.body
        if self.status in {401, 403}:
            raise RetryAfter(MISCONFIGURED, f"our access is refused with {self.status}")
        if not self.error_code:
            raise AnswerLost("participant", f"answered {self.status} without a code")
        raise Refused(self.error_code, self.error_message)

    @property
    def _error(self) -> dict[str, Any]:
        error = self.body.get("error")
        return error if isinstance(error, dict) else {}


def call(
    participant: str, method: str, url: str, *, timeout: timedelta, key: str = "", body: Mapping[str, Any] | None = None
) -> Answer:
    """Send one JSON request; `key` becomes the Idempotency-Key. Raises Unavailable or AnswerLost, as above."""
    headers = {**trace_headers(), **({"Idempotency-Key": key} if key else {})}
    try:
        response = send(method, url, headers=headers, timeout=timeout, json=body)
    except requests.RequestException as error:
        raise meaning_of(participant, error) from error
    if response.status_code in TURNED_AWAY:
        raise turned_away(participant, response.status_code, response.headers)
    if response.status_code in UNREACHED:
        raise ConnectionLost(participant, f"answered {response.status_code} to {method} {url}")
    if response.status_code // 100 not in (2, 4):
        raise AnswerLost(participant, f"answered {response.status_code} to {method} {url}")
    return Answer(response.status_code, _object(participant, response))


def send(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    timeout: timedelta,
    json: Mapping[str, Any] | None = None,
    data: Any = None,
) -> requests.Response:
    """One request on this thread's pooled connections; `timeout` bounds each silence, not the whole answer.

    The `response` of the RequestException that it raises is what came before the answer broke off; None: nothing.
    """
    seconds = timeout.total_seconds()
    response = session().request(
        method,
        url,
        headers=headers,
        json=json,
        data=data,
        timeout=(min(CONNECT, seconds), seconds),
        allow_redirects=False,
        stream=True,  # so that the status is known when the body never comes
    )
    try:
        response.content  # noqa: B018 - read here, and kept by the response
    except requests.RequestException as error:
        response.close()
        error.response = response
        raise
    return response


def session() -> requests.Session:
    """This thread's session: `requests` does not promise that one can be shared. It never retries by itself."""
    found: requests.Session | None = getattr(_local, "session", None)
    if found is None:
        found = requests.Session()
        for scheme in ("http://", "https://"):
            found.mount(scheme, HTTPAdapter(pool_connections=4, pool_maxsize=2, max_retries=0))
        _local.session = found
    return found


@dataclass(frozen=True, slots=True)
class TimeLeft:
    """One attempt's time, shared by the calls that it is made of."""

    until: float

    @classmethod
    def of(cls, timeout: timedelta) -> TimeLeft:
        return cls(time.monotonic() + timeout.total_seconds())

    def now(self) -> timedelta:
        """What is left; never nothing, so that a late call fails as a call that timed out."""
        return timedelta(seconds=max(self.until - time.monotonic(), 0.1))


def trace_headers() -> dict[str, str]:
    """`X-Request-Id` and `traceparent` for the next hop."""
    return trace.current().child().headers()


def meaning_of(participant: str, error: BaseException) -> Unavailable | ConnectionLost:
    """What a transport error says of the call: surely not sent, or in doubt."""
    came = error.response if isinstance(error, requests.RequestException) else None
    if came is not None and came.status_code in TURNED_AWAY:
        return turned_away(participant, came.status_code, came.headers)
    what = f"{type(error).__name__}: {error}"
    if not_sent(error):
        return Unavailable(UNSAID, f"{participant}: no connection ({what})")
    return ConnectionLost(participant, what)


def not_sent(error: BaseException) -> bool:
    """Whether no connection came about at all, as opposed to one that broke."""
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return True
    cause = error.args[0] if isinstance(error, requests.exceptions.ConnectionError) and error.args else None
    reason = cause.reason if isinstance(cause, MaxRetryError) else None
    distrusted = reason is not None and any(isinstance(part, ssl.SSLCertVerificationError) for part in reason.args)
    return isinstance(reason, NewConnectionError) or distrusted


def turned_away(participant: str, status: int, headers: Mapping[str, str]) -> Unavailable:
    """What a 429 or 503 asks for."""
    return Unavailable(retry_after(headers), f"{participant}: answered {status}")


def retry_after(headers: Mapping[str, str]) -> timedelta:
    """The wait that `Retry-After` names, in seconds or as a date (RFC 9110, 10.2.3), an hour at most; two seconds when
    it names none, or none that can be read: whatever it says, the call was turned away."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        seconds = value.lstrip("0") or "0"
        return min(timedelta(seconds=int(seconds[:9])), LONGEST_WAIT)
    try:
        at = parsedate_to_datetime(value)
        left = (at if at.tzinfo else at.replace(tzinfo=UTC)) - datetime.now(UTC)
    except (ValueError, OverflowError):
        return UNSAID
    return min(max(left, timedelta(0)), LONGEST_WAIT)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _object(participant: str, response: requests.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except (ValueError, RecursionError) as error:  # no JSON, a number of 5,000 digits, a million brackets
        raise AnswerLost(participant, f"answered {response.status_code} with something that is not JSON") from error
    if not isinstance(body, dict):
        raise AnswerLost(participant, f"answered {response.status_code} with something that is not a JSON object")
    return body
