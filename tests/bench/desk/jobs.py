"""The six jobs. Each begins at the first page of the desk and ends when the page says that it is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .operator import Operator
from .trouble import CALLER, LETTER, OUTAGE, PLAIN, SENT, Trouble


@dataclass
class Desk:
    """Two people, and what they find."""

    olga: Operator
    otto: Operator
    trouble: Trouble


@dataclass(frozen=True)
class Job:
    """What is to be done, by a function of the desk. `before` makes ready, beside the clock; its words are printed."""

    title: str
    do: Callable[[Desk], None]
    before: Callable[[Desk], str] = lambda _desk: ""


def mend_one(desk: Desk) -> None:
    """By its number, and until it is completed."""
    olga = desk.olga
    olga.find(desk.trouble.number)
    olga.link("checkout ")
    olga.link("Retry now")
    olga.type("Reason", "The bank is back.")
    olga.button("Retry now")
    olga.sees("Every step is done.")


def answer_a_call(desk: Desk) -> None:
    """By the e-mail address; the page says where the order stands and what to do, and a comment stays."""
    olga = desk.olga
    olga.find(CALLER)
    olga.link("checkout ")
    olga.sees("What to do:")
    olga.link("Comment")
    olga.type("Reason", "She called: told that the bank is asked again.")
    olga.button("Comment")
    olga.sees("done and recorded")


def end_an_outage(desk: Desk) -> None:
    """One row for all, tried again at a rate, until the page counts all as completed."""
    olga = desk.olga
    olga.link("Retry now", olga.cause("checkout: Capture payment", f"{OUTAGE} "))
    olga.type("Reason", "The bank is back.")
    olga.type("Runs a second", "20")
    olga.button(f"Retry now: {OUTAGE} runs")
    olga.sees(f"{OUTAGE} completed")


def settle_a_refund(desk: Desk) -> None:
    """One person says what was paid, another confirms it."""
    olga, otto = desk.olga, desk.otto
    _open_refund(olga)
    olga.link("Skip with a result")
    olga.type("Reason", "Paid to the account that she named.")
    olga.button("Propose: Skip with a result")
    olga.sees("Somebody else must confirm it.")
    _open_refund(otto)
    otto.link("Confirm")
    otto.type("Reason", "I saw the bank's receipt.")
    otto.button("Confirm")
    otto.sees("Confirmed: done and recorded.")


def see_a_frozen_worker(desk: Desk) -> None:
    """The first page, which was open before, says it and what to do."""
    olga = desk.olga
    olga.link("Settle: operations")
    olga.page.locator(".watch .verdict.bad", has_text="frozen").get_by_text("What to do:").first.wait_for()


def requeue_letters(desk: Desk) -> None:
    """All of one cause; done when the first page lists the cause no more."""
    olga, letters = desk.olga, PLAIN + 1
    olga.link("Requeue", olga.cause(LETTER, f"{letters} message"))
    olga.type("A second", "100")
    olga.button(f"Requeue {letters}")
    olga.sees(f"{letters} will be requeued")
    desk.trouble.wait(lambda: desk.trouble.count(SENT, "plain%"), PLAIN, "Not all letters went out")
    olga.link("Settle: operations")
    olga.cause(LETTER, f"{letters} message").wait_for(state="detached")


def _open_refund(person: Operator) -> None:
    person.link("failed_refund", person.cause("failed_refund"))
    person.press(person.page.locator("#result_list a").first)


def _freeze(desk: Desk) -> str:
    return f"the shop says it {desk.trouble.freeze():.0f} s after it froze"


def _thaw(desk: Desk) -> str:
    desk.trouble.stack.thaw()
    desk.trouble.mend_mail()
    return ""


JOBS = (
    Job("a stuck run is found by its order's number, and mended", mend_one),
    Job("a customer's call by e-mail address: found, answered, commented", answer_a_call),
    Job("an outage of many orders is one row, resumed at a rate, the healed counted", end_an_outage),
    Job("a failed refund is settled as money, with a second person", settle_a_refund),
    Job("a frozen worker is seen", see_a_frozen_worker, _freeze),
    Job("the dead letters of one cause are requeued, and go out", requeue_letters, _thaw),
)
