"""What a request asks for, made out of its parameters. Each function raises StripeError when they will not do."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from . import cards, intents, refunds
from .errors import invalid, no_such
from .models import Intent
from .params import Params

CREATE = frozenset({"amount", "currency", "capture_method", "payment_method", "payment_method_types", "confirm"}) | {
    *(
        "automatic_payment_methods",
        "metadata",
        "description",
        "receipt_email",
        "off_session",
        "error_on_requires_action",
    )
}
CONFIRM = frozenset({"payment_method", "off_session", "error_on_requires_action", "return_url"})
REFUND = frozenset({"payment_intent", "amount", "reason", "metadata"})
REFUND_REASONS = ("duplicate", "fraudulent", "requested_by_customer")


def intent(params: Params) -> intents.Wanted:
    params.needed("amount")
    currency = params.needed("currency").lower()
    if not (currency.isascii() and currency.isalpha() and len(currency) == 3):
        raise invalid(f"Invalid currency: {currency}", param="currency")
    if other := set(params.group("payment_method_types").values()) - {"card"}:
        raise invalid(f"The payment method types {sorted(other)} are not activated.", param="payment_method_types")
    return intents.Wanted(
        amount=params.integer("amount") or 0,
        currency=currency,
        capture_method=params.choice("capture_method", ("automatic", "manual"), "automatic"),
        payment_method=card(params),
        description=params.text("description"),
        receipt_email=email(params.text("receipt_email")),
        metadata=params.group("metadata"),
        confirm=params.flag("confirm"),
    )


def card(params: Params) -> str:
    """A test card's name, "" when none was given."""
    name = params.text("payment_method")
    if name and not cards.is_known(name):
        raise no_such("PaymentMethod", name, param="payment_method")
    return name


def refund(params: Params) -> refunds.Wanted:
    return refunds.Wanted(
        intent_id=existing(params.needed("payment_intent"), status=400).id,
        amount=params.integer("amount"),
        reason=params.choice("reason", REFUND_REASONS),
        metadata=params.group("metadata"),
    )


def existing(intent_id: str, status: int = 404) -> Intent:
    """The intent as it is now, not held; raises StripeError of that status when there is none."""
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
