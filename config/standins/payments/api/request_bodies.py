"""Turns a request's parameters into what it asks for. Each function raises StripeError for an invalid parameter."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import HttpRequest

from orders.money import CURRENCIES, Rules, shown

from .. import cards
from ..errors import invalid, no_such
from ..lifecycle import intents, refunds
from ..models import Charge, Intent
from .params import Params, read

CONFIRM = frozenset({"payment_method", "off_session", "error_on_requires_action", "return_url"})
CREATE = CONFIRM | {
    *("amount", "currency", "capture_method", "allowed_payment_method_types", "automatic_payment_methods"),
    *("confirm", "metadata", "description", "receipt_email"),
}
REFUND = frozenset({"payment_intent", "charge", "amount", "reason", "metadata"})
WITHDRAWN = "payment_method_types is no longer supported: use allowed_payment_method_types."
EXCLUSIVE = "You may give automatic_payment_methods or allowed_payment_method_types, not both."
ANY = Rules(least=1)
"""The rules for a currency that the shop does not know."""
REFUND_REASONS = ("duplicate", "fraudulent", "requested_by_customer")


def creation(request: HttpRequest) -> Params:
    """The parameters of a new intent. Raises StripeError for a parameter that Stripe has removed.

    Source: the note of 2026-09-30 in https://docs.stripe.com/changelog/endive, "Removes the payment method types
    parameter from Payment Intents and Setup Intents".
    """
    for name in request.POST:
        if name.partition("[")[0] == "payment_method_types":
            raise invalid(WITHDRAWN, code="payment_method_types_no_longer_supported", param="payment_method_types")
    return read(request, CREATE)


def intent(params: Params, pages: str) -> intents.Wanted:
    """A new intent. `pages` is the URL below which the bank's pages are."""
    params.needed("amount")
    currency = params.needed("currency").lower()
    if not (currency.isascii() and currency.isalpha() and len(currency) == 3):
        raise invalid(f"Invalid currency: {currency}", param="currency")
    return intents.Wanted(
        amount=amount(params, currency),
        currency=currency,
        capture_method=params.choice("capture_method", ("automatic", "manual"), "automatic"),
        automatic_payment_methods=automatic(params),
        payment_method=card(params),
        description=params.text("description"),
        receipt_email=email(params.text("receipt_email")),
        metadata=params.group("metadata"),
        confirmation=confirmation(params, pages) if params.flag("confirm") else None,
    )


def amount(params: Params, currency: str) -> int:
    """The amount in minor units of the currency; the currency code is in lower case.

    Source: https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts; the smallest charge is the one of an
    account that is paid out in this currency.
    """
    rules = CURRENCIES.get(currency.upper(), ANY)
    wanted = params.integer("amount", largest=rules.most) or 0
    if wanted < rules.least:
        least = shown(rules.least, currency.upper())
        raise invalid(f"Amount must be at least {least}", code="amount_too_small", param="amount")
    if wanted % rules.step:
        raise invalid(f"Amounts of {currency} must be a multiple of {rules.step}.", param="amount")
    return wanted


def confirmation(params: Params, pages: str) -> intents.Confirmation:
    return intents.Confirmation(
        pages=pages,
        payment_method=card(params),
        return_url=params.url("return_url"),
        error_on_requires_action=params.flag("error_on_requires_action"),
        off_session=params.flag("off_session"),
    )


def automatic(params: Params) -> dict[str, Any] | None:
    """The setting for automatic payment methods, which may redirect unless it says never; None when methods are listed.

    Sources: https://docs.stripe.com/upgrades/manage-payment-methods and the note of 2026-07-29 in
    https://docs.stripe.com/changelog/dahlia/2026-07-29/allowed-payment-method-types-parameter
    """
    chosen, listed = params.group("automatic_payment_methods"), params.group("allowed_payment_method_types")
    if not listed:
        return {"allow_redirects": chosen.get("allow_redirects", "always"), "enabled": True}
    if chosen:
        raise invalid(EXCLUSIVE, param="allowed_payment_method_types")
    if "card" not in listed.values():
        raise invalid("None of the allowed payment method types can be used.", param="allowed_payment_method_types")
    return None


def card(params: Params) -> str:
    """A test card's name, "" when none was given."""
    name = params.text("payment_method")
    if name and not cards.is_known(name):
        raise no_such("PaymentMethod", name, param="payment_method")
    return name


def refund(params: Params) -> refunds.Wanted:
    charge = Charge.objects.filter(pk=params.text("charge")).first()
    if params.text("charge") and charge is None:
        raise no_such("charge", params.text("charge"), param="charge")
    return refunds.Wanted(
        intent_id=charge.intent_id if charge else existing(params.needed("payment_intent"), status=400).id,
        amount=params.integer("amount"),
        reason=params.choice("reason", REFUND_REASONS),
        metadata=params.group("metadata"),
    )


def existing(intent_id: str, status: int = 404) -> Intent:
    """The intent, without a lock. Raises StripeError with that status when it does not exist."""
    found = Intent.objects.filter(pk=intent_id).first()
    if found is None:
        raise no_such("payment_intent", intent_id, param="intent", status=status)
    return found


def email(address: str) -> str:
    try:
        validate_email(address or "none@example.com")
    except ValidationError:
        raise invalid(f"Invalid email address: {address}", code="email_invalid", param="receipt_email") from None
    return address
