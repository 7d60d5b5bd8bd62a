"""What a person vouches for on the desk is compared with what the shop knows: an input, and what of a result is no
figure that its saga expects. Each function raises ValueError, which `sagas` shows to that person, and then nothing is
done."""

from __future__ import annotations

from collections.abc import Iterable

from ..money import shown


def named(field: str, given: str) -> None:
    """What later steps ask others by must be there."""
    if not given.strip():
        raise ValueError(f"Give the {field}: the steps that follow ask by it. Nothing was done.")


def one_of(field: str, given: str, allowed: Iterable[str]) -> None:
    """A word that the shop knows."""
    known = list(allowed)
    if given not in known:
        words = " or ".join(repr(word) for word in known)
        raise ValueError(f"The {field} is {words}; you gave {given!r}. Nothing was done.")


def unchanged(thing: str, fields: dict[str, tuple[object, object]]) -> None:
    """Each field of an input, by name: what our own row of the thing says, and what a person gave."""
    wrong = [f"{name} is {kept}, you gave {given}" for name, (kept, given) in fields.items() if kept != given]
    if wrong:
        raise ValueError(f"The run must do what the {thing} says: {'; '.join(wrong)}. Nothing was done.")


def money(minor: int, currency: str) -> str:
    """An amount for `unchanged`, in both units."""
    return f"{shown(minor, currency)} ({minor} in minor units)"


def pieces(lines: Iterable[tuple[str, int]]) -> str:
    """Lines for `unchanged`, whatever their order."""
    return ", ".join(f"{quantity} × {sku}" for sku, quantity in sorted(lines)) or "nothing"
