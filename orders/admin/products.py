"""Products in the admin. When two operators edit one, the second is told, and nothing of the first is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.http import HttpRequest
from django.utils import timezone

from ..locks import lock_product, save_product
from ..models import Product
from ..money import CURRENCIES, exact

if TYPE_CHECKING:
    FormBase = forms.ModelForm[Product]
    ProductBase = admin.ModelAdmin[Product]
else:  # Django's own classes take no type arguments
    FormBase = forms.ModelForm
    ProductBase = admin.ModelAdmin


class ProductForm(FormBase):
    """Carries the version of the product that the operator saw."""

    seen_version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Product
        fields = ["name", "sku", "description", "price", "currency", "image"]

    def __init__(self, *args: Any, **given: Any) -> None:
        super().__init__(*args, **given)
        self.initial.setdefault("seen_version", self.instance.version if self.instance.pk else None)

    def clean(self) -> dict[str, Any]:
        """Lock the product until it is saved, in the admin's transaction; an error when it is not as the operator saw
        it. The page then shows what they typed, and saving it again is a decision."""
        cleaned = super().clean() or {}
        price, currency = cleaned.get("price"), cleaned.get("currency") or self.instance.currency
        if price is not None and currency in CURRENCIES:
            try:
                cleaned["price"] = exact(price, currency)
            except ValueError as error:
                self.add_error("price", str(error))
        if self.instance.pk:
            current = lock_product(self.instance.pk)
            if cleaned.get("seen_version") != current.version:
                self.data = {**self.data, self.add_prefix("seen_version"): str(current.version)}
                raise forms.ValidationError(self._what_happened(current))
            self.instance.version = current.version
        return cleaned

    def _what_happened(self, current: Product) -> str:
        typed = [name for name in self.cleaned_data if hasattr(current, name)]
        now = [
            f"{name} is {getattr(current, name)!s}, you wrote {self.cleaned_data[name]!s}"
            for name in typed
            if getattr(current, name) != self.cleaned_data[name]
        ]
        return (
            f"Nothing was saved: {editor_of(current)} changed this product after you opened it."
            f"{' Now ' if now else ''}{'; '.join(now)}{'.' if now else ''} Save again to have it as you wrote."
        )


def editor_of(product: Product) -> str:
    """Who edited the product last, and when, as the admin's history has it."""
    kind = ContentType.objects.get_for_model(Product)
    entries = LogEntry.objects.filter(content_type=kind, object_id=str(product.pk))
    found = entries.order_by("-action_time").values_list("user__username", "action_time").first()
    if found is None:
        return "somebody else"
    return f"{found[0]}, at {timezone.localtime(found[1]):%H:%M:%S %Z},"


@admin.register(Product)
class ProductAdmin(ProductBase):
    """What is on sale. The warehouse says how much there is."""

    form = ProductForm
    list_display = ["name", "sku", "price", "currency", "available"]
    search_fields = ["name", "sku"]
    readonly_fields = ["available"]
    fields = ["name", "sku", "description", "price", "currency", "image", "available", "seen_version"]

    def get_readonly_fields(self, request: HttpRequest, obj: Product | None = None) -> list[str]:
        """A product's SKU is its name at the warehouse: it stays."""
        return ["available", "sku", "currency"] if obj else ["available"]

    def save_model(self, request: HttpRequest, obj: Product, form: Any, change: bool) -> None:
        """What the operator changed, and no more: the warehouse writes to the same row."""
        if change:
            save_product(obj, [name for name in form.changed_data if name != "seen_version"])
        else:
            super().save_model(request, obj, form, change)
