"""The lab's order as a saga, in the order of the shop's checkout and with its time-outs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db import connection

from sagas import Retry, Saga, StepContext, UndoContext

from ..order import die
from . import participants


@dataclass(frozen=True, slots=True)
class LabOrder:
    """One piece of one product. `dies`: the worker that is about to have it captured kills itself, once."""

    number: str
    sku: str
    dies: bool = False


lab_order = Saga[LabOrder]("lab_order", version=1, deadline=timedelta(minutes=30))
PAYMENTS = timedelta(seconds=10)
WAREHOUSE = timedelta(seconds=5)
FOREVER = Retry.until_done(longest=timedelta(minutes=2))


@lab_order.step(participant="payments", timeout=PAYMENTS)
def authorize_payment(ctx: StepContext[LabOrder]) -> str:
    participants.authorize(ctx.key, ctx.input.number)
    return ctx.key


@authorize_payment.undo
def cancel_authorization(ctx: UndoContext[LabOrder, str]) -> None:
    participants.void(ctx.step_key, ctx.input.number)


@lab_order.step(participant="orders", timeout=WAREHOUSE)
def record_order(ctx: StepContext[LabOrder]) -> None:
    participants.record_order(ctx.input.number, ctx.input.sku)


@record_order.undo
def forget_order(_ctx: UndoContext[LabOrder, None]) -> None:
    """An open order promises nothing."""


@lab_order.step(participant="warehouse", timeout=WAREHOUSE)
def reserve_stock(ctx: StepContext[LabOrder]) -> str:
    participants.reserve(ctx.key, ctx.input.number, ctx.input.sku)
    return ctx.key


@reserve_stock.undo
def release_stock(ctx: UndoContext[LabOrder, str]) -> None:
    participants.release(ctx.step_key, ctx.input.number, ctx.input.sku)


@lab_order.pivot(participant="payments", timeout=PAYMENTS)
def capture_payment(ctx: StepContext[LabOrder]) -> None:
    """Up to here all have said yes and nothing is final: where a coordinator would be between prepare and commit."""
    if ctx.input.dies and participants.dies_now(ctx.input.number):
        die()
    participants.capture(ctx.result_of(authorize_payment))


@lab_order.step(participant="warehouse", timeout=WAREHOUSE, retry=FOREVER)
def commit_stock(ctx: StepContext[LabOrder]) -> None:
    participants.commit_stock(ctx.result_of(reserve_stock))


@lab_order.step(local=True, retry=FOREVER)
def confirm_order(ctx: StepContext[LabOrder]) -> None:
    """The shop's own database, in which the saga's tables are too: inside the recording transaction."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE lab_order SET status = 'confirmed' WHERE number = %s", [ctx.input.number])
